"""Tell pinstall's own settings from the project's `pyproject.toml` and from `PINSTALL_*` variables.

May not: know which keys exist; let a file count that somebody else could have written.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any, Final

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pinstall.formats import toml
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.model.inputs import Argument, Fault, Option, Origin

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


PROJECT: Final = "pyproject.toml"
"""The file that holds groups where none is named, and the only name that such a file may have."""


def parted(value: str) -> tuple[str, str]:
    """Return the path and the name of `[PATH:]NAME`, as `--group` takes it."""
    path, colon, name = value.rpartition(":")
    return (path if colon else PROJECT), name


def read_group(content: bytes, group: str, *, file: str) -> tuple[Argument | Fault, ...] | None:
    """Return the requirements of a group, those of the groups that it includes among them, or what is wrong with it.

    None where the installed packaging is older than 26.1 and knows no groups.
    """
    try:
        from packaging.dependency_groups import DependencyGroupResolver  # noqa: PLC0415 - few runs name a group
    except ImportError:
        return None
    whole = Origin(where=file)
    try:
        groups: Any = toml.parse(content).get("dependency-groups")
        if not isinstance(groups, dict):
            return (Fault(origin=whole, message=f"no `[dependency-groups]` for the group `{group}`"),)
        texts = [str(requirement) for requirement in DependencyGroupResolver(groups).resolve(group)]
    except ValueError as error:
        return (Fault(origin=whole, message=f"invalid TOML: {error}"),)
    except Exception as error:  # noqa: BLE001 - packaging has its own class of groups of errors below Python 3.11
        return tuple(Fault(origin=whole, message=str(each)) for each in getattr(error, "exceptions", (error,)))
    return tuple(Argument(text=text, origin=Origin(where=file, line=toml.line_of(text, content))) for text in texts)


# The expression that PEP 723 itself gives.
_BLOCK: Final = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def read_script(content: bytes, *, file: str, python: str | None) -> tuple[Argument | Fault, ...]:
    """Return the requirements of a script, or what is wrong with it.

    `python` is the full version of the interpreter that has to be good enough for it, none for any.
    """
    try:
        header = _header(content.decode().replace("\r\n", "\n").replace("\r", "\n"))
        _check_python(str(header.get("requires-python", "")), python)
        texts = [_requirement(text) for text in header.get("dependencies", ())]
    except (ValueError, TypeError) as error:
        return (Fault(origin=Origin(where=file), message=str(error)),)
    return tuple(Argument(text=text, origin=Origin(where=file, line=toml.line_of(text, content))) for text in texts)


def _header(script: str) -> dict[str, Any]:
    blocks = [match["content"] for match in _BLOCK.finditer(script) if match["type"] == "script"]
    if len(blocks) != 1:
        raise ValueError("several blocks `# /// script`" if blocks else "no block `# /// script`")
    lines = (line[2:] if line.startswith("# ") else line[1:] for line in blocks[0].splitlines(keepends=True))
    return toml.parse("".join(lines).encode())


def _check_python(required: str, python: str | None) -> None:
    if python is None or not required:
        return
    # pip compares the release alone, so a release candidate counts as what it will be
    if not SpecifierSet(required).contains(Version(python).base_version):
        raise ValueError(f"it needs Python {required}, and this is {python}")


def _requirement(text: str) -> str:
    """Return the text; raise ValueError where it is none of PEP 508, such as a path."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - few runs name a script

    Requirement(text)
    return text
