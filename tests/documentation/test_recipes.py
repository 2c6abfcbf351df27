"""Followed word for word in a fresh folder and environment, a page works."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.recipes import DOCS, blocks, follow, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner

ELSEWHERE = {"how-to/fleet.md", "how-to/private-index.md"}
"""Pages that need more of the world than a local index, and have tests of their own."""
FIRST = {"tutorial/first-run.md", "how-to/replace-pip-install.md", "how-to/ci.md", "reference/json-report.md"}
"""Pages that a quick look tries: what a new user reads, and what a machine does."""
PAGES = {
    path.relative_to(DOCS).as_posix(): path
    for path in sorted(DOCS.rglob("*.md"))
    if any(block.mark for block in blocks(path)) or path.parent.name in ("how-to", "tutorial")
}


@pytest.mark.parametrize("name", PAGES)
def test_every_block_says_what_it_is(name: str) -> None:
    strange = [block.line for block in blocks(PAGES[name]) if not block.mark and not block.language.startswith("{")]
    assert strange == [], f"put `<!-- run -->` or the like before the blocks at these lines of {name}"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FIRST else pytest.mark.slow)
        for name, path in PAGES.items()
        if any(block.mark == "run" for block in blocks(path)) and name not in ELSEWHERE
    ],
)
def test_a_page_works_as_it_stands(inside: Runner, name: str) -> None:
    if name.endswith("makefile.md") and not shutil.which("make"):
        pytest.skip("no make")
    serve(inside)
    follow(PAGES[name], inside)


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<!-- run -->\n```sh\nfalse\ntrue\n```\n", "page.md:2 ended with 1"),
        ("text\n\n<!-- run: 3 -->\n```sh\nexit 4\n```\n", "page.md:4 ended with 4"),
        ("<!-- run -->\n```console\n$ echo aa\nbb\n```\n", "page.md:2 printed\naa"),
        ("<!-- run -->\n```console\n$ echo a; echo b\nb\na\n```\n", "page.md:2 printed"),
    ],
)
def test_a_page_that_is_wrong_is_found(
    inside: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, complaint: str
) -> None:
    monkeypatch.setattr("tests.support.recipes.ROOT", tmp_path)
    with pytest.raises(AssertionError, match=complaint):
        follow(page(tmp_path, text), inside)


def test_a_page_that_is_right_passes(inside: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.support.recipes.ROOT", tmp_path)
    text = """\
<!-- file: a/x.txt -->
```text
one
```
<!-- append: a/x.txt -->
```text
two
```
<!-- run: 7 -->
```console
$ cat a/x.txt
...
two
$ pinstall --version
pinstall ... (python ...)
$ exit 7
```
<!-- illustrative -->
```sh
rm -rf /nothing
```
"""
    follow(page(tmp_path, text), inside)
