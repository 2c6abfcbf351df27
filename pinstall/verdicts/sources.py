"""Check which index each project comes from: the one that the table of sources names, else any that does not differ.

May not: start pip, choose an index or what is installed.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from packaging.utils import NormalizedName

from pinstall import files, index
from pinstall.cache.cache import Cache
from pinstall.cache.downloads import of_release
from pinstall.environment.ledger import Row
from pinstall.formats.urls import without_secrets
from pinstall.index import client
from pinstall.model.artifacts import Chosen, Link, Page
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.model.inputs import Fault, Option, Origin
from pinstall.model.pins import Pin, Reporter, State, Verdict
from pinstall.report import phrases
from pinstall.request import policy
from pinstall.request.call import Asked
from pinstall.verdicts.evidence import Evidence
from pinstall.verdicts.proof import find_proofs

# How many seconds the pages of one index may take that pip has not just cached.
_PATIENCE = 30.0
# How many seconds the comparison of indexes waits for their pages.
_COMPARISON = 2.0


def verify(evidence: Evidence, found: tuple[Verdict, ...], tell: Reporter) -> tuple[tuple[Verdict, ...], Cache]:
    """Return the verdicts after a look for proof in pip's cache and at the indexes of the table."""
    asked, cache, ledger = evidence.asked, Cache(evidence.asked), evidence.installed.ledger
    ledger.write(find_proofs(cache, evidence, found), tell.say)
    found = evidence.judge()
    if any(setting.dest == policy.TABLE for setting in asked.settings):
        ledger.write(Sourcing(asked, cache).find_proofs(evidence, found), tell.say)
        found = evidence.judge()
    return found, cache


def refuse_ambiguous(asked: Asked, pins: Iterable[Pin], tell: Reporter) -> None:
    """Warn of pins whose files differ between indexes, or raise PinstallError (`ambiguous`)."""
    loose = (pin for pin in pins if not pin.hashes and not pin.direct)
    left_open = [pin for pin in loose if policy.find_source(pin.name, asked.settings) is None]
    if asked.policy.ambiguous == "allow" or not left_open or len(set(client.Places(asked.in_force))) <= 1:
        return
    if not (found := tuple(_differing(asked, left_open, tell))):
        return
    faults = tuple(
        Fault(origin=pin.origin, message=f"{pin.wanted} is something else on {one} than on {other}")
        for pin, one, other in found
    )
    first, place, _ = found[0]
    table = f'`{first.name} = "{place}"` below `[tool.pinstall.sources]` in pyproject.toml'
    hint = f"write the hash of the right file behind the pin (`--hash=sha256:DIGEST`), or its index: {table}"
    if asked.policy.ambiguous == "refuse":
        message = phrases.counted(len(faults), "pin leaves open", "pins leave open") + " which index is meant"
        raise PinstallError("ambiguous", message, context=faults, hint=hint, exit_code=NOT_PINNED)
    for fault in faults:
        tell.warn(fault)
    tell.say(f"hint: {hint}")


def _differing(asked: Asked, pins: Iterable[Pin], tell: Reporter) -> Iterator[tuple[Pin, str, str]]:
    """Yield each pin that two places offer with different files, and these client."""
    by_name = {pin.name: pin for pin in pins}
    offered = index.offers.Index(asked.in_force)
    for name, some in offered.pages(by_name, _COMPARISON).items():
        listed = {page.index: _hashed(by_name[name], page) for page in some}
        for one, other in combinations(listed, 2):
            if policy.differ(listed[one], listed[other]):
                yield by_name[name], one, other
                break
    for text in offered.silent:
        tell.detail(text)


def _hashed(pin: Pin, page: Page) -> tuple[Link, ...]:
    return tuple(replace(link, hashes=client.hashes(link)) for link in of_release(replace(pin, lines=()), page.links))


class Sourcing:
    """The table of sources, compared with what the indexes in force offer."""

    def __init__(self, asked: Asked, cache: Cache) -> None:
        self._asked = asked
        self._cache = cache
        self._places = dict(_places(asked.in_force))
        self._listed: dict[NormalizedName, tuple[Link, ...]] = {}
        self._fresh: set[NormalizedName] = set()
        self._doubt = ""

    def expect(self, wanting: Iterable[Pin], forced: Iterable[Pin]) -> None:
        """Raise PinstallError where an index is not among those in force, or has nothing for what it is to replace."""
        self._named(pin.name for pin in wanting if not pin.direct)
        self.bind_hashes(forced)

    def resolves_first(self) -> bool:
        """Tell whether pip has to say what it would install before it may; raise PinstallError where it cannot."""
        request = self._asked.request
        if not any(setting.dest == policy.TABLE for setting in self._asked.settings):
            return False
        alone = request.has("ignore_dependencies")
        if alone and not any(self._of(line.name) for line in self._asked.lines if line.link is None):
            return False
        self._asked.pip.need_reports("source", "`[tool.pinstall.sources]` cannot be kept")
        return True

    def judge(self, chosen: Sequence[Chosen]) -> None:
        """Raise PinstallError for what pip would take from elsewhere; a URL that the user has written is a source."""
        coming = {one.name: one for one in chosen}
        free = {one.name for one in chosen if one.requested}
        free |= {pin.name for pin in self._asked.demand.pins if pin.direct}
        bound = self._named(one.name for one in chosen if one.identity.source is None or one.name not in free)
        self._look(bound, lambda name: not self.index(coming[name]))
        strange = ((entry, coming[name]) for name, entry in bound.items() if not self.index(coming[name]))
        if wrong := tuple(Fault(origin=entry.origin, message=self._against(entry, one)) for entry, one in strange):
            message = phrases.counted(len(wrong), "project would come from", "projects would come from") + " elsewhere"
            raise _error(message, wrong, "take the other index out of the command, pin the hash, or change the table")

    def _against(self, entry: Option, one: Chosen) -> str:
        version = "" if one.identity.version is None else f" {one.identity.version}"
        return f"{one.name} has to come from {policy.index(entry)}, where{version} is not at {one.url}{self._doubt}"

    def index(self, one: Chosen) -> str:
        """Return the index that a project has to come from, if that is known to list this very file."""
        entry = None if one.identity.source is not None else self._of(one.name)
        listed = any(_is(link, one.identity.hashes, one.url) for link in self._listed.get(one.name, ()))
        return "" if entry is None or not listed else policy.index(entry)

    def bind_hashes(self, pins: Iterable[Pin]) -> tuple[Pin, ...]:
        """Return the pins with the hashes that their index lists; raise PinstallError where it lists none."""
        given = {pin.name: pin for pin in pins}
        bound = self._named(name for name, pin in given.items() if not pin.direct)
        self._look(bound, lambda name: not self._files(given[name]))
        return tuple(self._bind(pin, bound[name]) if name in bound else pin for name, pin in given.items())

    def _bind(self, pin: Pin, entry: Option) -> Pin:
        hashes = self._hashes(pin)
        if not self._files(pin) or (pin.hashes and hashes and not pin.hashes & hashes):
            message = f"{pin.wanted} has to come from {policy.index(entry)}, which does not list it{self._doubt}"
            raise _error("1 pin cannot be had from its index", (Fault(origin=pin.origin, message=message),), None)
        return replace(pin, hashes=(pin.hashes & hashes) or pin.hashes or hashes)

    def find_proofs(self, evidence: Evidence, found: Iterable[Verdict]) -> dict[NormalizedName, Row]:
        """Return rows for the ledger on what lacks proof of its index, and is a file that this index lists."""
        open_ = {v.pin.name: v for v in found if v.state is State.UNPROVEN and not v.pin.direct}
        bound = self._named(open_, strict=False)
        self._look(bound, lambda name: not self._files(open_[name].pin))
        rows = {}
        for name in bound:
            pin, installed = open_[name].pin, evidence.find(name)
            row = None if installed is None else evidence.installed.row(installed)
            hashes = self._hashes(pin)
            listed = replace(open_[name], pin=replace(pin, hashes=(pin.hashes & hashes) or hashes))
            if row is None or not any(_is(link, row.hashes, row.url) for link in self._files(pin)):
                row = find_proofs(self._cache, evidence, (listed,)).get(name)
            if row is not None:
                rows[name] = replace(row, index=policy.index(bound[name]))
        return rows

    def _of(self, name: NormalizedName | None) -> Option | None:
        return None if name is None else policy.find_source(name, self._asked.settings)

    def _named(self, names: Iterable[NormalizedName], *, strict: bool = True) -> dict[NormalizedName, Option]:
        """Return the entry of each project that has one; raise PinstallError where its index is not in force."""
        found = {name: entry for name in names if (entry := self._of(name)) is not None}
        strange = {name: entry for name, entry in found.items() if _place(entry) not in self._places}
        if strange and strict:
            counted = phrases.counted(len(strange), "project has", "projects have")
            texts = ((entry, f"{name} has to come from {policy.index(entry)}") for name, entry in strange.items())
            faults = tuple(Fault(origin=entry.origin, message=text) for entry, text in texts)
            hint = "add it with `--extra-index-url` or `--find-links`, or change the table"
            raise _error(f"{counted} to come from an index that pip is not told of", faults, hint)
        return {name: entry for name, entry in found.items() if name not in strange}

    def _look(self, bound: Mapping[NormalizedName, Option], lacks: Callable[[NormalizedName], bool]) -> None:
        """Learn what the index of each project lists, from the pages that pip has cached, else from the index."""
        asking: dict[str, list[NormalizedName]] = {}
        for name, entry in bound.items():
            if name not in self._listed:
                self._listed[name] = tuple(self._cached(name, _place(entry)))
            if lacks(name) and name not in self._fresh:
                asking.setdefault(_place(entry), []).append(name)
                self._fresh.add(name)
        for place, names in asking.items():
            offered = index.offers.Index(self._places[place])
            found = offered.pages(names, _PATIENCE)
            self._listed |= {name: tuple(link for page in some for link in page.links) for name, some in found.items()}
            self._doubt += "".join(f" ({text})" for text in offered.silent)

    def _cached(self, name: NormalizedName, place: str) -> Iterator[Link]:
        for page in self._cache.downloads.pages(Pin(name=name)):
            if policy.place(page.url.removesuffix(f"{name}/")) == place:
                yield from page.links or ()

    def _files(self, pin: Pin) -> tuple[Link, ...]:
        return of_release(replace(pin, lines=()), self._listed.get(pin.name, ()))

    def _hashes(self, pin: Pin) -> frozenset[str]:
        return frozenset(text for link in self._files(pin) for text in client.hashes(link))


def _error(message: str, context: tuple[Fault, ...], hint: str | None) -> PinstallError:
    return PinstallError("source", message, context=context, hint=hint, exit_code=NOT_PINNED)


def _is(link: Link, hashes: frozenset[str], url: str) -> bool:
    return without_secrets(link.url) == url or bool(hashes and hashes & client.hashes(link))


def _place(entry: Option) -> str:
    """Return where an option or an entry of the table points to, so that equal places are equal texts."""
    path = None if entry.value is None else files.path_of(client.found(entry))
    return policy.index(entry) if path is None else os.path.realpath(os.path.expanduser(path))


def _places(options: Sequence[Option]) -> Iterator[tuple[str, tuple[Option, ...]]]:
    """Yield each index and each place of `--find-links`, with the options by which it alone is in force."""
    shared = tuple(option for option in options if option.dest not in client.OPTIONS)
    known = client.Places(options)
    alone = (_option("no_index"),)
    indexes = ((_option("index_url", url), ()) for url in known.indexes)
    for option, others in (*indexes, *((_option("find_links", path), alone) for path in known.finds)):
        yield _place(option), (*shared, option, *others)


def _option(dest: str, value: str | None = None) -> Option:
    return Option(name="", dest=dest, value=value, origin=Origin(where=""))
