"""What the user asks for.

May not: judge, write, know the cache.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinstall.request import lines

__all__ = ["lines"]
"""A satisfied run seldom needs it: it is imported at its first use (PEP 562)."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
