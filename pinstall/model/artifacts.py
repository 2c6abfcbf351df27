"""Define values of pip's cache, of servers, and of the changes to the cache.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.model.pins import Identity, Pin, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One distribution that pip would install: name, version and `Requires-Dist` lines of its metadata.

    `identity` is of the artifact at `url`, without credentials. `requested` ones were named, with these `extras`.
    """

    name: NormalizedName
    version: str
    identity: Identity
    url: str
    requires: tuple[str, ...]
    requested: bool = False
    extras: frozenset[NormalizedName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One locally built wheel in pip's cache; `path` is relative to the cache.

    `identity` is by the file name, with the hashes of the source archive, `archive` the version in that archive's file
    name, `url` its place. `differs` names the inputs of the build that are different today, `recorded` tells that they
    are known. `download` are the files of a cached download that is as wrong as the wheel.
    """

    identity: Identity
    path: str
    archive: Version | None = None
    url: str = ""
    damage: str | None = None
    differs: tuple[str, ...] = ()
    recorded: bool = False
    download: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answer of a server in pip's HTTP cache: its files, relative to the cache, and the bytes of its body.

    `headers` have lower-case names.
    """

    paths: tuple[str, ...]
    status: int = 0
    headers: Mapping[str, str]
    length: int = 0
    damage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of a server past the cache: the URL after redirects, headers by lower-case name, the body."""

    url: str
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One file on an index page; `url` is absolute, quoted as pip requests it, without fragment.

    `metadata` are the hashes of its PEP 658 file, None without such a file. `requires_python` and `uploaded` (PEP 700)
    are the text of the page, `size` is in bytes. Some pages lack size and time: links are equal without them.
    """

    url: str
    filename: str
    hashes: frozenset[str] = frozenset()
    metadata: frozenset[str] | None = None
    yanked: bool = False
    requires_python: str = ""
    size: int | None = field(default=None, compare=False)
    uploaded: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The files of a project at one index, by its URL without credentials, or at one place of `--find-links`."""

    index: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """Files that have to leave pip's cache together, relative to the cache, and the reason.

    `what` names them in a message, such as `the wheel of demo 1.0`. A `contradiction` is a proven fault; other files go
    back when pip fails. `harmless` ones may stay, since pip does not look there for the pin. `copied` ones stay where
    they are too, until pip replaces them.
    """

    what: str
    identity: Identity
    paths: tuple[str, ...]
    reason: str
    contradiction: bool
    harmless: bool = False
    copied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved(Eviction):
    """Files that have left the cache and lie on the shelf: with their receipt, and their paths there."""

    receipt: str
    stored: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One pin that is not satisfied yet, with the wheels of its project in cache and shelf, each judged.

    `faults` are contradictions in answers of servers, `hidden` tells that cached pages do not list the pin, and pip can
    ask for them again. `files` are those of the pinned release, empty where the cached pages may lack some.
    """

    pin: Pin
    cached: tuple[tuple[Artifact, State], ...] = ()
    shelved: tuple[tuple[Shelved, State], ...] = ()
    faults: tuple[Eviction, ...] = ()
    hidden: bool = False
    files: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes to pip's cache before pip runs, pins to build without it, and pins whose pages are refreshed."""

    evictions: tuple[Eviction, ...] = ()
    returns: tuple[Shelved, ...] = ()
    remakes: tuple[Pin, ...] = ()
    refreshes: tuple[Pin, ...] = ()
