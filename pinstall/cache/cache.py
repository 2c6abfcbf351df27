"""Read pip's cache for one run: downloads, built wheels and the shelf, and what would have to happen to them.

May not: write, start pip, judge the environment.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

from pinstall import comparison
from pinstall.cache import builds, downloads, plan
from pinstall.cache.shelf import Shelf
from pinstall.formats import metadata
from pinstall.model.artifacts import Artifact, Case, Plan, Shelved
from pinstall.model.pins import Identity, Pin, State
from pinstall.request.call import Asked


class Cache:
    """The contents of pip's cache during one run, read once until `forget`; where the cache is off, nothing."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.directory = asked.cache_directory
        self.is_on = self.directory.path is not None
        self.path = self.directory.path or os.devnull  # below this no file can be
        self.downloads = downloads.Downloads(asked, self.path)
        self.builds = builds.Builds(asked, self.path)
        self.shelf = Shelf(self.path)
        self._cases: dict[Pin, Case] = {}

    def forget(self) -> None:
        """Read everything again: pip has run, or files have left the cache or come back."""
        self.downloads.forget()
        self.builds.forget()
        self._cases = {}

    def planned(self, cases: Sequence[Case]) -> Plan:
        """Return what would be done in these cases, and do nothing."""
        return plan.make(cases, self._asked.policy)

    def cases(self, pins: Sequence[Pin]) -> list[Case]:
        """Return what cache and shelf have for each pin."""
        if new := [pin for pin in pins if pin not in self._cases and self.is_on]:
            artifacts = self.builds.find_wheels(new)
            shelved = [item for item in self.shelf.shelved() if not item.contradiction and len(item.paths) == 1]
            self._cases |= {pin: self._case(pin, artifacts[pin.name], shelved) for pin in new}
        return [self._cases[pin] for pin in pins if self.is_on]

    def _case(self, pin: Pin, artifacts: Iterable[Artifact], shelved: Iterable[Shelved]) -> Case:
        pages = self.downloads.pages(pin)
        links = self.downloads.files(pin)
        # a built wheel tells its version and its archive, and nothing else
        demand = replace(pin, version=pin.expected, source=None)
        mine = (item for item in shelved if item.identity.name == pin.name)
        fitting = (item for item in mine if self.builds.is_current(item, self.shelf.place(item), pin))
        return Case(
            pin=pin,
            cached=tuple((artifact, comparison.judge(demand, artifact.identity)) for artifact in artifacts),
            shelved=tuple((item, comparison.judge(demand, item.identity)) for item in fitting),
            faults=tuple(self.downloads.faults(pin, pages, links)),
            hidden=self._asked.pip.refreshes and downloads.is_hidden(pin, pages, links),
            files=links if self.downloads.is_whole(pin, pages, links) else (),
        )

    def labels(self, installed: Mapping[NormalizedName, Identity]) -> dict[NormalizedName, tuple[Version, ...]]:
        """Return the labels that the cached pages offer of each project that is installed without a label."""
        bare = {name for name, one in installed.items() if one.version is not None and not one.version.local}
        left_open = [pin for pin in self._asked.demand.pins if pin.name in bare and comparison.is_open(pin)]
        return {pin.name: self._labels(pin) for pin in left_open}

    def _labels(self, pin: Pin) -> tuple[Version, ...]:
        links = self.downloads.files(pin)
        return comparison.find_labels(pin, (metadata.release(link.filename, pin.name) for link in links))

    def doubts(self, cases: Iterable[Case]) -> Iterator[str]:
        """Yield what is suspicious about wheels that pip may take, and proves nothing."""
        for artifact, state in (one for case in cases for one in case.cached):
            if artifact.damage is None and state in (State.HOLDS, State.UNPROVEN):
                yield from builds.suspicions(self.path, artifact)
