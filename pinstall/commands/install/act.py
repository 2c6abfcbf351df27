"""Attempt to bring about what is pinned, step by step around pip, and leave everything as it was where that fails.

May not: parse text, format, decide what to evict.
"""

import contextlib
import pkgutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

from pinstall import comparison, pip, verdicts
from pinstall.cache.cache import Cache
from pinstall.commands.install import rebuild
from pinstall.commands.install.clear import Clearing
from pinstall.commands.install.command import Installer
from pinstall.environment import distributions
from pinstall.model.errors import FINDING, NOT_PINNED, Outcome, PinstallError
from pinstall.model.pins import Conflict, Pin, Reporter, State, Verdict
from pinstall.verdicts import closure, conflicts, failure, holds, refusals, sources
from pinstall.verdicts.evidence import Evidence

# Modules of other distributions that ours import late.
_LATE = ("packaging.tags", "requests.auth", "resolvelib")


def launch(evidence: Evidence, cache: Cache | None, found: Sequence[Verdict], tell: Reporter) -> Outcome:
    """Bring about what is pinned with pip and return what was done; in any case good wheels go back to the cache."""
    _import_own(evidence, found)
    known = evidence.installed.foreign.hooks
    clearing = Clearing(evidence.asked, cache or Cache(evidence.asked), tell)
    with pip.make_folder() as folder, contextlib.closing(clearing), contextlib.ExitStack() as undo:
        attempt = Attempt(Installer(evidence, clearing, tell, folder), clearing, tell, found)
        undo.callback(attempt.put_back)
        exit_code = attempt.go()
        undo.pop_all()
    outcome, evidence = attempt.conclude(exit_code), attempt.installer.evidence
    if outcome.exit_code != 0:
        return outcome
    holds.renew(evidence, tell)
    if evidence.asked.elsewhere:
        return outcome
    return refusals.refuse_outcome(replace(outcome, unpinned=evidence.unpinned()), evidence, tell, known)


def _import_own(evidence: Evidence, found: Sequence[Verdict]) -> None:
    """Import all of pinstall, and what it needs, where this very run may replace some of it."""
    asked, own = evidence.asked, refusals.find_own(evidence)
    if own is None:
        return
    markers, demand = asked.target.markers, asked.demand
    needed, _ = closure.walk(closure.dependencies(own, None, markers), evidence.find, markers)
    coming = {verdict.pin.name for verdict in found if verdict.state is not State.HOLDS}
    coming |= {line.name for line in (*demand.unpinned, *demand.entrusted) if line.name is not None}
    if coming & {own.identity.name, *needed}:
        modules = pkgutil.walk_packages(import_module("pinstall").__path__, "pinstall.")
        for name in (*_LATE, *(module.name for module in modules)):
            with contextlib.suppress(Exception):  # it is missing or broken, and may be what comes
                import_module(name)


class Attempt:
    """One attempt, with what it has found out on the way."""

    def __init__(self, installer: Installer, clearing: Clearing, tell: Reporter, found: Sequence[Verdict]) -> None:
        self.installer = installer
        self._clearing = clearing
        self._tell = tell
        self._before = installer.evidence
        self._found = self._first = found
        self._error: PinstallError | None = None

    def go(self) -> int:
        """Run everything up to the last pip, and return the exit code of the one that decides."""
        asked, cache, found = self._before.asked, self._clearing.cache, self._found
        anew = asked.request.has("force_reinstall", "ignore_installed", "target_dir")
        wanting = [verdict.pin for verdict in found if anew or verdict.state is not State.HOLDS]
        # pinned by constraints alone and not installed: pip takes it if anything needs it
        constrained = [pin for pin in asked.demand.pins if not pin.requested and self._before.find(pin.name) is None]
        forced = () if asked.elsewhere else comparison.find_forced(found, asked.policy.unproven)
        metadata = conflicts.Metadata(self._before, found, cache)
        self.installer.sourcing.expect(wanting, forced)
        sources.refuse_ambiguous(asked, wanting, self._tell)
        if not asked.elsewhere:
            # without a refusal pip has the last word, and may find a way itself
            explain = self._explain if asked.policy.unpinned == "refuse" else refusals.conflict
            refusals.refuse(explain(metadata.find_conflicts(cache.cases(wanting))), asked, self._tell)
        if not self.installer.is_rehearsal:
            with self._tell.working("checking pip's cache"):
                self._clearing.clear(cache.cases(wanting), cache.cases(constrained))
            rebuild.remake(self._clearing.plan.remakes, cache, self.installer.runs, self._tell)
            self.installer.announce(found, forced)
        if not asked.elsewhere:
            with self._tell.working("moving damaged files to the shelf"):
                self.installer.healing.clear(found, forced, self._before)
        if self.installer.runs.interrupted:
            self.put_back()
            return self.installer.runs.commands[-1].exit_code
        self.installer.held = holds.find_holds(self._before, self._tell)
        exit_code = self._install([*wanting, *constrained])
        if exit_code != 0:
            self.put_back()
            if self._error is None and exit_code > 0 and not self.installer.runs.interrupted:
                faults = metadata.find_conflicts(cache.cases(wanting)) or metadata.find_conflicts_by_index()
                self._error = self._explain(faults, exit_code) or self._find_cause(exit_code)
            return exit_code
        if not asked.elsewhere:
            exit_code = self._force()
        self._found = self.installer.judge()
        self._clearing.end()
        return exit_code

    def _find_cause(self, exit_code: int) -> PinstallError:
        """Return the error on a failure of pip that no conflict explains."""
        asked, installed = self._before.asked, self._before.installed
        lacking = {need.name for need in self._before.unmet}
        lacking |= {one.pin.name for one in self._found if not comparison.accepts(one, asked.policy.unproven)}
        now = distributions.note_statuses(path for path, status in installed.first.items() if not status)
        end, names = "; nothing was changed" * (now == installed.first), (one.identity.name for one in installed.every)
        return failure.explain(asked, failure.list_lines(asked.demand, lacking), exit_code, end, names)

    def _install(self, wanting: Sequence[Pin]) -> int:
        """Run the user's own command, and again without the holds of what it asks for if these made it fail."""
        run = partial(self.installer.cure, self.installer.install, wanting)
        exit_code = run()
        held, runs = self.installer.held, self.installer.runs
        if exit_code == 0 or not held or runs.interrupted or not self._before.asked.pip.reports:
            return exit_code
        failed, chosen = self.installer.rehearse("explain", "--retries", "0", "--no-input", silent=True)
        if failed:
            return exit_code
        if replaced := holds.find_replaced(held, chosen):
            self.installer.held = tuple(hold for hold in held if hold not in replaced)
            self._tell.say("pip failed: trying again without the pins of what this very request is for")
            exit_code = run()
        if exit_code == 0:
            holds.forget_replaced(replaced, self._before, self._tell)
        else:
            self._error = holds.find_conflict(self.installer.held, chosen, exit_code)
        return exit_code

    def _force(self) -> int:
        """Reinstall what is right by version alone, and complete what that needs; return the exit code."""
        before = self.installer.evidence.unmet
        asked = self.installer.evidence.asked
        found = self.installer.judge()
        forced = comparison.find_forced(found, asked.policy.unproven, served=asked.pip.is_outside)
        forced = tuple(pin for pin in forced if pin.name not in self.installer.healing.stuck)
        self.installer.announce(found, forced)
        self.installer.force(forced)
        self.installer.healing.end()
        new = [need for need in self.installer.evidence.unmet if need not in before]
        if not new or self.installer.runs.interrupted:
            return 0
        self._tell.say(f"{new[0]}, which the environment does not have: pip runs again")
        try:
            return self.installer.install(again=True)
        except PinstallError as error:  # what has been reinstalled stays, and is reported
            self._error = error
            return error.exit_code

    def _list_changes(self) -> dict[str, str]:
        """Return a line for each project that this run changed, with the reason where its version stayed."""
        reasons = {verdict.pin.name: verdict.found for verdict in self._first if verdict.state is not State.HOLDS}
        damaged = {verdict.pin.name for verdict in self._first if verdict.state is State.DAMAGED}
        now = self.installer.evidence
        if now.asked.elsewhere:
            return {name: f"+ {name} {one.version}" for name, one in self.installer.renewed.items()}
        before, after = ({one.identity.name: one for one in each.installed.every} for each in (self._before, now))
        changes: dict[str, str] = {}
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            if new is None:
                changes[name] = f"- {name} {before[name].text}"
            elif name in self.installer.renewed and (name in damaged or (old and old.text == new.text)):
                changes[name] = f"~ {name} {new.text} ({reasons.get(name, 'reinstalled')})"
            elif old is None or old.text != new.text:
                changes[name] = f"+ {name} {new.text}{f' ({old.text} before)' if old else ''}"
        return changes

    def _explain(self, faults: Sequence[Conflict], exit_code: int = FINDING) -> PinstallError | None:
        """Return the error for pins that contradict each other, with a change that works if one is found."""
        hint = None
        work = self._tell.working("looking for pins that work together")
        with contextlib.suppress(ImportError, SyntaxError, TimeoutError), work:  # resolvelib may be missing or broken
            hint = verdicts.ways_out.find_hint(self._before, faults) if faults else None
        return refusals.conflict(faults, exit_code, hint)

    def put_back(self) -> None:
        """Return to cache and environment what left them for this run alone."""
        self._clearing.put_back()
        self.installer.healing.put_back()

    def conclude(self, exit_code: int) -> Outcome:
        """Return what was done; pip's own failure passes through, and a pin that is not satisfied after all is ours."""
        asked = self.installer.evidence.asked
        # what has only just got its name may contradict another
        contradiction = refusals.conflict(asked.demand.conflicts) if asked.policy.unpinned == "refuse" else None
        if exit_code == 0 and contradiction is not None:
            self._error, exit_code = contradiction, contradiction.exit_code
        unproven = asked.policy.unproven if asked.pip.reports else "accept"
        if exit_code == 0 and not all(comparison.accepts(verdict, unproven) for verdict in self._found):
            exit_code = NOT_PINNED
        return Outcome(
            exit_code=exit_code,
            changes=self._list_changes(),
            verdicts=comparison.warn_of_labels(self._found, self.installer.labels),
            plan=self._clearing.plan,
            commands=tuple(self.installer.runs.commands),
            error=self._error,
            rehearsed=self.installer.is_rehearsal,
            left=len([*asked.demand.entrusted, *asked.demand.unpinned]),
        )
