"""The page on private indexes works word for word with an index that demands the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.recipes import DOCS, follow, serve

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.runner import Runner

PAGE = DOCS / "how-to" / "private-index.md"
SHOWN = "https://packages.example.org"


def test_the_page_works_where_a_password_is_demanded(
    inside: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only the name of the index is another one than the page's, and the variable that outranks `pip.conf` is gone."""
    serve(inside)
    inside.index.credentials = ("me", "secret")
    inside.variables["PIP_INDEX_URL"] = ""
    page = tmp_path / PAGE.name
    text = PAGE.read_text(encoding="utf-8").replace(SHOWN, inside.index.root)
    page.write_text(text.replace("machine packages.example.org", "machine 127.0.0.1"), encoding="utf-8")
    monkeypatch.setattr("tests.support.recipes.ROOT", tmp_path)
    follow(page, inside)
    assert inside.environment.module("six") == "1.16.0"
    assert {request.status for request in inside.index.requests if "/files/" in request.path} == {200}
