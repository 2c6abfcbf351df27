"""Say whether the installed set satisfies a request with its dependencies.

May not: consult index or cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from pinstall.formats import metadata
from pinstall.formats.urls import redacted, without_secrets
from pinstall.model.pins import Dependency, Distribution, Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from packaging.requirements import Requirement

    from pinstall.model.artifacts import Chosen
    from pinstall.model.inputs import RequirementLine

    Find = Callable[[NormalizedName], Distribution | None]

_OR = re.compile(r"\bor\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One demand on a project: by whom, with which extras and versions, from which URL (without credentials)."""

    name: NormalizedName
    specifier: SpecifierSet
    extras: frozenset[NormalizedName]
    by: str
    url: str | None = None

    def __str__(self) -> str:
        """Return `bb 1.0 needs aa<2`."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        source = f" @ {self.url}" if self.url else ""
        return f"{self.by} needs {self.name}{extras}{self.specifier}{source}"


def of_line(line: RequirementLine, name: NormalizedName) -> Need:
    """Return what a requirement or constraint line demands; where a requested link leads to is for its pin to say."""
    url = without_secrets(line.link) if line.link and line.constraint else None
    return Need(name=name, specifier=line.specifier, extras=line.extras, by=str(line.origin), url=url)


def of_chosen(one: Chosen) -> Need:
    """Return the demand of a request on what pip has found to be asked for, which need not have a name in it."""
    return Need(name=one.name, specifier=SpecifierSet(), extras=one.extras, by="this request")


def walk(
    roots: Iterable[Need], find: Find, markers: Mapping[str, str]
) -> tuple[dict[NormalizedName, Need], list[Need]]:
    """Return who first needs each project that the roots reach through what is installed, and the needs not met by it.

    Each project's dependencies are read for each extra that somebody asks for, as pip does.
    """
    seen: set[tuple[NormalizedName, NormalizedName | None]] = set()
    reached: dict[NormalizedName, Need] = {}
    unmet: list[Need] = []
    queue = list(roots)
    for need in queue:
        found = find(need.name)
        reached.setdefault(need.name, need)
        if found is None or not meets(found, need):
            unmet.append(need)
            continue
        for extra in (None, *sorted(need.extras)):
            if (need.name, extra) not in seen:
                seen.add((need.name, extra))
                queue.extend(dependencies(found, extra, markers))
    return reached, unmet


def release(name: NormalizedName, text: str, requires: tuple[str, ...]) -> Distribution:
    """Return a release of a project as if it were installed."""
    identity = Identity(name=name, version=metadata.version(text))
    return Distribution(identity=identity, text=text, location="", path="", requires=requires)


def unpinned(
    reached: Mapping[NormalizedName, Need], named: Container[NormalizedName], find: Find
) -> tuple[Dependency, ...]:
    """Return what `walk` has reached beyond what is pinned or asked for by name, as far as it is there, by name."""
    found = ((need, find(name)) for name, need in sorted(reached.items()) if name not in named)
    return tuple(Dependency(name=need.name, version=one.text, by=need.by) for need, one in found if one is not None)


def requirers(
    name: NormalizedName, among: Iterable[NormalizedName], find: Find, markers: Mapping[str, str]
) -> tuple[str, ...]:
    """Return who needs a project without being asked for an extra, as `bb 1.0 needs aa<2`."""
    found = (find(other) for other in among)
    needs = (need for one in found if one is not None for need in dependencies(one, None, markers))
    return tuple(str(need) for need in needs if need.name == name)


def meets(distribution: Distribution, need: Need) -> bool:
    """Tell whether what is installed satisfies the need; a pre-release that is there counts, as for pip.

    Nothing is met by what cannot tell its own needs, and a URL only by what is known to come from there.
    """
    version, source = distribution.identity.version, distribution.identity.source
    if distribution.requires is None or version is None:
        return False
    if need.url is not None and (source is None or source.url != need.url):
        return False
    return need.specifier.contains(version, prereleases=True)


def dependencies(
    distribution: Distribution, extra: NormalizedName | None, markers: Mapping[str, str]
) -> Iterator[Need]:
    """Yield what a distribution needs: for itself without an extra, else what the extra adds."""
    by = f"{distribution.identity.name} {distribution.text}"
    for text in distribution.requires or ():
        if extra is None and "extra" in text and _needs_extra(text):
            continue
        try:
            requirement = metadata.requirement(text)
            applies = metadata.applies(requirement.marker, markers, extra or "")
        except ValueError:  # only pip knows what this means, so it counts as unmet and pip is asked
            name = NormalizedName(redacted(text))
            yield Need(name=name, specifier=SpecifierSet(), extras=frozenset(), by=by)
            continue
        if applies:
            yield _need(requirement, by)


def _need(requirement: Requirement, by: str) -> Need:
    return Need(
        name=canonicalize_name(requirement.name),
        specifier=requirement.specifier,
        extras=frozenset(canonicalize_name(name) for name in requirement.extras),
        by=by,
        url=requirement.url and without_secrets(requirement.url),
    )


def _needs_extra(text: str) -> bool:
    """Tell cheaply that a line is only for an extra; most lines of most projects are, and parsing them is dear."""
    marker = text.partition(";")[2]
    return "extra ==" in marker.replace("  ", " ") and _OR.search(marker) is None
