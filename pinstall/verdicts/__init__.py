"""Judge how the pins stand, and refuse what cannot be.

May not: start pip, change anything but the install record.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.verdicts import proof, resolution, sources, ways_out

__all__ = ["proof", "resolution", "sources", "ways_out"]
__getattr__ = at_first_use(__name__, __all__)
