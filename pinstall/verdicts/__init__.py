"""Judge how the pins stand, and refuse what cannot be.

May not: start pip, change anything but the install record.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.verdicts import proof, resolution, sources

__all__ = ["proof", "resolution", "sources"]
"""A satisfied run does not need these: they are imported with their first use (PEP 562)."""
__getattr__ = at_first_use(__name__, __all__)
