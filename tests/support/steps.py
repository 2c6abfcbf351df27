"""List the changes that a run of pinstall makes, and end a run at each of them, from the same start every time."""

from __future__ import annotations

import ast
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tests.support import stepped
from tests.support.environments import copy
from tests.support.processes import TIMEOUT, Completed, sealed
from tests.support.runner import WITHOUT_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.file_systems import Layout
    from tests.support.runner import Runner

Moment = Literal["before", "after"]
COMMAND_WORDS: Final = frozenset({"install", "undo", "cache", "verify", "evict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a recorded run: its number, its audit event, and the path that it leaves behind."""

    number: int
    event: str
    path: str

    @property
    def inside(self) -> bool:
        """Tell whether `shutil.rmtree` makes it, which names what it removes below folders that it holds open."""
        return not self.path.startswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where to end a run: at which change, before or after it, by which signal, alone or with all its processes."""

    change: Change
    moment: Moment
    number: int = signal.SIGKILL
    all_of_them: bool = False

    def __str__(self) -> str:
        """Return the point in the words of a failure."""
        name = signal.Signals(self.number).name
        return f"{name} {self.moment} change {self.change.number}, {self.change.event} of {self.change.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A home with a cache and an environment that stand as they stood when this was made, as often as one likes."""

    runner: Runner
    words: tuple[str, ...]
    master: Path
    layout: Layout | None = None

    @classmethod
    def of(cls, runner: Runner, *words: str, layout: Layout | None = None, remembered: bool = False) -> Stage:
        """Keep the present state as the one that every run starts from; `words` are what pinstall is asked.

        The `layout` puts the state on other file systems each time. A `remembered` interpreter is a part of the state.
        """
        master = Path(tempfile.mkdtemp(prefix="master-", dir=runner.home.parent))
        for folder in (runner.home, runner.environment.root):
            copy(folder, master / folder.name)
        # a remembered interpreter rests on inodes, which by chance come back with the files
        memories = [] if remembered else (master / runner.home.name).glob(".local/state/pinstall/interpreter-*.json")
        for memory in memories:
            memory.unlink()
        return cls(runner=runner, words=words, master=master, layout=layout)

    def reset(self) -> None:
        """Bring the start back."""
        if self.layout:
            self.layout.mounts.clear()
        for folder in (self.runner.home, self.runner.environment.root):
            shutil.rmtree(folder)
            copy(self.master / folder.name, folder)
        if self.layout:
            self.layout.arrange(self.layout.mounts, self.runner)

    def recorded(self) -> list[Change]:
        """Return what a run changes that nobody ends."""
        self.reset()
        ended = self._run("0", "before", "0", "self")
        assert ended.returncode >= 0, ended.output
        return self._changes()

    def end(self, point: Point) -> Completed:
        """Run from the start up to the point, and wait for whatever lives on."""
        self.reset()
        whom = "all" if point.all_of_them else "self"
        ended = self._run(str(point.change.number), point.moment, str(point.number), whom)
        seen = self._changes()
        assert len(seen) >= point.change.number, f"the run never came to {point}\n{ended.output}"
        # `shutil.rmtree` takes files and folders in the order in which the file system lists them
        same = seen[point.change.number - 1].event == point.change.event or point.change.inside
        assert same, f"another run than was recorded: {point}"
        return ended

    def _run(self, *how: str) -> Completed:
        log = self.master.parent / "changes"
        argv = [sys.executable, str(stepped.__file__), str(log), str(self.runner.home.parent), *how, *self.argv]
        # not measured: what is killed leaves no figures, and writing them would be a change
        variables = {key: value for key, value in sealed(self.runner.home).items() if not key.startswith("COVERAGE_")}
        process = subprocess.Popen(
            argv,
            env={**variables, **self.runner.variables},
            cwd=self.runner.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        # ends when the last that holds the streams has ended
        output, errors = process.communicate(timeout=TIMEOUT)
        return Completed(returncode=process.returncode, stdout=output, stderr=errors)

    @property
    def argv(self) -> list[str]:
        """What pinstall is asked, with the target, and with the index where that is taken."""
        at = next((number for number, word in enumerate(self.words) if word not in COMMAND_WORDS), len(self.words))
        index = self.runner.index_options if self.words[0] not in WITHOUT_INDEX else []
        return [*self.words[:at], "--python", str(self.runner.environment.python), *index, *self.words[at:]]

    def _changes(self) -> list[Change]:
        lines = (self.master.parent / "changes").read_text(encoding="utf-8").splitlines()
        return [
            Change(number=number, event=event, path=os.fsdecode(ast.literal_eval(path)))
            for number, (event, path) in enumerate((line.split("\t", 1) for line in lines), 1)
        ]


def points(changes: list[Change]) -> Iterator[Point]:
    """Yield each moment in which SIGKILL leaves another state: before each change, and after those that are not whole.

    What comes between two changes alters nothing, so after one is before the next; but a file that has been opened is
    empty, and a process that has been started lives on by itself or dies too. After the last is the end. Of the
    removals that one `shutil.rmtree` makes, the first, the middle and the last stand for all.
    """
    for change in _without_most_removals(changes):
        yield Point(change=change, moment="before")
        if change.event in {"open", "subprocess.Popen"} or change is changes[-1]:
            yield Point(change=change, moment="after")
        if change.event == "subprocess.Popen":
            yield Point(change=change, moment="after", all_of_them=True)


def _without_most_removals(changes: list[Change]) -> Iterator[Change]:
    for inside, group in itertools.groupby(changes, lambda change: change.inside):
        found = list(group)
        yield from (found[at] for at in sorted({0, len(found) // 2, len(found) - 1})) if inside else found
