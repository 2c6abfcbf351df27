"""Turn verdicts into what will be done: what leaves pip's cache, what comes back, what is remade, with which commands.

May not: act.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from pinstall.model.pins import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pinstall.model.artifacts import Artifact, Case, Eviction, Plan
    from pinstall.model.inputs import Option, Request
    from pinstall.model.pins import Pin, Verdict
    from pinstall.request.options import Rule
    from pinstall.request.policy import Policy

_OTHER = (State.WRONG_VERSION, State.WRONG_LABEL)
_USABLE = (State.HOLDS, State.UNPROVEN)

_RESET = {
    "dry_run": "PIP_DRY_RUN",
    "force_reinstall": "PIP_FORCE_REINSTALL",
    "ignore_installed": "PIP_IGNORE_INSTALLED",
    "only_dependencies": "PIP_ONLY_DEPS",
    "upgrade": "PIP_UPGRADE",
    "use_user_site": "PIP_USER",
}
"""Flags of a configuration file that a command of ours has to switch off again, and the variable that does it."""

_RESISTANT = ("dependency_groups", "editables", "prefix_path", "requirements_from_scripts", "root_path", "target_dir")
"""What no variable can take back once a configuration file says it: an empty one counts as unset for pip."""


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


def forced(verdicts: Iterable[Verdict], unproven: str) -> tuple[Pin, ...]:
    """Return the pins whose version is right and whose contents are not, or not proven: pip keeps those for ever.

    What pip has been asked for without its name, and nothing is installed from, is among them.
    pip and pinstall are not reinstalled merely for being unproven or altered: they are what is running.
    """
    wrong = {State.WRONG_SOURCE, State.WRONG_HASH}
    doubtful = {State.DAMAGED, *((State.UNPROVEN,) if unproven == "reinstall" else ())}
    return tuple(
        verdict.pin
        for verdict in verdicts
        if verdict.state in wrong
        or (verdict.state in doubtful and verdict.pin.name not in ("pip", "pip-pinstall"))
        or (verdict.state is State.ABSENT and verdict.pin.anonymous)
    )


def accepts(verdict: Verdict, unproven: str) -> bool:
    """Tell whether a verdict lets the run end well."""
    running = verdict.pin.name in ("pip", "pip-pinstall") and unproven == "reinstall"
    return verdict.state is State.HOLDS or (verdict.state is State.UNPROVEN and (running or unproven == "accept"))


def neutral(defaults: Iterable[Option], devnull: str) -> Mapping[str, str | None] | None:
    """Return the variables to set (or, with none, to unset) so that settings do not change a command of ours.

    Each inherited setting is taken back one by one; none at all is returned where one cannot be taken back.
    """
    variables: dict[str, str | None] = {"PIP_REQUIREMENT": devnull, "PIP_REPORT": None}
    for option in defaults:
        inherited = option.origin.where.startswith("PIP_")
        if option.dest in _RESET:
            variables[_RESET[option.dest]] = "0"
        elif option.dest in _RESISTANT:
            if not inherited:
                return None
            variables[option.origin.where] = None
    return variables


def demands_pip(request: Request, rules: Mapping[str, Rule]) -> str | None:
    """Return what about the request only pip can answer, or nothing when a satisfied environment may."""
    if request.unknown:
        return f"`{request.unknown[0]}` is not understood"
    for option in request.options:
        rule = rules.get(option.name)
        # a flag with a value comes from a setting that pip refuses
        refused = rule is not None and rule.action in ("flag", "count") and option.value is not None
        if rule is None or rule.gate == "pip" or refused:
            return f"`{option.name}` ({option.origin})"
    return None


def by_hashes(pins: Iterable[Pin]) -> tuple[tuple[Pin, ...], ...]:
    """Return the pins in groups that one pip command can take: one hash in a file demands hashes of all."""
    pins = tuple(pins)
    groups = (tuple(pin for pin in pins if pin.hashes), tuple(pin for pin in pins if not pin.hashes))
    return tuple(group for group in groups if group)
