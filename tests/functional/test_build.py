"""Sdist and wheel hold what they should, and come out the same wherever and whenever they are built."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from pinstall import __version__
from tests.support.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CODE = """\
import os, sys
from flit_core import buildapi
os.umask(int(sys.argv[2], 8))
print(buildapi.build_sdist(sys.argv[1]), buildapi.build_wheel(sys.argv[1]))
"""
TAKEN = ("LICENSE", "README.md", "action.yml", "noxfile.py", "pyproject.toml", "docs", "pinstall", "tests")


def built(folder: Path, when: int, umask: str) -> list[bytes]:
    """Build in a copy of the checkout that has other times and permissions than any other."""
    tree, target = folder / "tree", folder / "dist"
    tree.mkdir()
    for name in TAKEN:
        skipped = shutil.ignore_patterns("__pycache__", "_build")
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=skipped)
        else:
            shutil.copy(ROOT / name, tree / name)
    for path in tree.rglob("*"):
        path.chmod(0o777 & ~int(umask, 8) if path.is_dir() else 0o666 & ~int(umask, 8))
        os.utime(path, (when, when))
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, target, umask], cwd=tree, env=env, check=True, capture_output=True, text=True
    )
    return [(target / name).read_bytes() for name in done.stdout.split()]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return built(tmp_path_factory.mktemp("built"), 1700000000, "022")


def test_the_same_commit_makes_the_same_bytes(archives: list[bytes], tmp_path: Path) -> None:
    assert built(tmp_path, 1750000000, "077") == archives


def test_the_wheel_ships_the_command_the_types_the_manual_page_and_the_completion(archives: list[bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(archives[1])) as wheel:
        names = wheel.namelist()
        page = wheel.read(f"pip_pinstall-{__version__}.data/data/share/man/man1/pinstall.1").decode()
        commands = wheel.read(f"pip_pinstall-{__version__}.dist-info/entry_points.txt").decode()
    assert page.startswith(f'.TH PINSTALL 1 "" "pinstall {__version__}"')
    assert "pinstall=pinstall.cli:main" in commands.replace(" ", "")
    assert "pinstall/py.typed" in names
    share = ROOT / "docs" / "installed" / "share"
    data = {path.relative_to(share).as_posix() for path in share.rglob("*") if path.is_file()}
    assert {f"pip_pinstall-{__version__}.data/data/share/{name}" for name in data} <= {*names}
    assert {"bash-completion/completions/pinstall", "zsh/site-functions/_pinstall"} <= data
    assert {name.partition("/")[0] for name in names} == {
        "pinstall",
        f"pip_pinstall-{__version__}.dist-info",
        f"pip_pinstall-{__version__}.data",
    }


def test_the_sdist_has_what_the_tests_need(archives: list[bytes]) -> None:
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"action.yml", "noxfile.py", "docs/tables.py", "docs/installed/share/man/man1/pinstall.1"} <= names
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")} <= names


@pytest.mark.skipif(shutil.which("man") is None, reason="no man")
def test_the_manual_page_is_read_without_a_warning() -> None:
    page = ROOT / "docs" / "installed" / "share" / "man" / "man1" / "pinstall.1"
    env = {**os.environ, "MANWIDTH": "78", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-ww"}
    shown = subprocess.run(["man", "--warnings", "-l", page], env=env, check=True, capture_output=True, text=True)
    assert shown.stderr == ""
    for word in ("pinstall check", "--pin unpinned=refuse", "A pin is not satisfied"):
        assert word in shown.stdout
