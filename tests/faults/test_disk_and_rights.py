"""A disk without room, folders that cannot be written, and places that are not where one looks for them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.environments import ROOT
from tests.support.file_systems import NOBODY, as_somebody_else, give, somebody_else
from tests.support.losses import everything, lost
from tests.support.scenes import cached, place
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.slow
OLD, NEW = sdist("demo", "2.0"), sdist("demo", "1.0")
SHARED_MEMORY: Final = Path("/dev/shm")


@pytest.fixture
def scene(runner: Runner) -> Runner:
    """Return a runner whose environment and cache have demo 2.0, which is not what will be pinned."""
    for source in (OLD, NEW):
        runner.index.add(source)
    place(runner.environment, wheel("demo", "2.0"))
    cached(runner, OLD, wheel("demo", "2.0"))
    return runner


def well(runner: Runner, ended: Completed) -> bool:
    """Tell whether a run ended well, with what was pinned."""
    return ended.returncode == 0 and runner.environment.module("demo") == "1.0"


@pytest.mark.parametrize("most", [0, 20, 200, 1000, 100_000])
def test_where_no_file_may_grow_nothing_is_lost_and_it_is_said(scene: Runner, most: int) -> None:
    # RLIMIT_FSIZE and not a full tmpfs: mounting needs rights that few have, and the limit strikes at every size
    before = everything(scene.cache)
    # and without byte code of this checkout, which CPython leaves cut short then, and believes the next time
    code = "import resource, runpy, sys; sys.dont_write_bytecode = True; "
    code += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most})); "
    code += f"sys.path.insert(1, {str(ROOT)!r}); runpy.run_module('pinstall', None, '__main__', True)"
    python = ["--python", str(scene.environment.python)]
    ended = scene.run([sys.executable, "-c", code, *python, *scene.index_options, "demo==1.0"])
    assert "fault of pinstall" not in ended.output
    assert not lost(before, scene.cache)
    assert ended.returncode != 0 or well(scene, ended)
    again = scene.pinstall("demo==1.0")
    assert well(scene, again), again.output
    assert not lost(before, scene.cache)


@pytest.fixture
def unprivileged(scene: Runner, tmp_path: Path) -> Iterator[Runner]:
    """Return a runner whose home and environment belong to the user whom modes stop."""
    give(NOBODY, (scene.home, scene.environment.root))
    forbidden = tmp_path / "forbidden"
    forbidden.mkdir(mode=0o555)
    ended = scene.run([*somebody_else(), str(scene.environment.python), "-c", f"open({str(forbidden / 'x')!r}, 'w')"])
    assert "PermissionError" in ended.stderr, f"modes stop nobody here: {ended.output}"
    yield scene
    for folder in (scene.home, scene.environment.root):
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)


def _read_only(folder: Path) -> None:
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(0o555)


def test_a_cache_that_cannot_be_written_is_left_as_it_is_and_gone_around(unprivileged: Runner) -> None:
    before = everything(unprivileged.cache)
    _read_only(unprivileged.cache)
    ended = as_somebody_else(unprivileged, "demo==1.0")
    assert well(unprivileged, ended), ended.output
    assert everything(unprivileged.cache) == before


def test_an_environment_that_cannot_be_written_is_left_as_it_is_and_pip_says_so(unprivileged: Runner) -> None:
    before = everything(unprivileged.cache)
    _read_only(unprivileged.environment.root)
    ended = as_somebody_else(unprivileged, "demo==1.0")
    assert ended.returncode == 1, ended.output
    assert "fault of pinstall" not in ended.output
    assert "Permission denied" in ended.output
    assert unprivileged.environment.module("demo") == "2.0"
    assert not lost(before, unprivileged.cache)


def test_what_holds_in_an_environment_that_cannot_be_written_is_remembered_elsewhere(unprivileged: Runner) -> None:
    assert well(unprivileged, as_somebody_else(unprivileged, "demo==1.0"))
    shutil.rmtree(unprivileged.environment.site_packages / ".pinstall")
    _read_only(unprivileged.environment.root)
    ended = as_somebody_else(unprivileged, "demo==1.0")
    assert well(unprivileged, ended), ended.output
    assert list((unprivileged.home / ".local/state/pinstall/ledgers").glob("*.json"))


def test_a_cache_of_somebody_else_is_left_alone(unprivileged: Runner) -> None:
    if os.geteuid():
        pytest.fail("only root can give a cache to somebody else")
    subprocess.run(["chown", "-R", "0:0", unprivileged.home / ".cache"], check=True)
    before = everything(unprivileged.cache)
    ended = as_somebody_else(unprivileged, "demo==1.0")
    assert well(unprivileged, ended), ended.output
    assert everything(unprivileged.cache) == before


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Return a folder on another file system than the rest."""
    if not SHARED_MEMORY.is_dir():
        pytest.fail(f"there is no {SHARED_MEMORY}")
    folder = SHARED_MEMORY / f"pinstall-tests-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("linked", [False, True], ids=["named", "symlinked"])
def test_a_cache_on_another_file_system(scene: Runner, elsewhere: Path, linked: bool) -> None:
    assert elsewhere.stat().st_dev != scene.environment.root.stat().st_dev
    moved = elsewhere / "pip"
    shutil.move(scene.cache, moved)
    if linked:
        scene.cache.symlink_to(moved)
    before = everything(moved)
    ended = scene.pinstall(*([] if linked else ["--cache-dir", str(moved)]), "demo==1.0")
    assert well(scene, ended), ended.output
    assert not lost(before, moved)
    assert not list(moved.glob("wheels/**/demo-2.0-*.whl"))
    ended = scene.pinstall("undo", *([] if linked else ["--cache-dir", str(moved)]))
    assert ended.returncode == 0, ended.output


def test_an_environment_behind_a_link(scene: Runner, elsewhere: Path) -> None:
    moved = elsewhere / "environment"
    shutil.move(scene.environment.root, moved)
    scene.environment.root.symlink_to(moved)
    (scene.environment.site_packages / "demo-2.0.dist-info" / "METADATA").unlink()
    before = everything(scene.cache)
    ended = scene.pinstall("demo==1.0")
    assert well(scene, ended), ended.output
    assert scene.environment.freeze() == ["demo==1.0"]
    assert not lost(before, scene.cache)


def test_a_path_as_long_as_the_system_takes(scene: Runner, tmp_path: Path) -> None:
    # a build below the cache adds some 200 characters, and pip itself gives up where a path does not fit
    folder = tmp_path
    while len(str(folder)) < 3000:
        folder /= "x" * 200
    folder.mkdir(parents=True)
    moved = folder / "cache"
    shutil.move(scene.cache, moved)
    before = everything(moved)
    ended = scene.pinstall("--cache-dir", moved, "demo==1.0")
    assert well(scene, ended), ended.output
    assert not lost(before, moved)


@pytest.mark.parametrize("where", ["missing/home", "file/home"])
def test_a_home_that_does_not_exist(scene: Runner, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    scene.index.add(wheel("demo", "1.0"))  # where it can keep no build pip ends, with pinstall or without
    empty = dict.fromkeys(("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), "")
    for _ in range(2):
        ended = scene.pinstall("demo==1.0", env={**empty, "HOME": str(tmp_path / where)})
        assert well(scene, ended), ended.output
        assert "fault of pinstall" not in ended.output


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_what_is_written_follows_the_umask_but_is_never_for_all_to_write(runner: Runner, umask: int) -> None:
    runner.index.add(sdist("aa", "1.0"))
    runner.index.add(sdist("aa", "2.0"))
    before = os.umask(umask)
    try:
        for version in ("1.0", "2.0"):
            assert runner.pinstall(f"aa=={version}").returncode == 0
    finally:
        os.umask(before)
    ours = [runner.environment.site_packages / ".pinstall", runner.cache / "pinstall"]
    pips = (".whl", "origin.json")
    paths = [path for top in ours for path in (top, *top.rglob("*")) if not path.name.endswith(pips)]
    assert {"ledger.json", "manifest.json"} <= {path.name for path in paths}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert {mode & (0o002 | umask) for mode in modes} == {0}
