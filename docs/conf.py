from pinstall import __version__

project = "pinstall"
author = "the pinstall authors"
copyright = author  # noqa: A001 - Sphinx wants this name
release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["_build", "changelog.d"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"pinstall {release}"
