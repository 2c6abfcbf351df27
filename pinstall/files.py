"""Make files and folders that only their owner and their group can change, whatever the umask would allow.

May not: take away from what the umask takes away.
"""

from __future__ import annotations

import contextlib
import os
import stat


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
    """Write a file of our own in one step, by a temporary one beside it; raise OSError, which leaves what was there."""
    draft = f"{path}.{os.getpid()}"
    with open(draft, "wb", opener=opener) as file:
        file.write(content)
    os.replace(draft, path)


def remember(path: str, content: bytes) -> None:
    """Write what is of the user and of no environment; what cannot be written is only not remembered."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        put(path, content)


def replace(path: str, text: str) -> None:
    """Write a file that the user has named in one step; its mode, a symbolic link to it, a pipe and a device stay.

    Raises OSError; then what was there is untouched.
    """
    if is_device(path):
        with open(path, "a", encoding="utf-8", newline="") as file:
            file.write(text)
        return
    target = os.path.realpath(path)
    draft = f"{target}.{os.getpid()}"
    try:
        with open(draft, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        with contextlib.suppress(FileNotFoundError):
            os.chmod(draft, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(draft, target)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def is_device(path: str) -> bool:
    """Tell whether what lies there, such as a pipe or `/dev/stdout`, must never be replaced by a file."""
    return path.startswith("/dev/") or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))
