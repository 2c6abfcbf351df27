"""Tell what of a cache is lost after something went wrong, wherever it lies by then."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def everything(cache: Path) -> dict[Path, str]:
    """Return the digest of each file in the cache, on the shelf and in stages, pinstall's own notes left out."""
    found = {}
    for path in cache.rglob("*"):
        if path.is_file() and path.name != "manifest.json" and "builds" not in path.parts:
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def lost(before: dict[Path, str], cache: Path) -> list[Path]:
    """Return the files of which no copy is left; an HTTP entry that pip has written anew is its own affair."""
    now = everything(cache)
    left = Counter(now.values())
    short = {digest for digest, number in Counter(before.values()).items() if left[digest] < number}
    renewed = {path for path in now if path.relative_to(cache).parts[0].startswith("http")}
    return [path for path, digest in before.items() if digest in short and path not in renewed]
