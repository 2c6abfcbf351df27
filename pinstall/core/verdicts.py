"""Compare what must be with what is.

May not: do anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from pinstall.model import State

if TYPE_CHECKING:
    from pinstall.model import Identity, Pin, Source

_WEIGHT = (
    State.WRONG_VERSION,
    State.WRONG_LABEL,
    State.WRONG_SOURCE,
    State.WRONG_HASH,
    State.UNPROVEN,
    State.HOLDS,
)
"""Which finding speaks for the whole: a proven difference before a missing proof."""


def judge(pin: Pin, identity: Identity) -> State:
    """Return how an identity stands to a pin.

    What is not known is never called a contradiction, and a demand that nothing proves is never called met.
    """
    states = (
        _judge_version(pin, identity.version),
        _judge_source(pin.source, identity.source),
        judge_hashes(pin.hashes, identity.hashes),
    )
    return min(states, key=_WEIGHT.index)


def _judge_version(pin: Pin, version: Version | None) -> State:
    """Judge by PEP 440: `==` leaves open a local label that it does not write, `===` compares text."""
    if pin.version is None and pin.exact is None:
        return State.HOLDS
    if version is None:
        return State.UNPROVEN
    if pin.exact is not None:
        if str(version).lower() == pin.exact.lower():
            return State.HOLDS
        return State.WRONG_LABEL if version.public == pin.exact.partition("+")[0] else State.WRONG_VERSION
    if pin.version == version:
        return State.HOLDS
    if pin.version is None or Version(version.public) != Version(pin.version.public):
        return State.WRONG_VERSION
    return State.HOLDS if pin.version.local is None else State.WRONG_LABEL


def _judge_source(demanded: Source | None, known: Source | None) -> State:
    if demanded is None or demanded == known:
        return State.HOLDS
    return State.UNPROVEN if known is None else State.WRONG_SOURCE


def judge_hashes(demanded: frozenset[str], known: frozenset[str]) -> State:
    """Judge hashes: any common one suffices, and only hashes of one algorithm can contradict each other."""
    if not demanded or demanded & known:
        return State.HOLDS
    algorithms = {text.partition(":")[0] for text in demanded}
    comparable = any(text.partition(":")[0] in algorithms for text in known)
    return State.WRONG_HASH if comparable else State.UNPROVEN


def proven(demanded: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Return the hashes of an artifact that pip installed under a demand which pip itself enforces.

    Where the demand is one hash of an algorithm that the report does not name, pip has compared it all the same.
    """
    if len(demanded) == 1 and judge_hashes(demanded, known) is State.UNPROVEN:
        return known | demanded
    return known
