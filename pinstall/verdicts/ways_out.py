"""Find with resolvelib the smallest change of pins that works where pins contradict each other.

May not: start pip, guess: a hint is only on what has been resolved completely.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain, combinations

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from pinstall import index
from pinstall.environment import interpreter
from pinstall.formats import metadata
from pinstall.model.artifacts import Link, Page
from pinstall.model.pins import Conflict, Distribution
from pinstall.request import policy
from pinstall.verdicts import closure, conflicts, resolution
from pinstall.verdicts.evidence import Evidence

# How many seconds the search may take in all, and how many metadata files it may read.
_PATIENCE, _MOST = 20.0, 300


def find_hint(evidence: Evidence, faults: Sequence[Conflict]) -> str | None:
    """Return `urllib3==2.2.3 and requests==2.32.3 work together (r.txt:7, r.txt:12)`, none where nothing works.

    Raises TimeoutError where indexes do not tell it in time.
    """
    asked, pins = evidence.asked, {pin.name: pin for fault in faults for pin in fault.pins}
    limited = asked.request.has("uploaded_prior_to") or any(one.dest == policy.TABLE for one in asked.settings)
    limited = limited or any(line.link is not None or "===" in str(line.specifier) for line in asked.lines)
    change = {} if limited or asked.beyond else Search(evidence).find_change(faults)
    texts = [f"{name}=={change[name]}" if name in change else pin.wanted for name, pin in pins.items()]
    places = ", ".join(dict.fromkeys(str(pin.origin) for pin in pins.values()))
    hashes = "; `pinstall lock` writes the new hashes" if any(pins[name].hashes for name in change) else ""
    return f"{', '.join(texts[:-1])} and {texts[-1]} work together ({places}){hashes}" if change else None


class Search(resolution.Provider):
    """Candidates are the wheels that indexes offer for the target, newest first; their needs are read when needed."""

    def __init__(self, evidence: Evidence) -> None:
        """Ask nothing yet. Roots demand no version of what is pinned: `find` returns only what is allowed."""
        self._asked = asked = evidence.asked
        super().__init__(self.find, asked.target.markers, lambda _: False)
        self._pins = {pin.name: SpecifierSet(f"=={pin.version}") for pin in asked.demand.pins}
        self._roots = [n._replace(specifier=SpecifierSet()) if n.name in self._pins else n for n in evidence.roots()]
        self._until = time.monotonic() + _PATIENCE
        self._offered = index.offers.Index(asked.in_force)
        self._read = cache(self._offered.metadata)
        self._listed: dict[NormalizedName, dict[Distribution, list[Link]]] = {}

    def find_change(self, faults: Iterable[Conflict]) -> dict[NormalizedName, str]:
        """Return the versions of the fewest pins that have to move, of each fault one; empty where no change works."""
        pairs = [[pin.name for pin in fault.pins] for fault in faults]
        names = dict.fromkeys(chain(*pairs))
        sets = (moved for count in range(len(names)) for moved in combinations(names, count + 1))
        for self._moved in (one for one in sets if self._check_time() and not any(map({*one}.isdisjoint, pairs))):
            # pins that stay are chosen first, so that few releases of the others are tried
            if chosen := resolution.resolve(sorted(self._roots, key=lambda need: need.name in self._moved), self)[1]:
                return {name: chosen[name].text for name in self._moved if name in chosen}
        return {}

    def find(self, name: NormalizedName) -> Sequence[Distribution]:
        """Return the candidates of a project, of a pin that stays the pinned ones; ask for all roots at once."""
        seconds, stays = self._check_time(), name in self._pins and name not in self._moved
        if name not in self._listed and name.replace("-", "").isalnum():
            names = {name, *(need.name for need in self._roots)} - self._listed.keys()
            found = self._offered.pages(names, seconds)
            self._listed |= {one: self._list(one, found.get(one, ())) for one in names}
            kept = (one for other in names & self._pins.keys() - {*self._moved} for one in self.find(other))
            links = [link for one in kept for link in self._listed[one.identity.name][one]]
            index.client.at_once(self._read, links[:_MOST], seconds)
        return [one for one in self._listed.get(name, ()) if not stays or metadata.admits(self._pins[name], one.text)]

    def read_needs(self, found: Distribution, extra: NormalizedName | None) -> list[closure.Need]:
        """Return what a candidate needs; one whose files are silent or differ needs `?`, which nothing can meet."""
        links = self._listed[found.identity.name][found]
        found_now = index.client.at_once(self._read, links, self._check_time())
        needs = conflicts.read_needs(map(found_now.get, links))
        return super().read_needs(replace(found, requires=("?",) if needs is None else needs), extra)

    def _list(self, name: NormalizedName, pages: Iterable[Page]) -> dict[Distribution, list[Link]]:
        """Return the wheels that fit, by release; pre-releases and yanked ones only where they are pinned."""
        asked, pinned = self._asked, self._pins.get(name, SpecifierSet("===?"))
        terms = index.offers.terms(asked.in_force, name, asked.target.version, interpreter.find_tags(asked.target))
        lines = (*asked.demand.bounds, *chain(*(pin.lines for pin in asked.demand.pins)))
        clauses = (one for line in lines if line.name == name for one in line.specifier)
        limits = (str(one) for one in clauses if one.operator != "==" or "*" in one.version or name not in self._pins)
        limit, files = SpecifierSet(",".join(limits)), dict[Version, list[Link]]()
        for link in (one for page in pages for one in page.links if one.filename.endswith(".whl")):
            version = metadata.release(link.filename, name)
            odd = link.yanked or (version is not None and version.is_prerelease)
            if version and metadata.admits(pinned if odd else limit, version) and index.offers.fits(link, terms):
                files.setdefault(version, []).append(link)
        return {closure.release(name, str(one), ()): files[one] for one in sorted(files, reverse=True)}

    def _check_time(self) -> float:
        seconds = self._until - time.monotonic()
        if seconds <= 0 or self._read.cache_info().misses >= _MOST or self._offered.silent:
            raise TimeoutError
        return seconds
