"""The documentation's tables say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TABLES = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "tables.py"))


@pytest.mark.parametrize("name", TABLES["TABLES"])
def test_a_table_in_the_docs_is_what_the_code_says(name: str) -> None:
    page, _ = TABLES["TABLES"][name]
    assert page.read_text(encoding="utf-8") == TABLES["written"](name), "run `python docs/tables.py`"
