"""Decide what happens to pip's cache: what leaves it, what comes back, what is built again.

May not: act.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from pinstall.model.pins import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pinstall.model.artifacts import Artifact, Case, Eviction, Plan
    from pinstall.model.pins import Pin
    from pinstall.request.policy import Policy

_OTHER = (State.WRONG_VERSION, State.WRONG_LABEL)
_USABLE = (State.HOLDS, State.UNPROVEN)


def make(cases: Iterable[Case], policy: Policy) -> Plan:
    """Return what has to happen to pip's cache before pip runs.

    A wheel of another version is evicted because the user's pin says so, a damaged one because pip would take it.
    A pin is remade without the cache where something was evicted and neither cache nor shelf has the pinned build.
    """
    from pinstall.model.artifacts import Plan  # noqa: PLC0415 - a satisfied environment has no use for any such value

    evictions: dict[tuple[str, ...], Eviction] = {}
    returns = []
    remakes = []
    refreshes = []
    for case in cases:
        leaving = [found for found in (_eviction(case.pin, *item, policy) for item in case.cached) if found]
        gone = {path for eviction in leaving for path in eviction.paths}
        staying = {item.path for item, state in case.cached if state in _USABLE and item.path not in gone}
        occupied = {item.path for item, _ in case.cached} - gone
        back = [item for item, state in case.shelved if state in _USABLE and not occupied.intersection(item.paths)]
        faults = () if policy.evict == "never" else case.faults
        evictions |= {eviction.paths: eviction for eviction in (*leaving, *faults)}
        returns += back
        if leaving and not staying and not back:
            remakes.append(case.pin)
        if case.hidden:
            refreshes.append(case.pin)
    return Plan(
        evictions=tuple(evictions.values()),
        returns=tuple(returns),
        remakes=tuple(remakes),
        refreshes=tuple(refreshes),
    )


def _eviction(pin: Pin, artifact: Artifact, state: State, policy: Policy) -> Eviction | None:
    if policy.evict == "never":
        return None
    if reason := contradiction(pin, artifact):
        return _of_wheel(artifact, reason, contradiction=True)
    if reason := _unsuitable(pin, artifact, state, policy):
        elsewhere = state in _OTHER and artifact.archive is not None and not pin.direct
        return replace(_of_wheel(artifact, reason, contradiction=False), harmless=elsewhere)
    return None


def beside_others(planned: Plan) -> tuple[Plan, tuple[Eviction, ...]]:
    """Return a plan for while other runs read the cache, and what pip would have to be led around then.

    Contradictions leave all the same; a good wheel stays, since another pip may be about to open it.
    """
    leaving = tuple(eviction for eviction in planned.evictions if eviction.contradiction)
    obstacles = tuple(one for one in planned.evictions if not one.contradiction and not one.harmless)
    remakes = () if obstacles else planned.remakes
    return replace(planned, evictions=leaving, remakes=remakes), obstacles


def _of_wheel(artifact: Artifact, reason: str, *, contradiction: bool) -> Eviction:
    from pinstall.model.artifacts import Eviction  # noqa: PLC0415 - as above

    return Eviction(
        what=f"the wheel of {artifact.identity.name} {artifact.identity.version or ''}".rstrip(),
        identity=artifact.identity,
        paths=(artifact.path, *artifact.download),
        reason=reason,
        contradiction=contradiction,
    )


def contradiction(pin: Pin, artifact: Artifact) -> str | None:
    """Return why a wheel is not what its place in pip's cache promises, none where nothing says so."""
    if artifact.damage is not None:
        return f"it {artifact.damage}"
    if _is_stranger(pin, artifact):
        return f"it lies where pip looks for the wheel of {artifact.identity.name} {artifact.archive}"
    return None


def _unsuitable(pin: Pin, artifact: Artifact, state: State, policy: Policy) -> str | None:
    """Return why a good wheel is not the one that this run needs."""
    article = "" if pin.origin.line else "the "  # a file and line is a name; the command line is not
    if policy.evict != "contradicting" and state in _OTHER:
        return f"{article}{pin.origin} pins {pin.wanted}"
    if state not in _OTHER and artifact.differs:
        return f"it was built with another {', another '.join(artifact.differs)}"
    if state in _USABLE and policy.builds == "recorded" and not artifact.recorded:
        return "nothing is on record of how it was built (`builds=recorded`)"
    return None


def _is_stranger(pin: Pin, artifact: Artifact) -> bool:
    """Tell whether the wheel is not of the release whose archive its entry was built from.

    Of a release on an index pip takes exactly that version; what a direct reference builds may carry a local label.
    """
    archive, version = artifact.archive, artifact.identity.version
    if archive is None or version is None or archive == version:
        return False
    return not pin.direct or Version(archive.public) != Version(version.public)
