"""Install what is pinned: `walk` reads the request and judges, the rest runs only where pip is started."""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.commands.install import act, advise

__all__ = ["act", "advise"]
__getattr__ = at_first_use(__name__, __all__)
