"""Write the files that repeat the code: tables of the documentation, manual page, completion; `nox -s man` runs it.

Each table is in its page between `<!-- NAME-table -->` and `<!-- /NAME-table -->`. A test compares page and code.
"""

from __future__ import annotations

import json
import runpy
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pinstall import __version__
from pinstall.model.inputs import Option, Origin, Request
from pinstall.request.arguments import carried
from pinstall.request.options import ELSEWHERE, OPTIONS, VALUED
from pinstall.request.policy import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pinstall.request.options import Release, Rule

DOCS = Path(__file__).parent
_USAGE = runpy.run_path(str(DOCS / "usage.py"))
ARGUMENTS, COMMON, EXAMPLES, MAIN = (_USAGE[name] for name in ("ARGUMENTS", "COMMON", "EXAMPLES", "MAIN"))
PURPOSE, SETTINGS, USAGES, KINDS = (_USAGE[name] for name in ("PURPOSE", "SETTINGS", "USAGES", "KINDS"))
MANUAL = DOCS / "installed" / "share" / "man" / "man1" / "pinstall.1"
OLDEST, NEWEST = (22, 3), (26, 3)
"""The releases that the full promise is made for."""
ANY = {"FILE": "a file, or `-`", "GLOBS": "globs"}
SATISFIED = {"free": "no pip", "read": "no pip, but it counts", "pip": "pip runs"}


def settings() -> list[str]:
    """Return the table of pinstall's own settings."""
    rows = ["| Key | Values | Default | Meaning |", "|---|---|---|---|"]
    for key in KEYS:
        values = ", ".join(f"`{value}`" for value in key.values) or ANY[KINDS[key.name]]
        rows.append(
            f"| `{key.name}` | {values} | {f'`{key.default}`' if key.default else 'none'} | {SETTINGS[key.name]} |"
        )
    return rows


def options() -> list[str]:
    """Return the table of pip's options, one row for each that means one thing."""
    head = "| Option | In pip | All pins are satisfied | pip's cache is looked at | Remake gets it | Verdict from |"
    promised = [rule for rule in OPTIONS if rule.removed is None or rule.removed > OLDEST]
    alike = groupby(sorted(promised, key=_heading), key=_heading)
    return [head, "|---|---|---|---|---|---|", *(_row(list(rules)) for _, rules in alike)]


def _heading(rule: Rule) -> tuple[str, ...]:
    return (rule.name, " ".join(rule.spellings), rule.gate)


def _row(rules: list[Rule]) -> str:
    rule = rules[0]
    elsewhere = rule.dest in ELSEWHERE
    without_cache = elsewhere or rule.name == "--no-cache-dir"
    cells = (
        ", ".join(f"`{spelling}`" for spelling in rule.spellings),
        _releases(rules),
        SATISFIED[rule.gate],
        "no" if without_cache else "yes",
        "there is none" if without_cache else "yes" if _is_carried(rule) else "no",
        "pip's report" if elsewhere else "environment",
    )
    return f"| {' | '.join(cells)} |"


def _is_carried(rule: Rule) -> bool:
    value = "0" if rule.action in VALUED else None
    option = Option(name=rule.name, dest=rule.dest, value=value, origin=Origin(where="command line"))
    return bool(carried(Request(arguments=(), command_line=(option,))))


def _releases(rules: Iterable[Rule]) -> str:
    """Return from when to when an option is there, as far as the promise goes; its rows follow on each other."""
    since = min(rule.since for rule in rules)
    removed = max(rule.removed or (NEWEST[0] + 1,) for rule in rules)
    words = [f"from {_text(since)}"] if since > OLDEST else []
    words += [f"before {_text(removed)}"] if removed <= NEWEST else []
    return " ".join(words) or "all"


def _text(release: Release) -> str:
    return ".".join(map(str, release))


def commands() -> list[str]:
    """Return the table of commands."""
    rows = ["| Command | What it does | Changes |", "|---|---|---|"]
    for usage in USAGES:
        synopsis = f"pinstall {usage.synopsis}".replace("|", "\\|")
        rows.append(f"| `{synopsis}` | {usage.sentence} | {usage.changes} |")
    return rows


def manual_page() -> str:
    """Return the manual page; the page on exit codes says what they mean."""
    text = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    table = [row.strip("|").split(" | ") for row in text.partition("|---|---|\n")[2].partition("\n\n")[0].splitlines()]
    return _manual([(code.strip(), meaning.strip()) for code, meaning in table])


def _manual(codes: Iterable[tuple[str, str]]) -> str:
    """Return the manual page, in the macros of man(7); `codes` are the exit codes and what they mean."""
    lines = [
        f'.TH PINSTALL 1 "" "pinstall {__version__}" "User Commands"',
        ".SH NAME",
        "pinstall \\- install what is pinned",
    ]
    lines.append(".SH SYNOPSIS")
    for usage in USAGES:
        lines += [f".B pinstall {_roff(usage.synopsis)}", ".br"]
    lines += [".SH DESCRIPTION", _roff(PURPOSE), _roff(ARGUMENTS), ".SH OPTIONS"]
    for name, sentence in (*MAIN, *COMMON):
        lines += [".TP", f".B {_roff(name)}", _roff(f"{sentence}.")]
    lines.append(".SH COMMANDS")
    for usage in USAGES:
        lines += [".TP", f".B {_roff(usage.synopsis)}", _roff(f"{usage.sentence}. Changes: {usage.changes}.")]
        for name, sentence in () if usage.options == MAIN[:-1] else usage.options:
            lines += [".RS", ".TP", f".B {_roff(name)}", _roff(f"{sentence}."), ".RE"]
    lines.append(".SH SETTINGS")
    for key in KEYS:
        values = " | ".join(key.values) or KINDS[key.name]
        default = f" Default: {key.default}." if key.default else ""
        lines += [".TP", f".B \\-\\-pin {_roff(f'{key.name}={values}')}", _roff(f"{SETTINGS[key.name]}.{default}")]
    lines.append(".SH EXIT STATUS")
    for code, meaning in codes:
        lines += [".TP", f".B {_roff(code)}", _roff(f"{meaning}.")]
    lines.append(".SH EXAMPLES")
    for words, sentence in EXAMPLES:
        lines += [".TP", f".B {_roff(words)}", _roff(f"{sentence}.")]
    lines += [".SH SEE ALSO", ".BR pip (1)"]
    return "\n".join((*lines, ""))


def _roff(text: str) -> str:
    """Return a text as man shows it literally; it begins with a letter wherever it begins a line."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")


MESSAGES = DOCS / "reference" / "messages.md"


def messages() -> str:
    """Return the page of messages: how commands end, as the tests saw it."""
    told = json.loads((DOCS.parent / "tests" / "support" / "endings.json").read_text(encoding="utf-8"))
    lines = [
        "# Messages, and what to do",
        "",
        "This page shows how each command ends. A test runs each of these commands and compares the lines. `VENV` and",
        "`HOME` are folders, and `http://INDEX/simple` is the index of the test. [Findings and errors](findings.md)",
        "lists the ids, [exit codes](exit-codes.md) the codes.",
    ]
    for group, endings in told.items():
        lines += ["", f"## {group}"]
        for title, one in endings.items():
            command = f"$ {one['command']}"
            lines += ["", f"### {title}", "", "<!-- illustrative -->", "```text", command, *one["lines"], "```"]
            lines += ["", f"Exit code: {one['code']}"]
    return "\n".join((*lines, ""))


TABLES = {
    "commands": (DOCS / "reference" / "commands.md", commands),
    "options": (DOCS / "reference" / "options.md", options),
    "settings": (DOCS / "reference" / "settings.md", settings),
}


def written(name: str) -> str:
    """Return the page that holds a table, as it has to be."""
    page, rows = TABLES[name]
    head, start, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name}-table -->\n")
    _, end, tail = rest.partition(f"<!-- /{name}-table -->")
    if not (start and end):
        message = f"{page} has no region for the table {name}"
        raise ValueError(message)
    return "\n".join([f"{head}{start}", *rows(), f"\n{end}{tail}"])


if __name__ == "__main__":
    for table, (path, _) in TABLES.items():
        path.write_text(written(table), encoding="utf-8")
    MANUAL.parent.mkdir(parents=True, exist_ok=True)
    MANUAL.write_text(manual_page(), encoding="utf-8")
    MESSAGES.write_text(messages(), encoding="utf-8")
    for path, text in _USAGE["pages"]().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    runpy.run_path(str(DOCS / "completion.py"), run_name="__main__")
