"""The sets of pins that are measured: two real ones, resolved from the package index, and one of tiny wheels."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.support.scenes import pinned
from tests.support.wheels import Archive, wheel

SMALL: Final = 30
REAL: Final = 120
MANY: Final = 480
_FOLDER: Final = Path(__file__).parent


def real(number: int) -> Path:
    """Return the requirement file of a real set."""
    return _FOLDER / f"{number}-pins.txt"


def tiny() -> list[Archive]:
    """Return the wheels of the synthetic set."""
    return [wheel(f"tiny-{number:03}", "1.0") for number in range(MANY)]


def text(number: int) -> str:
    """Return the requirement file of any set."""
    return pinned(*tiny()) if number == MANY else real(number).read_text(encoding="utf-8")
