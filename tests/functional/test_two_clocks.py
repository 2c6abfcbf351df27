"""A file system may have another clock than this process: NFS, SMB, a folder that a virtual machine shares.

Here it is pinstall's own process whose clock is an hour off, and pip and the file system have the true one: what counts
is how far they are apart.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from pinstall import files
from pinstall.commands.install import stamping
from pinstall.environment import interpreter
from pinstall.environment.installed import Installed
from tests.support.environments import ROOT, unpack
from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, own_lines, pinned, place, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = [
    pytest.mark.usefixtures("home"),  # a quick look tries one case each
    pytest.mark.skipif(RELEASE < REPORTS, reason="without reports no hash is proven"),
]
HOUR: Final = 3600
CLOCKS: Final = {"file system behind": HOUR, "file system ahead": -HOUR}
DEMO: Final = wheel("demo", "1.0", files={"demo_data/inside.txt": b"1"})
OTHER: Final = wheel("demo", "1.0", files={"demo_data/inside.txt": b"other"})
ANY: Final = pytest.mark.parametrize("clock", CLOCKS)


def pinstall(runner: Runner, clock: str, *words: str, first: str = "", env: dict[str, str] | None = None) -> Completed:
    """Run pinstall with a clock that is an hour off, after other code."""
    ahead = CLOCKS[clock]
    code = f"""
import sys, time
true, true_ns = time.time, time.time_ns
time.time, time.time_ns = lambda: true() + {ahead}, lambda: true_ns() + {ahead} * 10**9
sys.path.insert(1, {str(ROOT)!r})
{first}
import runpy
runpy.run_module("pinstall", None, "__main__", True)
"""
    command = [] if words[0] != "check" else ["check"]
    start = [sys.executable, "-c", code, *command, "--python", str(runner.environment.python), *runner.index_options]
    return runner.run([*start, *words[len(command) :]], env=env)


@pytest.fixture
def local(runner: Runner) -> Runner:
    """Return a runner next to a local folder with a wheel, and a file that pins it by hash."""
    DEMO.write(runner.home / "files")
    written(runner, f"--no-index\n--find-links files\n{pinned(DEMO)}")
    return runner


@ANY
def test_a_hashed_installation_from_a_local_folder(local: Runner, clock: str) -> None:
    for started in (True, False):
        ended = pinstall(local, clock, "-r", "requirements.txt")
        assert (ended.returncode, own_lines(ended)[-1]) == (0, "1 pin satisfied"), ended.output
        assert ("Successfully installed" in ended.stdout) is started
    assert pinstall(local, clock, "check", "-r", "requirements.txt").returncode == 0


@pytest.mark.slow
@ANY
def test_the_same_into_a_folder(local: Runner, clock: str) -> None:
    ended = pinstall(local, clock, "-r", "requirements.txt", "--target", "there")
    assert ended.returncode == 0, ended.output
    assert local.pip("install", "-r", "requirements.txt", "--target", "pips", check=False).returncode == 0


@pytest.mark.slow
@ANY
@pytest.mark.parametrize("way", ["--target", "--prefix"])
def test_what_was_there_before_does_not_pass_for_new(local: Runner, clock: str, way: str) -> None:
    folder = local.home / "there"
    inner = (
        folder if way == "--target" else folder / local.environment.site_packages.relative_to(local.environment.root)
    )
    unpack(OTHER.write(local.home / "others"), inner)
    ended = pinstall(local, clock, "-r", "requirements.txt", way, "there")
    # without `--upgrade` pip leaves in a target what is there, and succeeds
    assert ended.returncode == (65 if way == "--target" else 0), ended.output
    assert (inner / "demo_data" / "inside.txt").read_bytes() == (b"other" if way == "--target" else b"1")


@pytest.mark.slow
@ANY
@pytest.mark.parametrize("old", ["0.9", "1.0"])
def test_metadata_that_ignore_installed_leaves_are_told_from_the_new_ones(local: Runner, clock: str, old: str) -> None:
    place(local.environment, wheel("demo", old))
    ended = pinstall(local, clock, "-r", "requirements.txt", "--ignore-installed")
    assert ended.returncode == 0, ended.output
    assert local.environment.freeze() == ["demo==1.0"]
    assert pinstall(local, clock, "check", "-r", "requirements.txt").returncode == 0


@pytest.mark.slow
@ANY
def test_what_is_reinstalled_is_read_again(local: Runner, clock: str) -> None:
    place(local.environment, OTHER)
    ended = pinstall(local, clock, "-r", "requirements.txt")
    assert ended.returncode == 0, ended.output
    assert (local.environment.site_packages / "demo_data" / "inside.txt").read_bytes() == b"1"


EDIT: Final = """
from pinstall.commands.install import stamping
look = stamping.list_grounds
def look_later(*given):
    with open({place!r}, "w") as file:
        file.write("2")
    return look(*given)
stamping.list_grounds = look_later
"""


@pytest.mark.slow
@ANY
def test_what_changes_during_a_look_leaves_no_stamp(local: Runner, clock: str) -> None:
    assert pinstall(local, clock, "-r", "requirements.txt").returncode == 0
    edited = local.environment.site_packages / "demo_data" / "inside.txt"
    ended = pinstall(local, clock, "-r", "requirements.txt", first=EDIT.format(place=str(edited)))
    assert (ended.returncode, edited.read_text(encoding="utf-8")) == (0, "2")
    ended = pinstall(local, clock, "-r", "requirements.txt")
    assert (ended.returncode, edited.read_text(encoding="utf-8")) == (0, "1"), ended.output


@pytest.mark.slow
@ANY
def test_what_has_not_changed_leaves_a_stamp(local: Runner, clock: str) -> None:
    age = "import time; time.sleep(0.2)"  # what has just been written may still change without another time stamp
    for _ in range(3):
        assert pinstall(local, clock, "-r", "requirements.txt", first=age).returncode == 0
    assert list((local.home / ".local/state/pinstall/stamps").iterdir())


@pytest.mark.slow
@ANY
def test_the_build_of_this_run_is_on_record_and_no_other(runner: Runner, clock: str) -> None:
    def records() -> set[str]:
        found = (runner.cache / "pinstall" / "builds").rglob("*.json")
        return {path.parent.name.partition("-")[0] for path in found}

    for name in ("earlier", "demo"):
        runner.index.add(sdist(name, "1.0"))
    runner.pip("install", "earlier==1.0")
    runner.pip("uninstall", "-y", "earlier", index=False)
    ended = pinstall(runner, clock, "earlier==1.0", "demo==1.0")
    assert ended.returncode == 0, ended.output
    assert records() == {"demo"}


def test_a_status_says_what_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "demo-1.0.dist-info"
    folder.mkdir()
    record = folder / "RECORD"
    record.write_text("a", encoding="utf-8")
    target = replace(interpreter.describe(None, os.environ, str(tmp_path)), paths=(str(tmp_path),))
    installed = Installed(target, str(tmp_path), (), verifies=True)
    later = tmp_path / "demo-2.0.dist-info" / "RECORD"
    assert not installed.is_new(str(record))
    assert not installed.is_new(str(later))
    # as `--ignore-installed` replaces it within the second of a coarse clock
    status = record.stat()
    (folder / "draft").write_text("b", encoding="utf-8")
    os.utime(folder / "draft", ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "draft").replace(record)
    assert installed.is_new(str(record))
    later.parent.mkdir()
    later.touch()
    os.utime(later, ns=(0, 0))
    assert installed.is_new(str(later))
    again = installed.look_again(target, verifies=True)
    assert again.is_new(str(later))
    installed.first = {}  # nothing is known of its folder
    assert not installed.is_new(str(later))


def test_a_moment_is_one_of_the_files_own_clock(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    status = path.stat()
    now = files.read_clock(str(tmp_path))
    assert 0 <= now - status.st_mtime_ns < HOUR * 10**9
    assert not list(tmp_path.glob(".clock*"))
    for lead, follows in ((0, False), (10**9, True), (-HOUR * 10**9, False)):
        assert stamping.Start(now, {status.st_dev: lead}).follows(status) is follows
    assert files.read_clock(str(tmp_path / "missing")) >= now  # that of this process
