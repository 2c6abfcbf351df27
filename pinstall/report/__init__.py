"""What pinstall prints.

May not: decide.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.report import findings

__all__ = ["findings"]
__getattr__ = at_first_use(__name__, __all__)
