"""Install what is pinned: `walk` reads the request and judges, the rest runs only where pip is started."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from pinstall.commands.install import act, advise

__all__ = ["act", "advise"]
"""A satisfied run does not need these: they are imported with their first use (PEP 562)."""


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
