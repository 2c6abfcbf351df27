"""The documentation's tables say what the code says, and leave nothing out."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from pinstall.request.arguments import rules
from pinstall.request.options import NEWEST, OPTIONS
from pinstall.request.policy import KEYS

DOCS = Path(__file__).parents[2] / "docs"
TABLES = runpy.run_path(str(DOCS / "tables.py"))
COMPLETION = runpy.run_path(str(DOCS / "completion.py"))
CHANGES = {release for rule in OPTIONS for release in (rule.since, rule.removed or ())}
RELEASES = sorted(release for release in {*CHANGES, (22, 3), (26, 3)} if (22, 3) <= release <= (26, 3))
"""Each release that the full promise is made for and that differs from the one before."""


@pytest.mark.parametrize("name", TABLES["TABLES"])
def test_a_table_in_the_docs_is_what_the_code_says(name: str) -> None:
    page, _ = TABLES["TABLES"][name]
    assert page.read_text(encoding="utf-8") == TABLES["written"](name), "run `python docs/tables.py`"


def test_the_manual_page_is_what_the_code_says() -> None:
    assert TABLES["MANUAL"].read_text(encoding="utf-8") == TABLES["manual_page"](), "run `python docs/tables.py`"


def test_the_pages_of_help_are_what_the_tables_say() -> None:
    pages = TABLES["_USAGE"]["pages"]()
    assert {path: path.read_text(encoding="utf-8") for path in TABLES["_USAGE"]["HELP"].iterdir()} == pages
    assert [*TABLES["SETTINGS"]] == [key.name for key in KEYS], "a setting has no sentence"


@pytest.mark.parametrize("path", COMPLETION["SCRIPTS"], ids=lambda path: path.name)
def test_a_completion_script_is_what_the_code_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == COMPLETION["SCRIPTS"][path](), "run `python docs/tables.py`"


def test_the_completion_has_every_option_once() -> None:
    for command in ("install", "check", "lock", "why"):
        names = [choice.spellings[-1] for choice in COMPLETION["choices"](command)]
        assert len(names) == len(set(names))
        assert {rule.name for rule in rules(NEWEST).values()} <= {*names}
    for command, own in {"check": "--format", "cache": "--evict", "undo": "--json", "lock": "--strip-extras"}.items():
        assert own in {choice.spellings[-1] for choice in COMPLETION["choices"](command)}


def rows() -> list[tuple[set[str], list[str]]]:
    """Return the rows of the table of options: the spellings, and what is said of them."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in TABLES["options"]()[2:]]
    return [(set(re.findall(r"`(.+?)`", first)), rest) for first, *rest in cells]


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: ".".join(map(str, release)))
def test_every_option_of_a_release_has_its_row(release: tuple[int, ...]) -> None:
    # that the rules are those of pip itself, `nox -s contract` asks pip
    there = {spelling for spellings, (when, *_) in rows() if is_in(release, when) for spelling in spellings}
    assert there == set(rules(release))


def is_in(release: tuple[int, ...], when: str) -> bool:
    bounds = {word: tuple(map(int, text.split("."))) for word, text in re.findall(r"(from|before) ([\d.]+)", when)}
    return bounds.get("from", ()) <= release < bounds.get("before", (99,))


def test_nothing_about_an_option_is_unknown() -> None:
    allowed = (
        {"no pip", "no pip, but it counts", "pip runs"},
        {"yes", "no"},
        {"yes", "no", "there is none"},
        {"environment", "pip's report"},
    )
    for spellings, (when, *said) in rows():
        assert when == "all" or re.fullmatch(r"(from [\d.]+)? ?(before [\d.]+)?", when), spellings
        assert len(said) == len(allowed)
        for cell, words in zip(said, allowed, strict=True):
            assert cell in words, spellings


def test_where_nothing_changes_in_the_environment_the_cache_is_left_alone() -> None:
    alone = {spelling for spellings, (_, _, looked_at, *_) in rows() if looked_at == "no" for spelling in spellings}
    assert alone == {"--dry-run", "--no-cache-dir", "--prefix", "--root", "-t", "--target"}
