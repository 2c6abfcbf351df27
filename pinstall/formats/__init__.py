"""What others write, as values.

May not: decide.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib import parse

    from pinstall.formats import archives, metadata, toml

__all__ = ["archives", "metadata", "parse", "toml"]
"""A satisfied run may not need them: each is imported at its first use (PEP 562). `parse` is `urllib.parse`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module("urllib.parse" if name == "parse" else f"{__name__}.{name}")
