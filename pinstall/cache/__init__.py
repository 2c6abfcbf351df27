"""Read pip's cache, one file per layout, and plan what happens to it.

May not: start pip, know what is installed.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.cache import build_records, builds

__all__ = ["build_records", "builds"]
__getattr__ = at_first_use(__name__, __all__)
