"""Carry out a plan around pip: evict, remake, run the user's command, force, judge again, put back.

May not: parse text, format, decide what to evict.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from typing import TYPE_CHECKING

from pinstall import comparison, pip
from pinstall.cache import plan
from pinstall.commands.install import rebuild, runs
from pinstall.commands.install.evict import Clearing
from pinstall.commands.install.heal import Healing
from pinstall.commands.install.record import Recording
from pinstall.commands.install.runs import Runs, mention_unproven, replaced, reports, uncompiled
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.model.outcome import Outcome
from pinstall.model.pins import Pin, State
from pinstall.request import arguments
from pinstall.verdicts import ambiguity, conflicts, holds, proof, refusals
from pinstall.verdicts.evidence import Evidence
from pinstall.verdicts.sources import Sourcing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packaging.utils import NormalizedName

    from pinstall.cache.cache import Cache
    from pinstall.model.pins import Hold, Identity, Reporter, Verdict
    from pinstall.request.call import Asked
    from pinstall.verdicts.closure import Need


def launch(
    asked: Asked, cache: Cache, evidence: Evidence, found: Sequence[Verdict], tell: Reporter
) -> tuple[Outcome, Asked, Evidence]:
    """Bring about what is pinned with pip; return what was done, what is asked and what is known of it after that.

    Whatever ends the run before its time, the wheels that left the cache only for their version go back to it.
    """
    run = _Run(asked, cache, evidence, tell)
    with pip.folder() as folder, contextlib.closing(run.clearing):
        try:
            exit_code = run.go(found, folder)
        except BaseException:
            run.put_back()
            raise
    return run.outcome(exit_code, found if run.final is None else run.final), run.asked, run.after


class _Run:
    """One run of pip with all that stands around it."""

    def __init__(self, asked: Asked, cache: Cache, evidence: Evidence, tell: Reporter) -> None:
        self.asked = asked
        self._cache = cache
        self._evidence = evidence
        self._tell = tell
        self.clearing = Clearing(asked, cache, tell)
        self._healing = Healing(tell)
        self._sourcing = Sourcing(asked, cache)
        self._started = time.time_ns()
        self._runs = Runs(asked, tell, self.clearing.share, cache.forget)
        self._seen = (0, evidence)
        self._held: tuple[Hold, ...] = ()
        self._error: PinstallError | None = None
        self._reported: dict[NormalizedName, tuple[Identity, str]] = {}
        self.final: tuple[Verdict, ...] | None = None
        self._recording = Recording(self.clearing, self._sourcing, tell)
        self._reports = reports(asked)
        mention_unproven(asked, tell)

    def go(self, found: Sequence[Verdict], folder: str) -> int:
        """Run everything up to the last pip, and return the exit code of the one that decides."""
        anew = any(map(self.asked.request.last, ("force_reinstall", "ignore_installed", "target_dir")))
        wanting = [verdict.pin for verdict in found if anew or verdict.state is not State.HOLDS]
        metadata = conflicts.Metadata(self.asked, self._evidence, found, self._cache)
        self._sourcing.expect(wanting, () if self.asked.elsewhere else self._forced(found))
        ambiguity.judge(self.asked, wanting, self._tell)
        if not self._rehearsed():
            cases = self._cache.cases(wanting)
            if not self.asked.elsewhere:
                conflicts.refuse(metadata.conflicts(cases), self.asked, self._tell)
            self.clearing.clear(cases, self._cache.cases(self._perhaps()))
            rebuild.remake(self.clearing.plan.remakes, self._cache, self._runs, self._tell)
        if not self.asked.elsewhere:
            self._healing.clear(found, self._forced(found), self._evidence)
        if self._runs.interrupted:
            self.put_back()
            return self._runs.commands[-1].exit_code
        self._held = holds.in_force(self.asked, self._evidence, self._tell)
        exit_code = self._beside_holds(folder, [*wanting, *self._perhaps()])
        if exit_code != 0:
            self.put_back()
            if self._error is None and exit_code > 0 and not self._runs.interrupted:
                self._error = conflicts.explained(metadata, self._cache.cases(wanting), exit_code)
            return exit_code
        self._recording.write(self.asked, self.after, self._reported, self._started)
        if self.asked.elsewhere:
            self.final = self.judge()
        else:
            before = self.after.unmet
            self.final = self._force(folder)
            self._healing.end()
            exit_code = self._complete(folder, before)
        self.clearing.end()
        return exit_code

    def _complete(self, folder: str, before: Sequence[Need]) -> int:
        """Run the user's own command again if what was reinstalled needs more than before; return the exit code."""
        new = [need for need in self.after.unmet if need not in before]
        if not new or self._runs.interrupted:
            return 0
        self._tell.say(f"{new[0]}, which is not installed so: pip runs once more")
        started = time.time_ns()
        try:
            exit_code = self._users_own(folder, again=True)
        except PinstallError as error:  # what has been reinstalled stays, and is reported
            self._error, exit_code = error, error.exit_code
        if exit_code == 0:
            self._recording.write(self.asked, self.after, self._reported, started)
        self.final = self.judge()
        return exit_code

    def _beside_holds(self, folder: str, wanting: Sequence[Pin]) -> int:
        """Run the user's own command, and find out whether pins of earlier runs are what it failed by, silently.

        Where these are of what is asked for, only not by its name, it is run once more without them.
        """
        run = functools.partial(self._cured, lambda: self._users_own(folder), wanting)
        exit_code = run()
        if exit_code == 0 or not self._held or self._runs.interrupted or not self.asked.pip.reports:
            return exit_code
        wanted = os.path.join(folder, "unheld.json")
        if self._runs.rehearse("explain", wanted, "--retries", "0", "--no-input", silent=True) != 0:
            return exit_code
        replaced = holds.replaced(self._held, wanted)
        if replaced:
            self._held = tuple(hold for hold in self._held if hold not in replaced)
            self._tell.say("pip failed: trying once more without the pins of what this very request is for")
            exit_code = run()
        if exit_code == 0:
            holds.end(replaced, self._evidence, self._tell)
        else:
            self._error = holds.conflict(self._held, wanted, exit_code)
        return exit_code

    def _resolve(self, folder: str) -> int:
        """Refuse, by a dry run, what pip would take from elsewhere or nobody has pinned, before it is installed."""
        wanted = os.path.join(folder, "resolved.json")
        ours = (*self.clearing.around(self.asked.pip), *holds.constraints(self._held, folder))
        exit_code = self._runs.rehearse("resolve", wanted, "-q", *ours)
        if exit_code == 0:
            requested = {one.name for one in pip.chosen(wanted) if one.requested}
            self._sourcing.judge(pip.installed(wanted), requested)
        if exit_code == 0 and refusals.resolves_first(self.asked):
            refusals.judge(self.after.unpinned(pip.chosen(wanted)), self.asked, self._tell, late=self.final is not None)
        return exit_code

    def put_back(self) -> None:
        """Return to cache and environment what left them for this run alone."""
        self.clearing.put_back()
        self._healing.put_back()

    def _cured(self, run: Callable[[], int], wanting: Sequence[Pin]) -> int:
        """Run pip, and once more if it fails by something in its cache; return the last exit code."""
        exit_code = run()
        if exit_code <= 0 or self._rehearsed() or self._runs.interrupted:
            return exit_code
        from pinstall.index import client  # noqa: PLC0415 - requests is dear, and only failure needs it

        if not self.clearing.examine(wanting, client.Client(self.asked.in_force).ask):
            return exit_code
        self._tell.say("pip failed: trying once more without what was wrong in its cache")
        return run()

    @property
    def after(self) -> Evidence:
        """Return what is known of the environment since pip has run last."""
        number = len(self._runs.commands)
        if self._seen[0] != number:
            installed = self._seen[1].installed.look_again(verifies=self.asked.pip.reports)
            self._seen = (number, Evidence(self.asked, installed))
            if self.asked.request.last("only_dependencies") is not None:
                metadata = conflicts.Metadata(self.asked, self._seen[1], (), self._cache)
                asked_for = [pin for pin in self.asked.demand.pins if pin.requested]
                self._seen[1].assume(metadata.releases(self._cache.cases(asked_for)))
        return self._seen[1]

    def judge(self) -> tuple[Verdict, ...]:
        """Judge again, from the environment, or from pip's report where the environment cannot tell."""
        if not self.asked.elsewhere:
            return self.after.judge()
        if not self._reports and self.asked.demand.pins:
            self._tell.say("this pip does not report what it put elsewhere: the pins are not verified")
            return ()
        reported = {name: identity for name, (identity, _) in self._reported.items()}
        final = proof.judge(self._cache, self.after, reported, self._started)
        aim = self.asked.request.last("prefix_path") or self.asked.request.last("root_path")
        fitting = (State.HOLDS, State.UNPROVEN)
        left_out = [v.pin.name for v in final if v.state in fitting and v.pin.name not in self._reported]
        if aim is not None and left_out:
            names = f"{', '.join(left_out)}, which the environment that it runs in has already"
            self._tell.say(f"pip has left out of `{aim.name}` {names}; `--ignore-installed` installs all there")
        return final

    def outcome(self, exit_code: int, found: Sequence[Verdict]) -> Outcome:
        """Return what was done; pip's own failure passes through, and a pin that does not hold after all is ours."""
        # what has only just got its name may contradict another
        if exit_code == 0 and (contradiction := conflicts.among(self.asked)):
            self._error, exit_code = contradiction, contradiction.exit_code
        unproven = self.asked.policy.unproven if self.asked.pip.reports else "accept"
        if exit_code == 0 and not all(plan.accepts(verdict, unproven) for verdict in found):
            exit_code = NOT_PINNED
        return Outcome(
            exit_code=exit_code,
            verdicts=comparison.remarked(found, self._recording.labels),
            plan=self.clearing.plan,
            commands=tuple(self._runs.commands),
            error=self._error,
            rehearsed=self.asked.request.last("dry_run") is not None,
        )

    def _perhaps(self) -> list[Pin]:
        """Return what is pinned by constraints alone and not installed: pip takes it if anything needs it."""
        return [pin for pin in self.asked.demand.pins if not pin.requested and self._evidence.find(pin.name) is None]

    def _rehearsed(self) -> bool:
        return self.asked.request.last("dry_run") is not None

    def _users_own(self, folder: str, *, again: bool = False) -> int:
        """Run the user's own command, verbatim behind our few additions, with pip's cache."""
        first = refusals.resolves_first(self.asked) or self._sourcing.resolves_first()
        if first and (exit_code := self._resolve(folder)):
            return exit_code
        wanted = None if again else self.asked.request.last("json_report_file")
        request = self.asked.request.arguments
        ours = (*self.clearing.around(self.asked.pip), *holds.constraints(self._held, folder))
        if wanted is not None and wanted.value and pip.is_file(wanted.value):
            report_file = wanted.value
        else:
            request = arguments.without(request, "json_report_file", self.asked.pip.release)
            report_file = os.path.join(folder, "report.json")
            ours += ("--report", report_file) if self._reports or wanted is not None else ()
        exit_code = self._runs.run("install", ("install", *ours, *uncompiled(self.asked), *request))
        self._installed(exit_code, report_file)
        if exit_code == 0 and "--report" in ours and wanted is not None:
            pip.deliver(report_file, wanted.value or "-")
        return exit_code

    def _force(self, folder: str) -> tuple[Verdict, ...]:
        """Reinstall, alone, each pin whose version is right and whose contents are not, or not proven; judge again."""
        found = self.judge()
        pins = self._sourcing.bound(self._forced(found))
        changes = plan.neutral(self.asked.request.defaults, os.devnull) if pins else None
        if changes is None:
            return found
        for group in plan.by_hashes(pins):
            names = ", ".join(pin.name for pin in group)
            self._tell.say(f"reinstalling {names}: what is installed is not, or not provably, what is asked for")
            report_file = os.path.join(folder, "forced.json")
            ours = ("--report", report_file) if self.asked.pip.reports else ()
            file = pip.requirements_file(folder, rebuild.lines(group, self.asked))
            carried = arguments.carried(self.asked.request, into_environment=True)
            started = time.time_ns()
            words = ("--force-reinstall", "--no-deps", *ours, *uncompiled(self.asked), *carried)
            words += (*self.clearing.around(self.asked.pip), "-r", file)
            exit_code = self._cured(functools.partial(self._runs.run, "force", ("install", *words), changes), group)
            self._installed(exit_code, report_file)
            if exit_code == 0:
                self._recording.write(self.asked, self.after, self._reported, started, alone=True)
        return self.judge()

    def _forced(self, found: Sequence[Verdict]) -> tuple[Pin, ...]:
        return plan.forced(found, self.asked.policy.unproven)

    def _installed(self, exit_code: int, report_file: str) -> None:
        """Take note of what pip has just installed, and compile it if pip was kept from that."""
        self._reported = pip.installed(report_file) if exit_code == 0 else {}
        if exit_code == 0 and self._healing.settle(self.asked, self.after, self._started):
            self._seen = (-1, self.after)  # `after` looks again
        if exit_code == 0:
            self._healing.sweep(self.after)
        if self._reported and uncompiled(self.asked):
            found = filter(None, map(self.after.find, self._reported))
            paths = [path for one in found for path in self.after.installed.files(one).sources]
            runs.compile_files(self.asked.target.executable, paths, self.asked.environ)
        if exit_code == 0:
            identities = [identity for identity, _ in self._reported.values()]
            self.asked, after = proof.learnt(self.asked, self.after, identities)
            self._seen = (self._seen[0], after)
            self.asked = replaced(self.asked, identities, self._tell)
            self._reports = self._reports and self.asked.pip.reports
