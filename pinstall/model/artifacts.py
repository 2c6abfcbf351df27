"""Define what pip's cache holds, what servers answer, and what is done to the cache, as values.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.model.pins import Identity, Pin, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One distribution that pip would install: name, version and `Requires-Dist` lines as its metadata say.

    `identity` is of the artifact that it takes, which lies at `url`, without credentials. `requested` tells that it was
    asked for itself, with these `extras`.
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
    """One locally built wheel in pip's cache; `path` is relative to the cache, `damage` says why it is no good wheel.

    `identity` is what the file name says; its hashes are those of the source archive that its entry was built from,
    `archive` is the version in that archive's file name, `url` where it came from. `differs` names what was another
    input of the build than it would be now; `recorded` tells that its build is on record at all. `download` are the
    files of the cached download that is as wrong as the wheel is.
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
    """One answer of a server in pip's HTTP cache; `paths` are its files, relative to the cache.

    `headers` have lower-case names. `length` counts the bytes of the body. `damage` says why it is no good entry.
    """

    paths: tuple[str, ...]
    status: int = 0
    headers: Mapping[str, str]
    length: int = 0
    damage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answers past the cache: where redirects led, headers by lower-case name, the body."""

    url: str
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One file that an index page lists; `url` is absolute, quoted as pip asks for it, without fragment.

    `metadata` are the hashes of its PEP 658 file: none is `None`, one without a hash is empty. `requires_python` and
    `uploaded` (PEP 700) are what the page says, unread. `size` counts bytes. Links are equal though only one of two
    pages says size and time of a file.
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
    """What one index, or one place of `--find-links`, offers of a project; `index` is its URL without credentials."""

    index: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """What has to leave pip's cache, and why: files that belong together, relative to the cache.

    `what` names it in a message, such as `the wheel of demo 1.0`. `contradiction` is a proven fault of the thing
    itself; without it it merely is not what this run is about, and goes back when pip fails. `harmless` tells that
    pip does not look for the pin where it lies, so it may stay.
    """

    what: str
    identity: Identity
    paths: tuple[str, ...]
    reason: str
    contradiction: bool
    harmless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """What lies on the shelf, and why: the receipt it belongs to, its files there and their places in the cache."""

    receipt: str
    what: str
    identity: Identity
    stored: tuple[str, ...]
    paths: tuple[str, ...]
    reason: str
    contradiction: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One pin that does not hold yet, with what cache and shelf have of its project, each judged against it.

    `faults` are contradictions in what servers have answered. `hidden` tells that no cached page lists what is pinned.
    `files` are those of the pinned release, none where there may be others than are listed on the cached pages;
    `labels` are the labelled versions among them that a pin without a label accepts, as far as pages are cached.
    """

    pin: Pin
    cached: tuple[tuple[Artifact, State], ...] = ()
    shelved: tuple[tuple[Shelved, State], ...] = ()
    faults: tuple[Eviction, ...] = ()
    hidden: bool = False
    files: tuple[Link, ...] = ()
    labels: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done to pip's cache before pip runs, which pins are remade without it, whose pages are refreshed."""

    evictions: tuple[Eviction, ...] = ()
    returns: tuple[Shelved, ...] = ()
    remakes: tuple[Pin, ...] = ()
    refreshes: tuple[Pin, ...] = ()
