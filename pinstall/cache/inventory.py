"""List everything that pip's cache holds, and check each thing against what is known of it.

May not: write, start pip, ask a server.
"""

from __future__ import annotations

import os
import re
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from packaging.utils import canonicalize_name

from pinstall.cache import builds, http, wheels
from pinstall.formats import archives, urls
from pinstall.index import pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pinstall.model.artifacts import Entry, Link

_BUILT = "built wheel"


class Held(NamedTuple):
    """One thing that the cache holds: files that belong together, and what they are."""

    name: str
    version: str
    kind: str
    paths: tuple[str, ...]
    origin: str = ""

    @property
    def what(self) -> str:
        """Return the thing in the words of a message."""
        kind = "entry" if self.kind == "other" else self.kind
        return f"the {kind} of {self.name or 'an unknown project'} {self.version}".rstrip()


def everything(path: str) -> Iterator[Held]:
    """Yield all that lies in the cache, built wheels first."""
    for place in wheels.every(path):
        name, version = wheels.named(place)
        origin, _ = wheels.source(path, place)
        yield Held(canonicalize_name(name), version, _BUILT, (place,), urls.redacted(origin))
    for place in http.every(path):
        paths = http.files(place)
        found = _at_a_glance(path, paths) or _looked_into(path, paths)
        if found is not None:
            yield found


def _at_a_glance(path: str, paths: tuple[str, ...]) -> Held | None:
    """Return what the first bytes of a body tell, without its headers: most are wheels and pages."""
    if not paths[1:]:
        return None
    try:
        with open(f"{path}{os.sep}{paths[1]}", "rb", buffering=0) as body:
            found = subject(body, os.fstat(body.fileno()).st_size, {})
    except OSError:
        return None
    return _held(found, paths) if found.name else None


def _looked_into(path: str, paths: tuple[str, ...]) -> Held | None:
    entry = http.at(path, paths[0])
    if entry is None:
        return None
    if entry.damage is None and entry.status in http.REDIRECTS:
        return Held("", "", "redirect", paths, urls.redacted(entry.headers.get("location", "")))
    try:
        with http.opened(path, entry) as body:
            return _held(subject(body, entry.length, entry.headers), paths)
    except (OSError, ValueError):
        return _held(Subject("other"), paths)


def _held(found: Subject, paths: tuple[str, ...]) -> Held:
    return Held(canonicalize_name(found.name), found.version, found.kind, paths)


def listed(path: str, found: Iterable[Held]) -> dict[str, frozenset[str]]:
    """Return the hashes that the cached pages list, by the places of the files in the cache."""
    hashes: dict[str, frozenset[str]] = {}
    for held in found:
        for link in _links(path, held) or () if held.kind == "page" else ():
            for url, known in ((link.url, link.hashes), (f"{link.url}.metadata", link.metadata or frozenset())):
                hashes |= {place: known for place in http.places(url) if known}
    return hashes


def _links(path: str, held: Held) -> Sequence[Link] | None:
    entry = http.at(path, held.paths[0])
    if entry is None:
        return None
    try:
        content = http.content(path, entry)
        return pages.read(content, entry.headers.get("content-type", ""), "https://unknown.invalid/")
    except (OSError, ValueError):
        return None


def wrong(path: str, held: Held, known: Mapping[str, frozenset[str]], search: Sequence[str]) -> str | None:
    """Return what speaks against one thing, none where nothing does; `known` are the hashes that pages list."""
    if held.kind == _BUILT:
        return builds.checked(path, wheels.artifact(path, held.paths[0]), search).damage
    entry = http.at(path, held.paths[0])
    if entry is None or held.kind == "redirect":
        return None
    if entry.damage is not None:
        return entry.damage
    if held.kind == "page" and is_page(entry.headers):
        return "is no page that pip can read" if _links(path, held) is None else None
    demanded = known.get(held.paths[0])
    if demanded:
        return None if http.hashes(path, entry, demanded) & demanded else "has other bytes than its index lists"
    return _damage(path, entry) if held.kind == "wheel" else None


def _damage(path: str, entry: Entry) -> str | None:
    try:
        with http.opened(path, entry) as file:
            broken = archives.broken(file, zipped=True)
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile raise nearly anything
        return f"is no valid archive: {error}"
    return None if broken is None else f"is damaged: {broken} does not match its checksum"


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
