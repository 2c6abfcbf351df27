"""Measure, print the tables, and write them into the docs."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import page
from tests.benchmarks.measured import measure, uv
from tests.benchmarks.stage import Stage
from tests.support.environments import ROOT
from tests.support.index import Index
from tests.support.pips import NEWEST, find_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measured import Costs


def main(argv: Sequence[str]) -> None:
    """Measure with each interpreter."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="of what takes less than a second")
    parser.add_argument("--installs", type=int, default=5, help="rounds of installs")
    parser.add_argument("--quick", action="store_true", help="3 rounds, 1 install, and the docs stay as they are")
    parser.add_argument("pythons", nargs="*", default=["3.11", "3.13"], metavar="X.Y")
    given = parser.parse_args(argv)
    short, long = (3, 1) if given.quick else (given.rounds, given.installs)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        own_wheel = _own_wheel(Path(folder, "own"))
        costs = {
            version: _measured(Path(folder, version), version, own_wheel, (short, long)) for version in given.pythons
        }
    tables = page.tables(costs, page.circumstances(_versions(), (short, long), load))
    print(tables)
    if not given.quick:
        page.write(tables, costs)


def _measured(home: Path, version: str, own_wheel: Path, numbers: tuple[int, int]) -> Costs:
    python = find_python(version)
    if python is None:
        message = f"there is no Python {version}"
        raise SystemExit(message)
    with Index() as index:
        # nothing is asked again while this runs, however long it runs
        index.page_max_age = index.file_max_age
        home.mkdir()
        return measure(Stage(home=home, python=python, own_wheel=own_wheel, index=index), *numbers)


def _own_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def _versions() -> dict[str, str]:
    """Return the versions of the tools that are compared."""
    binary = uv()
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout if binary else ""
    return {"pip": NEWEST, "uv": told.split()[1] if told else "not to be had"}


main(sys.argv[1:])
