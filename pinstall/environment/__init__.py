"""What is installed for a target, and how it differs from what its installer wrote down.

May not: know what is asked.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.environment import contents, probe

__all__ = ["contents", "probe"]
__getattr__ = at_first_use(__name__, __all__)
