"""Look into what others have packed, without unpacking more than such a file can reasonably hold.

May not: unpack to a disk, say what a member means.
"""

from __future__ import annotations

import tarfile
import zipfile
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from tarfile import TarFile, TarInfo

ALWAYS_ALLOWED: Final = 1 << 30
"""Bytes that any archive may unpack to."""
_RATIO: Final = 100
"""How much larger than itself a larger one may become: what compilers make gets five times as large."""
_IN_MEMORY: Final = 1 << 25
"""Bytes of a member that is read at once: the longest RECORD of a hundred thousand files has half as many."""
_DENSEST: Final = 1040
"""How many bytes a byte that is packed by `deflate` can stand for: 1032, and a few at its beginning."""
_BLOCK: Final = 1 << 20
_WHOLE: Final = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
"""What zipfile cannot unpack piece by piece; no builder packs wheels so unless it is told to."""


class OversizedError(ValueError):
    """Tell that a zip is not looked into, as it could be a bomb: that proves nothing against it."""


def opened(file: str | IO[bytes]) -> zipfile.ZipFile:
    """Return a zip to be read member by member, in bounded time and memory.

    Raise OSError and zipfile's own errors (BadZipFile, but for damaged bytes nearly anything) for what is no zip, and
    OversizedError where its members come to more than 1 GiB and a hundred times its size, or are packed by bzip2 or
    LZMA.
    """
    archive = zipfile.ZipFile(file)
    try:
        _check(archive.infolist(), archive.start_dir)  # where the list of members begins, behind all that is packed
    except BaseException:
        archive.close()
        raise
    return archive


def _check(members: Collection[zipfile.ZipInfo], size: int) -> None:
    if any(member.compress_type in _WHOLE for member in members):
        raise OversizedError("is packed by a method that cannot be unpacked piece by piece")
    if any(member.file_size > _DENSEST * (member.compress_size + 1) for member in members):
        raise zipfile.BadZipFile("a member is larger than what it is packed in can hold")
    if sum(member.file_size for member in members) > max(ALWAYS_ALLOWED, _RATIO * size):
        raise OversizedError("would unpack to far more than it is")


def content(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member that is text; raise KeyError where there is none, OversizedError beyond 32 MiB."""
    if archive.getinfo(name).file_size > _IN_MEMORY:
        raise OversizedError(f"has {name} of more than {_IN_MEMORY >> 20} MiB")
    with archive.open(name) as file:
        return file.read(_IN_MEMORY)  # `read` without a number unpacks up to 1 GiB, whatever the size that is said


def members(archive: TarFile) -> Iterator[TarInfo]:
    """Yield the members of a tar one by one, until 1 GiB of it is unpacked: for the first most need not be."""
    for member in archive:
        yield member
        if archive.offset > ALWAYS_ALLOWED:  # what comes next has to be unpacked to
            return


def names(file: IO[bytes], *, zipped: bool) -> Iterator[str]:
    """Yield the paths of the members of a source archive one by one, up to where it is damaged."""
    try:
        if zipped:
            yield from opened(file).namelist()
        else:
            with tarfile.open(fileobj=file) as packed:
                yield from (member.name for member in members(packed))
    except Exception:  # noqa: BLE001 - damaged bytes make zipfile and tarfile raise nearly anything
        return


def broken(file: IO[bytes], *, zipped: bool) -> str | None:
    """Return a member that does not match its checksum; what is too large to look into counts as whole.

    Other damage raises nearly anything: a tar has its only checksum in what it is packed in.
    """
    if not zipped:
        with tarfile.open(fileobj=file) as packed:
            while packed.fileobj.read(_BLOCK):
                pass
        return None
    try:
        with opened(file) as archive:
            return archive.testzip()
    except OversizedError:
        return None
