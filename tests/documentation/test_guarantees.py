"""The page on guarantees names tests that are there, and numbers of a run in which they passed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(TOP / "docs" / "guarantees.py"))
TESTS = [test for promise in SCRIPT["PROMISES"] for test in promise.tests]
REPORT = """<testsuites><testsuite>
<testcase classname="tests.faults.test_load" name="test_under_load[x]"><properties>
<property name="installs" value="200"/><property name="seed" value="7"/><property name="seconds" value="90"/>
<property name="held" value="120"/></properties></testcase>
<testcase classname="tests.fuzz.test_targets" name="test_one">{}</testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize("test", TESTS)
def test_each_promise_is_held_by_a_test_that_is_there(test: str) -> None:
    file, _, function = test.partition("::")
    assert f"\ndef {function}" in (TOP / "tests" / file).read_text(encoding="utf-8")


def test_a_promise_has_the_numbers_of_the_run_and_says_where_there_are_none(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(""), encoding="utf-8")
    told = SCRIPT["recorded"]([report], "pages  1200 inputs  no finding\nwheels 34 inputs  no finding\n")
    assert "`tests/faults/test_load.py` | 1 case, 200 installs |" in told
    assert "| 1 case, 1,234 inputs to 2 readers |" in told
    assert "with seed 7, took 90 seconds: 200 installs," in told
    assert "`tests/faults/test_lease.py` | not in this run |" in told


@pytest.mark.parametrize("end", ["<failure/>", "<error/>"])
def test_a_run_in_which_one_did_not_pass_is_not_written_down(tmp_path: Path, end: str) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(end), encoding="utf-8")
    with pytest.raises(SystemExit, match="test_one"):
        SCRIPT["recorded"]([report], "")
