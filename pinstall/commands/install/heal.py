"""Move the metadata of damaged installations out of pip's way, with what only they list, and put them back.

May not: start pip, judge.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall.cache.shelf import Shelf
from pinstall.environment.distributions import is_younger
from pinstall.environment.file_list import FileList
from pinstall.environment.ledger import FOLDER
from pinstall.model.artifacts import Eviction
from pinstall.model.pins import Distribution, Pin, Reporter, State, Verdict
from pinstall.report import phrases

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pinstall.verdicts.evidence import Evidence


class Healing:
    """What leaves an environment for one run: pip stumbles over metadata that it can neither read nor remove."""

    def __init__(self, tell: Reporter) -> None:
        self._tell = tell
        self._receipts: list[tuple[Shelf, str]] = []
        self._listed: dict[Distribution, frozenset[str]] = {}

    def clear(self, found: Sequence[Verdict], forced: Collection[Pin], evidence: Evidence) -> None:
        """Move what pip cannot replace to a shelf in the environment: damaged dist-infos, and links to nothing.

        So go dist-infos without a list of files (conda, `setup.py install`) if pip has to reinstall them.
        Raises PinstallError (`shelf`) where that cannot be done; `put_back` then returns what was moved.
        """
        names = {pin.name for pin in forced}
        for verdict in found:
            concerned = verdict.state is State.DAMAGED or verdict.pin.name in names
            damaged = evidence.find(verdict.pin.name) if concerned else None
            if damaged is None or evidence.installed.is_outside(damaged):
                continue
            # through a link to nothing pip would write, to wherever that is
            files = evidence.installed.files(damaged)
            links = filter(os.path.islink, files.places)
            dangling = (place for place in links if not os.path.exists(place))
            self._shelve(damaged, [(path,) for path in _inside(damaged, dangling)])
            if damaged.damage is not None or not files.is_removable:
                known = self._move(damaged, evidence.installed.copies(verdict.pin.name))
                left = "" if known else "; nobody knows its files, and those that are not replaced stay"
                self._tell.say(
                    f"{verdict.pin.name} {verdict.found}: that is moved aside, and it is installed anew{left}"
                )

    def settle(self, evidence: Evidence, since: int) -> bool:
        """Move other dist-infos of what pip has installed since (ns), if any: `--ignore-installed` leaves them."""
        settled = False
        for pin in () if evidence.asked.elsewhere else evidence.asked.demand.pins:
            copies = evidence.installed.copies(pin.name)
            old = [path for path in copies if not is_younger(os.path.join(path, "RECORD"), since)]
            found = evidence.find(pin.name) if len(copies) - len(old) == 1 and old else None
            if found is not None:
                self._move(found, old)
                names = ", ".join(map(os.path.basename, old))
                self._tell.say(f"{names} is moved aside: pip has left it beside what it installed")
                settled = True
        return settled

    def sweep(self, evidence: Evidence) -> None:
        """Move the files that only moved dist-infos list, after pip has replaced these: Python may import them."""
        every = evidence.installed.every if self._listed else ()
        present = {place for one in every for place in evidence.installed.files(one).places}
        for old, places in self._listed.items():
            stale = list(_inside(old, filter(os.path.lexists, sorted(places - present))))
            if stale:
                self._shelve(old, [(path,) for path in stale])
                files = phrases.counted(len(stale), "file", "files")
                self._tell.say(f"{files} of what was moved aside, such as {stale[0]}, nothing has now: moved aside too")
        self._listed = {}

    def _move(self, damaged: Distribution, copies: Sequence[str]) -> bool:
        """Move these dist-infos of a distribution, and tell whether it is known which files they are of."""
        old = [replace(damaged, path=path) for path in copies]
        self._listed[damaged] = frozenset(place for one in old for place in FileList(one).places)
        self._shelve(damaged, [tuple(os.path.relpath(path, damaged.location) for path in copies)])
        return bool(self._listed[damaged])

    def _shelve(self, damaged: Distribution, groups: Iterable[tuple[str, ...]]) -> None:
        shelf = Shelf(damaged.location, os.path.join(FOLDER, "shelf"))
        who, why = damaged.identity, damaged.damage or ""
        names = ((f"{' and '.join(paths)} of {who.name}", paths) for paths in groups)
        moving = [
            Eviction(what=what, identity=who, paths=paths, reason=why, contradiction=False) for what, paths in names
        ]
        if moving:
            self._receipts.append((shelf, shelf.evict(moving)))

    def put_back(self) -> None:
        """Return the metadata, so that the environment is what it was."""
        for shelf, receipt in self._receipts:
            shelf.put_back(item for item in shelf.shelved() if item.receipt == receipt)
        self._receipts, self._listed = [], {}

    def end(self) -> None:
        """Forget what has been on the shelf for too long, after a successful run."""
        for shelf, _ in self._receipts:
            shelf.forget()


def _inside(distribution: Distribution, places: Iterable[str]) -> Iterator[str]:
    """Yield the places below the distribution's location, as relative paths."""
    for place in places:
        path = os.path.relpath(place, distribution.location)
        if not path.startswith(os.pardir):
            yield path
