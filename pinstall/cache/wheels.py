"""Read pip's cache of locally built wheels: `wheels/<2>/<2>/<2>/<rest of the key>/` with wheels and an `origin.json`.

May not: write, judge.
"""

import base64
import csv
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from zipfile import ZipFile

from packaging.tags import INTERPRETER_SHORT_NAMES
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pinstall import files
from pinstall.cache import http
from pinstall.formats import archives, metadata, urls
from pinstall.model.artifacts import Artifact
from pinstall.model.pins import Identity

ORIGIN = "origin.json"
# How many bytes of an `origin.json` are read: pip writes some hundred.
_ORIGIN_MOST = 1 << 16
_FORMAT = re.compile(rb"^Wheel-Version:\s*1\.", re.IGNORECASE | re.MULTILINE)
# The count in a zip with more members than its two bytes can say.
_MANY = 0xFFFF


def find_wheels(cache: str, names: Collection[NormalizedName]) -> Iterator[Artifact]:
    """Yield every locally built wheel of these projects."""
    for path in list_paths(cache):
        # only the file name has the project: the key is one-way
        if canonicalize_name(path[path.rindex(os.sep) + 1 :].partition("-")[0]) in names:
            yield artifact(cache, path)


def list_paths(cache: str) -> Iterator[str]:
    """Yield the path of each locally built wheel, sorted; opens nothing."""
    return (path for path in http.list_below(cache, "wheels", 4) if path.endswith(".whl"))


def split_name(path: str) -> tuple[str, str]:
    """Return project and version from the file name of a wheel; the version is empty for any other file name."""
    parts = os.path.basename(path).removesuffix(".whl").split("-")
    return parts[0], parts[1] if len(parts) in (5, 6) else ""  # without and with a build tag


def artifact(cache: str, path: str) -> Artifact:
    """Return a wheel of the cache as file name and `origin.json` describe it."""
    file = os.path.basename(path)
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except ValueError:  # an invalid version too, which packaging before 23.2 lets through
        name = canonicalize_name(file.partition("-")[0])
        return Artifact(identity=Identity(name=name), path=path, damage="does not have a valid wheel file name")
    url, hashes = source(cache, path)
    archive = None
    with suppress(ValueError):  # not a URL
        archive = metadata.release(urls.file_name(url), name)
    return Artifact(identity=Identity(name=name, version=version, hashes=hashes), path=path, archive=archive, url=url)


def is_found_by_url(found: Artifact, markers: Mapping[str, str], digest: str = "") -> bool:
    """Check whether pip's key (`cache.py`) of this wheel is its source's URL alone, or with this hash of a link."""
    implementation = markers.get("implementation_name", "")
    document = {
        "interpreter_name": INTERPRETER_SHORT_NAMES.get(implementation, implementation),
        "interpreter_version": markers.get("python_version", "").replace(".", ""),
        "url": found.url,
        **dict([digest.split(":")] if digest else []),
    }
    key = hashlib.sha224(json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()
    return "".join(found.path.split(os.sep)[1:-1]) == key


def examine(cache: str, found: Artifact) -> Artifact:
    """Return a wheel with its damage: not a zip, a bad member, another name or version; a deleted one has none."""
    name, version = found.identity.name, found.identity.version
    if found.damage is not None or version is None:
        return found
    try:
        damage = _find_damage(os.path.join(cache, found.path), name, version)
    except (FileNotFoundError, archives.OversizedError):  # of one too large to look into a new build would be as large
        return found
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile raise nearly anything
        damage = f"is not a valid wheel: {error}"
    return replace(found, damage=damage)


def source(cache: str, path: str) -> tuple[str, frozenset[str]]:
    """Return URL and hashes of the archive that a wheel was built from; pip writes them since 22.2."""
    document = files.recall(os.path.join(cache, os.path.dirname(path), ORIGIN), _ORIGIN_MOST)
    with suppress(ValueError, AttributeError, TypeError):
        return str(document.get("url", "")), metadata.hashes(document)
    return "", frozenset()


def _find_damage(path: str, name: NormalizedName, version: Version) -> str | None:
    with archives.opened(path) as wheel:
        if _counted(path, wheel) not in (len(wheel.infolist()), _MANY):
            return "is damaged: its list of members is cut"
        tops = {member.partition("/")[0] for member in wheel.namelist()}
        folders = [top for top in tops if top.endswith(".dist-info")]
        if len(folders) != 1:  # pip counts the same way
            return f"has {len(folders)} dist-info folders"
        if not _FORMAT.search(archives.content(wheel, f"{folders[0]}/WHEEL")):
            return "has no `Wheel-Version` that pip takes"
        text = archives.content(wheel, f"{folders[0]}/METADATA").decode("utf-8", "replace")
        other = _contradiction(folders[0].removesuffix(".dist-info"), text, name, version)
        return other or _altered(wheel, f"{folders[0]}/RECORD")


def _altered(wheel: ZipFile, record: str) -> str | None:
    """Return which member differs from RECORD, as the binary distribution format defines it."""
    rows = {row[0]: row[1] for row in csv.reader(archives.content(wheel, record).decode().splitlines()) if len(row) > 1}
    lacking = rows.keys() - set(wheel.namelist())
    if gone := next((path for path in sorted(lacking) if rows[path]), None):
        return f"was altered: it lacks {gone}, which its RECORD lists"
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


def _counted(path: str, wheel: ZipFile) -> int:
    """Return the zip's own count of its members, which zipfile does not check."""
    with open(path, "rb") as file:
        file.seek(-22 - len(wheel.comment), os.SEEK_END)
        return int.from_bytes(file.read(12)[10:], "little")


def _contradiction(stem: str, text: str, name: NormalizedName, version: Version) -> str | None:
    named = ("its METADATA", *metadata.named(metadata.fields(text.split("\n"))))
    for where, other_name, other_version in (("its dist-info folder", *stem.partition("-")[::2]), named):
        if canonicalize_name(other_name) != name or metadata.version(other_version) != version:
            return f"is not what its file name says: {where} says {other_name} {other_version}"
    return None
