"""Tell pinstall's own settings from the project's `pyproject.toml` and from `PINSTALL_*` variables.

May not: know which keys exist; let a file count that somebody else could have written.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from pinstall.formats import toml
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.model.request import Fault, Option, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MARKS: Final = (".git", ".hg")
"""What only the root of a repository holds."""
_NAME: Final = b"pinstall"
"""What a file that has the table must hold somewhere, however TOML spells the table."""
_PREFIX: Final = "PINSTALL_"
_NOT_A_SETTING: Final = frozenset({"PINSTALL_PYTHON"})


def project_settings(cwd: str, environ: Mapping[str, str]) -> tuple[Option, ...]:
    """Return what `[tool.pinstall]` of the nearest `pyproject.toml` says, values as text, tables entry by entry.

    An entry of a table is named `table.key`; its value is a URL or a path, which counts from the file's folder.

    The file is searched from the working directory up to the repository root or the home directory; it counts only
    when the user or root owns it and not everybody may write it.

    Raises: PinstallError `project-settings` for a file that cannot be read as TOML or holds another type of value.
    """
    path = next((path for path in candidates(cwd, environ) if os.path.isfile(path)), None)
    content = None if path is None else _trusted_content(path)
    if path is None or content is None or _NAME not in content:
        return ()
    return tuple(option for key, value in _table(path, content).items() for option in _options(path, key, value))


def environment_settings(environ: Mapping[str, str]) -> tuple[Option, ...]:
    """Return what `PINSTALL_*` variables say; an empty one counts as not set, as pip has it for its own."""
    return tuple(
        Option(name=_key(variable), dest=_key(variable), value=value, origin=Origin(where=variable))
        for variable, value in environ.items()
        if variable.startswith(_PREFIX) and variable not in _NOT_A_SETTING and value
    )


def _key(variable: str) -> str:
    return variable.removeprefix(_PREFIX).lower().replace("_", "-")


def candidates(cwd: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where the nearest `pyproject.toml` may lie, the nearest place first."""
    home = os.path.realpath(environ.get("HOME") or os.path.expanduser("~"))
    folder = os.path.realpath(cwd)
    while True:
        yield os.path.join(folder, "pyproject.toml")
        parent = os.path.dirname(folder)
        if folder in {home, parent} or any(os.path.lexists(os.path.join(folder, mark)) for mark in MARKS):
            return
        folder = parent


def _trusted_content(path: str) -> bytes | None:
    """Return the bytes of a file that only the user or root can have written, none of any other."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            # Windows tells neither an owner nor who else may write.
            trusted = not hasattr(os, "geteuid") or (
                status.st_uid in {os.geteuid(), 0} and not status.st_mode & stat.S_IWOTH
            )
            return file.read() if trusted else None
    except OSError:
        return None


def _table(path: str, content: bytes) -> dict[str, object]:
    try:
        document = toml.parse(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _fault(Origin(where=path, line=line), "not valid UTF-8") from None
    except ValueError as error:
        reason, _, place = str(error).partition(" (at ")
        digits = place.removeprefix("line ").partition(",")[0]
        raise _fault(Origin(where=path, line=int(digits) if digits.isdigit() else None), reason) from None
    tool = document.get("tool", {})
    table = tool.get("pinstall", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise _fault(Origin(where=path), "`tool.pinstall` is no table")
    return {str(key).replace("_", "-"): value for key, value in table.items()}


def _options(path: str, key: str, value: object) -> Iterator[Option]:
    if not isinstance(value, dict):
        yield Option(name=key, dest=key, value=_text(path, key, value), origin=Origin(where=path))
        return
    for inner, one in value.items():
        text = _text(path, f"{key}.{inner}", one)
        place = text if "://" in text else os.path.realpath(os.path.join(os.path.dirname(path), text))
        yield Option(name=f"{key}.{inner}", dest=key, value=place, origin=Origin(where=path))


def _text(path: str, key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise _fault(Origin(where=path), f"`{key}` must be a string, an integer or a boolean")


def _fault(origin: Origin, reason: str) -> PinstallError:
    return PinstallError(
        "project-settings",
        "`[tool.pinstall]` cannot be read",
        context=(Fault(origin=origin, message=reason),),
        exit_code=NOT_PINNED,
    )
