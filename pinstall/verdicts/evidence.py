"""Gather what is known of the target environment, and judge the pins by it.

May not: write, start pip, decide what follows from a verdict.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall import comparison
from pinstall.environment import damage as installed_files
from pinstall.environment import distributions
from pinstall.environment.distributions import Environment, is_half, is_younger
from pinstall.environment.ledger import Ledger
from pinstall.model.pins import State, Verdict
from pinstall.report import phrases
from pinstall.request import policy as sources
from pinstall.stamp import state_directory
from pinstall.verdicts import closure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.environment.damage import Owners
    from pinstall.environment.ledger import Row
    from pinstall.model.artifacts import Chosen
    from pinstall.model.pins import Dependency, Distribution, Identity, Pin
    from pinstall.request.call import Asked


class Evidence:
    """What is known of the target environment at one moment."""

    def __init__(self, asked: Asked) -> None:
        """Read nothing yet."""
        self._asked = asked
        self._environment = Environment(asked.target.paths)
        aim, rehearsed = map(asked.request.last, ("target_dir", "dry_run"))
        self._aimed = aim is not None and bool(aim.value) and rehearsed is None
        places = () if rehearsed else distributions.destinations(asked.request, asked.target)
        self._destination = Environment(places)
        self.ledger = Ledger(asked.target.purelib, state_directory(asked.environ))
        self._proofs: Mapping[NormalizedName, Row] = {}
        self._left: dict[NormalizedName, Distribution] = {}
        self._owners: Owners | None = None
        self.reached, self.unmet = self._walk(self.find)

    def find(self, name: NormalizedName) -> Distribution | None:
        """Return the installed distribution of this name."""
        return self._environment.find(name)

    def every(self) -> tuple[Distribution, ...]:
        """Return all that is installed."""
        return self._environment.every()

    def is_outside(self, found: Distribution) -> bool:
        """Tell whether a distribution lies elsewhere than where pip installs: nobody but its owner may change it."""
        return found.location not in (self._asked.target.purelib, self._asked.target.platlib)

    def copies(self, name: NormalizedName) -> tuple[str, ...]:
        """Return each dist-info of this name beside the one that counts, that one included."""
        return self._environment.copies(name)

    def requirers(self, name: NormalizedName) -> tuple[str, ...]:
        """Return who needs a project, among what is asked for and what that needs, as `NAME VERSION needs ...`."""
        return closure.requirers(name, self.reached, self.find, self._asked.target.markers)

    def admit(self, proofs: Mapping[NormalizedName, Row]) -> None:
        """Believe these rows too, beside those of the ledger."""
        self._proofs = proofs

    def judged(self, name: NormalizedName) -> Distribution | None:
        """Return what the last verdict on this name was of: what `--target` has left, or what is installed."""
        return self._left.get(name) or self.find(name)

    def judge(self, reported: Mapping[NormalizedName, Identity] | None = None, since: int = 0) -> tuple[Verdict, ...]:
        """Return a verdict on each pin that counts: what is requested, and constraints on what is reached.

        `reported` is what pip says it put elsewhere than into the environment since then (ns); it stands for what is
        installed.
        """
        # under `--only-deps` pip leaves alone what is named, so only constraints on the rest demand anything
        requested = self._asked.request.last("only_dependencies") is None
        return tuple(
            self._reported(pin, reported[pin.name], since) if reported and pin.name in reported else self._verdict(pin)
            for pin in self._asked.demand.pins
            if (pin.requested and requested)
            or (not pin.requested and pin.name in self.reached and self.find(pin.name) is not None)
            or (not pin.requested and reported is not None and pin.name in reported)
        )

    def _reported(self, pin: Pin, reported: Identity, since: int) -> Verdict:
        """Judge by what pip reports, or by what `--target` has left: without `-U` pip keeps that, and ends well."""
        found = self._destination.release(reported.name, reported.version)
        wrong = None if not self._aimed else "its dist-info" if found is None else installed_files.strange(found)
        if wrong is not None:
            text = f"is not what pip was to put there: {wrong} is of something else (`--upgrade` replaces it)"
            return Verdict(pin=pin, state=State.DAMAGED, found=text)
        if self._aimed and found is not None and not is_younger(found.record, since):
            return self._of_left(pin, found)
        state = comparison.judge(pin, reported)
        text = phrases.found(state, str(reported.version), reported)
        return Verdict(pin=pin, state=state, found=text, warnings=() if found is None else self._beside(found))

    def _beside(self, found: Distribution) -> tuple[str, ...]:
        return tuple(distributions.beside(found, self._destination.copies(found.identity.name)))

    def _of_left(self, pin: Pin, found: Distribution) -> Verdict:
        self._left[pin.name] = found
        known = self._known(pin, found)
        state = comparison.judge(pin, known)
        text = phrases.found(state, found.text, known)
        if state is State.HOLDS and (unproven := self._unsourced(pin, found)):
            state, text = State.UNPROVEN, unproven
        why = "" if state is State.HOLDS else ": it was there before (`--upgrade` replaces it)"
        return Verdict(pin=pin, state=state, found=text + why, warnings=self._beside(found))

    def explanation(self) -> tuple[str, ...]:
        """Return who asks for what where the installed set is not closed."""
        return closure.explain(self.roots(), self.find, self._asked.target.markers)

    def unpinned(self, chosen: Sequence[Chosen] = ()) -> tuple[Dependency, ...]:
        """Return what is reached and neither pinned nor asked for, once pip would have installed what it has chosen."""
        request, demand = self._asked.request, self._asked.demand
        if request.last("ignore_dependencies") is not None:
            return ()
        asked_for = {need.name for need in self.roots()} | {pin.name for pin in demand.pins}
        named = asked_for | {one.name for one in chosen if one.requested}
        if not chosen:
            return closure.unpinned(self.reached, named, self.find)
        coming = {one.name: closure.release(one.name, one.version, one.requires) for one in chosen}
        roots = [*self.roots(), *(closure.of_chosen(one) for one in chosen if one.requested)]

        def find(name: NormalizedName) -> Distribution | None:
            return coming.get(name) or self.find(name)

        return closure.unpinned(closure.walk(roots, find, self._asked.target.markers)[0], named, find)

    def _walk(self, find: closure.Find) -> tuple[Mapping[NormalizedName, closure.Need], Sequence[closure.Need]]:
        roots = self.roots()
        if self._asked.request.last("ignore_dependencies") is not None:
            return {need.name: need for need in roots}, ()
        reached, unmet = closure.walk(roots, find, self._asked.target.markers)
        for line in self._asked.demand.bounds:
            found = None if line.name is None or line.name not in reached else find(line.name)
            need = None if line.name is None else closure.of_line(line, line.name)
            if found is not None and need is not None and not closure.meets(found, need):
                unmet.append(need)
        return reached, unmet

    def assume(self, releases: Mapping[NormalizedName, Distribution]) -> None:
        """Follow the needs of these too: under `--only-deps` what is asked for is not installed, and needs the rest."""
        self.reached, self.unmet = self._walk(lambda name: releases.get(name) or self.find(name))

    def roots(self) -> list[closure.Need]:
        """Return what is asked for, by name or as the local directory that something is installed from."""
        pinned = (line for pin in self._asked.demand.pins for line in pin.lines if not line.constraint)
        return [
            closure.of_line(line, name)
            for line in (*pinned, *self._asked.demand.unpinned, *self._asked.demand.entrusted)
            for name in ((line.name,) if line.name is not None else distributions.names(line.link, self.every()))
        ]

    def _verdict(self, pin: Pin) -> Verdict:
        found = self.find(pin.name)
        if found is None:
            return Verdict(pin=pin, state=State.ABSENT, found=phrases.found(State.ABSENT, "", None))
        if self._asked.policy.location == "environment" and self.is_outside(found):
            target = self._asked.target
            within = Environment((target.purelib, target.platlib)).find(pin.name)
            found = within if within is not None and within.text == found.text else found
        damage, overwritten = self._damage(found)
        if damage is not None:
            return Verdict(pin=pin, state=State.DAMAGED, found=damage)
        return self._of_installed(pin, found, overwritten)

    def _damage(self, found: Distribution) -> tuple[str | None, Mapping[str, Distribution]]:
        """Return what is wrong with what is installed, and what is not because it belongs to another as well."""
        damage = found.damage or self._altered(found)
        if damage is None and is_half(found) and not self.is_outside(found):
            return "is there in half: it has neither INSTALLER nor RECORD", {}
        if damage is None or found.damage is not None:
            return damage, {}
        # installing it anew would only overwrite the other one
        overwritten = self._overwritten(found)
        return self._altered(found, overwritten), overwritten

    def flaws(self, found: Distribution) -> tuple[str, ...]:
        """Return what of a distribution that pip has just installed is not as its RECORD says, and nobody else's."""
        flaws = installed_files.flaws(found)
        taken = self._overwritten(found) if flaws else {}
        return tuple(path for path in flaws if path not in taken)

    def _overwritten(self, found: Distribution) -> Mapping[str, Distribution]:
        if self._owners is None:
            self._owners = installed_files.owners(self.every())
        return installed_files.overwritten(found, self._owners)

    def _altered(self, found: Distribution, passing: Collection[str] = ()) -> str | None:
        """Return what is not as RECORD says, unless it was like that already when pip had just installed it.

        There are wheels whose RECORD is wrong, and pip installs them. Without a report nothing is known of that moment.
        """
        if not self._asked.pip.reports:
            return None
        damage = installed_files.damaged(found, passing)
        row = None if damage is None else self.ledger.row(found)
        return damage if row is None else installed_files.damaged(found, {*passing, *row.flaws})

    def _of_installed(self, pin: Pin, found: Distribution, overwritten: Mapping[str, Distribution]) -> Verdict:
        known = self._known(pin, found)
        state = comparison.judge(pin, known)
        text = phrases.found(state, found.text, known)
        if state in (State.HOLDS, State.UNPROVEN) and (other := self._otherwise(pin, found)):
            state, text = State.WRONG_SOURCE, f"{found.text} is installed{other}"
        elif state is State.HOLDS and (unproven := self._unsourced(pin, found)):
            state, text = State.UNPROVEN, unproven
        elif state is not State.HOLDS and self.is_outside(found):
            text += f" outside the environment, in {found.location}"
        if state is not State.HOLDS:
            return Verdict(pin=pin, state=state, found=text)
        return Verdict(
            pin=pin,
            state=state,
            found=text,
            notes=tuple(self._notes(pin, found)),
            warnings=(*_ambiguous(pin, known), *phrases.overwritten(overwritten)),
        )

    def _known(self, pin: Pin, found: Distribution) -> Identity:
        """Return what is known of an installation, with what is proven of its artifact where the pin demands that."""
        known = found.identity
        if not pin.hashes:
            return known
        # pip writes the archive's hash into direct_url.json even when it took a foreign wheel from its cache for it
        doubtful = comparison.is_suspicious(pin, known) or (_is_built(known) and pin.hashes & known.hashes)
        own = frozenset[str]() if doubtful else known.hashes
        proof = self._proofs.get(pin.name)
        return replace(known, hashes=own | (proof.hashes if proof else self.ledger.hashes(found)))

    def _notes(self, pin: Pin, found: Distribution) -> Iterator[str]:
        """Yield what a stricter setting would not accept."""
        source = found.identity.source
        if source is not None and not pin.direct and not pin.hashes:
            kind = "as an editable of" if found.editable else "from"
            yield f"{kind} {source.url}: `--pin origin=index` would replace it"
        if self.is_outside(found):
            yield f"outside the environment, in {found.location}: `--pin location=environment` would install it inside"

    def _otherwise(self, pin: Pin, found: Distribution) -> str | None:
        """Return what about an installation of the right version is not as the settings or this request want it."""
        policy = self._asked.policy
        if policy.location == "environment" and self.is_outside(found):
            return f" outside the environment, in {found.location}"
        source = found.identity.source
        if elsewhere := self._elsewhere(pin, found):
            return elsewhere
        if source is not None and pin.hashes and (found.editable or source.commit) and not pin.direct:
            return f" from {source.url}, which is no archive that could have a hash"
        if policy.origin == "index" and source is not None and not pin.direct:
            return f" from {source.url}"
        told = self.ledger.inputs(found)
        if told is None:
            return None
        from pinstall.cache import build_records  # noqa: PLC0415 - most of what is installed nobody has built here

        other = build_records.differences(told, build_records.collect_inputs(self._asked, pin), pure=False)
        return f", built with another {', another '.join(other)}" if other else None

    def _elsewhere(self, pin: Pin, found: Distribution) -> str | None:
        """Return where an installation came from that is known not to be from the index that its project has to."""
        entry = None if pin.direct else sources.of(pin.name, self._asked.settings)
        if entry is None:
            return None
        row, source = self.ledger.row(found), found.identity.source
        known = source.url if source is not None else "" if row is None else row.index
        index = sources.index(entry)
        return f" from {known}, and has to come from {index} ({entry.origin})" if known not in ("", index) else None

    def _unsourced(self, pin: Pin, found: Distribution) -> str | None:
        """Return what is there of a project that has to come from an index, where nobody knows whether it has."""
        entry = None if pin.direct else sources.of(pin.name, self._asked.settings)
        if entry is None:
            return None
        row, index = self.ledger.row(found), sources.index(entry)
        if row is not None and row.index == index:
            return None
        return f"{found.text} is installed without proof that it came from {index} ({entry.origin})"


def _is_built(known: Identity) -> bool:
    """Tell whether what it came from is a source: its hash says nothing of the wheel that pip took from its cache."""
    return known.source is not None and not known.source.url.endswith(".whl")


def _ambiguous(pin: Pin, known: Identity) -> Iterator[str]:
    """Yield how to choose a local label where the pin leaves it open: PEP 440 lets `==` accept any."""
    if comparison.is_open(pin) and known.version is not None and known.version.local:
        yield phrases.label(pin.name, str(known.version), known.version.public)
