"""Where pip's files lie: each platform's layout, and what puts the cache out of use."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from pinstall.model.inputs import Interpreter, Option, Origin
from pinstall.request import locations
from pinstall.request.locations import CacheDirectory, cache_directory, config_files

if TYPE_CHECKING:
    from pathlib import Path


def target(pip: tuple[int, ...] | None = (26, 3), base_prefix: str = "/base") -> Interpreter:
    return Interpreter(
        executable="/env/bin/python",
        prefix="/env",
        base_prefix=base_prefix,
        version="3.11.7",
        purelib="/env/lib",
        platlib="/env/lib",
        stdlib="/base/lib",
        paths=(),
        markers={},
        pip=pip,
        externally_managed=False,
        own=False,
        abi=".so",
    )


def option(name: str, value: str | None = None) -> Option:
    return Option(name=name, dest="cache_dir", value=value, origin=Origin(where="argument 1"))


def test_files_on_linux_from_weak_to_strong(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "missing.conf")}
    assert config_files(environ, target(), isolated=False) == (
        "/etc/xdg/pip/pip.conf",
        "/etc/pip.conf",
        f"{tmp_path}/.pip/pip.conf",
        f"{tmp_path}/.config/pip/pip.conf",
        "/env/pip.conf",
        f"{tmp_path}/missing.conf",
    )


def test_an_existing_named_file_and_isolation_each_leave_the_user_files_out(tmp_path: Path) -> None:
    named = tmp_path / "own.conf"
    named.touch()
    environ = {"HOME": str(tmp_path)}
    shared = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "/env/pip.conf")
    assert config_files(environ | {"PIP_CONFIG_FILE": str(named)}, target(), isolated=False) == (*shared, str(named))
    assert config_files(environ, target(), isolated=True) == shared


def test_the_null_device_leaves_all_files_out() -> None:
    assert config_files({"PIP_CONFIG_FILE": os.devnull}, target(), isolated=False) == ()


def test_an_empty_variable_names_no_file(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": ""}
    assert config_files(environ, target(), isolated=False)[-1] == "/env/pip.conf"


@pytest.mark.parametrize(
    ("pip", "folders", "expected"),
    [
        ((26, 1, 2), "/a:rel", ["/a/pip/pip.conf", "rel/pip/pip.conf"]),
        ((26, 2), " /a :rel", ["/a/pip/pip.conf", "rel/pip/pip.conf"]),
        ((26, 3), " /a :rel", ["/a/pip/pip.conf"]),
        (None, "rel", ["/etc/xdg/pip/pip.conf"]),
        ((22, 3, 1), " ", ["/etc/xdg/pip/pip.conf"]),
    ],
)
def test_xdg_folders_are_read_as_this_pip_reads_them(
    pip: tuple[int, ...] | None, folders: str, expected: list[str]
) -> None:
    files = config_files({"XDG_CONFIG_DIRS": folders}, target(pip), isolated=True)
    assert list(files) == [*expected, "/etc/pip.conf", "/env/pip.conf"]


def test_files_on_macos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(locations, "PLATFORM", "darwin")
    environ = {"HOME": str(tmp_path), "XDG_DATA_HOME": "/data", "XDG_DATA_DIRS": "/shared"}
    brewed = target((25, 3), "/opt/homebrew/opt/python@3.13/Frameworks/Python.framework/Versions/3.13")
    assert config_files(environ, brewed, isolated=False) == (
        "/opt/homebrew/share/pip/pip.conf",
        "/Library/Application Support/pip/pip.conf",
        f"{tmp_path}/.pip/pip.conf",
        f"{tmp_path}/Library/Application Support/pip/pip.conf",
        f"{tmp_path}/.config/pip/pip.conf",
        "/env/pip.conf",
    )
    assert config_files(environ, target((26, 2)), isolated=False) == (
        "/shared/pip/pip.conf",
        f"{tmp_path}/.pip/pip.conf",
        "/data/pip/pip.conf",
        f"{tmp_path}/.config/pip/pip.conf",
        "/env/pip.conf",
    )
    (tmp_path / "Library/Application Support/pip").mkdir(parents=True)
    assert f"{tmp_path}/.config/pip/pip.conf" not in config_files(environ, target((25, 3)), isolated=False)


def test_files_and_cache_on_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(locations, "PLATFORM", "win32")
    environ = {
        "PROGRAMDATA": "/ProgramData",
        "USERPROFILE": "/Users/u",
        "APPDATA": "/Roaming",
        "LOCALAPPDATA": str(tmp_path),
        "XDG_CACHE_HOME": "/no",
    }
    assert config_files(environ, target(), isolated=False) == (
        "/ProgramData/pip/pip.ini",
        "/Users/u/pip/pip.ini",
        "/Roaming/pip/pip.ini",
        "/env/pip.ini",
    )
    assert cache_directory((), environ, target()).path == f"{tmp_path}/pip/Cache"


@pytest.mark.parametrize(
    ("platform", "pip", "below_home"),
    [
        ("linux", (22, 3, 1), "xdg/pip"),
        ("linux", None, "xdg/pip"),
        ("darwin", (26, 1, 2), "Library/Caches/pip"),
        ("darwin", (26, 2), "xdg/pip"),
    ],
)
def test_the_default_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, pip: tuple[int, ...] | None, below_home: str
) -> None:
    monkeypatch.setattr(locations, "PLATFORM", platform)
    environ = {"HOME": str(tmp_path), "XDG_CACHE_HOME": f"{tmp_path}/xdg"}
    expected = CacheDirectory(path=f"{tmp_path}/{below_home}", writable=True)
    assert cache_directory((), environ, target(pip)) == expected


def test_a_relative_xdg_cache_counts_up_to_26_2_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "rel"}
    assert cache_directory((), environ, target((26, 2))).path == f"{tmp_path}/rel/pip"
    assert cache_directory((), environ, target((26, 3))).path == f"{tmp_path}/.cache/pip"


def test_the_last_cache_option_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    environ = {"HOME": str(tmp_path)}
    on = (option("--no-cache-dir"), option("--cache-dir", "link/deep"))
    assert cache_directory(on, environ, target()).path == f"{tmp_path}/real/deep"
    assert cache_directory((option("--cache-dir", "~/x"),), environ, target()).path == f"{tmp_path}/x"
    off = cache_directory(on[::-1], environ, target())
    assert off == CacheDirectory(path=None, reason="`--no-cache-dir` (command line) switches it off")
    assert cache_directory((option("--cache-dir", ""),), environ, target()).path is None


def test_a_cache_of_somebody_else_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "lstat", lambda _: os.stat_result((0o40777, 0, 0, 1, 4711, 0, 0, 0, 0, 0)))
    found = cache_directory((option("--cache-dir", str(cache)),), {}, target())
    assert found == CacheDirectory(
        path=None, reason=f"`{cache}` is not owned or not writable by the current user", writable=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such check")
def test_for_a_common_user_the_nearest_existing_folder_must_be_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(path: str, mode: int) -> bool:
        asked.append(path)
        return False

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "access", refuse)
    assert cache_directory((option("--cache-dir", f"{tmp_path}/a/b"),), {}, target()).path is None
    assert asked == [str(tmp_path)]


def test_a_cache_on_a_read_only_disk_is_on_and_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "lstat", lambda _: os.stat_result((0o40555, 0, 0, 1, 0, 0, 0, 0, 0, 0)))
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = cache_directory((option("--cache-dir", str(tmp_path)),), {}, target())
    assert found == CacheDirectory(path=str(tmp_path), writable=False)
