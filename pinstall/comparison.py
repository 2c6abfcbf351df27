"""Compare pins with identities.

May not: do anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

from pinstall.model.pins import DEAD, Identity, Pin, Source, State, Verdict

_ANY = "any:"
# The first of these decides: a proven difference before a missing proof.
_WEIGHT = (State.WRONG_VERSION, State.WRONG_LABEL, State.WRONG_SOURCE, State.WRONG_HASH, State.UNPROVEN, State.HOLDS)
# They are running: they are not reinstalled only because they are unproven or altered.
_OWN = ("pip", "pip-pinstall")


def judge(pin: Pin, identity: Identity) -> State:
    """Compare an identity with a pin: an unknown slot is UNPROVEN, neither wrong nor satisfied."""
    states = (
        _judge_version(pin, identity.version),
        _judge_source(pin.source, identity.source),
        judge_hashes(pin.hashes, identity.hashes),
    )
    return min(states, key=_WEIGHT.index)


def _judge_version(pin: Pin, version: Version | None) -> State:
    """Judge by PEP 440: `==` without a local label accepts any, `===` compares text."""
    if pin.version is None and pin.exact is None:
        return State.HOLDS
    if version is None:
        return State.UNPROVEN
    if pin.exact is not None:
        other = State.WRONG_LABEL if version.public == pin.exact.partition("+")[0] else State.WRONG_VERSION
        return State.HOLDS if str(version).lower() == pin.exact.lower() else other
    if pin.version == version:
        return State.HOLDS
    if pin.version is None or Version(version.public) != Version(pin.version.public):
        return State.WRONG_VERSION
    return State.HOLDS if pin.version.local is None else State.WRONG_LABEL


def _judge_source(demanded: Source | None, known: Source | None) -> State:
    if demanded is None or demanded == known:
        return State.HOLDS
    if known is not None and demanded.commit and demanded == replace(known, commit=known.revision):
        return State.HOLDS  # the id of an annotated tag, for which pip records the commit
    if not demanded.url and demanded.subdirectory == (known.subdirectory if known else None):
        return State.HOLDS
    return State.UNPROVEN if known is None else State.WRONG_SOURCE


def judge_hashes(demanded: frozenset[str], known: frozenset[str]) -> State:
    """Compare hashes: one common hash suffices, only a hash of the same algorithm contradicts."""
    choices = (frozenset(text[len(_ANY) :].split("|")) for text in known if text.startswith(_ANY))
    if not demanded or demanded & known or any(choice <= demanded for choice in choices):
        return State.HOLDS
    return State.UNPROVEN if _open(demanded, known) else State.WRONG_HASH


def prove(demanded: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Return the hashes of an artifact that pip installed while it enforced the demanded ones.

    If all but one of these are contradicted, pip has found that one. If several remain, pip has found one of them,
    written as `any:` and all of them: that proves the same demand and every wider one.
    """
    remaining = _open(demanded, known)
    if not remaining or demanded & known:
        return known
    return known | (remaining if len(remaining) == 1 else {f"{_ANY}{'|'.join(sorted(remaining))}"})


def _open(demanded: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Return the demanded hashes whose algorithm is unknown of the artifact."""
    algorithms = {text.partition(":")[0] for text in known}
    return frozenset(text for text in demanded if text.partition(":")[0] not in algorithms)


def is_suspicious(pin: Pin, identity: Identity) -> bool:
    """Tell whether the version differs from the pinned archive's name, which proves nothing by itself."""
    if pin.version is not None or pin.expected is None or identity.version is None:
        return False
    return Version(pin.expected.public) != Version(identity.version.public)


def is_open(pin: Pin) -> bool:
    """Tell whether a pin accepts any label."""
    bare = pin.version is not None and pin.version.local is None and pin.exact is None
    return bare and not pin.hashes and not pin.direct


def find_labels(pin: Pin, versions: Iterable[Version | None]) -> tuple[Version, ...]:
    """Return the versions with a local label that a pin accepts without naming it, each once."""
    return tuple(sorted({one for one in versions if one is not None and one.local})) if is_open(pin) else ()


def warn_of_labels(found: Iterable[Verdict], labels: Mapping[NormalizedName, Sequence[Version]]) -> tuple[Verdict, ...]:
    """Return the verdicts, with a warning where builds with a local label exist."""
    return tuple(_warn_of_labels(verdict, labels.get(verdict.pin.name, ())) for verdict in found)


def _warn_of_labels(verdict: Verdict, labels: Sequence[Version]) -> Verdict:
    if not labels or verdict.state is not State.HOLDS:
        return verdict
    name, public = verdict.pin.name, labels[0].public
    spellings = ", ".join(f"`{name}=={label}`" for label in labels)
    verb = "demands that label" if len(labels) == 1 else "demand these labels"
    text = f"without a label, though there are builds with one: {spellings} {verb}, `{name}==={public}` none"
    return replace(verdict, warnings=(*verdict.warnings, text))


def find_forced(verdicts: Iterable[Verdict], unproven: str, *, served: bool = False) -> tuple[Pin, ...]:
    """Return the pins that pip would not install again by itself: the version is right, the contents are not.

    In an environment that is `served` from another one no pip is running. A requirement without a name is among them
    where nothing is installed from it.
    """
    wrong = {State.WRONG_SOURCE, State.WRONG_HASH}
    doubtful = {State.DAMAGED, *((State.UNPROVEN,) if unproven == "reinstall" else ())}
    return tuple(
        pin
        for pin, state, found in ((one.pin, one.state, one.found) for one in verdicts)
        if state in wrong
        or (state in doubtful and (served or pin.name not in _OWN or found.startswith(DEAD)))
        or (state is State.ABSENT and pin.anonymous)
    )


def accepts(verdict: Verdict, unproven: str) -> bool:
    """Tell whether the run can succeed with a verdict."""
    running = verdict.pin.name in _OWN and unproven == "reinstall"
    return verdict.state is State.HOLDS or (verdict.state is State.UNPROVEN and (running or unproven == "accept"))
