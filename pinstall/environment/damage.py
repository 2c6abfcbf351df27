"""Compare the contents of installed files with the sha256 that their RECORDs list, on all cores.

May not: write.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Final

from pinstall.files import is_other

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pinstall.environment.file_list import FileList, Listed
    from pinstall.model.pins import Distribution

_BATCH: Final = 1 << 22
_OPENING: Final = 12_000
"""How many bytes could be hashed while a file is opened, about."""


def altered(
    lists: Iterable[FileList], workers: int, told: Callable[[int, int], None] | None = None
) -> Iterator[tuple[Distribution, str]]:
    """Yield each file, by its path in RECORD, that is missing or has not the sha256 that RECORD lists, in no order.

    `told` is called now and then with the number of files that are done, and of all. Without a readable RECORD nothing
    can be compared: see `FileList.damage`.
    """
    files = [file for one in lists for file in one.hashed]
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


def find_foreign(files: FileList) -> str | None:
    """Return the first path of RECORD that is not as `altered` wants it, or RECORD itself where it cannot be read."""
    if not files.is_removable:
        return "its RECORD"
    return min((path for _, path in altered((files,), 1)), default=None)
