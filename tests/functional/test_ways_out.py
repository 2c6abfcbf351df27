"""Where pins contradict each other, the smallest change that the index's metadata resolves is in the hint."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import RELEASE, own_lines, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner
    from tests.support.wheels import Archive

pytestmark = pytest.mark.skipif(RELEASE < (20, 3), reason="the older resolver takes what comes first")

LEFT = wheel("left", "1.0", requires=["base>=2,<3"])
BASE = wheel("base", "1.0")
CLOSED = "http://127.0.0.1:9/simple"
# How many seconds a search may take that finds nothing on a server next door; its own limit is 20.
SOON = 15.0


@pytest.fixture
def pins(runner: Runner) -> Runner:
    """Two pins that contradict each other, both installed."""
    for archive in (LEFT, BASE):
        runner.index.add(archive)
    place(runner.environment, LEFT, BASE)
    written(runner, "base==1.0\nleft==1.0\n")
    return runner


def hint(runner: Runner, *words: str) -> str:
    started = time.monotonic()
    ended = runner.pinstall("-r", "requirements.txt", *words)
    assert (ended.returncode, time.monotonic() - started < SOON) == (1, True)
    assert "requirements.txt:1: pins base==1.0, but left==1.0 (requirements.txt:2) needs base<3,>=2" in ended.stderr
    return own_lines(ended)[-1]


@pytest.mark.parametrize(
    ("offered", "change"),
    [
        # the newest that fits, not the newest
        ([wheel("base", number) for number in ("2.0", "2.5", "3.0")], "base==2.5 and left==1.0"),
        # the pin that stays is the one that can
        ([wheel("left", "0.9", requires=["base<2"])], "base==1.0 and left==0.9"),
        ([wheel("base", "3.0"), wheel("left", "2.0", requires=["base>=3"])], "base==3.0 and left==2.0"),
    ],
    ids=["one", "the other", "both"],
)
def test_the_smallest_change_is_found(pins: Runner, offered: list[Archive], change: str) -> None:
    for archive in offered:
        pins.index.add(archive)
    assert hint(pins) == f"hint: {change} work together (requirements.txt:1, requirements.txt:2)"


def test_where_nothing_works_nothing_is_promised(pins: Runner) -> None:
    for number in range(2, 9):
        pins.index.add(wheel("left", f"{number}.0", requires=["base>=2,<3"]))
    assert hint(pins) == "hint: change one of the two lines"


def test_a_third_pin_has_its_say(pins: Runner) -> None:
    pins.index.add(wheel("base", "2.0"))
    pins.index.add(wheel("third", "1.0", requires=["base<2"]))
    place(pins.environment, wheel("third", "1.0", requires=["base<2"]))
    written(pins, "base==1.0\nleft==1.0\nthird==1.0\n")
    assert hint(pins) == "hint: change one of the two lines"


def test_an_index_that_is_down_costs_little(pins: Runner) -> None:
    assert hint(pins, "--index-url", CLOSED) == "hint: change one of the two lines"
