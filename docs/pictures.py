"""Draw terminal pictures from the tutorial, which a test follows word for word; `nox -s pictures` runs it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

DOCS: Final = Path(__file__).resolve().parent
PAGE: Final = DOCS / "tutorial" / "first-run.md"
CAUGHT: Final = DOCS / "_static" / "caught.svg"
SECTIONS: Final = ("What pip does", "Heal it")
_WIDTH: Final = 86


def shown() -> list[str]:
    """Return the lines of the first console block of each section, `...` lines left out."""
    lines: list[str] = []
    for section in SECTIONS:
        text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2]
        block = re.search(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines += block[1].splitlines() if block else []
    return [line for line in lines if line != "..."]


def drawn() -> str:
    """Return them as a terminal shows them, as SVG that needs no font from elsewhere."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    for line in shown():
        console.print(Text(line, style="bold" if line.startswith("$ ") else ""), soft_wrap=False)
    picture = console.export_svg(title="pinstall", unique_id="caught")
    picture = re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL).replace("Fira Code, monospace", "monospace")
    return re.sub(r"[ \t]+$", "", picture, flags=re.MULTILINE)


if __name__ == "__main__":
    CAUGHT.parent.mkdir(exist_ok=True)
    CAUGHT.write_text(drawn(), encoding="utf-8")
