"""Say whether the installed set satisfies a request with its dependencies, and on a no explain who is to blame.

May not: consult index or cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.model import Distribution, RequirementLine

    Find = Callable[[NormalizedName], Distribution | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One demand on a project: by whom, with which extras and versions."""

    name: NormalizedName
    specifier: SpecifierSet
    extras: frozenset[NormalizedName]
    by: str

    def __str__(self) -> str:
        """Return `bb 1.0 needs aa<2`."""
        return f"{self.by} needs {self.name}{self.specifier}"


def of_line(line: RequirementLine, name: NormalizedName) -> Need:
    """Return what a requirement or constraint line demands."""
    return Need(name=name, specifier=line.specifier, extras=line.extras, by=str(line.origin))


def walk(
    roots: Iterable[Need], find: Find, markers: Mapping[str, str]
) -> tuple[dict[NormalizedName, None], list[Need]]:
    """Return every project that the roots reach through what is installed, and the needs that it does not meet.

    Each project's dependencies are read for each extra that somebody asks for, as pip does.
    """
    seen: set[tuple[NormalizedName, NormalizedName | None]] = set()
    reached: dict[NormalizedName, None] = {}
    unmet: list[Need] = []
    queue = list(roots)
    for need in queue:
        found = find(need.name)
        reached[need.name] = None
        if found is None or found.requires is None or not meets(found, need):
            unmet.append(need)
            continue
        for extra in (None, *sorted(need.extras)):
            if (need.name, extra) not in seen:
                seen.add((need.name, extra))
                queue.extend(dependencies(found, extra, markers))
    return reached, unmet


def meets(distribution: Distribution, need: Need) -> bool:
    """Tell whether the installed version satisfies the need; a pre-release that is there counts, as for pip."""
    version = distribution.identity.version
    return version is not None and need.specifier.contains(version, prereleases=True)


def dependencies(
    distribution: Distribution, extra: NormalizedName | None, markers: Mapping[str, str]
) -> Iterator[Need]:
    """Yield what a distribution needs: for itself without an extra, else what the extra adds."""
    by = f"{distribution.identity.name} {distribution.text}"
    for text in distribution.requires or ():
        if extra is None and "extra" in text and _needs_extra(text):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            # what pip makes of it nobody here knows, so it counts as unmet and pip is asked
            yield Need(name=canonicalize_name(text), specifier=SpecifierSet(), extras=frozenset(), by=by)
            continue
        if requirement.marker is None or requirement.marker.evaluate({**markers, "extra": extra or ""}):
            extras = frozenset(canonicalize_name(name) for name in requirement.extras)
            name = canonicalize_name(requirement.name)
            yield Need(name=name, specifier=requirement.specifier, extras=extras, by=by)


def _needs_extra(text: str) -> bool:
    """Tell cheaply that a line is only for an extra; most lines of most projects are, and parsing them is dear."""
    marker = text.partition(";")[2]
    return " or " not in marker and "extra ==" in marker.replace("  ", " ")


def explain(roots: Sequence[Need], find: Find, markers: Mapping[str, str]) -> tuple[str, ...]:
    """Return who asks for what where the installed set cannot satisfy the roots, one line per project in conflict.

    The resolver has one candidate per project, the installed distribution; what it cannot reconcile is the cause.
    """
    from resolvelib import BaseReporter, ResolutionImpossible, Resolver  # noqa: PLC0415 - only on a no

    try:
        Resolver(_provider(find, markers), BaseReporter()).resolve(list(roots))
    except ResolutionImpossible as impossible:
        causes: dict[NormalizedName, dict[str, None]] = {}
        for cause in impossible.causes:
            causes.setdefault(cause.requirement.name, {})[str(cause.requirement)] = None
        return tuple(f"{'; '.join(needs)}; {_found(name, find)}" for name, needs in causes.items())
    return ()


def _found(name: NormalizedName, find: Find) -> str:
    found = find(name)
    return f"`{name}` is not installed" if found is None else f"{name} {found.text} is installed"


def _provider(find: Find, markers: Mapping[str, str]) -> Any:  # noqa: ANN401 - resolvelib's generics differ by release
    """Return a resolvelib provider whose only candidates are what is installed."""
    from resolvelib import AbstractProvider  # noqa: PLC0415 - only on a no

    class Installed(AbstractProvider):  # type: ignore[type-arg]
        def identify(self, requirement_or_candidate: Any) -> Any:  # noqa: ANN401
            if isinstance(requirement_or_candidate, Need):
                return requirement_or_candidate.name, requirement_or_candidate.extras
            return requirement_or_candidate[0].identity.name, requirement_or_candidate[1]

        def get_preference(self, identifier: Any, *_: Any, **__: Any) -> Any:  # noqa: ANN401
            return identifier[0]

        def find_matches(self, identifier: Any, requirements: Any, incompatibilities: Any) -> Any:  # noqa: ANN401
            name, extras = identifier
            found = find(name)
            if found is None or list(incompatibilities[identifier]):
                return []
            return [(found, extras)] if all(meets(found, need) for need in requirements[identifier]) else []

        def is_satisfied_by(self, requirement: Any, candidate: Any) -> bool:  # noqa: ANN401
            return meets(candidate[0], requirement)

        def get_dependencies(self, candidate: Any) -> Any:  # noqa: ANN401
            found, extras = candidate
            return [need for extra in (None, *sorted(extras)) for need in dependencies(found, extra, markers)]

    return Installed()
