"""What pins need and nobody has pinned is counted, listed, or refused before anything is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.scenes import RELEASE, files, lame, own_lines, pinstall, place, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner

REPORTS = pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nobody knows beforehand")
TOP = wheel("top", "1.0", requires=["left", "right[more]>=2"])
LEFT, RIGHT = wheel("left", "1.0", requires=["deep"]), wheel("right", "2.5", extras={"more": ["far"]})
DEEP, FAR = wheel("deep", "0.1"), wheel("far", "3.0rc1")
ALL = (TOP, LEFT, RIGHT, DEEP, FAR)
LINES = [
    "  deep==0.1    # left 1.0 needs it",
    "  far==3.0rc1  # right 2.5 needs it",
    "  left==1.0    # top 1.0 needs it",
    "  right==2.5   # top 1.0 needs it",
]
LIST = [
    "4 dependencies are not pinned; add these lines, or let `pinstall lock` write a file that is complete:",
    *LINES,
]
COUNTED = "1 pin satisfied; 4 dependencies are not pinned (`pinstall check` lists them)"
CLOSED = "top==1.0\nleft==1.0\nright==2.5\ndeep==0.1\nfar==3.0rc1\n"


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    """The index has a project with four dependencies on two levels, one of them by an extra."""
    for archive in ALL:
        runner.index.add(archive)
    written(runner, "top==1.0\n")
    return runner


def test_they_are_counted_after_an_installation_and_again_where_all_holds(stocked: Runner) -> None:
    for _ in range(3):  # the third time by a stamp
        ended = stocked.pinstall("-r", "requirements.txt")
        assert ended.returncode == 0
        assert own_lines(ended)[-1] == COUNTED


def test_under_q_nothing_is_said(stocked: Runner) -> None:
    place(stocked.environment, *ALL)
    assert own_lines(stocked.pinstall("-q", "-r", "requirements.txt", "--pin", "closure=warn")) == []


def test_where_everything_is_pinned_there_is_nothing_to_count(stocked: Runner) -> None:
    place(stocked.environment, *ALL)
    written(stocked, CLOSED)
    assert own_lines(stocked.pinstall("-r", "requirements.txt"))[-1] == "5 pins satisfied"


def test_a_constraint_pins_too(stocked: Runner) -> None:
    place(stocked.environment, *ALL)
    written(stocked, CLOSED.partition("\n")[2], "constraints.txt")
    assert own_lines(stocked.pinstall("-r", "requirements.txt", "-c", "constraints.txt"))[-1] == "5 pins satisfied"


def test_without_dependencies_there_are_none(stocked: Runner) -> None:
    place(stocked.environment, *ALL)
    assert own_lines(stocked.pinstall("--no-deps", "-r", "requirements.txt"))[-1] == "1 pin satisfied"


def test_check_lists_all_of_them_and_finds_nothing_wrong_with_that(stocked: Runner) -> None:
    place(stocked.environment, *ALL)
    ended = stocked.pinstall("check", "-r", "requirements.txt")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert own_lines(ended)[-6:] == [*LIST, "1 of 1 pin satisfied, 0 findings"]


def test_warn_lists_them(stocked: Runner) -> None:
    for _ in range(3):
        ended = stocked.pinstall("-r", "requirements.txt", "--pin", "closure=warn")
        assert ended.returncode == 0
        assert own_lines(ended)[-6:] == [*LIST, COUNTED]


@pytest.mark.slow
def test_the_report_has_them(stocked: Runner) -> None:
    assert pinstall(stocked, "-r", "requirements.txt").document["unpinned"][0] == {
        "name": "deep",
        "version": "0.1",
        "by": "left 1.0",
    }


def _refused(runner: Runner, *words: str) -> list[str]:
    before = files(runner.environment.root)
    told = pinstall(runner, "-r", "requirements.txt", "--pin", "closure=refuse", *words)
    assert files(runner.environment.root) == before
    assert told.ended.returncode == 65
    assert "install" not in told.purposes
    return own_lines(told.ended)


@REPORTS
def test_refuse_installs_nothing_and_gives_the_lines_to_add(stocked: Runner) -> None:
    written(stocked, "top==1.0\n")
    lines = _refused(stocked)
    assert lines[-6:-1] == ["error: 4 dependencies are not pinned", *LINES]
    written(stocked, "top==1.0\n" + "\n".join(line.strip() for line in lines[-5:-1]))
    assert stocked.pinstall("-r", "requirements.txt", "--pin", "closure=refuse").returncode == 0


@pytest.mark.slow
@REPORTS
def test_refuse_counts_what_is_there_already_with_what_is_to_come(stocked: Runner) -> None:
    place(stocked.environment, LEFT, DEEP)
    assert _refused(stocked)[-5:-1] == LINES


@pytest.mark.slow
@REPORTS
def test_refuse_leaves_cache_and_environment_as_they_were(stocked: Runner) -> None:
    place(stocked.environment, wheel("top", "0.9"))
    stocked.pip("install", "--target", "elsewhere", "top==1.0")
    before = snapshot(stocked.cache / "wheels")
    _refused(stocked)
    assert snapshot(stocked.cache / "wheels") == before


@pytest.mark.slow
def test_refuse_judges_a_satisfied_environment_by_itself_and_leaves_no_stamp(stocked: Runner) -> None:
    place(stocked.environment, *ALL)
    lame(stocked.environment)
    for _ in range(2):
        assert _refused(stocked)[-5:-1] == LINES
    written(stocked, CLOSED)
    for _ in range(2):
        assert stocked.pinstall("-r", "requirements.txt", "--pin", "closure=refuse").returncode == 0
    place(stocked.environment, wheel("deep", "0.1", requires=["more"]), wheel("more", "1.0"))
    assert _refused(stocked)[-2] == "  more==1.0  # deep 0.1 needs it"


@pytest.mark.slow
@REPORTS
def test_refuse_takes_no_offence_at_what_is_asked_for_itself(stocked: Runner, home: Path) -> None:
    checkout(home / "mine", sdist("mine", "0.0.1", requires=["deep==0.1"]))
    written(stocked, "./mine\ndeep==0.1\n")
    assert stocked.pinstall("-r", "requirements.txt", "--pin", "closure=refuse").returncode == 0


@pytest.mark.slow
@REPORTS
@pytest.mark.parametrize("there", [False, True])
def test_refuse_holds_for_what_a_reinstalled_artifact_needs_more_than_before(runner: Runner, *, there: bool) -> None:
    more = wheel("more", "1.0")
    place(runner.environment, wheel("top", "1.0"), *[more] * there)
    (runner.environment.site_packages / "top.py").unlink()
    for archive in (more, wheel("top", "1.0", requires=["more"])):
        runner.index.add(archive)
    for steps in (["install", "force"], []):
        told = pinstall(runner, "top==1.0", "--pin", "closure=refuse")
        assert told.ended.returncode == 65
        assert own_lines(told.ended)[-3:-1] == ["error: 1 dependency is not pinned", "  more==1.0  # top 1.0 needs it"]
        assert [purpose for purpose in told.purposes if purpose != "resolve"] == steps
        assert ("nothing was installed" in own_lines(told.ended)[-1]) is not bool(steps)
    assert ("more==1.0" in runner.environment.freeze()) is there


def test_check_finds_them_under_refuse(stocked: Runner) -> None:
    place(stocked.environment, *ALL)
    ended = stocked.pinstall("check", "-r", "requirements.txt", "--pin", "closure=refuse")
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[0] == "`deep==0.1`, needed by left 1.0, is not pinned"
    assert len(ended.stdout.splitlines()) == 4


@pytest.mark.skipif(RELEASE >= (22, 2), reason="newer pips can say it")
def test_refuse_says_that_an_old_pip_cannot_tell(stocked: Runner) -> None:
    assert "this pip cannot say beforehand" in "".join(_refused(stocked))
