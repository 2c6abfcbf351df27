"""Give the bytes of a requirement, constraint, group or lock file by path, `file:` URL, device or URL.

May not: parse, import its neighbours; what fetches a URL is handed in.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from pinstall import files as writing
from pinstall.model.errors import UNREADABLE, PinstallError

if TYPE_CHECKING:
    from collections.abc import Callable

_URL: Final = re.compile(r"(https?|file):", re.IGNORECASE)
_DESCRIPTOR: Final = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_USERINFO: Final = re.compile(r"(?<=://)[^/?#]*@")


def resolve(target: str, including: str | None) -> str:
    """Return where a file is that the command line (no `including`) or another file names, by pip's rules.

    A relative path counts from the including file and comes out absolute, so that a file which includes itself is
    recognised; one of the command line stays as written. A `file:` URL comes out as a path, whose own relative names
    are then paths too. Raises PinstallError (`requirements-file`) for a `file:` URL of another host.
    """
    if including is not None and _URL.match(including):
        from urllib.parse import urljoin  # noqa: PLC0415 - most files are paths

        target = urljoin(including, target)
    elif including is not None and not _URL.match(target):
        return os.path.abspath(os.path.join(os.path.dirname(including), target))
    return _path(target) if target[:5].lower() == "file:" else target


def descriptor(where: str) -> int | None:
    """Return the number of the open file that a path stands for, such as /dev/stdin or what a shell puts for `<(...)`.

    What is read of it may be gone for everybody who comes later.
    """
    if where == "/dev/stdin":
        return 0
    match = _DESCRIPTOR.fullmatch(where)
    return int(match[1]) if match else None


def content(where: str, fetch: Callable[[str], bytes]) -> bytes:
    """Return the bytes of what `resolve` named; `fetch` gets http and https URLs and raises for itself.

    A pipe such as /dev/stdin gives its bytes once: whoever starts pip afterwards has to hand it what was read here.
    Raises PinstallError (`requirements-file`) for what cannot be read.
    """
    if _URL.match(where):
        if where[:5].lower() != "file:":
            return fetch(where)
        where = _path(where)
    try:
        with open(where, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise _unreadable(where, getattr(error, "strerror", None) or str(error)) from error


def _path(url: str) -> str:
    from urllib.parse import urlsplit  # noqa: PLC0415 - most files are paths
    from urllib.request import url2pathname  # noqa: PLC0415 - the same

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _unreadable(url, str(error)) from error
    if parts.netloc not in {"", "localhost"} and os.name != "nt":
        raise _unreadable(url, f"it lies on another host, `{parts.netloc.rpartition('@')[2]}`")
    share = f"//{parts.netloc}" if parts.netloc not in {"", "localhost"} else ""
    return url2pathname(share + parts.path)


def _unreadable(where: str, reason: str) -> PinstallError:
    hint = "a path in a file counts from that file's folder, one on the command line from the working directory"
    if where == "-":
        hint = "`-` is a file name to pip; standard input is `/dev/stdin`"
    return PinstallError(
        "requirements-file",
        f"cannot read requirement file `{_USERINFO.sub('', where)}`: {reason}",
        hint=hint,
        exit_code=1,
    )


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
