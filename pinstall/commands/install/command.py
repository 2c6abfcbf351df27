"""Have pip install: the user's own command, our force command, and again where the cache was the cause.

May not: decide what is evicted or forced, put anything back.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pinstall import comparison, files, pip
from pinstall.commands.install import rebuild, runs
from pinstall.commands.install.clear import Clearing, Healing
from pinstall.environment import interpreter
from pinstall.environment.ledger import Row
from pinstall.model.artifacts import Chosen
from pinstall.model.pins import Hold, Identity, Pin, Reporter, State, Verdict
from pinstall.report.terminal import deliver
from pinstall.request import arguments, settings
from pinstall.request.call import find_serving_pip
from pinstall.verdicts import conflicts, proof, refusals
from pinstall.verdicts.evidence import Evidence
from pinstall.verdicts.sources import Sourcing

_PIP = canonicalize_name("pip")
_MOST_NAMED = 5


class Installer:
    """Has pip install for one request; `held` are pins that pip may not move, `labels` local versions on offer.

    `renewed` are all that pip has installed so far.
    """

    def __init__(self, evidence: Evidence, clearing: Clearing, tell: Reporter, folder: str) -> None:
        asked = evidence.asked
        self._evidence, self._is_stale = evidence, False
        self._starting = interpreter.list_starting(asked.target.paths)
        self._clearing = clearing
        self._tell = tell
        self._folder = folder
        self.is_rehearsal = asked.request.has("dry_run")
        self._reported: dict[NormalizedName, Identity] = {}
        self.renewed: dict[NormalizedName, Identity] = {}
        self._announced: set[Pin] = set()
        self.held: tuple[Hold, ...] = ()
        self.labels: dict[NormalizedName, tuple[Version, ...]] = {}
        self.healing = Healing(tell)
        self.sourcing = Sourcing(asked, clearing.cache)
        self.runs = runs.Runs(asked, tell, clearing.share, self._forget)
        runs.mention_unproven(asked, tell)

    def _forget(self) -> None:
        self._is_stale = True
        self._clearing.cache.forget()

    @property
    def evidence(self) -> Evidence:
        """Return what is asked, and what is installed since pip has run last."""
        if self._is_stale:
            asked, self._is_stale = self._evidence.asked, False
            if self._starting != interpreter.list_starting(asked.target.paths):
                paths = interpreter.ask_paths(asked.target, asked.environ)
                self._starting = interpreter.list_starting(paths)
                asked = replace(asked, target=replace(asked.target, paths=paths))
            installed = self._evidence.installed.look_again(asked.target, verifies=asked.pip.reports)
            self._evidence = Evidence(asked, installed)
            conflicts.assume_requested(self._evidence, self._clearing.cache)
        return self._evidence

    def install(self, *, again: bool = False) -> int:
        """Run the user's own command, verbatim after our few additions, with pip's cache; return the exit code."""
        asked = self.evidence.asked
        first = refusals.resolves_first(asked) or self.sourcing.resolves_first()
        if first and (exit_code := self._resolve(late=again)):
            return exit_code
        option = asked.request.last("json_report_file")
        wanted = "" if again or option is None else option.value or "-"
        ours, report_file = self._ours, os.path.join(self._folder, "report.json")
        if wanted and pip.is_file(wanted):
            report_file = wanted
        elif option is not None or runs.wants_report(asked):
            ours += ("--report", report_file)
        ours += self._quietly if again else ()
        words = (*ours, *runs.compile_options(asked), *runs.own_words(asked, ours))
        exit_code = self.runs.run("install", ("install", *words))
        if exit_code == 0:
            self._note(report_file)
            if wanted and wanted != report_file:
                with suppress(OSError):
                    deliver(wanted, (files.read(report_file) or b"").decode())
        return exit_code

    @property
    def _quietly(self) -> tuple[str, ...]:
        """Return what keeps a second pip command from listing what is satisfied."""
        return () if self._tell.detailed else ("-q",)

    @property
    def _ours(self) -> tuple[str, ...]:
        """Return what keeps pip from the wrong part of its cache, and the pins of earlier runs in their places.

        The constraints are bare versions, since a hash would turn on hash mode.
        """
        bypass = self._clearing.bypass_options(self._evidence.asked.pip)
        lines = [f"{hold.name}=={hold.version}" for hold in self.held]
        return (*bypass, "-c", pip.write_requirements(self._folder, lines)) if lines else bypass

    def _resolve(self, *, late: bool) -> int:
        """Refuse, by a dry run, what pip would take from elsewhere or what is not pinned, before it is installed."""
        exit_code, chosen = self.rehearse("resolve", "-q", *self._ours)
        if exit_code == 0:
            self.sourcing.judge(chosen)
            if refusals.resolves_first(self.evidence.asked):
                refusals.refuse_dependencies(self.evidence.unpinned(chosen), self.evidence.asked, self._tell, late=late)
        return exit_code

    def rehearse(self, purpose: str, *ours: str, silent: bool = False) -> tuple[int, tuple[Chosen, ...]]:
        """Return the exit code of a dry run of the user's own arguments, and what pip would install."""
        report_file = os.path.join(self._folder, f"{purpose}.json")
        ours += ("--dry-run", "--report", report_file)
        words = ("install", *ours, *runs.own_words(self.evidence.asked, ours))
        return self.runs.run(purpose, words, silent=silent), pip.read_report(report_file)

    def cure(self, run: Callable[[], int], wanting: Sequence[Pin]) -> int:
        """Run pip, and again if its cache made it fail; return the last exit code."""
        exit_code = run()
        if exit_code > 0 and not (self.is_rehearsal or self.runs.interrupted) and self._replace_pip():
            self._tell.say("pip failed, and it is damaged: trying again with the pip next to pinstall")
            exit_code = run()
        if exit_code <= 0 or self.is_rehearsal or self.runs.interrupted:
            return exit_code
        if not self._clearing.examine(wanting):
            return exit_code
        self._tell.say("pip failed: trying again without what was wrong in its cache")
        return run()

    def _replace_pip(self) -> bool:
        """Take the pip next to pinstall where the target's own is pinned and damaged; return whether that was done."""
        evidence = self.evidence
        asked, found = evidence.asked, evidence.find(_PIP)
        is_whole = found is not None and not found.damage and evidence.installed.files(found).damage() is None
        if is_whole or all(pin.name != _PIP for pin in asked.demand.pins) or asked.pip.is_outside:
            return False
        serving = find_serving_pip(asked.target, asked.environ)
        if serving is not None:
            self._evidence.asked = self.runs.asked = replace(asked, pip=serving)
        return serving is not None

    def announce(self, found: Iterable[Verdict], forced: Collection[Pin]) -> None:
        """Print why pins are reinstalled, of each once and before pip prints anything."""
        new = [verdict for verdict in found if verdict.pin in forced and verdict.state is not State.ABSENT]
        new = [verdict for verdict in new if verdict.pin not in self._announced]
        self._announced |= {verdict.pin for verdict in new}
        for verdict in new[:_MOST_NAMED]:
            self._tell.say(
                f"reinstalling {verdict.pin.name} {verdict.pin.expected or ''}".rstrip() + f": {verdict.found}"
            )
        if len(new) > _MOST_NAMED:
            self._tell.say(f"reinstalling {len(new) - _MOST_NAMED} more for such reasons")

    def force(self, pins: Sequence[Pin]) -> None:
        """Reinstall, alone, each pin whose version is right and whose contents are not, or are not verified."""
        asked = self.evidence.asked
        pins = self.sourcing.bind_hashes(pins)
        changes = settings.neutral(asked.request.defaults, os.devnull) if pins else None
        if changes is None:
            return
        self.healing.keep(pins, self.evidence)
        for group in rebuild.by_hashes(pins):
            self.cure(partial(self._reinstall, group, changes), group)

    def _reinstall(self, pins: Sequence[Pin], changes: runs.Changes) -> int:
        asked, report_file = self.evidence.asked, os.path.join(self._folder, "forced.json")
        ours = ("--report", report_file) if asked.pip.reports else ()
        carried = arguments.carried(asked.request, into_environment=True)
        words = (*ours, *runs.compile_options(asked), *carried, *self._clearing.bypass_options(asked.pip))
        file = pip.write_requirements(self._folder, rebuild.lines(pins, asked))
        command = ("install", "--force-reinstall", "--no-deps", *self._quietly, *words, "-r", file)
        exit_code = self.runs.run("force", command, changes)
        if exit_code == 0:
            self._note(report_file, alone=True)
        return exit_code

    def judge(self) -> tuple[Verdict, ...]:
        """Judge the pins by the environment, or by pip's report where pip installed elsewhere."""
        asked = self.evidence.asked
        if not asked.elsewhere:
            return self.evidence.judge()
        if asked.demand.pins and not runs.wants_report(asked):
            self._tell.say("this pip does not report what it put elsewhere: the pins are not verified")
            return ()
        final = proof.judge(self._clearing.cache, self.evidence, self._reported)
        aim = asked.request.last("prefix_path") or asked.request.last("root_path")
        fitting = (State.HOLDS, State.UNPROVEN)
        left_out = [v.pin.name for v in final if v.state in fitting and v.pin.name not in self._reported]
        if aim is not None and left_out:
            names = f"{', '.join(left_out)}, which the environment that it runs in has already"
            self._tell.say(f"pip has left out of `{aim.name}` {names}; `--ignore-installed` installs all there")
        return final

    def _note(self, report_file: str, *, alone: bool = False) -> None:
        """Note what pip has just installed, and compile it if pip was kept from that.

        Of pins `alone` pip has enforced all hashes.
        """
        chosen = pip.read_report(report_file)
        self._reported = {one.name: one.identity for one in chosen}
        self.renewed |= self._reported
        self._is_stale |= self.healing.settle(self.evidence)
        self.healing.sweep(self.evidence)
        asked, find = self.evidence.asked, self.evidence.find
        if self._reported and runs.compile_options(asked):
            lists = (self.evidence.installed.files(found) for found in filter(None, map(find, self._reported)))
            paths = [path for one in lists for path in one.sources]
            with self._tell.working("compiling"):
                runs.compile_files(asked.target.executable, paths, asked.environ)
        identities = tuple(self._reported.values())
        self._evidence = proof.learn_names(self.evidence, identities)
        self._evidence.asked = runs.update_pip(self._evidence.asked, identities, self._tell)
        self._record(chosen, alone=alone)

    def _record(self, chosen: Sequence[Chosen], *, alone: bool) -> None:
        """Record what pip has built and installed."""
        evidence = self.evidence
        pins = {one.name: Pin(name=one.name) for one in chosen} | {pin.name: pin for pin in evidence.asked.demand.pins}
        self._clearing.record(pins)
        if evidence.asked.elsewhere:
            return
        self.labels |= self._clearing.cache.labels(self._reported)
        rows = {}
        for one in chosen:
            found, pin = evidence.find(one.name), pins[one.name]
            if found is not None and found.damage is None and evidence.installed.is_new(found.record):
                flaws = evidence.installed.flaws(found)
                rows[one.name] = Row(
                    version=found.text,
                    hashes=comparison.prove(pin.hashes if alone else pin.enforced, one.identity.hashes),
                    url=one.url,
                    record=evidence.installed.files(found).digest(flaws),
                    inputs=self._clearing.find_inputs(pin, one.identity, one.url),
                    flaws=flaws,
                    index=self.sourcing.index(one),
                )
        if rows:
            evidence.installed.ledger.write(rows, self._tell.say)
