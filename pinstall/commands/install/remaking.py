"""Build pins without pip's cache, apart, and give the builds to it.

May not: decide which pins, evict.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pinstall import pip
from pinstall.cache import plan
from pinstall.commands.install import restated, staging
from pinstall.model.errors import PinstallError
from pinstall.request import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pinstall.commands.install.runs import Runs
    from pinstall.model.pins import Pin, Reporter


def remake(pins: Sequence[Pin], cache: str, runs: Runs, tell: Reporter) -> None:
    """Build these pins, whose wheels in the cache were wrong; what cannot be built so is left to the user's command."""
    changes = plan.neutral(runs.asked.call.request.defaults, os.devnull) if pins else {}
    if changes is None:
        tell.detail("a pip configuration file says where to install: your own command builds the wheels")
        return
    try:
        for group in plan.by_hashes(pins):
            if not runs.interrupted:
                _remake(group, cache, changes, runs, tell)
    except (PinstallError, OSError) as error:
        # nothing is lost: what was wrong has left the cache, so the user's own command builds the rest
        tell.say(f"the build without the cache is left to your own command: {error}")


def _remake(group: Sequence[Pin], cache: str, changes: Mapping[str, str | None], runs: Runs, tell: Reporter) -> None:
    with staging.stage(cache) as stage:
        file = pip.requirements_file(stage, restated.lines(group, runs.asked))
        ours = ("install", "--no-cache-dir", "--no-deps", "--no-clean", "--target", os.path.join(stage, "out"))
        carried = arguments.carried(runs.asked.call.request)
        tell.say(f"rebuilding {', '.join(pin.name for pin in group)} without pip's cache")
        exit_code = runs.run("remake", (*ours, *carried, "-r", file), {**changes, "TMPDIR": stage})
        kept = staging.keep(stage, cache) if exit_code == 0 else ()
    for path in kept:
        tell.detail(f"{os.path.basename(path)} is fresh in pip's cache")
    if exit_code:
        tell.say(f"building without the cache failed (pip exit code {exit_code})")
