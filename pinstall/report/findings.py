"""Write findings for other programs: JSON, SARIF, GitLab's code quality, annotations of GitHub.

May not: print, decide what is a finding.
"""

import hashlib
import json
import ntpath
import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pinstall import __version__
from pinstall.formats.urls import redacted
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Fault, Origin

SCHEMA = 2
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})
# A file without a line: not an argument, a variable or a held pin, whose file and line are one text.
_A_FILE = re.compile(r"(?!.*:\d+\Z).*[./\\].*", re.DOTALL)


# The folder that relative places start at, and the one that they are written from.
Folders = tuple[str, str]


def of_error(error: PinstallError) -> list[Fault]:
    """Return the faults of an error, each with an id; the error itself where it has none."""
    faults = [line for line in error.context if isinstance(line, Fault)]
    texts = [line for line in error.context if isinstance(line, str)]
    if texts or not faults:
        faults.append(Fault(message="\n".join((error.message, *texts, *filter(None, (error.hint,))))))
    return [Fault(one.message, one.origin, one.id or error.reference, one.project) for one in faults]


def envelope(command: str, exit_code: int, error: PinstallError | None, found: Iterable[Fault]) -> dict[str, Any]:
    """Return what each JSON document of pinstall has; the same `schema` may only grow."""
    failed: dict[str, Any] | None = None
    if error is not None:
        context, hint = [redacted(str(line)) for line in error.context], redacted(error.hint or "") or None
        failed = {"reference": error.reference, "message": redacted(error.message), "context": context, "hint": hint}
    outcome = {0: "ok", 1: "findings"}.get(exit_code, "interrupted")
    return {
        "schema": SCHEMA,
        "command": command,
        "outcome": outcome if error is None else error.reference,
        "exit_code": exit_code,
        "error": failed,
        "findings": [_row(one) for one in found],
    }


def write(form: str, document: dict[str, Any], found: Iterable[Fault], folders: Folders) -> str:
    """Return the text of a command's result in one of the formats; only `json` has all of the document."""
    if form == "github":
        return "".join(f"{annotation('error', one, folders)}\n" for one in found)
    rows = [_row(one, folders) for one in found]
    written = {"json": document, "sarif": _sarif(rows), "gitlab": list(map(_gitlab, rows))}
    return f"{json.dumps(written[form], indent=2)}\n"


def _row(one: Fault, folders: Folders | None = None) -> dict[str, Any]:
    file = _file(one.origin, folders)
    return {
        "id": one.id or "note",
        "file": file,
        "line": one.origin.line if file else None,
        "package": one.project or None,
        "reason": redacted(one.message if file else str(one)),
    }


def _file(origin: Origin, folders: Folders | None) -> str | None:
    """Return the path of a file, from the workspace and with slashes if there is one; none for other places."""
    if "://" in origin.where or (origin.line is None and not _A_FILE.fullmatch(origin.where)):
        return None
    if folders is None:
        return origin.where
    rules = ntpath if ntpath.splitdrive(folders[0])[0] else posixpath
    try:
        path = rules.relpath(rules.join(folders[0], origin.where), folders[1])
    except ValueError:  # on another drive
        return None
    parts = path.split(rules.sep)
    return None if parts[0] == rules.pardir else "/".join(parts)


def _sarif(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a log of SARIF 2.1.0 (OASIS), whose places are relative to the root of the repository."""
    rules = [{"id": name} for name in sorted({row["id"] for row in rows})]
    results = []
    for row in rows:
        region = {"region": {"startLine": row["line"]}} if row["line"] else {}
        place = {"artifactLocation": {"uri": row["file"], "uriBaseId": "%SRCROOT%"}, **region}
        located = {"locations": [{"physicalLocation": place}]} if row["file"] else {}
        told = {"ruleId": row["id"], "level": "error", "message": {"text": row["reason"]}}
        results.append({**told, **located, "partialFingerprints": {"pinstall/v1": _fingerprint(row)}})
    driver = {"name": "pinstall", "version": __version__, "rules": rules}
    log = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [log]}


def _gitlab(row: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of GitLab's code quality report, which demands a place."""
    place = {"path": row["file"] or ".", "lines": {"begin": row["line"] or 1}}
    told = {"description": row["reason"], "check_name": row["id"], "severity": "major"}
    return {**told, "fingerprint": _fingerprint(row), "location": place}


def _fingerprint(row: dict[str, Any]) -> str:
    """Return what stays the same when a line moves."""
    return hashlib.sha256("\0".join(str(row[key]) for key in ("id", "file", "package", "reason")).encode()).hexdigest()


def annotation(level: str, line: str | Fault, folders: Folders, title: str = "pinstall") -> str:
    """Return a workflow command that shows a line at its place in the changed files.

    `level` is `error` or `warning`. GitHub shows only places in the workspace.
    Source: docs.github.com, "Workflow commands for GitHub Actions".
    """
    row = _row(line if isinstance(line, Fault) else Fault(message=line), folders)
    properties = {name: str(row[name]) for name in ("file", "line") if row[name] is not None} | {"title": title}
    shown = ",".join(f"{name}={redacted(value).translate(_PROPERTY)}" for name, value in properties.items())
    return f"::{level} {shown}::{row['reason'].translate(_DATA)}"
