"""Walk one request through its gates: read, refuse, judge what is installed, and only then let pip run.

May not: parse text, compare versions, format, touch the disk itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pinstall import comparison, verdicts
from pinstall.commands import install as steps
from pinstall.commands.install import stamping
from pinstall.environment import choice
from pinstall.formats.urls import redacted
from pinstall.model.errors import Outcome, PinstallError
from pinstall.model.pins import Reporter, State, Verdict
from pinstall.report import phrases
from pinstall.request import arguments
from pinstall.request.call import Asked, gather, read_call
from pinstall.verdicts import holds, refusals
from pinstall.verdicts.evidence import Evidence


def install(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> Outcome:
    """Install what is pinned, and return what was done, refusals included.

    Raises PinstallError where the command line itself cannot be understood.
    """
    started = time.time_ns()
    call = read_call(argv, environ)
    rival = choice.find_rival(call.target, environ)
    place, version = choice.place(call.target), call.target.version
    notice = phrases.target(place, version, rival, elsewhere=call.elsewhere)
    if call.chosen_by or rival:
        tell.say(notice)
        notice = ""
    if call.chosen_by:
        tell.detail(f"`{call.target.executable}` is chosen by {call.chosen_by}")
    for setting in call.settings:
        tell.detail(f"{setting.name}={redacted(setting.value or '')} ({setting.origin})")
    try:
        outcome = _walk(gather(call), started, tell, notice)
    except PinstallError as error:
        outcome = Outcome(exit_code=error.exit_code, error=error)
    for verdict in outcome.verdicts:
        for text in verdict.warnings:
            tell.say(phrases.remark(verdict, text))
        for text in verdict.notes:
            tell.detail(phrases.remark(verdict, text))
    into = {"place": place, "python": version, "chosen_by": call.chosen_by}
    return replace(outcome, target=call.target.executable, environment=into, report_to=call.policy.report)


def _walk(asked: Asked, started: int, tell: Reporter, notice: str) -> Outcome:
    if notice and (asked.beyond or (asked.demand.unpinned and asked.policy.unpinned == "warn")):
        tell.say(notice)  # pip starts in any case
        notice = ""
    for text in asked.beyond:
        tell.say(text)
    for text in asked.request.unknown:
        tell.detail(f"`{text}` is not understood: it is left to pip, with what may be its value")
    with tell.working("reading what is installed"):
        evidence = Evidence(asked)
    if any(line.anonymous for line in asked.lines):
        evidence = verdicts.proof.learn_names(evidence)
    refusals.refuse_request(evidence, tell)
    if evidence.asked.demand.unpinned and asked.policy.unpinned != "allow":
        steps.advise.refuse_unpinned(evidence, tell)
    with tell.working("checking the installed files"):
        found, cache = evidence.judge(), None
    if asked.policy.unproven != "accept" and any(verdict.state is State.UNPROVEN for verdict in found):
        with tell.working("verifying hashes by pip's cache"):
            found, cache = verdicts.sources.verify(evidence, found, tell)
    reason = next(_find_reasons(evidence, found, tell), None)
    if reason is not None and notice:
        tell.say(notice)
    refusals.refuse_foreign(evidence, tell)
    if reason is None:
        return _settle(evidence, found, started, tell)
    tell.detail(f"pip is started: {reason}")
    return steps.act.launch(evidence, cache, found, tell)


def _find_reasons(evidence: Evidence, found: Sequence[Verdict], tell: Reporter) -> Iterator[str]:
    """Yield why pip has to be started: what only pip can answer, then the pins and needs that are not satisfied."""
    yield from _find_unknowns(evidence.asked)
    for verdict in found:
        if verdict.state is not State.HOLDS:
            tell.detail(phrases.verdict(verdict))
    if wanting := sum(not comparison.accepts(verdict, evidence.asked.policy.unproven) for verdict in found):
        yield phrases.counted(wanting, "pin is not satisfied", "pins are not satisfied")
    elif evidence.unmet:
        markers = evidence.asked.target.markers
        for text in verdicts.resolution.explain(evidence.roots(), evidence.find, markers) if tell.detailed else ():
            tell.detail(text)
        yield f"{evidence.unmet[0]}, which the environment does not have"


def _find_unknowns(asked: Asked) -> Iterator[str]:
    """Yield what about the request cannot be answered by the environment."""
    request, target, demand = asked.request, asked.target, asked.demand
    if reason := arguments.demands_pip(request, arguments.rules(asked.pip.release)):
        yield reason
    yield from map(str, (*asked.faults, *demand.conflicts, *asked.beyond))
    if target.externally_managed and request.last("override_externally_managed") is None:
        yield "the environment is externally managed"
    hashing = request.every("require_hashes")
    if len(hashing) > 1 or (hashing and not all(pin.hashes for pin in demand.pins)):
        yield f"`{hashing[0].name}` ({hashing[0].origin})"
    for line in (*demand.entrusted, *demand.unpinned):
        yield f"{line.origin}: `{line.text}` does not pin its contents"
    if not any(pin.requested for pin in demand.pins):
        yield "nothing is pinned"


def _settle(evidence: Evidence, found: tuple[Verdict, ...], started: int, tell: Reporter) -> Outcome:
    """Return the outcome of a run without pip, with what a stamp may rest on."""
    asked, loose = evidence.asked, evidence.unpinned()
    refusals.refuse_dependencies(loose, asked, tell)
    holds.renew(evidence, tell)
    grounds = () if tell.detailed or asked.policy.report else stamping.list_grounds(evidence, started)
    return Outcome(exit_code=0, verdicts=found, unpinned=loose, grounds=grounds)
