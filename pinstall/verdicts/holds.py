"""Decide which pins of earlier runs hold beside a request, and which are held after it.

May not: read or write the ledger.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pinstall.formats import metadata, urls
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Origin, RequirementLine
from pinstall.model.pins import Hold, Pin, Reporter
from pinstall.report import phrases
from pinstall.request import demand, requirements
from pinstall.request.options import RENEWING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from packaging.utils import NormalizedName

    from pinstall.model.artifacts import Chosen
    from pinstall.request.call import Asked
    from pinstall.verdicts.closure import Find
    from pinstall.verdicts.evidence import Evidence


def surviving(held: Mapping[NormalizedName, Hold], named: AbstractSet[NormalizedName], find: Find) -> tuple[Hold, ...]:
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
                need = metadata.requirement(text)
            except ValueError:
                continue
            if canonicalize_name(need.name) == hold.name and not need.specifier.contains(
                hold.version, prereleases=True
            ):
                found.append(f"{one.name} {one.version} needs {need.name}{need.specifier}")
    return tuple(found)


def in_force(evidence: Evidence, tell: Reporter) -> tuple[Hold, ...]:
    """Return the pins of earlier runs that this run may not move.

    They count for nothing where hashes are demanded: hash mode lets pip install nothing that is not pinned.
    """
    asked = evidence.asked
    # pip would install again what is held, from an index that may not have it, or next to it
    renewing = asked.request.has(*RENEWING, "require_hashes")
    if asked.policy.hold != "keep" or renewing or any(pin.hashes for pin in asked.demand.pins if not pin.direct):
        return ()
    held = evidence.installed.ledger.holds()
    gone = _gone(held)
    standing = without(held, gone)
    for file in sorted(gone):
        tell.say(f"`{file}` is gone: what it pinned is held no longer")
    uninstalled = {name for name in standing if evidence.find(name) is None}
    if uninstalled:  # by now, before this run perhaps installs it for another reason
        evidence.installed.ledger.write(
            {}, tell.say, lambda held: {name: hold for name, hold in held.items() if name not in uninstalled}
        )
    # what the files of this very run have said before is in nobody's way: what they say now is asked for
    return surviving(without(standing, _read(asked)), _named(asked), evidence.find)


def _gone(held: Mapping[NormalizedName, Hold]) -> frozenset[str]:
    """Return the files that pin something and are not there any more."""
    files = {file for hold in held.values() for file in hold.origins if file and "://" not in file}
    return frozenset(file for file in files if not os.path.exists(file))


def constraints(held: tuple[Hold, ...], folder: str) -> tuple[str, ...]:
    """Return what tells pip of the holds: bare versions, since a hash would turn hash mode on for everything."""
    if not held:
        return ()
    path = os.path.join(folder, "held.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{hold.name}=={hold.version}\n" for hold in held)
    return ("-c", path)


def find_replaced(held: tuple[Hold, ...], chosen: Iterable[Chosen]) -> tuple[Hold, ...]:
    """Return the holds of projects that are asked for in another version: pip's dry run knows them without a name."""
    requested = {one.name: one.version for one in chosen if one.requested}
    return tuple(hold for hold in held if requested.get(hold.name, hold.version) != hold.version)


def end(replaced: tuple[Hold, ...], evidence: Evidence, tell: Reporter) -> None:
    """Hold no longer what has been replaced."""
    for hold in replaced:
        tell.say(f"`{hold.name}=={hold.version}`, the pin of an earlier run, is no more: something else was asked for")
    names = {hold.name for hold in replaced}
    evidence.installed.ledger.write({}, tell.say, lambda held: {name: held[name] for name in held if name not in names})


def find_conflict(held: tuple[Hold, ...], chosen: Sequence[Chosen], exit_code: int) -> PinstallError | None:
    """Return the holds that pip, without them, would have moved for a request."""
    context = []
    for hold in held:
        version = next((one.version for one in chosen if one.name == hold.name), hold.version)
        if version != hold.version:
            why = needs(hold, chosen) or (f"this request takes {version}",)
            origin = next(iter(hold.origins.values()))
            context += [f"{origin} pins {hold.name}=={hold.version}, but {reason}" for reason in why]
    if not context:
        return None
    return PinstallError(
        "held",
        phrases.counted(
            len(context), "pin of an earlier run stands in the way", "pins of earlier runs stand in the way"
        ),
        context=tuple(context),
        hint="pin both together, or let the earlier ones move with `--pin hold=ignore`",
        exit_code=exit_code,
    )


def instead(asked: Asked, held: Mapping[NormalizedName, Hold]) -> Asked:
    """Return a call that asks for nothing as one that asks for what earlier runs have pinned."""
    written = (
        requirements.line(
            f"{hold.name}=={hold.version}", Origin(where=next(iter(hold.origins.values()))), editable=False
        )
        for hold in held.values()
    )
    lines = tuple(line for line in written if isinstance(line, RequirementLine))
    return replace(asked, lines=lines, demand=demand.reduce(lines, asked.target.markers))


def renew(evidence: Evidence, tell: Reporter) -> None:
    """Hold what this run has pinned from now on, in place of what it replaces."""
    asked = evidence.asked
    policy = asked.policy.hold
    if asked.elsewhere or policy == "ignore":
        return
    fresh = {hold.name: hold for pin in asked.demand.pins for hold in _held(pin, asked, evidence)}
    constrained = {pin.name for pin in asked.demand.pins if not pin.requested}

    def after(held: Mapping[NormalizedName, Hold]) -> dict[NormalizedName, Hold]:
        kept = {} if policy == "forget" else without(held, _gone(held))
        # a constraint alone installs nothing: it ends no hold but of what pip has moved for it
        standing = surviving(kept, frozenset(), evidence.find)
        left = {hold.name: hold for hold in standing if hold.name in constrained}
        return renewed(kept, left | fresh, _named(asked), _read(asked), evidence.find)

    before = evidence.installed.ledger.holds()
    if after(before) != before:
        evidence.installed.ledger.write({}, tell.say, after)


def _held(pin: Pin, asked: Asked, evidence: Evidence) -> Iterator[Hold]:
    """Yield the pin as a hold of what is installed; its file is named so that another run knows it again.

    What a link pins is held by its version too, but under `origin=index`: by that alone its link would be a fault.
    """
    found = evidence.find(pin.name)
    if not pin.requested or found is None:
        return
    known = found.identity.version is not None and not pin.anonymous and asked.policy.origin != "index"
    if pin.version is not None or pin.exact is not None or known:
        lines = [line.origin for line in pin.lines if (line.specifier or line.link) and not line.constraint]
        origins = {_file(origin): phrases.place(origin) for origin in reversed(lines or [pin.origin])}
        yield Hold(name=pin.name, version=found.text, origins=origins)


def _file(origin: Origin) -> str:
    if origin.line is None:
        return ""
    if "://" in origin.where:
        return origin.where
    path = os.path.abspath(origin.where)
    return path if os.path.isfile(path) else ""  # what is read but once, as `<(...)`, is like the command line


def _read(asked: Asked) -> frozenset[str]:
    """Return the files that this run has read as holds know them: what opens a URL is written nowhere."""
    return frozenset(urls.redacted(file) for file in asked.files)


def _named(asked: Asked) -> frozenset[NormalizedName]:
    """Return what is asked for, or pinned by a constraint: neither a bound nor a marker that is false takes a place."""
    demand = asked.demand
    bounds = (line for line in demand.bounds if not line.constraint)  # of what contradicts itself
    lines = (*(line for pin in demand.pins for line in pin.lines), *demand.unpinned, *demand.entrusted, *bounds)
    return frozenset(line.name for line in lines if line.name is not None)
