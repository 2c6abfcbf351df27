"""Decide what happens to pip's cache: what leaves it, what comes back, what is built again.

May not: act.
"""

from collections.abc import Sequence
from dataclasses import replace

from packaging.version import Version

from pinstall.model.artifacts import Artifact, Case, Eviction, Plan
from pinstall.model.pins import Pin, State
from pinstall.request.policy import Policy

_OTHER = (State.WRONG_VERSION, State.WRONG_LABEL)
_USABLE = (State.HOLDS, State.UNPROVEN)


def make(cases: Sequence[Case], policy: Policy) -> Plan:
    """Return what has to happen to pip's cache before pip runs.

    A pin is built again without the cache where a wheel leaves and neither cache nor shelf has the pinned build.
    """
    evictions: dict[tuple[str, ...], Eviction] = {}
    returns = []
    remakes = []
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
    return Plan(
        evictions=tuple(evictions.values()),
        returns=tuple(returns),
        remakes=tuple(remakes),
        refreshes=tuple(case.pin for case in cases if case.hidden),
    )


def _eviction(pin: Pin, artifact: Artifact, state: State, policy: Policy) -> Eviction | None:
    wrong = contradiction(pin, artifact)
    reason = wrong or _unsuitable(pin, artifact, state, policy)
    if reason is None or policy.evict == "never":
        return None
    return Eviction(
        what=f"the wheel of {artifact.identity.name} {artifact.identity.version or ''}".rstrip(),
        identity=artifact.identity,
        paths=(artifact.path, *artifact.download),
        reason=reason,
        contradiction=wrong is not None,
        harmless=wrong is None and state in _OTHER and artifact.archive is not None and not pin.direct,
    )


def beside_others(planned: Plan) -> Plan:
    """Return the plan while other runs read the cache: good wheels stay there, even those that pip has to avoid."""
    leaving = tuple(one for one in planned.evictions if one.contradiction)
    avoided = any(not one.contradiction and not one.harmless for one in planned.evictions)
    return replace(planned, evictions=leaving, remakes=() if avoided else planned.remakes)


def contradiction(pin: Pin, artifact: Artifact) -> str | None:
    """Return why a wheel is not what its place in pip's cache promises."""
    if artifact.damage is not None:
        return f"it {artifact.damage}"
    if _is_stranger(pin, artifact):
        return f"it lies where pip looks for the wheel of {artifact.identity.name} {artifact.archive}"
    return None


def _unsuitable(pin: Pin, artifact: Artifact, state: State, policy: Policy) -> str | None:
    if policy.evict != "contradicting" and state in _OTHER:
        article = "" if pin.origin.line else "the "  # a file and line is a name; the command line is not
        return f"{article}{pin.origin} pins {pin.wanted}"
    if state not in _OTHER and artifact.differs:
        with_ = "for" if artifact.differs[0].startswith("CPU") else "with"
        return f"it was built {with_} another {', another '.join(artifact.differs)}"
    if state in _USABLE and policy.builds == "recorded" and not artifact.recorded:
        return "nothing is on record of how it was built (`builds=recorded`)"
    return None


def _is_stranger(pin: Pin, artifact: Artifact) -> bool:
    """Check for another release than that of the source archive; a direct reference may build a local version."""
    archive, version = artifact.archive, artifact.identity.version
    if archive is None or version is None or archive == version:
        return False
    return not pin.direct or Version(archive.public) != Version(version.public)
