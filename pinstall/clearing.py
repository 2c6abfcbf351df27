"""Clear pip's cache of what contradicts the pins, for one run: evict, put back, record what was built.

May not: start pip, judge the environment, decide what to evict.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall import built, served
from pinstall.adapters.cache import wheels
from pinstall.adapters.locations import cache_directory
from pinstall.adapters.shelf import Shelf
from pinstall.artifacts import Case, Plan
from pinstall.core import plan, report, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.artifacts import Artifact, Eviction, Shelved
    from pinstall.demand import Asked
    from pinstall.model import Identity, Pin, Reporter
    from pinstall.served import Ask

REFRESHES = (26, 2)
"""The first pip that serves pages from its cache without asking, and has `--refresh-package`."""


class Clearing:
    """What leaves pip's cache for one run, and comes back.

    `cache` is where it is, none where there is none; `plan` is what has been done.
    `bypass` tells that something would have to leave a cache that cannot be written.
    """

    def __init__(self, asked: Asked, tell: Reporter) -> None:
        """Look at nothing yet."""
        found = cache_directory(asked.call.request.options, asked.environ, asked.call.target)
        self._asked = asked
        self._tell = tell
        self._found = found
        self.cache = found.path
        self.plan = Plan()
        self.bypass = False
        self._receipts: list[str] = []
        if found.path is not None:
            self._shelf = Shelf(found.path)
            self._built = built.Built(asked, found.path)
            self._served = served.Served(asked, found.path)

    def planned(self, pins: Sequence[Pin]) -> Plan:
        """Return what would be done for these pins, and do nothing."""
        if self.cache is None:
            return Plan()
        made = plan.make(self._cases(pins), self._asked.call.policy)
        return made if (self._asked.call.target.pip or ()) >= REFRESHES else replace(made, refreshes=())

    def clear(self, pins: Sequence[Pin]) -> None:
        """Move out of pip's cache what contradicts these pins, and put back from the shelf what they ask for."""
        if self.cache is None:
            tell = self._tell.say if self._found.mistaken else self._tell.detail
            tell(f"pip's cache is left alone: {self._found.reason}")
            return
        planned = self.planned(pins)
        if self._is_out_of_reach(planned.evictions):
            return
        self.plan = planned
        for pin in self.plan.refreshes:
            self._tell.say(f"the index is asked for {pin.name} again: its cached page does not list {pin.wanted}")
        self._evict(self.plan.evictions)
        for item in self._shelf.put_back(self.plan.returns):
            self._tell.say(f"put {item.what} back into pip's cache")

    def examine(self, pins: Sequence[Pin], ask: Ask) -> bool:
        """Look once more, past the cache too, after pip has failed; tell whether something had to leave it."""
        if self.cache is None or self.bypass or self._asked.call.policy.evict == "never":
            return False
        found = list(self.planned(pins).evictions)
        for pin in pins:
            found += self._served.outdated(pin, ask)
        proven = tuple({eviction.paths: eviction for eviction in found if eviction.contradiction}.values())
        if not self._is_out_of_reach(proven):
            self._evict(proven)
            self.plan = replace(self.plan, evictions=(*self.plan.evictions, *proven))
        return bool(proven)

    def _is_out_of_reach(self, evictions: Sequence[Eviction]) -> bool:
        """Tell whether pip has to do without its cache, which these would have to leave and which cannot be written."""
        if evictions and not self._found.writable:
            self.bypass = True
            for eviction in evictions:
                self._tell.say(report.bypass(eviction))
        return self.bypass

    def _cases(self, pins: Sequence[Pin]) -> list[Case]:
        """Return what cache and shelf have for each pin."""
        artifacts = self._built.of(pins)
        shelved = [item for item in self._shelf.shelved() if not item.contradiction and len(item.paths) == 1]
        return [self._case(pin, artifacts, shelved) for pin in pins]

    def _case(self, pin: Pin, artifacts: Mapping[NormalizedName, list[Artifact]], shelved: Iterable[Shelved]) -> Case:
        pages = list(self._served.pages(pin))
        links = served.of_release(pin, pages)
        demand = built.demanded(pin)
        mine = (item for item in shelved if item.identity.name == pin.name)
        return Case(
            pin=pin,
            cached=built.judged(pin, artifacts[pin.name]),
            shelved=tuple(
                (item, verdicts.judge(demand, item.identity))
                for item in mine
                if self._built.fits(item, self._shelf.place(item), pin)
            ),
            faults=tuple(self._served.faults(pin, pages, links)),
            hidden=served.is_hidden(pin, pages, links),
        )

    def _evict(self, evictions: Sequence[Eviction]) -> None:
        if evictions:
            self._receipts.append(self._shelf.evict(evictions))
        for eviction in evictions:
            self._tell.say(report.eviction(eviction))

    def put_back(self) -> None:
        """Return to the cache what left it though there is nothing wrong with it."""
        if not self._receipts:
            return
        mine = [item for item in self._shelf.shelved() if item.receipt in self._receipts and not item.contradiction]
        for item in self._shelf.put_back(mine):
            self._tell.detail(f"put {os.path.basename(item.paths[0])} back into pip's cache")

    def end(self) -> None:
        """End a run that went well: forget what has lain on the shelf for too long."""
        if self._asked.call.policy.evict == "returning":
            self.put_back()
        if self._receipts:
            policy = self._asked.call.policy
            gone = self._shelf.forget(days=int(policy.shelf_days), mebibytes=int(policy.shelf_size))
            if gone:
                self._tell.detail(f"forgot {report.counted(gone, 'eviction', 'evictions')} of earlier runs")

    def told(self, pin: Pin, identity: Identity, url: str) -> Mapping[str, str] | None:
        """Return what the build was told that an installation from this URL came from, none where nobody knows."""
        if url.endswith(".whl"):
            return None
        # without a cache it has just been built
        return self._asked.told(pin) if self.cache is None or self.bypass else self._built.told(identity, url)

    def record(self, pins: Iterable[Pin], since: int) -> None:
        """Put on record how the wheels of these pins' projects were built that came into the cache since (ns)."""
        if self.cache is None or not self._found.writable:
            return
        asked = {pin.name: pin for pin in pins}
        for artifact in wheels.of_projects(self.cache, asked.keys()):
            with contextlib.suppress(OSError):  # gone again already
                if os.stat(os.path.join(self.cache, artifact.path)).st_mtime_ns >= since:
                    self._built.record(artifact, asked[artifact.identity.name])
