"""Read the head of a metadata file, and versions and needs as others have written them.

May not: open a file, say what a field means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.markers import Marker


def fields(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the header fields by lower-case name, which end at the first blank line."""
    found: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in lines:
        if line[:1] in (" ", "\t"):  # also a line of nothing but blanks, as in a licence's text
            if last:
                last[-1] += f" {line.strip()}"
            continue
        key, colon, value = line.partition(":")
        if not colon or " " in key:  # the blank line, or a text that begins without one
            break
        last = found.setdefault(key.lower(), [])
        last.append(value.strip())
    return found


def needs(text: str) -> tuple[str, ...]:
    """Return what setuptools' `requires.txt` lists as `Requires-Dist` would say it: sections are extras and markers."""
    found, section = [], ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            section = line.strip("[]")
            continue
        extra, _, marker = section.partition(":")
        conditions = [*([f"({marker})"] if marker else []), *([f"extra == '{extra}'"] if extra else [])]
        found.append(" ; ".join([line, *([" and ".join(conditions)] if conditions else [])]))
    return tuple(found)


def version(text: str) -> Version | None:
    """Return the version, none for what is none."""
    try:
        return Version(text)
    except ValueError:  # InvalidVersion is one, and what a number of too many digits raises
        return None


def requirement(text: str) -> Requirement:
    """Return what a `Requires-Dist` asks for; raises ValueError where it cannot be read."""
    try:
        return Requirement(text)
    except (SyntaxError, RecursionError) as error:  # packaging lets through what `ast` raises for a marker
        raise ValueError(str(error)) from error


def applies(marker: Marker | None, markers: Mapping[str, str], extra: str = "") -> bool:
    """Tell whether a marker holds in an environment (PEP 508); raises ValueError where it cannot be evaluated."""
    try:
        return marker is None or marker.evaluate({**markers, "extra": extra})
    except (KeyError, SyntaxError, RecursionError) as error:  # an undefined name was a KeyError at times
        raise ValueError(*error.args) from error
