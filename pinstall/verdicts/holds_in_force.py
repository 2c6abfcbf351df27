"""Decide which pins of earlier runs hold beside a request, and which are held after it.

May not: read or write the ledger.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from packaging.utils import NormalizedName

    from pinstall.model.artifacts import Chosen
    from pinstall.model.pins import Distribution, Hold

    Find = Callable[[NormalizedName], Distribution | None]


def in_force(held: Mapping[NormalizedName, Hold], named: AbstractSet[NormalizedName], find: Find) -> tuple[Hold, ...]:
    """Return the holds that a run keeps: of projects that it does not name and that are still as they were pinned.

    What plain pip has moved since is no longer held in its place: that would move it again.
    """
    return tuple(
        hold
        for name, hold in sorted(held.items())
        if name not in named and (found := find(name)) is not None and found.text == hold.version
    )


def renewed(
    held: Mapping[NormalizedName, Hold],
    fresh: Mapping[NormalizedName, Hold],
    named: AbstractSet[NormalizedName],
    files: AbstractSet[str],
    find: Find,
) -> dict[NormalizedName, Hold]:
    """Return what is held after a run that went well.

    Its pins, `fresh`, take the place of what the files that it read, which are absolute, have said before, and of other
    versions of what it names. What is not installed any more is held no longer.
    """
    kept = {name: hold for name, hold in without(held, files).items() if find(name) is not None}
    for name in named & kept.keys():
        other = fresh.get(name)
        if other is None or other.version != kept[name].version:
            del kept[name]
    return kept | {name: replace(hold, origins=_joined(kept.get(name), hold)) for name, hold in fresh.items()}


def _joined(before: Hold | None, hold: Hold) -> dict[str, str]:
    return dict(sorted({**(before.origins if before else {}), **hold.origins}.items()))


def without(held: Mapping[NormalizedName, Hold], files: AbstractSet[str]) -> dict[NormalizedName, Hold]:
    """Return the holds that something else than these files says."""
    left = {
        name: replace(hold, origins={file: text for file, text in hold.origins.items() if file not in files})
        for name, hold in held.items()
    }
    return {name: hold for name, hold in left.items() if hold.origins}


def needs(hold: Hold, chosen: Iterable[Chosen]) -> tuple[str, ...]:
    """Return who of what pip would choose needs another version than the one that is held, as `bb 1.0 needs aa>=2`."""
    found = []
    for one in chosen:
        for text in one.requires:
            try:
                need = Requirement(text)
            except InvalidRequirement:
                continue
            if canonicalize_name(need.name) == hold.name and not need.specifier.contains(
                hold.version, prereleases=True
            ):
                found.append(f"{one.name} {one.version} needs {need.name}{need.specifier}")
    return tuple(found)
