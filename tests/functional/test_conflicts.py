"""Pins that cannot stand together are refused before anything is touched, as far as that is known; else explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.scenes import RELEASE, files, own_lines, pinned, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < (20, 3), reason="the older resolver takes what comes first")

NEEDY = wheel("needy", "1.15.0", requires=["base>=2"])
OLD, NEW = wheel("base", "1.26.4"), wheel("base", "2.1")
LINES = "# what this project runs on\nbase==1.26.4\n\nneedy==1.15.0\n"
SAID = "error: requirements.txt:2: pins base==1.26.4, but needy==1.15.0 (requirements.txt:4) needs base>=2"

WAY_OUT = "hint: base==2.1 and needy==1.15.0 work together (requirements.txt:2, requirements.txt:4)"


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    """The index has all of it; nothing is installed or cached."""
    for archive in (NEEDY, OLD, NEW):
        runner.index.add(archive)
    return runner


def _refused(runner: Runner, text: str, *words: str) -> list[str]:
    """Install, see that nothing is touched and nobody asked, and return what is said."""
    written(runner, text)
    before = files(runner.environment.root), snapshot(runner.cache)
    runner.index.requests.clear()
    told = pinstall(runner, "-r", "requirements.txt", *words)
    assert (files(runner.environment.root), snapshot(runner.cache)) == before
    asked = runner.index.asked("/files/")  # for a way out only: no file is downloaded
    assert all(request.path.endswith(".metadata") for request in asked)
    assert (told.ended.returncode, told.purposes) == (1, [])
    assert told.document["error"]["reference"] == "conflict"
    return own_lines(told.ended)[1:]  # the first names the environment


def test_what_is_installed_tells_what_it_needs(stocked: Runner) -> None:
    place(stocked.environment, NEEDY, NEW)
    lines = _refused(stocked, LINES)
    assert lines == [SAID, WAY_OUT]


@pytest.mark.parametrize("metadata", [True, False], ids=["beside", "inside"])
def test_what_pip_has_downloaded_tells_what_it_needs(stocked: Runner, metadata: bool) -> None:
    stocked.index.add(NEEDY, metadata=metadata)
    stocked.pip("install", "--target", "elsewhere", "needy==1.15.0")
    assert SAID in _refused(stocked, LINES)
    assert SAID in _refused(
        stocked, LINES.replace("base==1.26.4\n", pinned(OLD)).replace("needy==1.15.0\n", pinned(NEEDY))
    )


@pytest.mark.slow
@pytest.mark.skipif(
    RELEASE < (23, 0),
    reason="pip 22 keeps what it builds by the URL alone, so its server is asked; older ones note none",
)
def test_what_pip_has_built_tells_what_it_needs(stocked: Runner) -> None:
    source = sdist("made", "1.0", requires=["base>=2"])
    stocked.index.add(source)
    stocked.pip("install", "--target", "elsewhere", "made==1.0")
    assert "error: requirements.txt:1: pins base==1.26.4, but made==1.0 (requirements.txt:2) needs base>=2" in _refused(
        stocked, "base==1.26.4\nmade==1.0\n"
    )


def test_all_of_it_is_said_at_once(stocked: Runner) -> None:
    more = wheel("more", "3.0", requires=["base==2.1", "needy<1"])
    place(stocked.environment, NEEDY, NEW, more)
    lines = _refused(stocked, LINES + "more==3.0\n")
    assert lines[0] == "error: 3 pins contradict others"
    assert len(lines) == 5


def test_what_nobody_knows_is_left_to_pip_and_named_when_pip_has_failed(stocked: Runner) -> None:
    written(stocked, LINES)
    told = pinstall(stocked, "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes) == (1, ["install"])
    assert own_lines(told.ended)[-2:] == [SAID, WAY_OUT]


def test_check_finds_it_too(stocked: Runner) -> None:
    place(stocked.environment, NEEDY, NEW)
    written(stocked, LINES)
    ended = stocked.pinstall("check", "-r", "requirements.txt")
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        SAID.removeprefix("error: ")
    ]  # not also that pip would install what pip would refuse


@pytest.mark.slow
@pytest.mark.parametrize("unpinned", ["warn", "allow"])
def test_where_anything_goes_pip_has_the_last_word(stocked: Runner, unpinned: str) -> None:
    place(stocked.environment, NEEDY, NEW)
    written(stocked, LINES)
    told = pinstall(stocked, "-v", "-r", "requirements.txt", "--pin", f"unpinned={unpinned}")
    assert "install" in told.purposes
    assert SAID.removeprefix("error: ") in own_lines(told.ended)


@pytest.mark.slow
def test_where_pip_has_no_cache_the_index_tells_afterwards(stocked: Runner) -> None:
    written(stocked, LINES)
    told = pinstall(stocked, "--no-cache-dir", "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes) == (1, ["install"])
    assert SAID in own_lines(told.ended)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("requires", "words"),
    [
        (["base>=2"], ["--no-deps"]),
        (['base>=2 ; extra == "more"'], []),
        (['base>=2 ; sys_platform == "nowhere"'], []),
    ],
)
def test_where_pip_finds_a_way_nothing_is_said(stocked: Runner, requires: list[str], words: list[str]) -> None:
    other = wheel("other", "1.0", requires=requires)
    stocked.index.add(other)
    place(stocked.environment, other, NEW)
    written(stocked, "base==1.26.4\nother==1.0\n")
    assert stocked.pinstall("-r", "requirements.txt", *words).returncode == 0


def test_another_build_of_the_installed_version_may_need_something_else(stocked: Runner) -> None:
    place(stocked.environment, NEEDY, OLD)
    stocked.index.add(wheel("needy", "1.15.0+old", requires=["base<2"]))
    stocked.pip("install", "--target", "elsewhere", "needy==1.15.0+old")
    stocked.index.requests.clear()
    written(stocked, LINES)
    assert stocked.pinstall("-r", "requirements.txt").returncode == 0
    assert stocked.environment.module("needy") == "1.15.0+old"
