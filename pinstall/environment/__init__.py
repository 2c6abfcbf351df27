"""What is installed for a target, and how it differs from what its installer wrote down.

May not: know what is asked.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from pinstall.environment import contents, probe

__all__ = ["contents", "probe"]
"""What a satisfied run has no use for: it is imported with its first use (PEP 562)."""


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
