"""What others write, as values.

May not: decide.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from urllib import parse

    from pinstall.formats import archives, metadata

__all__ = ["archives", "metadata", "parse"]
__getattr__ = at_first_use(__name__, __all__, parse="urllib.parse")
