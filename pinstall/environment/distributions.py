"""Find installed distributions by name in `*.dist-info` and `*.egg-info`.

May not: use importlib.metadata (three times slower), write.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pinstall import files, formats, stamp
from pinstall.formats import metadata, urls
from pinstall.model.inputs import Interpreter, Request
from pinstall.model.pins import Distribution, Identity, Source

# What `stamp.status` returns, by path.
Statuses = dict[str, tuple[int, ...]]

# The folder of metadata in an egg, which is a folder on the path or a zip.
_EGG_INFO = "EGG-INFO"
_METADATA = (".dist-info", ".egg-info", _EGG_INFO)


class Environment:
    """The distributions in the folders of `paths`; the first folder wins, as when Python imports."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths
        self._found: dict[NormalizedName, Distribution | None] = {}

    def find(self, name: NormalizedName) -> Distribution | None:
        """Return the distribution of this name that Python imports, read at most once."""
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def every(self) -> tuple[Distribution, ...]:
        """Return all installed distributions, each project once."""
        return tuple(found for name in self._index if (found := self.find(name)) is not None)

    def copies(self, name: NormalizedName) -> tuple[str, ...]:
        """Return the path of every dist-info of this name in the folder that wins."""
        folders = self._index.get(name, [])
        return tuple(os.path.join(place, entry) for place, entry in folders if place == folders[0][0])

    def describe_copies(self, found: Distribution) -> Iterator[str]:
        """Yield a warning for each other dist-info of its project that pip has left."""
        for path in self.copies(found.identity.name):
            if path != found.path:
                name = os.path.basename(path)
                left = f"beside {name}, which pip has left in {found.location} with its files, and Python may believe"
                yield f"{left}: remove that folder, and what only its RECORD lists"

    def folders(self) -> dict[str, NormalizedName]:
        """Return the project of every dist-info and egg-info by path."""
        return {os.path.join(*one): name for name, some in self._index.items() for one in some}

    def release(self, name: NormalizedName, version: Version | None) -> Distribution | None:
        """Return the distribution of this version; `--target` leaves older ones behind."""
        found = (_distribution(name, *place, None) for place in self._index.get(name, ()))
        return next((one for one in found if one.identity.version == version and one.damage is None), None)

    @cached_property
    def _index(self) -> Mapping[NormalizedName, list[tuple[str, str]]]:
        found: dict[NormalizedName, list[tuple[str, str]]] = {}
        for location in dict.fromkeys(self.paths):
            for stem, entry in _entries(location):
                found.setdefault(canonicalize_name(stem.partition("-")[0]), []).append((location, entry))
        return found

    def _read(self, name: NormalizedName) -> Distribution | None:
        folders = self._index.get(name)
        if not folders:
            return None
        location, first = folders[0]
        entries = [entry for place, entry in folders if place == location]
        is_one = len(entries) == 1 or _is_one(location, entries)
        damage = None if is_one else f"it is installed {len(entries)} times: {', '.join(sorted(entries))}"
        return _distribution(name, location, first, damage)


def _entries(location: str) -> Iterator[tuple[str, str]]:
    """Yield each entry of metadata in a folder, after the name and version that it promises."""
    # an archive, or a folder that is missing or may not be read: Python goes on too
    entries = files.list_names(location) or sorted(_in_archive(location))
    # pip renames to `~...` before it removes, and leaves that behind when it is killed
    found = [entry for entry in entries if entry.endswith((".dist-info", ".egg-info")) and entry[0] != "~"]
    if location.endswith(".egg") and not found:  # `setup.py install` by itself makes one
        yield os.path.basename(location), _EGG_INFO
    yield from ((entry.rpartition(".")[0], entry) for entry in found)


def _in_archive(location: str) -> Mapping[str, str]:
    """Return the metadata in a zip or wheel on the path, from which Python imports, by entry."""
    return formats.archives.read_metadata(location, stamp.status(location)) if os.path.isfile(location) else {}


def _is_one(location: str, entries: Sequence[str]) -> bool:
    """Tell whether an egg-info, as in packages of Debian, repeats the version of a dist-info."""
    if [entry.rpartition(".")[2] for entry in entries] != ["dist-info", "egg-info"]:
        return False
    versions = {_distribution(NormalizedName(""), location, entry, "").identity.version for entry in entries}
    return len(versions) == 1 and not os.path.exists(os.path.join(location, entries[1], "installed-files.txt"))


def is_half(distribution: Distribution) -> bool:
    """Tell whether its dist-info lacks the files that pip writes last: its installer was killed."""
    names = ("INSTALLER", "RECORD")
    return not distribution.egg and not any(os.path.exists(os.path.join(distribution.path, name)) for name in names)


def note_statuses(folders: Iterable[str]) -> Statuses:
    """Return the status of each entry of metadata in these folders, and of its list of files, by path.

    They show later what is new. A clock does not: a file system may have another one than this process.
    """
    noted: Statuses = dict.fromkeys(folders, ())
    for folder in list(noted):
        for path in (os.path.join(folder, name) for name in files.list_names(folder) if name.endswith(_METADATA)):
            listing = f"{path}/{'RECORD' if path.endswith('.dist-info') else 'installed-files.txt'}"
            noted |= {one: stamp.status(one) for one in (path, listing)}
    return noted


def _distribution(name: NormalizedName, location: str, entry: str, damage: str | None) -> Distribution:
    path = os.path.join(location, entry)
    egg = entry.endswith((".egg-info", _EGG_INFO))
    zipped = entry == _EGG_INFO and os.path.isfile(location)
    if zipped:  # its needs are not read
        stem, version, *_ = (*os.path.basename(location).split("-"), "")
        fields = {"name": [stem], "version": [version]}
    else:
        fields = _head(path, egg=egg) or metadata.fields(_in_archive(location).get(entry, "").split("\n"))
    text = fields.get("version", [""])[0]
    if damage is None:
        damage = _damage(name, entry, fields, path)
    source, hashes, editable = _direct_url(path)
    return Distribution(
        identity=Identity(name=name, version=metadata.version(text), source=source, hashes=hashes),
        text=text,
        location=location,
        path=path,
        requires=None if zipped else _needs(fields, path, egg=egg),
        editable=editable,
        damage=damage,
    )


def _damage(name: NormalizedName, entry: str, fields: dict[str, list[str]], path: str) -> str | None:
    """Return why the metadata are not those of the distribution that the folder's name promises."""
    named, text = metadata.named(fields)
    if not named or not text:
        return f"its metadata in {path} cannot be read"
    stem, _, suffix = entry.rpartition(".")
    # pip goes by the folder's version
    promised = metadata.version(stem.partition("-")[2]) if suffix == "dist-info" else None
    if canonicalize_name(named) != name or promised not in (None, metadata.version(text)):
        return f"its metadata in {path} are of {named} {text}"
    return None


def _needs(fields: dict[str, list[str]], path: str, *, egg: bool) -> tuple[str, ...] | None:
    if egg and (content := files.read(os.path.join(path, "requires.txt"))):
        return metadata.needs(content.decode("utf-8", "surrogateescape"))
    return tuple(fields.get("requires-dist", ())) if fields else None


def _head(path: str, *, egg: bool) -> dict[str, list[str]]:
    if not egg or os.path.isdir(path):
        path = os.path.join(path, "PKG-INFO" if egg else "METADATA")
    with suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
        return metadata.fields(file)
    return {}


def _direct_url(path: str) -> tuple[Source | None, frozenset[str], bool]:
    """Return source, archive hashes and whether it is editable from `direct_url.json` (PEP 610).

    `pip install -I` leaves that file of the earlier distribution, which its RECORD does not list, as all installers do,
    poetry on Windows with its slashes.
    """
    document = files.recall(os.path.join(path, "direct_url.json"))
    listed = (files.read(os.path.join(path, "RECORD")) if document else None) or b""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        if not listed.strip() or b".dist-info/direct_url.json" in listed.replace(b"\\", b"/"):
            editable = bool((document.get("dir_info") or {}).get("editable"))
            return metadata.source(document), metadata.hashes(document), editable
    return None, frozenset(), False


def find_by_link(link: str | None, installed: Iterable[Distribution]) -> Iterator[NormalizedName]:
    """Yield the name of each distribution that was installed from a local link (PEP 610)."""
    if link is not None and files.path_of(link) is not None:
        wanted = normalize_link(link)
        yield from (one.identity.name for one in installed if _origin(one) == wanted)


def normalize_link(link: str) -> str:
    """Return the real path of a local link, and another link without its secrets."""
    path = files.path_of(link)
    return urls.without_secrets(link) if path is None else os.path.realpath(path)


def list_folders(request: Request, target: Interpreter) -> tuple[str, ...]:
    """Return the folders to which pip installs under `--target`, `--prefix` or `--root`."""
    folder, prefix, root = map(request.last, ("target_dir", "prefix_path", "root_path"))
    if folder is not None and folder.value:
        return (folder.value,)
    paths: tuple[str, ...] = (target.purelib, target.platlib)
    if prefix is not None and prefix.value:
        below = (os.path.relpath(path, target.prefix) for path in paths)
        paths = tuple(os.path.abspath(os.path.join(prefix.value, path)) for path in below)
    return paths if root is None else tuple(f"{root.value}{os.path.splitdrive(path)[1]}" for path in paths)


def _origin(installed: Distribution) -> str | None:
    """Return the place from which it was installed: with `setup.py develop` its own location."""
    source = installed.identity.source
    link = source.url if source is not None else installed.location if installed.egg else None
    return None if link is None else normalize_link(link)
