"""Gather which unpinned requests name another commit by now than the one that is installed from their repository.

May not: write, start pip, decide what follows from it.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pinstall import comparison
from pinstall.formats.urls import scheme, without_secrets
from pinstall.model.pins import Pin, State, Verdict
from pinstall.report import phrases

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from packaging.utils import NormalizedName

    from pinstall.model.pins import Reporter
    from pinstall.request.call import Asked
    from pinstall.verdicts.evidence import Evidence


def named(asked: Asked, evidence: Evidence, fresh: Container[NormalizedName] = ()) -> Iterator[Pin]:
    """Yield each git request that is no pin, as a pin of the commit that its branch or tag names at this moment.

    Only repositories are asked that something is installed from; `fresh` has been installed a moment ago.
    """
    for line in asked.demand.unpinned if asked.policy.unpinned != "refuse" else ():
        found = None if line.name is None or line.name in fresh else evidence.find(line.name)
        if found is None or line.link is None or not scheme(line.link).startswith("git+"):
            continue
        url, reference = _parted(line.link)
        source = found.identity.source
        if source is None or source.commit is None or source.url != without_secrets(url):
            continue
        commit = commit_of(url, reference, asked.environ)
        if commit is not None:
            yield Pin(name=found.identity.name, source=replace(source, commit=commit), lines=(line,))


def _parted(link: str) -> tuple[str, str]:
    """Return the repository that a link names, its credentials included, and the branch or tag behind `@`."""
    parts = urlsplit(link.partition("+")[2])
    path, at, reference = parts.path.rpartition("@")
    return urlunsplit(parts._replace(path=path if at else parts.path, fragment="")), reference if at else "HEAD"


def judge(pins: Iterable[Pin], evidence: Evidence) -> tuple[Verdict, ...]:
    """Return a verdict on each of these pins that is installed from another commit of its repository."""
    judged = []
    for pin in pins:
        found = evidence.find(pin.name)
        if found is not None and pin.source is not None and comparison.judge(pin, found.identity) is State.WRONG_SOURCE:
            text = phrases.found(State.WRONG_SOURCE, found.text, found.identity)
            by_now = f"{text}; it is no pin, and names {pin.source.commit} by now"
            judged.append(Verdict(pin=pin, state=State.WRONG_SOURCE, found=by_now))
    return tuple(judged)


def moved_on(asked: Asked, evidence: Evidence, fresh: Container[NormalizedName], tell: Reporter) -> tuple[Pin, ...]:
    """Return, as `named` does, what is not installed from the commit that it names by now, and say so."""
    moved = judge(named(asked, evidence, fresh), evidence)
    for verdict in moved:
        tell.say(phrases.verdict(verdict))
    return tuple(verdict.pin for verdict in moved)


_PATIENCE = 30.0
"""Seconds that a server may take."""


def commit_of(url: str, reference: str, environ: Mapping[str, str]) -> str | None:
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
