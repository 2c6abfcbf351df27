"""Turn what pip built in a staging folder into entries of its cache.

May not: build; know more of pip's layouts than that an ephemeral wheel cache is keyed like the persistent one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "pinstall"
_EPHEMERAL = "pip-ephem-wheel-cache-"


@contextlib.contextmanager
def stage(cache: str) -> Iterator[str]:
    """Give a folder on the cache's file system, for the user's eyes only, and remove it afterwards."""
    parent = os.path.join(cache, FOLDER)
    os.makedirs(parent, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="stage-", dir=parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(folder: str, cache: str) -> tuple[str, ...]:
    """Rename the fresh builds into pip's cache, where nothing stands in their place; return their paths there.

    With `--no-cache-dir` pip builds into a temporary cache of its own, whose keys are those of the persistent one, and
    `--no-clean` leaves it behind. Nothing is returned where a pip does it otherwise.
    """
    kept = []
    for name in sorted(os.listdir(folder)):
        if name.startswith(_EPHEMERAL):
            kept += list(_adopt(os.path.join(folder, name), cache))
    return tuple(kept)


def _adopt(ephemeral: str, cache: str) -> Iterator[str]:
    for folder, _, files in os.walk(ephemeral):
        place = os.path.join(cache, os.path.relpath(folder, ephemeral))
        # the origin first: pip trusts a wheel without one less than a folder without a wheel
        for file in sorted(files, key=lambda file: file.endswith(".whl")):
            target = os.path.join(place, file)
            if not os.path.exists(target):
                os.makedirs(place, exist_ok=True)
                os.rename(os.path.join(folder, file), target)
                if file.endswith(".whl"):
                    yield os.path.relpath(target, cache)
