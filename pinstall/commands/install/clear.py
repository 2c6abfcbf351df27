"""Move what is wrong out of pip's cache and of the environment, for one run, and put back what only this run moved.

May not: start pip, judge, decide what leaves.
"""

import contextlib
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from packaging.utils import NormalizedName

from pinstall import index
from pinstall.cache import build_records, plan
from pinstall.cache.cache import Cache
from pinstall.cache.shelf import ABOVE, Lease, Shelf, receipt
from pinstall.environment import contents
from pinstall.environment.file_list import FileList
from pinstall.environment.ledger import list_shelves
from pinstall.files import read_clock
from pinstall.model.artifacts import Case, Eviction, Plan
from pinstall.model.pins import Distribution, Identity, Pin, Reporter, State, Verdict
from pinstall.report import phrases
from pinstall.request.call import Asked
from pinstall.request.options import Pip
from pinstall.stamp import state_directory
from pinstall.verdicts.evidence import Evidence

# How many seconds servers have, all together, to prove after a failure that what is cached is outdated.
PATIENCE = 30.0

_UNMANAGED = "is unmanaged"  # the reason for a copy that goes back after the reinstallation


class Clearing:
    """What leaves pip's cache for one run, and comes back.

    `cache` is what they leave; `plan` is what has been done.
    `bypass` tells that pip would take something that cannot leave the cache, or that has to stay for other runs.
    """

    def __init__(self, asked: Asked, cache: Cache, tell: Reporter) -> None:
        self._asked = asked
        self.cache = cache
        self._tell = tell
        self.plan = Plan()
        self.bypass = False
        self._receipts: list[str] = []
        self._since = receipt(time.time_ns())
        self._lease = Lease(cache.path)
        self._started = 0

    def share(self) -> None:
        """Let other runs know that pip is about to read the cache, from now until `close`."""
        self._lease.share(self._tell.say)
        self._started = self._started or read_clock(self.cache.path)

    def close(self) -> None:
        """Let other runs know that pip has ended."""
        self._lease.end()

    def clear(self, cases: Sequence[Case], perhaps: Sequence[Case] = ()) -> None:
        """Move out of pip's cache what contradicts pins, and put back from the shelf what they ask for."""
        if not self.cache.is_on:
            off = self.cache.directory
            tell = self._tell.say if off.mistaken else self._tell.detail
            tell(f"pip's cache is left alone: {off.reason}")
            return
        for text in self.cache.doubts(cases) if self._tell.detailed else ():
            self._tell.detail(text)
        # pip may take what is there of `perhaps`: nothing is remade, and only what is wrong leaves
        planned, wrong = self.cache.planned(cases), self.cache.planned(perhaps)
        evictions = (*planned.evictions, *(one for one in wrong.evictions if one.contradiction))
        planned = replace(planned, evictions=evictions, refreshes=(*planned.refreshes, *wrong.refreshes))
        mere = [eviction for eviction in planned.evictions if not eviction.contradiction]
        waiting = None if all(eviction.harmless for eviction in mere) else self._tell.say
        with self._lease.alone(waiting) if mere else contextlib.nullcontext(enter_result=True) as alone:
            if not alone:
                for eviction in mere:
                    self._leave(eviction, "another run is using it")
                planned = plan.beside_others(planned)
            self._carry_out(planned)

    def _leave(self, eviction: Eviction, why: str) -> None:
        """Say what stays in the cache; pip has to do without it where it would take that."""
        if eviction.harmless:
            self._tell.detail(phrases.stuck(eviction, why))
        else:
            self._tell.say(phrases.bypass(eviction, why))
            self.bypass = True

    def _carry_out(self, planned: Plan) -> None:
        self.plan = replace(planned, evictions=())
        for pin in self.plan.refreshes:
            wanted = f"{pin.wanted} with that hash" if pin.hashes else pin.wanted
            self._tell.say(f"the index is asked for {pin.name} again: its cached page does not list {wanted}")
        self._evict(planned.evictions)
        for item in self.cache.shelf.put_back(self.plan.returns):
            self._tell.say(f"put {item.what} back into pip's cache")
        self.cache.forget()

    def bypass_options(self, pip: Pip) -> tuple[str, ...]:
        """Return what keeps this pip from the part of its cache that is wrong, where that cannot be moved out."""
        if self.bypass:
            return ("--no-cache-dir",)
        refreshes = self.plan.refreshes if pip.refreshes else ()
        return tuple(word for pin in refreshes for word in ("--refresh-package", pin.name))

    def examine(self, pins: Sequence[Pin]) -> bool:
        """Evict what is proven wrong after pip has failed, by servers too; return whether that is anything."""
        if not self.cache.is_on or self.bypass or self._asked.policy.evict == "never":
            return False
        by_name = {pin.name: pin for pin in pins}
        outdated, ask = self.cache.downloads.outdated, index.client.Client(self._asked.in_force).ask
        answers = index.client.at_once(lambda name: tuple(outdated(by_name[name], ask)), by_name, PATIENCE)
        found = (*self.cache.planned(self.cache.cases(pins)).evictions, *chain.from_iterable(answers.values()))
        proven = tuple({eviction.paths: eviction for eviction in found if eviction.contradiction}.values())
        self._evict(proven)
        return bool(proven) or self._is_cleared_by_others(by_name)

    def _is_cleared_by_others(self, names: Collection[NormalizedName]) -> bool:
        """Tell whether another run has found something wrong with these projects since this one has looked."""
        shelved = self.cache.shelf.shelved()
        new = (item for item in shelved if item.receipt > self._since and item.receipt not in self._receipts)
        return any(item.contradiction and item.identity.name in names for item in new)

    def _evict(self, evictions: Sequence[Eviction]) -> None:
        """Move these out of pip's cache."""
        if not evictions:
            return
        stem, stuck = self.cache.shelf.evict(evictions)
        self._receipts.append(stem)
        self.cache.forget()
        for eviction in evictions:
            if eviction not in stuck:
                self._tell.say(phrases.eviction(eviction))
            else:
                why = stuck[eviction]
                self._leave(eviction, why if eviction.harmless else f"it cannot be moved ({why})")
        moved = tuple(eviction for eviction in evictions if eviction not in stuck)
        remakes = () if self.bypass else self.plan.remakes
        self.plan = replace(self.plan, evictions=(*self.plan.evictions, *moved), remakes=remakes)

    def put_back(self) -> None:
        """Return to the cache what left it though there is nothing wrong with it."""
        shelved = self.cache.shelf.shelved()
        mine = [item for item in shelved if item.receipt in self._receipts and not item.contradiction]
        for item in self.cache.shelf.put_back(mine):
            self._tell.detail(f"put {os.path.basename(item.paths[0])} back into pip's cache")
        self.cache.forget()

    def end(self) -> None:
        """Forget what has been on the shelf for too long, after a successful run."""
        gone = self.cache.shelf.forget() if self._receipts else 0
        if gone:
            self._tell.detail(f"forgot {phrases.counted(gone, 'eviction', 'evictions')} of earlier runs")

    def find_inputs(self, pin: Pin, identity: Identity, url: str) -> Mapping[str, str] | None:
        """Return the inputs of the build that an installation from this URL came from, none where they are unknown."""
        if url.endswith(".whl"):
            return None
        if self.cache.is_on and not self.bypass:
            return self.cache.builds.find_inputs(identity, url)
        return build_records.collect_inputs(self._asked, pin)  # without a cache it has just been built

    def record(self, pins: Mapping[NormalizedName, Pin]) -> None:
        """Put on record how the wheels of these pins' projects were built that pip has put into the cache."""
        if not self.bypass:
            self.cache.builds.record(pins, self._started)
        self._started = 0


class Healing:
    """What leaves an environment for one run: pip stumbles over metadata that it can neither read nor remove.

    Edited files, which pip would replace or remove, are kept on the same shelf.
    """

    def __init__(self, tell: Reporter) -> None:
        self._tell = tell
        self._receipts: list[tuple[Shelf, str]] = []
        self._listed: dict[Distribution, frozenset[str]] = {}
        self._examined: set[NormalizedName] = set()
        # the distributions whose metadata cannot be moved: they stay as pip leaves them
        self.stuck: set[NormalizedName] = set()

    def clear(self, found: Sequence[Verdict], forced: Collection[Pin], evidence: Evidence) -> None:
        """Move what pip cannot replace to a shelf in the environment: damaged dist-infos, and links to nothing.

        So go dist-infos without a list of files (conda, `setup.py install`) if pip has to reinstall them.
        """
        replaced = [verdict for verdict in found if verdict.state is State.DAMAGED or verdict.pin in forced]
        self.keep([verdict.pin for verdict in replaced], evidence)
        for verdict in replaced:
            name = verdict.pin.name
            damaged = evidence.find(name)
            if damaged is None or evidence.installed.is_outside(damaged):
                continue
            # through a link to nothing pip would write, to wherever that is
            files = evidence.installed.files(damaged)
            links = filter(os.path.islink, files.places)
            dangling = (place for place in links if not os.path.exists(place))
            self._evict(damaged.location, _leaving(damaged, dangling), evidence)
            copies = evidence.installed.copies(name)
            if (damaged.damage is not None or not files.is_removable) and self._move(damaged, copies, evidence):
                left = "" if self._listed[damaged] else "; its files are unknown, and those that are not replaced stay"
                self._tell.say(f"moved the metadata of {name} to the shelf{left}")

    def keep(self, pins: Iterable[Pin], evidence: Evidence) -> None:
        """Copy the edited files of what is reinstalled to the shelf, once for each project."""
        edits, target = dict[str, list[Eviction]](), evidence.asked.target
        for found in filter(None, map(evidence.find, sorted({pin.name for pin in pins} - self._examined))):
            self._examined.add(found.identity.name)
            root = os.path.dirname(found.location) if found.location.endswith(".egg") else found.location
            # pip removes nothing from the folders of projects and of the system, but does from that of the user
            elsewhere = root.startswith(target.base_prefix) or not root.endswith("-packages")
            if os.access(root, os.W_OK) and (root in (target.purelib, target.platlib) or not elsewhere):
                edits.setdefault(root, []).extend(_find_edits(found, root, evidence))
        for root, copies in edits.items():
            self._evict(root, copies, evidence)

    def settle(self, evidence: Evidence) -> bool:
        """Move other dist-infos of what pip has just installed, if any: `--ignore-installed` leaves them."""
        settled = False
        for pin in () if evidence.asked.elsewhere else evidence.asked.demand.pins:
            copies = evidence.installed.copies(pin.name)
            old = [path for path in copies if not evidence.installed.is_new(f"{path}/RECORD")]
            found = evidence.find(pin.name) if len(copies) - len(old) == 1 and old else None
            if found is not None and self._move(found, old, evidence):
                names = ", ".join(map(os.path.basename, old))
                self._tell.say(f"moved {names} to the shelf: pip has left it next to what it installed")
                settled = True
        return settled

    def sweep(self, evidence: Evidence) -> None:
        """Move the files that only moved dist-infos list, after pip has replaced these: Python may import them."""
        every = evidence.installed.every if self._listed else ()
        present = {place for one in every for place in evidence.installed.files(one).places}
        for old, places in self._listed.items():
            stale = _leaving(old, filter(os.path.lexists, sorted(places - present)))
            if stale and self._evict(old.location, stale, evidence):
                files, first = phrases.counted(len(stale), "file", "files"), stale[0].paths[0]
                self._tell.say(f"moved {files} of it to the shelf too, such as {first}: nothing lists them now")
        self._listed = {}

    def _move(self, damaged: Distribution, copies: Sequence[str], evidence: Evidence) -> bool:
        """Move these dist-infos of a distribution, with note of the files that they list; tell whether that is done."""
        listed = frozenset(place for path in copies for place in FileList(replace(damaged, path=path)).places)
        paths = tuple(os.path.relpath(path, damaged.location) for path in copies)
        moved = self._evict(damaged.location, [_eviction(damaged, paths)], evidence)
        if moved:
            self._listed[damaged] = listed
        else:
            self.stuck.add(damaged.identity.name)
        return moved

    def _evict(self, location: str, leaving: Sequence[Eviction], evidence: Evidence) -> bool:
        """Move or copy files to the shelf in their environment, else to one of the user; tell whether all is done."""
        why = ""
        for folder in list_shelves(location, state_directory(evidence.asked.environ)):
            if leaving:
                shelf = Shelf(location, folder)
                stem, stuck = shelf.evict(leaving)
                self._receipts.append((shelf, stem))
                leaving, why = list(stuck), next(iter(stuck.values()), "")
        if leaving:
            others = f" and {len(leaving) - 1} more" if len(leaving) > 1 else ""
            self._tell.say(f"{leaving[0].what}{others} cannot be moved to the shelf ({why})")
        return not leaving

    def put_back(self) -> None:
        """Return the metadata, so that the environment is what it was."""
        for shelf, stem in reversed(self._receipts):  # a copy may be of a file in metadata that moved after it
            shelf.put_back(item for item in shelf.shelved() if item.receipt == stem)
        self._receipts, self._listed = [], {}

    def end(self) -> None:
        """Tell which edited files pip has replaced, and forget what has been on the shelf for too long.

        Unmanaged files go back to their places. So do files that are there already: their copies leave the shelf.
        """
        for shelf, stem in self._receipts:
            items = [item for item in shelf.shelved() if item.receipt == stem and item.copied]
            returned = shelf.put_back(one for one in items if one.reason == _UNMANAGED or shelf.is_in_place(one))
            kept = [item for item in items if item not in returned]
            for name in sorted({item.identity.name for item in kept}):
                self._tell.insist(phrases.kept([item for item in kept if item.identity.name == name]))
            shelf.forget()


def _find_edits(found: Distribution, root: str, evidence: Evidence) -> Iterator[Eviction]:
    installed, who = evidence.installed, found.identity
    row, lists = installed.row(found), [FileList(replace(found, path=path)) for path in installed.copies(who.name)]
    edited = "was edited" if lists[0].rows else "may have been edited"
    for place in contents.find_edited(lists, installed.owners, row.flaws if row else ()):
        path = os.path.relpath(place, root)
        what = f"{path} of {who.name} {found.text}".rstrip()
        why = _UNMANAGED if installed.files(found).is_unmanaged(path.replace(os.sep, "/")) else edited
        if os.pardir not in path.removeprefix(ABOVE).split(os.sep):
            yield Eviction(what=what, identity=who, paths=(path,), reason=why, contradiction=False, copied=True)


def _leaving(found: Distribution, places: Iterable[str]) -> list[Eviction]:
    """Return each file of a distribution that is below its location as an eviction."""
    paths = (os.path.relpath(place, found.location) for place in places)
    return [_eviction(found, (path,)) for path in paths if not path.startswith(os.pardir)]


def _eviction(found: Distribution, paths: tuple[str, ...]) -> Eviction:
    who, what = found.identity, f"{' and '.join(paths)} of {found.identity.name}"
    return Eviction(what=what, identity=who, paths=paths, reason=found.damage or "", contradiction=False)
