"""Define the values of a request: origins, options, lines, the target.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.specifiers import SpecifierSet
    from packaging.utils import NormalizedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The place of a demand: a file and line, an argument, a variable, a configuration file."""

    where: str
    line: int | None = None

    def __str__(self) -> str:
        if self.where.startswith("argument "):
            return "command line"
        return self.where if self.line is None else f"{self.where}:{self.line}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding: its place (an empty one is none), its stable id in kebab-case, the project that it is about.

    `docs/reference/findings.md` lists the ids. Without one it has that of the error whose context it is in.
    """

    message: str
    origin: Origin = Origin(where="")
    id: str = ""
    project: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.message}" if self.origin.where else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its canonical long spelling, its optparse destination, its value (None for a flag).

    A `contrary` one means the opposite of what is written: `no-cache-dir = false`.
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
    """The request of the user.

    `arguments` come after the word `install`, verbatim, without pinstall's own (`--pin`, `--python`). `defaults` are
    the options that pip reads from variables and configuration files, as on a command line. `doubted` are those of
    `unknown` with a known name and an unknown value, which a pip may accept.
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
        """Return each option of this destination, the strongest last."""
        return tuple(option for option in self.options if option.dest == dest)

    def last(self, dest: str) -> Option | None:
        """Return the option that decides this destination."""
        return next((option for option in reversed(self.options) if option.dest == dest), None)

    def has(self, *dests: str) -> bool:
        """Tell whether one of these destinations has an option."""
        return any(option.dest in dests for option in self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLine:
    """One requirement or constraint, as written in one place.

    `link` is a URL or a path as written, with credentials: print `text`, which has them redacted, and no options.
    `hashes` are `algorithm:hexdigest`, `options` those of the requirement, verbatim. `directory` is set after a look at
    the disk. `locked` are the URLs of artifacts in a lock file, with credentials. The name of an `anonymous` one is
    unknown, or guessed from the file name of an sdist: pip reads it in the metadata.
    """

    origin: Origin
    text: str
    name: NormalizedName | None
    specifier: SpecifierSet
    extras: frozenset[NormalizedName] = frozenset()
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
    """A file after `-r` or `-c` in another one, as written."""

    origin: Origin
    target: str
    constraint: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFile:
    """The content of one requirement or constraint file; `options` are global, such as `--index-url`."""

    lines: tuple[RequirementLine, ...] = ()
    nested: tuple[Nested, ...] = ()
    options: tuple[Option, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One Python environment as `python -m pip` in it sees itself.

    `paths` is `sys.path` without the working directory and that of a script, `markers` the environment of PEP 508
    without `extra`, `pip` a release such as `(26, 3)`, None without pip. `own` tells that this interpreter runs
    pinstall. `abi` is the suffix of its extension modules. `named` is the path by which it was named, None where this
    description may be another one at the next start.
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
    named: str | None = None
