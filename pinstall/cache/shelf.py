"""Move what is evicted out of pip's cache, put it back, forget what is old, and remember all of it.

May not: choose what to evict; delete anything in the cache of which the shelf has no copy.

A receipt is a folder below `<cache>/pinstall/shelf/`. Its `manifest.json` is written before any file moves to it, so
each file is always in the cache or on the shelf, or in both where a copy between file systems was killed. An
`origin.json` leaves after the last wheel and returns first.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall import files
from pinstall.model.artifacts import Eviction, Shelved
from pinstall.model.pins import Identity

FOLDER = os.path.join("pinstall", "shelf")
SCHEMA = 1
_MANIFEST = "manifest.json"
_ORIGIN = "origin.json"
# How long a receipt is kept.
DAYS = 90
# How much the receipts may hold together.
MEBIBYTES = 2048
# packages name the folder of their environment so, of which a shelf may have copies: `../../../bin/demo`
ABOVE = os.path.join(*[os.pardir] * (2 if os.name == "nt" else 3), "")


class Shelf:
    """The shelf of one pip cache, or of another folder whose files are moved."""

    def __init__(self, cache: str, folder: str = FOLDER) -> None:
        self._cache = cache
        self._root = os.path.join(cache, folder)

    def evict(self, evictions: Sequence[Eviction]) -> tuple[str, Mapping[Eviction, str]]:
        """Move files out of the cache; return the receipt, and why some evictions cannot be done, each as a whole."""
        entries = {eviction: _entry(number, eviction) for number, eviction in enumerate(evictions)}
        try:
            stem = self._receipt()
            # on the disk before anything moves: only the manifest tells where things belong
            document = {"schema": SCHEMA, "entries": list(entries.values())}
            files.save(os.path.join(self._root, stem, _MANIFEST), document, lasting=True)
        except OSError as error:
            return "", dict.fromkeys(evictions, _reason(error))
        try:
            reasons = {eviction: self._shelve(stem, entry) for eviction, entry in entries.items()}
        except BaseException:  # Ctrl-C: nobody else knows the receipt yet
            self.put_back(item for item in self.shelved() if item.receipt == stem)
            raise
        return stem, {eviction: reason for eviction, reason in reasons.items() if reason}

    def _receipt(self) -> str:
        while True:
            stem = f"{receipt(time.time_ns())}-{os.getpid()}"
            with contextlib.suppress(FileExistsError):
                files.folder(self._root)
                os.mkdir(os.path.join(self._root, stem), 0o775)
                return stem

    def _shelve(self, stem: str, entry: dict[str, Any]) -> str:
        """Move the files of an entry to a receipt, or none of them; return why that fails."""
        receipt = os.path.join(self._root, stem)
        try:
            for path, stored in zip(entry["paths"], entry["stored"], strict=True):
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    place, kept = os.path.join(self._cache, path), os.path.join(receipt, stored)
                    _duplicate(place, kept) if entry["copied"] else files.move(place, kept, alone=True)
                folder = os.path.join(self._cache, os.path.dirname(path))
                with contextlib.suppress(FileNotFoundError):
                    if path.endswith(".whl") and not any(name.endswith(".whl") for name in os.listdir(folder)):
                        origin = os.path.join(receipt, _origin_of(path))
                        files.move(os.path.join(folder, _ORIGIN), origin, alone=True)
        except OSError as error:
            self._return(_shelved(stem, entry))
            return _reason(error)
        return ""

    def shelved(self) -> Iterator[Shelved]:
        """Yield everything on the shelf, the latest receipt first."""
        for stem in reversed(files.list_names(self._root)):
            for item in _entries(os.path.join(self._root, stem, _MANIFEST), stem):
                if any(os.path.lexists(os.path.join(self._root, stem, name)) for name in item.stored):
                    yield item

    def place(self, item: Shelved) -> str:
        """Return where the first file of an item is now."""
        return os.path.join(self._root, item.receipt, item.stored[0])

    def origin(self, item: Shelved) -> str:
        """Return where the first file of an item was."""
        return os.path.join(self._cache, item.paths[0])

    def is_in_place(self, item: Shelved) -> bool:
        """Tell whether the contents of a copied file are where it was."""
        return files.hash_file(self.place(item)) == files.hash_file(self.origin(item))

    def put_back(self, items: Iterable[Shelved]) -> tuple[Shelved, ...]:
        """Move items back where their places are free, copies in any case; return those that went back."""
        return tuple(item for item in list(items) if self._return(item))

    def _return(self, item: Shelved) -> bool:
        receipt = os.path.join(self._root, item.receipt)
        places = [os.path.join(self._cache, path) for path in item.paths]
        if item.copied:
            return _bring(self.place(item), places[0], _supersede)
        pairs = list(zip([os.path.join(receipt, name) for name in item.stored], places, strict=True))
        # files that belong together return together; a file that a killed run has left in both places is one
        if any(all(map(os.path.lexists, pair)) and not files.is_same(*pair) for pair in pairs):
            return False
        for path, place in zip(item.paths, places, strict=True):  # first: nothing may be without its origin
            _bring(os.path.join(receipt, _origin_of(path)), os.path.join(os.path.dirname(place), _ORIGIN))
        went = [_bring(*pair) for pair in pairs]
        return any(went)

    def forget(self) -> int:
        """Delete the receipts older than `DAYS`, then the oldest beyond `MEBIBYTES`; return how many.

        A receipt whose files have all returned is deleted too. The latest is kept whatever its size: it can be undone.
        """
        forgotten = kept = 0
        for number, stem in enumerate(reversed(files.list_names(self._root))):
            folder = os.path.join(self._root, stem)
            names = files.list_names(folder)
            with contextlib.suppress(OSError):  # another run forgets it
                kept += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
            old = age(stem) > DAYS * 86400
            full = not all(name.startswith(_MANIFEST) for name in names)  # not by the manifest, which may be damaged
            if old or (number and (kept > MEBIBYTES << 20 or not full)):
                shutil.rmtree(folder, ignore_errors=True)
                forgotten += full
        return forgotten


class Lease:
    """The lock on a cache that runs share as long as their pips may read there.

    pip inherits the file, so a pip whose pinstall was killed still holds it.
    """

    def __init__(self, cache: str) -> None:
        self._path = os.path.join(cache, "pinstall", "lease")
        self._file: IO[str] | None = None

    def share(self, say: Callable[[str], object]) -> None:
        """Hold the cache from now on, if that is possible: pip runs in any case."""
        if self._file is None:
            with contextlib.suppress(OSError):
                self._file = _open_lease(self._path)
                os.set_inheritable(self._file.fileno(), True)  # noqa: FBT003 - takes no keyword
                files.hold(self._file, say, shared=True)

    @contextlib.contextmanager
    def alone(self, say: Callable[[str], object] | None) -> Iterator[bool]:
        """Tell whether no other run holds the cache, and keep it so; see `files.hold`."""
        with contextlib.ExitStack() as stack:
            alone = True  # without a file or without locks no run holds the cache
            with contextlib.suppress(OSError):
                alone = files.hold(stack.enter_context(_open_lease(self._path)), say)
            yield alone

    def end(self) -> None:
        """Release the cache."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _open_lease(path: str) -> IO[str]:
    files.folder(os.path.dirname(path))
    return open(path, "a", encoding="utf-8", opener=files.opener)


def receipt(time_ns: int) -> str:
    """Return how the name of a receipt of this time begins; the names of later ones are greater."""
    return f"{time_ns:020d}"


def age(receipt: str) -> float:
    """Return the age of a receipt in seconds, by its name."""
    started = receipt.partition("-")[0]
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


def _bring(source: str, target: str, move: Callable[[str, str], None] = files.move) -> bool:
    """Move a file, if that is possible, and tell whether it was done."""
    with contextlib.suppress(OSError):
        move(source, target)
        return True
    return False


def _reason(error: OSError) -> str:
    return f"`{error.filename}`: {error.strerror}"


def _shelved(receipt: str, entry: dict[str, Any]) -> Shelved:
    name, copied = canonicalize_name(entry["name"]), bool(entry.get("copied"))
    version = None if entry["version"] is None else Version(entry["version"])
    if len(entry["stored"]) != len(entry["paths"]) or any(map(os.path.dirname, entry["stored"])):
        raise ValueError(entry)
    return Shelved(
        receipt=receipt,
        what=str(entry["what"]),
        identity=Identity(name=name, version=version, hashes=frozenset(entry["hashes"])),
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


def _supersede(source: str, target: str) -> None:
    """Rename a file over another one; raise OSError."""
    files.folder(os.path.dirname(target))
    os.replace(source, target)
    if os.path.lexists(source):  # they were one file, which such a rename leaves alone
        os.unlink(source)


def _entries(manifest: str, receipt: str) -> list[Shelved]:
    document = files.recall(manifest)
    # killed before anything moved, or not our file
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
        return [_shelved(receipt, entry) for entry in document["entries"]] if document["schema"] == SCHEMA else []
    return []
