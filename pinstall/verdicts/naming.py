"""Learn the names of requests that do not say them: from where pip says that something came from, or is installed from.

May not: start pip, judge what is asked for by name.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from pinstall import judge as verdicts
from pinstall.environment.directories import place
from pinstall.model.pins import State
from pinstall.request import pins
from pinstall.verdicts.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pinstall.model.pins import Distribution, Identity, Pin
    from pinstall.model.request import RequirementLine
    from pinstall.request.demand import Asked


def learnt(asked: Asked, evidence: Evidence, reported: Sequence[Identity] = ()) -> tuple[Asked, Evidence]:
    """Return what is asked with the names of what came from there by pip's report, or is installed from there."""
    lines = tuple(_named(line, asked, evidence, reported) if line.anonymous else line for line in asked.lines)
    if lines == asked.lines:
        return asked, evidence
    asked = replace(asked, lines=lines, demand=pins.reduce(lines, asked.call.target.markers))
    return asked, Evidence(asked)


def _named(line: RequirementLine, asked: Asked, evidence: Evidence, reported: Sequence[Identity]) -> RequirementLine:
    for pin in pins.reduce((line,), asked.call.target.markers).pins:
        exact = (one for one in _known(pin, evidence, reported) if verdicts.judge(pin, one) is State.HOLDS)
        ours = chain(exact, _from_there(pin, line, _known(pin, evidence, reported)))
        if (found := next(ours, None)) is not None:
            return replace(line, name=found.name, anonymous=False)
    return line


def _known(pin: Pin, evidence: Evidence, reported: Sequence[Identity]) -> Iterator[Identity]:
    """Yield what pip has reported, and what is installed, first of all what is named like the file."""
    yield from reported
    guessed = evidence.find(pin.name)
    if guessed is not None:
        yield _identity(guessed, evidence)
    for found in evidence.every():
        yield _identity(found, evidence)


def _identity(found: Distribution, evidence: Evidence) -> Identity:
    return replace(found.identity, hashes=found.identity.hashes | evidence.ledger.hashes(found))


def _from_there(pin: Pin, line: RequirementLine, known: Iterable[Identity]) -> Iterator[Identity]:
    """Yield what is from that very URL, and has no hash that could be compared."""
    wanted = place(line.link or "")
    same = (one for one in known if one.source is not None and place(one.source.url) == wanted)
    return (one for one in same if verdicts.judge(pin, one) is State.UNPROVEN)
