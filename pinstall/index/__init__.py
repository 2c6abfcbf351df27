"""Reach servers with requests, as pip does.

May not: be imported before it is needed, read what is fetched.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from pinstall.index import client, offers, pages

__all__ = ["client", "offers", "pages"]
"""They take long to import, and most runs ask no server: imported with their first use (PEP 562)."""


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
