"""List all that a verdict rests on, so that a stamp can tell without a second look that none of it has changed.

May not: judge, write.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from pinstall import files, stamp
from pinstall.environment import choice, foreign
from pinstall.environment.file_list import FileList
from pinstall.formats import metadata
from pinstall.request import locations, pyproject
from pinstall.request.call import Asked
from pinstall.stamp import BETWEEN, CHANGE, CONTENT, EXISTENCE, FILES, LISTING, PREFIX, REAL, STATUS, STATUSES, VARIABLE
from pinstall.verdicts.evidence import Evidence

_VARIABLES = ("APPDATA", "HOME", "LOCALAPPDATA", "PROGRAMDATA", "ALLUSERSPROFILE", "USERPROFILE", "VIRTUAL_ENV")
_PREFIXES = ("PINSTALL_", "PIP_", "PYTHON", "XDG_")
_EXPANDED = re.compile(rb"\$\{([A-Z0-9_]+)\}")
_COARSE = 2_000_000_000
# Nanoseconds within which a file may change without another time stamp: where they are whole seconds, else.
_FINE = 100_000_000


class Start(NamedTuple):
    """The moment at which a run started (ns), and by device how far the clock of a file system is ahead of ours."""

    moment: int
    leads: Mapping[int, int] = {}

    def follows(self, status: os.stat_result) -> bool:
        """Return whether a file cannot have changed since shortly before that."""
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        here = self.moment + self.leads.get(status.st_dev, 0)
        return changed < here - (_FINE if changed % 1_000_000_000 else _COARSE)


def _find_leads(folders: Sequence[str]) -> dict[int, int]:
    """Return how far clocks are ahead of ours, by a file in the first of these folders on each file system."""
    first = {os.stat(folder).st_dev: folder for folder in reversed(folders) if os.path.isdir(folder)}
    return {device: files.read_clock(folder) - time.time_ns() for device, folder in first.items()}


def list_grounds(evidence: Evidence, started: int) -> tuple[str, ...]:
    """Return the grounds of a satisfied run that started then (ns), none where a stamp cannot cover them."""
    asked, request = evidence.asked, evidence.asked.request
    named = (option.value or "" for option in (*request.every("requirements"), *request.every("constraints")))
    remote = any("://" in file for file in (*named, *asked.files))
    off = asked.policy.stamp == "off" or asked.target.named is None
    if off or asked.replays or asked.beyond or remote or request.has("uploaded_prior_to"):
        return ()
    lists = evidence.lists()
    own = os.path.dirname(evidence.installed.ledger.paths[0])
    start = Start(started, _find_leads((stamp.state_directory(asked.environ), own, os.getcwd())))
    grounds = tuple(dict.fromkeys((*_asked(asked), *_environment(asked), *_distributions(lists, evidence))))
    every = () if asked.policy.stamp == "quick" else _listed(lists, start)
    if every is None or not all(is_settled(ground, start) for ground in grounds):
        return ()
    return (*_together(grounds, asked.target.purelib), *every)


def _asked(asked: Asked) -> Iterator[str]:
    """Yield what says what is asked for, and how."""
    target, environ = asked.target, asked.environ
    settings = locations.config_files(environ, target, isolated="--isolated" in asked.request.arguments)
    projects = tuple(pyproject.candidates(os.getcwd(), environ))
    for file in (*settings, *projects, *sorted(asked.files)):
        yield CONTENT + file
        yield STATUS + file
        expanded = sorted(set(_EXPANDED.findall(files.read(file) or b"")))
        yield from (VARIABLE + name.decode() for name in expanded)
    for folder in {os.path.dirname(path) for path in projects}:
        yield from (EXISTENCE + os.path.join(folder, mark) for mark in pyproject.MARKS)
    for line in asked.lines:
        path = None if line.link is None else files.path_of(line.link)
        if path is not None:
            yield STATUS + os.path.abspath(path)
            yield CHANGE + os.path.abspath(path)  # `cp -p` may put another archive of the same size and age there
    yield from (VARIABLE + name for name in _VARIABLES)
    yield from (PREFIX + name for name in _PREFIXES)


def _environment(asked: Asked) -> Iterator[str]:
    """Yield what the target is: its interpreter, its pip, and the names of all that is installed."""
    target = asked.target
    for executable in filter(None, {sys.executable, target.executable, target.named}):
        yield REAL + executable
        folder = os.path.dirname(executable)
        yield STATUS + executable
        yield from (STATUS + os.path.join(place, "pyvenv.cfg") for place in (folder, os.path.dirname(folder)))
    near = pyproject.environments(os.getcwd(), asked.environ)
    yield from (STATUS + path for path in choice.list_places(asked.environ, near, target))
    yield STATUS + os.path.join(target.stdlib, "EXTERNALLY-MANAGED")
    yield STATUS + target.stdlib  # a `sitecustomize` may come there
    # outside of virtual environments the packages lie below the standard library
    fixed = (target.stdlib, os.path.join(target.stdlib, "lib-dynload"))
    for path in target.paths:
        if path and path not in fixed:
            yield LISTING + path
            if os.path.isfile(path):  # an archive
                yield from (STATUS + path, CHANGE + path)
            yield STATUS + os.path.join(path, "pip", "__init__.py")
            yield from (CONTENT + os.path.join(path, name) for name in foreign.list_hooks(path))


def _distributions(lists: Sequence[FileList], evidence: Evidence) -> Iterator[str]:
    """Yield what each distribution that counts shows at its top, and what is known of it."""
    yield from (CONTENT + path for path in evidence.installed.ledger.paths)
    for one in lists:
        yield STATUS + one.distribution.path  # its own time stamp shows what appears in it
        yield STATUS + os.path.join(one.distribution.path, "METADATA")
        yield STATUS + one.distribution.record
        yield from (STATUS + place for place in one.top_level)
        if evidence.asked.policy.unowned == "refuse":  # shows what appears next to a listed file
            yield from (STATUS + folder for folder in sorted(set(map(os.path.dirname, one.places))))
        artifact, _ = evidence.installed.local(one.distribution)
        yield from (kind + artifact for kind in (STATUS, CHANGE) if artifact)
        if evidence.installed.inputs(one.distribution) is not None:
            yield PREFIX  # a build may read any variable


def _listed(lists: Sequence[FileList], start: Start) -> tuple[str, ...] | None:
    """Return all files that RECORDs list, by folder, byte code left out; None where one may have changed just now."""
    below: dict[str, set[str]] = {}
    for one in lists:
        listed = (path for path, _, _ in one.rows if metadata.CACHED not in path and not metadata.is_bytecode(path))
        below.setdefault(one.distribution.location, set()).update(map(os.path.normpath, listed))
    grounds = []
    for folder, paths in sorted(below.items()):
        there = []
        for path in sorted(paths):
            with suppress(OSError, ValueError):  # what pip did not install, or the locale cannot spell
                if not start.follows(os.stat(f"{folder}{os.sep}{path}")):
                    return None
                there.append(path)
        grounds.append(BETWEEN.join((FILES + folder, *there)))
    return tuple(grounds)


def _together(grounds: Sequence[str], folder: str) -> Iterator[str]:
    """Yield the grounds with the statuses below a folder as one: there are several of each distribution."""
    first = f"{STATUS}{folder}/"
    below = {ground for ground in grounds if ground.startswith(first) and BETWEEN not in ground}
    if below:
        yield BETWEEN.join((STATUSES + folder, *(ground[len(first) :] for ground in sorted(below))))
    yield from (ground for ground in grounds if ground not in below)


def is_settled(ground: str, start: Start) -> bool:
    """Return whether a ground cannot have changed since shortly before the run started."""
    if ground[:1] in (CONTENT, STATUS, LISTING):
        with suppress(OSError, ValueError):  # that it is not there was seen, and is seen again
            return start.follows(os.stat(ground[1:]))
    return True
