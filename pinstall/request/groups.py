"""Read the dependency groups of a `pyproject.toml` (PEP 735).

May not: open a file, read a requirement.
"""

from __future__ import annotations

from typing import Any, Final

from pinstall.formats import toml
from pinstall.model.request import Argument, Fault, Origin

PROJECT: Final = "pyproject.toml"
"""The file that holds groups where none is named, and the only name that such a file may have."""


def parted(value: str) -> tuple[str, str]:
    """Return the path and the name of `[PATH:]NAME`, as `--group` takes it."""
    path, colon, name = value.rpartition(":")
    return (path if colon else PROJECT), name


def read(content: bytes, group: str, *, file: str) -> tuple[Argument | Fault, ...] | None:
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
