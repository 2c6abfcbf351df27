"""What pinstall prints.

May not: decide.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinstall.report import annotations

__all__ = ["annotations"]
"""Few runs need it: it is imported at its first use (PEP 562)."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
