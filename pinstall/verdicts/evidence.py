"""Judge the pins by what is installed at one moment.

May not: write, start pip, decide what follows from a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from pinstall import cache, comparison, environment, files
from pinstall.environment import distributions
from pinstall.environment.distributions import Environment
from pinstall.environment.file_list import FileList
from pinstall.environment.installed import Installed
from pinstall.environment.ledger import Row
from pinstall.model.pins import Dependency, Distribution, Identity, Pin, State, Verdict
from pinstall.report import phrases
from pinstall.request import policy, reading
from pinstall.request.call import Asked
from pinstall.stamp import state_directory
from pinstall.verdicts import closure

if TYPE_CHECKING:
    from pinstall.model.artifacts import Chosen


class Evidence:
    """What is `asked`, and what is `installed` at one moment.

    `reached` has the first need of each project, `unmet` the needs that what is installed does not meet. `proofs` are
    rows that count next to those of the ledger.
    """

    def __init__(self, asked: Asked, installed: Installed | None = None) -> None:
        """Look at what is installed, or take a look that was made before."""
        self.asked = asked
        aims = distributions.list_folders(asked.request, asked.target)
        if installed is None:
            state, globs = state_directory(asked.environ), asked.policy.unmanaged.split()
            installed = Installed(asked.target, state, globs, verifies=asked.pip.reports)
            installed.first |= distributions.note_statuses({*aims} - installed.first.keys())
        self.installed = installed
        self.find = installed.find
        self.proofs: Mapping[NormalizedName, Row] = {}
        self._left: dict[NormalizedName, Distribution] = {}
        aim, rehearsed = map(asked.request.last, ("target_dir", "dry_run"))
        self._aimed = aim is not None and bool(aim.value) and rehearsed is None
        self._destination = Environment(() if rehearsed else aims)
        self.reached, self.unmet = self._walk(self.find)

    def lists(self) -> list[FileList]:
        """Return the files of each distribution that counts: of what is pinned, and of what that needs."""
        names = {pin.name for pin in self.asked.demand.pins} | self.reached.keys()
        return [self.installed.files(found) for found in filter(None, map(self.find, sorted(names)))]

    def requirers(self, name: NormalizedName) -> tuple[str, ...]:
        """Return the needs of a project without extras, as `NAME VERSION needs ...`."""
        found = filter(None, map(self.find, self.reached))
        needs = (need for one in found for need in closure.dependencies(one, None, self.asked.target.markers))
        return tuple(str(need) for need in needs if need.name == name)

    def find_judged(self, name: NormalizedName) -> Distribution | None:
        """Return what the last verdict on this name judged: left by `--target`, or installed."""
        return self._left.get(name) or self.find(name)

    def judge(self, reported: Mapping[NormalizedName, Identity] | None = None) -> tuple[Verdict, ...]:
        """Return a verdict on each pin that counts; `reported` is what pip put elsewhere."""
        # under `--only-deps` pip leaves alone what is named, so only constraints on the rest demand anything
        requested = self.asked.request.last("only_dependencies") is None
        return tuple(
            self._reported(pin, reported[pin.name]) if reported and pin.name in reported else self._verdict(pin)
            for pin in self.asked.demand.pins
            if (pin.requested and requested)
            or (not pin.requested and pin.name in self.reached and self.find(pin.name) is not None)
            or (not pin.requested and reported is not None and pin.name in reported)
        )

    def _reported(self, pin: Pin, reported: Identity) -> Verdict:
        """Judge by pip's report, or by what `--target` has left: without `-U` pip keeps that and succeeds."""
        found = self._destination.release(reported.name, reported.version)
        wrong = None
        if self._aimed:
            wrong = "its dist-info" if found is None else environment.contents.find_foreign(self.installed.files(found))
        if wrong is not None:
            text = f"{wrong} there is from another artifact (`--upgrade` replaces it)"
            return Verdict(pin=pin, state=State.DAMAGED, found=text)
        if self._aimed and found is not None and not self.installed.is_new(found.record):
            return self._of_left(pin, found)
        state = comparison.judge(pin, reported)
        text = phrases.found(state, str(reported.version), reported)
        warnings = () if found is None else self._destination.describe_copies(found)
        return Verdict(pin=pin, state=state, found=text, warnings=tuple(warnings))

    def _of_left(self, pin: Pin, found: Distribution) -> Verdict:
        self._left[pin.name] = found
        known = self._known(pin, found)
        state = comparison.judge(pin, known)
        text = phrases.found(state, found.text, known)
        if state is State.HOLDS and (unproven := self._origin(pin, found)[1]):
            state, text = State.UNPROVEN, unproven
        why = "" if state is State.HOLDS else ": it was there before (`--upgrade` replaces it)"
        warnings = tuple(self._destination.describe_copies(found))
        return Verdict(pin=pin, state=state, found=text + why, warnings=warnings)

    def unpinned(self, chosen: Sequence[Chosen] = ()) -> tuple[Dependency, ...]:
        """Return what is reached, and neither pinned nor asked for, after pip installs what it has chosen."""
        request, demand = self.asked.request, self.asked.demand
        if request.last("ignore_dependencies") is not None:
            return ()
        requested = (one for one in chosen if one.requested)
        more = (closure.Need(name=one.name, extras=one.extras, by="this request") for one in requested)
        roots = [*self.roots(), *more]
        named = {need.name for need in roots} | {pin.name for pin in demand.pins}
        coming = {one.name: closure.release(one.name, one.version, one.requires) for one in chosen}

        def find(name: NormalizedName) -> Distribution | None:
            return coming.get(name) or self.find(name)

        walked = closure.walk(roots, find, self.asked.target.markers)[0] if chosen else self.reached
        found = ((need, find(name)) for name, need in sorted(walked.items()) if name not in named)
        return tuple(Dependency(name=need.name, version=one.text, by=need.by) for need, one in found if one is not None)

    def _walk(self, find: closure.Find) -> tuple[Mapping[NormalizedName, closure.Need], Sequence[closure.Need]]:
        if self.asked.request.last("ignore_dependencies") is not None:
            return {need.name: need for need in self.roots()}, ()
        reached, unmet = closure.walk(self.roots(), find, self.asked.target.markers)
        bounds = (closure.of_line(line, line.name) for line in self.asked.demand.bounds if line.name is not None)
        known = ((need, find(need.name)) for need in bounds if need.name in reached)
        unmet += (need for need, found in known if found is not None and not closure.meets(found, need))
        return reached, unmet

    def assume(self, releases: Mapping[NormalizedName, Distribution | None]) -> None:
        """Follow the needs of these too: `--only-deps` does not install what is asked for."""
        self.reached, self.unmet = self._walk(lambda name: releases.get(name) or self.find(name))

    def roots(self) -> Iterator[closure.Need]:
        """Yield what is asked for, by name or by the local directory of what is installed."""
        pinned = (line for pin in self.asked.demand.pins for line in pin.lines if not line.constraint)
        for line in (*pinned, *self.asked.demand.unpinned, *self.asked.demand.entrusted):
            name, link = line.name, line.link
            names = distributions.find_by_link(link, self.installed.every) if name is None else (name,)
            yield from (closure.of_line(line, one) for one in names)

    def _verdict(self, pin: Pin) -> Verdict:
        found = self.find(pin.name)
        if found is None:
            return Verdict(pin=pin, state=State.ABSENT, found=phrases.found(State.ABSENT, "", None))
        if self.asked.policy.location == "environment" and self.installed.is_outside(found):
            within = self.installed.find_inside(pin.name)
            found = within if within is not None and within.text == found.text else found
        wrong, overwritten = self.installed.damage(found)
        if wrong is not None:
            return Verdict(pin=pin, state=State.DAMAGED, found=wrong)
        return self._of_installed(pin, found, overwritten)

    def _of_installed(self, pin: Pin, found: Distribution, overwritten: Mapping[str, Distribution]) -> Verdict:
        known = self._known(pin, found)
        state = comparison.judge(pin, known)
        text = phrases.found(state, found.text, known)
        if state is State.HOLDS and (changed := self._changed(pin, found)):
            state, text = State.WRONG_HASH, phrases.changed(changed, found)
        elif state in (State.HOLDS, State.UNPROVEN) and (other := self._otherwise(pin, found)):
            state, text = State.WRONG_SOURCE, f"{found.text} is installed{other}"
        elif state is State.HOLDS and (unproven := self._origin(pin, found)[1]):
            state, text = State.UNPROVEN, unproven
        elif state is not State.HOLDS and self.installed.is_outside(found):
            text += f" outside the environment, in {found.location}"
        if state is not State.HOLDS:
            return Verdict(pin=pin, state=state, found=text)
        labels = comparison.find_labels(pin, (known.version,))
        chosen = (phrases.label(pin.name, str(label), label.public) for label in labels)
        warnings = (*chosen, *phrases.overwritten(overwritten))
        return Verdict(pin=pin, state=state, found=text, notes=tuple(self._notes(pin, found)), warnings=warnings)

    def _known(self, pin: Pin, found: Distribution) -> Identity:
        """Return what is known of an installation, with the proven hashes where the pin has hashes."""
        known = found.identity
        if not pin.hashes:
            return known
        # pip writes the archive's hash into direct_url.json even when it took a foreign wheel from its cache for it
        built = known.source is not None and not known.source.url.endswith(".whl")
        doubtful = comparison.is_suspicious(pin, known) or (built and pin.hashes & known.hashes)
        own = frozenset[str]() if doubtful else known.hashes
        proof = self.proofs.get(pin.name)
        return replace(known, hashes=own | (proof.hashes if proof else self.installed.hashes(found)))

    def _notes(self, pin: Pin, found: Distribution) -> Iterator[str]:
        source = found.identity.source
        if source is not None and not pin.direct and not pin.hashes:
            kind = "as an editable of" if found.editable else "from"
            yield f"{kind} {source.url}: `--pin origin=index` would replace it"
        if self.installed.is_outside(found):
            yield f"outside the environment, in {found.location}: `--pin location=environment` would install it inside"
        files = self.installed.files(found)
        if alone := [path for path, _, _ in files.rows if files.is_unmanaged(path)]:
            yield f"with {phrases.listed(alone)} left alone (`unmanaged`)"

    def _otherwise(self, pin: Pin, found: Distribution) -> str | None:
        """Return how an installation of the right version differs from the settings or this request."""
        settings = self.asked.policy
        if settings.location == "environment" and self.installed.is_outside(found):
            return f" outside the environment, in {found.location}"
        source = found.identity.source
        if (elsewhere := self._origin(pin, found)[0]) is not None:
            return elsewhere
        if source is not None and pin.hashes and (found.editable or source.commit) and not pin.direct:
            return f" from {source.url}, which is not an archive, so it has no hash"
        if settings.origin == "index" and source is not None and not pin.direct:
            return f" from {source.url}"
        told = self.installed.inputs(found)
        if told is None:
            return None
        other = cache.build_records.differences(told, cache.build_records.collect_inputs(self.asked, pin), pure=False)
        return f", built with another {', another '.join(other)}" if other else None

    def _changed(self, pin: Pin, found: Distribution) -> str:
        """Return the file from which it was installed, if that has changed since and pip would find it again."""
        path, hashes = self.installed.local(found)
        if not path or pin.hashes or not files.differs(path, hashes):
            return ""
        return reading.shown(path) if cache.builds.finds(self.asked, path) else ""

    def _origin(self, pin: Pin, found: Distribution) -> tuple[str | None, str | None]:
        """Return where it came from, if not from the index of its project, and that this is not known."""
        entry = None if pin.direct else policy.find_source(pin.name, self.asked.settings)
        if entry is None:
            return None, None
        row, source, index = self.installed.row(found), found.identity.source, policy.index(entry)
        listed = "" if row is None else row.index
        known = listed if source is None else source.url
        elsewhere = f" from {known}, and has to come from {index} ({entry.origin})"
        unknown = f"{found.text} is installed without proof that it came from {index} ({entry.origin})"
        return None if known in ("", index) else elsewhere, None if listed == index else unknown
