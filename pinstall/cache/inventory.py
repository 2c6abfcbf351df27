"""List everything that pip's cache holds, and check each thing against what is known of it.

May not: write, start pip, ask a server.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from pinstall.cache import bodies, http, wheels
from pinstall.cache import builds as built
from pinstall.formats import urls as links
from pinstall.formats import zips
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
        yield Held(canonicalize_name(name), version, _BUILT, (place,), links.redacted(origin))
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
            found = bodies.subject(body, os.fstat(body.fileno()).st_size, {})
    except OSError:
        return None
    return _held(found, paths) if found.name else None


def _looked_into(path: str, paths: tuple[str, ...]) -> Held | None:
    entry = http.at(path, paths[0])
    if entry is None:
        return None
    if entry.damage is None and entry.status in http.REDIRECTS:
        return Held("", "", "redirect", paths, links.redacted(entry.headers.get("location", "")))
    try:
        with http.opened(path, entry) as body:
            return _held(bodies.subject(body, entry.length, entry.headers), paths)
    except (OSError, ValueError):
        return _held(bodies.Subject("other"), paths)


def _held(found: bodies.Subject, paths: tuple[str, ...]) -> Held:
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
        return built.checked(path, wheels.artifact(path, held.paths[0]), search).damage
    entry = http.at(path, held.paths[0])
    if entry is None or held.kind == "redirect":
        return None
    if entry.damage is not None:
        return entry.damage
    if held.kind == "page" and bodies.is_page(entry.headers):
        return "is no page that pip can read" if _links(path, held) is None else None
    demanded = known.get(held.paths[0])
    if demanded:
        return None if http.hashes(path, entry, demanded) & demanded else "has other bytes than its index lists"
    return _damage(path, entry) if held.kind == "wheel" else None


def _damage(path: str, entry: Entry) -> str | None:
    try:
        with http.opened(path, entry) as file, zips.opened(file) as archive:
            broken = archive.testzip()
    except zips.OversizedError:
        return None
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile raise nearly anything
        return f"is no valid archive: {error}"
    return None if broken is None else f"is damaged: {broken} does not match its checksum"
