"""Rename a file or folder without ever replacing anything.

May not: raise where that cannot be done; copy.
"""

from __future__ import annotations

import os

from pinstall import files as writing


def moved(source: str, target: str) -> bool:
    """Rename, making the folders above the target; tell whether it was done.

    A file is linked and then unlinked, so that nothing which another process puts there at the same moment is replaced;
    where there are no links (folders, some file systems) the look before the rename has to do.
    """
    if os.path.lexists(target):
        return False
    try:
        writing.folder(os.path.dirname(target))
        if _linked(source, target):
            os.unlink(source)
        else:
            os.rename(source, target)
    except OSError:
        return False
    return True


def _linked(source: str, target: str) -> bool:
    """Give a file a second name; raise FileExistsError where that is taken, FileNotFoundError without a file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        raise
    except (OSError, NotImplementedError):
        return False
    return True
