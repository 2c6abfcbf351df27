"""Move what is evicted out of pip's cache, put it back, forget what is old, and remember all of it.

May not: choose what to evict; delete anything in the cache.

A receipt is a folder below `<cache>/pinstall/shelf/`. Its `manifest.json` is written before any file moves to it, so
each file is always in the cache or on the shelf. An `origin.json` leaves after the last wheel and returns first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall import files
from pinstall.files import move
from pinstall.model.artifacts import Shelved
from pinstall.model.errors import PinstallError
from pinstall.model.pins import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pinstall.model.artifacts import Eviction

FOLDER = os.path.join("pinstall", "shelf")
SCHEMA = 1
_MANIFEST = "manifest.json"
_ORIGIN = "origin.json"
DAYS = 90
"""How long a receipt is kept."""
MEBIBYTES = 2048
"""How much the receipts may hold together."""
# packages name the folder of their environment so, of which a shelf may have copies: `../../../bin/demo`
ABOVE = os.path.join(*[os.pardir] * (2 if os.name == "nt" else 3), "")


class Shelf:
    """The shelf of one pip cache, or of another folder whose files are moved."""

    def __init__(self, cache: str, folder: str = FOLDER) -> None:
        self._cache = cache
        self._root = os.path.join(cache, folder)

    def evict(self, evictions: Sequence[Eviction]) -> str:
        """Move files out of the cache by rename, and return the receipt; raise PinstallError where that fails."""
        entries = [_entry(number, eviction) for number, eviction in enumerate(evictions)]
        stem = None
        try:
            stem = self._receipt()
            receipt = os.path.join(self._root, stem)
            # on the disk before anything moves: only the manifest tells where things belong
            files.save(os.path.join(receipt, _MANIFEST), {"schema": SCHEMA, "entries": entries}, lasting=True)
            for entry in entries:
                self._shelve(receipt, entry)
        except BaseException as error:  # Ctrl-C included: nobody else knows the receipt yet
            self.put_back(item for item in self.shelved() if item.receipt == stem)
            if not isinstance(error, OSError):
                raise
            message = f"cannot move a file out of `{self._cache}`: {error.strerror}"
            hint = "make that folder writable; `--pin evict=never` leaves pip's cache alone"
            raise PinstallError("shelf", message, hint=hint) from error
        return stem

    def _receipt(self) -> str:
        while True:
            stem = f"{receipt(time.time_ns())}-{os.getpid()}"
            with contextlib.suppress(FileExistsError):
                files.folder(self._root)
                os.mkdir(os.path.join(self._root, stem), 0o775)
                return stem

    def _shelve(self, receipt: str, entry: dict[str, Any]) -> None:
        for path, stored in zip(entry["paths"], entry["stored"], strict=True):
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                shelve = _duplicate if entry["copied"] else os.rename
                shelve(os.path.join(self._cache, path), os.path.join(receipt, stored))
            folder = os.path.join(self._cache, os.path.dirname(path))
            with contextlib.suppress(FileNotFoundError):
                if path.endswith(".whl") and not any(name.endswith(".whl") for name in os.listdir(folder)):
                    os.rename(os.path.join(folder, _ORIGIN), os.path.join(receipt, _origin_of(path)))

    def shelved(self) -> Iterator[Shelved]:
        """Yield everything on the shelf, the latest receipt first."""
        for stem in reversed(files.list_names(self._root)):
            for item in _entries(os.path.join(self._root, stem, _MANIFEST), stem):
                if any(os.path.lexists(os.path.join(self._root, stem, name)) for name in item.stored):
                    yield item

    def place(self, item: Shelved) -> str:
        """Return where the first file of an item is now."""
        return os.path.join(self._root, item.receipt, item.stored[0])

    def is_in_place(self, item: Shelved) -> bool:
        """Tell whether the contents of a copied file are where it was."""
        return files.hash_file(self.place(item)) == files.hash_file(os.path.join(self._cache, item.paths[0]))

    def put_back(self, items: Iterable[Shelved]) -> tuple[Shelved, ...]:
        """Rename items back where their places are free, copies in any case; return those that went back."""
        return tuple(item for item in list(items) if self._return(item))

    def _return(self, item: Shelved) -> bool:
        receipt = os.path.join(self._root, item.receipt)
        places = [os.path.join(self._cache, path) for path in item.paths]
        if item.copied:
            return _supersede(self.place(item), places[0])
        if any(map(os.path.lexists, places)):  # files that belong together return together
            return False
        for path, place in zip(item.paths, places, strict=True):  # first: nothing may be without its origin
            move(os.path.join(receipt, _origin_of(path)), os.path.join(os.path.dirname(place), _ORIGIN))
        went = [move(os.path.join(receipt, name), place) for name, place in zip(item.stored, places, strict=True)]
        return any(went)

    def forget(self) -> int:
        """Delete the receipts older than `DAYS`, then the oldest beyond `MEBIBYTES`; return how many.

        A receipt whose files have all returned is deleted too. The latest is kept whatever its size: it can be undone.
        """
        forgotten = kept = 0
        for number, stem in enumerate(reversed(files.list_names(self._root))):
            folder = os.path.join(self._root, stem)
            kept += sum(os.lstat(os.path.join(folder, name)).st_size for name in files.list_names(folder))
            old = _age(stem) > DAYS * 86400
            # not by the manifest, which may be damaged
            full = not all(name.startswith(_MANIFEST) for name in files.list_names(folder))
            if old or (number and (kept > MEBIBYTES << 20 or not full)):
                shutil.rmtree(folder, ignore_errors=True)
                forgotten += full
        return forgotten


def receipt(time_ns: int) -> str:
    """Return how the name of a receipt of this time begins; the names of later ones are greater."""
    return f"{time_ns:020d}"


def _age(stem: str) -> float:
    started = stem.partition("-")[0]
    return time.time() - int(started) / 1e9 if started.isdecimal() else 0.0


def _origin_of(path: str) -> str:
    """Return the name in a receipt of the `origin.json` next to this wheel of the cache."""
    return f"{os.path.dirname(path).replace(os.sep, '-')}.{_ORIGIN}"


def _entry(number: int, eviction: Eviction) -> dict[str, Any]:
    return {
        "what": eviction.what,
        "paths": list(eviction.paths),
        "stored": [f"{number}-{os.path.basename(path)}" for path in eviction.paths],
        "name": eviction.identity.name,
        "version": None if eviction.identity.version is None else str(eviction.identity.version),
        "hashes": sorted(eviction.identity.hashes),
        "reason": eviction.reason,
        "contradiction": eviction.contradiction,
        "copied": eviction.copied,
    }


def _shelved(receipt: str, entry: dict[str, Any]) -> Shelved:
    version, copied = entry["version"], bool(entry.get("copied"))
    if len(entry["stored"]) != len(entry["paths"]) or any(map(os.path.dirname, entry["stored"])):
        raise ValueError(entry)
    return Shelved(
        receipt=receipt,
        what=str(entry["what"]),
        identity=Identity(
            name=canonicalize_name(entry["name"]),
            version=None if version is None else Version(version),
            hashes=frozenset(entry["hashes"]),
        ),
        stored=tuple(map(_below, entry["stored"])),
        paths=tuple(_below(path, ABOVE if copied else "") for path in entry["paths"]),
        reason=str(entry["reason"]),
        contradiction=bool(entry["contradiction"]),
        copied=copied,
    )


def _below(path: str, above: str = "") -> str:
    """Return a relative path; raise ValueError for one that could lead out of its folder, or of that `above`."""
    if os.path.isabs(path) or not {"", os.curdir, os.pardir}.isdisjoint(path.removeprefix(above).split(os.sep)):
        raise ValueError(path)
    return path


def _duplicate(source: str, target: str) -> None:
    """Give a file a second name, or copy it where the file system has no links; raise OSError.

    pip writes into no file that is there: it moves or deletes it first.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, f"{target}.draft", follow_symlinks=False)
        os.replace(f"{target}.draft", target)


def _supersede(source: str, target: str) -> bool:
    """Rename a file over another one, and tell whether it was done."""
    with contextlib.suppress(OSError):
        files.folder(os.path.dirname(target))
        os.replace(source, target)
        if os.path.lexists(source):  # they were one file, which such a rename leaves alone
            os.unlink(source)
        return True
    return False


def _entries(manifest: str, receipt: str) -> list[Shelved]:
    document = files.recall(manifest)
    # killed before anything moved, or not our file
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
        return [_shelved(receipt, entry) for entry in document["entries"]] if document["schema"] == SCHEMA else []
    return []
