"""Reduce requirement and constraint lines to one pin per distribution, or to conflicts that name both origins.

May not: guess a version from a range: `>=`, `~=` and `==1.*` are no pins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from pinstall import provenance
from pinstall.core.links import commit, file_name, is_vcs
from pinstall.model import Demand, Fault, Pin, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.model import RequirementLine


def reduce(lines: Iterable[RequirementLine], markers: Mapping[str, str]) -> Demand:
    """Return what the lines whose markers apply to the target demand, sorted by what can be held to it."""
    named: dict[NormalizedName, list[RequirementLine]] = {}
    unnamed: list[RequirementLine] = []
    for line in lines:
        if applies(line, markers):
            (unnamed if line.name is None else named.setdefault(line.name, [])).append(line)
    demands = [_of_project(name, group) for name, group in named.items()]
    demands.append(
        Demand(
            entrusted=tuple(line for line in unnamed if _is_entrusted(line)),
            unpinned=tuple(line for line in unnamed if not _is_entrusted(line)),
        )
    )
    return Demand(
        pins=tuple(pin for demand in demands for pin in demand.pins),
        unpinned=tuple(line for demand in demands for line in demand.unpinned),
        entrusted=tuple(line for demand in demands for line in demand.entrusted),
        bounds=tuple(line for demand in demands for line in demand.bounds),
        conflicts=tuple(fault for demand in demands for fault in demand.conflicts),
    )


def applies(line: RequirementLine, markers: Mapping[str, str]) -> bool:
    """Tell whether the line's marker holds in the target's environment (PEP 508), as it always does without one."""
    return line.marker is None or line.marker.evaluate({**markers, "extra": ""})


def _is_entrusted(line: RequirementLine) -> bool:
    """Tell whether the line is allowed though nothing here can be compared with it."""
    return line.editable or line.directory or (line.name is None and _fixes_contents(line))


def _fixes_contents(line: RequirementLine) -> bool:
    """Tell whether a direct reference can only ever give one content: a hash, or a full commit."""
    return line.link is not None and (bool(line.hashes) or commit(line.link) is not None)


def _of_project(name: NormalizedName, group: Sequence[RequirementLine]) -> Demand:
    entrusted = tuple(line for line in group if _is_entrusted(line))
    if entrusted:
        return Demand(entrusted=entrusted, bounds=tuple(line for line in group if line.constraint))
    candidates = [candidate for line in group if (candidate := _written_version(line)) is not None]
    fitting = [candidate for candidate in candidates if all(_admits(line, candidate[0]) for line in group)]
    links = [line for line in group if line.link is not None]
    conflict = _version_conflict(candidates, fitting, group) or _content_conflict(links, group)
    if conflict is not None:
        # constraints that contradict each other matter only once something asks for the project
        return Demand(conflicts=() if all(line.constraint for line in group) else (conflict,), bounds=tuple(group))
    if not all(_fixes_contents(line) for line in links) or not (fitting or links):
        requested = tuple(line for line in group if not line.constraint)
        return Demand(unpinned=requested, bounds=tuple(line for line in group if line.constraint))
    # the version with a local label says more than the one without, and only it satisfies both lines
    version, exact = max(fitting, key=lambda candidate: len(candidate[0])) if fitting else (None, None)
    parsed = _parsed(version)
    return Demand(
        pins=(
            Pin(
                name=name,
                version=parsed,
                exact=version if exact else None,
                source=next((_source(line) for line in links), None),
                hashes=_common_hashes(group),
                expected=_expected_version(parsed, links, name),
                lines=tuple(group),
            ),
        )
    )


def _written_version(line: RequirementLine) -> tuple[str, bool] | None:
    """Return the version of a line's `==` or `===` clause, and whether it is the exact one."""
    for clause in line.specifier:
        if clause.operator == "===" or (clause.operator == "==" and not clause.version.endswith(".*")):
            return clause.version, clause.operator == "==="
    return None


def _parsed(version: str | None) -> Version | None:
    try:
        return None if version is None else Version(version)
    except InvalidVersion:  # only `===` takes text that is no version
        return None


def _admits(line: RequirementLine, version: str) -> bool:
    parsed = _parsed(version)
    if parsed is None:
        return not len(line.specifier) or _written_version(line) == (version, True)
    return line.specifier.contains(parsed, prereleases=True)


def _version_conflict(
    candidates: Sequence[tuple[str, bool]], fitting: Sequence[tuple[str, bool]], group: Sequence[RequirementLine]
) -> Fault | None:
    if not candidates or fitting:
        return None
    first = next(line for line in group if _written_version(line) is not None)
    version = candidates[0][0]
    other = next(line for line in group if not _admits(line, version))
    if other is first:
        return Fault(origin=first.origin, message=f"`{first.text}` can never be met")
    verb = "allows only" if other.constraint else "asks for"
    return Fault(
        origin=first.origin,
        message=f"`{first.text}` cannot stand beside {other.origin}, which {verb} `{other.text}`",
    )


def _content_conflict(links: Sequence[RequirementLine], group: Sequence[RequirementLine]) -> Fault | None:
    hashed = [line for line in group if line.hashes]
    if hashed and not _common_hashes(group):
        first, other = hashed[0], next(line for line in hashed if not line.hashes & hashed[0].hashes)
        return Fault(origin=first.origin, message=f"`{first.text}` and {other.origin} have no hash in common")
    for other in links[1:]:
        if _source(other) != _source(links[0]):
            return Fault(
                origin=links[0].origin,
                message=f"`{links[0].text}` cannot stand beside {other.origin}, which takes it from `{other.text}`",
            )
    return None


def _source(line: RequirementLine) -> Source | None:
    """Return the repository and commit that a line demands; an archive is known by its hash, wherever it lies."""
    link = line.link or ""
    if not is_vcs(link):
        return None
    url = provenance.bare(link.partition("+")[2])
    stem, at, _ = url.rpartition("@")
    subdirectory = next((part[13:] for part in link.partition("#")[2].split("&") if part[:13] == "subdirectory="), None)
    return Source(url=stem if at else url, commit=commit(link), subdirectory=subdirectory)


def _common_hashes(group: Sequence[RequirementLine]) -> frozenset[str]:
    """Return the hashes that every line with hashes allows, as pip intersects them."""
    sets = [line.hashes for line in group if line.hashes]
    return frozenset.intersection(*sets) if sets else frozenset()


def _expected_version(
    version: Version | None, links: Sequence[RequirementLine], name: NormalizedName
) -> Version | None:
    """Return the version that a build will have: the pinned one, else what the archive's name says."""
    if version is None and links and links[0].link and not is_vcs(links[0].link):
        return _version_of_archive(file_name(links[0].link), name)
    return version


def _version_of_archive(file: str, name: NormalizedName) -> Version | None:
    try:
        found, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return version if found == name else None
