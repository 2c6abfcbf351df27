"""Move evicted wheels out of pip's cache, put them back, and remember both.

May not: choose what to evict; delete.

A receipt is a folder below `<cache>/pinstall/shelf/`: `manifest.json` says what is to move, written before anything
does, and the moved files lie beside it. So whatever is interrupted when, each file is in the cache or on the shelf.
The `origin.json` of an entry leaves with its last wheel, and returns with the first that does.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.errors import PinstallError
from pinstall.model import Identity, Shelved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pinstall.model import Eviction

FOLDER = os.path.join("pinstall", "shelf")
SCHEMA = 1
_ORIGIN = "origin.json"


class Shelf:
    """The shelf of one pip cache."""

    def __init__(self, cache: str) -> None:
        """Look at nothing yet."""
        self._cache = cache
        self._root = os.path.join(cache, FOLDER)

    def evict(self, evictions: Sequence[Eviction]) -> str:
        """Move wheels out of the cache by rename, and return the receipt; raise PinstallError where that fails."""
        entries = [_entry(number, eviction) for number, eviction in enumerate(evictions)]
        stem = None
        try:
            stem = self._receipt()
            receipt = os.path.join(self._root, stem)
            _write(os.path.join(receipt, "manifest.json"), {"schema": SCHEMA, "entries": entries})
            for entry in entries:
                self._shelve(receipt, entry)
        except BaseException as error:  # Ctrl-C included: nobody else knows the receipt yet
            self.put_back(item for item in self.shelved() if item.receipt == stem)
            if not isinstance(error, OSError):
                raise
            raise PinstallError(
                "shelf",
                f"cannot move a wheel out of pip's cache: {error}",
                hint="run with `--pin evict=never`, or make the cache directory writable",
            ) from error
        return stem

    def _receipt(self) -> str:
        """Make the folder of a new receipt, later than all others, and return its name."""
        while True:
            stem = f"{time.time_ns():020d}-{os.getpid()}"
            with contextlib.suppress(FileExistsError):
                os.makedirs(os.path.join(self._root, stem))
                return stem

    def _shelve(self, receipt: str, entry: dict[str, Any]) -> None:
        wheel = os.path.join(self._cache, entry["path"])
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker, which is as good
            os.rename(wheel, os.path.join(receipt, entry["stored"]))
        folder = os.path.dirname(wheel)
        with contextlib.suppress(FileNotFoundError):
            if not any(name.endswith(".whl") for name in os.listdir(folder)):
                os.rename(os.path.join(folder, _ORIGIN), os.path.join(receipt, _origin_of(entry["path"])))

    def shelved(self) -> Iterator[Shelved]:
        """Yield every wheel that lies on the shelf, the latest receipt first."""
        try:
            stems = sorted(os.listdir(self._root), reverse=True)
        except OSError:  # nothing has been shelved yet, or nobody may look
            return
        for stem in stems:
            for item in _entries(os.path.join(self._root, stem, "manifest.json"), stem):
                if os.path.lexists(os.path.join(self._root, stem, item.stored)):
                    yield item

    def put_back(self, items: Iterable[Shelved]) -> tuple[Shelved, ...]:
        """Return to the cache, by rename, what does not stand in its place already; return what went back."""
        return tuple(item for item in list(items) if self._return(item))

    def _return(self, item: Shelved) -> bool:
        stored = os.path.join(self._root, item.receipt, item.stored)
        place = os.path.join(self._cache, item.path)
        if not _move(stored, place):
            return False
        origin = os.path.join(self._root, item.receipt, _origin_of(item.path))
        _move(origin, os.path.join(os.path.dirname(place), _ORIGIN))
        return True


def _move(source: str, target: str) -> bool:
    """Rename without ever replacing anything; tell whether it was done."""
    if os.path.lexists(target):
        return False
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(source, target)
    except OSError:
        return False
    return True


def _origin_of(path: str) -> str:
    """Return under which name the `origin.json` beside this wheel of the cache lies in a receipt."""
    return f"{os.path.dirname(path).replace(os.sep, '-')}.{_ORIGIN}"


def _entry(number: int, eviction: Eviction) -> dict[str, Any]:
    artifact = eviction.artifact
    return {
        "path": artifact.path,
        "stored": f"{number}-{os.path.basename(artifact.path)}",
        "name": artifact.identity.name,
        "version": None if artifact.identity.version is None else str(artifact.identity.version),
        "hashes": sorted(artifact.identity.hashes),
        "reason": eviction.reason,
        "contradiction": eviction.contradiction,
    }


def _shelved(receipt: str, entry: dict[str, Any]) -> Shelved:
    version = entry["version"]
    return Shelved(
        receipt=receipt,
        identity=Identity(
            name=canonicalize_name(entry["name"]),
            version=None if version is None else Version(version),
            hashes=frozenset(entry["hashes"]),
        ),
        stored=_below(entry["stored"]),
        path=_below(entry["path"]),
        contradiction=entry["contradiction"],
    )


def _below(path: str) -> str:
    """Return a relative path that stays where it starts; raise ValueError for one that would lead out of there."""
    if os.path.isabs(path) or os.pardir in path.split(os.sep):
        raise ValueError(path)
    return path


def _entries(manifest: str, receipt: str) -> list[Shelved]:
    try:
        with open(manifest, encoding="utf-8") as file:
            document = json.load(file)
        return [_shelved(receipt, entry) for entry in document["entries"]] if document["schema"] == SCHEMA else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # killed before anything moved, or not ours
        return []


def _write(path: str, document: dict[str, Any]) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    os.rename(f"{path}.new", path)
