"""Gather which wheels pip has built for the pins that are not satisfied yet, and what speaks against them.

May not: write, start pip, decide what leaves.
"""

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from packaging.utils import NormalizedName

from pinstall import comparison, files
from pinstall.cache import abi, build_records, http, plan, wheels
from pinstall.formats import archives, urls
from pinstall.index.client import Client, Places
from pinstall.model.artifacts import Artifact, Entry, Shelved
from pinstall.model.pins import Identity, Pin, State
from pinstall.request.call import Asked


class Builds:
    """The wheels that pip has built, in one cache, compared with what is asked; remembered until `forget`."""

    def __init__(self, asked: Asked, cache: str) -> None:
        self._asked = asked
        self._cache = cache
        self._listed: dict[NormalizedName, list[Artifact]] = {}
        self._inspect = functools.cache(functools.partial(_inspected, cache, search=asked.target.paths))
        self._machine = functools.cache(lambda: build_records.describe_machine(asked.target, asked.environ))
        self._client = Client(asked.in_force)

    def forget(self) -> None:
        """List and inspect the wheels again: pip has run, or files have left the cache or come back."""
        self._listed = {}
        self._inspect.cache_clear()

    def find_wheels(self, pins: Iterable[Pin]) -> dict[NormalizedName, list[Artifact]]:
        """Return every built wheel of these pins' projects, by project, with what speaks against the wheel."""
        asked = {pin.name: pin for pin in pins}
        listed = self._list_wheels(asked)
        return {name: [self._examined(artifact, pin) for artifact in listed[name]] for name, pin in asked.items()}

    def _list_wheels(self, names: Iterable[NormalizedName]) -> Mapping[NormalizedName, Sequence[Artifact]]:
        wanted = {*names, *(pin.name for pin in self._asked.demand.pins)}  # one look over the cache finds all of them
        if not wanted <= self._listed.keys():
            self._listed = {name: [] for name in wanted}
            for artifact in wheels.find_wheels(self._cache, self._listed.keys()):
                self._listed[artifact.identity.name].append(artifact)
        return self._listed

    def locate(self, artifact: Artifact) -> str:
        """Return the absolute path of a wheel."""
        return os.path.join(self._cache, artifact.path)

    def is_accepted(self, artifact: Artifact, pin: Pin) -> bool:
        """Check whether a wheel from `find_wheels` may stay, and is on record where it has to be."""
        recorded = artifact.recorded or self._asked.policy.builds != "recorded"
        return recorded and not artifact.differs and plan.contradiction(pin, artifact) is None

    def is_current(self, item: Shelved, place: str, pin: Pin) -> bool:
        """Check whether a wheel on the shelf was built as it would be now, as far as that is on record."""
        if not build_records.known(self._cache, item.paths[0]):
            return self._asked.policy.builds != "recorded"
        recorded, _ = build_records.read(self._cache, item.paths[0], files.sha256(place).hex())
        return recorded is not None and not self._differences(recorded, item.paths[0], pin)

    def record(self, pins: Mapping[NormalizedName, Pin], since: int) -> None:
        """Record how those wheels of these pins' projects were built that are new since then (ns, as it tells)."""
        listed = self._list_wheels(pins)
        for artifact in (one for name in pins for one in listed[name]):
            with contextlib.suppress(OSError):  # deleted again, or the record cannot be written
                place = self.locate(artifact)
                fresh = os.stat(place).st_mtime_ns >= since
                # a later run relies on the record, and other programs can write there too
                if fresh and wheels.examine(self._cache, artifact).damage is None:
                    lacks = abi.missing(place, self._asked.target.paths)
                    inputs = self._present(pins[artifact.identity.name])
                    if not _is_pure(artifact.path) and _is_native(self._cache, artifact.url):
                        inputs[build_records.NATIVE] = "yes"
                    build_records.write(self._cache, artifact.path, inputs, lacks)
        self._inspect.cache_clear()

    def find_inputs(self, identity: Identity, url: str) -> Mapping[str, str] | None:
        """Return the recorded inputs of the wheel that pip takes for this URL, as far as they are on record."""
        for artifact in self._list_wheels({identity.name})[identity.name]:
            if artifact.identity.version == identity.version and urls.without_secrets(artifact.url) == url:
                _, recorded = self._inspect(artifact)
                return None if recorded is None else build_records.portable(recorded)
        return None

    def _present(self, pin: Pin) -> dict[str, str]:
        return {**build_records.collect_inputs(self._asked, pin), **self._machine()}

    def _examined(self, artifact: Artifact, pin: Pin) -> Artifact:
        artifact, recorded = self._inspect(artifact)
        proven = comparison.judge_hashes(pin.hashes, artifact.identity.hashes) if pin.hashes else State.UNPROVEN
        if artifact.damage is None and proven is not State.HOLDS:
            artifact = replace(artifact, damage=_outdated(artifact))
        if artifact.damage is None and proven is State.UNPROVEN:
            artifact = self._compared(artifact)
        if artifact.damage is not None:
            return artifact
        if proven is State.WRONG_HASH:
            # under a key with another hash pip does not look for this pin
            found = any(wheels.is_found_by_url(artifact, self._asked.target.markers, one) for one in ("", *pin.hashes))
            return replace(artifact, differs=("source archive",)) if found else artifact
        differs = () if recorded is None else self._differences(recorded, artifact.path, pin)
        return replace(artifact, differs=differs)

    def _compared(self, artifact: Artifact) -> Artifact:
        """Return the wheel with its damage where its archive was replaced behind the same URL without a hash."""
        url = artifact.url
        remote = url.startswith(("http:", "https:")) and artifact.identity.hashes
        if not remote or not wheels.is_found_by_url(artifact, self._asked.target.markers):
            return artifact
        downloads = [entry for entry in http.find(self._cache, url) if entry.status == http.OK and not entry.damage]
        same = [entry for entry in downloads if http.matches(self._cache, entry, artifact.identity.hashes)]
        if downloads and not same:
            reason = "was built from another archive than the one that pip has of that name by now"
        elif any("etag" in entry.headers for entry in same) and self._is_replaced(url, same):
            reason = "was built from what its server had before"
        else:
            return artifact
        return replace(artifact, damage=reason, download=tuple(path for entry in downloads for path in entry.paths))

    def _is_replaced(self, url: str, downloads: Iterable[Entry]) -> bool:
        """Ask the server for another ETag, if pip would ask that server for this request."""
        places = Places(self._asked.in_force)
        if not places.indexes or urls.netloc(url)[1] not in {urls.netloc(place)[1] for place in places}:
            return False
        answer = self._client.ask(url, "HEAD")
        etag = None if answer is None else answer.headers.get("etag")
        return etag is not None and all(entry.headers.get("etag", etag) != etag for entry in downloads)

    def _differences(self, recorded: Mapping[str, str], path: str, pin: Pin) -> tuple[str, ...]:
        return build_records.differences(recorded, self._present(pin), pure=_is_pure(path))


def check(cache: str, artifact: Artifact, search: Sequence[str]) -> Artifact:
    """Return a wheel of the cache with its damage; `search` are the site-packages folders of the target."""
    found, _ = _inspected(cache, artifact, search)
    return found if found.damage else replace(found, damage=_outdated(found))


def _inspected(cache: str, artifact: Artifact, search: Sequence[str]) -> tuple[Artifact, Mapping[str, str] | None]:
    place = os.path.join(cache, artifact.path)
    known = build_records.known(cache, artifact.path)
    try:
        digest = files.sha256(place).hex() if known else ""
    except OSError:  # deleted since
        return artifact, None
    if known and digest not in known:
        return replace(artifact, damage="was altered since pip built it"), None
    # bytes that are known as those that pip built need no further proof
    artifact = artifact if known else wheels.examine(cache, artifact)
    recorded, lacked = build_records.read(cache, artifact.path, digest) if known else (None, None)
    lacks = abi.missing(place, search)
    damage = artifact.damage or (None if lacks == lacked else lacks)  # what it lacked then a new build lacks too
    return replace(artifact, damage=damage, recorded=recorded is not None), recorded


def finds(asked: Asked, path: str) -> bool:
    """Tell whether pip would find a file of this machine again."""
    return Places(asked.in_force).reach(path)


def _outdated(artifact: Artifact) -> str | None:
    path = files.path_of(artifact.url) if artifact.url.startswith("file:") else None
    differs = path is not None and files.differs(path, artifact.identity.hashes)
    return f"was built from what `{path}` was before" if differs else None


_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".f90", ".pyx", "/Cargo.toml")
# Folders whose sources no build compiles into a wheel.
_ASIDE = frozenset({"doc", "docs", "example", "examples", "test", "testing", "tests"})
_REMEDY = "`--pin builds=recorded` builds it again; add `--force-reinstall` if it is installed"


def suspicions(cache: str, wheel: Artifact) -> Iterator[str]:
    """Yield what is suspicious about a pure wheel whose build is not on record."""
    pure = _is_pure(wheel.path) and not build_records.known(cache, wheel.path)
    for archive in _archives(cache, wheel.url) if pure else ():
        paths = archives.names(archive, zipped=wheel.url.endswith(".zip"))
        sources = (path for path in paths if path.endswith(_SOURCES) and _ASIDE.isdisjoint(path.split("/")))
        if source := next(sources, None):
            what = f"the wheel of {wheel.identity.name} {wheel.identity.version}"
            yield f"{what} is pure, though its sources have {source}: it may lack an extension ({_REMEDY})"
            return


def _is_pure(path: str) -> bool:
    return path.endswith("-none-any.whl")


def _is_native(cache: str, url: str) -> bool:
    """Check whether the build files of a source archive ask for all that the CPU of the build has."""
    found = (archives.texts(file, build_records.BUILD_FILES) for file in _archives(cache, url))
    return any(build_records.is_native(text) for texts in found for text in texts)


def _archives(cache: str, url: str) -> Iterator[BinaryIO]:
    """Yield each copy on this machine of the source archive that a wheel was built from, open until the next."""
    path = files.path_of(url) if url.startswith("file:") else None
    with contextlib.suppress(OSError, ValueError):  # deleted since, or not such an entry any more
        if path is not None:
            with open(path, "rb") as archive:
                yield archive
        for entry in http.find(cache, url):
            with http.open_body(cache, entry) as archive:
                yield archive
