"""Ask a git repository which commit a branch or tag of it names at this moment.

May not: fetch anything else, show a URL: it may hold credentials.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = 30.0
"""Seconds that a server may take."""


def named(url: str, reference: str, environ: Mapping[str, str]) -> str | None:
    """Return the commit that a reference names, none where it names none or nobody answers.

    The order is pip's: a branch before a tag (`get_revision_sha` of its `vcs/git.py`); a tag object is looked through.
    """
    places = (f"refs/heads/{reference}", f"refs/tags/{reference}^{{}}", f"refs/tags/{reference}", reference)
    # pip has just had the chance to ask for a password: nobody wants to be asked again
    quiet = {**environ, "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "ls-remote", "--quiet", "--", url, *places]
    try:
        said = subprocess.run(
            command,
            env=quiet,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
            start_new_session=os.name == "posix",  # without a terminal ssh asks for nothing either
        ).stdout
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    rows = (row.split("\t", 1) for row in said.decode("utf-8", "replace").splitlines() if "\t" in row)
    commits = {place: commit.lower() for commit, place in rows}
    return next((commits[place] for place in places if place in commits), None)
