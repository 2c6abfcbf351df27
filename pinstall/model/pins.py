"""Define the values from the pin to the verdict.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pinstall.model.inputs import Fault

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.model.inputs import Origin, RequirementLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place of contents outside of indexes: a URL without credentials, and the commit of a repository.

    An empty URL means any place: the hash of an archive decides. `revision` is the full id from which pip found the
    commit: that of an annotated tag, which has an id of its own.
    """

    url: str
    commit: str | None = None
    subdirectory: str | None = None
    revision: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The demand on one project; an empty slot demands nothing.

    `version` is that of `==`, `exact` the text of `===`, which PEP 440 compares as text. `expected` is the version,
    else that in the archive's file name. Any one of the `hashes` (`algorithm:hexdigest`) suffices. `lines` are all
    lines that demand it. While the name is unknown, `name` is their text.
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
        """Tell whether it comes not only from constraints."""
        return not all(line.constraint for line in self.lines)

    @property
    def origin(self) -> Origin:
        """Return the place that demands the version, for messages with one place."""
        exact = {"==", "==="}
        versioned = (line for line in self.lines if any(clause.operator in exact for clause in line.specifier))
        return next(versioned, self.lines[0]).origin

    @property
    def direct(self) -> bool:
        """Tell whether it is a URL or path, not a release of an index."""
        return any(line.link is not None for line in self.lines)

    @property
    def anonymous(self) -> bool:
        """Tell whether its name is unknown or guessed."""
        return any(line.anonymous for line in self.lines)

    @property
    def enforced(self) -> frozenset[str]:
        """Return the hashes that pip enforces, none where lines differ: pip may take those of any of them."""
        return self.hashes if len({line.hashes for line in self.lines if line.hashes}) == 1 else frozenset()

    @property
    def wanted(self) -> str:
        """Return the demand as a requirement, for messages."""
        if self.exact is not None:
            return f"{self.name}==={self.exact}"
        if self.version is not None:
            return f"{self.name}=={self.version}"
        direct = next((line.text for line in self.lines if line.link is not None), self.name)
        return direct if " @ " in direct or direct == self.name else f"{self.name} @ {direct}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict(Fault):
    """A fault of two pins, of which one needs another version of the other."""

    pins: tuple[Pin, Pin]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """All requirements by their kind.

    `unpinned` ones do not name contents, `entrusted` ones (local directories, editables) always go to pip, `bounds` are
    constraints that are not pins.
    """

    pins: tuple[Pin, ...] = ()
    unpinned: tuple[RequirementLine, ...] = ()
    entrusted: tuple[RequirementLine, ...] = ()
    bounds: tuple[RequirementLine, ...] = ()
    conflicts: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The known identity of an artifact or installation; an empty slot is unknown."""

    name: NormalizedName
    version: Version | None = None
    source: Source | None = None
    hashes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution.

    `path` is its `.dist-info` (or `.egg-info`), `location` the folder of that, `text` its version as written.
    `requires` are its `Requires-Dist` lines, None where they are unreadable.
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
        """Tell whether `setup.py install` has installed it, as for pip before 23.1 without `wheel`."""
        return self.path.endswith((".egg-info", "EGG-INFO"))

    @property
    def record(self) -> str:
        """Return the path of the list of installed files, which is written last."""
        return f"{self.path}/{'installed-files.txt' if self.egg else 'RECORD'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A pin of earlier runs: the installed version, and its places by file (empty for the command line)."""

    name: NormalizedName
    version: str
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """An unpinned dependency of pins: its name, its version, and the first project that needs it."""

    name: NormalizedName
    version: str
    by: str

    def __str__(self) -> str:
        return f"`{self.name}=={self.version}`, needed by {self.by}"


# The beginning of words on a script that does not start the Python of its environment.
DEAD = "its script "


class State(enum.IntEnum):
    """The state of a pin, in order of gravity."""

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
    """A judgement with its evidence, in words that finish the sentence `NAME ...`.

    The `notes` and `warnings` on a satisfied pin finish the sentence `NAME holds ...`.
    """

    pin: Pin
    state: State
    found: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Reporter(Protocol):
    """The output of a run; `detailed` tells whether details are printed (`-v`)."""

    detailed: bool

    def show(self, line: str | Fault) -> None:
        """Print a line of the result."""

    def attach(self, place: str = "", **details: object) -> None:
        """Add to the JSON document of the result."""

    def page(self, text: str) -> None:
        """Print the whole result as text."""

    def progress(self, done: int, total: int) -> None:
        """Print the progress of a long check."""

    def working(self, what: str) -> AbstractContextManager[None]:
        """Show what is done, while it is done and takes long."""

    def say(self, line: str | Fault) -> None:
        """Print a message."""

    def insist(self, text: str) -> None:
        """Print a message, also with `-q`."""

    def warn(self, fault: Fault) -> None:
        """Print a warning."""

    def detail(self, line: str | Fault) -> None:
        """Print a detail, if details are printed."""
