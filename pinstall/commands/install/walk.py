"""Walk one request through its gates: read, refuse, judge what is installed, and only then let pip run.

May not: parse text, compare versions, format, touch the disk itself.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pinstall import comparison
from pinstall.commands.install import stamping
from pinstall.formats.urls import redacted
from pinstall.model.errors import FINDING, NOT_PINNED, Outcome, PinstallError
from pinstall.model.inputs import Fault
from pinstall.model.pins import State
from pinstall.report import phrases
from pinstall.request import arguments, demand, policy
from pinstall.request.call import gather, read_call
from pinstall.verdicts import closure, holds, refusals
from pinstall.verdicts.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pinstall.cache.cache import Cache
    from pinstall.model.pins import Reporter, Verdict
    from pinstall.request.call import Asked

DISTRIBUTION = canonicalize_name("pip-pinstall")
NAMESAKE = canonicalize_name("pinstall")
"""Somebody else's tool, with the same command and the same import name."""
_LATE = ("packaging.tags", "requests.auth", "resolvelib")
"""What of others our modules import only once they need it."""


def install(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> Outcome:
    """Install what is pinned, and return what was done, refusals included.

    Raises PinstallError where the command line itself cannot be understood.
    """
    started = time.time_ns()
    call = read_call(argv, environ)
    if call.chosen_by:
        tell.say(f"installing for `{call.target.executable}` ({call.chosen_by})")
    for setting in call.settings:
        tell.detail(f"{setting.name}={redacted(setting.value or '')} ({setting.origin})")
    try:
        outcome = _walk(gather(call), started, tell)
    except PinstallError as error:
        outcome = Outcome(exit_code=error.exit_code, error=error)
    for verdict in outcome.verdicts:
        for text in verdict.warnings:
            tell.say(phrases.remark(verdict, text))
        for text in verdict.notes:
            tell.detail(phrases.remark(verdict, text))
    return replace(outcome, target=call.target.executable, report_to=call.policy.report)


def _walk(asked: Asked, started: int, tell: Reporter) -> Outcome:
    for text in asked.beyond:
        tell.say(text)
    for text in asked.request.unknown:
        tell.detail(f"`{text}` is not understood: it is left to pip, with what may be its value")
    evidence = Evidence(asked)
    if any(line.anonymous for line in asked.lines):
        from pinstall.verdicts import proof  # noqa: PLC0415 - few requests have no name

        evidence = proof.learn_names(evidence)
    asked = evidence.asked
    _refuse(evidence, tell)
    found, cache = evidence.judge(), None
    if asked.policy.unproven != "accept" and any(verdict.state is State.UNPROVEN for verdict in found):
        found, cache = _verified(evidence, found, tell)
    reason = next(_only_pip_knows(asked), None) or _unsettled(found, evidence, tell)
    if reason is None:
        loose = evidence.unpinned()
        refusals.judge(loose, asked, tell)
        holds.renew(evidence, tell)
        lasting = not tell.detailed and not asked.policy.report
        rests_on = stamping.of(asked, evidence, started) if lasting else ()
        return Outcome(exit_code=0, verdicts=found, unpinned=loose, grounds=rests_on)
    tell.detail(f"pip is started: {reason}")
    _gather_own(evidence, found)
    # nothing of a third party may be imported for the first time while pip replaces it
    from pinstall.cache.cache import Cache  # noqa: PLC0415 - a run whose pins are all satisfied has none
    from pinstall.commands.install.act import launch  # noqa: PLC0415 - the same

    outcome, evidence = launch(evidence, cache or Cache(asked), found, tell)
    if outcome.exit_code != 0:
        return outcome
    asked = evidence.asked
    outcome = replace(outcome, left=sum(line.editable or line.directory for line in asked.demand.entrusted))
    holds.renew(evidence, tell)
    return outcome if asked.elsewhere else refusals.end(replace(outcome, unpinned=evidence.unpinned()), asked, tell)


def _verified(evidence: Evidence, found: tuple[Verdict, ...], tell: Reporter) -> tuple[tuple[Verdict, ...], Cache]:
    """Return the verdicts after a look for proof, in pip's cache and at the indexes that projects have to come from."""
    from pinstall.cache.cache import Cache  # noqa: PLC0415 - where everything is verified no cache is looked at
    from pinstall.verdicts.proof import proofs  # noqa: PLC0415 - the same

    cache, ledger = Cache(evidence.asked), evidence.installed.ledger
    ledger.write(proofs(cache, evidence, found), tell.say)
    found = evidence.judge()
    if any(setting.dest == policy.TABLE for setting in evidence.asked.settings):
        from pinstall.verdicts.sources import Sourcing  # noqa: PLC0415 - few projects have such a table

        ledger.write(Sourcing(evidence.asked, cache).proofs(evidence, found), tell.say)
        found = evidence.judge()
    return found, cache


def _gather_own(evidence: Evidence, found: Sequence[Verdict]) -> None:
    """Import all that pinstall consists of where this very run may replace some of it."""
    asked = evidence.asked
    tool = evidence.find(DISTRIBUTION) if asked.target.own else None
    if tool is None:
        return
    markers, demand = asked.target.markers, asked.demand
    own = closure.walk(closure.dependencies(tool, None, markers), evidence.find, markers)[0].keys() | {DISTRIBUTION}
    coming = {verdict.pin.name for verdict in found if verdict.state is not State.HOLDS}
    coming |= {line.name for line in (*demand.unpinned, *demand.entrusted) if line.name is not None}
    if own & coming:
        import importlib  # noqa: PLC0415 - hardly any run replaces pinstall
        import pkgutil  # noqa: PLC0415 - the same

        import pinstall  # noqa: PLC0415 - the same

        modules = pkgutil.walk_packages(pinstall.__path__, "pinstall.")
        for name in (*_LATE, *(module.name for module in modules)):
            importlib.import_module(name)


def _refuse(evidence: Evidence, tell: Reporter) -> None:
    """Raise PinstallError for what cannot be enforced, all of it at once, before anything is touched."""
    asked = evidence.asked
    _refuse_faults(asked, tell)
    _refuse_floors(evidence)
    if asked.target.own and evidence.find(NAMESAKE) is not None:
        tell.say(
            f"`{NAMESAKE}` in this environment is another tool with the same command; this one is `{DISTRIBUTION}`"
        )
    unpinned = asked.demand.unpinned
    if not unpinned or asked.policy.unpinned == "allow":
        return
    from pinstall.commands.install.advise import advice, hint  # noqa: PLC0415 - only what is refused or warned of needs any

    context = advice(evidence, tell)
    if asked.policy.unpinned == "warn":
        for text in context:
            tell.warn(text)
        return
    raise PinstallError(
        "unpinned",
        phrases.counted(len(unpinned), "requirement is not pinned", "requirements are not pinned"),
        context=context,
        hint=hint(asked),
        exit_code=NOT_PINNED,
    )


def _refuse_faults(asked: Asked, tell: Reporter) -> None:
    """Refuse what pip would refuse too, all of it at once; where anything goes pip has the last word."""
    correct, keep = "correct them and run again; nothing has been changed", "keep one of the two lines"
    malformed = tuple(demand.malformed(asked.lines))
    for reference, faults, one, many, hint in (
        ("requirements", asked.faults, "line cannot be used", "lines cannot be used", correct),
        ("conflict", asked.demand.conflicts, "pin contradicts another", "pins contradict others", keep),
        ("hash", malformed, "hash can match no file", "hashes can match no file", correct),
    ):
        if faults and asked.policy.unpinned == "refuse":
            message = phrases.counted(len(faults), one, many)
            raise PinstallError(reference, message, context=tuple(faults), hint=hint, exit_code=FINDING)
        for fault in faults:
            tell.detail(fault)


def _refuse_floors(evidence: Evidence) -> None:
    """Refuse a pin that would break pinstall itself, where it lives in the environment whose pins it enforces."""
    asked = evidence.asked
    tool = evidence.find(DISTRIBUTION) if asked.target.own else None
    if tool is None:
        return
    floors = {need.name: need for need in closure.dependencies(tool, None, asked.target.markers)}
    broken = tuple(
        Fault(
            origin=pin.origin,
            message=f"{pin.wanted}, but pinstall itself needs {floors[pin.name].name}{floors[pin.name].specifier}",
        )
        for pin in asked.demand.pins
        if pin.name in floors
        and pin.requested
        and pin.version is not None
        and not floors[pin.name].specifier.contains(pin.version, prereleases=True)
    )
    if broken:
        raise PinstallError(
            "own-floor",
            phrases.counted(len(broken), "pin would break pinstall", "pins would break pinstall"),
            context=broken,
            hint="give pinstall an environment of its own: `pipx install pip-pinstall`",
            exit_code=NOT_PINNED,
        )


def _only_pip_knows(asked: Asked) -> Iterator[str]:
    """Yield what about the request no look at the environment can answer."""
    request, target, demand = asked.request, asked.target, asked.demand
    if reason := arguments.demands_pip(request, arguments.rules(asked.pip.release)):
        yield reason
    for fault in (*asked.faults, *demand.conflicts):
        yield str(fault)
    yield from asked.beyond
    if target.externally_managed and request.last("override_externally_managed") is None:
        yield "the environment is externally managed"
    hashing = request.every("require_hashes")
    if len(hashing) > 1 or (hashing and not all(pin.hashes for pin in demand.pins)):
        yield f"`{hashing[0].name}` ({hashing[0].origin})"
    for line in (*demand.entrusted, *demand.unpinned):
        yield f"{line.origin}: `{line.text}` is no pin of contents"
    if not any(pin.requested for pin in demand.pins):
        yield "nothing is pinned"


def _unsettled(found: Sequence[Verdict], evidence: Evidence, tell: Reporter) -> str | None:
    """Return why the environment does not hold what is pinned."""
    for verdict in found:
        if verdict.state is not State.HOLDS:
            tell.detail(phrases.verdict(verdict))
    wanting = [verdict for verdict in found if not comparison.accepts(verdict, evidence.asked.policy.unproven)]
    if wanting:
        return phrases.counted(len(wanting), "pin does not hold yet", "pins do not hold yet")
    if not evidence.unmet:
        return None
    if tell.detailed:  # finding out who is to blame is dear
        for text in evidence.explanation():
            tell.detail(text)
    return f"{evidence.unmet[0]}, which is not installed so"
