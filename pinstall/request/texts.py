"""Read a text that may not be there yet, and replace it in one step.

May not: parse.
"""

from __future__ import annotations

import os

from pinstall import files as writing
from pinstall.model.errors import UNREADABLE, PinstallError


def read(path: str) -> str:
    """Return a file's text, an empty one where there is no file; raise PinstallError `output` where none can be.

    Line ends stay as they are. A pipe or a device has no text of its own.
    """
    if writing.is_device(path):
        return ""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError as error:
        if os.path.isdir(os.path.dirname(os.path.abspath(path))):
            return ""
        raise _unusable(path, error) from error
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from error


def replace(path: str, text: str) -> None:
    """Write a text as `writing.replace` does; raise PinstallError `output` where that is not possible."""
    try:
        writing.replace(path, text)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: str, error: Exception) -> PinstallError:
    reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
    return PinstallError("output", f"cannot use `{path}` for the lock: {reason}", exit_code=UNREADABLE)
