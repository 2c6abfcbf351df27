"""Make files and folders that only their owner and their group can change, whatever the umask would allow.

May not: take away from what the umask takes away.
"""

from __future__ import annotations

import contextlib
import os


def opener(path: str, flags: int) -> int:
    """Open a file for `open`, and make it so that others may at most read it."""
    return os.open(path, flags, 0o664)


def folder(path: str) -> None:
    """Make a folder with those above it, where they are not there yet; raise OSError where that cannot be done."""
    if path and not os.path.isdir(path):
        folder(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o775)


def put(path: str, content: bytes) -> None:
    """Write a file in one step, by a temporary one beside it; raise OSError, which leaves what was there."""
    draft = f"{path}.{os.getpid()}"
    with open(draft, "wb", opener=opener) as file:
        file.write(content)
    os.replace(draft, path)
