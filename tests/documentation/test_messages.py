"""Every way in which a command ends is printed as the page of messages says, by the rules of plain English."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.endings import ENDINGS, Ending, lines

if TYPE_CHECKING:
    from tests.support.runner import Runner

EXPECTED = Path(__file__).parents[1] / "support" / "endings.json"
CASES = [(group, ending) for group, endings in ENDINGS.items() for ending in endings]


@pytest.mark.parametrize(("group", "ending"), CASES, ids=[f"{group}: {ending.title}" for group, ending in CASES])
def test_it_ends_as_the_page_says(runner: Runner, group: str, ending: Ending) -> None:
    """With `PINSTALL_TEST_WRITE=1` what is printed becomes the expectation: read the difference before it is kept."""
    ending.scene(runner)
    ended = runner.pinstall(*ending.words, index=ending.index, target=ending.target, env=dict(ending.variables))
    told = lines(runner, ended)
    if os.environ.get("PINSTALL_TEST_WRITE"):
        known = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
        known.setdefault(group, {})[ending.title] = told
        EXPECTED.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert ended.returncode == ending.code, ended.output
    assert told == json.loads(EXPECTED.read_text(encoding="utf-8"))[group][ending.title], ended.output
