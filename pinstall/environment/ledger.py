"""Remember per environment which artifact each distribution was installed from.

May not: be believed when the installed RECORD is not the one that was seen.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pinstall import files
from pinstall.environment import record
from pinstall.model.pins import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.model.pins import Distribution

    Renewed = Callable[[Mapping[NormalizedName, Hold]], Mapping[NormalizedName, Hold]]
    Say = Callable[[str], object]

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

    Where that cannot be written they are in the user's `state` directory, and count for more than what stands there.
    """

    def __init__(self, site_packages: str, state: str) -> None:
        """Read nothing yet."""
        stem = hashlib.sha256(os.fsencode(os.path.realpath(site_packages))).hexdigest()[:32]
        self.paths = (
            os.path.join(site_packages, FOLDER, "ledger.json"),
            os.path.join(state, "ledgers", f"{stem}.json"),
        )
        self._rows: tuple[dict[NormalizedName, Row], ...] | None = None

    def hashes(self, distribution: Distribution) -> frozenset[str]:
        """Return the hashes of the artifact that this very installation came from, none when that is not known."""
        row = self.row(distribution)
        return frozenset() if row is None else row.hashes

    def row(self, distribution: Distribution) -> Row | None:
        """Return what is known of this very installation."""
        return next((row for row in self._named(distribution) if _describes(row, distribution)), None)

    def inputs(self, distribution: Distribution) -> Mapping[str, str] | None:
        """Return what the build of this very installation was told, none when that is not known."""
        rows = (row for row in self._named(distribution) if row.inputs is not None and _describes(row, distribution))
        return next((row.inputs for row in rows), None)

    def holds(self) -> dict[NormalizedName, Hold]:
        """Return the pins of earlier runs."""
        return _all_holds(self.paths)

    def write(self, rows: Mapping[NormalizedName, Row], say: Say, renewed: Renewed | None = None) -> None:
        """Add rows and renew the holds, by temporary file and rename; what cannot be written is only not remembered.

        What the state directory had to keep moves to the environment as soon as that can be written. Another run that
        writes is waited for, `flock.PATIENCE` at most.
        """
        self._rows = None
        for number, path in enumerate(self.paths):
            with contextlib.suppress(OSError):
                if not _add(self.paths[number:], rows, say, renewed):
                    say(f"what this run has proven is not remembered: another one holds `{path}.lock`")
                return

    def _named(self, distribution: Distribution) -> Iterator[Row]:
        """Yield what is said of a project: one ledger may know what it was before, and the other what it is."""
        if self._rows is None:
            self._rows = tuple(map(_rows, reversed(self.paths)))
        name = distribution.identity.name
        return (rows[name] for rows in self._rows if name in rows)


def _rows(path: str) -> dict[NormalizedName, Row]:
    try:
        return {name: _from_json(row) for name, row in _document(path).get("distributions", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _holds(path: str) -> dict[NormalizedName, Hold]:
    held = _document(path).get("holds") or {}
    try:
        return {
            name: Hold(name=name, version=str(hold["version"]), origins=dict(hold["origins"]))
            for name, hold in held.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _document(path: str) -> dict[str, Any]:
    document = files.recall(path)
    return document if document.get("schema") == SCHEMA else {}


def _all_holds(paths: Sequence[str]) -> dict[NormalizedName, Hold]:
    return {name: hold for path in paths for name, hold in _holds(path).items()}


def _add(paths: Sequence[str], rows: Mapping[NormalizedName, Row], say: Say, renewed: Renewed | None) -> bool:
    """Write to the first path what is new and what the others hold, and tell whether that could be done.

    It cannot while another process does it.
    """
    path, *others = paths
    files.folder(os.path.dirname(path))
    with open(f"{path}.lock", "w", encoding="utf-8", opener=files.opener) as lock:
        if not files.hold(lock, say):
            return False
        before, held = _rows(path), _all_holds(paths)
        merged = before | {name: row for other in others for name, row in _rows(other).items()} | dict(rows)
        holding = held if renewed is None else renewed(held)
        if (merged, holding) != (before, _holds(path)):
            document = {
                "schema": SCHEMA,
                "distributions": {name: _as_json(merged[name]) for name in sorted(merged)},
                "holds": {name: _as_hold(holding[name]) for name in sorted(holding)},
            }
            files.save(path, document)
    for other in filter(os.path.exists, others):
        with contextlib.suppress(OSError):
            os.unlink(other)
    return True


def _describes(row: Row, distribution: Distribution) -> bool:
    known = row.version == distribution.text and bool(row.record)
    return known and row.record == record_digest(distribution, row.flaws)


def record_digest(distribution: Distribution, flaws: Iterable[str] = ()) -> str:
    """Return the sha256 of the installed RECORD and of all files that it does not vouch for, empty where there is none.

    These are such as it has no hash of, and the `flaws`, of which it says something wrong; but no byte code, and none
    that another distribution has too, since who was installed last has overwritten it.
    """
    try:
        with open(distribution.record, "rb") as file:
            digest = hashlib.sha256(listed := file.read())
    except OSError:
        return ""
    folder = distribution.path if distribution.egg else distribution.location
    doubtful = [path for path in (*_unhashed(distribution, listed), *flaws) if not record.is_bytecode(path)]
    others = list(_beside(distribution)) if doubtful else []
    for path in doubtful:
        if not any(f"\n{path},".encode() in other for other in others):
            digest.update(_sha256(os.path.join(folder, path)))
    return digest.hexdigest()


def _beside(distribution: Distribution) -> Iterator[bytes]:
    """Yield what is in the RECORD of every other distribution of the same folder, behind a line end."""
    for entry in os.listdir(distribution.location):
        path = os.path.join(distribution.location, entry)
        if entry.endswith(".dist-info") and path != distribution.path:
            with contextlib.suppress(OSError), open(os.path.join(path, "RECORD"), "rb") as file:
                yield b"\n" + file.read()


def _sha256(place: str) -> bytes:
    try:
        return files.sha256(place)
    except (OSError, ValueError):  # pip lists a script too that it has left out for a command of that name
        return b"?"


def _unhashed(distribution: Distribution, listed: bytes) -> list[str]:
    """Return the paths of which RECORD has no hash, without its own; what lists the files of an egg has none at all."""
    if distribution.egg:
        return [os.fsdecode(name) for name in listed.splitlines()]
    own = f"{os.path.basename(distribution.path)}/RECORD"
    try:
        return [path for path, digest, _ in record.rows(record.text(listed)) if not digest and path != own]
    except ValueError:
        return []


def _as_json(row: Row) -> dict[str, Any]:
    known = {"version": row.version, "hashes": sorted(row.hashes), "url": row.url, "record": row.record}
    inputs = {} if row.inputs is None else {"inputs": dict(row.inputs)}
    index = {"index": row.index} if row.index else {}
    return {**known, **inputs, **({"flaws": list(row.flaws)} if row.flaws else {}), **index}


def _as_hold(hold: Hold) -> dict[str, Any]:
    return {"version": hold.version, "origins": dict(hold.origins)}


def _from_json(row: dict[str, Any]) -> Row:
    return Row(
        version=str(row["version"]),
        hashes=frozenset(map(str, row["hashes"])),
        url=str(row["url"]),
        record=str(row["record"]),
        inputs=None if row.get("inputs") is None else dict(row["inputs"]),
        flaws=tuple(map(str, row.get("flaws", ()))),
        index=str(row.get("index", "")),
    )
