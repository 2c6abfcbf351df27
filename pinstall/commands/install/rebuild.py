"""Turn what pip built in a staging folder into entries of its cache.

May not: build; know more of pip's layouts than that an ephemeral wheel cache is keyed like the persistent one.
"""

import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pinstall import files, pip
from pinstall.cache.cache import Cache
from pinstall.commands.install.runs import Changes, Runs
from pinstall.model.pins import Pin, Reporter
from pinstall.request import arguments, restated, settings
from pinstall.request.call import Asked
from pinstall.request.demand import STRONG

FOLDER = "pinstall"
_STAGE = "stage-"
_EPHEMERAL = "pip-ephem-wheel-cache-"
_DAY = 24 * 60 * 60


@contextlib.contextmanager
def make_stage(cache: str) -> Iterator[str]:
    """Yield a private folder below the cache, and remove it; raise OSError where it cannot be made."""
    parent = os.path.join(cache, FOLDER)
    files.folder(parent)
    with tempfile.TemporaryDirectory(prefix=_STAGE, dir=parent, ignore_cleanup_errors=True) as folder:
        _sweep(parent, os.stat(folder).st_mtime)
        yield folder


def _sweep(parent: str, now: float) -> None:
    """Remove what killed runs have left; `now` is the time of that file system."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent)):
            if entry.name.startswith(_STAGE) and entry.stat().st_mtime < now - _DAY:
                shutil.rmtree(entry.path, ignore_errors=True)


def adopt_builds(folder: str, cache: str) -> tuple[str, ...]:
    """Move fresh builds into pip's cache where nothing is, and return their paths there.

    With `--no-cache-dir --no-clean` pip leaves a temporary cache with the same keys behind.
    """
    names = (name for name in sorted(os.listdir(folder)) if name.startswith(_EPHEMERAL))
    return tuple(path for name in names for path in _adopt(os.path.join(folder, name), cache))


def _adopt(ephemeral: str, cache: str) -> Iterator[str]:
    for folder, _, names in os.walk(ephemeral):
        place = os.path.join(cache, os.path.relpath(folder, ephemeral))
        # the origin first: pip trusts a wheel without one less than a folder without a wheel
        for file in sorted(names, key=lambda name: name.endswith(".whl")):
            target = os.path.join(place, file)
            with contextlib.suppress(OSError):  # pip builds again, into the cache itself
                files.move(os.path.join(folder, file), target)
                if file.endswith(".whl"):
                    yield os.path.relpath(target, cache)


def lines(pins: Sequence[Pin], asked: Asked) -> list[str]:
    """Return the lines of a requirements file that asks for exactly these pins from the user's own indexes."""
    locked = {f"--find-links {shlex.quote(place)}" for pin in pins for line in pin.lines for place in line.locked}
    pinned = (_pin_line(pin, asked.build_settings(pin)) for pin in pins)
    return [*map(restated.option, asked.options), *sorted(locked), *pinned]


def _pin_line(pin: Pin, settings: Sequence[str]) -> str:
    direct = next((line for line in pin.lines if line.link is not None), pin.lines[0])
    return restated.requirement(replace(direct, name=pin.name, marker=None), pin.wanted, pin.hashes, settings)


def _strong(pin: Pin) -> frozenset[str]:
    return frozenset(text for text in pin.hashes if text.partition(":")[0] in STRONG)


def by_hashes(pins: Iterable[Pin]) -> tuple[tuple[Pin, ...], ...]:
    """Return the pins in groups that one pip command can take: one hash in a file demands hashes of all."""
    pins = tuple(pins)
    groups = (tuple(filter(_strong, pins)), tuple(pin for pin in pins if not _strong(pin)))
    return tuple(filter(None, groups))


def remake(pins: Sequence[Pin], cache: Cache, runs: Runs, tell: Reporter) -> None:
    """Build these pins, whose wheels in the cache were wrong; what cannot be built so is left to the user's command."""
    changes = settings.neutral(runs.asked.request.defaults, os.devnull) if pins else {}
    if changes is None:
        tell.detail("a pip configuration file says where to install: your own command builds the wheels")
        return
    try:
        for group in by_hashes(pins):
            if not runs.interrupted:
                _remake(group, cache, changes, runs, tell)
    except OSError as error:
        # nothing is lost: what was wrong has left the cache, so the user's own command builds the rest
        tell.say(f"the build without the cache is left to your own command: {error.strerror}")


def _remake(group: Sequence[Pin], cache: Cache, changes: Changes, runs: Runs, tell: Reporter) -> None:
    with make_stage(cache.path) as stage:
        file = pip.write_requirements(stage, lines(group, runs.asked))
        ours = ("install", "--no-cache-dir", "--no-deps", "--no-clean", "--target", os.path.join(stage, "out"))
        carried = arguments.carried(runs.asked.request)
        tell.say(f"rebuilding {', '.join(pin.name for pin in group)} without pip's cache")
        exit_code = runs.run("remake", (*ours, *carried, "-r", file), {**changes, "TMPDIR": stage})
        kept = adopt_builds(stage, cache.path) if exit_code == 0 else ()
    cache.forget()
    for path in kept:
        tell.detail(f"{os.path.basename(path)} is fresh in pip's cache")
    if exit_code:
        tell.say(f"building without the cache failed (pip exit code {exit_code})")
