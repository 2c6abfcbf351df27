"""Turn what was found and done into words, and into a versioned JSON document.

May not: print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinstall.core.links import is_vcs, redacted
from pinstall.errors import NOT_PINNED
from pinstall.model import State

if TYPE_CHECKING:
    from pinstall.model import Command, Distribution, Eviction, Identity, Outcome, RequirementLine, Verdict

SCHEMA = 1


def counted(number: int, one: str, many: str) -> str:
    """Return `1 pin holds` or `2 pins hold`."""
    return f"{number} {one if number == 1 else many}"


def found(state: State, text: str, identity: Identity | None) -> str:
    """Return what a verdict saw, in words that follow the project's name."""
    match state:
        case State.ABSENT:
            return "is not installed"
        case State.UNPROVEN:
            return f"{text} is installed, but nothing proves that it is the pinned artifact"
        case State.WRONG_SOURCE:
            source = identity.source if identity else None
            where = "" if source is None else f" from {source.url}" + (f" at {source.commit}" if source.commit else "")
            return f"{text} is installed{where}"
        case State.WRONG_HASH:
            hashes = ", ".join(sorted(identity.hashes)) if identity else ""
            return f"{text} is installed from another artifact ({hashes})"
        case _:
            return f"{text} is installed"


def verdict(judged: Verdict) -> str:
    """Return one line on a pin that does not hold: where, what, and what is there instead."""
    if judged.state is State.DAMAGED:
        return f"{judged.pin.origin}: {judged.pin.wanted}, but what is installed {judged.found}"
    return f"{judged.pin.origin}: {judged.pin.wanted}, but {_subject(judged)}{judged.found}"


def _subject(judged: Verdict) -> str:
    return "it " if judged.state is State.ABSENT else ""


def eviction(evicted: Eviction) -> str:
    """Return one line on a wheel that left pip's cache."""
    identity = evicted.artifact.identity
    what = f"{identity.name} {identity.version}" if identity.version else identity.name
    reason = f"it {evicted.reason}" if evicted.contradiction else evicted.reason
    return f"moved the wheel of {what} out of pip's cache: {reason} (`pinstall undo` puts it back)"


def unpinned(line: RequirementLine, installed: Distribution | None) -> str:
    """Return one line on a request that is no pin, with what to write instead."""
    return f"{line.origin}: `{line.text}` is not a pin; {_remedy(line, installed)}"


def _remedy(line: RequirementLine, installed: Distribution | None) -> str:
    if line.link is not None and is_vcs(line.link):
        return "write the full commit id behind `@`"
    if line.link is not None:
        return "add `#sha256=<digest of that file>` to the URL"
    version = None if installed is None else installed.identity.version
    extras = f"[{','.join(sorted(line.extras))}]" if line.extras else ""
    if version is not None and line.specifier.contains(version, prereleases=True):
        return f"write `{line.name}{extras}=={version}`, which is installed"
    return f"write `{line.name}{extras}==<version>`"


def summary(outcome: Outcome) -> str:
    """Return the one line that a run ends with."""
    holding = sum(judged.state is State.HOLDS for judged in outcome.verdicts)
    text = counted(holding, "pin holds", "pins hold")
    accepted = sum(judged.state is State.UNPROVEN for judged in outcome.verdicts)
    if accepted:
        text += f", {accepted} of the right version without proof of the hash"
    return text


def conclusion(outcome: Outcome) -> tuple[str, ...]:
    """Return what a run ends with: a summary, or each pin that does not hold although pip was content."""
    if outcome.exit_code == 0:
        return (summary(outcome),)
    if outcome.exit_code != NOT_PINNED:
        return ()
    failing = sorted((judged for judged in outcome.verdicts if judged.state is not State.HOLDS), key=lambda v: -v.state)
    number = counted(len(failing), "pin does not hold", "pins do not hold")
    hint = "hint: `--pin unproven=accept` accepts the right version without proof of its hash"
    unproven = any(judged.state is State.UNPROVEN for judged in failing)
    return (f"error: {number}", *(f"  {verdict(judged)}" for judged in failing), *((hint,) if unproven else ()))


def document(outcome: Outcome) -> dict[str, Any]:
    """Return the JSON report; its schema only grows as long as `schema` stays the same."""
    return {
        "schema": SCHEMA,
        "exit_code": outcome.exit_code,
        "target": outcome.target,
        "pins": [_pin(judged) for judged in outcome.verdicts],
        "evictions": [_eviction(evicted) for evicted in outcome.plan.evictions],
        "returned": [{"path": item.path, "receipt": item.receipt} for item in outcome.plan.returns],
        "remade": [pin.wanted for pin in outcome.plan.remakes],
        "commands": [_command(command) for command in outcome.commands],
    }


def _pin(judged: Verdict) -> dict[str, Any]:
    pin = judged.pin
    return {
        "name": pin.name,
        "wanted": pin.wanted,
        "hashes": sorted(pin.hashes),
        "origins": [str(line.origin) for line in pin.lines],
        "state": judged.state.name.lower().replace("_", "-"),
        "found": judged.found,
    }


def _eviction(evicted: Eviction) -> dict[str, Any]:
    return {
        "path": evicted.artifact.path,
        "name": evicted.artifact.identity.name,
        "version": str(evicted.artifact.identity.version or ""),
        "reason": evicted.reason,
        "contradiction": evicted.contradiction,
    }


def _command(command: Command) -> dict[str, Any]:
    return {
        "purpose": command.purpose,
        "arguments": [redacted(argument) for argument in command.arguments],
        "exit_code": command.exit_code,
    }


def command(python: str, arguments: tuple[str, ...]) -> str:
    """Return a pip command as it is run, without the credentials of its URLs."""
    return " ".join((python, "-m", "pip", *(redacted(argument) for argument in arguments)))
