"""Hash files on all cores, and tell which of them are not what was said of them.

May not: know where it was said, write.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from threading import Lock

    from pinstall.model.pins import Distribution

    Listed = tuple[int, str, str, Distribution, str]
    """Size (negative where nobody knows), place, sha256 in RECORD's spelling, whose file it is, path in RECORD."""

_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0)
"""Opens a pipe without waiting for who writes to it."""
_BLOCK: Final = 1 << 20
_BATCH: Final = 1 << 22
_OPENING: Final = 12_000
"""How many bytes could be hashed while a file is opened, about."""


def differing(
    files: Iterable[Listed], workers: int, told: Callable[[int, int], None] | None
) -> Iterator[tuple[Distribution, str]]:
    """Yield whose file it is, and its path, for each that is missing or has another sha256, in no order.

    `told` hears now and then how many files are done, and of how many.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - dear, and only `check` looks so closely
    from threading import Lock  # noqa: PLC0415 - the same

    batches = _batches(sorted(files, key=lambda listed: listed[0]))
    every = sum(map(len, batches))
    done = 0
    small = Lock()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for number, found in pool.map(lambda _: _hash_next(batches, small), range(len(batches))):
                done += number
                if told is not None:
                    told(done, every)
                yield from found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _batches(files: Sequence[Listed]) -> deque[Sequence[Listed]]:
    """Cut the files into parts that take about as long as each other."""
    from collections import deque  # noqa: PLC0415 - only where files are hashed

    batches: deque[Sequence[Listed]] = deque()
    start = cost = 0
    for end, file in enumerate(files, 1):
        cost += file[0] + _OPENING
        if cost >= _BATCH or end == len(files):
            batches.append(files[start:end])
            start, cost = end, 0
    return batches


def _hash_next(batches: deque[Sequence[Listed]], small: Lock) -> tuple[int, list[tuple[Distribution, str]]]:
    """Hash the next part of small files, or of big ones while another thread is at the small ones.

    Opening files holds the interpreter's lock and hashing does not: two threads at small files hinder each other.
    """
    at_small = small.acquire(blocking=False)
    try:
        batch = batches.popleft() if at_small else batches.pop()
        return len(batch), [
            (distribution, path) for size, place, digest, distribution, path in batch if is_other(place, size, digest)
        ]
    finally:
        if at_small:
            small.release()


def is_other(place: str, size: int, digest: str) -> bool:
    """Tell whether a file is missing or has another sha256 than is said, in the spelling of RECORD."""
    import base64  # noqa: PLC0415 - only where files are hashed

    try:
        return base64.urlsafe_b64encode(sha256(place, size)).rstrip(b"=").decode() != digest
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # what may not be read proves nothing
        return False


def sha256(place: str, size: int = -1) -> bytes:
    """Return the digest of a file; that it has the size which is expected spares a call.

    Raises: OSError where there is no regular file that may be read.
    """
    hashed = hashlib.sha256()
    length = 0
    asked = min(size + 1, _BLOCK) if size > 0 else _BLOCK
    descriptor = os.open(place, os.O_RDONLY | _AT_ONCE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a device, which a hostile RECORD names, may never end
            raise FileNotFoundError(place)
        while block := os.read(descriptor, asked):
            hashed.update(block)
            length += len(block)
            if length == size and len(block) < asked:
                break
    finally:
        os.close(descriptor)
    return hashed.digest()
