"""Write the pages of a package index, PEP 691 JSON and PEP 503 HTML."""

from __future__ import annotations

import contextlib
import hashlib
import html
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
UPLOADED = "2024-05-06T07:08:09.123456Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One file of the index and what its page says of it: its hash by this `algorithm`, which may be empty."""

    filename: str
    url: str
    content: bytes
    project: str
    yanked: str | None
    requires_python: str | None
    algorithm: str
    metadata: bytes | None

    @property
    def digest(self) -> str:
        """The hexadecimal digest of the content."""
        return hashlib.new(self.algorithm, self.content).hexdigest()


def json_page(project: str, listings: list[Listing]) -> str:
    """Return the project's page as PEP 691 wants it."""
    files: list[dict[str, Any]] = []
    for listing in listings:
        entry: dict[str, Any] = {
            "filename": listing.filename,
            "url": listing.url,
            "hashes": {listing.algorithm: listing.digest} if listing.algorithm else {},
            "size": len(listing.content),
            "upload-time": UPLOADED,
            "yanked": listing.yanked or listing.yanked is not None,
        }
        if listing.requires_python:
            entry["requires-python"] = listing.requires_python
        if listing.metadata is not None:
            # As PyPI spells it: a plain `dist-info-metadata` makes pip 22.3 fall over.
            entry["core-metadata"] = entry["data-dist-info-metadata"] = {"sha256": sha256(listing.metadata)}
        files.append(entry)
    return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files})


def html_page(listings: list[Listing]) -> str:
    """Return a project's page as PEP 503 wants it."""
    lines = ["<!DOCTYPE html><html><body>"]
    for listing in listings:
        attributes = {"href": listing.url + (f"#{listing.algorithm}={listing.digest}" if listing.algorithm else "")}
        if listing.yanked is not None:
            attributes["data-yanked"] = listing.yanked
        if listing.requires_python:
            attributes["data-requires-python"] = listing.requires_python
        if listing.metadata is not None:
            digest = f"sha256={sha256(listing.metadata)}"
            attributes |= {"data-core-metadata": digest, "data-dist-info-metadata": digest}
        written = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
        lines.append(f"<a {written}>{listing.filename}</a><br>")
    return "\n".join([*lines, "</body></html>"])


def metadata_of(content: bytes) -> bytes | None:
    """Return the METADATA inside a wheel, None for anything else."""
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/METADATA"):
                return archive.read(name)
    return None


def sha256(content: bytes) -> str:
    """Return the hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()
