"""Tell what is installed from a local directory or archive that nobody has named.

May not: read requirement lines, write.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pinstall.adapters import archives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.utils import NormalizedName

    from pinstall.model import Distribution


def names(link: str | None, installed: Iterable[Distribution]) -> Iterator[NormalizedName]:
    """Yield the name of each distribution that was installed from where a local link points (PEP 610)."""
    path = None if link is None else archives.path_of(link)
    if path is not None:
        wanted = os.path.realpath(path)
        yield from (one.identity.name for one in installed if _origin(one) == wanted)


def _origin(installed: Distribution) -> str | None:
    """Return the path that it was installed from; what `setup.py develop` has put there lies in it."""
    source = installed.identity.source
    path = archives.path_of(source.url) if source is not None else installed.location if installed.egg else None
    return None if path is None else os.path.realpath(path)
