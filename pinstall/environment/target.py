"""Choose the interpreter to install for.

May not: start it; judge a target by what is installed in it.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pinstall.model.errors import FINDING, NOT_PINNED, PinstallError
from pinstall.model.inputs import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.tags import Tag

    from pinstall.model.inputs import Interpreter

_RUNNING: Final = Origin(where="running interpreter")

_TOOL_MARKS: Final = ("pipx_metadata.json", "uv-receipt.toml", os.path.join("..", "..", "CACHEDIR.TAG"))
"""What tells that an environment belongs to one tool: pipx and `uv tool` leave it there, uvx above, in its cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which interpreter was asked for, none being the running one, and where that is written."""

    python: str | None
    origin: Origin


def choose(
    option: str | None,
    environ: Mapping[str, str],
    *,
    prefix: str = sys.prefix,
    base_prefix: str = sys.base_prefix,
) -> Target:
    """Return what `--python`, `PINSTALL_PYTHON`, `PIP_PYTHON` or `VIRTUAL_ENV` names, else the running interpreter.

    `VIRTUAL_ENV` counts only where the running interpreter is outside any virtual environment or in one that belongs to
    a tool; naming no environment, it is passed over, as the shell passes over a folder on PATH that has gone.

    Raises: PinstallError `interpreter` for a name that leads nowhere, with pip's code where pip reads the name too.
    Source: pip's `main_parser.identify_python_interpreter`.
    """
    for name, python, exit_code in (
        ("--python", option, FINDING),
        ("PINSTALL_PYTHON", environ.get("PINSTALL_PYTHON"), NOT_PINNED),
        ("PIP_PYTHON", environ.get("PIP_PYTHON"), FINDING),
    ):
        if python:
            return Target(python=_located(python, name, exit_code), origin=Origin(where=name))
    if prefix == base_prefix or any(os.path.exists(os.path.join(prefix, mark)) for mark in _TOOL_MARKS):
        active = environ.get("VIRTUAL_ENV")
        python = _identified(active) if active and os.path.isdir(active) else None
        if python:
            return Target(python=python, origin=Origin(where="VIRTUAL_ENV"))
    return Target(python=None, origin=_RUNNING)


def _located(python: str, name: str, exit_code: int) -> str:
    found = _identified(python)
    if found is None:
        raise PinstallError(
            "interpreter",
            f"could not locate Python interpreter `{python}` ({name})",
            hint="name the path of an interpreter or the folder of a virtual environment; PATH is not searched",
            exit_code=exit_code,
        )
    return found


def _identified(python: str) -> str | None:
    if os.path.isdir(python):
        inside = (os.path.join(python, name) for name in ("bin/python", "Scripts/python.exe"))
        python = next((path for path in inside if os.path.exists(path)), "")
    return os.path.abspath(python) if python and os.path.exists(python) else None


_SUFFIX: Final = re.compile(r"\.(?:cpython-|cp|pypy)(\d+[a-z]*)(?:-(pp\d+))?")


def of(target: Interpreter) -> frozenset[Tag]:
    """Return the tags of an interpreter, on the platforms of the running one, as both are of one machine.

    Source: `packaging.tags.sys_tags`, which knows the running interpreter alone.
    """
    from packaging import tags  # noqa: PLC0415 - dear, and only what chooses among wheels needs it

    major, minor = (int(part) for part in target.version.split(".")[:2])
    platforms = tuple(tags.platform_tags())
    said = _SUFFIX.match(target.abi)
    number = said[1] if said else f"{major}{minor}"
    if target.markers.get("implementation_name") == "pypy":
        name = f"pp{major}{minor}"
        own = tags.generic_tags(name, (f"pypy{number}_{said[2]}",) if said else (), platforms)
    else:
        name = f"cp{major}{minor}"
        own = tags.cpython_tags((major, minor), (f"cp{number}",), platforms)
    return frozenset((*own, *tags.compatible_tags((major, minor), name, platforms)))
