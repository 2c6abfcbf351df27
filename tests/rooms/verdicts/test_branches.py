"""Asking a git repository what a name stands for, against real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from pinstall.verdicts.branches import commit_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git")

SETTINGS: Final = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
NAMES: Final = {
    "main": "second",
    "HEAD": "second",
    "side": "first",
    "both": "first",
    "light": "first",
    "annotated": "second",
    "feature/side": "second",
    "refs/pull/1/head": "first",
}


def _git(folder: Path, *args: str) -> str:
    command = ["git", *SETTINGS, *args]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commits(tmp_path: Path) -> dict[str, str]:
    """Return the commits of a repository in which each name stands for what NAMES says."""
    _git(tmp_path, "init", "-q")
    found = {}
    for number in ("first", "second"):
        _git(tmp_path, "commit", "-q", "--allow-empty", "-m", number)
        found[number] = _git(tmp_path, "rev-parse", "HEAD")
    _git(tmp_path, "branch", "side", found["first"])
    _git(tmp_path, "branch", "feature/side", found["second"])
    _git(tmp_path, "branch", "both", found["first"])
    _git(tmp_path, "tag", "both", found["second"])
    _git(tmp_path, "tag", "light", found["first"])
    _git(tmp_path, "tag", "-a", "-m", "text", "annotated", found["second"])
    _git(tmp_path, "update-ref", "refs/pull/1/head", found["first"])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_for_the_commit_that_pip_would_take(commits: dict[str, str], tmp_path: Path, name: str) -> None:
    assert commit_of(tmp_path.as_uri(), name, os.environ) == commits[NAMES[name]]


def test_a_name_or_repository_that_is_not_there_stands_for_nothing(commits: dict[str, str], tmp_path: Path) -> None:
    assert commit_of(tmp_path.as_uri(), "nothing", os.environ) is None
    assert commit_of(tmp_path.as_uri(), commits["first"][:8], os.environ) is None
    assert commit_of((tmp_path / "gone").as_uri(), "main", os.environ) is None
    assert commit_of("--upload-pack=true", "main", os.environ) is None
    assert commit_of("file:///nul\0", "main", os.environ) is None


def test_without_git_nothing_is_known(commits: dict[str, str], tmp_path: Path) -> None:
    assert commits
    assert commit_of(tmp_path.as_uri(), "main", {"PATH": str(tmp_path / "bin")}) is None


def test_nobody_is_asked_for_a_password_and_nothing_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert commit_of("https://user:hunter2@127.0.0.1:1/repository", "main", os.environ) is None
    assert "".join(capfd.readouterr()) == ""
