"""The id of an annotated tag is a pin too: pip records the commit, and the id that was asked for next to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.functional.test_nameless import FIRST, SECOND, git, holds, mark, reporting, repository, wants
from tests.support.scenes import RELEASE, pinstall, written

if TYPE_CHECKING:
    from tests.support.runner import Runner

NAMED: Final = pytest.param("bb @ ", marks=pytest.mark.skipif(RELEASE < (23, 2), reason="packaging takes no git+file"))


def tags(runner: Runner) -> list[str]:
    """Return a URL with the id of the tag of each of two commits."""
    folder = runner.home / "repository"
    urls: list[str] = []
    for url in repository(folder, FIRST, SECOND):
        place, _, commit = url.rpartition("@")
        git(folder, "tag", "-a", "-m", "a tag", f"v{len(urls)}", commit)
        urls.append(f"{place}@{git(folder, 'rev-parse', f'v{len(urls)}')}")
    return urls


@pytest.mark.parametrize("start", ["", NAMED])
def test_the_id_of_a_tag_is_satisfied_by_its_commit(runner: Runner, start: str) -> None:
    one, two = (f"{start}{url}" for url in tags(runner))
    assert runner.pip("install", one).returncode == 0
    holds(runner, one)
    wants(runner, two)
    holds(runner, two)
    assert mark(runner) == "second"


@pytest.mark.slow
def test_a_tag_in_upper_case_and_in_a_file(runner: Runner) -> None:
    place, _, tag = tags(runner)[1].rpartition("@")
    written(runner, f"{place}@{tag.upper()}#egg=bb\n")
    holds(runner, "-r", "requirements.txt")
    ended = runner.pinstall("check", "--pinned", "requirements.txt", index=False, target=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.output


@reporting
@pytest.mark.slow
def test_elsewhere_the_report_tells_the_tag(runner: Runner) -> None:
    told = pinstall(runner, "--target", "there", tags(runner)[1])
    assert (told.ended.returncode, told.states) == (0, {"bb": "satisfied"}), told.ended.output


@pytest.mark.slow
def test_the_commit_of_a_tag_is_another_way_to_say_the_same(runner: Runner) -> None:
    tag = tags(runner)[0]
    commit = f"{tag.rpartition('@')[0]}@{git(runner.home / 'repository', 'rev-parse', 'v0^{commit}')}"
    holds(runner, tag)
    holds(runner, commit)
