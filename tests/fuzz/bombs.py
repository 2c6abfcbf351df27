"""Build files that are small and become large, or that never end."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB: Final = 1 << 20


def zeros(mebibytes: int) -> bytes:
    """Return so many MiB of zeros as a stream of `deflate`, a thousand times smaller, without ever having them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    one = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return one * mebibytes + zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS).flush()


def gzipped(mebibytes: int) -> bytes:
    """Return so many MiB of zeros as gzip, whose checksum at the end nobody is to come to."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + zeros(mebibytes) + bytes(8)


def zip_with(archive: bytes, packed: Mapping[str, tuple[bytes, int]]) -> bytes:
    """Return a zip with more members, each a stream of `deflate` and the size that is said of it."""
    stream = io.BytesIO(archive)
    with zipfile.ZipFile(stream, "a") as members:
        for name, (content, size) in packed.items():
            member = zipfile.ZipInfo(name)
            member.compress_type, member.compress_size, member.file_size = zipfile.ZIP_DEFLATED, len(content), size
            member.header_offset, member.CRC = members.start_dir, 0
            fields = (20, 0, 8, 0, 0, 0, len(content), size, len(name), 0)
            written = struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name.encode() + content
            stream.seek(members.start_dir)
            stream.write(written)
            members.start_dir += len(written)
            members.filelist.append(member)
            members.NameToInfo[name] = member
            members._didModify = True  # type: ignore[attr-defined]
    return stream.getvalue()
