"""Reach servers with requests, as pip does.

May not: be imported before it is needed, read what is fetched.
"""

from typing import TYPE_CHECKING

from pinstall import at_first_use

if TYPE_CHECKING:
    from pinstall.index import client, offers, pages

__all__ = ["client", "offers", "pages"]
__getattr__ = at_first_use(__name__, __all__)
