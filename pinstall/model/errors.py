"""Define the ways in which pinstall cannot go on.

May not: format for a terminal. A pin that does not hold is data (`model.State`), not an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pinstall.model.inputs import Fault

HOLDS: Final = 0
FINDING: Final = 1
"""A command that only asks found something; also pip's own code for a refused request."""
USAGE: Final = 64
NOT_PINNED: Final = 65
"""A pin does not hold, is missing, or cannot be enforced."""
UNREADABLE: Final = 66
INTERNAL: Final = 70


class PinstallError(Exception):
    """Tell why the run cannot go on, where, and what to do about it.

    `reference` is kebab-case and stable; `context` holds one line per fault, with its place where it has one;
    `exit_code` is what the process ends with.
    """

    def __init__(
        self,
        reference: str,
        message: str,
        *,
        context: tuple[str | Fault, ...] = (),
        hint: str | None = None,
        exit_code: int = INTERNAL,
    ) -> None:
        """Keep the parts apart, so that text, annotations and JSON can each show them their way."""
        super().__init__(message)
        self.reference = reference
        self.message = message
        self.context = context
        self.hint = hint
        self.exit_code = exit_code
