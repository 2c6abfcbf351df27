"""What the user asks for.

May not: judge, write, know the cache.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.request import lines

__all__ = ["lines"]
__getattr__ = at_first_use(__name__, __all__)
