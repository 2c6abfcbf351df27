"""Write, rename, hash and hold files without losing anything.

May not: know what it writes; wait without a bound; need locks for anything to be right, as not every system has them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final

from pinstall.formats import urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PATIENCE = 10.0
"""How many seconds a run waits for another one at most."""
_A_MOMENT = 1.0
"""After how many of them it says so."""
_PAUSE = 0.02


def hold(file: IO[str], say: Callable[[str], object], *, shared: bool = False) -> bool:
    """Wait until nobody else holds a file, or nobody alone, and tell whether it is ours then.

    Raises OSError where the file system has no such locks.
    """
    if _is_held(file, _A_MOMENT, shared=shared):
        return True
    say(f"waiting for another run of pinstall, which holds `{file.name}`")
    return _is_held(file, PATIENCE - _A_MOMENT, shared=shared)


def _is_held(file: IO[str], seconds: float, *, shared: bool) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - POSIX only, and a run that changes nothing holds nothing
    except ImportError:
        return True
    deadline = time.monotonic() + seconds
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)


class Lease:
    """What each run holds of a cache, together with others, as long as its pip may read there.

    The file is handed down to pip, so that a pip whose pinstall was killed holds it still.
    """

    def __init__(self, cache: str) -> None:
        """Hold nothing yet."""
        self._path = os.path.join(cache, "pinstall", "lease")
        self._file: IO[str] | None = None

    def share(self, say: Callable[[str], object]) -> None:
        """Hold the cache from now on; where that cannot be done, pip runs all the same."""
        if self._file is None:
            with suppress(OSError):
                self._file = _opened(self._path)
                os.set_inheritable(self._file.fileno(), True)  # noqa: FBT003 - takes no keyword
                hold(self._file, say, shared=True)

    @contextmanager
    def alone(self, say: Callable[[str], object] | None) -> Iterator[bool]:
        """Tell whether no other run holds the cache, and keep it so; with `say` wait for that, without do not."""
        try:
            file = _opened(self._path)
        except OSError:  # where no file can be made, nobody holds one
            yield True
            return
        with file:
            try:
                alone = hold(file, say) if say else _is_held(file, 0, shared=False)
            except OSError:
                alone = True
            yield alone

    def end(self) -> None:
        """Give the cache back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _opened(path: str) -> IO[str]:
    folder(os.path.dirname(path))
    return open(path, "a", encoding="utf-8", opener=opener)


def moved(source: str, target: str) -> bool:
    """Rename, making the folders above the target; tell whether it was done.

    A file is linked and then unlinked, so that nothing which another process puts there at the same moment is replaced;
    where there are no links (folders, some file systems) the look before the rename has to do.
    """
    if os.path.lexists(target):
        return False
    try:
        folder(os.path.dirname(target))
        if _linked(source, target):
            os.unlink(source)
        else:
            os.rename(source, target)
    except OSError:
        return False
    return True


def _linked(source: str, target: str) -> bool:
    """Give a file a second name; raise FileExistsError where that is taken, FileNotFoundError without a file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        raise
    except (OSError, NotImplementedError):
        return False
    return True


def opener(path: str, flags: int) -> int:
    """Open a file for `open`, and make it so that others may at most read it."""
    return os.open(path, flags, 0o664)


def folder(path: str) -> None:
    """Make a folder with those above it, where they are not there yet; raise OSError where that cannot be done."""
    if path and not os.path.isdir(path):
        folder(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o775)


def put(path: str, content: bytes, mode: int | None = None, *, lasting: bool = False) -> None:
    """Write a file in one step, by a temporary one next to it; raise OSError, which leaves what was there.

    A `lasting` one is on the disk before it has its name.
    """
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "wb", opener=opener) as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        if mode is not None:
            os.chmod(draft, mode)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def remember(path: str, content: bytes) -> None:
    """Write what is of the user and of no environment; what cannot be written is only not remembered."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        put(path, content)


def recall(path: str) -> dict[str, Any]:
    """Return the JSON document in a file; what is missing, damaged or something else has nothing in it."""
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def save(path: str, document: Mapping[str, Any], *, lasting: bool = False) -> None:
    """Write a JSON document as `put` does, with the folders above it; raise OSError where that cannot be done."""
    folder(os.path.dirname(path))
    put(path, json.dumps(document, indent=1).encode(), lasting=lasting)


def replace(path: str, text: str) -> None:
    """Write a file that the user has named in one step; its mode, a symbolic link to it, a pipe and a device stay.

    Raises OSError; then what was there is untouched.
    """
    if is_device(path):
        with open(path, "a", encoding="utf-8", newline="") as file:
            file.write(text)
        return
    target = os.path.realpath(path)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = stat.S_IMODE(os.stat(target).st_mode)
    put(target, text.encode(), mode)


def is_device(path: str) -> bool:
    """Tell whether what lies there, such as a pipe or `/dev/stdout`, must never be replaced by a file."""
    return path.startswith("/dev/") or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))


def path_of(link: str) -> str | None:
    """Return the path of a local link, which is a path or a `file:` URL; none for a link to a network."""
    if link.lower().startswith("file:"):
        from urllib.request import url2pathname  # noqa: PLC0415 - rare, and the import that takes longest of all

        try:
            return url2pathname(urls.split(link).path)
        except ValueError:  # not a URL
            return None
    return None if "://" in link else link.partition("#")[0] if not os.path.exists(link) else link


_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0)
"""Opens a pipe without waiting for who writes to it."""
_BLOCK: Final = 1 << 20
_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")


def sha256(path: str, size: int = -1) -> bytes:
    """Return the digest of a file; the size, where the caller expects one, spares a call.

    Raises: OSError where there is no regular file that may be read.
    """
    hashed = hashlib.sha256()
    length = 0
    asked = min(size + 1, _BLOCK) if size > 0 else _BLOCK
    descriptor = os.open(path, os.O_RDONLY | _AT_ONCE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a device, which a hostile RECORD names, may never end
            raise FileNotFoundError(errno.ENOENT, "it is not a regular file", path)
        while block := os.read(descriptor, asked):
            hashed.update(block)
            length += len(block)
            if length == size and len(block) < asked:
                break
    finally:
        os.close(descriptor)
    return hashed.digest()


def is_other(path: str, size: int, digest: str) -> bool:
    """Return whether a file is missing or has another sha256, which is given in the spelling of RECORD."""
    import binascii  # noqa: PLC0415 - only where installed files are hashed

    try:
        spelled = binascii.b2a_base64(sha256(path, size), newline=False).translate(_URLSAFE)
        return spelled.rstrip(b"=").decode() != digest
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # what may not be read proves nothing
        return False
