"""Remember per environment the artifact from which each distribution was installed.

May not: apply a row to an installation with another RECORD.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from packaging.utils import NormalizedName

from pinstall import files, stamp
from pinstall.environment.file_list import FileList
from pinstall.model.pins import Hold

Renewed = Callable[[Mapping[NormalizedName, Hold]], Mapping[NormalizedName, Hold]]
Say = Callable[[str], object]
Item = TypeVar("Item")

FOLDER = ".pinstall"
SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The artifact of one distribution: its hashes, its URL without credentials, the sha256 of the installed RECORD.

    `inputs` are those of its build, None without a known build. `flaws` are the paths in RECORD that were wrong when
    pip had just installed it. `index` is the one that offers the artifact, as the table of sources names it, or empty.
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

    If that cannot be written, they are in the user's `state` directory, where they take precedence. A file is parsed
    again only after it was replaced.
    """

    def __init__(self, site_packages: str, state: str) -> None:
        stem = hashlib.sha256(os.fsencode(os.path.realpath(site_packages))).hexdigest()[:32]
        own = os.path.join(site_packages, FOLDER, "ledger.json")
        self.paths = (own, os.path.join(state, "ledgers", f"{stem}.json"))
        self._known: dict[str, tuple[object, _Content]] = {}

    def row(self, listed: FileList) -> Row | None:
        """Return the row of this installation."""
        return next((row for row in self._named(listed) if _describes(row, listed)), None)

    def inputs(self, listed: FileList) -> Mapping[str, str] | None:
        """Return the inputs of the build of this installation, None where they are unknown."""
        rows = (row for row in self._named(listed) if row.inputs is not None and _describes(row, listed))
        return next((row.inputs for row in rows), None)

    def holds(self, paths: Sequence[str] = ()) -> dict[NormalizedName, Hold]:
        """Return the pins of earlier runs, of some of the files or of all."""
        return {name: hold for path in paths or self.paths for name, hold in self._read(path).holds.items()}

    def write(self, rows: Mapping[NormalizedName, Row], say: Say, renewed: Renewed | None = None) -> None:
        """Add rows and renew the holds, if that is possible.

        The contents of the file in the state directory move to the environment once that can be written. Waits for
        another run that writes, `files.PATIENCE` at most.
        """
        for number in range(len(self.paths)):
            with suppress(OSError):
                self._add(self.paths[number:], rows, say, renewed)
                return

    def _named(self, listed: FileList) -> Iterator[Row]:
        """Yield the rows of a project: one file may have that of an earlier installation."""
        name = listed.distribution.identity.name
        found = (self._read(path).rows.get(name) for path in reversed(self.paths))
        return (row for row in found if row is not None)

    def _read(self, path: str) -> _Content:
        """Return the content of a file, nothing where it is missing or damaged."""
        status = stamp.status(path)
        if path not in self._known or self._known[path][0] != status:
            self._known[path] = (status, _parse(path))
        return self._known[path][1]

    def _add(self, paths: Sequence[str], rows: Mapping[NormalizedName, Row], say: Say, renewed: Renewed | None) -> None:
        """Write new content and that of the other paths to the first one, unless another process does so."""
        path, *others = paths
        files.folder(os.path.dirname(path), 0o775 if path == self.paths[0] else 0o700)
        with open(f"{path}.lock", "w", encoding="utf-8", opener=files.opener) as lock:
            if not files.hold(lock, say):
                say(f"what this run has proven is not remembered: another one holds `{path}.lock`")
                return
            before, held = self._read(path), self.holds(paths)
            moving = {name: row for other in others for name, row in self._read(other).rows.items()}
            now = _Content(before.rows | moving | dict(rows), held if renewed is None else dict(renewed(held)))
            if now != before:
                files.save(path, now.as_json())
                self._known[path] = (stamp.status(path), now)
        for other in filter(os.path.exists, others):
            with suppress(OSError):
                os.unlink(other)


def list_shelves(site_packages: str, state: str) -> tuple[str, str]:
    """Return the folders for what is moved aside in an environment: its own, and where that fails one of the user."""
    own, other = Ledger(site_packages, state).paths
    return os.path.join(os.path.dirname(own), "shelf"), os.path.splitext(other)[0]


class _Content(NamedTuple):
    """The content of one file."""

    rows: dict[NormalizedName, Row]
    holds: dict[NormalizedName, Hold]

    def as_json(self) -> dict[str, Any]:
        rows = {name: _as_json(row) for name, row in sorted(self.rows.items())}
        holds = {name: {"version": one.version, "origins": one.origins} for name, one in sorted(self.holds.items())}
        return {"schema": SCHEMA, "distributions": rows, "holds": holds}


def _parse(path: str) -> _Content:
    document = files.recall(path)
    known = document if document.get("schema") == SCHEMA else {}
    return _Content(_each(known, "distributions", _from_json), _each(known, "holds", _hold))


def _each(document: Mapping[str, Any], key: str, read: Callable[[str, Any], Item]) -> dict[NormalizedName, Item]:
    """Return the entries of a table, nothing where one of them cannot be read."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        return {name: read(name, one) for name, one in (document.get(key) or {}).items()}
    return {}


def _hold(name: str, hold: dict[str, Any]) -> Hold:
    return Hold(name=NormalizedName(name), version=str(hold["version"]), origins=dict(hold["origins"]))


def _describes(row: Row, listed: FileList) -> bool:
    known = row.version == listed.distribution.text and bool(row.record)
    return known and row.record == listed.digest(row.flaws)


def _as_json(row: Row) -> dict[str, Any]:
    known = {"version": row.version, "hashes": sorted(row.hashes), "url": row.url, "record": row.record}
    rare = {"inputs": row.inputs, "flaws": row.flaws, "index": row.index}
    return known | {key: value for key, value in rare.items() if value not in (None, (), "")}


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
