"""Learn the names of requests that do not say them: from where pip says that something came from, or is installed from.

May not: start pip, judge what is asked for by name.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from pinstall.adapters import archives
from pinstall.core import pins, verdicts
from pinstall.evidence import Evidence
from pinstall.model import State
from pinstall.provenance import bare

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pinstall.demand import Asked
    from pinstall.model import Distribution, Identity, Pin
    from pinstall.request import RequirementLine


def learnt(asked: Asked, evidence: Evidence, reported: Iterable[Identity] = ()) -> tuple[Asked, Evidence]:
    """Return what is asked with the names of what came from there by pip's report, or is installed from there."""
    if not any(line.anonymous for line in asked.lines):
        return asked, evidence
    known = [*reported, *(_known(one, evidence) for one in evidence.every())]
    lines = tuple(_named(line, known, asked) if line.anonymous else line for line in asked.lines)
    if lines == asked.lines:
        return asked, evidence
    asked = replace(asked, lines=lines, demand=pins.reduce(lines, asked.call.target.markers))
    return asked, Evidence(asked)


def _known(found: Distribution, evidence: Evidence) -> Identity:
    return replace(found.identity, hashes=found.identity.hashes | evidence.ledger.hashes(found))


def _named(line: RequirementLine, known: Sequence[Identity], asked: Asked) -> RequirementLine:
    for pin in pins.reduce((line,), asked.call.target.markers).pins:
        ours = chain(_exact(pin, known), _from_there(pin, line, known))
        if (found := next(ours, None)) is not None:
            return replace(line, name=found.name, anonymous=False)
    return line


def _exact(pin: Pin, known: Iterable[Identity]) -> Iterable[Identity]:
    """Return what is that commit, or has that hash, first what is named like the file."""
    fitting = (one for one in known if verdicts.judge(pin, one) is State.HOLDS)
    return sorted(fitting, key=lambda one: one.name != pin.name)


def _from_there(pin: Pin, line: RequirementLine, known: Iterable[Identity]) -> Iterable[Identity]:
    """Return what is from that very URL, and has no hash that could be compared."""
    place = _place(line.link or "")
    same = (one for one in known if one.source is not None and _place(one.source.url) == place)
    return (one for one in same if verdicts.judge(pin, one) is State.UNPROVEN)


def _place(link: str) -> str:
    path = archives.path_of(link)
    return bare(link) if path is None else os.path.abspath(path)
