"""A pin rests on the local file from which it was installed: a changed file is installed again, by its record alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.scenes import RELEASE, own_lines, pinstall, written
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark: Final = pytest.mark.skipif(
    RELEASE < (23, 1), reason="this pip is not asked what it installs without hashes"
)

OLD, NEW = (wheel("demo", "1.0", mark=mark) for mark in ("old", "new"))
OLD_SOURCE, NEW_SOURCE = (sdist("demo", "1.0", mark=mark) for mark in ("old", "new"))
WAYS: Final = ("option", "variable", "pip.conf", "file", "index")


def asked(runner: Runner, way: str) -> tuple[str, ...]:
    """Return the words with which pip finds the wheels: by an option, a variable, pip.conf, a file, a local index."""
    folder = runner.home / "wheels"
    match way:
        case "variable":
            runner.variables["PIP_FIND_LINKS"] = str(folder)
        case "pip.conf":
            written(runner, f"[install]\nfind-links = {folder}\n", "pip.conf")
            runner.variables["PIP_CONFIG_FILE"] = str(runner.home / "pip.conf")
        case "file":
            written(runner, "--find-links wheels\ndemo==1.0\n")
            return ("-r", "requirements.txt")
        case "index":
            return ("--index-url", f"file://{folder}", "demo==1.0")
        case _:
            return ("--find-links", "wheels", "demo==1.0")
    return ("demo==1.0",)


def put(runner: Runner, archive: Archive, way: str = "option") -> None:
    folder = runner.home / "wheels"
    path = archive.write(folder / "demo" if way == "index" else folder)
    os.utime(path, (1_600_000_000, 1_600_000_000))  # its age tells nothing
    (path.parent / "index.html").write_text(f'<a href="{path.name}">demo</a>')


def satisfied(runner: Runner, *words: str, purposes: tuple[str, ...] = ()) -> None:
    told = pinstall(runner, *words)
    assert (told.ended.returncode, told.purposes, told.states) == (0, [*purposes], {"demo": "satisfied"}), (
        told.ended.output
    )


def mark(runner: Runner) -> str:
    return runner.environment.module("demo", "MARK")


@pytest.mark.parametrize("way", [WAYS[0], *(pytest.param(way, marks=pytest.mark.slow) for way in WAYS[1:])])
def test_a_rebuilt_wheel_is_installed_again(runner: Runner, way: str) -> None:
    put(runner, OLD, way)
    words = asked(runner, way)
    satisfied(runner, *words, purposes=("install",))
    runner.pinstall(*words)  # leaves a stamp
    put(runner, NEW, way)
    runner.pip("install", *words)
    assert mark(runner) == "old"  # pip alone says that it is satisfied
    ended = runner.pinstall("check", *words)
    text = "demo-1.0-py3-none-any.whl was changed since demo 1.0 was installed from it"
    assert (ended.returncode, f"demo==1.0, but wheels/{'demo/' * (way == 'index')}{text}" in ended.stdout) == (1, True)
    ended = runner.pinstall(*words)
    assert (ended.returncode, mark(runner)) == (0, "new"), ended.output
    satisfied(runner, *words)
    assert own_lines(runner.pinstall("check", *words))[-1] == "1 of 1 pin satisfied, 0 findings"


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--no-cache-dir",)])
def test_a_rebuilt_sdist_is_built_again(runner: Runner, options: tuple[str, ...]) -> None:
    words = ("--find-links", "wheels", "demo==1.0", *options)
    put(runner, OLD_SOURCE)
    satisfied(runner, *words, purposes=("install",))
    put(runner, NEW_SOURCE)
    satisfied(runner, *words, purposes=("install", "force") if options else ("remake", "install", "force"))
    assert mark(runner) == "new"
    satisfied(runner, *words)


@pytest.mark.slow
def test_a_stale_wheel_that_stays_in_the_cache_is_no_success(runner: Runner) -> None:
    words = ("--find-links", "wheels", "demo==1.0")
    put(runner, OLD_SOURCE)
    satisfied(runner, *words, purposes=("install",))
    put(runner, NEW_SOURCE)
    told = pinstall(runner, *words, "--pin", "evict=never")
    assert (told.ended.returncode, told.states, mark(runner)) in (
        (65, {"demo": "wrong-hash"}, "old"),
        (0, {"demo": "satisfied"}, "new"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("way", ["path", "url"])
def test_a_file_that_a_direct_install_recorded(runner: Runner, way: str) -> None:
    put(runner, OLD)
    file = runner.home / "wheels" / OLD.filename
    runner.pip("install", str(file) if way == "path" else f"demo @ file://{file}#sha256={OLD.sha256}")
    words = ("--find-links", "wheels", "demo==1.0")
    satisfied(runner, *words)
    put(runner, NEW)
    satisfied(runner, *words, purposes=("install", "force"))
    assert mark(runner) == "new"
    satisfied(runner, *words)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["gone", "folder", "unreadable", "same", "elsewhere"])
def test_what_proves_nothing(runner: Runner, what: str) -> None:
    words: tuple[str, ...] = ("--find-links", "wheels", "demo==1.0")
    put(runner, OLD)
    satisfied(runner, *words, purposes=("install",))
    path = runner.home / "wheels" / OLD.filename
    match what:
        case "gone":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case "unreadable":
            path.parent.rename(runner.home / "away")
            path.parent.symlink_to(path.parent)
        case "same":
            put(runner, OLD)
            os.utime(path)
        case _:
            put(runner, NEW)
            words = ("demo==1.0",)  # pip would not look there any more
    satisfied(runner, *words)


@pytest.mark.slow
def test_a_hash_that_is_written_decides(runner: Runner) -> None:
    put(runner, OLD)
    written(runner, f"--find-links wheels\ndemo==1.0 --hash=sha256:{OLD.sha256}\n")
    satisfied(runner, "-r", "requirements.txt", purposes=("install",))
    put(runner, NEW)
    satisfied(runner, "-r", "requirements.txt")
