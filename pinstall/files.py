"""Write, rename, hash and hold files without losing anything.

May not: know what it writes; wait without a bound; need locks for anything to be right, as not every system has them.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from pinstall.formats import urls

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# The longest time in seconds that a run waits for another one.
PATIENCE = 10.0
# The seconds after which it says so.
_A_MOMENT = 1.0
_PAUSE = 0.02
# Opens a pipe without waiting for a writer.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_BLOCK = 1 << 20
# The longest step in which a file system counts the time of a file.
_TICK = 2.0


def is_trusted(*statuses: os.stat_result) -> bool:
    """Check whether only the user or root can have written what has these; Windows knows neither."""
    return not hasattr(os, "geteuid") or all(
        status.st_uid in {os.geteuid(), 0} and (stat.S_ISLNK(status.st_mode) or not status.st_mode & stat.S_IWOTH)
        for status in statuses
    )


def hold(file: IO[str], say: Callable[[str], object] | None, *, shared: bool = False) -> bool:
    """Take a lock on a file, alone or together with others, and tell whether it is ours then.

    With `say` wait for other runs, without it do not. Raises OSError where the file system has no such locks.
    """
    if sys.platform == "win32":
        return True
    begin, silent = time.monotonic(), True
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        waited = time.monotonic() - begin
        if say is None or waited >= PATIENCE:
            return False
        if silent and waited >= _A_MOMENT:
            silent = False
            say(f"waiting for another run of pinstall, which holds `{file.name}`")
        time.sleep(_PAUSE)


def move(source: str, target: str, *, alone: bool = False) -> None:
    """Rename a file or folder to a free place; raise OSError where that fails, and the source is whole then.

    Nothing is replaced that another process writes at the same moment; `alone` says that there is none. Across file
    systems, and for a folder of an overlay's lower layer, the source is removed once a copy has its name and is on the
    disk. If an earlier move was killed in between, and has left both, this one completes it.
    """
    rename = os.rename if alone else _rename
    folder(os.path.dirname(target))
    try:
        if os.path.lexists(target):
            if not is_same(source, target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
            _copy(source, target)
            _remove(source)
        else:
            rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _transfer(source, target, rename)


def _rename(source: str, target: str) -> None:
    """Rename without replacing anything: link a file, then unlink it. Folders and some file systems have no links."""
    try:
        os.link(source, target, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        raise
    except (OSError, NotImplementedError):
        os.rename(source, target)
    else:
        os.unlink(source)


def _transfer(source: str, target: str, rename: Callable[[str, str], None]) -> None:
    draft = f"{target}.{os.getpid()}"
    try:
        _copy(source, draft)
        rename(draft, target)
    except BaseException:
        with suppress(OSError):
            _remove(draft)
        raise
    _sync(os.path.dirname(target))
    try:
        _remove(source)
    except OSError as error:
        if not isinstance(error, FileNotFoundError):  # else another process was quicker
            _copy(target, source)
        _remove(target)
        raise


def _copy(source: str, target: str) -> None:
    """Copy what the target lacks of a file, link or folder to the disk, with times, modes and, by root, owners."""
    status = os.lstat(source)
    if stat.S_ISDIR(status.st_mode):
        folder(target)
        for name in sorted(os.listdir(source)):
            _copy(os.path.join(source, name), os.path.join(target, name))
    elif os.path.lexists(target):
        return
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
        return
    else:
        with open(source, "rb") as whole, open(os.open(target, _NEW, 0o600), "wb") as copied:
            copied.writelines(iter(lambda: whole.read(_BLOCK), b""))
            copied.flush()
            os.fsync(copied.fileno())
    with suppress(OSError, AttributeError):  # Windows has no owners
        os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    _sync(target)


def _sync(path: str) -> None:
    """Bring the names in a folder to the disk, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: str) -> None:
    """Remove a file, link or folder.

    Of the metadata of a distribution what makes it an installed one goes first, and the list of its files last.
    """
    if os.path.isdir(path) and not os.path.islink(path):
        for name in sorted(os.listdir(path), key=lambda name: (name == "RECORD", name not in ("METADATA", "PKG-INFO"))):
            _remove(os.path.join(path, name))
        os.rmdir(path)
    else:
        os.unlink(path)


def is_same(one: str, other: str) -> bool:
    """Tell whether one file or folder is a copy of the other, or what a killed process left of such a copy."""
    return _is_part(one, other) or _is_part(other, one)


def _is_part(part: str, whole: str) -> bool:
    with suppress(OSError):
        mine, others = os.lstat(part), os.lstat(whole)
        if stat.S_IFMT(mine.st_mode) != stat.S_IFMT(others.st_mode):
            return False
        if stat.S_ISDIR(mine.st_mode):
            return all(_is_part(os.path.join(part, name), os.path.join(whole, name)) for name in os.listdir(part))
        if stat.S_ISLNK(mine.st_mode):
            return os.readlink(part) == os.readlink(whole)
        equal = mine.st_size == others.st_size and abs(mine.st_mtime - others.st_mtime) < _TICK
        return equal and sha256(part) == sha256(whole)
    return False


def opener(path: str, flags: int) -> int:
    """Open a file for `open`, and never through a link; others may read a new file, and not write it."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o664)


def folder(path: str, mode: int = 0o775) -> None:
    """Make a folder with those above it, unless they exist; raise OSError where that fails."""
    if path and not os.path.isdir(path):
        folder(os.path.dirname(path), mode)
        with suppress(FileExistsError):
            os.mkdir(path, mode)


def read_clock(folder: str) -> int:
    """Return the time (ns) of a folder's file system, by a file made there: it may have another one than this process.

    Where no file can be made, return the time of this process.
    """
    draft = os.path.join(folder, f".clock.{os.getpid()}")
    try:
        put(draft, b"")
        return os.stat(draft).st_mtime_ns
    except OSError:
        return time.time_ns()
    finally:
        with suppress(OSError):
            os.unlink(draft)


def list_names(path: str) -> list[str]:
    """Return the names in a folder, sorted; nothing where it is missing or may not be read."""
    with suppress(OSError, ValueError):  # the locale may not be able to spell the path
        return sorted(os.listdir(path))
    return []


def read(path: str, most: int = -1) -> bytes | None:
    """Return the content of a file, or its first bytes; None where it is missing or may not be read."""
    with suppress(OSError, ValueError), open(path, "rb", buffering=0) as file:
        return file.read(most)
    return None


def put(path: str, content: bytes, mode: int | None = None, *, lasting: bool = False) -> None:
    """Write a file in one step; raise OSError, after which the old file is still there.

    A `lasting` file is on the disk before it gets its name.
    """
    draft = f"{path}.{os.getpid()}"
    try:
        with suppress(FileNotFoundError):  # of a run that was killed, or a link that was put there
            os.unlink(draft)
        with open(draft, "xb", opener=opener) as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        if mode is not None:
            os.chmod(draft, mode)
        os.replace(draft, path)
    except OSError:
        with suppress(OSError):
            os.unlink(draft)
        raise


def remember(path: str, content: bytes) -> None:
    """Write a file of the user, which is not of an environment, if that is possible."""
    with suppress(OSError):
        folder(os.path.dirname(path), 0o700)
        put(path, content)


def recall(path: str, most: int = -1) -> dict[str, Any]:
    """Return the JSON document in a file of so many bytes, empty where it is missing, longer or damaged."""
    with suppress(ValueError, TypeError, RecursionError):
        return dict(json.loads(read(path, most) or b""))
    return {}


def save(path: str, document: Mapping[str, Any], *, lasting: bool = False) -> None:
    """Write a JSON document as `put` does, with the folders above it."""
    folder(os.path.dirname(path))
    put(path, json.dumps(document, indent=1).encode(), lasting=lasting)


def replace(path: str, text: str) -> None:
    """Write a file that the user has named as `put` does; modes, symbolic links, pipes and devices stay."""
    if is_device(path):
        with open(path, "a", encoding="utf-8", newline="") as file:
            file.write(text)
        return
    target = os.path.realpath(path)
    put(target, text.encode(), stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None)


def is_device(path: str) -> bool:
    """Tell whether this is a pipe or a device, such as `/dev/stdout`, which no file may replace."""
    return path.startswith("/dev/") or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))


def path_of(link: str) -> str | None:
    """Return the path of a local link, which is a path or a `file:` URL; None for a link to a network."""
    if link.lower().startswith("file:"):
        with suppress(ValueError):  # not a URL
            path = urls.path(link)
            return path[1:] if os.name == "nt" and path[2:3] in (":", "|") else path  # `/C:/folder`
        return None
    return None if "://" in link else link.partition("#")[0] if not os.path.exists(link) else link


def hash_file(path: str) -> frozenset[str]:
    """Return the sha256 of a file as pins have it, `sha256:hexdigest`; nothing where it cannot be read."""
    with suppress(OSError):
        return frozenset((f"sha256:{sha256(path).hex()}",))
    return frozenset()


def sha256(path: str, size: int = -1) -> bytes:
    """Return the digest of a file; an expected size saves a call.

    Raises OSError for what is not a regular file.
    """
    return _hash(path, size, hashlib.sha256())


def hashes(path: str, algorithms: Iterable[str]) -> frozenset[str]:
    """Return the hashes of a file as `algorithm:hexdigest`; raise OSError, also for what is not a regular file."""
    known = (name for name in algorithms if name in hashlib.algorithms_available)
    return frozenset(f"{name}:{_hash(path, -1, hashlib.new(name, usedforsecurity=False)).hex()}" for name in known)


def differs(path: str, known: frozenset[str]) -> bool:
    """Tell whether a file can be read and has none of the known hashes."""
    with suppress(OSError, ValueError):  # gone, or an algorithm that this Python does not have
        present = hashes(path, {text.partition(":")[0] for text in known})
        return bool(present) and not present & known
    return False


def _hash(path: str, size: int, hashed: hashlib._Hash) -> bytes:
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
