"""List everything that pip's cache holds, and check each thing against what is known of it.

May not: write, start pip, ask a server.
"""

import contextlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from packaging.utils import canonicalize_name

from pinstall.cache import builds, http, wheels
from pinstall.formats import archives, metadata, urls
from pinstall.index import pages
from pinstall.model.artifacts import Entry, Link

_BUILT = "built wheel"


class Held(NamedTuple):
    """One thing that the cache holds: files that belong together, and what they are.

    It is a `built wheel`, `wheel`, `sdist`, `metadata`, `page`, `redirect` (to `origin`) or `other`.
    """

    kind: str
    name: str = ""
    version: str = ""
    origin: str = ""
    paths: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """Return the words for it in a message."""
        kind = "entry" if self.kind == "other" else self.kind
        return f"the {kind} of {self.name or 'an unknown project'} {self.version}".rstrip()


def everything(path: str) -> Iterator[Held]:
    """Yield the contents of the cache, built wheels first."""
    for place in wheels.list_paths(path):
        name, version = wheels.split_name(place)
        origin, _ = wheels.source(path, place)
        yield Held(_BUILT, canonicalize_name(name), version, urls.redacted(origin), (place,))
    for place in http.list_paths(path):
        paths = http.files(place)
        if (found := _look_into(path, paths)) is not None:
            yield found._replace(name=canonicalize_name(found.name), paths=paths)


def _look_into(path: str, paths: tuple[str, ...]) -> Held | None:
    # most wheels and pages are known without a look at their headers
    with contextlib.suppress(OSError, IndexError), open(f"{path}{os.sep}{paths[1]}", "rb", buffering=0) as body:
        if (found := subject(body, os.fstat(body.fileno()).st_size, {})).name:
            return found
    entry = http.read_entry(path, paths[0])
    if entry is None:
        return None
    if entry.damage is None and entry.status in http.REDIRECTS:
        return Held("redirect", origin=urls.redacted(entry.headers.get("location", "")))
    with contextlib.suppress(OSError, ValueError), http.open_body(path, entry) as body:
        return subject(body, entry.length, entry.headers)
    return Held("other")


def list_hashes(path: str, found: Iterable[Held]) -> dict[str, frozenset[str]]:
    """Return the hashes that the cached pages list, by the paths of the files in the cache."""
    hashes: dict[str, frozenset[str]] = {}
    for held in found:
        for link in _links(path, held) or () if held.kind == "page" else ():
            for url, known in ((link.url, link.hashes), (f"{link.url}.metadata", link.metadata or frozenset())):
                hashes |= {place: known for place in http.places(url) if known}
    return hashes


def _links(path: str, held: Held) -> Sequence[Link] | None:
    with contextlib.suppress(OSError, ValueError):
        if entry := http.read_entry(path, held.paths[0]):
            content = http.content(path, entry)
            return pages.read(content, entry.headers.get("content-type", ""), "https://unknown.invalid/")
    return None


def find_fault(path: str, held: Held, known: Mapping[str, frozenset[str]], search: Sequence[str]) -> str | None:
    """Return what speaks against one thing in the cache; `known` are the hashes that pages list."""
    if held.kind == _BUILT:
        return builds.check(path, wheels.artifact(path, held.paths[0]), search).damage
    entry = http.read_entry(path, held.paths[0])
    if entry is None or held.kind == "redirect":
        return None
    if entry.damage is not None:
        return entry.damage
    if held.kind == "page" and is_page(entry.headers):
        return "is not a page that pip can read" if _links(path, held) is None else None
    if demanded := known.get(held.paths[0]):
        return None if http.hashes(path, entry, demanded) & demanded else "has other bytes than its index lists"
    return _damage(path, entry) if held.kind == "wheel" else None


def _damage(path: str, entry: Entry) -> str | None:
    try:
        with http.open_body(path, entry) as file:
            broken = archives.broken(file, zipped=True)
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile raise nearly anything
        return f"is not a valid archive: {error}"
    return None if broken is None else f"is damaged: {broken} does not match its checksum"


_HEAD = 4096
# How many bytes at the end of a zip hold the names of its last members, and of a page the project's name.
_TAIL = 1 << 16
# How many bytes of a page are read, and how many unpacked.
_MOST = 1 << 25
_METADATA = b".dist-info/METADATA"
_STEM = re.compile(rb"([A-Za-z0-9][A-Za-z0-9._]*)-([A-Za-z0-9][^-/\x00]*)\Z")
# Begins at a word: tried at each letter of a long one, it would take hours.
_ROOT = re.compile(rb"(?<![A-Za-z0-9._-])([A-Za-z0-9][A-Za-z0-9._-]*)-([0-9][^-/\x00]*)/")
_NAME = re.compile(rb'"name"\s*:\s*"([A-Za-z0-9._-]+)"')
_TITLE = re.compile(rb"<title>\s*Links for ([A-Za-z0-9._-]+)", re.IGNORECASE)


def subject(body: BinaryIO, length: int, headers: Mapping[str, str]) -> Held:
    """Return what a body of so many bytes is, by its first and last bytes; the headers are optional."""
    head = body.read(_HEAD)
    if head.startswith(b"PK"):
        names = _tail(head, body, length)
        end = max(0, names.rfind(_METADATA))
        found = _STEM.findall(names[max(0, end - metadata.LONGEST_NAME) : end])
        return _named("wheel", found) if found else _named("sdist", _ROOT.findall(names)[:1])
    if is_page(headers) or (not headers and head[:1] in (b"{", b"<")):
        return _page(head, body, length, headers)
    if head.startswith(b"\x1f\x8b"):
        unpacked = _unpacked(head)
        return _named("sdist", _ROOT.findall(unpacked)[:1]) if b"ustar" in unpacked else Held("other")
    if head.startswith(b"Metadata-Version:"):
        return Held("metadata", *metadata.named(metadata.fields(head.decode("utf-8", "replace").split("\n"))))
    return Held("other")


def is_page(headers: Mapping[str, str]) -> bool:
    """Check whether the content type of an answer is that of a page."""
    kind = headers.get("content-type", "")
    return "json" in kind or "html" in kind


def _tail(head: bytes, body: BinaryIO, length: int) -> bytes:
    if length <= len(head):
        return head
    body.seek(max(0, length - _TAIL))
    return body.read(_TAIL)


def _page(head: bytes, body: BinaryIO, length: int, headers: Mapping[str, str]) -> Held:
    tail = _tail(head, body, length)
    if headers.get("content-encoding"):
        body.seek(0)
        head = tail = _unpacked(body.read(_MOST))
    found = _TITLE.findall(head)[:1] or _NAME.findall(head)[:1] or _NAME.findall(tail)[-1:]
    return Held("page", found[0].decode() if found else "")


def _unpacked(packed: bytes) -> bytes:
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(47).decompress(packed, _MOST)  # gzip or zlib, and no bomb
    return b""


def _named(kind: str, found: list[tuple[bytes, bytes]]) -> Held:
    name, version = (part.decode("utf-8", "replace") for part in (found or [(b"", b"")])[0])
    return Held(kind, name, version)
