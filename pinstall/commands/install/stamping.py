"""List all that a verdict rests on, so that a stamp can tell without a second look that none of it has changed.

May not: judge, write.
"""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from typing import TYPE_CHECKING

from pinstall import files
from pinstall.formats import metadata
from pinstall.request import locations, pyproject
from pinstall.stamp import BETWEEN, CHANGE, CONTENT, EXISTENCE, FILES, LISTING, PREFIX, STATUS, STATUSES, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pinstall.environment.file_list import FileList
    from pinstall.request.call import Asked
    from pinstall.verdicts.evidence import Evidence

_VARIABLES = ("APPDATA", "HOME", "LOCALAPPDATA", "PROGRAMDATA", "ALLUSERSPROFILE", "USERPROFILE", "VIRTUAL_ENV")
_PREFIXES = ("PINSTALL_", "PIP_", "PYTHON", "XDG_")
_EXPANDED = re.compile(rb"\$\{([A-Z0-9_]+)\}")
_COARSE = 2_000_000_000
_FINE = 100_000_000
"""Nanoseconds within which a file may change without another time stamp: where they are whole seconds, else."""


def list_grounds(evidence: Evidence, started: int) -> tuple[str, ...]:
    """Return the grounds of a satisfied run that started then (ns), none where a stamp cannot cover them."""
    asked, request = evidence.asked, evidence.asked.request
    named = (option.value or "" for option in (*request.every("requirements"), *request.every("constraints")))
    remote = any("://" in file for file in (*named, *asked.files))
    if asked.policy.stamp == "off" or asked.replays or asked.beyond or remote or request.has("uploaded_prior_to"):
        return ()
    lists = tuple(_lists(evidence))
    grounds = tuple(dict.fromkeys((*_asked(asked), *_environment(asked), *_distributions(lists, evidence))))
    every = () if asked.policy.stamp == "quick" else tuple(_listed(lists))
    if not all(is_settled(ground, started) for ground in (*grounds, *every)):
        return ()
    return (*_together(grounds, asked.target.purelib), *every)


def _asked(asked: Asked) -> Iterator[str]:
    """Yield what says what is asked for, and how."""
    target, environ = asked.target, asked.environ
    isolated = "--isolated" in asked.request.arguments
    read = (
        *locations.config_files(environ, target, isolated=isolated),
        *pyproject.candidates(os.getcwd(), environ),
        *sorted(asked.files),
    )
    for file in read:
        yield CONTENT + file
        yield STATUS + file
        yield from (VARIABLE + name for name in _expanded(file))
    for folder in {os.path.dirname(path) for path in pyproject.candidates(os.getcwd(), environ)}:
        yield from (EXISTENCE + os.path.join(folder, mark) for mark in pyproject.MARKS)
    for line in asked.lines:
        path = None if line.link is None else files.path_of(line.link)
        if path is not None:
            yield STATUS + os.path.abspath(path)
            yield CHANGE + os.path.abspath(path)  # `cp -p` may put another archive of the same size and age there
    yield from (VARIABLE + name for name in _VARIABLES)
    yield from (PREFIX + name for name in _PREFIXES)


def _expanded(file: str) -> list[str]:
    try:
        with open(file, "rb") as content:
            return sorted({name.decode() for name in _EXPANDED.findall(content.read())})
    except OSError:
        return []


def _environment(asked: Asked) -> Iterator[str]:
    """Yield what the target is: its interpreter, its pip, and the names of all that is installed."""
    target = asked.target
    for executable in {sys.executable, target.executable}:
        folder = os.path.dirname(executable)
        yield STATUS + executable
        yield from (STATUS + os.path.join(place, "pyvenv.cfg") for place in (folder, os.path.dirname(folder)))
    yield STATUS + os.path.join(target.stdlib, "EXTERNALLY-MANAGED")
    # outside of virtual environments the packages lie below the standard library
    fixed = (target.stdlib, os.path.join(target.stdlib, "lib-dynload"))
    for path in target.paths:
        if path and path not in fixed:
            yield LISTING + path
            yield STATUS + os.path.join(path, "pip", "__init__.py")
            yield from (STATUS + os.path.join(path, name) for name in _links(path))


def _links(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(".pth")]
    except OSError:
        return []


def _lists(evidence: Evidence) -> Iterator[FileList]:
    """Yield the files of each distribution that counts: of what is pinned, and of what that needs."""
    names = {pin.name for pin in evidence.asked.demand.pins} | evidence.reached.keys()
    for found in filter(None, map(evidence.find, sorted(names))):
        yield evidence.installed.files(found)


def _distributions(lists: Sequence[FileList], evidence: Evidence) -> Iterator[str]:
    """Yield what each distribution that counts shows at its top, and what is known of it."""
    yield from (CONTENT + path for path in evidence.installed.ledger.paths)
    for one in lists:
        yield from _distribution(one)
        artifact, _ = evidence.installed.local(one.distribution)
        yield from (kind + artifact for kind in (STATUS, CHANGE) if artifact)
        if evidence.installed.inputs(one.distribution) is not None:
            yield PREFIX  # a build may read any variable


def _listed(lists: Sequence[FileList]) -> Iterator[str]:
    """Yield all files that RECORDs list, by folder, byte code left out."""
    below: dict[str, set[str]] = {}
    for one in lists:
        listed = (path for path, _, _ in one.rows if metadata.CACHED not in path and not metadata.is_bytecode(path))
        below.setdefault(one.distribution.location, set()).update(map(os.path.normpath, listed))
    for folder, paths in sorted(below.items()):
        yield BETWEEN.join((FILES + folder, *filter(partial(_is_file, folder), sorted(paths))))


def _is_file(folder: str, path: str) -> bool:
    return os.path.isfile(os.path.join(folder, path))


def _distribution(files: FileList) -> Iterator[str]:
    found = files.distribution
    yield STATUS + found.path
    # the folder's own time stamp shows what appears in it
    yield from (STATUS + place for place in (os.path.join(found.path, "METADATA"), found.record))
    yield from (STATUS + place for place in files.top_level)


def _together(grounds: Sequence[str], folder: str) -> Iterator[str]:
    """Yield the grounds with the statuses below a folder as one: there are several of each distribution."""
    first = f"{STATUS}{folder}/"
    below = {ground for ground in grounds if ground.startswith(first) and BETWEEN not in ground}
    if below:
        yield BETWEEN.join((STATUSES + folder, *(ground[len(first) :] for ground in sorted(below))))
    yield from (ground for ground in grounds if ground not in below)


def is_settled(ground: str, started: int) -> bool:
    """Return whether a ground cannot have changed since shortly before the run started (ns)."""
    if ground[:1] == FILES:
        folder, *names = ground[1:].split(BETWEEN)
        return all(_is_older(os.path.join(folder, name), started) for name in names)
    return ground[:1] not in (CONTENT, STATUS, LISTING) or _is_older(ground[1:], started)


def _is_older(path: str, started: int) -> bool:
    try:
        status = os.stat(path)
    except OSError:  # that it is not there was seen, and is seen again
        return True
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    return changed < started - (_FINE if changed % 1_000_000_000 else _COARSE)
