"""Read pip's cache of locally built wheels: `wheels/<2>/<2>/<2>/<rest of the key>/` with wheels and an `origin.json`.

May not: write, judge.
"""

from __future__ import annotations

import json
import os
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from pinstall import provenance
from pinstall.model import Artifact, Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from packaging.utils import NormalizedName

FOLDER = "wheels"
ORIGIN = "origin.json"
_MANY = 0xFFFF
"""What a zip says that has too many members for its two bytes."""


def of_projects(cache: str, names: AbstractSet[NormalizedName]) -> Iterator[Artifact]:
    """Yield every locally built wheel of these projects, each looked into."""
    for path in _wheels(os.path.join(cache, FOLDER), 4):
        file = os.path.basename(path)
        # only the file name tells the project: the key is one-way
        if canonicalize_name(file.partition("-")[0]) in names:
            found = artifact(cache, os.path.relpath(path, cache))
            if found.damage is None or os.path.exists(path):  # what another run has just moved away is not damaged
                yield found


def _wheels(folder: str, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if depth and entry.is_dir(follow_symlinks=False):
            yield from _wheels(entry.path, depth - 1)
        elif not depth and entry.name.endswith(".whl"):
            yield entry.path


def artifact(cache: str, path: str) -> Artifact:
    """Return a wheel of the cache as file name and `origin.json` describe it, with what its inside says against it."""
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
        damage=_damage(os.path.join(cache, path), name, version),
    )


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
    """Say what contradicts the file name inside the wheel: no zip, a bad member, another name or version."""
    try:
        with zipfile.ZipFile(path) as wheel:
            broken = wheel.testzip()
            if broken is not None:
                return f"is damaged: {broken} does not match its checksum"
            if _counted(path, wheel) not in (len(wheel.infolist()), _MANY):
                return "is damaged: its list of members is cut"
            tops = {member.partition("/")[0] for member in wheel.namelist()}
            folders = [top for top in tops if top.endswith(".dist-info")]
            if len(folders) != 1:  # pip counts the same way, and takes no other number
                return f"has {len(folders)} dist-info folders"
            metadata = wheel.read(f"{folders[0]}/METADATA").decode("utf-8", "replace")
            return _contradiction(folders[0].removesuffix(".dist-info"), metadata, name, version)
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile raise nearly anything
        return f"is no valid wheel: {error}"


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
