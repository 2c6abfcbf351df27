"""What is measured: the commands by name, and the bars that their ratios are held against."""

from __future__ import annotations

import itertools
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks import sets
from tests.benchmarks.clock import Cost, Part, rounds
from tests.support.environments import copy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.stage import Stage

    Costs = Mapping[str, list[Cost]]
    Actions = dict[str, Callable[[], Cost]]

BARE: Final = "`python -c pass`"
UV: Final = "`uv pip install --require-hashes -r`, 120 pins"
PIP: Final = "`pip install -r`, 120 pins"
PIP_AGAIN: Final = "`pip install -r`, 120 pins, beside the run without a stamp"
STAMP: Final = "`pinstall -r`, 120 pins, stamp"
QUICK: Final = "`pinstall -r --pin stamp=quick`, 120 pins, stamp"
STATS: Final = "`python -c` that calls `os.stat` for each of these files"
BESIDE: Final = "`pinstall --python -r` beside it, 120 pins, stamp"
FULL: Final = "`pinstall -r`, 120 pins, no stamp"
STAMP_SMALL: Final = "`pinstall -r`, 30 pins, stamp"
STAMP_MANY: Final = "`pinstall -r`, 480 pins, stamp"
PIP_ALL: Final = "`pip install -r`"
BY_PIP: Final = "`pinstall -r --pin bytecode=pip`"
PARALLEL: Final = "`pinstall -r --pin bytecode=parallel`"
CHECK: Final = "`pinstall check`"
DEEP: Final = "`pinstall check --deep`"
ADDED: Final = "what `--deep` adds"
HASHLIB: Final = "hashlib alone, on all cores, from the page cache"

_STATS: Final = "import os, sys\nfor path in open(sys.argv[1]).read().split('\\0'): os.stat(path)"

GROUPS: Final = {
    "Everything holds": (BARE, STATS, STAMP_SMALL, STAMP, QUICK, STAMP_MANY, BESIDE, UV, FULL, PIP),
    "120 wheels to install, from a warm cache of 10,000 entries": (PIP_ALL, BY_PIP, PARALLEL),
    "Files compared with what was installed": (HASHLIB, CHECK, DEEP, ADDED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A ratio of two commands of one round, and how large it may be, or has to be."""

    what: str
    of: str
    against: str
    limit: float
    part: Part = "cpu"
    at_least: bool = False

    @property
    def name(self) -> str:
        """What is compared, in words."""
        return f"{self.what}, {'CPU' if self.part == 'cpu' else 'wall'}"

    def ratios(self, costs: Costs) -> list[float]:
        """Return the ratio of each round, none where one of the two was not to be had."""
        pairs = zip(costs.get(self.of, ()), costs.get(self.against, ()), strict=False)
        return [getattr(one, self.part) / getattr(other, self.part) for one, other in pairs]

    def is_met(self, ratio: float) -> bool:
        """Tell whether a ratio is within the limit."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit


_OVERHEAD: Final = "Everything to install, byte code by pip, against pip"
_PARALLEL: Final = "Everything to install, byte code in parallel, against pip"
BARS: Final = (
    Bar(what="Stamp of every file, against `os.stat` of the same files", of=STAMP, against=STATS, limit=1.35),
    Bar(what="Stamp of every file, against pip", of=STAMP, against=PIP, limit=0.10),
    Bar(what="Quick stamp, against `python -c pass`", of=QUICK, against=BARE, limit=1.25),
    Bar(what="Quick stamp, against uv", of=QUICK, against=UV, limit=1.0),
    Bar(what="No stamp, against pip", of=FULL, against=PIP_AGAIN, limit=0.12),
    Bar(what=_OVERHEAD, of=BY_PIP, against=PIP_ALL, limit=1.03),
    Bar(what=_OVERHEAD, of=BY_PIP, against=PIP_ALL, limit=1.03, part="wall"),
    Bar(what=_PARALLEL, of=PARALLEL, against=PIP_ALL, limit=1.05),
    Bar(what=_PARALLEL, of=PARALLEL, against=PIP_ALL, limit=0.75, part="wall"),
    Bar(what="hashlib against `check --deep`", of=HASHLIB, against=DEEP, limit=0.6, part="wall", at_least=True),
    Bar(what="hashlib against what `--deep` adds", of=HASHLIB, against=ADDED, limit=0.6, part="wall", at_least=True),
)


def measure(stage: Stage, short: int, long: int) -> dict[str, list[Cost]]:
    """Measure all of it, in so many rounds of what takes less than a second, and of installs."""
    tool, blank = stage.environment("tool"), stage.environment("blank")
    stage.fill_index(blank)
    stage.add_pinstall(tool)
    inside = {number: stage.environment(f"inside-{number}") for number in (sets.SMALL, sets.REAL, sets.MANY)}
    for number, root in inside.items():
        stage.add_pinstall(root)
        stage.pip(root, number)
    stage.crowd_cache()
    installed = rounds(_installing(stage, tool, blank), long)
    satisfied = _satisfied(stage, tool, inside, short)
    # with what these runs have proved, or each check would look for proof in the cache
    compared = rounds(_checking(stage, inside[sets.REAL]), short)
    compared[ADDED] = [
        Cost(cpu=deep.cpu - check.cpu, wall=deep.wall - check.wall)
        for deep, check in zip(compared[DEEP], compared[CHECK], strict=True)
    ]
    return installed | satisfied | compared


def uv() -> Path | None:
    """Return uv, where the running interpreter's environment has it."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent))
    return Path(found) if found else None


def _satisfied(stage: Stage, tool: Path, inside: Mapping[int, Path], number: int) -> dict[str, list[Cost]]:
    real = inside[sets.REAL]
    python = real / "bin" / "python"
    listed = stage.home / "listed"
    listed.write_text("\0".join(str(path) for path, _ in _rows(real)), encoding="utf-8")

    def full() -> Cost:
        stage.forget_stamps()
        return stage.pinstall(real, sets.REAL)

    actions: Actions = {
        BARE: lambda: stage.spend(python, "-c", "pass"),
        STATS: lambda: stage.spend(python, "-c", _STATS, listed),
        PIP: lambda: stage.pip(real, sets.REAL),
        STAMP: lambda: stage.pinstall(real, sets.REAL),
        QUICK: lambda: stage.pinstall(real, sets.REAL, "--pin", "stamp=quick"),
        STAMP_SMALL: lambda: stage.pinstall(inside[sets.SMALL], sets.SMALL),
        STAMP_MANY: lambda: stage.pinstall(inside[sets.MANY], sets.MANY),
        BESIDE: lambda: stage.pinstall(tool, sets.REAL, "--python", real),
    }
    if binary := uv():
        words: tuple[str | Path, ...] = ("--python", python, "--require-hashes", *stage.requirements(sets.REAL))
        actions[UV] = lambda: stage.spend(binary, "pip", "install", *words)
    for _ in range(3):  # the first writes the ledger; what has just changed gets no stamp
        for action in actions.values():
            action()
    before = stage.stamped()
    costs = rounds(actions, number)
    if not before or before != stage.stamped():
        raise AssertionError("these runs were to find their stamps")
    # with pip once more, so that the ratio is one of the same rounds
    return costs | rounds({FULL: full, PIP_AGAIN: actions[PIP]}, number)


def _installing(stage: Stage, tool: Path, blank: Path) -> Actions:
    target = stage.home / "target"

    def fresh() -> Path:
        shutil.rmtree(target, ignore_errors=True)
        return copy(blank, target)

    def pinstall(way: str) -> Cost:
        return stage.pinstall(tool, sets.REAL, "--python", fresh(), "--pin", f"bytecode={way}")

    return {
        PIP_ALL: lambda: stage.pip(fresh(), sets.REAL),
        BY_PIP: lambda: pinstall("pip"),
        PARALLEL: lambda: pinstall("parallel"),
    }


def _checking(stage: Stage, root: Path) -> Actions:
    paths = [path for path, row in _rows(root) if ",sha256=" in row]
    check = (root / "bin" / "pinstall", "check")
    return {
        CHECK: lambda: stage.spend(*check, *stage.requirements(sets.REAL)),
        DEEP: lambda: stage.spend(*check, "--deep", *stage.requirements(sets.REAL)),
        HASHLIB: lambda: stage.hashing(paths),
    }


def _rows(root: Path) -> list[tuple[Path, str]]:
    """Return each file that the RECORDs of the real set list, byte code left out, with its row."""
    site_packages = next(root.glob("lib/python*/site-packages"))
    names = {line.split("==")[0].replace("-", "_") for line in sets.text(sets.REAL).splitlines() if line[:1] != "#"}
    records = [path for path in site_packages.glob("*.dist-info/RECORD") if _project(path) in names]
    rows = itertools.chain.from_iterable(path.read_text(encoding="utf-8").splitlines() for path in records)
    return [(site_packages / row.rsplit(",", 2)[0].strip('"'), row) for row in rows if "__pycache__" not in row]


def _project(record: Path) -> str:
    return record.parent.name.partition("-")[0].lower().replace(".", "_")
