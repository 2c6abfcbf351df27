"""Define what a run did and how it ended.

May not: hold behaviour beyond trivial properties, do I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinstall.model.artifacts import Plan
    from pinstall.model.errors import PinstallError
    from pinstall.model.pins import Dependency, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One pip command that was run: why, its arguments behind `python -m pip`, its exit code."""

    purpose: str
    arguments: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did and how it ended; `rehearsed` tells that nothing was installed because of `--dry-run`.

    `unpinned` is what is needed and nobody has pinned, `left` counts the local directories and editables. `grounds` is
    all that it rests on that every pin was found to hold, none where that is not the whole of it.
    """

    exit_code: int
    verdicts: tuple[Verdict, ...] = ()
    plan: Plan | None = None
    commands: tuple[Command, ...] = ()
    rehearsed: bool = False
    error: PinstallError | None = None
    target: str = ""
    report_to: str = ""
    unpinned: tuple[Dependency, ...] = ()
    left: int = 0
    grounds: tuple[str, ...] = ()
