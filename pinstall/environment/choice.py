"""Choose the environment to install into, and name it.

May not: start an interpreter; judge a target by what is installed in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from pinstall import files, launcher
from pinstall.environment.file_list import find_python
from pinstall.model.errors import FINDING, NOT_PINNED, PinstallError
from pinstall.model.inputs import Interpreter, Origin

_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")
_NEAREST = "nearest `.venv`"
_SCRIPTS = ("pip", "pip3", "pinstall")


class Target(NamedTuple):
    """The path of an interpreter, None for the running one, and the place that names it."""

    python: str | None
    origin: Origin
    explicit: bool = False


RUNNING = Target(None, Origin(where="running interpreter"))


def choose(
    option: str | None,
    environ: Mapping[str, str],
    near: Iterable[str] = (),
    *,
    needed: bool = True,
    running: tuple[str, str] = (sys.prefix, sys.base_prefix),
) -> Target:
    """Return the interpreter that an option or a variable names, else the running one.

    In an environment of one tool, and outside of any, an active environment counts before, and then the first folder
    of `near`: the `.venv` of the project.

    Raises: PinstallError `interpreter` for a name without interpreter, with pip's code where pip reads the name too;
    `environment` where only the environment of a tool is left.
    Source: pip's `main_parser.identify_python_interpreter`.
    """
    named = {"--python": option, **{name: environ.get(name) for name in ("PINSTALL_PYTHON", "PIP_PYTHON")}}
    for name, python in named.items():
        if python and (found := _locate(python)) is None:
            message = f"could not locate Python interpreter `{python}` ({name})"
            hint = "name the path of an interpreter or the folder of a virtual environment; PATH is not searched"
            code = NOT_PINNED if name == "PINSTALL_PYTHON" else FINDING
            raise PinstallError("interpreter", message, hint=hint, exit_code=code)
        if python:
            return Target(found, Origin(where=name), explicit=True)
    if launcher.is_plain(*running):
        return RUNNING
    passed = [f"`{running[0]}` is the private environment of pinstall itself"]
    active = [(name, environ.get(name, "")) for name in _ACTIVE]
    for where, folder in (*active, (_NEAREST, next(filter(os.path.isdir, near), ""))):
        if not os.path.isdir(folder) or any(_is_same(folder, own) for own in running):
            continue
        is_trusted = where in _ACTIVE or files.is_trusted(os.stat(folder), os.lstat(folder))
        if is_trusted and (found := _locate(folder)):
            return Target(found, Origin(where=where))
        passed.append(f"`{folder}` {'has no interpreter' if is_trusted else 'does not count: others may write it'}")
    if not needed or not launcher.is_tool(running[0]):
        return RUNNING
    message = "no environment to install into: none is active, and the project has no `.venv`"
    hint = "activate an environment or make one with `python -m venv .venv`, or name one with `--python PATH`"
    raise PinstallError("environment", message, context=tuple(passed), hint=hint, exit_code=NOT_PINNED)


def list_places(environ: Mapping[str, str], near: Iterable[str], target: Interpreter) -> Iterator[str]:
    """Yield the paths by which a target is chosen and named."""
    for folder in (*filter(None, map(environ.get, _ACTIVE)), *(() if launcher.is_plain() else near)):
        yield from (folder, os.path.join(folder, "bin", "python"), os.path.join(folder, "pyvenv.cfg"))
    yield from (os.path.join(target.prefix, "bin", name) for name in _SCRIPTS)


def _locate(python: str) -> str | None:
    if os.path.isdir(python):
        inside = (os.path.join(python, name) for name in ("bin/python", "Scripts/python.exe"))
        python = next((path for path in inside if os.path.exists(path)), "")
    return os.path.abspath(python) if python and os.path.exists(python) else None


def _is_same(one: str, other: str) -> bool:
    with suppress(OSError):
        return os.path.samefile(one, other)  # links and bind mounts have several names
    return False


def place(target: Interpreter) -> str:
    """Return the folder of an environment, relative below the working directory; the interpreter outside of any."""
    path = target.executable if target.prefix == target.base_prefix else target.prefix
    here = os.path.join(os.getcwd(), "")
    shown = next((one for one in (path, os.path.realpath(path)) if one.startswith(here)), None)
    return path if shown is None else os.path.relpath(shown, here)


def find_rival(target: Interpreter, environ: Mapping[str, str], script: str = sys.argv[0]) -> str:
    """Return words on another environment that may be meant, which follow the name of the target; empty without one."""
    if target.own and launcher.is_plain(target.prefix, target.base_prefix):
        active = next(filter(None, map(environ.get, _ACTIVE)), "")
        folder = os.path.dirname(os.path.dirname(os.path.abspath(script)))
        if _is_rival(active, target):
            return f", not into the active environment {active}"
        if _is_rival(folder, target):
            return f", not into {folder}, whose `{os.path.basename(script)}` starts this Python"
    # the environment that the first of its scripts names
    scripts = (os.path.join(target.prefix, "bin", name) for name in _SCRIPTS)
    python = find_python(next(filter(os.path.exists, scripts), ""))
    made = os.path.dirname(os.path.dirname(python))
    differs = made and (_is_rival(made, target) or not os.path.exists(made))
    return f", whose scripts start the Python of {made}" if differs else ""


def _is_rival(folder: str, target: Interpreter) -> bool:
    """Check whether a folder is another environment; the base of conda is active for most of its users."""
    own, conda, base = (os.path.exists(os.path.join(folder, name)) for name in ("pyvenv.cfg", "conda-meta", "condabin"))
    return folder != "" and (own or conda) and not base and not _is_same(folder, target.prefix)
