"""Choose the interpreter to install for, and describe it: its paths, its markers, its pip, the wheels that it takes.

May not: import pip; ask the same interpreter twice; judge a target by what is installed in it.
"""

from __future__ import annotations

import _imp  # as cheap as sys, where importlib.machinery would be one more import
import hashlib
import json
import os
import re
import site
import sys
import sysconfig
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from packaging import tags
from packaging.markers import default_environment

from pinstall import environment, files, stamp
from pinstall.formats import metadata
from pinstall.model.errors import FINDING, NOT_PINNED, PinstallError
from pinstall.model.inputs import Interpreter, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TOOL_MARKS: Final = ("pipx_metadata.json", "uv-receipt.toml", os.path.join("..", "..", "CACHEDIR.TAG"))
"""Marks of an environment of one tool: pipx and `uv tool` leave them there, uvx above, in its cache."""
_SUFFIX: Final = re.compile(r"\.(?:cpython-|cp|pypy)(\d+[a-z]*)(?:-(pp\d+))?")


class Target(NamedTuple):
    """The path of an interpreter, None for the running one, and the place that names it."""

    python: str | None
    origin: Origin


def choose(
    option: str | None, environ: Mapping[str, str], *, prefix: str = sys.prefix, base_prefix: str = sys.base_prefix
) -> Target:
    """Return the interpreter that an option or a variable names, else the running one.

    `VIRTUAL_ENV` counts only if the running interpreter is outside any virtual environment, or in one of a tool, and if
    it names an environment.

    Raises: PinstallError `interpreter` for a name without interpreter, with pip's code where pip reads the name too.
    Source: pip's `main_parser.identify_python_interpreter`.
    """
    for name, python, exit_code in (
        ("--python", option, FINDING),
        ("PINSTALL_PYTHON", environ.get("PINSTALL_PYTHON"), NOT_PINNED),
        ("PIP_PYTHON", environ.get("PIP_PYTHON"), FINDING),
    ):
        if python and (found := _locate(python)) is None:
            raise PinstallError(
                "interpreter",
                f"could not locate Python interpreter `{python}` ({name})",
                hint="name the path of an interpreter or the folder of a virtual environment; PATH is not searched",
                exit_code=exit_code,
            )
        if python:
            return Target(found, Origin(where=name))
    if prefix == base_prefix or any(os.path.exists(os.path.join(prefix, mark)) for mark in _TOOL_MARKS):
        active = environ.get("VIRTUAL_ENV")
        if active and os.path.isdir(active) and (found := _locate(active)):
            return Target(found, Origin(where="VIRTUAL_ENV"))
    return Target(None, Origin(where="running interpreter"))


def _locate(python: str) -> str | None:
    if os.path.isdir(python):
        inside = (os.path.join(python, name) for name in ("bin/python", "Scripts/python.exe"))
        python = next((path for path in inside if os.path.exists(path)), "")
    return os.path.abspath(python) if python and os.path.exists(python) else None


def find_tags(target: Interpreter) -> frozenset[tags.Tag]:
    """Return the tags of an interpreter on this machine.

    Source: `packaging.tags.sys_tags`, which knows the running interpreter only.
    """
    major, minor = (int(part) for part in target.version.split(".")[:2])
    platforms = tuple(tags.platform_tags())
    match = _SUFFIX.match(target.abi)
    number = match[1] if match else f"{major}{minor}"
    if target.markers.get("implementation_name") == "pypy":
        name = f"pp{major}{minor}"
        own = tags.generic_tags(name, (f"pypy{number}_{match[2]}",) if match else (), platforms)
    else:
        name = f"cp{major}{minor}"
        own = tags.cpython_tags((major, minor), (f"cp{number}",), platforms)
    return frozenset((*own, *tags.compatible_tags((major, minor), name, platforms)))


_PATHS: Final = ("HOME", "NOUSERSITE", "PATH", "PLATLIBDIR", "SAFEPATH", "USERBASE")
_PATH_VARIABLES: Final = ("HOME", *(f"PYTHON{name}" for name in _PATHS))
_FORMAT: Final = 3
"""Raised when the answer of `probe` changes, so that no older one is used."""


def describe(python: str | None, environ: Mapping[str, str], state_directory: str) -> Interpreter:
    """Return the description of an interpreter, by its path, or of the running one.

    Another interpreter is asked once. Its answer stays below `state_directory` until something changes on which it
    depends. pip and the mark of PEP 668 are looked up each time.

    Raises: PinstallError `interpreter` for a file that does not run as Python 3.
    Source: PEP 508, section "Environment Markers"; PEP 668.
    """
    own = python is None or _is_running(python)
    # options such as `-I` or `-P` hide paths from this process that `python -m pip` will see
    if own and (_starts_like_pip(environ) or not sys.executable):
        return _interpreter(_own(), own=True)
    executable = sys.executable if own or python is None else os.path.abspath(python)
    return _interpreter(_remembered(executable, environ, state_directory), own=own)


def _is_running(python: str) -> bool:
    # the same file is not enough: the interpreters of two environments are links to one file
    ours, theirs = (os.path.realpath(os.path.dirname(os.path.abspath(path))) for path in (sys.executable, python))
    return ours == theirs and os.path.realpath(sys.executable) == os.path.realpath(python)


def _starts_like_pip(environ: Mapping[str, str]) -> bool:
    flags = sys.flags
    without_user = flags.no_user_site and not environ.get("PYTHONNOUSERSITE")
    # Python 3.10 has no `safe_path`
    hidden = flags.isolated or flags.ignore_environment or flags.no_site or getattr(flags, "safe_path", False)
    return not (hidden or without_user)


def _own() -> dict[str, Any]:
    return {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "paths": sys.path[1:],
        "abi": _imp.extension_suffixes()[0],
        "user": [site.USER_SITE] if site.ENABLE_USER_SITE and site.USER_SITE else [],
        "markers": dict(default_environment()),
        **_own_folders(),
    }


def _own_folders() -> dict[str, str]:
    names = ("purelib", "platlib", "stdlib")
    # `get_paths` would load the configuration of the build; the three templates hold no more than these
    values = {
        "base": sys.prefix,
        "platbase": sys.exec_prefix,
        "installed_base": sys.base_prefix,
        "installed_platbase": sys.base_exec_prefix,
        "py_version_short": f"{sys.version_info.major}.{sys.version_info.minor}",
        "platlibdir": sys.platlibdir,
    }
    if sys.implementation.name == "cpython":
        values |= {"implementation_lower": "python", "abi_thread": "t" if "t" in getattr(sys, "abiflags", "") else ""}
    templates = sysconfig.get_paths(expand=False)
    try:
        return {name: os.path.normpath(templates[name].format(**values)) for name in names}
    except KeyError:
        paths = sysconfig.get_paths()
        return {name: paths[name] for name in names}


def _paths(known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `sys.path` with the user's own folder in its place.

    Python leaves out that folder until it exists. pip makes it for `--user`, and where it may not write to the
    environment.
    """
    paths = known["paths"]
    at = min((paths.index(path) for path in (known["purelib"], known["platlib"]) if path in paths), default=len(paths))
    return (*paths[:at], *(path for path in known["user"] if path not in paths), *paths[at:])


def _interpreter(known: Mapping[str, Any], *, own: bool) -> Interpreter:
    paths = _paths(known)
    outside = known["prefix"] == known["base_prefix"]
    same = ("executable", "prefix", "base_prefix", "purelib", "platlib", "stdlib", "markers", "abi")
    return Interpreter(
        **{name: known[name] for name in same},
        version=known["markers"]["python_full_version"].rstrip("+"),  # of a build between two releases
        paths=paths,
        pip=_pip_release(paths),
        externally_managed=outside and os.path.isfile(os.path.join(known["stdlib"], "EXTERNALLY-MANAGED")),
        own=own,
    )


def _pip_release(paths: Iterable[str]) -> tuple[int, ...] | None:
    """Return the release that `python -m pip` runs; a dist-info can be one left behind."""
    for path in paths:
        try:
            with open(os.path.join(path, "pip", "__init__.py"), encoding="utf-8") as file:
                line = next((line for line in file if line.startswith("__version__")), "")
        except OSError:
            continue
        found = metadata.version(line.partition("=")[2].strip(" \n\"'"))
        return found.release if found else None
    return None


def _remembered(executable: str, environ: Mapping[str, str], state_directory: str) -> dict[str, Any]:
    key = _key(executable, environ)
    name = hashlib.sha256(os.fsencode(executable)).hexdigest()[:16]
    path = os.path.join(state_directory, f"interpreter-{name}.json")
    memory = files.recall(path)
    try:
        if memory["key"] == key and memory["seen"] == _seen(memory["known"]):
            return dict(memory["known"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass  # the memory is missing or damaged: ask
    known = environment.probe.ask(executable, environ)
    files.remember(path, json.dumps({"key": key, "seen": _seen(known), "known": known}).encode())
    return known


def _key(executable: str, environ: Mapping[str, str]) -> list[Any]:
    real, folder = os.path.realpath(executable), os.path.dirname(executable)
    places = (real, *(os.path.join(one, "pyvenv.cfg") for one in (folder, os.path.dirname(folder))))
    return [
        *(_FORMAT, executable, real),
        *([*stamp.status(path)] for path in places),
        *(environ.get(variable) for variable in _PATH_VARIABLES),
        # a relative PYTHONPATH means another folder elsewhere, and two markers name the running kernel
        os.getcwd() if environ.get("PYTHONPATH") else None,
        [os.uname().release, os.uname().version] if hasattr(os, "uname") else None,
    ]


def _seen(known: Mapping[str, Any]) -> list[Any]:
    """Return the `.pth` files that make `sys.path` what it is; an editable install adds one."""
    folders = {known["purelib"], known["platlib"], *known["user"]}
    folders |= {path for path in known["paths"] if path.endswith("-packages")}
    return [[folder, _links(folder)] for folder in sorted(folders)]


def _links(folder: str) -> list[Any] | None:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))
    except OSError:
        return None
    return [[name, *stamp.status(os.path.join(folder, name))] for name in names]
