"""Write the table of the page on guarantees from one recorded run of the tests that hold them: `nox -s guarantees`.

Without arguments it prints the files of those tests; with JUnit reports, and what `python -m tests.fuzz` printed where
there is that too, it writes the page. It ends with an error where a test of the report failed; skipped ones count for
nothing.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE = Path(__file__).parent / "explanation" / "guarantees.md"
START, END = "<!-- recorded -->\n", "<!-- /recorded -->"
HEAD = "| Promise | Held by | Tried |\n|---|---|---|"
OF_THE_LOAD = (
    "installs",
    "SIGKILL",
    "SIGKILL to pinstall alone",
    "SIGTERM",
    "SIGINT",
    "plain pips",
    "purges",
    "spoilt",
)
"""What the load counts and the page tells, besides what each promise counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise, the tests that hold it as `file::function` below `tests/`, and what they count beside cases."""

    text: str
    tests: tuple[str, ...]
    counts: str = ""


PROMISES = (
    Promise(
        text="Killed (SIGKILL) before or after any change that pinstall makes: no file of the cache is lost, ledger "
        "and stamp claim nothing that is not so, the next run ends with 0 and the environment is right",
        tests=("faults/test_every_step.py::test_killed_at_any_step_nothing_is_lost_and_the_next_run_ends_well",),
        counts="points",
    ),
    Promise(
        text="The same with the shelf on another file system, and with cache and environment in lower layers of "
        "overlays",
        tests=(
            "faults/test_every_step.py::test_killed_on_other_file_systems_nothing_is_lost_and_the_next_run_ends_well",
        ),
        counts="points",
    ),
    Promise(
        text="The same for Ctrl-C and SIGTERM",
        tests=("faults/test_every_step.py::test_interrupted_at_any_step_nothing_is_lost_and_the_next_run_ends_well",),
        counts="points",
    ),
    Promise(
        text="After a power cut a file of ours that is empty, cut short or gone is not believed",
        tests=("faults/test_every_step.py::test_after_a_power_cut_nothing_is_believed_that_is_not_whole",),
        counts="points",
    ),
    Promise(
        text="Killed while pip works, with pip or without it: the same",
        tests=("faults/test_killed.py::test_a_killed_run_loses_nothing_and_the_next_one_ends_well",),
    ),
    Promise(
        text="Stopped during a build: cache and environment are as they were",
        tests=("faults/test_interrupted.py::test_whoever_stops_a_build_finds_everything_in_its_place",),
    ),
    Promise(
        text="Full disk, read-only or foreign cache or environment, other file systems, links, long paths, no home: "
        "nothing is lost, and it is said",
        tests=("faults/test_disk_and_rights.py", "faults/test_hostile.py"),
    ),
    Promise(
        text="Files that pinstall cannot rename or cannot move: it never fails where pip alone succeeds, unless a pin "
        "is not satisfied afterwards, and nothing is lost",
        tests=("functional/test_never_worse.py",),
    ),
    Promise(
        text="Eight runs at once, with one cache and eight environments or one, beside plain pip and `pip cache purge`"
        ": each gets its pin, nothing is lost, the ledger is whole",
        tests=("faults/test_at_once.py",),
    ),
    Promise(
        text="A good wheel stays while the pip of another run may open it, a contradiction leaves all the same; "
        "whoever waits says for what, and for ten seconds at most",
        tests=("faults/test_lease.py",),
    ),
    Promise(
        text="Under load, ended at random: nothing is lost, nothing is wrong, no run hangs",
        tests=("faults/test_load.py",),
        counts="installs",
    ),
    Promise(
        text="Bytes that others wrote make no reader raise, write, start anything, or take long",
        tests=("fuzz/test_targets.py",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case of a report: where it stands, how it ended, and what it counted."""

    file: str
    function: str
    passed: bool
    counted: dict[str, str]


def cases(report: Path) -> list[Case]:
    """Return the test cases of a JUnit report that were not skipped."""
    found = ET.parse(report).iter("testcase")  # noqa: S314 - our own
    return [_case(element) for element in found if element.find("skipped") is None]


def _case(element: ET.Element) -> Case:
    module = re.match(r"tests\.([a-z_]+)\.([a-z_]+)", element.get("classname", ""))
    return Case(
        file="/".join(module.groups()) + ".py" if module else "",
        function=element.get("name", "").partition("[")[0],
        passed=not {"failure", "error"} & {child.tag for child in element},
        counted={one.get("name", ""): one.get("value", "") for one in element.iter("property")},
    )


def row(promise: Promise, found: Iterable[Case], fuzzed: Sequence[tuple[str, int]]) -> str:
    """Return one row: the promise, its tests, and their numbers."""
    named = [test.partition("::") for test in promise.tests]
    mine = [
        one for one in found if any(one.file == file and function in {"", one.function} for file, _, function in named)
    ]
    numbers = [f"{len(mine)} cases" if len(mine) > 1 else "1 case"] if mine else ["not in this run"]
    if promise.counts and mine:
        numbers.append(f"{sum(int(one.counted[promise.counts]) for one in mine):,} {promise.counts}")
    if fuzzed and promise.tests[0].startswith("fuzz/"):
        numbers.append(f"{sum(number for _, number in fuzzed):,} inputs to {len(fuzzed)} readers")
    held = ", ".join(f"`tests/{test}`" for test in promise.tests)
    return f"| {promise.text} | {held} | {', '.join(numbers)} |"


def load(found: Iterable[Case]) -> str:
    """Return what the load was, in a sentence; nothing where it was not run."""
    for one in found:
        if one.file == "faults/test_load.py":
            ended = [f"{one.counted.get(name, 0)} {name}" for name in OF_THE_LOAD]
            evicted, kept = one.counted.get("evicted", 0), one.counted.get("left in place", 0)
            told = f"The load, with seed {one.counted['seed']}, took {one.counted['seconds']} seconds: "
            told += f"{', '.join(ended)}. {one.counted['held']} runs came to their end with what was pinned, in "
            told += f"{one.counted.get('pip failed', 0)} of those that nobody ended pip failed. "
            return f"{told}{evicted} wheels left the cache, and {kept} times one stayed that another run was using.\n"
    return ""


def recorded(reports: Iterable[Path], fuzzed: str) -> str:
    """Return the part of the page that tells of a run, in one part or more."""
    found = [one for report in reports for one in cases(report)]
    if bad := [one.function for one in found if not one.passed]:
        sys.exit(f"not every test passed: {', '.join(bad)}")
    tried = [
        (name, int(number)) for name, number in re.findall(r"^(\S+) +(\d+) inputs  no finding$", fuzzed, re.MULTILINE)
    ]
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    rows = "\n".join(row(promise, found, tried) for promise in PROMISES)
    return f"Recorded on {today} on {machine}.\n\n{HEAD}\n{rows}\n\n{load(found)}"


def main(words: Sequence[str]) -> None:
    """Print which tests are needed, or write the page."""
    if not words:
        files = {f"tests/{test.partition('::')[0]}\n" for one in PROMISES for test in one.tests}
        sys.stdout.writelines(sorted(files))
        return
    reports = [Path(word) for word in words if word.endswith(".xml")]
    fuzzed = "".join(Path(word).read_text(encoding="utf-8") for word in words if not word.endswith(".xml"))
    head, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, end, tail = rest.partition(END)
    if not (start and end):
        sys.exit(f"{PAGE} has no place for what was recorded")
    PAGE.write_text(f"{head}{start}{recorded(reports, fuzzed)}{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
