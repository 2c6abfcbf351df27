"""Find pip's configuration files and its cache.

May not: open, create or change any of them; start pip.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pinstall.model.inputs import Interpreter, Option
from pinstall.request.options import NEWEST, Pip

# It selects the layout; a plain string, so that mypy and the tests check each layout on every platform.
PLATFORM: str = sys.platform


class CacheDirectory(NamedTuple):
    """Where pip's cache is; without a path pip runs without a cache, for the `reason`."""

    path: str | None
    reason: str | None = None
    writable: bool = False
    mistaken: bool = False  # the user did not mean that, and pip prints nothing about it


def config_files(environ: Mapping[str, str], target: Interpreter, *, isolated: bool) -> tuple[str, ...]:
    """Return the files that pip reads if they exist, the weakest first.

    Source: https://pip.pypa.io/en/stable/topics/configuration/#location and pip's `configuration.iter_config_files`.
    """
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    folders = _shared_folders(environ, target)
    if not isolated and not (named and os.path.exists(named)):
        folders += _user_folders(environ, target)
    folders.append(target.prefix)
    basename = "pip.ini" if PLATFORM == "win32" else "pip.conf"
    files = [os.path.join(folder, basename) for folder in folders]
    # A variable that holds the empty string names no file, though it is set.
    return (*files, os.path.abspath(named)) if named else tuple(files)


def cache_directory(options: Sequence[Option], environ: Mapping[str, str], target: Interpreter) -> CacheDirectory:
    """Return the cache that pip uses with these options, the strongest last.

    Source: https://pip.pypa.io/en/stable/topics/caching/ and pip's `Command._main`.
    """
    chosen = next((option for option in reversed(options) if option.dest == "cache_dir"), None)
    if chosen is None:
        path = _default_cache(environ, target)
    elif chosen.contrary:
        reason = f"`no-cache-dir` ({chosen.origin}) switches it off, whatever its value: remove it to switch it on"
        return CacheDirectory(path=None, reason=reason, mistaken=True)
    elif chosen.name == "--no-cache-dir" or not chosen.value:
        return CacheDirectory(path=None, reason=f"`{chosen.name}` ({chosen.origin}) switches it off")
    else:
        at_home = chosen.value == "~" or chosen.value.startswith("~/")
        path = _home(environ) + chosen.value[1:] if at_home else os.path.expanduser(chosen.value)
    path = os.path.normcase(os.path.realpath(path))
    standing = _nearest_existing(path)
    if not os.path.isdir(standing):
        return CacheDirectory(path=None, reason=f"`{standing}` is not a directory", mistaken=True)
    if not is_usable(standing):
        return CacheDirectory(path=None, reason=f"`{path}` is not owned or not writable by the current user")
    return CacheDirectory(path=path, writable=os.access(standing, os.W_OK))


def _shared_folders(environ: Mapping[str, str], target: Interpreter) -> list[str]:
    if PLATFORM == "win32":
        return [os.path.join(environ.get("PROGRAMDATA") or environ.get("ALLUSERSPROFILE", ""), "pip")]
    if PLATFORM == "darwin":
        # platformdirs 4.6, which pip vendors since 26.2, reads XDG variables on macOS too.
        named = _xdg_folders("XDG_DATA_DIRS", environ, target) if _pip(target).follows_xdg else []
        root, found, _ = target.base_prefix.partition("/opt/python")
        homebrew = [f"{root}/share"] if found and _pip(target).knows_homebrew else []
        return [os.path.join(folder, "pip") for folder in named or [*homebrew, "/Library/Application Support"]]
    named = _xdg_folders("XDG_CONFIG_DIRS", environ, target) or ["/etc/xdg"]
    return [*(os.path.join(folder, "pip") for folder in named), "/etc"]


def _user_folders(environ: Mapping[str, str], target: Interpreter) -> list[str]:
    home = _home(environ)
    if PLATFORM == "win32":
        return [os.path.join(home, "pip"), os.path.join(environ.get("APPDATA", home), "pip")]
    legacy = os.path.join(home, ".pip")
    if PLATFORM != "darwin":
        folder = _accepted(environ.get("XDG_CONFIG_HOME", ""), target) or os.path.join(home, ".config")
        return [legacy, os.path.join(folder, "pip")]
    library = _accepted(environ.get("XDG_DATA_HOME", ""), target) if _pip(target).follows_xdg else None
    support = os.path.join(library or os.path.join(home, "Library/Application Support"), "pip")
    # Without this folder pip reads the other; both are here, because the first one may be created later.
    return [legacy, support] if os.path.isdir(support) else [legacy, support, os.path.join(home, ".config/pip")]


def _default_cache(environ: Mapping[str, str], target: Interpreter) -> str:
    home = _home(environ)
    if PLATFORM == "win32":
        return os.path.join(environ.get("LOCALAPPDATA") or os.path.join(home, "AppData/Local"), "pip", "Cache")
    follows_xdg = PLATFORM != "darwin" or _pip(target).follows_xdg
    if follows_xdg and (named := _accepted(environ.get("XDG_CACHE_HOME", ""), target)):
        return os.path.join(named, "pip")
    return os.path.join(home, "Library/Caches/pip" if PLATFORM == "darwin" else ".cache/pip")


def _xdg_folders(variable: str, environ: Mapping[str, str], target: Interpreter) -> list[str]:
    return [one for folder in environ.get(variable, "").split(os.pathsep) if (one := _accepted(folder, target))]


def _accepted(folder: str, target: Interpreter) -> str:
    """Return a folder without blanks, empty for a relative one, as far as this pip does that."""
    pip = _pip(target)
    if pip.follows_xdg:
        folder = folder.strip()
    return "" if folder.isspace() or (pip.needs_absolute_xdg and not os.path.isabs(folder)) else folder


def _pip(target: Interpreter) -> Pip:
    return Pip(target.pip or NEWEST)


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("USERPROFILE" if PLATFORM == "win32" else "HOME") or os.path.expanduser("~")


def _nearest_existing(path: str) -> str:
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def is_usable(path: str) -> bool:
    """Return whether pip uses a cache at or below an existing folder, as its `check_path_owner` does."""
    if not hasattr(os, "geteuid"):
        return True
    if os.geteuid() == 0:  # root has to own the path, because `sudo` keeps the caller's HOME
        return os.lstat(path).st_uid == 0
    return os.access(path, os.W_OK)
