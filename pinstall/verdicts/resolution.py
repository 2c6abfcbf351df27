"""Find with resolvelib which needs no choice among the candidates of each project can meet.

May not: know where candidates come from, decide who is at fault.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible
from resolvelib.resolvers import Resolution

from pinstall.formats import metadata
from pinstall.model.pins import Distribution
from pinstall.verdicts import closure
from pinstall.verdicts.closure import Find, Markers, Need

Candidates = Callable[[NormalizedName], Sequence[Distribution]]
_Key = tuple[NormalizedName, frozenset[NormalizedName]]
_Needs = Mapping[_Key, Iterable[Need]]
_Excluded = Mapping[_Key, Iterable["Candidate"]]

# The search ends by itself; resolvelib's own limit is one hundred projects.
_ROUNDS = 1_000_000
# How many rounds are resolved at most: each finds one need that cannot be met.
_MOST = 100


class Candidate(NamedTuple):
    """A release of a project, with the extras that are asked of it; resolvelib 1.0.0 insists on the name."""

    name: NormalizedName
    distribution: Distribution
    extras: frozenset[NormalizedName]


class Provider(AbstractProvider):  # type: ignore[type-arg] # resolvelib's generics differ by release
    """Tell resolvelib the candidates of a project; one with extras is bound to the same release without them."""

    def __init__(self, candidates: Candidates, markers: Markers, ignores: Callable[[Need], bool]) -> None:
        """Read nothing yet; the needs that are to be ignored count for nothing."""
        self._candidates = candidates
        self._markers = markers
        self._ignores = ignores
        self._bind = cache(_bind)
        self._needs: dict[tuple[str, str, str | None], list[Need]] = {}
        self._met: dict[tuple[int, str], bool] = {}

    def identify(self, requirement_or_candidate: Need | Candidate) -> _Key:
        """Return the project with the extras that are asked of it."""
        return requirement_or_candidate.name, requirement_or_candidate.extras

    def get_preference(self, *_: object, **__: object) -> int:
        """Prefer no project: resolvelib then takes what was needed first."""
        return 0

    def find_matches(self, identifier: _Key, requirements: _Needs, incompatibilities: _Excluded) -> list[Candidate]:
        """Return the releases of a project that meet all needs on it."""
        name, extras = identifier
        needs, excluded = list(requirements[identifier]), list(incompatibilities[identifier])
        fitting = (one for one in self._candidates(name) if all(self.meets(one, need) for need in needs))
        return [one for found in fitting if (one := Candidate(name, found, extras)) not in excluded]

    def is_satisfied_by(self, requirement: Need, candidate: Candidate) -> bool:
        """Tell whether a candidate meets a need."""
        return self.meets(candidate.distribution, requirement)

    def get_dependencies(self, candidate: Candidate) -> list[Need]:
        """Return what a candidate needs, by itself and for its extras, for which the same release is chosen."""
        name, found, extras = candidate
        needs = [need for extra in (None, *sorted(extras)) for need in self.read_needs(found, extra)]
        if extras and len(self._candidates(name)) > 1:
            needs.append(self._bind(name, found.text))
        return [need for need in needs if not self._ignores(need)]

    def meets(self, found: Distribution, need: Need) -> bool:
        """Tell whether a release meets a need; resolvelib asks each round, and comparing versions is slow."""
        key = id(need), found.text  # a need is never freed before the provider is, and its hash is as slow
        if key not in self._met:
            self._met[key] = closure.meets(found, need)
        return self._met[key]

    def read_needs(self, found: Distribution, extra: NormalizedName | None) -> list[Need]:
        """Return what a release needs, by itself or for an extra."""
        key = found.identity.name, found.text, extra
        if key not in self._needs:
            self._needs[key] = list(closure.dependencies(found, extra, self._markers))
        return self._needs[key]


def _bind(name: NormalizedName, text: str) -> Need:
    """Return the need that binds a release with extras to the same one without."""
    specifier = metadata.specifiers(f"==={text}") or SpecifierSet()
    return closure.Need(name=name, specifier=specifier, by=f"{name} {text}")


def unmet(roots: Iterable[Need], candidates: Candidates, markers: Markers) -> list[Need]:
    """Return all needs that cannot be met, first come first: resolve again without those that are known already.

    Needs on projects without candidates count for nothing. Nor do those that change nothing, which saves most of the
    time: all candidates meet them, and the roots ask for the same project and extras.
    """
    asked = [need for need in roots if candidates(need.name)]
    extras: dict[NormalizedName, frozenset[NormalizedName]] = {}
    for need in asked:
        extras[need.name] = need.extras.union(extras.get(need.name, ()))
    found: dict[int, Need] = {}

    def ignores(need: Need) -> bool:
        releases = candidates(need.name)
        known = need.name in extras and need.extras <= extras[need.name]
        return id(need) in found or not releases or (known and all(provider.meets(one, need) for one in releases))

    provider = Provider(candidates, markers, ignores)
    while len(found) < _MOST:
        causes, _ = resolve([need for need in asked if id(need) not in found], provider)
        hopeless = [need for need in causes if not any(provider.meets(one, need) for one in candidates(need.name))]
        new = hopeless or [need for need in causes if need not in asked]
        if not new:
            break
        found.update((id(need), need) for need in new)
    return list(dict.fromkeys(found.values()))


def explain(roots: Iterable[Need], find: Find, markers: Markers) -> tuple[str, ...]:
    """Return who asks for what where the installed set cannot satisfy the roots, one line per project in conflict."""
    causes: dict[NormalizedName, dict[str, None]] = {}
    provider = Provider(lambda name: tuple(filter(None, [find(name)])), markers, lambda _: False)
    for need in resolve(roots, provider)[0]:
        causes.setdefault(need.name, {})[str(need)] = None
    return tuple(f"{'; '.join(needs)}; {_found(name, find)}" for name, needs in causes.items())


def resolve(roots: Iterable[Need], provider: Provider) -> tuple[list[Need], dict[NormalizedName, Distribution]]:
    """Return needs that no choice of candidates meets together, or else the choice that meets all needs."""
    try:
        # not `Resolver`: nothing here asks for its graph, and its making may recurse without end
        state = Resolution(provider, BaseReporter()).resolve(list(roots), max_rounds=_ROUNDS)
    except ResolutionImpossible as impossible:
        return [cause.requirement for cause in impossible.causes], {}
    return [], {name: candidate.distribution for (name, _), candidate in state.mapping.items()}


def _found(name: NormalizedName, find: Find) -> str:
    found = find(name)
    if found is None:
        return f"{name} is not installed"
    unread = ", but its own needs cannot be read" if found.requires is None else ""
    return f"{name} {found.text} is installed{unread}"
