"""Describe an interpreter: its paths, its markers, its pip, the wheels that it takes.

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
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from packaging import tags
from packaging.markers import default_environment

from pinstall import environment, files, stamp
from pinstall.environment.foreign import list_hooks
from pinstall.formats import metadata
from pinstall.model.inputs import Interpreter

_SUFFIX = re.compile(r"\.(?:cpython-|cp|pypy)(\d+[a-z]*)(?:-(pp\d+))?")


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


_PATHS = ("HOME", "NOUSERSITE", "PATH", "PLATLIBDIR", "SAFEPATH", "USERBASE")
_PATH_VARIABLES = ("HOME", *(f"PYTHON{name}" for name in _PATHS))
# Raised when the answer of `probe` changes, so that no older one is used.
_FORMAT = 4
# The files with code that changes `sys.path` in the same way at each start, or not at all.
_STEADY = re.compile(
    r"(_virtualenv|distutils-precedence|easy-install|setuptools|.*-nspkg|.*editable.*|.*coverage|.*pytest-cov)\.pth"
)


def describe(
    python: str | None, environ: Mapping[str, str], state_directory: str, *, afresh: bool = False
) -> Interpreter:
    """Return the description of an interpreter, by its path, or of the running one.

    Another interpreter is asked once, `afresh` each time. Its answer stays below `state_directory` until something
    changes on which it depends, but not where a script was named in place of the interpreter, or where code makes
    `sys.path`. pip and the mark of PEP 668 are looked up each time.

    Raises: PinstallError `interpreter` for a file that does not run as Python 3.
    Source: PEP 508, section "Environment Markers"; PEP 668.
    """
    own = python is None or _is_running(python)
    # options such as `-I` or `-P` hide paths from this process that `python -m pip` will see
    if own and (_starts_like_pip(environ) or not sys.executable):
        return _interpreter(_own(), own=True, named=python or sys.executable)
    executable = sys.executable if own or python is None else os.path.abspath(python)
    named = python or executable
    key = _key(executable, environ)
    name = hashlib.sha256(os.fsencode(executable)).hexdigest()[:16]
    path = os.path.join(state_directory, f"interpreter-{name}.json")
    memory = files.recall(path)
    # where the memory is missing or damaged: ask
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        if not afresh and memory["key"] == key and memory["seen"] == list_starting(_paths(memory["known"])):
            # only what the user has named is started, whatever a memory says
            return _interpreter({**memory["known"], "executable": executable}, own=own, named=named)
    known = environment.probe.ask(executable, environ)
    seen = list_starting(_paths(known))
    links = (path for path, *_ in seen if path.endswith((".pth", ".start")))  # their lines are folders, or code
    steady = _is_itself(executable, known) and not any(map(_varies, (*links, *known["custom"])))
    if steady:
        files.remember(path, json.dumps({"key": key, "seen": seen, "known": known}).encode())
    return _interpreter(known, own=own, named=named if steady else None)


def ask_paths(target: Interpreter, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return `sys.path` of an interpreter as it is now, after files that make it have changed."""
    return _paths(environment.probe.ask(target.executable, environ))


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
    with suppress(KeyError):
        return {name: os.path.normpath(templates[name].format(**values)) for name in names}
    return {name: sysconfig.get_path(name) for name in names}


def _paths(known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `sys.path` with the user's own folder in its place.

    Python leaves out that folder until it exists. pip makes it for `--user`, and where it may not write to the
    environment.
    """
    paths = known["paths"]
    at = min((paths.index(path) for path in (known["purelib"], known["platlib"]) if path in paths), default=len(paths))
    return (*paths[:at], *(path for path in known["user"] if path not in paths), *paths[at:])


def _interpreter(known: Mapping[str, Any], *, own: bool, named: str | None) -> Interpreter:
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
        named=named,
    )


def _pip_release(paths: Iterable[str]) -> tuple[int, ...] | None:
    """Return the release that `python -m pip` runs; a dist-info can be one left behind."""
    for path in paths:
        with suppress(OSError), open(os.path.join(path, "pip", "__init__.py"), encoding="utf-8") as file:
            line = next((line for line in file if line.startswith("__version__")), "")
            found = metadata.version(line.partition("=")[2].strip(" \n\"'"))
            return found.release if found else None
    return None


def _is_itself(executable: str, known: Mapping[str, Any]) -> bool:
    """Return whether a named file is the interpreter, not a script or program that chooses one."""
    is_script = files.read(executable, 2) in {None, b"#!"}
    return not is_script and os.path.realpath(executable) == os.path.realpath(known["executable"] or "")


def _key(executable: str, environ: Mapping[str, str]) -> list[Any]:
    real, folder = os.path.realpath(executable), os.path.dirname(executable)
    places = (real, *(os.path.join(one, "pyvenv.cfg") for one in (folder, os.path.dirname(folder))))
    return [
        *(_FORMAT, executable, real),
        *([*stamp.status(path)] for path in places),
        *(environ.get(variable) for variable in _PATH_VARIABLES),
        # a relative PYTHONPATH means another folder elsewhere, and two markers name the running kernel
        os.getcwd() if environ.get("PYTHONPATH") else None,
        stamp.describe_machine(),
    ]


def list_starting(paths: Iterable[str]) -> list[Any]:
    """Return the files on `sys.path` that make it what it is, with their status: an editable install adds one."""
    found: list[str] = []
    for path in paths:
        # an archive counts itself, and so does a folder that is not there yet
        found += (os.path.join(path, name) for name in list_hooks(path)) if os.path.isdir(path) else [path]
    return [[path, *stamp.status(path)] for path in found]


def _varies(path: str) -> bool:
    """Return whether a file that runs at each start may change `sys.path` otherwise at the next one."""
    folder, name = os.path.split(path)
    content = files.read(path)
    if content is None:
        return True
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith(b"#")]
    if not name.endswith(".pth"):
        return bool(lines) and b"    import apport_python_hook" not in lines  # Debian and Ubuntu have that one
    coded = any(line.startswith((b"import ", b"import\t")) for line in lines) and not _STEADY.fullmatch(name)
    # a folder that is missing counts from the day on which it exists
    folders = (os.fsdecode(line.strip()) for line in lines if not line.startswith(b"import"))
    return coded or not all(os.path.exists(os.path.join(folder, path)) for path in folders)
