"""Read settings, dependency groups and script headers: `pyproject.toml`, `PINSTALL_*` variables, PEP 723.

May not: know which settings exist, but for the one that may be a list; take settings from a file that others may write.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pinstall import files, formats
from pinstall.model.errors import USAGE, PinstallError
from pinstall.model.inputs import Argument, Fault, Option, Origin

MARKS = (".git", ".hg")  # what only the root of a repository holds
_NAME = b"pinstall"  # what a file that has the table must hold somewhere, however TOML spells the table
# The variables of settings: one names an interpreter, and some are for pinstall's own tests.
_VARIABLE = re.compile(r"PINSTALL_(?!PYTHON\Z|TEST_)(.+)")
_KEY = r"""\s*\[?\s*(?:(?:tool\s*\.\s*)?pinstall\s*\.\s*)?(["']?){}\1\s*[]=.]"""
_LIST = "unmanaged"  # it may have several values, which are separated by blanks elsewhere
# The file that holds groups where no other is named, and the only name that such a file may have.
PROJECT = "pyproject.toml"


def project_settings(cwd: str, environ: Mapping[str, str]) -> tuple[Option, ...]:
    """Return `[tool.pinstall]` of the nearest `pyproject.toml`, values as text.

    An entry of a table is named `table.key`; its value is a URL, or a path relative to the file's folder.
    The file counts only if the user or root owns it and not everybody may write it.

    Raises: PinstallError `project-settings` for a file that is not TOML or holds another type of value.
    """
    for path in candidates(cwd, environ):
        if os.path.isfile(path):
            content = _trusted_content(path)
            table = _table(path, content) if _NAME in content else {}
            return tuple(option for key, value in table.items() for option in _options(path, key, value, content))
    return ()


def environment_settings(environ: Mapping[str, str]) -> tuple[Option, ...]:
    """Return the settings of `PINSTALL_*` variables; an empty one counts as not set, as in pip."""
    return tuple(
        Option(name=key, dest=key, value=value, origin=Origin(where=variable))
        for variable, value in environ.items()
        if value and (match := _VARIABLE.fullmatch(variable))
        for key in (match[1].lower().replace("_", "-"),)
    )


def candidates(cwd: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the possible paths of the project file, from `cwd` up to the repository root or home."""
    home = os.path.realpath(environ.get("HOME") or os.path.expanduser("~"))
    folder = os.path.realpath(cwd)
    while True:
        yield os.path.join(folder, PROJECT)
        parent = os.path.dirname(folder)
        if folder in {home, parent} or any(os.path.lexists(os.path.join(folder, mark)) for mark in MARKS):
            return
        folder = parent


def environments(cwd: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where the project may have its `.venv`, the nearest first."""
    return (os.path.join(os.path.dirname(path), ".venv") for path in candidates(cwd, environ))


def _trusted_content(path: str) -> bytes:
    """Return the bytes of a file that only the user or root can have written, empty for another."""
    with suppress(OSError), open(path, "rb") as file:
        return file.read() if files.is_trusted(os.fstat(file.fileno())) else b""
    return b""


def _table(path: str, content: bytes) -> dict[str, object]:
    try:
        document = formats.metadata.parse_toml(content)
    except UnicodeDecodeError as error:
        raise _fault(path, "not valid UTF-8", content.count(b"\n", 0, error.start) + 1) from None
    except ValueError as error:
        reason, _, place = str(error).partition(" (at ")
        digits = place.removeprefix("line ").partition(",")[0]
        raise _fault(path, reason, int(digits) if digits.isdigit() else None) from None
    tool = document.get("tool", {})
    table = tool.get("pinstall", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise _fault(path, "`tool.pinstall` is not a table")
    return table


def _options(path: str, written: str, value: object, content: bytes) -> Iterator[Option]:
    key, line = written.replace("_", "-"), _line_of(written, content)
    if not isinstance(value, dict):
        yield Option(name=key, dest=key, value=_text(path, key, value, line), origin=Origin(where=path, line=line))
        return
    for inner, one in value.items():
        line = _line_of(inner, content)
        text = _text(path, f"{key}.{inner}", one, line)
        place = text if "://" in text else os.path.realpath(os.path.join(os.path.dirname(path), text))
        yield Option(name=f"{key}.{inner}", dest=key, value=place, origin=Origin(where=path, line=line))


def _line_of(key: str, content: bytes) -> int | None:
    """Return the line that begins with a key, if only one does."""
    form = re.compile(_KEY.format(re.escape(key)))
    found = [number for number, line in enumerate(content.decode().splitlines(), 1) if form.match(line)]
    return found[0] if len(found) == 1 else None


def _text(path: str, key: str, value: object, line: int | None) -> str:
    if isinstance(value, str | int):
        return str(value).lower() if isinstance(value, bool) else str(value)
    several = "a list of strings without blanks, " * (key.lower() == _LIST)
    if several and isinstance(value, list) and all(isinstance(one, str) and [one] == one.split() for one in value):
        return " ".join(value)
    raise _fault(path, f"`{key}` must be {several}a string, an integer or a boolean", line)


def _fault(path: str, reason: str, line: int | None = None) -> PinstallError:
    fault = Fault(reason, Origin(where=path, line=line))
    return PinstallError("project-settings", str(fault), context=(fault,), exit_code=USAGE)


def split_group(value: str) -> tuple[str, str]:
    """Return path and name of a group, `[PATH:]NAME` as in `--group`."""
    path, colon, name = value.rpartition(":")
    return (path if colon else PROJECT), name


def read_group(content: bytes, group: str, *, file: str) -> tuple[Argument | Fault, ...] | None:
    """Return the requirements of a group, or its faults; None where packaging is older than 26.1."""
    try:
        from packaging.dependency_groups import DependencyGroupResolver  # noqa: PLC0415 - few runs name a group
    except ImportError:
        return None
    whole = Origin(where=file)
    try:
        groups: Any = formats.metadata.parse_toml(content).get("dependency-groups")
        if not isinstance(groups, dict):
            return (Fault(origin=whole, message=f"no `[dependency-groups]` for the group `{group}`"),)
        texts = [str(requirement) for requirement in DependencyGroupResolver(groups).resolve(group)]
    except ValueError as error:
        return (Fault(origin=whole, message=f"invalid TOML: {error}"),)
    except Exception as error:  # noqa: BLE001 - packaging has its own class of groups of errors below Python 3.11
        return tuple(Fault(origin=whole, message=str(each)) for each in getattr(error, "exceptions", (error,)))
    return _arguments(texts, content, file)


_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")  # as in PEP 723


def read_script(content: bytes, *, file: str, python: str | None) -> tuple[Argument | Fault, ...]:
    """Return the requirements of a script, or its fault; with `python`, a full version, check `requires-python`."""
    try:
        header = _header(content.decode().replace("\r\n", "\n").replace("\r", "\n"))
        _check_python(str(header.get("requires-python", "")), python)
        texts = list(header.get("dependencies", ()))
        for text in texts:  # other texts, such as paths, are faults
            formats.metadata.requirement(text)
    except (ValueError, TypeError) as error:
        return (Fault(origin=Origin(where=file), message=str(error)),)
    return _arguments(texts, content, file)


def _arguments(texts: Iterable[str], content: bytes, file: str) -> tuple[Argument, ...]:
    """Return requirements, each with the first line that holds it as one whole string, in either quotes."""
    lines = list(enumerate(content.decode(errors="replace").splitlines(), 1))
    found = ((text, (number for number, line in lines if f'"{text}"' in line or f"'{text}'" in line)) for text in texts)
    return tuple(Argument(text=text, origin=Origin(where=file, line=next(some, None))) for text, some in found)


def _header(script: str) -> dict[str, Any]:
    blocks = [match["content"] for match in _BLOCK.finditer(script) if match["type"] == "script"]
    if len(blocks) != 1:
        raise ValueError("several blocks `# /// script`" if blocks else "no block `# /// script`")
    lines = (line[2:] if line.startswith("# ") else line[1:] for line in blocks[0].splitlines(keepends=True))
    return formats.metadata.parse_toml("".join(lines).encode())


def _check_python(required: str, python: str | None) -> None:
    # pip compares the release alone, so a release candidate counts as what it will be
    if python and required and not SpecifierSet(required).contains(Version(python).base_version):
        raise ValueError(f"it needs Python {required}, and this is {python}")
