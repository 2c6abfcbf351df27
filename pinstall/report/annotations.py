"""Turn failures into annotations of GitHub Actions, and an outcome into a job summary in Markdown.

May not: print.
"""

import ntpath
import posixpath
import re
from collections.abc import Iterator

from pinstall.formats.urls import redacted
from pinstall.model.errors import NOT_PINNED, Outcome, PinstallError
from pinstall.model.inputs import Fault, Origin
from pinstall.model.pins import State, Verdict

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})
_MOST_NAMED = 5
# A file without a line: not an argument, a variable or a held pin, whose file and line are one text.
_A_FILE = re.compile(r"(?!.*:\d+\Z).*[./\\].*", re.DOTALL)


def annotation(level: str, line: str | Fault, folder: str, workspace: str, title: str = "pinstall") -> str:
    """Return a workflow command that shows a line at its place in the changed files.

    `level` is `error` or `warning`; relative places start at `folder`. GitHub shows only places in the workspace.
    Source: docs.github.com, "Workflow commands for GitHub Actions".
    """
    properties, message = {"title": title}, str(line)
    if isinstance(line, Fault) and (file := _file(line.origin, folder, workspace)):
        number = {} if line.origin.line is None else {"line": str(line.origin.line)}
        properties = {"file": file, **number, **properties}
        message = line.message
    shown = ",".join(f"{name}={redacted(value).translate(_PROPERTY)}" for name, value in properties.items())
    return f"::{level} {shown}::{redacted(message).translate(_DATA)}"


def failure(error: PinstallError, folder: str, workspace: str) -> Iterator[str]:
    """Yield an annotation for each fault of an error, and one for the error without faults."""
    faults = [line for line in error.context if isinstance(line, Fault)]
    texts = [str(line) for line in error.context if isinstance(line, str)]
    for fault in faults:
        yield annotation("error", fault, folder, workspace, error.message)
    if texts or not faults:
        yield annotation("error", "\n".join((error.message, *texts, *filter(None, (error.hint,)))), folder, workspace)


def pip_failure(outcome: Outcome, folder: str, workspace: str) -> str | None:
    """Return an annotation for a run in which pip failed, at the pin if only one is not satisfied."""
    if outcome.error is not None or outcome.exit_code in (0, NOT_PINNED):
        return None
    message = f"pip ended with exit code {outcome.exit_code}; its own lines say why"
    wanting = [judged.pin for judged in outcome.verdicts if judged.state is not State.HOLDS]
    if len(wanting) == 1:
        fault = Fault(origin=wanting[0].origin, message=f"{wanting[0].wanted} was not installed")
        return annotation("error", fault, folder, workspace, message)
    named = [f"{pin.wanted} ({pin.origin})" for pin in wanting[:_MOST_NAMED]]
    more = ["..."] if len(wanting) > _MOST_NAMED else []
    listed = f"; not installed: {', '.join(named + more)}" if named else ""
    return annotation("error", message + listed, folder, workspace)


def _file(origin: Origin, folder: str, workspace: str) -> str | None:
    """Return the path of a file from the workspace, with slashes; none for other places."""
    if "://" in origin.where or (origin.line is None and not _A_FILE.fullmatch(origin.where)):
        return None
    rules = ntpath if ntpath.splitdrive(folder)[0] else posixpath
    try:
        path = rules.relpath(rules.join(folder, origin.where), workspace)
    except ValueError:  # on another drive
        return None
    parts = path.split(rules.sep)
    return None if parts[0] == rules.pardir else "/".join(parts)


def summary(outcome: Outcome) -> str:
    """Return the pins and the moved files as the Markdown of a job summary."""
    holding = [judged for judged in outcome.verdicts if judged.state is State.HOLDS]
    failing = [judged for judged in outcome.verdicts if judged.state is not State.HOLDS]
    evictions = outcome.plan.evictions if outcome.plan else ()
    lines = [f"### pinstall: {_headline(outcome, len(holding))}"]
    if outcome.error is not None:
        lines += ["", *(f"* {_plain(str(line))}" for line in outcome.error.context)]
    if failing:
        lines += ["", "| Pin | Where | |", "|---|---|---|", *map(_row, failing)]
    if evictions:
        moved = (f"* {_plain(evicted.what)}: {_plain(evicted.reason)}" for evicted in evictions)
        lines += ["", "Moved out of pip's cache:", "", *moved]
    if holding:
        pins = ", ".join(_literal(judged.pin.wanted) for judged in holding)
        lines += ["", f"<details><summary>Pins that hold: {len(holding)}</summary>", "", pins, "", "</details>"]
    return "\n".join((*lines, "", ""))


def _headline(outcome: Outcome, holding: int) -> str:
    if outcome.error is not None:
        return _plain(outcome.error.message)
    total = len(outcome.verdicts)
    ended = "" if outcome.exit_code in (0, NOT_PINNED) else f", pip ended with exit code {outcome.exit_code}"
    held = f"{holding} of {total} {'pin holds' if total == 1 else 'pins hold'}" if total else "nothing is pinned"
    return f"{held}{ended}"


def _row(judged: Verdict) -> str:
    cells = (_literal(judged.pin.wanted), _plain(str(judged.pin.origin)), _plain(judged.found))
    return f"| {' | '.join(cells)} |"


def _literal(text: str) -> str:
    return f"<code>{_plain(text)}</code>"


def _plain(text: str) -> str:
    """Return a text that Markdown and HTML show as it is, on one line and without credentials."""
    return re.sub(r"[^\w\s.,;()/=+-]", lambda match: f"&#{ord(match[0])};", " ".join(redacted(text).split()))
