"""Define the values that flow from the pin to the verdict and on to the outcome.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.model.inputs import Fault, Origin, RequirementLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where contents come from when it is not an index: a URL without credentials, and the commit of a repository.

    An empty URL stands for any place, where the hash of an archive tells what it has to be.
    """

    url: str
    commit: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What something must be; an empty slot demands nothing.

    `version` is that of `==`; `exact` is the text behind `===`, which PEP 440 compares as text. `expected` is what a
    build will have: the version, else what the archive's file name says, which is enough to suspect a cached wheel.
    `hashes` are `algorithm:hexdigest`, any one of which suffices. `lines` are all the lines that demand it. Where they
    do not say the name and nobody knows it yet, `name` is their text.
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
    def anonymous(self) -> bool:
        """Tell whether its name is not known yet, or only guessed."""
        return any(line.anonymous for line in self.lines)

    @property
    def extras(self) -> frozenset[NormalizedName]:
        """Return the extras that any of the lines asks for."""
        return frozenset(extra for line in self.lines for extra in line.extras)

    @property
    def enforced(self) -> frozenset[str]:
        """Return the hashes that pip is sure to enforce: where lines differ it may go by those of any one of them."""
        return self.hashes if len({line.hashes for line in self.lines if line.hashes}) == 1 else frozenset()

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

    `unpinned` is requested and names no contents; `entrusted` has none that could be compared (local directories,
    editables) and always goes to pip; `bounds` are the constraints that pin nothing.
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

    @property
    def egg(self) -> bool:
        """Tell whether `setup.py install` has put it there, as pip before 23.1 has it do where `wheel` is missing."""
        return self.path.endswith((".egg-info", "EGG-INFO"))

    @property
    def record(self) -> str:
        """The file that lists what was installed, which is written last."""
        return f"{self.path}/{'installed-files.txt' if self.egg else 'RECORD'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A pin of earlier runs: the installed version, and where it is said, by the file (empty for the command line)."""

    name: NormalizedName
    version: str
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A project that pins need and that nobody has pinned or asked for, its version, and who needs it first."""

    name: NormalizedName
    version: str
    by: str

    def __str__(self) -> str:
        """Return "`urllib3==2.5.0`, needed by requests 2.32.4"."""
        return f"`{self.name}=={self.version}`, needed by {self.by}"


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


class Reporter(Protocol):
    """Where the walk says what it does, while it does it."""

    @property
    def detailed(self) -> bool:
        """Tell whether anybody reads the details."""

    def show(self, line: str | Fault) -> None:
        """Give a line of what a command was asked for."""

    def page(self, text: str) -> None:
        """Give the whole text that a command was asked for."""

    def progress(self, done: int, total: int) -> None:
        """Tell how far a long look has come."""

    def say(self, line: str | Fault) -> None:
        """Say what the user has to know."""

    def warn(self, fault: Fault) -> None:
        """Say what the user asked for that is wrong, and goes on all the same."""

    def detail(self, line: str | Fault) -> None:
        """Say why something was decided, for those who asked with `-v`."""
