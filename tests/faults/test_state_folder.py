"""The folder of pinstall's own notes is not a way in: not by what is written there, and not to root by another user."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pinstall import files, stamp
from tests.support.scenes import place
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.environments import Environment
    from tests.support.processes import Completed
    from tests.support.runner import Runner

NOBODY: Final = 65534
DEMO: Final = wheel("demo", "1.0")
ROOT_ONLY: Final = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be two users"
)


def state(runner: Runner) -> Path:
    return runner.home / ".local" / "state" / "pinstall"


@pytest.fixture
def known(runner: Runner) -> Runner:
    """Return a runner whose interpreter is remembered, with nothing left to do for `demo==1.0`."""
    place(runner.environment, DEMO)
    for _ in range(2):
        assert runner.pinstall("demo==1.0").returncode == 0
    assert list(state(runner).glob("interpreter-*.json"))
    return runner


# -- what a memory names is not started -------------------------------------------------------------------------------


def _link(place: Path, environment: Environment, proof: Path) -> Path:
    """Make another environment of the same Python, with code that leaves a proof of its start."""
    shutil.copytree(environment.root, place, symlinks=True)
    (next(place.glob("lib/py*/site-packages")) / "evil.pth").write_text(f"import os; os.mkdir({str(proof)!r})\n")
    return place / "bin" / "python"


def _script(place: Path, environment: Environment, proof: Path) -> Path:
    place.write_text(f'#!/bin/sh\ntouch {proof}\nexec {environment.python} "$@"\n', encoding="utf-8")
    place.chmod(0o755)
    return place


@pytest.mark.parametrize("make", [_link, _script])
@pytest.mark.parametrize(
    "words", [("demo==2.0", "--no-index"), ("check", "demo==1.0"), ("-U", "demo==1.0")], ids=" ".join
)
def test_what_a_memory_names_is_not_started(known: Runner, make: object, words: tuple[str, ...]) -> None:
    assert callable(make)
    proof = known.home / "started"
    evil = make(known.home / "evil", known.environment, proof)
    (memory,) = state(known).glob("interpreter-*.json")
    document = json.loads(memory.read_text(encoding="utf-8"))
    document["known"]["executable"] = str(evil)
    memory.write_text(json.dumps(document), encoding="utf-8")
    known.index.add(DEMO)
    known.pinstall(*words)
    assert not proof.exists()


# -- rights -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_all_folders_of_the_state_are_the_users_alone(runner: Runner, umask: int) -> None:
    place(runner.environment, DEMO)
    before = os.umask(umask)
    try:
        for _ in range(2):
            assert runner.pinstall("demo==1.0").returncode == 0
    finally:
        os.umask(before)
    folders = [path for path in (runner.home / ".local", *(runner.home / ".local").rglob("*")) if path.is_dir()]
    assert state(runner) in folders
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_the_notes_on_an_environment_that_cannot_be_written_too(tmp_path: Path) -> None:
    from pinstall.environment.ledger import Ledger  # noqa: PLC0415

    (tmp_path / "file").touch()
    before = os.umask(0)
    try:
        Ledger(str(tmp_path / "file" / "site-packages"), str(tmp_path / "a" / "b")).write({}, print, lambda held: held)
        Ledger(str(tmp_path), str(tmp_path / "c")).write({}, print, dict)
    finally:
        os.umask(before)
    for folder in ("a", "a/b", "a/b/ledgers"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


# -- two users --------------------------------------------------------------------------------------------------------


def owners(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return owner, inode and time of all below a folder."""
    found = ((path, path.lstat()) for path in folder.rglob("*"))
    return {str(path): (one.st_uid, one.st_ino, one.st_mtime_ns) for path, one in found}


def give(folder: Path, user: int) -> None:
    subprocess.run(["chown", "-hR", f"{user}:{user}", folder], check=True)


@pytest.mark.slow
@ROOT_ONLY
@pytest.mark.parametrize("left", ["nothing", "a state", "a state and a stamp"])
def test_root_neither_believes_nor_writes_what_is_in_the_home_of_another_user(runner: Runner, left: str) -> None:
    place(runner.environment, DEMO)
    for _ in range({"nothing": 0, "a state": 1}.get(left, 3)):
        subprocess.run(["sleep", "0.2"], check=True)
        assert runner.pinstall("demo==1.0").returncode == 0
    assert (state(runner) / "stamps").exists() is (left == "a state and a stamp")
    for file in state(runner).rglob("interpreter-*.json"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace('"posix"', '"planted"'), encoding="utf-8")
    give(runner.home, NOBODY)
    before = owners(runner.home)
    for _ in range(2):
        ended = runner.pinstall("demo==1.0; os_name == 'posix'", "-v", env={"PYTHONDONTWRITEBYTECODE": "1"})
        assert (ended.returncode, "1 pin satisfied" in ended.stderr) == (0, True), ended.output
        ended = runner.pinstall("demo==1.0", env={"PYTHONDONTWRITEBYTECODE": "1"})
        assert ended.returncode == 0, ended.output
    assert owners(runner.home) == before


@pytest.fixture
def as_nobody(runner: Runner, tmp_path: Path) -> Iterator[Runner]:
    """Return a runner in the home and environment of another user than root."""
    place(runner.environment, DEMO)
    give(runner.home, NOBODY)
    give(runner.environment.root, NOBODY)
    yield runner
    give(tmp_path, 0)


@pytest.mark.slow
@ROOT_ONLY
@pytest.mark.parametrize("owner", [0, 12345])
def test_a_user_does_not_believe_what_another_one_has_left(as_nobody: Runner, owner: int) -> None:
    (runner := as_nobody).index.add(DEMO)
    setpriv = shutil.which("setpriv") or pytest.fail("as root these tests need `setpriv` of util-linux")
    read = "-all,+dac_read_search"
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    user += [f"--{kind}={read}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]

    def run() -> Completed:
        from tests.support.runner import beside  # noqa: PLC0415

        return runner.run([setpriv, *user, *beside(), "--python", str(runner.environment.python), "demo==1.0"])

    assert run().returncode == 0
    (memory,) = state(runner).glob("interpreter-*.json")
    memory.write_text(memory.read_text(encoding="utf-8").replace('"posix"', '"planted"'), encoding="utf-8")
    give(state(runner), owner)
    state(runner).chmod(0o777)
    before = owners(state(runner))
    ended = run()
    assert ended.returncode == 0, ended.output
    assert owners(state(runner)) == before


@ROOT_ONLY
def test_whose_folder_it_is(tmp_path: Path) -> None:
    def seen(base: Path) -> str:
        return stamp.state_directory({"XDG_STATE_HOME": str(base)})

    (tmp_path / "mine").mkdir()
    for base in (tmp_path / "mine", tmp_path / "mine" / "below" / "that"):
        assert seen(base) == str(base / "pinstall")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "mine" / "pinstall").symlink_to(tmp_path / "theirs")
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    for base in (tmp_path / "mine", tmp_path / "theirs", tmp_path / "theirs" / "below"):
        assert not os.path.lexists(seen(base))
        files.remember(f"{seen(base)}/x/y.json", b"{}")
        assert not files.recall(f"{seen(base)}/x/y.json")
    assert not list((tmp_path / "theirs").iterdir())


# -- links ------------------------------------------------------------------------------------------------------------


def test_nothing_is_written_through_a_link_in_the_place_of_a_draft(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept", encoding="utf-8")
    for name in ("x.json", "state/x.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        draft = Path(f"{path}.{os.getpid()}")
        for content in (b"{}", b"[]"):
            draft.symlink_to(victim)
            files.put(str(path), content)
            assert (path.read_bytes(), draft.is_symlink()) == (content, False)
    (tmp_path / f".clock.{os.getpid()}").symlink_to(victim)
    files.read_clock(str(tmp_path))
    assert victim.read_text(encoding="utf-8") == "kept"


@pytest.mark.slow
def test_nothing_is_written_through_a_link_in_the_place_of_a_lock(runner: Runner) -> None:
    runner.index.add(DEMO)
    victim = runner.home / "victim"
    victim.write_text("kept", encoding="utf-8")
    notes = runner.environment.site_packages / ".pinstall"
    notes.mkdir()
    (notes / "ledger.json.lock").symlink_to(victim)
    ended = runner.pinstall("demo==1.0")
    assert ended.returncode == 0, ended.output
    assert victim.read_text(encoding="utf-8") == "kept"
    assert sys.platform == "win32" or (notes / "ledger.json.lock").is_symlink()
