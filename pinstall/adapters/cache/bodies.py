"""Tell from the bytes of a cached answer what it is and which project it belongs to: its entry holds no URL.

May not: know where answers lie, judge.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD: Final = 1024
_TAIL: Final = 1 << 16
"""How many bytes at the end of a zip hold the names of its last members, and of a page the project's name."""
_INSIDE: Final = re.compile(rb"([A-Za-z0-9][A-Za-z0-9._]*)-([A-Za-z0-9][^-/\x00]*)\.dist-info/METADATA")
_ROOT: Final = re.compile(rb"([A-Za-z0-9][A-Za-z0-9._-]*)-([0-9][^-/\x00]*)/")
_TAR: Final = b"ustar"
_NAME: Final = re.compile(rb'"name"\s*:\s*"([A-Za-z0-9._-]+)"')
_TITLE: Final = re.compile(rb"<title>\s*Links for ([A-Za-z0-9._-]+)", re.IGNORECASE)
_FIELDS: Final = re.compile(rb"^(Name|Version): *(\S+)", re.MULTILINE)


class Subject(NamedTuple):
    """What an answer is (`wheel`, `sdist`, `metadata`, `page`, `other`), and of which project and version."""

    kind: str
    name: str = ""
    version: str = ""


def subject(body: BinaryIO, length: int, headers: Mapping[str, str]) -> Subject:
    """Return what a body of so many bytes is; never more of it than its first and last bytes is read."""
    head = body.read(_HEAD)
    kind = headers.get("content-type", "")
    if "json" in kind or "html" in kind:
        return _page(head, body, length, headers)
    if head.startswith(b"PK"):
        body.seek(max(0, length - _TAIL))
        names = body.read(_TAIL)
        found = _INSIDE.findall(names)
        return _told("wheel", found[-1:]) if found else _told("sdist", _ROOT.findall(names)[:1])
    if head.startswith(b"\x1f\x8b"):
        unpacked = _unpacked(head)
        return _told("sdist", _ROOT.findall(unpacked)[:1]) if _TAR in unpacked else Subject("other")
    if head.startswith(b"Metadata-Version:"):
        fields = {key: value.decode("utf-8", "replace") for key, value in _FIELDS.findall(head)}
        return Subject("metadata", fields.get(b"Name", ""), fields.get(b"Version", ""))
    return Subject("other")


def _page(head: bytes, body: BinaryIO, length: int, headers: Mapping[str, str]) -> Subject:
    body.seek(max(0, length - _TAIL))
    tail = body.read(_TAIL)
    if headers.get("content-encoding"):
        body.seek(0)
        head = tail = _unpacked(body.read(length))
    found = _TITLE.findall(head)[:1] or _NAME.findall(head)[:1] or _NAME.findall(tail)[-1:]
    return Subject("page", found[0].decode() if found else "")


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(47).decompress(packed, 1 << 25)  # gzip or zlib, and no bomb
    except zlib.error:
        return b""


def _told(kind: str, found: list[tuple[bytes, bytes]]) -> Subject:
    return Subject(kind, *(part.decode("utf-8", "replace") for part in found[0])) if found else Subject(kind)
