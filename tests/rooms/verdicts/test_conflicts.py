"""Which pins cannot stand together: what is known of others' resolutions, and what is never to blame."""

from __future__ import annotations

import pytest

from pinstall.verdicts import closure
from pinstall.verdicts.conflicts import find_conflicts
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.values import MARKERS, demanded, distribution, lines

SOLVED = {name: scenario for name, scenario in SCENARIOS.items() if scenario.solution}


def said(text: str, constraints: str = "", **requires: list[str]) -> list[str]:
    """Return what is said of `r.txt`, where each project has one release that needs these things."""
    asked = demanded(text, constraints)
    roots = [closure.of_line(line, line.name) for line in lines(text) if line.name is not None]
    pinned = {pin.name: pin for pin in asked.pins}
    known = {
        name: closure.release(name, pin.exact or str(pin.version or pin.expected), tuple(requires.get(name, ())))
        for name, pin in pinned.items()
    }
    return [str(fault) for fault in find_conflicts(roots, asked.pins, known.get, MARKERS)]


def test_both_lines_are_named() -> None:
    assert said("# all\nnumpy==1.26.4\nscipy==1.15.0\n", scipy=["numpy>=2"]) == [
        "r.txt:2: pins numpy==1.26.4, but scipy==1.15.0 (r.txt:3) needs numpy>=2"
    ]


def test_a_constraint_is_named_where_what_it_pins_is_needed() -> None:
    assert said("aa==1", "bb==1", aa=["bb>1"]) == ["c.txt:1: pins bb==1, but aa==1 (r.txt:1) needs bb>1"]
    assert said("aa==1\ncc==1", "bb==1\ncc==1", bb=["aa>1"]) == []


def test_what_only_a_constraint_pins_has_needs_too() -> None:
    assert said("aa==1\ncc==1", "bb==1", aa=["bb"], bb=["cc>1"]) == [
        "r.txt:2: pins cc==1, but bb==1 (c.txt:1) needs cc>1"
    ]


def test_each_is_said_once() -> None:
    text = "aa==1\nbb==1\nbb[x]==1\ncc==1"
    assert len(said(text, bb=["aa>1", "aa>1", "cc", 'cc>1; extra == "x"'])) == 2


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("aa==1\nbb==1", 'bb>1 ; extra == "x"'),
        ("aa==1\nbb==1", 'bb>1 ; sys_platform == "win32"'),
        ("aa==1\nbb==1.0", "bb==1.0+cu118"),
        ("aa==1\nbb==1.0", "bb===1"),
        ("aa==1\nbb===1.0", "bb===1"),
        ("aa==1\nbb==2.0rc1", "bb>=1"),
        ("aa==1\nbb==1.0+cu118", "bb==1.0"),
        ("aa==1\nbb==1", "bb @ https://host.example/bb-2.zip"),
        ("aa==1\nbb==1", "bb>=2.*"),
        ("aa==1\nbb==1", "bb ; sys_platform ~= 'x'"),
        ("aa==1\nbb==1 ; sys_platform == 'win32'", "bb>1"),
        ("aa==1\nbb>1", "bb<1"),
        ("aa==1\nbb==1", "cc>1"),
        ("aa==1\nbb==1", "aa"),
    ],
)
def test_what_pip_may_find_a_way_for_is_no_conflict(text: str, need: str) -> None:
    if ">1" in text:
        asked = demanded(text)
        roots = [closure.of_line(line, line.name) for line in lines(text) if line.name is not None]
        known = {asked.pins[0].name: distribution("aa", "1", [need])}
        assert find_conflicts(roots, asked.pins, known.get, MARKERS) == ()
    else:
        assert said(text, aa=[need]) == []


def test_what_needs_its_own_extra_and_goes_in_circles_ends() -> None:
    assert said("aa[all]==1\nbb==1", aa=['aa[x] ; extra == "all"', 'bb<2 ; extra == "x"'], bb=["aa[all]"]) == []
    assert said("aa[all]==1\nbb==2", aa=['aa[x] ; extra == "all"', 'bb<2 ; extra == "x"'], bb=["aa[all]"]) != []


def test_what_is_not_known_needs_nothing() -> None:
    asked = demanded("aa==1\nbb==1")
    roots = [closure.of_line(line, line.name) for line in lines("aa==1\nbb==1") if line.name is not None]
    assert find_conflicts(roots, asked.pins, lambda _: None, MARKERS) == ()


@pytest.mark.parametrize("scenario", SOLVED.values(), ids=SOLVED)
def test_solutions_of_others_are_no_conflict(scenario: Scenario) -> None:
    assert scenario.solution is not None
    assert scenario.conflicts(scenario.solution) == ()


@pytest.mark.parametrize(
    ("name", "pins", "named"),
    [
        ("pip/conflict_2-2", {"six": "1.11", "virtualenv": "20.0.2"}, "needs six<2,>=1.12.0"),
        ("pip/conflicting_diamond-1", {"a": "1.0.0", "b": "1.0.0", "c": "1.0.0", "d": "1.0.0"}, "c==1.0.0 (r.txt:3)"),
        ("pip/fallback-1", {"a": "1.0.0", "b": "1.0.0", "c": "1.0.0", "d": "2.0.0"}, "needs d==1.0.0"),
        ("pip/poetry2298-1", {"docutils": "0.16.0", "poetry": "1.0.5", "botocore": "1.5.92"}, "needs docutils<0.16"),
    ],
)
def test_where_others_find_no_way_the_two_lines_are_named(name: str, pins: dict[str, str], named: str) -> None:
    (fault,) = SCENARIOS[name].conflicts(pins)
    assert named in str(fault)


def test_two_independent_conflicts_are_both_named() -> None:
    assert said("aa==1\nbb==1\ncc==1\ndd==1", aa=["bb>1"], cc=["dd<1"]) == [
        "r.txt:2: pins bb==1, but aa==1 (r.txt:1) needs bb>1",
        "r.txt:4: pins dd==1, but cc==1 (r.txt:3) needs dd<1",
    ]


def test_each_conflict_of_a_chain_of_pins_is_named() -> None:
    assert said("aa==1\nbb==1\ncc==1", aa=["bb>=1"], bb=["cc>1"]) == [
        "r.txt:3: pins cc==1, but bb==1 (r.txt:2) needs cc>1"
    ]
    assert said("aa==1\nbb==1\ncc==1", aa=["bb>1"], bb=["cc>1"], cc=["aa<1"]) == [
        "r.txt:2: pins bb==1, but aa==1 (r.txt:1) needs bb>1",
        "r.txt:3: pins cc==1, but bb==1 (r.txt:2) needs cc>1",
        "r.txt:1: pins aa==1, but cc==1 (r.txt:3) needs aa<1",
    ]
