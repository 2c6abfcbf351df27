"""Read pip's cache of locally built wheels: `wheels/<2>/<2>/<2>/<rest of the key>/` with wheels and an `origin.json`.

May not: write, judge.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.tags import INTERPRETER_SHORT_NAMES
from packaging.utils import (
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from pinstall import provenance
from pinstall.artifacts import Artifact
from pinstall.model import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from packaging.utils import NormalizedName

FOLDER = "wheels"
ORIGIN = "origin.json"
_MANY = 0xFFFF
"""What a zip says that has too many members for its two bytes."""


def of_projects(cache: str, names: AbstractSet[NormalizedName]) -> Iterator[Artifact]:
    """Yield every locally built wheel of these projects."""
    for path in _wheels(os.path.join(cache, FOLDER), 4):
        file = os.path.basename(path)
        # only the file name tells the project: the key is one-way
        if canonicalize_name(file.partition("-")[0]) in names:
            yield artifact(cache, os.path.relpath(path, cache))


def every(cache: str) -> Iterator[Artifact]:
    """Yield every locally built wheel."""
    for path in _wheels(os.path.join(cache, FOLDER), 4):
        yield artifact(cache, path[len(cache) + 1 :])


def _wheels(folder: str, depth: int) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # a file where a folder should be, or one that is gone
        return
    for name in names:
        if depth:
            yield from _wheels(f"{folder}{os.sep}{name}", depth - 1)
        elif name.endswith(".whl"):
            yield f"{folder}{os.sep}{name}"


def artifact(cache: str, path: str) -> Artifact:
    """Return a wheel of the cache as file name and `origin.json` describe it."""
    file = os.path.basename(path)
    folder = os.path.dirname(os.path.join(cache, path))
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except ValueError:  # an invalid version too, which packaging before 23.2 lets through
        name = canonicalize_name(file.partition("-")[0])
        return Artifact(identity=Identity(name=name), path=path, damage="has no valid wheel file name")
    url, hashes = _origin(folder)
    return Artifact(
        identity=Identity(name=name, version=version, hashes=hashes),
        path=path,
        archive=_archive_version(url, name),
        url=url,
    )


def is_found_by_url(found: Artifact, implementation: str, python: str) -> bool:
    """Tell whether pip keeps this wheel under its source's URL alone, without a hash that would tell another source.

    The key is that of pip's `cache.py`, whose `interpreter_version` is that of PEP 425.
    """
    document = {
        "interpreter_name": INTERPRETER_SHORT_NAMES.get(implementation, implementation),
        "interpreter_version": "".join(python.split(".")[:2]),
        "url": found.url,
    }
    key = hashlib.sha224(json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()
    return "".join(found.path.split(os.sep)[1:-1]) == key


def examined(cache: str, found: Artifact) -> Artifact:
    """Return a wheel with what its inside says against it: no zip, a bad member, another name or version.

    One that cannot be opened because it is gone by now is not damaged.
    """
    name, version = found.identity.name, found.identity.version
    if found.damage is not None or version is None:
        return found
    try:
        return replace(found, damage=_damage(os.path.join(cache, found.path), name, version))
    except FileNotFoundError:
        return found


def _origin(folder: str) -> tuple[str, frozenset[str]]:
    """Return URL and hashes of the archive that the entry was built from; pip writes them since 22.2."""
    try:
        with open(os.path.join(folder, ORIGIN), encoding="utf-8") as file:
            document = json.load(file)
        return str(document.get("url", "")), provenance.hashes(document)
    except (OSError, ValueError, AttributeError, TypeError):
        return "", frozenset()


def _archive_version(url: str, name: NormalizedName) -> Version | None:
    """Return the version of the source archive that the entry was built from, where its file name says one."""
    try:
        project, built = parse_sdist_filename(unquote(urlsplit(url).path).rpartition("/")[2])
    except ValueError:  # no URL, or one whose last part names no release
        return None
    return built if project == name else None


def _damage(path: str, name: NormalizedName, version: Version) -> str | None:
    try:
        with zipfile.ZipFile(path) as wheel:
            if _counted(path, wheel) not in (len(wheel.infolist()), _MANY):
                return "is damaged: its list of members is cut"
            tops = {member.partition("/")[0] for member in wheel.namelist()}
            folders = [top for top in tops if top.endswith(".dist-info")]
            if len(folders) != 1:  # pip counts the same way, and takes no other number
                return f"has {len(folders)} dist-info folders"
            metadata = wheel.read(f"{folders[0]}/METADATA").decode("utf-8", "replace")
            other = _contradiction(folders[0].removesuffix(".dist-info"), metadata, name, version)
            return other or _altered(wheel, f"{folders[0]}/RECORD")
    except FileNotFoundError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile raise nearly anything
        return f"is no valid wheel: {error}"


def _altered(wheel: zipfile.ZipFile, record: str) -> str | None:
    """Say which member is not what the wheel's own RECORD says of it.

    Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory
    """
    rows = {row[0]: row[1] for row in csv.reader(wheel.read(record).decode().splitlines()) if len(row) > 1}
    for member in wheel.infolist():
        listed = rows.get(member.filename)
        algorithm, _, expected = (listed or "sha256=").partition("=")
        digest = hashlib.new(algorithm)
        with wheel.open(member) as file:
            while block := file.read(1 << 20):  # zipfile compares the checksum at the end
                digest.update(block)
        if member.is_dir() or member.filename in (record, f"{record}.jws", f"{record}.p7s"):
            continue
        if listed is None:
            return f"was altered: its RECORD does not list {member.filename}"
        if expected and base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=") != expected:
            return f"was altered: {member.filename} is not what its RECORD says"
    return None


def _counted(path: str, wheel: zipfile.ZipFile) -> int:
    """Return how many members the zip itself counts, which zipfile does not compare with those it finds."""
    with open(path, "rb") as file:
        file.seek(-22 - len(wheel.comment), os.SEEK_END)
        return int.from_bytes(file.read(12)[10:], "little")


def _contradiction(stem: str, metadata: str, name: NormalizedName, version: Version) -> str | None:
    said = [("its dist-info folder", *stem.partition("-")[::2]), ("its METADATA", *_fields(metadata))]
    for where, other_name, other_version in said:
        try:
            agrees = canonicalize_name(other_name) == name and Version(other_version) == version
        except InvalidVersion:
            agrees = False
        if not agrees:
            return f"is not what its file name says: {where} says {other_name} {other_version}"
    return None


def _fields(metadata: str) -> tuple[str, str]:
    fields: dict[str, str] = {}
    for line in metadata.split("\n"):
        if line[:1] in (" ", "\t"):  # continues the field before
            continue
        key, colon, value = line.partition(":")
        if not colon:
            break
        fields.setdefault(key.lower(), value.strip())
    return fields.get("name", ""), fields.get("version", "")
