"""Verify environment and cache against the given pins, or against the holds, and change nothing.

May not: write, start pip, parse text, print.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName

from pinstall import comparison
from pinstall.environment import contents
from pinstall.environment.installed import find_shared
from pinstall.formats import metadata
from pinstall.formats.urls import redacted
from pinstall.model.artifacts import Plan
from pinstall.model.errors import FINDING, HOLDS, Outcome
from pinstall.model.inputs import Fault, RequirementLine
from pinstall.model.pins import Distribution, Reporter, State, Verdict
from pinstall.report import phrases
from pinstall.request import demand, lines
from pinstall.request.call import Asked, gather, read_call, refuse
from pinstall.verdicts import closure, refusals
from pinstall.verdicts.conflicts import Metadata, assume_requested
from pinstall.verdicts.evidence import Evidence
from pinstall.verdicts.proof import gather_evidence, judge

_OPTIONS = ("--deep", "--exact")


def check(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Show all that `install` would have to do; return 1 if that is anything, raise (64) for unknown options."""
    deep, exact = (word in argv for word in _OPTIONS)
    call = read_call([word for word in argv if word not in _OPTIONS], environ, afresh=True)
    refuse(call, "check", *_OPTIONS, "--pinned", "--json", "--format")
    with tell.working("checking the installed files"):
        evidence, cache, found = gather_evidence(gather(call))
    asked = evidence.asked
    cases = cache.cases(asked.demand.pins)
    if asked.request.last("only_dependencies") is not None:
        assume_requested(evidence, cache)
        found = judge(cache, evidence)
    cleared = cache.planned(cases)
    installed = filter(None, (evidence.find(verdict.pin.name) for verdict in found))
    readable = {one.identity.name: one for one in installed if one.damage is None}
    labels = cache.labels({name: one.identity for name, one in readable.items()})
    found = comparison.warn_of_labels(found, labels)
    disputes = Metadata(evidence, found, cache).find_conflicts(cases)
    disputed = {fault.origin for fault in disputes}
    standing = (fault for fault in _standing(found, asked) if fault.origin not in disputed)
    faults = [*_demands(evidence), *disputes, *standing, *_cached(cleared)]
    faults += _unmet(found, evidence, asked, {verdict.pin.name for verdict in found if disputes})
    faults += _files(evidence, list(readable.values()), tell, deep=deep)
    faults += _foreign(evidence) if asked.policy.unowned != "allow" else ()
    faults += _unexplained(evidence) if exact else ()
    loose = evidence.unpinned()
    if asked.policy.closure == "refuse":
        faults += [_finding(f"{one}, is not pinned", "closure", one.name) for one in loose]
    for fault in faults:
        tell.show(fault)
    _say(tell, found, tuple(cache.doubts(cases)), cleared)
    tell.attach(**phrases.details(Outcome(exit_code=0, verdicts=found, plan=cleared, unpinned=loose)))
    if asked.policy.closure != "refuse":
        refusals.show_dependencies(loose, tell)
    number = sum(verdict.state is State.HOLDS for verdict in found)
    satisfied = f"{number} of {phrases.counted(len(found), 'pin', 'pins')} satisfied"
    tell.say(f"{satisfied}, {phrases.counted(len(faults), 'finding', 'findings')}")
    return FINDING if faults else HOLDS


def _finding(message: str, name: str, project: str = "") -> Fault:
    return Fault(redacted(message), id=name, project=project)


def _say(tell: Reporter, found: Sequence[Verdict], doubts: Sequence[str | Fault], cleared: Plan) -> None:
    """Print warnings and notes."""
    for verdict in found:
        for text in (*verdict.warnings, *verdict.notes):
            tell.say(phrases.remark(verdict, text))
    for doubt in doubts:
        tell.say(doubt)
    for eviction in cleared.evictions:
        if not eviction.contradiction:
            tell.detail(f"{eviction.what} would leave pip's cache: {eviction.reason}")


def _demands(evidence: Evidence) -> Iterator[Fault]:
    asked = evidence.asked
    wrong = {"conflict": asked.demand.conflicts, "hash": demand.malformed(asked.lines)}
    for name, faults in {"requirements": asked.faults, **wrong}.items():
        yield from (replace(fault, id=name) for fault in faults)
    for line in _loose(asked):
        one = evidence.find(line.name) if line.name else None
        fits = one is not None and metadata.admits(line.specifier, one.text)
        pin = lines.written(line, one.text if one and fits else "VERSION", line.hashes) if line.name else ""
        yield phrases.unpinned(line, pin, installed=fits)
    yield from (_finding(text, "left-to-pip") for text in asked.beyond)


def _loose(asked: Asked) -> tuple[RequirementLine, ...]:
    return asked.demand.unpinned if asked.policy.unpinned != "allow" else ()


def _standing(found: Sequence[Verdict], asked: Asked) -> Iterator[Fault]:
    """Yield the pins that are not satisfied, with what would be done."""
    for verdict in found:
        if not comparison.accepts(verdict, asked.policy.unproven):
            yield phrases.verdict(verdict, f"; {phrases.remedy(verdict)}")


def _unmet(
    found: Sequence[Verdict], evidence: Evidence, asked: Asked, disputed: set[NormalizedName]
) -> Iterator[Fault]:
    """Yield the needs that the environment does not meet, but of each missing project one, and none that was named."""
    loose = {(line.name, str(line.origin)) for line in _loose(asked)}
    named = {verdict.pin.name for verdict in found if verdict.state is not State.HOLDS} | disputed
    named |= {name for name, _ in loose if name is not None and evidence.find(name) is None}
    for need in evidence.unmet:
        if need.name not in named and (need.name, need.by) not in loose:
            found_here = evidence.find(need.name)
            state = f"but {found_here.text} is installed" if found_here else "which is not installed"
            yield _finding(f"{need}, {state}; `pinstall` would install it", "unmet-dependency", need.name)
            named |= set() if found_here else {need.name}


def _cached(cleared: Plan) -> Iterator[Fault]:
    """Yield what in pip's cache contradicts a pin; a wheel of another version does not."""
    for one in cleared.evictions:
        if one.contradiction:
            text = f"{one.what} is in pip's cache: {one.reason}; `pinstall` would move it to the shelf"
            yield _finding(text, "cache-mismatch", one.identity.name)


def _foreign(evidence: Evidence) -> Iterator[Fault]:
    """Yield what no RECORD lists: what Python runs when it starts, and modules among those of pinned packages."""
    foreign = evidence.installed.foreign
    for place in foreign.hooks:
        version = " 3.15" if place.endswith(".start") else ""
        yield _finding(f"{place}: Python{version} runs it at each start, and no RECORD lists it", "startup-hook")
    for place, one in foreign.find_unowned(evidence.lists()):
        what = f"Python may import it as part of {one.identity.name} {one.text}"
        yield _finding(f"{place}: {what}, and no RECORD lists it", "unowned", one.identity.name)


def _unexplained(evidence: Evidence) -> Iterator[Fault]:
    """Yield what is in the environment without a pin, a need of a pin or a held pin; pip and pinstall need none."""
    asked, installed = evidence.asked, evidence.installed
    pinned = {pin.name for pin in asked.demand.pins} | installed.ledger.holds().keys()
    roots = [closure.Need(name=name, by="") for name in (*pinned, NormalizedName("pip"), refusals.DISTRIBUTION)]
    explained, _ = closure.walk([*evidence.roots(), *roots], evidence.find, asked.target.markers)
    for one in installed.every:
        if one.identity.name not in explained and not installed.is_outside(one):
            why = "no pin, no dependency of a pin and no held pin explains it"
            yield _finding(f"{one.identity.name} {one.text}: {why}", "unexplained", one.identity.name)


def _files(evidence: Evidence, installed: Sequence[Distribution], tell: Reporter, *, deep: bool) -> Iterator[Fault]:
    """Yield files that others claim too, and with `deep` each whose contents are not what RECORD says."""
    listed = evidence.installed.owners
    shared = {owners: paths for owners, paths in find_shared(listed).items() if set(owners) & set(installed)}
    for owners, paths in shared.items():
        names = " and ".join(sorted(owner.identity.name for owner in owners))
        what = f"{min(paths)} belongs" if len(paths) == 1 else f"{len(paths)} files, such as {min(paths)}, belong"
        text = f"{what} to {names}: one of them has overwritten {'it' if len(paths) == 1 else 'them'}"
        yield _finding(text, "shared-file", owners[0].identity.name)
    if deep:
        sharing = {owner for owners in shared for owner in owners}
        taken = {(one, path) for one in sharing for path in evidence.installed.overwritten(one)}
        rows = ((one, evidence.installed.row(one)) for one in installed)
        taken |= {(one, path) for one, row in rows if row is not None for path in row.flaws}
        lists = map(evidence.installed.files, installed)
        altered = set(contents.find_altered(lists, os.cpu_count() or 1, tell.progress)) - taken
        for one, path in sorted(altered, key=lambda each: (each[0].identity.name, each[1])):
            text = f"{one.identity.name} {one.text}: {path} is not what was installed (`--force-reinstall` renews it)"
            yield _finding(text, "file-modified", one.identity.name)
