"""Remember which wheels lie in a big cache of locally built ones, since to list all its folders anew is dear.

May not: write into pip's cache, open a wheel, believe what is odd.

A wheel comes and goes only by a change of the folder that it lies in, a folder only by one of the folder above, and
every such change sets the ctime of the folder, which nobody can set back. So where each folder has the ctime that it
had before it was listed, it would be listed the same; those of the first level are listed each time. As the clocks of
file systems tick coarsely, what had only just changed may have changed again unseen, and is listed anew.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from pinstall import files
from pinstall.stamp import BETWEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMAT: Final = b"pinstall listing 1\0"
_FEW: Final = 240
"""With fewer folders of the first level, of the 256 there can be, a cache has some 700 wheels and is listed sooner."""
_LEVELS: Final = 4
_TICK: Final = 2_000_000_000
"""How many nanoseconds the coarsest clock of a file system stands still, that of FAT."""


class _Group(NamedTuple):
    """What lies in a folder of the first level: joined texts are read back five times faster than lists."""

    seen: str
    """The ctimes of the folders before they were listed, nothing where they are not to be believed."""
    folders: str
    wheels: str


def wheels(folder: str, state_directory: str) -> list[str] | None:
    """Return where the wheels lie in a folder of pip's layout, in any order; none where that is not worth remembering.

    What is remembered lies below `state_directory`; where that cannot be written, all is listed anew.
    """
    try:
        tops = os.listdir(folder)
    except OSError:
        return None
    if len(tops) < _FEW or os.stat not in os.supports_dir_fd:
        return None
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    place = os.path.join(state_directory, f"wheels-{name}")
    known = _read(place)
    settled = time.time_ns() - _TICK
    groups = {top: _group(os.path.join(folder, top), known.get(top), settled) for top in tops}
    if groups != known:
        _write(place, groups)
    found = [(top, group.wheels.split(BETWEEN)) for top, group in groups.items() if group.wheels]
    above = os.path.basename(folder)
    return [f"{above}{os.sep}{top}{os.sep}{path}" for top, paths in found for path in paths]


def _group(top: str, known: _Group | None, settled: int) -> _Group:
    if known is not None and known.seen and known.seen == _seen(top, known.folders.split(BETWEEN)):
        return known
    return _listed(top, settled)


def _seen(top: str, folders: Sequence[str]) -> str:
    """Return the digest of the folders' ctimes; relative to the one above them they are looked at a quarter faster."""
    try:
        descriptor = os.open(top, os.O_RDONLY)
        try:
            return _digest([os.stat(path, dir_fd=descriptor).st_ctime_ns for path in folders])
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def _listed(top: str, settled: int) -> _Group:
    ctimes: dict[str, int] = {}
    odd = False
    level = [""]
    for _ in range(_LEVELS):
        inner = []
        for path in level:
            place = f"{top}{path}"
            try:
                # before it is listed: what changes after this is seen next time
                ctimes[path[1:] or "."] = os.stat(place).st_ctime_ns
                inner += [f"{path}{os.sep}{name}" for name in os.listdir(place)]
            except OSError:  # no folder, or gone, or out of reach for now
                odd = True
        level = inner
    believed = not odd and max(ctimes.values()) < settled
    found = (path[1:] for path in level if path.endswith(".whl"))
    return _Group(_digest(list(ctimes.values())) if believed else "", BETWEEN.join(ctimes), BETWEEN.join(found))


def _digest(ctimes: list[int]) -> str:
    return hashlib.sha256(marshal.dumps(ctimes, 2)).hexdigest()


def _read(place: str) -> dict[str, _Group]:
    """Return what is remembered, nothing where any byte of it is not as it was written."""
    try:
        with open(place, "rb") as file:
            seal, _, text = file.read().partition(b"\n")
    except OSError:
        return {}
    groups = json.loads(text) if seal == _seal(text) else {}
    return {top: _Group(*group) for top, group in groups.items()}


def _write(place: str, groups: dict[str, _Group]) -> None:
    text = json.dumps(groups).encode()
    files.remember(place, _seal(text) + b"\n" + text)


def _seal(text: bytes) -> bytes:
    return hashlib.sha256(_FORMAT + text).hexdigest().encode()
