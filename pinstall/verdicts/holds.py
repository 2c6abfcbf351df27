"""Decide which pins of earlier runs hold next to a request, and which are held after it.

May not: start pip, judge.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name

from pinstall.formats import metadata, urls
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Origin, RequirementLine
from pinstall.model.pins import Hold, Pin, Reporter
from pinstall.report import phrases
from pinstall.request import demand, requirements
from pinstall.request.call import Asked
from pinstall.request.options import RENEWING
from pinstall.verdicts.evidence import Evidence

if TYPE_CHECKING:
    from pinstall.model.artifacts import Chosen

Held = Mapping[NormalizedName, Hold]


def find_holds(evidence: Evidence, tell: Reporter) -> tuple[Hold, ...]:
    """Return the pins of earlier runs that this run may not move.

    There are none where hashes are demanded: hash mode lets pip install nothing that is not pinned.
    """
    asked = evidence.asked
    # pip would install again what is held, from an index that may not have it, or next to it
    renewing = asked.request.has(*RENEWING, "require_hashes")
    if asked.policy.hold != "keep" or renewing or any(pin.hashes for pin in asked.demand.pins if not pin.direct):
        return ()
    held = evidence.installed.ledger.holds()
    gone = _find_gone(held)
    for file in sorted(gone):
        tell.say(f"`{file}` is gone: what it pinned is held no longer")
    left = _without(held, gone)
    # forgotten now, before this run perhaps installs it for another reason
    _forget({name for name in left if evidence.find(name) is None}, evidence, tell)
    # the files of this very run say again what they have pinned before
    return _select(_without(left, _read(asked)), _named(asked), evidence)


def _select(held: Held, named: Container[NormalizedName], evidence: Evidence) -> tuple[Hold, ...]:
    """Return the holds of projects that are not named and still installed as pinned: plain pip may move the others."""
    left = ((hold, evidence.find(name)) for name, hold in sorted(held.items()) if name not in named)
    return tuple(hold for hold, found in left if found is not None and found.text == hold.version)


def _without(held: Held, files: Container[str]) -> dict[NormalizedName, Hold]:
    """Return the holds that other files than these pin."""
    left = ((hold, {file: text for file, text in hold.origins.items() if file not in files}) for hold in held.values())
    return {hold.name: replace(hold, origins=origins) for hold, origins in left if origins}


def _find_gone(held: Held) -> frozenset[str]:
    files = {file for hold in held.values() for file in hold.origins if file and "://" not in file}
    return frozenset(file for file in files if not os.path.exists(file))


def _forget(names: set[NormalizedName], evidence: Evidence, tell: Reporter) -> None:
    if names:
        ledger = evidence.installed.ledger
        ledger.write({}, tell.say, lambda held: {name: held[name] for name in held if name not in names})


def find_replaced(held: tuple[Hold, ...], chosen: Iterable[Chosen]) -> tuple[Hold, ...]:
    """Return the holds of projects that are asked for in another version, perhaps without their name."""
    requested = {one.name: one.version for one in chosen if one.requested}
    return tuple(hold for hold in held if requested.get(hold.name, hold.version) != hold.version)


def forget_replaced(replaced: tuple[Hold, ...], evidence: Evidence, tell: Reporter) -> None:
    """Remove the holds of what has been replaced."""
    for hold in replaced:
        tell.say(f"`{hold.name}=={hold.version}`, the pin of an earlier run, was dropped: something else was asked for")
    _forget({hold.name for hold in replaced}, evidence, tell)


def find_conflict(held: tuple[Hold, ...], chosen: Sequence[Chosen], exit_code: int) -> PinstallError | None:
    """Return the error for the holds that pip would have moved, if there were any."""
    versions = {one.name: one.version for one in chosen}
    moved = [hold for hold in held if versions.get(hold.name, hold.version) != hold.version]
    context = tuple(
        f"{next(iter(hold.origins.values()))} pins {hold.name}=={hold.version}, but {reason}"
        for hold in moved
        for reason in (tuple(_find_needs(hold, chosen)) or (f"this request takes {versions[hold.name]}",))
    )
    counted = ("pin of an earlier run stands in the way", "pins of earlier runs stand in the way")
    message = phrases.counted(len(context), *counted)
    hint = "pin both together, or let the earlier ones move with `--pin hold=ignore`"
    return PinstallError("held", message, context=context, hint=hint, exit_code=exit_code) if context else None


def _find_needs(hold: Hold, chosen: Iterable[Chosen]) -> Iterator[str]:
    """Yield which of pip's choices need another version than the one that is held, as `bb 1.0 needs aa>=2`."""
    for one in chosen:
        for text in one.requires:
            with suppress(ValueError):
                need = metadata.requirement(text)
                if canonicalize_name(need.name) == hold.name and not metadata.admits(need.specifier, hold.version):
                    yield f"{one.name} {one.version} needs {need.name}{need.specifier}"


def ask_for_holds(evidence: Evidence) -> Asked:
    """Return a call that asks for nothing as one that asks for what earlier runs have pinned."""
    asked, held = evidence.asked, evidence.installed.ledger.holds().values()
    pins = ((f"{hold.name}=={hold.version}", Origin(where=next(iter(hold.origins.values())))) for hold in held)
    written = (requirements.line(text, origin, editable=False) for text, origin in pins)
    lines = tuple(line for line in written if isinstance(line, RequirementLine))
    return replace(asked, lines=lines, demand=demand.reduce(lines, asked.target.markers))


def renew(evidence: Evidence, tell: Reporter) -> None:
    """Hold what this run has pinned, in place of what its files pinned before and of other versions."""
    asked = evidence.asked
    policy = asked.policy.hold
    if asked.elsewhere or policy == "ignore":
        return
    pinned = {hold.name: hold for pin in asked.demand.pins for hold in _hold(pin, evidence)}
    constrained = {pin.name for pin in asked.demand.pins if not pin.requested}

    def after(held: Held) -> dict[NormalizedName, Hold]:
        old = {} if policy == "forget" else _without(held, _find_gone(held))
        # a constraint alone installs nothing: it ends no hold but of what pip has moved for it
        fresh = {hold.name: hold for hold in _select(old, frozenset(), evidence) if hold.name in constrained} | pinned
        kept = {name: hold for name, hold in _without(old, _read(asked)).items() if evidence.find(name) is not None}
        for name in _named(asked) & kept.keys():
            if name not in fresh or fresh[name].version != kept[name].version:
                del kept[name]
        for name, hold in fresh.items():
            origins = {**(kept[name].origins if name in kept else {}), **hold.origins}
            kept[name] = replace(hold, origins=dict(sorted(origins.items())))
        return kept

    before = evidence.installed.ledger.holds()
    if after(before) != before:
        evidence.installed.ledger.write({}, tell.say, after)


def _hold(pin: Pin, evidence: Evidence) -> Iterator[Hold]:
    """Yield the pin as a hold; a link is held by its version, but not under `origin=index`, which refuses it."""
    found = evidence.find(pin.name)
    if not pin.requested or found is None:
        return
    known = found.identity.version is not None and not pin.anonymous and evidence.asked.policy.origin != "index"
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
    """Return the files that this run has read, as holds know them: without the credentials of URLs."""
    return frozenset(urls.redacted(file) for file in asked.files)


def _named(asked: Asked) -> frozenset[NormalizedName]:
    """Return what is asked for, or pinned by a constraint; a bound or a false marker does not count."""
    demand = asked.demand
    bounds = (line for line in demand.bounds if not line.constraint)  # of what contradicts itself
    lines = (*(line for pin in demand.pins for line in pin.lines), *demand.unpinned, *demand.entrusted, *bounds)
    return frozenset(line.name for line in lines if line.name is not None)
