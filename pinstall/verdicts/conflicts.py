"""Find pins that contradict each other, by the metadata of what is installed, cached or on an index.

May not: write, start pip, refuse.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import BinaryIO

from packaging.tags import Tag
from packaging.utils import NormalizedName, parse_wheel_filename

from pinstall import comparison, index
from pinstall.cache.cache import Cache
from pinstall.cache.downloads import of_release
from pinstall.environment import interpreter
from pinstall.formats import archives, metadata
from pinstall.model.artifacts import Case, Link
from pinstall.model.pins import Conflict, Distribution, Pin, State, Verdict
from pinstall.request.options import FOREIGN, RENEWING
from pinstall.verdicts import closure
from pinstall.verdicts.closure import Find, Markers, Need
from pinstall.verdicts.evidence import Evidence

Read = Callable[[Link], bytes | None]
Needs = tuple[str, ...]

# How many seconds an index may take to explain why pip has failed.
_PATIENCE = 3.0
# With these pip does not resolve what is pinned here, or for another interpreter.
_OTHERWISE = FOREIGN | {"ignore_dependencies", "only_dependencies"}
_MEMBER = re.compile(r"[^/]+\.dist-info/METADATA")


def assume_requested(evidence: Evidence, cache: Cache) -> None:
    """Follow, under `--only-deps`, what the requested pins need as if they were installed."""
    if evidence.asked.request.last("only_dependencies") is not None:
        pins = [pin for pin in evidence.asked.demand.pins if pin.requested]
        evidence.assume(Metadata(evidence, (), cache).releases(cache.cases(pins)))


class Metadata:
    """What the pinned releases need, as far as that is certain."""

    def __init__(self, evidence: Evidence, found: Sequence[Verdict], cache: Cache) -> None:
        self._asked = evidence.asked
        self._evidence = evidence
        self._cache = cache
        usable = () if evidence.asked.request.has(*RENEWING) else (State.HOLDS, State.UNPROVEN)
        self._standing = {verdict.pin.name for verdict in found if verdict.state in usable}
        self._known: dict[NormalizedName, Needs] = {}

    def find_conflicts(self, cases: Sequence[Case]) -> tuple[Conflict, ...]:
        """Return a fault for each pin that contradicts another, by the cached `cases` of pins not satisfied yet."""
        if not self._is_resolved():
            return ()
        self._learn(cases)
        if not self._conflicts():
            return ()
        self._standing -= {pin.name for pin in self._asked.demand.pins if self._has_choice(pin)}
        return self._conflicts()

    def releases(self, cases: Sequence[Case]) -> dict[NormalizedName, Distribution | None]:
        """Return what is pinned as if it were installed, as far as pip's cache tells what that needs."""
        self._learn(cases)
        return {case.pin.name: self._release(case.pin) for case in cases if case.pin.name in self._known}

    def _learn(self, cases: Sequence[Case]) -> None:
        for case in cases:
            if case.pin.name not in self._standing and (needs := self._of_case(case)) is not None:
                self._known[case.pin.name] = needs

    def find_conflicts_by_index(self) -> tuple[Conflict, ...]:
        """Return what `find_conflicts` does, by what indexes say in time of what is not known yet."""
        known_names = self._standing | self._known.keys()
        unknown = [pin for pin in self._asked.demand.pins if pin.name not in known_names and not pin.direct]
        if not unknown or not self._is_resolved() or self._is_choosy:
            return ()
        until = time.monotonic() + _PATIENCE
        offered = index.offers.Index(self._asked.in_force)
        found = offered.pages([pin.name for pin in unknown], _PATIENCE)
        listed = ((pin, found.get(pin.name, ())) for pin in unknown)
        files = {pin.name: of_release(pin, [link for page in some for link in page.links]) for pin, some in listed}
        wanted = [link for some in files.values() for link in some if self._fits(link.filename)]
        known = index.client.at_once(offered.metadata, wanted, max(0.0, until - time.monotonic()))
        for pin in unknown if not offered.silent else ():
            if needs := self._of_wheels(pin, files[pin.name], known.get):
                self._known[pin.name] = needs
        return self._conflicts()

    @property
    def _is_choosy(self) -> bool:
        """Tell whether pip may be told to take no wheels, or nothing else."""
        return any(option.dest == "format_control" for option in self._asked.in_force)

    def _is_resolved(self) -> bool:
        request = self._asked.request
        legacy = any("legacy" in (option.value or "") for option in request.every("deprecated_features_enabled"))
        return not legacy and not request.has(*_OTHERWISE) and self._asked.pip.resolves

    def _conflicts(self) -> tuple[Conflict, ...]:
        pins = {pin.name: pin for pin in self._asked.demand.pins}
        roots, markers = self._evidence.roots(), self._asked.target.markers
        return find_conflicts(roots, tuple(pins.values()), lambda name: self._release(pins[name]), markers)

    def _release(self, pin: Pin) -> Distribution | None:
        """Return the release of a pin, none where its version is not certain."""
        installed = self._evidence.find(pin.name) if pin.name in self._standing else None
        if installed is not None and installed.requires is not None:
            return installed
        version = pin.version or (pin.expected if pin.name in self._known else None)
        needs = self._known.get(pin.name, ())
        return None if version is None else closure.release(pin.name, str(version), needs)

    def _has_choice(self, pin: Pin) -> bool:
        """Check whether pip may take another file: `==1.0` allows `1.0+cu`. Slow, so for refusals only."""
        installed = self._evidence.find(pin.name)
        if pin.hashes or pin.direct or pin.exact or pin.version is None or pin.version.local or installed is None:
            return False
        if "+" in installed.text or not self._cache.is_on:
            return True
        found, urls = self._cache.downloads.pages(pin), self._cache.downloads.urls(pin)
        unseen = len(urls) > 1 and not {page.url for page in found} >= set(urls)
        names = [link.filename for page in found for link in page.links or ()]
        for option in self._asked.in_force:
            if option.dest == "find_links" and not (option.value or "").startswith(("http:", "https:")):
                try:
                    names += os.listdir(option.value or "")
                except OSError:  # a page on the disk, or a path that counts from the folder of a requirement file
                    return True
        versions = (metadata.release(name, pin.name) for name in names)
        return unseen or any(one.local and one.public == pin.version.public for one in versions if one is not None)

    def _of_case(self, case: Case) -> Needs | None:
        """Return what the release needs that pip would take, by its cache: all files in question say the same."""
        if self._is_choosy or case.faults:
            return None
        if any(self._fits(link.filename) for link in case.files):
            return self._of_wheels(case.pin, case.files, self._cached)
        sources = {link.url for link in case.files}
        builds = self._cache.builds
        same = (one for one, _ in case.cached if one.url in sources and builds.is_accepted(one, case.pin))
        fitting = (one for one in same if self._fits(os.path.basename(one.path)))
        return read_needs(_inside(builds.locate(one)) for one in fitting)

    def _of_wheels(self, pin: Pin, files: Sequence[Link], read: Read) -> Needs | None:
        fitting = (link for link in files if self._fits(link.filename))
        wrong = State.WRONG_HASH
        return read_needs(read(one) for one in fitting if comparison.judge_hashes(pin.hashes, one.hashes) is not wrong)

    def _fits(self, filename: str) -> bool:
        with suppress(ValueError):  # not a wheel
            return not self._tags.isdisjoint(parse_wheel_filename(filename)[3])
        return False

    @cached_property
    def _tags(self) -> frozenset[Tag]:
        return interpreter.find_tags(self._asked.target)

    def _cached(self, link: Link) -> bytes | None:
        """Return the metadata of a file from pip's HTTP cache: its own page, or inside the file."""
        downloads = self._cache.downloads
        for _, entry in downloads.answers(f"{link.url}.metadata") if link.metadata is not None else ():
            if (content := downloads.content(entry)) is not None:
                return content
        for _, entry in downloads.answers(link.url):
            with suppress(OSError, ValueError), downloads.open(entry) as body:
                return _inside(body)
        return None


def read_needs(files: Iterable[bytes | None]) -> Needs | None:
    """Return what several files of a release need, if all of them say so and at least one does."""
    said = set(map(_needs, files))
    return said.pop() if len(said) == 1 else None


def _needs(content: bytes | None) -> Needs | None:
    if content is None or not content.startswith(b"Metadata-Version:"):
        return None
    return tuple(metadata.fields(content.decode("utf-8", "surrogateescape").split("\n")).get("requires-dist", ()))


def _inside(wheel: str | BinaryIO) -> bytes | None:
    with suppress(Exception), archives.opened(wheel) as archive:  # damaged bytes make zipfile raise nearly anything
        (member,) = filter(_MEMBER.fullmatch, archive.namelist())
        return archives.content(archive, member)
    return None


def find_conflicts(roots: Iterable[Need], pins: Sequence[Pin], find: Find, markers: Markers) -> tuple[Conflict, ...]:
    """Return a fault for each pin that contradicts a need of another pinned release: `find` gives these."""
    pinned = {pin.name: pin for pin in pins}
    releases = {name: (one,) for name in pinned if (one := find(name)) is not None}
    by = {f"{name} {one.text}": pinned[name] for name, (one,) in releases.items()}
    unmet: Iterable[Need] = ()
    with suppress(ImportError, SyntaxError):
        from pinstall.verdicts import resolution  # noqa: PLC0415 - resolvelib may be missing or broken; pip has its own

        unmet = resolution.unmet(roots, lambda name: releases.get(name, ()), markers)
    certain = (need for need in unmet if need.by in by and _is_certain(need, pinned[need.name]))
    return tuple(_fault(pinned[need.name], by[need.by], need) for need in certain)


def _fault(pin: Pin, other: Pin, need: Need) -> Conflict:
    """Return `r.txt:14: pins numpy==1.26.4, but scipy==1.15.0 (r.txt:20) needs numpy>=2`."""
    message = f"pins {pin.wanted}, but {other.wanted} ({other.origin}) {str(need).removeprefix(f'{need.by} ')}"
    return Conflict(origin=pin.origin, message=message, pins=(pin, other))


def _is_certain(need: Need, pin: Pin) -> bool:
    """Tell whether no file that the pin allows can meet a need: `==1.0` is met by 1.0+cu, and `===` compares texts."""
    open_label = pin.exact is None and (pin.version is None or pin.version.local is None)
    labelled = any("+" in clause.version for clause in need.specifier)
    exact = any(clause.operator == "===" for clause in need.specifier)
    return need.url is None and not exact and not (open_label and labelled)
