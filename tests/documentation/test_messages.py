"""Every way in which a command ends is printed as the page of messages says, by the rules of plain English."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pinstall.report import phrases
from pinstall.verdicts import failure
from tests.support.endings import ENDINGS, Ending, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.runner import Runner

ROOT = Path(__file__).parents[2]
EXPECTED = ROOT / "tests" / "support" / "endings.json"
CASES = [(group, ending) for group, endings in ENDINGS.items() for ending in endings]


@pytest.mark.parametrize(("group", "ending"), CASES, ids=[f"{group}: {ending.title}" for group, ending in CASES])
def test_it_ends_as_the_page_says(runner: Runner, group: str, ending: Ending) -> None:
    """With `PINSTALL_TEST_WRITE=1` what is printed becomes the expectation: read the difference before it is kept."""
    ending.scene(runner)
    ended = runner.pinstall(*ending.words, index=ending.index, target=ending.target, env=dict(ending.variables))
    variables = "".join(f"{name}={value} " for name, value in ending.variables)
    told = {
        "command": f"{variables}pinstall {shlex.join(ending.words)}",
        "code": ended.returncode,
        "lines": lines(runner, ended),
    }
    if os.environ.get("PINSTALL_TEST_WRITE"):
        known = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
        known.setdefault(group, {})[ending.title] = told
        EXPECTED.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert ended.returncode == ending.code, ended.output
    assert told == expected()[group][ending.title], ended.output


def expected() -> Any:
    return json.loads(EXPECTED.read_text(encoding="utf-8"))


def test_no_ending_is_left_over() -> None:
    told = expected()
    assert {group: set(told[group]) for group in told} == {
        group: {one.title for one in endings} for group, endings in ENDINGS.items()
    }
    assert sum(map(len, told.values())) >= 60


def test_the_page_of_messages_has_every_ending() -> None:
    tables = runpy.run_path(str(ROOT / "docs" / "tables.py"))
    assert tables["MESSAGES"].read_text(encoding="utf-8") == tables["messages"](), "run `python docs/tables.py`"


# Patterns of words that make a reader stop. "There is no file" is plain English, "X is no file" is not.
RIDDLES = re.compile(
    r"(?<!there) is no | are no |are none|is none|anew|by now|once more|beside|aside|nobody|somebody|whoever|lies "
    r"|stands |ends with \d|ended well|(is|are) said|which is told|told so|believ|blam|accus|acquit|convict|innocen"
    r"|spoil|of old|come by|gives way|no good|cannot stand|^(what|where|who|that)\b",
    re.IGNORECASE,
)
MOST_WORDS = 30


def test_every_line_is_plain_english() -> None:
    told = [line for endings in expected().values() for one in endings.values() for line in one["lines"]]
    told = [line.removeprefix("pinstall: ").strip() for line in told if not line.startswith("+")]
    assert [line for line in told if RIDDLES.search(line)] == []
    sentences = [part for line in told for part in re.split(r"; |\. |: ", line)]
    assert [part for part in sentences if len(part.split()) > MOST_WORDS] == []


@pytest.mark.parametrize(
    "text", ["this is no lock", "it was moved aside", "What holds is kept", "ends with 65", "nobody has pinned it"]
)
def test_a_riddle_is_found(text: str) -> None:
    assert RIDDLES.search(text)


def test_every_id_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
    listed = {name for row in re.findall(r"^\* (`.+?`): ", page, re.MULTILINE) for name in re.findall(r"`(.+?)`", row)}
    chosen = {*phrases.IDS.values(), *failure.REASONS, "file-missing", "dead-script", "pip-failed", "note"}
    assert listed == ({*ids()} | chosen) - {"satisfied"}


def ids() -> Iterator[str]:
    """Yield the ids that are written in the code, where an error or a finding is made."""
    for path in (ROOT / "pinstall").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call):
                yield from _ids(call)


PLACES = {"PinstallError": 0, "_error": 0, "need_reports": 0, "_finding": 1, "Fault": 2, "fault": 2}


def _ids(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in PLACES:
        named = [keyword.value for keyword in call.keywords if keyword.arg == "id"]
        for value in (*call.args[PLACES[name] :][:1], *named):
            text = value.value if isinstance(value, ast.Constant) else ""
            if isinstance(text, str) and re.fullmatch("[a-z]+(-[a-z]+)*", text):
                yield text
