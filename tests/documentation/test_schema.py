"""The published schema describes what is written, and only grows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pinstall.model.pins import State
from pinstall.report import findings, phrases
from tests.support.documents import SCHEMA, validated
from tests.support.scenes import pinstall, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

PARTS: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
PROMISED = {
    "document": "schema command outcome exit_code error findings",
    "finding": "id file line package reason",
    "error": "reference message context hint",
    "pin": "name wanted hashes origins state found remarks",
    "eviction": "what paths name version reason contradiction",
    "returned": "paths receipt",
    "command": "purpose arguments exit_code",
}
"""What the first release with schema 2 had: nothing may leave this list while the number stays."""


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.mark.parametrize("part", PROMISED)
def test_what_was_promised_is_still_there(part: str) -> None:
    assert set(PROMISED[part].split()) <= set(PARTS[part]["required"])
    assert set(PARTS[part]["required"]) <= set(PARTS[part]["properties"])


def test_number_and_states_are_those_of_the_code() -> None:
    assert PARTS["document"]["properties"]["schema"] == {"const": findings.SCHEMA}
    assert PARTS["pin"]["properties"]["state"]["enum"] == [phrases.IDS[state] for state in State]


def test_what_check_prints_is_described(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    written(runner, "aa==2.0\nbb\n")
    ended = runner.pinstall("check", "--json", "-r", "requirements.txt")
    assert validated(json.loads(ended.stdout))["findings"][0] == {
        "id": "unpinned",
        "file": "requirements.txt",
        "line": 2,
        "package": "bb",
        "reason": "`bb` is not a pin; write `bb==VERSION`",
    }


def test_a_refusal_is_described(runner: Runner) -> None:
    assert pinstall(runner, "aa").document["error"]["reference"] == "unpinned"


def test_what_is_not_described_is_found() -> None:
    with pytest.raises(AssertionError, match="'more' was unexpected"):
        validated({"schema": 2, "pins": [], "evictions": [], "findings": [], "more": 1})
