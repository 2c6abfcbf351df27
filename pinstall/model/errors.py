"""Define how a run ends: its exit codes, the error that stops it, its outcome.

May not: format for a terminal. A pin that is not satisfied is data (`model.State`), not an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinstall.model.artifacts import Plan
    from pinstall.model.inputs import Fault
    from pinstall.model.pins import Dependency, Verdict


HOLDS = 0
# A command that changes nothing has findings; also pip's own code for a refused request.
FINDING = 1
USAGE = 64
# A pin is not satisfied, is missing, or cannot be enforced.
NOT_PINNED = 65
UNREADABLE = 66
INTERNAL = 70


@dataclass(eq=False, repr=False)
class PinstallError(Exception):
    """An error that stops the run; `reference` is kebab-case and stable, `context` has one line per fault."""

    reference: str
    message: str
    _: KW_ONLY
    context: tuple[str | Fault, ...] = ()
    hint: str | None = None
    exit_code: int = INTERNAL

    def __str__(self) -> str:
        return self.message


def misuse(message: str, hint: str | None = None) -> PinstallError:
    """Return the error for words that a command does not take."""
    return PinstallError("usage", message, hint=hint, exit_code=USAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One run of pip: its purpose, its arguments after `python -m pip`, its exit code."""

    purpose: str
    arguments: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a run; `rehearsed` tells that nothing was installed because of `--dry-run`.

    `changes` has a line for each project that changed: `+ six 1.17.0`, `~` for a repaired one, `- ` for a removed one.
    `left` counts the local directories and editables. `grounds` are those of a stamp, empty where a stamp would not be
    safe.
    """

    exit_code: int
    verdicts: tuple[Verdict, ...] = ()
    plan: Plan | None = None
    commands: tuple[Command, ...] = ()
    rehearsed: bool = False
    error: PinstallError | None = None
    target: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    report_to: str = ""
    unpinned: tuple[Dependency, ...] = ()
    left: int = 0
    grounds: tuple[str, ...] = ()
    changes: Mapping[str, str] = field(default_factory=dict)
