"""Choose the interpreter to install for.

May not: start it; judge a target by what is installed in it.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from packaging import tags

from pinstall.model.errors import FINDING, NOT_PINNED, PinstallError
from pinstall.model.inputs import Interpreter, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

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
