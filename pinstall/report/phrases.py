"""Turn verdicts and outcomes into words, and into a versioned JSON document.

May not: print.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pinstall.formats.urls import is_vcs, redacted, scheme
from pinstall.model.errors import NOT_PINNED, Command, Outcome, PinstallError
from pinstall.model.inputs import Fault, Origin, RequirementLine
from pinstall.model.pins import DEAD, Distribution, Identity, Source, State, Verdict

if TYPE_CHECKING:
    from pinstall.model.artifacts import Eviction


_FOREMOST = re.compile(r"[#&](md5=)")
_PROXY = re.compile(r"\A((?:--[a-z-]+=)?[^\s:@/=]+:)(?!//)\S*@")  # `--proxy` also takes `USER:PASSWORD@HOST`


def place(origin: Origin) -> str:
    """Return an origin without credentials: `requirements.txt:14`, or `command line` for an argument."""
    return redacted(str(origin))


def counted(number: int, one: str, many: str) -> str:
    """Return `1 pin holds` or `2 pins hold`."""
    return f"{number} {one if number == 1 else many}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return the first names, and how many more there are."""
    return ", ".join(names[:most]) + f" and {len(names) - most} more" * (len(names) > most)


def target(place: str, version: str, rival: str, *, elsewhere: bool) -> str:
    """Return `installing into .venv (Python 3.11)`, with words on a rival; `elsewhere` pip changes nothing there."""
    verb = "running the pip of" if elsewhere else "installing into"
    return f"{verb} {place} (Python {'.'.join(version.split('.')[:2])}){rival}"


def overwritten(files: Mapping[str, Distribution]) -> Iterator[str]:
    """Yield, for each distribution that has overwritten files, words that follow the name of their owner."""
    taken: dict[str, tuple[Distribution, list[str]]] = {}
    for path, other in files.items():
        taken.setdefault(other.path, (other, []))[1].append(path)
    for other, paths in taken.values():
        one = len(paths) == 1
        what = f"its {paths[0]} has" if one else f"{len(paths)} of its files, such as {min(paths)}, have"
        last = "that file" if one else "them"
        yield f"but {what} been overwritten by {other.identity.name} {other.text}, which has {last} too"


def found(state: State, text: str, identity: Identity | None) -> str:
    """Return what is installed, as a sentence."""
    match state:
        case State.ABSENT:
            return "it is not installed"
        case State.UNPROVEN:
            return f"the hash of the installed {text} is not verified"
        case State.WRONG_SOURCE:
            source = identity.source if identity else None
            where = "somewhere else" if source is None else _source(source)
            return f"{text} is installed from {where}"
        case State.WRONG_HASH:
            hashes = ", ".join(sorted(identity.hashes)) if identity else ""
            return f"another artifact of {text} is installed ({hashes})"
        case _:
            return f"{text} is installed"


def changed(path: str, found: Distribution) -> str:
    """Return that a file is not what was installed from it."""
    return f"{path} was changed since {found.identity.name} {found.text} was installed from it"


def _source(source: Source) -> str:
    commit = f" at {source.commit}" if source.commit else ""
    folder = f", folder {source.subdirectory}" if source.subdirectory else ""
    return f"{source.url}{commit}{folder}"


# The id of a pin's state, in findings and in the JSON report.
_OF_VERSIONS = ("satisfied", "not-installed", "not-verified", "wrong-version", "wrong-local-version")
IDS = dict(zip(State, (*_OF_VERSIONS, "wrong-source", "wrong-hash", "damaged"), strict=True))
_DAMAGES = {" is missing": "file-missing", " was modified": "file-modified"}


def verdict(judged: Verdict, more: str = "") -> Fault:
    """Return one line on a pin that is not satisfied, with what is installed instead."""
    damages = (name for text, name in _DAMAGES.items() if judged.state is State.DAMAGED and text in judged.found)
    name = "dead-script" if judged.found.startswith(DEAD) else next(damages, IDS[judged.state])
    return fault(judged.pin.origin, f"{judged.pin.wanted}, but {judged.found}{more}", name, judged.pin.name)


def remark(judged: Verdict, text: str) -> Fault:
    """Return one line on a satisfied pin with something unusual."""
    return fault(judged.pin.origin, f"{judged.pin.wanted} is satisfied {text}", "remark", judged.pin.name)


def fault(origin: Origin, message: str, name: str, project: str | None = None) -> Fault:
    """Return a finding without credentials."""
    return Fault(redacted(message), replace(origin, where=redacted(origin.where)), name, project or "")


def label(name: str, version: str, public: str) -> str:
    """Return how to choose between builds of one version that differ in their local version."""
    return f"by {version}: `{name}=={version}` demands that local version, `{name}==={public}` none"


def remedy(judged: Verdict) -> str:
    """Return what `install` would do about a pin that is not satisfied."""
    absent = judged.state in (State.ABSENT, State.WRONG_VERSION, State.WRONG_LABEL)
    return f"`pinstall` would {'install' if absent else 'reinstall'} it"


def eviction(evicted: Eviction) -> str:
    """Return one line on files that left pip's cache."""
    return redacted(f"moved {evicted.what} out of pip's cache: {evicted.reason} (`pinstall undo` puts it back)")


def kept(edits: Sequence[Eviction]) -> str:
    """Return one line on edited files of one distribution that pip has replaced."""
    paths, them = [edit.paths[0] for edit in edits], "it" if len(edits) == 1 else "them"
    of = edits[0].what.removeprefix(paths[0])
    return f"kept {listed(paths)}{of}, which {edits[0].reason} (`pinstall undo` puts {them} back)"


def bypass(evicted: Eviction, why: str) -> str:
    """Return one line on files that should leave pip's cache and cannot."""
    return redacted(f"pip runs without its cache: {evicted.what} has to leave it ({evicted.reason}), and {why}")


def stuck(evicted: Eviction, why: str) -> str:
    """Return one line on files that stay in pip's cache."""
    return redacted(f"{evicted.what} stays in pip's cache: {why}")


def unpinned(line: RequirementLine, pin: str, *, installed: bool = False) -> Fault:
    """Return one line on a requirement that is not a pin, with what to write instead."""
    text = f"`{line.text}` is not a pin; {_remedy(line, pin)}{', which is installed' * installed}"
    return fault(line.origin, text, "unpinned", line.name)


def _remedy(line: RequirementLine, pin: str) -> str:
    if line.link is None:
        return f"write `{pin}`"
    if is_vcs(line.link):
        if scheme(line.link).startswith(("git+", "hg+")):
            return "write the full commit id after `@`"
        return "a revision number does not fix contents: use git, hg, or an archive with its hash"
    if match := _FOREMOST.search(line.link):  # pip reads the first hash only
        return f"write `sha256=<digest of that file>` in place of `{match[1]}`"
    return f"add `{'&' if '#' in line.link else '#'}sha256=<digest of that file>` to the URL"


def summary(outcome: Outcome, seconds: float) -> str:
    """Return the last line of a good run: what is satisfied, what was changed, how long pip and pinstall took."""
    satisfied = sum(judged.state is State.HOLDS for judged in outcome.verdicts)
    parts, number = [], len(outcome.unpinned)
    if outcome.verdicts:
        would = "would be " * outcome.rehearsed
        parts.append(f"{counted(satisfied, 'pin', 'pins')} {would}satisfied{_accepted(outcome)}{_changed(outcome)}")
    if outcome.left or not parts:
        left = counted(outcome.left, "requirement is not a pin and was", "requirements are not pins and were")
        parts.append(f"{left} left to pip")
    if outcome.commands and not outcome.rehearsed:
        parts[-1] += f" in {seconds:.1f} s"
    if number:
        unpinned = counted(number, "dependency is not pinned", "dependencies are not pinned")
        parts.append(f"{unpinned} (`pinstall check` lists {'it' if number == 1 else 'them'})")
    return "; ".join(parts)


def _accepted(outcome: Outcome) -> str:
    unproven = sum(judged.state is State.UNPROVEN for judged in outcome.verdicts)
    return f", {unproven} of the right version with a hash that is not verified" if unproven else ""


def _changed(outcome: Outcome) -> str:
    """Return how many of the satisfied pins were installed or repaired, where pip was started."""
    signs = {name: line[0] for name, line in outcome.changes.items()}
    names = [signs.get(judged.pin.name, "=") for judged in outcome.verdicts if judged.state is State.HOLDS]
    words = {"+": "installed", "~": "repaired", "=": "already there"}
    counts = [f"{names.count(sign)} {word}" for sign, word in words.items() if sign in names]
    return f" ({', '.join(counts)})" if outcome.commands and counts and not outcome.rehearsed else ""


def failure(outcome: Outcome) -> PinstallError | None:
    """Return why a run failed, with each pin that is not satisfied."""
    if outcome.exit_code != NOT_PINNED or outcome.error is not None:
        return outcome.error
    failing = sorted((judged for judged in outcome.verdicts if judged.state is not State.HOLDS), key=lambda v: -v.state)
    wrong = [judged for judged in failing if judged.state is not State.UNPROVEN]
    if wrong:  # the user may have accepted the other pins
        message = counted(len(wrong), "pin is not satisfied", "pins are not satisfied") + _accepted(outcome)
        hint = "`pinstall why NAME` shows what is known of one; run again with `-v` to see what pip did"
    else:
        message = counted(len(failing), "pin is not verified", "pins are not verified")
        hint = "`--pin unproven=accept` accepts the right version with a hash that is not verified"
    context = tuple(map(verdict, wrong or failing))
    return PinstallError("not-satisfied", message, context=context, hint=hint, exit_code=NOT_PINNED)


def details(outcome: Outcome) -> dict[str, Any]:
    """Return what the JSON document of a run has next to its findings; that of `check` has a part of it."""
    plan = outcome.plan
    return {
        "pins": list(map(_pin, outcome.verdicts)),
        "evictions": list(map(_eviction, plan.evictions if plan else ())),
        "unpinned": [{"name": one.name, "version": one.version, "by": redacted(one.by)} for one in outcome.unpinned],
        "target": outcome.target,
        "environment": dict(outcome.environment),
        "changes": dict(outcome.changes),
        "returned": [{"paths": list(item.paths), "receipt": item.receipt} for item in (plan.returns if plan else ())],
        "rebuilt": [redacted(pin.wanted) for pin in (plan.remakes if plan else ())],
        "commands": list(map(_command, outcome.commands)),
    }


def _pin(judged: Verdict) -> dict[str, Any]:
    pin = judged.pin
    return {
        "name": pin.name,
        "wanted": redacted(pin.wanted),
        "hashes": sorted(pin.hashes),
        "origins": [redacted(str(line.origin)) for line in pin.lines],
        "state": IDS[judged.state],
        "found": redacted(judged.found),
        "remarks": [redacted(text) for text in (*judged.warnings, *judged.notes)],
    }


def _eviction(evicted: Eviction) -> dict[str, Any]:
    return {
        "what": evicted.what,
        "paths": list(evicted.paths),
        "name": evicted.identity.name,
        "version": str(evicted.identity.version or ""),
        "reason": redacted(evicted.reason),
        "contradiction": evicted.contradiction,
    }


def _command(command: Command) -> dict[str, Any]:
    return {
        "purpose": command.purpose,
        "arguments": list(map(redact_argument, command.arguments)),
        "exit_code": command.exit_code,
    }


def redact_argument(argument: str) -> str:
    """Return an argument of a pip command without the credentials of its URLs."""
    return _PROXY.sub(r"\1****@", redacted(argument))
