"""Look at what lies behind a local link: a directory, or an archive and the sha256 of its present bytes.

May not: unpack, remember.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinstall.model.artifacts import Link


def path_of(link: str) -> str | None:
    """Return the path of a local link, which is a path or a `file:` URL; none for anything on a network."""
    if link.lower().startswith("file:"):
        from urllib.parse import urlsplit  # noqa: PLC0415 - rare, and with the next line the dearest import of all
        from urllib.request import url2pathname  # noqa: PLC0415 - the same

        try:
            return url2pathname(urlsplit(link).path)
        except ValueError:  # no URL at all
            return None
    return None if "://" in link else link.partition("#")[0] if not os.path.exists(link) else link


def sha256(path: str) -> str:
    """Return the hash of a file's present bytes as `sha256:hexdigest`; raise OSError where it cannot be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def hashes(link: Link) -> frozenset[str]:
    """Return what a page says of the file behind a link, or what a file on this machine is; none where it is gone."""
    path = None if link.hashes else path_of(link.url)
    try:
        return link.hashes if path is None else frozenset((sha256(path),))
    except OSError:
        return frozenset()
