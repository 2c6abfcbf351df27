"""Remember per environment which artifact each distribution was installed from.

May not: be believed when the installed RECORD is not the one that was seen.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from packaging.utils import NormalizedName

from pinstall import files
from pinstall.model.pins import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pinstall.environment.file_list import FileList

    Renewed = Callable[[Mapping[NormalizedName, Hold]], Mapping[NormalizedName, Hold]]
    Say = Callable[[str], object]
    Item = TypeVar("Item")

FOLDER = ".pinstall"
SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a run proved of one distribution: its artifact's hashes and URL without credentials, its RECORD's sha256.

    `inputs` are what its build was told, none where pip did not build it or nobody knows. `flaws` are the paths in
    RECORD that were wrong already when pip had just installed it. `index` is the one that is known to offer the
    artifact, as the project's table of sources names it, empty where nobody has looked.
    """

    version: str
    hashes: frozenset[str]
    url: str
    record: str
    inputs: Mapping[str, str] | None = None
    flaws: tuple[str, ...] = ()
    index: str = ""


class Ledger:
    """The rows of one environment, in `site-packages/.pinstall/ledger.json`.

    Where that cannot be written they are in the user's `state` directory, and count for more than what is there. A
    file is parsed again only once it has been replaced.
    """

    def __init__(self, site_packages: str, state: str) -> None:
        """Read nothing yet."""
        stem = hashlib.sha256(os.fsencode(os.path.realpath(site_packages))).hexdigest()[:32]
        self.paths = (
            os.path.join(site_packages, FOLDER, "ledger.json"),
            os.path.join(state, "ledgers", f"{stem}.json"),
        )
        self._known: dict[str, tuple[object, _Content]] = {}

    def row(self, listed: FileList) -> Row | None:
        """Return what is known of this very installation."""
        return next((row for row in self._named(listed) if _describes(row, listed)), None)

    def inputs(self, listed: FileList) -> Mapping[str, str] | None:
        """Return what the build of this very installation was told, none when that is not known."""
        rows = (row for row in self._named(listed) if row.inputs is not None and _describes(row, listed))
        return next((row.inputs for row in rows), None)

    def holds(self) -> dict[NormalizedName, Hold]:
        """Return the pins of earlier runs."""
        return self._holds(self.paths)

    def _holds(self, paths: Sequence[str]) -> dict[NormalizedName, Hold]:
        return {name: hold for path in paths for name, hold in self._read(path).holds.items()}

    def write(self, rows: Mapping[NormalizedName, Row], say: Say, renewed: Renewed | None = None) -> None:
        """Add rows and renew the holds, by temporary file and rename; what cannot be written is only not remembered.

        What the state directory had to keep moves to the environment as soon as that can be written. Another run that
        writes is waited for, `files.PATIENCE` at most.
        """
        for number, path in enumerate(self.paths):
            with contextlib.suppress(OSError):
                if not self._add(self.paths[number:], rows, say, renewed):
                    say(f"what this run has proven is not remembered: another one holds `{path}.lock`")
                return

    def _named(self, listed: FileList) -> Iterator[Row]:
        """Yield what is known of a project: one file may know what it was before, and the other what it is."""
        name = listed.distribution.identity.name
        found = (self._read(path).rows.get(name) for path in reversed(self.paths))
        return (row for row in found if row is not None)

    def _read(self, path: str) -> _Content:
        """Return what a file says; without a file, or with a broken one, nothing is known, which is not an error."""
        signature = _signature(path)
        if self._known.get(path, ("",))[0] != signature:
            self._known[path] = (signature, _parsed(path) if signature else _Content({}, {}))
        return self._known[path][1]

    def _add(self, paths: Sequence[str], rows: Mapping[NormalizedName, Row], say: Say, renewed: Renewed | None) -> bool:
        """Write to the first path what is new and what the others have, and tell whether that could be done.

        It cannot while another process does it.
        """
        path, *others = paths
        files.folder(os.path.dirname(path))
        with open(f"{path}.lock", "w", encoding="utf-8", opener=files.opener) as lock:
            if not files.hold(lock, say):
                return False
            before, held = self._read(path), self._holds(paths)
            moving = {name: row for other in others for name, row in self._read(other).rows.items()}
            now = _Content(before.rows | moving | dict(rows), held if renewed is None else dict(renewed(held)))
            if now != before:
                files.save(path, now.as_json())
                self._known[path] = (_signature(path), now)
        for other in filter(os.path.exists, others):
            with contextlib.suppress(OSError):
                os.unlink(other)
        return True


class _Content(NamedTuple):
    """What one file of the ledger says."""

    rows: dict[NormalizedName, Row]
    holds: dict[NormalizedName, Hold]

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "distributions": {name: _as_json(self.rows[name]) for name in sorted(self.rows)},
            "holds": {name: _as_hold(self.holds[name]) for name in sorted(self.holds)},
        }


def _signature(path: str) -> tuple[int, ...]:
    """Return what is another once a file has been replaced; nothing where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _parsed(path: str) -> _Content:
    document = files.recall(path)
    known = document if document.get("schema") == SCHEMA else {}
    return _Content(_each(known, "distributions", _from_json), _each(known, "holds", _held))


def _each(document: Mapping[str, Any], key: str, read: Callable[[str, Any], Item]) -> dict[NormalizedName, Item]:
    """Return what a table of the document says, nothing where any entry of it cannot be read."""
    try:
        return {name: read(name, one) for name, one in (document.get(key) or {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _held(name: str, hold: dict[str, Any]) -> Hold:
    return Hold(name=NormalizedName(name), version=str(hold["version"]), origins=dict(hold["origins"]))


def _describes(row: Row, listed: FileList) -> bool:
    known = row.version == listed.distribution.text and bool(row.record)
    return known and row.record == listed.digest(row.flaws)


def _as_json(row: Row) -> dict[str, Any]:
    known = {"version": row.version, "hashes": sorted(row.hashes), "url": row.url, "record": row.record}
    inputs = {} if row.inputs is None else {"inputs": dict(row.inputs)}
    index = {"index": row.index} if row.index else {}
    return {**known, **inputs, **({"flaws": list(row.flaws)} if row.flaws else {}), **index}


def _as_hold(hold: Hold) -> dict[str, Any]:
    return {"version": hold.version, "origins": dict(hold.origins)}


def _from_json(_: str, row: dict[str, Any]) -> Row:
    return Row(
        version=str(row["version"]),
        hashes=frozenset(map(str, row["hashes"])),
        url=str(row["url"]),
        record=str(row["record"]),
        inputs=None if row.get("inputs") is None else dict(row["inputs"]),
        flaws=tuple(map(str, row.get("flaws", ()))),
        index=str(row.get("index", "")),
    )
