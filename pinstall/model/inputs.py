"""Define what is asked for, as values: where it stands, the options, the lines, the target.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.markers import Marker
    from packaging.specifiers import SpecifierSet
    from packaging.utils import NormalizedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a demand was written: a file and line, an argument, a variable, a configuration file."""

    where: str
    line: int | None = None

    def __str__(self) -> str:
        """Return `requirements.txt:14`, `PIP_CONSTRAINT`, or `command line` for what stands there."""
        if self.where.startswith("argument "):
            return "command line"
        return self.where if self.line is None else f"{self.where}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with what was asked, and where it stands."""

    origin: Origin
    message: str

    def __str__(self) -> str:
        """Return `requirements.txt:14: what is wrong`."""
        return f"{self.origin}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option that counts: its canonical long spelling, its optparse destination, its value (none for a flag).

    `contrary` tells that it stands for the opposite of what is written: `no-cache-dir = false`.
    """

    name: str
    dest: str
    value: str | None = None
    origin: Origin
    contrary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One positional argument of `pip install`, or one requirement of a dependency group or a script."""

    text: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for.

    `arguments` is what goes behind the word `install`, verbatim, less what is for pinstall alone (`--pin`, `--python`).
    `defaults` are the options that pip reads from variables and configuration files, normalised to what the command
    line would say; `command_line` are those that were written out. `doubted` are those of `unknown` of which only the
    value is: a pip may take it.
    """

    arguments: tuple[str, ...]
    command_line: tuple[Option, ...] = ()
    defaults: tuple[Option, ...] = ()
    positionals: tuple[Argument, ...] = ()
    unknown: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()
    python: Option | None = None
    settings: tuple[Option, ...] = ()

    @property
    def options(self) -> tuple[Option, ...]:
        """Return all options in pip's order of precedence, the weakest first."""
        return self.defaults + self.command_line

    def every(self, dest: str) -> tuple[Option, ...]:
        """Return each option that writes to this destination, the strongest last."""
        return tuple(option for option in self.options if option.dest == dest)

    def last(self, dest: str) -> Option | None:
        """Return the option that decides this destination."""
        every = self.every(dest)
        return every[-1] if every else None

    def has(self, *dests: str) -> bool:
        """Return whether an option writes to one of these destinations."""
        return any(option.dest in dests for option in self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLine:
    """One requirement or constraint, as written in one place.

    `link` is a URL or a path as written (credentials included, so never print it; print `text`), `hashes` are
    `algorithm:hexdigest`, `options` are the per-requirement options verbatim.
    `text` is the requirement without its options and with the credentials of URLs redacted. `directory` is only known
    once somebody has looked at the disk. `locked` is where a lock file says that its artifacts lie (URLs, credentials
    included), which need not be on any index. `anonymous` tells that pip learns the name only from the metadata: here
    there is none, or what an sdist's file name lets guess.
    """

    origin: Origin
    text: str
    name: NormalizedName | None
    extras: frozenset[NormalizedName]
    specifier: SpecifierSet
    marker: Marker | None = None
    link: str | None = None
    hashes: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()
    editable: bool = False
    constraint: bool = False
    directory: bool = False
    locked: tuple[str, ...] = ()
    anonymous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """A file that another one names with `-r` or `-c`, as written there."""

    origin: Origin
    target: str
    constraint: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFile:
    """What one requirement or constraint text says; `options` are its global ones, such as `--index-url`."""

    lines: tuple[RequirementLine, ...] = ()
    nested: tuple[Nested, ...] = ()
    options: tuple[Option, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One Python environment as `python -m pip` in it sees itself.

    `paths` is `sys.path` without the entry that stands for the working or the script's directory, `markers` the
    environment of PEP 508 without `extra`, `pip` the release that would run, such as `(26, 3)`, none without pip;
    `own` tells that this interpreter runs pinstall. `abi` is the suffix of its extension modules.
    """

    executable: str
    prefix: str
    base_prefix: str
    version: str
    purelib: str
    platlib: str
    stdlib: str
    paths: tuple[str, ...]
    markers: Mapping[str, str]
    pip: tuple[int, ...] | None
    externally_managed: bool
    own: bool
    abi: str
