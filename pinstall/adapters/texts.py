"""Read a text that may not be there yet, and replace it in one step.

May not: parse, write what is the same already.
"""

from __future__ import annotations

import contextlib
import os
import stat

from pinstall.errors import UNREADABLE, PinstallError


def read(path: str) -> str:
    """Return a file's text, an empty one where there is no file; raise PinstallError `output` where none can be.

    Line ends stay as they are.
    """
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
    """Write a text by a temporary file beside it, so that nobody ever reads half; mode and symbolic link stay.

    Raises PinstallError `output` where that is not possible; then the old text is untouched.
    """
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise _unusable(path, error) from error


def _unusable(path: str, error: Exception) -> PinstallError:
    reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
    return PinstallError("output", f"cannot use `{path}` for the lock: {reason}", exit_code=UNREADABLE)
