"""The terminal picture shows what the tutorial shows, which a test follows word for word."""

from __future__ import annotations

import html
import re

from tests.support.recipes import DOCS, blocks


def test_the_picture_shows_lines_of_the_tutorial_and_no_others() -> None:
    svg = (DOCS / "_static" / "caught.svg").read_text(encoding="utf-8")
    texts = re.findall(r'<text class="caught-r\d+"[^>]*clip-path="url\(#caught-line-\d+\)">(.*?)</text>', svg)
    drawn = re.sub(r"\s", "", html.unescape("".join(texts)))
    console = [block.text for block in blocks(DOCS / "tutorial" / "first-run.md") if block.language == "console"]
    assert re.sub(r"\s", "", console[1] + console[4]) == drawn, "run `nox -s pictures`"
