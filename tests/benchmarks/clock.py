"""Measure what commands cost, one after the other in rounds, so that what else the machine does meets all of them."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Part = Literal["cpu", "wall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds: of all processes together, and on the clock."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median and the quartiles around it."""

    low: float
    median: float
    high: float


def spend(argv: Sequence[str], env: Mapping[str, str], cwd: Path, says: str = "") -> Cost:
    """Run a command that has to end well and to say this; return what it and its descendants cost."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    if process.returncode or says not in said:
        message = f"{' '.join(argv)} ended with {process.returncode}\n{said[-4000:]}"
        raise AssertionError(message)
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=wall)


def rounds(actions: Mapping[str, Callable[[], Cost]], number: int) -> dict[str, list[Cost]]:
    """Take every action once per round, in another order each time; a first round only warms up."""
    order = random.Random(number)
    costs: dict[str, list[Cost]] = {name: [] for name in actions}
    for turn in range(number + 1):
        for name in order.sample(sorted(actions), len(actions)):
            cost = actions[name]()
            if turn:
                costs[name].append(cost)
    return costs


def spread(values: Sequence[float]) -> Spread:
    """Return median and quartiles."""
    if len(values) == 1:
        return Spread(low=values[0], median=values[0], high=values[0])
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low=low, median=statistics.median(values), high=high)
