"""Parse TOML, and find the line of a text in it.

May not: open a file, know what a document means.
"""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]


def parse(content: bytes) -> dict[str, Any]:
    """Return the document; raise ValueError, with a message for the user, for other bytes."""
    try:
        document: dict[str, Any] = tomllib.loads(content.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return document


def line_of(text: str, content: bytes) -> int | None:
    """Return the first line that holds the text as one whole string, in either quotes."""
    quoted = (f'"{text}"', f"'{text}'")
    lines = content.decode(errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if any(form in line for form in quoted)), None)
