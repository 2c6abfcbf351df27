"""Read pip's cache, one file per layout.

May not: write, assume a pip version.
"""

from __future__ import annotations

import os


def below(folder: str, depth: int) -> list[str]:
    """Return all that lies so many folders deep; what lies together is read together, which is faster."""
    try:
        paths = [f"{folder}{os.sep}{name}" for name in os.listdir(folder)]
    except OSError:  # a file where a folder should be, or one that is gone
        return []
    return [path for inner in paths for path in below(inner, depth - 1)] if depth else paths
