"""Compare what must be with what is.

May not: do anything else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from pinstall.model.pins import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.model.pins import Identity, Pin, Source, Verdict

_ANY = "any:"
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
        return _judge_exact(pin.exact, version)
    if pin.version == version:
        return State.HOLDS
    if pin.version is None or Version(version.public) != Version(pin.version.public):
        return State.WRONG_VERSION
    return State.HOLDS if pin.version.local is None else State.WRONG_LABEL


def _judge_exact(exact: str, version: Version) -> State:
    if str(version).lower() == exact.lower():
        return State.HOLDS
    return State.WRONG_LABEL if version.public == exact.partition("+")[0] else State.WRONG_VERSION


def _judge_source(demanded: Source | None, known: Source | None) -> State:
    if demanded is None or demanded == known:
        return State.HOLDS
    if not demanded.url and demanded.subdirectory == (known.subdirectory if known else None):
        return State.HOLDS
    return State.UNPROVEN if known is None else State.WRONG_SOURCE


def judge_hashes(demanded: frozenset[str], known: frozenset[str]) -> State:
    """Judge hashes: any common one suffices, and a hash is only refuted by another one of its algorithm."""
    if not demanded or demanded & known or any(choice <= demanded for choice in _choices(known)):
        return State.HOLDS
    return State.UNPROVEN if _open(demanded, known) else State.WRONG_HASH


def proven(demanded: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Return the hashes of an artifact that pip installed under a demand which pip itself enforces.

    Where but one of the demanded hashes is not refuted, it is the one that pip has found; where several are not, it is
    known that one of them is (`any:` and all of them), which proves the same demand and every wider one.
    """
    remaining = _open(demanded, known)
    if not remaining or demanded & known:
        return known
    return known | (remaining if len(remaining) == 1 else {f"{_ANY}{'|'.join(sorted(remaining))}"})


def _choices(known: frozenset[str]) -> Iterator[frozenset[str]]:
    for text in known:
        if text.startswith(_ANY):
            yield frozenset(text[len(_ANY) :].split("|"))


def _open(demanded: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Return the demanded hashes of which nothing is known, as their algorithm has not been computed."""
    algorithms = {text.partition(":")[0] for text in known}
    return frozenset(text for text in demanded if text.partition(":")[0] not in algorithms)


def is_suspicious(pin: Pin, identity: Identity) -> bool:
    """Tell whether the version is not what the pinned archive's name promises; that proves nothing by itself."""
    if pin.version is not None or pin.expected is None or identity.version is None:
        return False
    return Version(pin.expected.public) != Version(identity.version.public)


def is_open(pin: Pin) -> bool:
    """Tell whether a pin accepts any label."""
    bare = pin.version is not None and pin.version.local is None and pin.exact is None
    return bare and not pin.hashes and not pin.direct


def offered(pin: Pin, versions: Iterable[Version | None]) -> tuple[Version, ...]:
    """Return, of the versions of a release's files, the labelled ones that a pin leaves open, each once."""
    return tuple(sorted({one for one in versions if one is not None and one.local})) if is_open(pin) else ()


def remarked(found: Iterable[Verdict], labels: Mapping[NormalizedName, Sequence[Version]]) -> tuple[Verdict, ...]:
    """Return the verdicts, with a warning on what is installed without a label and could have had one of these."""
    return tuple(_remarked(verdict, labels.get(verdict.pin.name, ())) for verdict in found)


def _remarked(verdict: Verdict, labels: Sequence[Version]) -> Verdict:
    if not labels or verdict.state is not State.HOLDS:
        return verdict
    name, public = verdict.pin.name, labels[0].public
    spellings = ", ".join(f"`{name}=={label}`" for label in labels)
    verb = "demands that label" if len(labels) == 1 else "demand these labels"
    text = f"without a label, though there are builds with one: {spellings} {verb}, `{name}==={public}` none"
    return replace(verdict, warnings=(*verdict.warnings, text))


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
