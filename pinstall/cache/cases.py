"""Gather what pip's cache and the shelf have for pins, and what would have to happen to them.

May not: write, start pip, judge the environment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall import comparison
from pinstall.cache import builds, downloads, plan
from pinstall.cache.shelf import Shelf
from pinstall.comparison import judge
from pinstall.index.pages import version
from pinstall.model.artifacts import Case
from pinstall.model.pins import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.model.artifacts import Artifact, Link, Plan, Shelved
    from pinstall.model.pins import Identity, Pin
    from pinstall.request.call import Asked


class Cases:
    """What cache and shelf have for pins; `cache` is where the cache is, none where there is none."""

    def __init__(self, asked: Asked) -> None:
        """Look at nothing yet."""
        found = asked.cache_directory
        self._asked = asked
        self._found = found
        self.cache = found.path
        if found.path is not None:
            self._shelf = Shelf(found.path)
            self._built = builds.Built(asked, found.path)
            self._served = downloads.Served(asked, found.path)

    def planned(self, cases: Sequence[Case]) -> Plan:
        """Return what would be done in these cases, and do nothing."""
        made = plan.make(cases, self._asked.policy)
        return made if self._asked.pip.refreshes else replace(made, refreshes=())

    def cases(self, pins: Sequence[Pin]) -> list[Case]:
        """Return what cache and shelf have for each pin, nothing where there is no cache."""
        if self.cache is None:
            return []
        artifacts = self._built.of(pins)
        shelved = [item for item in self._shelf.shelved() if not item.contradiction and len(item.paths) == 1]
        return [self._case(pin, artifacts, shelved) for pin in pins]

    def _case(self, pin: Pin, artifacts: Mapping[NormalizedName, list[Artifact]], shelved: Iterable[Shelved]) -> Case:
        pages = list(self._served.pages(pin))
        links = downloads.of_release(pin, pages)
        demand = builds.demanded(pin)
        mine = (item for item in shelved if item.identity.name == pin.name)
        return Case(
            pin=pin,
            cached=builds.judged(pin, artifacts[pin.name]),
            shelved=tuple(
                (item, judge(demand, item.identity))
                for item in mine
                if self._built.fits(item, self._shelf.place(item), pin)
            ),
            faults=tuple(self._served.faults(pin, pages, links)),
            hidden=downloads.is_hidden(pin, pages, links),
            files=links if self._served.is_whole(pin, pages, links) else (),
            labels=_labels(pin, links),
        )

    def labels(self, installed: Mapping[NormalizedName, Identity]) -> dict[NormalizedName, tuple[Version, ...]]:
        """Return, of what is installed without a label, the labels that the pages which are cached by now offer."""
        bare = {name for name, one in installed.items() if one.version is not None and not one.version.local}
        pins = () if self.cache is None else self._asked.demand.pins
        left_open = [pin for pin in pins if pin.name in bare and comparison.is_open(pin)]
        listed = ((pin, downloads.of_release(pin, list(self._served.pages(pin)))) for pin in left_open)
        return {pin.name: _labels(pin, links) for pin, links in listed}

    def doubts(self, cases: Iterable[Case]) -> Iterator[str]:
        """Yield what is suspicious about wheels that pip may take, and proves nothing."""
        for artifact, state in [one for case in cases for one in case.cached]:
            if self.cache is not None and artifact.damage is None and state in (State.HOLDS, State.UNPROVEN):
                text = builds.suspicion(self.cache, artifact.path)
                yield from () if text is None else (text,)


def _labels(pin: Pin, links: Iterable[Link]) -> tuple[Version, ...]:
    return comparison.offered(pin, (version(link.filename, pin.name) for link in links))
