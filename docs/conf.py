from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pinstall import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "pinstall"
author = "the pinstall authors"
copyright = author  # noqa: A001 - Sphinx wants this name
release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["_build", "changelog.d"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"pinstall {release}"
html_static_path = ["_static"]
html_css_files = ["console.css"]

_FILE = re.compile(r"^<!-- (file|append): (.+?) -->\n+(```+)(\S+)\n", re.MULTILINE)
"""What tells the tests that a block is a file, or more of one; a reader of the built pages cannot see it."""


def _caption(_: Sphinx, __: str, source: list[str]) -> None:
    source[0] = _FILE.sub(
        lambda block: (
            f"{block[3]}{{code-block}} {block[4]}\n:caption: {'more of ' * (block[1] == 'append')}{block[2]}\n\n"
        ),
        source[0],
    )


def setup(app: Sphinx) -> None:
    """Show above each block that is a file what it is called."""
    app.connect("source-read", _caption)
