"""Turn what pip built in a staging folder into entries of its cache.

May not: build; know more of pip's layouts than that an ephemeral wheel cache is keyed like the persistent one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

from pinstall import files as writing
from pinstall.model.errors import PinstallError
from pinstall.renames import moved

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "pinstall"
_STAGE = "stage-"
_EPHEMERAL = "pip-ephem-wheel-cache-"
_DAY = 24 * 60 * 60


@contextlib.contextmanager
def stage(cache: str) -> Iterator[str]:
    """Give a folder on the cache's file system, for the user's eyes only, and remove it afterwards.

    What killed runs left behind goes too, once it is a day old. Raises PinstallError (`stage`) where there is no room.
    """
    parent = os.path.join(cache, FOLDER)
    try:
        writing.folder(parent)
        folder = tempfile.mkdtemp(prefix=_STAGE, dir=parent)
    except OSError as error:
        raise PinstallError(
            "stage",
            f"cannot make a folder to build in below `{parent}`: {error.strerror}",
            hint="make room in pip's cache directory, or make it writable",
        ) from error
    _sweep(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: str) -> None:
    """Remove the stages of runs that were killed; one that is still in use is younger than a day."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent)):
            if entry.name.startswith(_STAGE) and entry.stat().st_mtime < time.time() - _DAY:
                shutil.rmtree(entry.path, ignore_errors=True)


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
            # where it cannot be done, pip builds once more, into the cache itself
            if moved(os.path.join(folder, file), target) and file.endswith(".whl"):
                yield os.path.relpath(target, cache)
