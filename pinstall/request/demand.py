"""Reduce requirement and constraint lines to one pin per distribution, or to conflicts that name both origins.

May not: guess a version from a range: `>=`, `~=` and `==1.*` are not pins.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import accumulate
from operator import and_

from packaging.utils import NormalizedName
from packaging.version import Version

from pinstall.formats import metadata
from pinstall.formats.urls import commit, file_name, is_vcs, scheme, without_secrets
from pinstall.model.inputs import Fault, RequirementLine
from pinstall.model.pins import Demand, Pin, Source

# The algorithms that pip takes after `--hash`, and how many digits their hashes have.
STRONG = {"sha256": 64, "sha384": 96, "sha512": 128}
_HASH = re.compile("|".join(f"{name}:[0-9a-f]{{{number}}}" for name, number in STRONG.items()))


def malformed(lines: Iterable[RequirementLine]) -> Iterator[Fault]:
    """Yield a fault for each impossible hash; pip finds it only after a download."""
    for line in lines:
        for text in sorted(line.hashes):
            digits = None if _HASH.fullmatch(text) else STRONG.get(text.partition(":")[0])
            if digits is not None:
                kind = text.partition(":")[0]
                yield Fault(f"`{text}` is not a hash: a {kind} hash has {digits} hexadecimal digits", line.origin)


def reduce(lines: Iterable[RequirementLine], markers: Mapping[str, str]) -> Demand:
    """Return the demand of the lines whose markers apply to the target."""
    lines = tuple(lines)
    certain = {line.name for line in lines if not line.anonymous}
    named: dict[NormalizedName, list[RequirementLine]] = {}
    unnamed: list[RequirementLine] = []
    faults = []
    for line in lines:
        try:
            applies = metadata.applies(line.marker, markers)
        except ValueError as error:
            message = f"the marker of `{line.text}` cannot be evaluated: {str(error).rstrip('.')}"
            faults.append(Fault(origin=line.origin, message=message))
            continue
        if applies:
            name = _name(line, certain)
            (unnamed if name is None else named.setdefault(name, [])).append(line)
    demands = [Demand(conflicts=tuple(faults)), *(_reduce_project(name, group) for name, group in named.items())]
    demands += (Demand(entrusted=(one,)) if _is_entrusted(one) else Demand(unpinned=(one,)) for one in unnamed)
    return Demand(
        **{kind.name: tuple(one for demand in demands for one in getattr(demand, kind.name)) for kind in fields(Demand)}
    )


def _is_entrusted(line: RequirementLine) -> bool:
    """Return whether the line is allowed, though nothing installed can be compared with it."""
    return line.editable or line.directory


def _name(line: RequirementLine, certain: Container[NormalizedName | None]) -> NormalizedName | None:
    """Return the name of a line's group; its text where the line has no name."""
    # a guessed name does not count if another line really has it
    if line.name is not None and not (line.anonymous and line.name in certain):
        return line.name
    return None if _is_entrusted(line) or not _fixes_contents(line) else NormalizedName(line.text)


def _fixes_contents(line: RequirementLine) -> bool:
    """Return whether a direct reference fixes its contents, by a hash or a full commit."""
    link = line.link or ""
    return commit(link) is not None if is_vcs(link) else bool(_hashes(line))


def _hashes(line: RequirementLine) -> frozenset[str]:
    """Return the hashes of a line, none where md5 alone would fix contents that are not on this machine."""
    remote = line.link is not None and scheme(line.link) != "file"
    return frozenset() if remote and all(text.startswith("md5:") for text in line.hashes) else line.hashes


def _reduce_project(name: NormalizedName, group: Sequence[RequirementLine]) -> Demand:
    entrusted = tuple(line for line in group if _is_entrusted(line))
    if entrusted:
        return Demand(entrusted=entrusted, bounds=tuple(line for line in group if line.constraint))
    written = [candidate for line in group for candidate in _written_versions(line)]
    fitting = [candidate for candidate in written if all(_admits(line, candidate[0]) for line in group)]
    links = [line for line in group if line.link is not None]
    conflict = _content_conflict(links, group) if fitting or not written else _version_conflict(group)
    if conflict is not None:
        # constraints that contradict each other matter only once something asks for the project
        return Demand(conflicts=() if all(line.constraint for line in group) else (conflict,), bounds=tuple(group))
    loose = [line for line in links if not _fixes_contents(line)]
    if loose or not (fitting or links):
        requested = [line for line in group if not line.constraint]
        unpinned = tuple(loose or requested) if requested else ()  # constraints alone are bounds
        return Demand(unpinned=unpinned, bounds=tuple(line for line in group if line not in unpinned))
    # several that fit are one version in several spellings: the choice must not depend on the order of lines
    version, exact = max(fitting, key=lambda candidate: (candidate[1], *candidate)) if fitting else (None, None)
    parsed = metadata.version(version) if version else None  # `===` takes any text
    hashed = [hashes for line in group if (hashes := _hashes(line))]
    pin = Pin(
        name=name,
        version=parsed,
        exact=version if exact else None,
        source=_source(links[0]) if links else None,
        hashes=frozenset.intersection(*hashed) if hashed else frozenset(),  # as pip intersects them
        expected=parsed or _archived(links, name),
        lines=tuple(group),
    )
    return Demand(pins=(pin,))


def _written_versions(line: RequirementLine) -> list[tuple[str, bool]]:
    """Return the version of each `==` or `===` clause of a line, and whether it is `===`."""
    return sorted(
        (clause.version, clause.operator == "===")
        for clause in line.specifier
        if clause.operator == "===" or (clause.operator == "==" and not clause.version.endswith(".*"))
    )


def _admits(line: RequirementLine, version: str) -> bool:
    parsed = metadata.version(version)
    if parsed is None:
        return not len(line.specifier) or (version, True) in _written_versions(line)
    return metadata.admits(line.specifier, parsed)


def _version_conflict(group: Sequence[RequirementLine]) -> Fault:
    """Return why no written version fits every line, from the first line with a version."""
    first = next(line for line in group if _written_versions(line))
    possible = [version for version, _ in _written_versions(first) if _admits(first, version)]
    if not possible:
        return Fault(origin=first.origin, message=f"`{first.text}` can never be met{_misspelt(first)}")
    other = next(line for line in group if not _admits(line, possible[0]))
    return _contradiction(first, other)


def _contradiction(first: RequirementLine, other: RequirementLine) -> Fault:
    return Fault(origin=first.origin, message=f"`{first.text}` contradicts `{other.text}` ({other.origin})")


def _misspelt(line: RequirementLine) -> str:
    for text, exact in _written_versions(line):
        parsed = metadata.version(text)
        if exact and parsed is not None and str(parsed) != text.lower():
            return f": `===` compares text, and that version is written `{parsed}`"
    return ""


def _content_conflict(links: Sequence[RequirementLine], group: Sequence[RequirementLine]) -> Fault | None:
    hashed = [line for line in group if _hashes(line)]
    for number, common in enumerate(accumulate((line.hashes for line in hashed), and_)):
        if not common:
            line, others = hashed[number], ", ".join(str(other.origin) for other in hashed[:number])
            return Fault(origin=line.origin, message=f"`{line.text}` has no hash in common with {others}")
    other = next((line for line in links if _source(line) != _source(links[0])), None)
    return _contradiction(links[0], other) if other else None


def _source(line: RequirementLine) -> Source:
    """Return the repository and commit that a line demands; an archive is known by its hash, not its URL."""
    link = line.link or ""
    subdirectory = next((part[13:] for part in link.partition("#")[2].split("&") if part[:13] == "subdirectory="), None)
    if not is_vcs(link):
        return Source(url="", subdirectory=subdirectory)
    url = without_secrets(link.partition("+")[2])
    stem, at, _ = url.rpartition("@")
    return Source(url=stem if at else url, commit=commit(link), subdirectory=subdirectory)


def _archived(links: Sequence[RequirementLine], name: NormalizedName) -> Version | None:
    """Return the version in the name of the archive that a line demands."""
    named = (metadata.release(file_name(line.link), name) for line in links if line.link and not is_vcs(line.link))
    return next((found for found in named if found is not None), None)
