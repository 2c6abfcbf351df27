"""A URL without a name is a pin too: whose it is, what was installed from it tells."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.scenes import RELEASE, own_lines, pinstall, written
from tests.support.sdists import checkout, sdist, tarball
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

reporting: Final = pytest.mark.skipif(
    RELEASE < (22, 3), reason="without reports no hash is proven, and no dry run told"
)

FIRST, SECOND = (sdist("bb", "1.0", mark=mark) for mark in ("first", "second"))
OTHER: Final = sdist("bb", "2.0", mark="other")


def git(folder: Path, *words: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", *words]
    return subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path, *archives: Archive) -> list[str]:
    """Return a URL for the tree of each archive, as one commit after the other of a repository."""
    urls = []
    checkout(folder, archives[0])
    git(folder, "init", "-q", "-b", "main")
    for number, archive in enumerate(archives):
        for path in checkout(folder.with_name(f"tree{number}"), archive).iterdir():
            path.replace(folder / path.name)
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", archive.filename)
        urls.append(f"git+file://{folder}@{git(folder, 'rev-parse', 'HEAD')}")
    return urls


def served(runner: Runner, filename: str, archive: Archive) -> str:
    """Return the URL of an archive under another name, with its hash."""
    return f"{runner.index.add((filename, archive.content), metadata=False)}#sha256={archive.sha256}"


def mark(runner: Runner) -> str:
    return runner.environment.module("bb", "MARK")


def holds(runner: Runner, *words: str) -> None:
    """Install, and see that the second run and `check` need no pip to know that it is done."""
    told = pinstall(runner, *words)
    assert (told.ended.returncode, told.states) == (0, {"bb": "satisfied"}), told.ended.output
    main = runner.environment.site_packages / "pip" / "__main__.py"
    main.rename(aside := main.with_suffix(".aside"))
    told = pinstall(runner, *words)
    assert (told.ended.returncode, told.purposes, told.states) == (0, [], {"bb": "satisfied"}), told.ended.output
    asked = runner.pinstall("check", *words)
    assert (asked.returncode, own_lines(asked)[-1]) == (0, "1 of 1 pin satisfied, 0 findings"), asked.output
    aside.rename(main)


def wants(runner: Runner, text: str) -> None:
    asked = runner.pinstall("check", text)
    assert (asked.returncode, text in asked.stdout) == (1, True), asked.output


def test_another_commit_of_the_same_version_is_installed(runner: Runner) -> None:
    one, two = repository(runner.home / "repository", FIRST, SECOND)
    holds(runner, one)
    wants(runner, two)
    holds(runner, two)
    assert mark(runner) == "second"


@reporting
@pytest.mark.parametrize("stem", ["0123abcd", pytest.param("release-1.0", marks=pytest.mark.slow)])
def test_another_archive_of_the_same_version_is_installed(runner: Runner, stem: str) -> None:
    one, two = served(runner, f"{stem}.tar.gz", FIRST), served(runner, f"{stem}.1.tar.gz", SECOND)
    holds(runner, one)
    wants(runner, two)
    holds(runner, two)
    assert mark(runner) == "second"


@reporting
@pytest.mark.slow
def test_a_file_whose_name_is_not_its_projects(runner: Runner) -> None:
    for archive in (FIRST, SECOND):
        archive._replace(filename="release-1.0.tar.gz").write(runner.home / "files")
        holds(runner, "./files/release-1.0.tar.gz")
    assert mark(runner) == "second"


@reporting
@pytest.mark.slow
def test_a_file_that_is_named_like_another_project(runner: Runner) -> None:
    runner.index.add(wheel("release", "1.0"))
    url = served(runner, "release-2.0.tar.gz", SECOND)
    written(runner, f"release==1.0\n{url}\n")
    for purposes in (["install"], []):
        told = pinstall(runner, "-r", "requirements.txt")
        assert told.states == {"release": "satisfied", "bb": "satisfied"}, told.ended.output
        assert (told.ended.returncode, told.purposes) == (0, purposes), told.ended.output


@reporting
@pytest.mark.slow
def test_a_contradiction_that_only_the_name_shows(runner: Runner) -> None:
    runner.index.add(FIRST)
    written(runner, f"bb==1.0 --hash=sha256:{FIRST.sha256}\n{served(runner, '0123abcd.tar.gz', SECOND)}\n")
    for _ in range(2):
        ended = runner.pinstall("-r", "requirements.txt")
        assert (ended.returncode, "has no hash in common" in ended.stderr) == (1, True), ended.output


def folders(*archives: Archive) -> Archive:
    """Pack sdists as the folders `0`, `1`, ... of one archive."""
    trees = {}
    for number, archive in enumerate(archives):
        with tarfile.open(fileobj=io.BytesIO(archive.content)) as packed:
            for member in packed:
                text = packed.extractfile(member)
                assert text is not None
                trees[f"{number}/{Path(member.name).name}"] = text.read().decode()
    return tarball("mono", trees)


@reporting
@pytest.mark.slow
@pytest.mark.skipif(RELEASE[:2] in {(22, 2), (22, 3)}, reason="these take what stands behind a hash for a part of it")
@pytest.mark.parametrize("start", ["bb @ ", ""])
def test_another_folder_of_the_same_archive_is_installed(runner: Runner, start: str) -> None:
    url = served(runner, "mono.tar.gz", folders(FIRST, SECOND))
    for number, text in enumerate(("first", "second", "first")):
        holds(runner, f"{start}{url}&subdirectory={number % 2}")
        assert mark(runner) == text


@pytest.mark.slow
def test_two_commits_of_one_project_beside_its_name(runner: Runner) -> None:
    one, two = repository(runner.home / "repository", FIRST, SECOND)
    runner.pip("install", one)
    holds(runner, "bb==1.0", two)
    assert mark(runner) == "second"


@pytest.mark.slow
def test_what_is_there_from_an_index_is_replaced(runner: Runner) -> None:
    (two,) = repository(runner.home / "repository", SECOND)
    runner.index.add(FIRST)
    runner.pip("install", "bb==1.0")
    holds(runner, two)
    assert mark(runner) == "second"


@reporting
@pytest.mark.slow
@pytest.mark.parametrize("words", [("--target", "there"), ("--dry-run",), ("--ignore-installed",)])
def test_elsewhere_the_report_tells_the_name(runner: Runner, words: tuple[str, ...]) -> None:
    urls = (*repository(runner.home / "repository", SECOND), served(runner, "release-1.0.tar.gz", SECOND))
    for url in urls:
        told = pinstall(runner, *words, url)
        assert (told.ended.returncode, told.states) == (0, {"bb": "satisfied"}), told.ended.output


@reporting
@pytest.mark.slow
def test_what_has_no_name_is_said_to_be_missing_by_its_url(runner: Runner) -> None:
    one, two = repository(runner.home / "repository", FIRST, SECOND)
    runner.pip("install", one)
    told = pinstall(runner, "--dry-run", two)
    assert (told.ended.returncode, two in told.ended.stderr) == (65, True), told.ended.output


@reporting
@pytest.mark.slow
def test_what_an_earlier_run_has_pinned_of_the_same_project_is_replaced(runner: Runner) -> None:
    (url,) = repository(runner.home / "repository", OTHER)
    runner.index.add(FIRST)
    assert pinstall(runner, "bb==1.0").ended.returncode == 0
    holds(runner, url)
    assert mark(runner) == "other"
    assert runner.pinstall("check").stdout == ""
