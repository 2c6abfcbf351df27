"""Compare the files of installed distributions with their RECORDs, and the RECORDs with each other.

May not: write; accuse what an installer put there that promises no true RECORD.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pinstall import files, stamp
from pinstall.environment import record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from pinstall.environment.record import Row
    from pinstall.model.pins import Distribution

    Owners = Mapping[str, Mapping[str, tuple[Distribution, Row]]]
    "Who lists a place, by the path of its dist-info, and in which row."
    from collections import deque
    from threading import Lock

    Listed = tuple[int, str, str, Distribution, str]
    "Size (negative where nobody knows), place, sha256 in RECORD's spelling, whose file it is, path in RECORD."

_TRUE: Final = ("pip", "uv")
"""The installers whose RECORD is what they installed: conda rewrites files afterwards, Fedora removes it."""
_CACHED: Final = "__pycache__/"
"""Where byte code lies that anybody may remake or remove; pip overwrites even what a wheel brings along."""
_UNKNOWN: Final = -1
"""The size of a file that cannot be told."""
_DIGITS: Final = 19
"""How many digits no size has."""


def damaged(distribution: Distribution, passing: Collection[str] = ()) -> str | None:
    """Say what RECORD shows to be wrong at a glance, in words that follow the name: files gone or of another size.

    Of what is younger than RECORD, which pip writes last, the sha256 is compared too; `altered` looks at all of it.
    Byte code may go. An editable and what neither pip nor uv installed are never damaged; nor do the paths in `passing`
    count, as RECORD spells them. Of an egg that pip installed only files that are gone are known.

    Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    if distribution.egg:
        gone = next((place for place in _listed_by_egg(distribution) if not os.path.lexists(place)), None)
        return None if gone is None else f"lacks {os.path.relpath(gone, distribution.location)}"
    if not _is_held(distribution):
        return None
    try:
        for path, text in _damages(distribution):
            if path not in passing and not _is_replaced(distribution, path):
                return text
    except FileNotFoundError:
        return "has no RECORD"
    except (OSError, ValueError):
        return "has an unreadable RECORD"
    return None


def flaws(distribution: Distribution) -> tuple[str, ...]:
    """Return the paths of RECORD that are not as it says: right after an installation, what the wheel itself said."""
    try:
        return tuple(path for path, _ in _damages(distribution))
    except (OSError, ValueError):
        return ()


def is_removable(distribution: Distribution) -> bool:
    """Tell whether pip knows its files, without which it can neither remove nor replace it: from RECORD, or an egg."""
    return (distribution.egg and os.path.isdir(distribution.path)) or bool(_readable(distribution))


def owners(distributions: Iterable[Distribution]) -> Owners:
    """Return who lists each place; byte code does not count."""
    found: dict[str, dict[str, tuple[Distribution, Row]]] = {}
    for distribution in distributions:
        for row in _readable(distribution):
            if _CACHED not in row[0]:
                found.setdefault(_normal(distribution, row[0]), {})[distribution.path] = (distribution, row)
    return found


def overwritten(distribution: Distribution, listed: Owners) -> dict[str, Distribution]:
    """Return its files, by their path in RECORD, that are those of another distribution now, and this one.

    What another one lists without a hash may be that one's.
    """
    found: dict[str, Distribution] = {}
    for path, mine, _ in _readable(distribution):
        place = _normal(distribution, path)
        for other, (_, digest, size) in listed.get(place, {}).values():
            if other.path != distribution.path and digest != mine and _may_be(place, digest, size):
                found[path] = other
    return found


def _may_be(place: str, digest: str, size: str) -> bool:
    if not digest.startswith("sha256="):
        return os.path.exists(place)
    return not files.is_other(place, _length(size), digest[7:].rstrip("="))


def overlapping(listed: Owners) -> dict[tuple[Distribution, ...], list[str]]:
    """Return the files that the same distributions list: the last one installed has overwritten the others'.

    What is the same in all of them, as the `__init__.py` of a namespace is, does not count.
    """
    found: dict[tuple[Distribution, ...], list[str]] = {}
    for each in listed.values():
        if len(each) > 1 and not _is_the_same(row for _, row in each.values()):
            (_, (path, _, _)), *_ = each.values()
            found.setdefault(tuple(owner for owner, _ in each.values()), []).append(path)
    return found


def _normal(distribution: Distribution, path: str) -> str:
    return os.path.normpath(os.path.join(distribution.location, path))


def altered(
    distributions: Iterable[Distribution], workers: int, told: Callable[[int, int], None] | None = None
) -> Iterator[tuple[Distribution, str]]:
    """Yield each file, by its path in RECORD, that is missing or has not the sha256 that RECORD says, in no order.

    `told` hears now and then how many files are done, and of how many. Where RECORD cannot be read there is nothing to
    compare: see `damaged`.
    """
    for distribution, path in differing(_listed(distributions), workers, told):
        left_out = _is_wrapper(path) and not os.path.lexists(locate(distribution.location, path))
        if not left_out and not _is_replaced(distribution, path):
            yield distribution, path


def strange(distribution: Distribution) -> str | None:
    """Return the first path of RECORD that is not as `altered` wants it, or RECORD itself where it cannot be read."""
    if not is_removable(distribution):
        return "its RECORD"
    return min((path for _, path in altered((distribution,), 1)), default=None)


def places(distribution: Distribution) -> tuple[str, ...]:
    """Return where all its files lie, byte code included; nothing where it has no list of them."""
    if distribution.egg:
        return tuple(_listed_by_egg(distribution))
    return tuple(_normal(distribution, path) for path, _, _ in _readable(distribution))


def top_level(distribution: Distribution) -> tuple[str, ...]:
    """Return the places of what RECORD's paths begin with, those outside in full; of an egg, of all its files."""
    if distribution.egg:
        return tuple(_listed_by_egg(distribution))
    try:
        tops = record.tops(_text(distribution))
    except (OSError, ValueError):
        return ()
    return tuple(os.path.normpath(os.path.join(distribution.location, top)) for top in sorted(tops))


def sources(distribution: Distribution) -> tuple[str, ...]:
    """Return the places of the Python files that RECORD lists: what pip compiles."""
    paths = (path for path, _, _ in _readable(distribution) if path.endswith(".py"))
    return tuple(os.path.join(distribution.location, path) for path in paths)


def _listed_by_egg(distribution: Distribution) -> Iterator[str]:
    """Yield the places of what pip has listed of an egg, byte code left out; nothing where it has no such list."""
    try:
        with open(distribution.record, encoding="utf-8", errors="surrogateescape") as file:
            paths = file.read().splitlines()
    except OSError:
        return
    yield from (os.path.normpath(os.path.join(distribution.path, path)) for path in paths if path[-4:] != ".pyc")


def _is_the_same(rows: Iterable[Row]) -> bool:
    found = {digest for _, digest, _ in rows}
    return len(found) == 1 and "" not in found


def _is_held(distribution: Distribution) -> bool:
    """Tell whether its files are to be what RECORD says.

    Debian removes INSTALLER and leaves a RECORD of other files than it installs; pip's own RECORD lists INSTALLER.
    """
    if distribution.editable:
        return False
    installer = _installer(distribution)
    if installer is None:
        own = f"{os.path.basename(distribution.path)}/INSTALLER"
        return any(path == own for path, _, _ in _readable(distribution))
    return installer in _TRUE


def _installer(distribution: Distribution) -> str | None:
    try:
        with open(os.path.join(distribution.path, "INSTALLER"), "rb", buffering=0) as file:
            return file.read().decode(errors="replace").strip()
    except OSError:
        return None


def _text(distribution: Distribution) -> str:
    with open(os.path.join(distribution.path, "RECORD"), "rb") as file:
        return record.text(file.read())


def _readable(distribution: Distribution) -> Sequence[Row]:
    try:
        return record.rows(_text(distribution))
    except (OSError, ValueError):
        return ()


def _is_replaced(distribution: Distribution, path: str) -> bool:
    """Tell whether the installer has overwritten a note in the dist-info that the wheel has too: both have a row."""
    return ".dist-info/" in path and sum(row[0] == path for row in _readable(distribution)) > 1


def _damages(distribution: Distribution) -> Iterator[tuple[str, str]]:
    location = distribution.location
    written = os.stat(os.path.join(distribution.path, "RECORD")).st_mtime_ns
    rows = record.rows(_text(distribution))
    prefix, folder = stamp.opened(location)
    try:
        for path, digest, size in rows:
            if _CACHED in path or (not digest and record.is_bytecode(path)):
                continue
            expected = _length(size)  # pip keeps what a wheel says, such as `4 bytes`, or nothing
            found: int | None
            try:
                status = os.stat(prefix + path, dir_fd=folder)
                found = status.st_size
                younger = status.st_mtime_ns > written and digest.startswith("sha256=")
                if (
                    younger
                    and expected in (found, _UNKNOWN)
                    and files.is_other(locate(location, path), found, digest[7:].rstrip("="))
                ):
                    yield path, f"was altered in {path}"
            except OSError:
                found = _size(location, path)
            if found is None:
                yield path, f"lacks {path}"
            elif _UNKNOWN not in (expected, found) and found != expected:
                yield path, f"has {found} bytes instead of {size} in {path}"
    finally:
        stamp.close(folder)


def _size(location: str, path: str) -> int | None:
    """Return the size of what is not simply where RECORD says, none where there is no file."""
    try:
        return os.stat(locate(location, path)).st_size
    except (FileNotFoundError, NotADirectoryError):
        return _UNKNOWN if _is_wrapper(path) else None
    except OSError:  # a folder that may not be entered proves nothing
        return _UNKNOWN


def locate(location: str, path: str) -> str:
    """Return where the file of a row lies; `--target` moves `../../bin` to `bin` and leaves RECORD as it was."""
    place = os.path.join(location, path)
    return os.path.join(location, path[6:]) if path.startswith("../../") and not os.path.lexists(place) else place


def _is_wrapper(path: str) -> bool:
    """Tell whether a row is of a script that pip has left out for the entry point of that name, and listed anyway."""
    return path.partition("/")[0].endswith(".data")


def _listed(distributions: Iterable[Distribution]) -> Iterator[Listed]:
    for distribution in filter(_is_held, distributions):
        folder = os.path.join(distribution.location, "")
        for path, digest, size in _readable(distribution):
            if digest.startswith("sha256=") and _CACHED not in path:
                outside = path.startswith(("../", "/"))
                place = locate(distribution.location, path) if outside else folder + path
                yield _length(size), place, digest[7:].rstrip("="), distribution, path


def _length(size: str) -> int:
    return int(size) if size.isascii() and size.isdecimal() and len(size) < _DIGITS else _UNKNOWN


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
            (distribution, path)
            for size, place, digest, distribution, path in batch
            if files.is_other(place, size, digest)
        ]
    finally:
        if at_small:
            small.release()
