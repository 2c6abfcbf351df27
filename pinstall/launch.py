"""Carry out a plan around pip: evict, remake, run the user's command, force, judge again, put back.

May not: parse text, format, decide what to evict.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall.adapters import archives, pip, staging
from pinstall.adapters.cache import wheels
from pinstall.adapters.ledger import Row, record_digest
from pinstall.adapters.locations import cache_directory
from pinstall.adapters.shelf import Shelf
from pinstall.call import REPORTS
from pinstall.core import arguments, plan, report, verdicts
from pinstall.core.options import ELSEWHERE
from pinstall.errors import NOT_PINNED, PinstallError
from pinstall.evidence import Evidence
from pinstall.model import Case, Command, Outcome, Plan, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.demand import Asked
    from pinstall.model import Artifact, Identity, Pin, Reporter, Shelved, Verdict
    from pinstall.request import Option

REPORTS_QUIETLY = (23, 0)
"""The first pip that does not warn that its report is an experiment."""


def launch(asked: Asked, found: Sequence[Verdict], environ: Mapping[str, str], tell: Reporter) -> Outcome:
    """Bring about what is pinned with pip, and return what was done.

    Whatever ends the run before its time, the wheels that left the cache only for their version go back to it.
    """
    run = _Run(asked, environ, tell)
    with tempfile.TemporaryDirectory(prefix="pinstall-") as folder:
        try:
            exit_code = run.go(found, folder)
        except BaseException:
            run.put_back()
            raise
        final = run.judge() if exit_code == 0 else found
    return run.outcome(exit_code, final)


class _Run:
    """One run of pip with all that stands around it."""

    def __init__(self, asked: Asked, environ: Mapping[str, str], tell: Reporter) -> None:
        self._asked = asked
        # the target is chosen, so pip must not choose again
        self._environ = {name: value for name, value in environ.items() if name != "PIP_PYTHON"}
        self._tell = tell
        self._cache = cache_directory(asked.call.request.options, environ, asked.call.target)
        self._shelf = None if self._cache.path is None else Shelf(self._cache.path)
        self._receipt: str | None = None
        self._plan = Plan()
        self._commands: list[Command] = []
        self._interrupted = False
        self._reported: dict[NormalizedName, tuple[Identity, str]] = {}
        pip_release = asked.call.target.pip or ()
        pins = asked.demand.pins
        proof = any(pin.hashes or pin.source for pin in pins)
        # 22.2 to 22.3 call their report an experiment each time, so it is only asked for where nothing else can tell
        needed = proof or self._elsewhere() or asked.call.request.last("ignore_installed") is not None
        self._reports = bool(pins) and (pip_release >= REPORTS_QUIETLY or (pip_release >= REPORTS and needed))
        if asked.call.target.externally_managed and asked.call.request.last("dry_run"):
            self._reports = False  # for pip a dry run with a report is a way around the mark of PEP 668
        if proof and pip_release < REPORTS:
            tell.say(f"pip {'.'.join(map(str, pip_release))} does not report what it installs: hashes are not proven")

    def go(self, found: Sequence[Verdict], folder: str) -> int:
        """Run everything up to the last pip, and return the exit code of the one that decides."""
        if not self._elsewhere():
            self._clear(found)
            self._remake()
        if self._interrupted:
            self.put_back()
            return self._commands[-1].exit_code
        exit_code = self._users_own(folder)
        if exit_code != 0:
            self.put_back()
            return exit_code
        self._remember()
        if not self._elsewhere():
            self._force(folder)
        return 0

    def judge(self) -> tuple[Verdict, ...]:
        """Judge again, from the environment, or from pip's report where the environment cannot tell."""
        if not self._elsewhere() and self._asked.call.request.last("ignore_installed") is None:
            return Evidence(self._asked).judge()
        if not self._reports and self._elsewhere() and self._asked.demand.pins:
            self._tell.say("this pip does not report what it put elsewhere: the pins are not verified")
            return ()
        final = Evidence(self._asked).judge({name: identity for name, (identity, _) in self._reported.items()})
        aim = self._asked.call.request.last("prefix_path") or self._asked.call.request.last("root_path")
        left_out = [v for v in final if v.state is State.HOLDS and v.pin.name not in self._reported]
        if aim is not None and left_out:
            text = report.counted(len(left_out), "pin is", "pins are")
            self._tell.say(f"{text} left out of `{aim.name}` by pip: the environment that pip runs in has them already")
        return final

    def outcome(self, exit_code: int, found: Sequence[Verdict]) -> Outcome:
        """Return what was done; pip's own failure passes through, and a pin that does not hold after all is ours."""
        if exit_code == 0 and not all(plan.accepts(verdict, self._asked.call.policy.unproven) for verdict in found):
            exit_code = NOT_PINNED
        return Outcome(
            exit_code=exit_code,
            verdicts=tuple(found),
            plan=self._plan,
            commands=tuple(self._commands),
            rehearsed=self._asked.call.request.last("dry_run") is not None,
        )

    def put_back(self) -> None:
        """Return to the cache what left it only for its version."""
        if self._receipt is not None and self._shelf is not None:
            mine = [item for item in self._shelf.shelved() if item.receipt == self._receipt and not item.contradiction]
            for item in self._shelf.put_back(mine):
                self._tell.detail(f"put {os.path.basename(item.path)} back into pip's cache")
        self._receipt = None

    def _elsewhere(self) -> bool:
        return any(self._asked.call.request.last(dest) is not None for dest in ELSEWHERE)

    def _clear(self, found: Sequence[Verdict]) -> None:
        """Move out of pip's cache what contradicts the pins, and put back from the shelf what they ask for."""
        if self._shelf is None or self._cache.path is None or not self._cache.writable:
            tell = self._tell.say if self._cache.mistaken else self._tell.detail
            tell(f"pip's cache is left alone: {self._cache.reason or 'it cannot be written'}")
            return
        open_pins = [verdict.pin for verdict in found if verdict.state is not State.HOLDS]
        artifacts = list(wheels.of_projects(self._cache.path, {pin.name for pin in open_pins}))
        shelved = [item for item in self._shelf.shelved() if not item.contradiction]
        self._plan = plan.make([_case(pin, artifacts, shelved) for pin in open_pins], self._asked.call.policy.evict)
        if self._plan.evictions:
            self._receipt = self._shelf.evict(self._plan.evictions)
            for eviction in self._plan.evictions:
                self._tell.say(report.eviction(eviction))
        for item in self._shelf.put_back(self._plan.returns):
            self._tell.say(f"put the wheel of {item.identity.name} {item.identity.version} back into pip's cache")

    def _remake(self) -> None:
        """Build the pins whose wheels were wrong without the cache, apart, and give the builds to pip's cache."""
        if not self._plan.remakes or self._cache.path is None:
            return
        changes = plan.neutral(self._asked.call.request.defaults, os.devnull)
        if changes is None:
            self._tell.detail("a pip configuration file says where to install: your own command builds the wheels")
            return
        try:
            for group in plan.by_hashes(self._plan.remakes):
                if not self._interrupted:
                    self._remake_group(group, self._cache.path, changes)
        except (PinstallError, OSError) as error:
            # nothing is lost: what was wrong has left the cache, so the user's own command builds the rest
            self._tell.say(f"the build without the cache is left to your own command: {error}")

    def _remake_group(self, group: Sequence[Pin], cache: str, changes: Mapping[str, str | None]) -> None:
        with staging.stage(cache) as stage:
            file = pip.requirements_file(stage, self._written(group))
            ours = ("install", "--no-cache-dir", "--no-deps", "--no-clean", "--target", os.path.join(stage, "out"))
            carried = arguments.carried(self._asked.call.request)
            exit_code = self._pip("remake", (*ours, *carried, "-r", file), {**changes, "TMPDIR": stage})
            kept = staging.keep(stage, cache) if exit_code == 0 else ()
        for path in kept:
            self._tell.detail(f"{os.path.basename(path)} is fresh in pip's cache")
        if exit_code:
            self._tell.say(f"building without the cache failed (pip exit code {exit_code})")

    def _users_own(self, folder: str) -> int:
        """Run the user's own command, verbatim behind our few additions, with pip's cache."""
        wanted = self._asked.call.request.last("json_report_file")
        request = self._asked.call.request.arguments
        ours: tuple[str, ...] = ()
        if wanted is not None and wanted.value and pip.is_file(wanted.value):
            report_file = wanted.value
        else:
            request = arguments.without(request, "json_report_file", self._asked.call.target.pip or ())
            report_file = os.path.join(folder, "report.json")
            ours = ("--report", report_file) if self._reports or wanted is not None else ()
        exit_code = self._pip("install", ("install", *ours, *request), {})
        self._reported = pip.installed(report_file) if exit_code == 0 else {}
        if exit_code == 0 and ours and wanted is not None:
            pip.deliver(report_file, wanted.value or "-")
        return exit_code

    def _force(self, folder: str) -> None:
        """Reinstall, alone, each pin whose version is right and whose contents are not, or not proven."""
        pins = plan.forced(self.judge(), self._asked.call.policy.unproven)
        changes = plan.neutral(self._asked.call.request.defaults, os.devnull) if pins else None
        if changes is None:
            return
        for group in plan.by_hashes(pins):
            names = ", ".join(pin.name for pin in group)
            self._tell.say(f"reinstalling {names}: what is installed is not, or not provably, the pinned artifact")
            report_file = os.path.join(folder, "forced.json")
            ours = ("--report", report_file) if self._reports else ()
            file = pip.requirements_file(folder, self._written(group))
            carried = arguments.carried(self._asked.call.request, into_environment=True)
            exit_code = self._pip(
                "force", ("install", "--force-reinstall", "--no-deps", *ours, *carried, "-r", file), changes
            )
            if exit_code == 0:
                self._reported = pip.installed(report_file)
                self._remember()

    def _pip(self, purpose: str, arguments_: tuple[str, ...], changes: Mapping[str, str | None]) -> int:
        environ = {**self._environ, **{name: value for name, value in changes.items() if value is not None}}
        for name in (name for name, value in changes.items() if value is None):
            environ.pop(name, None)
        command = (*self._asked.call.pip, *arguments_)
        self._tell.detail(report.command(command))
        ended = pip.run(command, environ, self._asked.replays)
        self._interrupted = self._interrupted or ended.interrupted
        self._commands.append(Command(purpose=purpose, arguments=arguments_, exit_code=ended.exit_code))
        return ended.exit_code

    def _remember(self) -> None:
        """Write into the ledger which artifact each distribution that pip has just installed came from."""
        if self._elsewhere():
            return
        evidence = Evidence(self._asked)
        demanded = {pin.name: pin.hashes for pin in self._asked.demand.pins}
        rows = {}
        for name, (identity, url) in self._reported.items():
            found = evidence.find(name)
            if found is not None and found.damage is None:
                hashes = verdicts.proven(demanded.get(name, frozenset()), identity.hashes)
                rows[name] = Row(version=found.text, hashes=hashes, url=url, record=record_digest(found))
        if rows:
            evidence.ledger.write(rows)

    def _written(self, pins: Sequence[Pin]) -> list[str]:
        """Return the lines of a requirements file that asks for exactly these pins from the user's own indexes."""
        locked = {f"--find-links {shlex.quote(place)}" for pin in pins for line in pin.lines for place in line.locked}
        return [*map(_option_line, self._asked.options), *sorted(locked), *map(_pin_line, pins)]


def _case(pin: Pin, artifacts: Sequence[Artifact], shelved: Sequence[Shelved]) -> Case:
    # a built wheel is judged by version and archive only: where the archive came from it does not say
    demand = replace(pin, version=pin.expected, source=None)
    return Case(
        pin=pin,
        cached=tuple(
            (item, verdicts.judge(demand, item.identity)) for item in artifacts if item.identity.name == pin.name
        ),
        shelved=tuple(
            (item, verdicts.judge(demand, item.identity)) for item in shelved if item.identity.name == pin.name
        ),
    )


def _pin_line(pin: Pin) -> str:
    direct = next((line for line in pin.lines if line.link is not None), None)
    if direct is None or direct.link is None:
        written = pin.wanted
    else:
        path = archives.path_of(direct.link)
        written = direct.link if "+" in direct.link.partition(":")[0] else f"{pin.name} @ {direct.link}"
        written = os.path.abspath(path) if path is not None and "://" not in direct.link else written
    options = [option for line in pin.lines for option in line.options]
    return " ".join([written, *(f"--hash={digest}" for digest in sorted(pin.hashes)), *map(shlex.quote, options)])


def _option_line(option: Option) -> str:
    """Return a global option of a requirements file, for a file that lies elsewhere."""
    if option.value is None:
        return option.name
    value = option.value
    if option.dest == "find_links":
        beside = os.path.join(os.path.dirname(option.origin.where), value)
        value = os.path.abspath(beside) if os.path.exists(beside) else value
    return f"{option.name} {shlex.quote(value)}"
