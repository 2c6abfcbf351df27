"""Say whether the installed set satisfies a request with its dependencies.

May not: consult index or cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from pinstall.formats import metadata
from pinstall.formats.urls import redacted, without_secrets
from pinstall.model.inputs import RequirementLine
from pinstall.model.pins import Distribution, Identity

Find = Callable[[NormalizedName], Distribution | None]
Markers = Mapping[str, str]


class Need(NamedTuple):
    """One demand on a project: by whom, with which extras and versions, from which URL (without credentials)."""

    name: NormalizedName
    by: str
    specifier: SpecifierSet = SpecifierSet()
    extras: frozenset[NormalizedName] = frozenset()
    url: str | None = None

    def __str__(self) -> str:
        """Return `bb 1.0 needs aa<2`."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        source = f" @ {self.url}" if self.url else ""
        return f"{self.by} needs {self.name}{extras}{self.specifier}{source}"


def of_line(line: RequirementLine, name: NormalizedName) -> Need:
    """Return what a line demands; the link of a request is left to its pin."""
    url = without_secrets(line.link) if line.link and line.constraint else None
    return Need(name=name, specifier=line.specifier, extras=line.extras, by=str(line.origin), url=url)


def walk(roots: Iterable[Need], find: Find, markers: Markers) -> tuple[dict[NormalizedName, Need], list[Need]]:
    """Return the first need of each project that the roots reach, and the needs that are not met.

    Each project's dependencies are read for each extra that is asked for, as pip does.
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


def meets(distribution: Distribution, need: Need) -> bool:
    """Check whether a distribution satisfies the need; pre-releases count, as for pip.

    A distribution without readable needs meets nothing, and a URL is met only by what came from there.
    """
    version, source = distribution.identity.version, distribution.identity.source
    if distribution.requires is None or version is None:
        return False
    if need.url is not None and (source is None or source.url != need.url):
        return False
    return metadata.admits(need.specifier, version)


def dependencies(distribution: Distribution, extra: NormalizedName | None, markers: Markers) -> Iterator[Need]:
    """Yield what a distribution needs: for itself without an extra, else what the extra adds."""
    by = f"{distribution.identity.name} {distribution.text}"
    for text in distribution.requires or ():
        if extra is None and "extra" in text and _needs_extra(text):
            continue
        try:
            requirement = metadata.requirement(text)
            applies = metadata.applies(requirement.marker, markers, extra or "")
        except ValueError:  # only pip knows what this means, so it counts as unmet and pip is asked
            yield Need(name=NormalizedName(redacted(text)), by=by)
            continue
        if applies:
            name, url = canonicalize_name(requirement.name), requirement.url and without_secrets(requirement.url)
            extras = frozenset(map(canonicalize_name, requirement.extras))
            yield Need(name=name, specifier=requirement.specifier, extras=extras, by=by, url=url)


def _needs_extra(text: str) -> bool:
    """Check quickly whether a line is only for an extra: most lines are, and parsing them is slow."""
    marker = text.partition(";")[2]
    return "extra ==" in marker.replace("  ", " ") and re.search(r"\bor\b", marker) is None
