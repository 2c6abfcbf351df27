"""Under GitHub Actions a run that fails says so at the right line of the right file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import RELEASE, pinned, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner


@pytest.fixture
def actions(runner: Runner) -> Runner:
    """A runner whose working directory is the workspace of a job."""
    runner.variables.update(
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(runner.home),
    )
    return runner


def annotated(ended: Completed) -> list[str]:
    assert "::" not in ended.stdout
    return [line for line in ended.stderr.splitlines() if line.startswith("::")]


def test_refusals_stand_at_their_lines_in_nested_files_too(actions: Runner) -> None:
    (actions.home / "sub").mkdir()
    written(actions, "# first\naa==1.0\nbb\n-r sub/more.txt\n")
    (actions.home / "sub" / "more.txt").write_text("\n\ncc \\\n  >=1\ndd==1.*\n", encoding="utf-8")
    ended = actions.pinstall("-q", "-r", "requirements.txt")
    assert ended.returncode == 65
    places = [told.partition("::")[2].partition(",title")[0] for told in annotated(ended)]
    assert places == [
        "error file=requirements.txt,line=3",
        "error file=sub/more.txt,line=3",
        "error file=sub/more.txt,line=5",
    ]


def test_the_place_is_that_in_the_workspace_wherever_the_step_runs(actions: Runner) -> None:
    sub = actions.home / "sub"
    sub.mkdir()
    (actions.home / "r.txt").write_text("bb\n", encoding="utf-8")
    (sub / "s.txt").write_text("cc\n-r ../r.txt\n", encoding="utf-8")
    link = actions.home.parent / "link"
    link.symlink_to(actions.home)
    ended = actions.pinstall("-r", "s.txt", cwd=sub, env={"GITHUB_WORKSPACE": str(link)})
    files = [told.split(",")[0].removeprefix("::error file=") for told in annotated(ended)]
    assert sorted(files) == ["r.txt", "sub/s.txt"]


def test_lines_that_cannot_be_used_and_conflicts_are_annotated(actions: Runner) -> None:
    written(actions, "aa==1.0\n!!\n")
    (told,) = annotated(actions.pinstall("-r", "requirements.txt"))
    assert told.startswith("::error file=requirements.txt,line=2,title=pinstall::")
    (actions.home / "pyproject.toml").write_text("[tool.pinstall]\nevict = []\n", encoding="utf-8")
    (told,) = [line for line in actions.pinstall("aa==1.0").stderr.splitlines() if line.startswith("::")]
    assert told.startswith("::error file=pyproject.toml,line=2,title=")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        # two lines begin with the key, and tomli does not say which one is meant
        ("pyproject.toml", '[tool.other]\nevict = 1\n[tool.pinstall]\nevict = "x"\n', ["aa==1.0"]),
        ("pyproject.toml", "[project]\ndependencies = 1\n", ["lock"]),
        pytest.param(
            *("pylock.toml", "packages = 1\n", ["check", "-r", "pylock.toml"]),
            marks=pytest.mark.skipif(RELEASE < (26, 1), reason="this pip takes no lock file"),
        ),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_named_without_a_line(
    actions: Runner, name: str, text: str, words: list[str]
) -> None:
    (actions.home / name).write_text(text, encoding="utf-8")
    ended = actions.pinstall(*words)
    assert ended.returncode != 0
    (told,) = [line for line in ended.stderr.splitlines() if line.startswith("::")]
    assert told.startswith(f"::error file={name},title=")


@pytest.mark.slow
def test_what_is_only_said_is_a_warning_and_quiet_is_quiet(actions: Runner) -> None:
    actions.index.add(wheel("aa", "1.0"))
    file = str(written(actions, "\naa\n").name)
    ended = actions.pinstall("--pin", "unpinned=warn", "-r", file)
    assert ended.returncode == 0, ended.output
    (told,) = annotated(ended)
    assert told.startswith("::warning file=requirements.txt,line=2,title=pinstall::")
    assert annotated(actions.pinstall("-q", "--pin", "unpinned=warn", "-r", file)) == []


@pytest.mark.slow
def test_where_pip_fails_the_pin_that_is_missing_is_shown(actions: Runner) -> None:
    actions.index.add(wheel("aa", "1.0"))
    written(actions, "aa==1.0\n")
    assert actions.pinstall("-r", "requirements.txt").returncode == 0
    written(actions, "aa==1.0\nbb==1.0\n")
    ended = actions.pinstall("-r", "requirements.txt")
    assert ended.returncode == 1
    (told,) = annotated(ended)
    assert told.startswith("::error file=requirements.txt,line=2,")


def test_a_pin_that_does_not_hold_although_pip_was_content_is_shown(actions: Runner) -> None:
    place(actions.environment, wheel("aa", "1.0"))
    written(actions, f"\n{pinned(wheel('aa', '1.0', modules={'aa.py': 'x = 1'}))}")
    ended = actions.pinstall("--pin", "unproven=refuse", "-r", "requirements.txt")
    assert ended.returncode == 65
    (told,) = annotated(ended)
    assert told.startswith("::error file=requirements.txt,line=2,title=1 pin is not verified::aa==1.0")


def test_check_shows_its_findings(actions: Runner) -> None:
    place(actions.environment, wheel("aa", "1.0"))
    written(actions, "aa==2.0\nbb\n")
    ended = actions.pinstall("check", "-r", "requirements.txt")
    assert ended.returncode == 1
    lines = [line for line in ended.stderr.splitlines() if line.startswith("::")]
    assert [line.split(",")[1] for line in lines] == ["line=2", "line=1"]


def test_elsewhere_there_is_none_of_it(runner: Runner) -> None:
    ended = runner.pinstall("aa")
    assert ended.returncode == 65
    assert "::" not in ended.output
