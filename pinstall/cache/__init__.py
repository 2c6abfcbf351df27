"""Read pip's cache, one file per layout, and plan what happens to it.

May not: start pip, know what is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from pinstall.cache import build_records, builds

__all__ = ["build_records", "builds"]
"""Most satisfied runs do not need these: the first use imports them (PEP 562)."""


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
