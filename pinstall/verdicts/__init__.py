"""Judge how the pins stand, and refuse what cannot be.

May not: start pip, change anything but the install record.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from pinstall.verdicts import proof, resolution, sources

__all__ = ["proof", "resolution", "sources"]
"""A satisfied run does not need these: they are imported with their first use (PEP 562)."""


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
