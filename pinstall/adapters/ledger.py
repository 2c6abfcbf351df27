"""Remember per environment which artifact each distribution was installed from.

May not: be believed when the installed RECORD is not the one that was seen.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.utils import NormalizedName

    from pinstall.model import Distribution

FOLDER = ".pinstall"
SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a run proved of one distribution: its artifact's hashes and URL without credentials, its RECORD's sha256."""

    version: str
    hashes: frozenset[str]
    url: str
    record: str


class Ledger:
    """The rows of one environment, in `site-packages/.pinstall/ledger.json`."""

    def __init__(self, site_packages: str) -> None:
        """Read nothing yet."""
        self._path = os.path.join(site_packages, FOLDER, "ledger.json")
        self._rows: dict[NormalizedName, Row] | None = None

    def hashes(self, distribution: Distribution) -> frozenset[str]:
        """Return the hashes of the artifact that this very installation came from, none when that is not known."""
        row = self._read().get(distribution.identity.name)
        if row is None or row.version != distribution.text or not row.record:
            return frozenset()
        if row.record != record_digest(distribution):
            return frozenset()
        return row.hashes

    def write(self, rows: Mapping[NormalizedName, Row]) -> None:
        """Add rows, by temporary file and rename; what cannot be written is only not remembered."""
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(f"{self._path}.lock", "w", encoding="utf-8") as lock:
                _hold(lock)  # given back when the file is closed, and by the system when the process is killed
                self._rows = None  # somebody else may have written since
                before = self._read()
                merged = before | dict(rows)
                if merged != before:
                    self._replace(merged)

    def _replace(self, rows: dict[NormalizedName, Row]) -> None:
        document = {"schema": SCHEMA, "distributions": {name: _as_json(rows[name]) for name in sorted(rows)}}
        temporary = f"{self._path}.new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
        os.replace(temporary, self._path)
        self._rows = rows

    def _read(self) -> dict[NormalizedName, Row]:
        if self._rows is None:
            try:
                with open(self._path, encoding="utf-8") as file:
                    document = json.load(file)
                rows = document["distributions"].items() if document["schema"] == SCHEMA else ()
                self._rows = {name: _from_json(row) for name, row in rows}
            except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no ledger, no proof: never an error
                self._rows = {}
        return self._rows


def record_digest(distribution: Distribution) -> str:
    """Return the sha256 of the installed RECORD, empty where there is none."""
    try:
        with open(os.path.join(distribution.path, "RECORD"), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def _hold(lock: IO[str]) -> None:
    """Wait until no other process writes; where the system knows no such lock, rename alone has to do."""
    try:
        import fcntl  # noqa: PLC0415 - POSIX only, and a run that changes nothing writes nothing
    except ImportError:
        return
    fcntl.flock(lock, fcntl.LOCK_EX)


def _as_json(row: Row) -> dict[str, Any]:
    return {"version": row.version, "hashes": sorted(row.hashes), "url": row.url, "record": row.record}


def _from_json(row: dict[str, Any]) -> Row:
    return Row(version=row["version"], hashes=frozenset(row["hashes"]), url=row["url"], record=row["record"])
