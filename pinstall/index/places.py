"""Say where pip looks for projects: on indexes, and in the places of `--find-links`.

May not: fetch, read a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinstall import files

if TYPE_CHECKING:
    from pinstall.model.artifacts import Link


def hashes(link: Link) -> frozenset[str]:
    """Return what a page says of the file behind a link, or what a file on this machine is; none where it is gone."""
    path = None if link.hashes else files.path_of(link.url)
    try:
        return link.hashes if path is None else frozenset((f"sha256:{files.sha256(path).hex()}",))
    except OSError:
        return frozenset()
