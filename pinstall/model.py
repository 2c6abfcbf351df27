"""Define the values that flow from the pin to the verdict and on to the outcome.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.errors import PinstallError
    from pinstall.request import Fault, Origin, RequirementLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where contents come from when it is not an index: a URL without credentials, and the commit of a repository."""

    url: str
    commit: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What something must be; an empty slot demands nothing.

    `version` is that of `==`; `exact` is the text behind `===`, which PEP 440 compares as text. `expected` is what a
    build will have: the version, else what the archive's file name says, which is enough to suspect a cached wheel.
    `hashes` are `algorithm:hexdigest`, any one of which suffices. `lines` are all the lines that demand it.
    """

    name: NormalizedName
    version: Version | None = None
    exact: str | None = None
    source: Source | None = None
    hashes: frozenset[str] = frozenset()
    expected: Version | None = None
    lines: tuple[RequirementLine, ...] = ()

    @property
    def requested(self) -> bool:
        """Tell whether something asks for it; a pin from constraints alone only bounds what others ask for."""
        return not all(line.constraint for line in self.lines)

    @property
    def origin(self) -> Origin:
        """Return where the version is demanded, for messages that have room for one place."""
        versions = frozenset(("==", "==="))
        versioned = (line for line in self.lines if any(clause.operator in versions for clause in line.specifier))
        return next(versioned, self.lines[0]).origin

    @property
    def direct(self) -> bool:
        """Tell whether a URL or path is asked for, not a release of an index."""
        return any(line.link is not None for line in self.lines)

    @property
    def extras(self) -> frozenset[NormalizedName]:
        """Return the extras that any of the lines asks for."""
        return frozenset(extra for line in self.lines for extra in line.extras)

    @property
    def wanted(self) -> str:
        """Return the demand in the words of a requirement, short enough for a message."""
        if self.exact is not None:
            return f"{self.name}==={self.exact}"
        if self.version is not None:
            return f"{self.name}=={self.version}"
        direct = next((line.text for line in self.lines if line.link is not None), self.name)
        return direct if " @ " in direct or direct == self.name else f"{self.name} @ {direct}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """All that was asked, sorted by what can be held to it.

    `unpinned` is requested and names no contents; `entrusted` has no name or no contents that could be compared (local
    directories, editables, unnamed commits) and always goes to pip; `bounds` are the constraints that pin nothing.
    """

    pins: tuple[Pin, ...] = ()
    unpinned: tuple[RequirementLine, ...] = ()
    entrusted: tuple[RequirementLine, ...] = ()
    bounds: tuple[RequirementLine, ...] = ()
    conflicts: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What something is; an empty slot is not known."""

    name: NormalizedName
    version: Version | None = None
    source: Source | None = None
    hashes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution.

    `path` is its `.dist-info` (or `.egg-info`), `location` the folder that holds it, `text` its version as written.
    `requires` are its `Requires-Dist` lines, none when they cannot be read. `damage` says what is wrong with it.
    """

    identity: Identity
    text: str
    location: str
    path: str
    requires: tuple[str, ...] | None = None
    editable: bool = False
    damage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A pin of earlier runs: the installed version, and where it is said, by the file (empty for the command line)."""

    name: NormalizedName
    version: str
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One distribution that pip would install: name, version and `Requires-Dist` lines as its metadata say."""

    name: NormalizedName
    version: str
    requires: tuple[str, ...]


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

    `metadata` are the hashes of its PEP 658 file: none is `None`, one without a hash is empty.
    """

    url: str
    filename: str
    hashes: frozenset[str] = frozenset()
    metadata: frozenset[str] | None = None
    yanked: bool = False


class State(enum.IntEnum):
    """How a pin stands, in order of gravity."""

    HOLDS = 0
    ABSENT = 1
    UNPROVEN = 2
    WRONG_VERSION = 3
    WRONG_LABEL = 4
    WRONG_SOURCE = 5
    WRONG_HASH = 6
    DAMAGED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judgement with its evidence: what was found, in words that finish the sentence `NAME ...`.

    Of a pin that holds, `notes` say what about it is unusual, and `warnings` what the user has to know, in words that
    finish the sentence `NAME holds ...`.
    """

    pin: Pin
    state: State
    found: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """What has to leave pip's cache, and why: files that belong together, relative to the cache.

    `what` names it in a message, such as `the wheel of demo 1.0`. `contradiction` is a proven fault of the thing
    itself; without it it merely is not what this run is about, and goes back when pip fails.
    """

    what: str
    identity: Identity
    paths: tuple[str, ...]
    reason: str
    contradiction: bool


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
    """

    pin: Pin
    cached: tuple[tuple[Artifact, State], ...] = ()
    shelved: tuple[tuple[Shelved, State], ...] = ()
    faults: tuple[Eviction, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done to pip's cache before pip runs, which pins are remade without it, whose pages are refreshed."""

    evictions: tuple[Eviction, ...] = ()
    returns: tuple[Shelved, ...] = ()
    remakes: tuple[Pin, ...] = ()
    refreshes: tuple[Pin, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One pip command that was run: why, its arguments behind `python -m pip`, its exit code."""

    purpose: str
    arguments: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did and how it ended; `rehearsed` tells that nothing was installed because of `--dry-run`.

    `grounds` is all that it rests on that every pin was found to hold, none where that is not the whole of it.
    """

    exit_code: int
    verdicts: tuple[Verdict, ...] = ()
    plan: Plan = Plan()
    commands: tuple[Command, ...] = ()
    rehearsed: bool = False
    error: PinstallError | None = None
    target: str = ""
    report_to: str = ""
    grounds: tuple[str, ...] = ()


class Reporter(Protocol):
    """Where the walk says what it does, while it does it."""

    @property
    def detailed(self) -> bool:
        """Tell whether anybody reads the details."""

    def show(self, text: str) -> None:
        """Give a line of what a command was asked for."""

    def document(self, content: dict[str, Any]) -> None:
        """Give what a command was asked for as one JSON document."""

    def progress(self, done: int, total: int) -> None:
        """Tell how far a long look has come."""

    def say(self, text: str) -> None:
        """Say what the user has to know."""

    def detail(self, text: str) -> None:
        """Say why something was decided, for those who asked with `-v`."""
