"""Yield installed distributions, asked by name, read straight from `*.dist-info` and `*.egg-info`.

May not: use importlib.metadata (three times slower), write.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name

from pinstall import files
from pinstall.formats import metadata, urls
from pinstall.model.pins import Distribution, Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.version import Version

    from pinstall.model.inputs import Interpreter, Request
    from pinstall.model.pins import Source

_SECOND = 1_000_000_000
_EGG_INFO = "EGG-INFO"
"""The folder of metadata in an egg, which is a folder on the path or a zip."""


class Environment:
    """What is installed in the folders of `paths`, the first one winning, as when Python imports."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Look at nothing yet."""
        self.paths = paths
        self._folders: dict[NormalizedName, list[tuple[str, str]]] | None = None
        self._found: dict[NormalizedName, Distribution | None] = {}

    def find(self, name: NormalizedName) -> Distribution | None:
        """Return the distribution of this name that Python would find, read at most once."""
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def every(self) -> tuple[Distribution, ...]:
        """Return all that is installed, each project once."""
        return tuple(found for name in self._index() if (found := self.find(name)) is not None)

    def copies(self, name: NormalizedName) -> tuple[str, ...]:
        """Return the path of every dist-info of this name in the folder that wins."""
        folders = self._index().get(name, [])
        return tuple(os.path.join(place, entry) for place, entry in folders if place == folders[0][0])

    def folders(self) -> dict[str, NormalizedName]:
        """Return every dist-info and egg-info by its path, and of which project it is."""
        return {os.path.join(*one): name for name, some in self._index().items() for one in some}

    def release(self, name: NormalizedName, version: Version | None) -> Distribution | None:
        """Return the distribution of this very version, whatever lies beside it: `--target` leaves the old behind."""
        for location, entry in self._index().get(name, ()):
            found = _distribution(name, location, entry, None)
            if found.identity.version == version and found.damage is None:
                return found
        return None

    def _index(self) -> dict[NormalizedName, list[tuple[str, str]]]:
        if self._folders is None:
            self._folders = {}
            for location in dict.fromkeys(self.paths):
                if location.endswith(".egg"):  # what `setup.py install` has made by itself
                    name = canonicalize_name(os.path.basename(location).partition("-")[0])
                    self._folders.setdefault(name, []).append((location, _EGG_INFO))
                for entry in _names(location):
                    stem, dot, suffix = entry.rpartition(".")
                    # pip renames what it is about to remove to `~...`, and leaves that behind when it is killed
                    if dot and suffix in ("dist-info", "egg-info") and entry[0] != "~":
                        name = canonicalize_name(stem.partition("-")[0])
                        self._folders.setdefault(name, []).append((location, entry))
        return self._folders

    def _read(self, name: NormalizedName) -> Distribution | None:
        folders = self._index().get(name)
        if not folders:
            return None
        location = folders[0][0]
        beside = [entry for place, entry in folders if place == location]
        damage = None
        if len(beside) > 1 and not _is_one(location, beside):
            damage = f"is there {len(beside)} times: {', '.join(sorted(beside))}"
        return _distribution(name, location, beside[0], damage)


def _is_one(location: str, entries: Sequence[str]) -> bool:
    """Tell whether an egg-info, as in packages of Debian, only says once more which version a dist-info is of."""
    if [entry.rpartition(".")[2] for entry in entries] != ["dist-info", "egg-info"]:
        return False
    said = {_distribution(NormalizedName(""), location, entry, "").identity.version for entry in entries}
    return len(said) == 1 and not os.path.exists(os.path.join(location, entries[1], "installed-files.txt"))


def is_half(distribution: Distribution) -> bool:
    """Tell whether its dist-info lacks what pip writes last: whoever installed it was killed before the end."""
    names = ("INSTALLER", "RECORD")
    return not distribution.egg and not any(os.path.exists(os.path.join(distribution.path, name)) for name in names)


def is_younger(record: str, since: int) -> bool:
    """Tell whether what has this RECORD was installed since then (ns): what is older pip has not touched."""
    try:
        written = os.stat(record).st_mtime_ns
    except OSError:
        return False
    # some file systems know whole or even seconds only
    return written >= since - (0 if written % _SECOND else 2 * _SECOND)


def _names(location: str) -> Sequence[str]:
    try:
        return sorted(os.listdir(location))
    except OSError:  # a zip file, a folder that is not there, or one that may not be read: Python goes on too
        return ()


def _distribution(name: NormalizedName, location: str, entry: str, damage: str | None) -> Distribution:
    path = os.path.join(location, entry)
    egg = entry.endswith((".egg-info", _EGG_INFO))
    zipped = entry == _EGG_INFO and os.path.isfile(location)
    fields = _zipped(location) if zipped else _head(_metadata_file(path, egg=egg))
    text = fields.get("version", [""])[0]
    if damage is None:
        damage = _damage(name, entry, fields, path)
    source, hashes, editable = _direct_url(path)
    return Distribution(
        identity=Identity(name=name, version=metadata.version(text), source=source, hashes=hashes),
        text=text,
        location=location,
        path=path,
        requires=None if zipped else _needs(fields, path),
        editable=editable,
        damage=damage,
    )


def _damage(name: NormalizedName, entry: str, fields: dict[str, list[str]], path: str) -> str | None:
    """Say why the metadata are not those of the distribution that the folder's name promises."""
    named, text = metadata.named(fields)
    if not named or not text:
        return f"has no readable metadata in {path}"
    stem, _, suffix = entry.rpartition(".")
    # pip goes by the folder's version
    promised = metadata.version(stem.partition("-")[2]) if suffix == "dist-info" else None
    if canonicalize_name(named) != name or promised not in (None, metadata.version(text)):
        return f"calls itself {named} {text} in {path}"
    return None


def _metadata_file(path: str, *, egg: bool) -> str:
    if not egg:
        return os.path.join(path, "METADATA")
    return os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path


def _zipped(egg: str) -> dict[str, list[str]]:
    """Return what the file name of an egg says; nobody reads what it needs."""
    name, version, *_ = (*os.path.basename(egg).split("-"), "")
    return {"name": [name], "version": [version]}


def _needs(fields: dict[str, list[str]], path: str) -> tuple[str, ...] | None:
    if path.endswith((".egg-info", _EGG_INFO)):
        try:
            with open(os.path.join(path, "requires.txt"), encoding="utf-8", errors="surrogateescape") as file:
                return metadata.needs(file.read())
        except OSError:  # it needs nothing, or says it where all others do
            pass
    return tuple(fields.get("requires-dist", ())) if fields else None


def _head(path: str) -> dict[str, list[str]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return metadata.fields(file)
    except OSError:
        return {}


def _direct_url(path: str) -> tuple[Source | None, frozenset[str], bool]:
    """Return source, archive hashes and whether it is editable from `direct_url.json` (PEP 610)."""
    text = _content(path, "direct_url.json")
    if not text or not _is_own(_content(path, "RECORD")):
        return None, frozenset(), False
    import json  # noqa: PLC0415 - few distributions have this file

    try:
        document = json.loads(text)
        editable = bool((document.get("dir_info") or {}).get("editable"))
        return metadata.source(document), metadata.hashes(document), editable
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # not known, which accuses nobody
        return None, frozenset(), False


def _is_own(listed: bytes) -> bool:
    """Tell whether who wrote this RECORD, if anybody, wrote `direct_url.json` too.

    `pip install -I` leaves that of what was there before. Every installer lists it, poetry on Windows with its slashes.
    """
    return not listed.strip() or b".dist-info/direct_url.json" in listed.replace(b"\\", b"/")


def _content(path: str, name: str) -> bytes:
    try:
        with open(os.path.join(path, name), "rb") as file:
            return file.read()
    except OSError:
        return b""


def names(link: str | None, installed: Iterable[Distribution]) -> Iterator[NormalizedName]:
    """Yield the name of each distribution that was installed from where a local link points (PEP 610)."""
    if link is not None and files.path_of(link) is not None:
        wanted = place(link)
        yield from (one.identity.name for one in installed if _origin(one) == wanted)


def place(link: str) -> str:
    """Return what is the same for all spellings of a local link, its real path, and of others what they are at all."""
    path = files.path_of(link)
    return urls.without_secrets(link) if path is None else os.path.realpath(path)


def destinations(request: Request, target: Interpreter) -> tuple[str, ...]:
    """Return where packages go under `--target`, `--prefix` or `--root`, as far as the target itself tells that."""
    folder, prefix, root = map(request.last, ("target_dir", "prefix_path", "root_path"))
    if folder is not None and folder.value:
        return (folder.value,)
    paths: tuple[str, ...] = (target.purelib, target.platlib)
    if prefix is not None and prefix.value:
        paths = tuple(
            os.path.abspath(os.path.join(prefix.value, os.path.relpath(path, target.prefix))) for path in paths
        )
    return paths if root is None else tuple(f"{root.value}{os.path.splitdrive(path)[1]}" for path in paths)


def beside(found: Distribution, copies: Iterable[str]) -> Iterator[str]:
    """Yield what to know of the other dist-infos of a project, which pip leaves where it does not look before."""
    for path in copies:
        if path != found.path:
            name = os.path.basename(path)
            left = f"beside {name}, which pip has left in {found.location} with its files, and Python may believe"
            yield f"{left}: remove that folder, and what only its RECORD lists"


def _origin(installed: Distribution) -> str | None:
    """Return the place that it was installed from; what `setup.py develop` has put there lies in it."""
    source = installed.identity.source
    link = source.url if source is not None else installed.location if installed.egg else None
    return None if link is None else place(link)
