"""Look into archives without unpacking more than such a file can reasonably hold.

May not: unpack to a disk, say what a member means.
"""

import functools
import tarfile
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO

ALWAYS_ALLOWED = 1 << 30  # bytes that any archive may unpack to
_RATIO = 100  # how much larger than itself a larger one may become: what compilers make gets five times as large
# Bytes of a member that is read at once: the longest RECORD of 100,000 files has half as many.
_IN_MEMORY = 1 << 25
# How many bytes one byte of `deflate` can hold: 1032, and a few at its beginning.
_DENSEST = 1040
_BLOCK = 1 << 20
_WHOLE = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)  # zipfile cannot unpack these piece by piece; few wheels use them


class OversizedError(ValueError):
    """A zip could be a bomb, so pinstall does not look into it; that proves no damage."""


@contextmanager
def opened(file: str | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Open a zip to be read member by member, in bounded time and memory.

    Raises OSError and zipfile's own errors (BadZipFile, but nearly anything for damaged bytes), and OversizedError
    where its members have more than 1 GiB and 100 times its size, or are packed by bzip2 or LZMA.
    """
    with zipfile.ZipFile(file) as archive:
        listed = archive.infolist()
        if any(member.compress_type in _WHOLE for member in listed):
            raise OversizedError("is packed by a method that cannot be unpacked piece by piece")
        if any(member.file_size > _DENSEST * (member.compress_size + 1) for member in listed):
            raise zipfile.BadZipFile("a member is larger than what it is packed in can hold")
        # the list of members begins after all packed bytes
        if sum(member.file_size for member in listed) > max(ALWAYS_ALLOWED, _RATIO * archive.start_dir):
            raise OversizedError("would unpack to far more than it is")
        yield archive


def content(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member that is text; raise KeyError without it, OversizedError beyond 32 MiB."""
    if archive.getinfo(name).file_size > _IN_MEMORY:
        raise OversizedError(f"has {name} of more than {_IN_MEMORY >> 20} MiB")
    with archive.open(name) as file:
        return file.read(_IN_MEMORY)  # `read` without a number unpacks up to 1 GiB, whatever size is written


@functools.cache
def read_metadata(path: str, _status: tuple[int, ...]) -> Mapping[str, str]:
    """Return the metadata in a zip by `*.dist-info` and `*.egg-info` at its top, as `importlib.metadata` finds them.

    A file of another status is read again. Damaged, packed otherwise and too large ones are left out.
    """
    found: dict[str, str] = {}
    with suppress(Exception), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            folder, _, name = member.filename.partition("/")
            known = folder.endswith((".dist-info", ".egg-info")) and name in ("METADATA", "PKG-INFO", "")
            if known and not member.is_dir() and member.compress_type not in _WHOLE:
                with suppress(Exception):
                    found.setdefault(folder, content(archive, member.filename).decode())
    return found


def members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a tar one by one, until 1 GiB of it is unpacked."""
    for member in archive:
        yield member
        if archive.offset > ALWAYS_ALLOWED:  # tarfile unpacks also to reach the next one
            return


def names(file: IO[bytes], *, zipped: bool) -> Iterator[str]:
    """Yield the paths of the members of a source archive, up to the first damage."""
    with suppress(Exception):  # damaged bytes make zipfile and tarfile raise nearly anything
        if zipped:
            with opened(file) as archive:
                yield from archive.namelist()
        else:
            with tarfile.open(fileobj=file) as packed:
                yield from (member.name for member in members(packed))


def texts(file: IO[bytes], wanted: Collection[str]) -> Iterator[str]:
    """Yield each text of up to 1 MiB with such a file name in a tar, up to the first damage."""
    with suppress(Exception), tarfile.open(fileobj=file) as packed:
        for member in members(packed):
            wants = member.name.rpartition("/")[2] in wanted and member.size <= _BLOCK
            text = packed.extractfile(member) if wants else None
            yield "" if text is None else text.read().decode(errors="replace")


def broken(file: IO[bytes], *, zipped: bool) -> str | None:
    """Return a member that does not match its checksum; other damage raises nearly anything."""
    if zipped:
        with suppress(OversizedError), opened(file) as archive:  # one that is too large counts as whole
            return archive.testzip()
    else:
        with tarfile.open(fileobj=file) as packed:  # its only checksum is in its compression
            while packed.fileobj.read(_BLOCK):
                pass
    return None
