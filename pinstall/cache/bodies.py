"""Tell from the bytes of a cached answer what it is and which project it belongs to: its entry holds no URL.

May not: know where answers lie, judge.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD: Final = 4096
_TAIL: Final = 1 << 16
"""How many bytes at the end of a zip hold the names of its last members, and of a page the project's name."""
_MOST: Final = 1 << 25
"""How many bytes of a page are read, and how many unpacked."""
_METADATA: Final = b".dist-info/METADATA"
_STEM: Final = re.compile(rb"([A-Za-z0-9][A-Za-z0-9._]*)-([A-Za-z0-9][^-/\x00]*)\Z")
_LONGEST: Final = 255
"""How many bytes the name of a file can have."""
_ROOT: Final = re.compile(rb"(?<![A-Za-z0-9._-])([A-Za-z0-9][A-Za-z0-9._-]*)-([0-9][^-/\x00]*)/")
"""What begins with a word: tried at each letter of a long one, it would take hours."""
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
    """Return what a body of so many bytes is; never more of it than its first and last bytes is read.

    Without headers what begins like a page is taken for one; where it has no name, its headers may tell more.
    """
    head = body.read(_HEAD)
    if head.startswith(b"PK"):
        names = _tail(head, body, length)
        end = max(0, names.rfind(_METADATA))
        found = _STEM.findall(names[max(0, end - _LONGEST) : end])
        return _told("wheel", found) if found else _told("sdist", _ROOT.findall(names)[:1])
    if is_page(headers) or (not headers and head[:1] in (b"{", b"<")):
        return _page(head, body, length, headers)
    if head.startswith(b"\x1f\x8b"):
        unpacked = _unpacked(head)
        return _told("sdist", _ROOT.findall(unpacked)[:1]) if _TAR in unpacked else Subject("other")
    if head.startswith(b"Metadata-Version:"):
        fields = {key: value.decode("utf-8", "replace") for key, value in _FIELDS.findall(head)}
        return Subject("metadata", fields.get(b"Name", ""), fields.get(b"Version", ""))
    return Subject("other")


def is_page(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer says of itself that it is a page."""
    kind = headers.get("content-type", "")
    return "json" in kind or "html" in kind


def _tail(head: bytes, body: BinaryIO, length: int) -> bytes:
    if length <= len(head):
        return head
    body.seek(max(0, length - _TAIL))
    return body.read(_TAIL)


def _page(head: bytes, body: BinaryIO, length: int, headers: Mapping[str, str]) -> Subject:
    tail = _tail(head, body, length)
    if headers.get("content-encoding"):
        body.seek(0)
        head = tail = _unpacked(body.read(_MOST))
    found = _TITLE.findall(head)[:1] or _NAME.findall(head)[:1] or _NAME.findall(tail)[-1:]
    return Subject("page", found[0].decode() if found else "")


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(47).decompress(packed, _MOST)  # gzip or zlib, and no bomb
    except zlib.error:
        return b""


def _told(kind: str, found: list[tuple[bytes, bytes]]) -> Subject:
    return Subject(kind, *(part.decode("utf-8", "replace") for part in found[0])) if found else Subject(kind)
