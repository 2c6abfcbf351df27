"""Refuse requests that are not pins, with what to write instead.

May not: print.
"""

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from pinstall import index
from pinstall.environment import interpreter
from pinstall.formats import metadata
from pinstall.model.artifacts import Link
from pinstall.model.errors import NOT_PINNED, PinstallError, misuse
from pinstall.model.inputs import Fault, RequirementLine
from pinstall.model.pins import Reporter
from pinstall.report import phrases
from pinstall.request import lines, policy
from pinstall.request.call import Asked
from pinstall.request.demand import STRONG
from pinstall.request.options import FOREIGN
from pinstall.verdicts.evidence import Evidence

Wanted = Mapping[NormalizedName, SpecifierSet]

# How many seconds a refusal waits for indexes.
SECONDS = 2.0
# Options with which the target, or the newest release, does not decide what fits.
_OF_OTHERS = FOREIGN | {"uploaded_prior_to"}
_OURS = ("cache", "check", "help", "install", "lock", "undo", "why")
# Commands of pip that a user may try here; `wheel` and `search` are more likely projects.
_OF_PIP = frozenset(("config", "debug", "download", "freeze", "hash", "inspect", "list", "show", "uninstall"))
# What to write for commands of other tools.
_OF_OTHER_TOOLS = {
    "add": "pinstall NAME==VERSION",
    "compile": "pinstall lock",
    "doctor": "pinstall check",
    "sync": "pinstall -r requirements.txt",
    "update": "pinstall lock --upgrade",
    "upgrade": "pinstall lock --upgrade",
    "verify": "pinstall check",
}
_HINT = "write the pins, or let `pinstall lock` write them; `--pin unpinned=allow` accepts these lines"
# How much a word has in common with one that was misspelt, from 0 to 1.
_ALIKE = 0.8


class _Found(NamedTuple):
    """A release that fits, and its files that do, as far as they are known."""

    version: str
    links: tuple[Link, ...] = ()
    installed: bool = False


def refuse_unpinned(evidence: Evidence, tell: Reporter) -> None:
    """Raise PinstallError (`unpinned`) for requests that are not pins, or warn of them under `unpinned=warn`."""
    asked = evidence.asked
    if asked.policy.unpinned == "refuse":
        _refuse_words(evidence)
    faults = _advise(evidence, tell)
    if asked.policy.unpinned == "refuse":
        message = phrases.counted(len(faults), "requirement is not pinned", "requirements are not pinned")
        raise PinstallError("unpinned", message, context=faults, hint=_HINT, exit_code=NOT_PINNED)
    for fault in faults:
        tell.warn(fault)


def _advise(evidence: Evidence, tell: Reporter) -> tuple[Fault, ...]:
    """Return the pin to write for each request: the installed release if it fits, else the newest that fits."""
    asked = evidence.asked
    asking = asked.policy.unpinned == "refuse"
    wanted = {one.name: _wanted(asked, one.name) for one in asked.demand.unpinned if one.name and one.link is None}
    hashed = asking and _is_hashed(asked)
    found = dict(_installed(wanted, evidence))
    # of what is installed an index knows the hashes
    missing = {name: SpecifierSet(f"=={one.version}") for name, one in found.items()} if hashed else {}
    # a word of the command line may be mistyped
    known = {line.name for line in asked.lines if line.specifier or not line.origin.where.startswith("argument ")}
    missing |= {name: specifier for name, specifier in wanted.items() if name in known - found.keys()}
    if asking and missing and not any(option.dest in _OF_OTHERS for option in asked.in_force):
        with tell.working("asking the index what to pin"):
            for name, one in _offered(missing, asked, tell):
                found[name] = one._replace(installed=name in found)
    return tuple(_line(line, found, hashed=hashed) for line in asked.demand.unpinned)


def _refuse_words(evidence: Evidence) -> None:
    """Raise PinstallError (64) for a file without its option, and for a first word that is probably a command."""
    words = [one.text for one in evidence.asked.request.positionals]
    for word in words:
        if os.path.splitext(word)[1] in (".in", ".toml", ".txt"):
            raise misuse(f"`{word}` is a file, not a requirement", f"write `-r {word}`")
    first = words[0] if words else ""
    if words[:2] == ["pip", "install"]:
        meant = " ".join(("pinstall", *words[2:]))
    elif evidence.find(canonicalize_name(first)) is not None:
        return
    elif first in _OF_PIP:
        meant = f"python -m pip {first}"
    else:
        alike = policy.nearest(first, _OURS, _ALIKE)
        meant = _OF_OTHER_TOOLS.get(first) or (f"pinstall {alike[0]}" if alike else "")
    if meant:
        hint = f"use `{meant}`; to install a project named `{first}`, pin it: `{first}==VERSION`"
        raise misuse(f"there is no command `{first}`", hint)


def _wanted(asked: Asked, name: NormalizedName) -> SpecifierSet:
    lines = (*asked.demand.unpinned, *asked.demand.bounds)
    return SpecifierSet(",".join(str(line.specifier) for line in lines if line.name == name and line.specifier))


def _is_hashed(asked: Asked) -> bool:
    """Check whether pip demands a hash of everything: by an option, or because one line has some."""
    flag = any(option.dest == "require_hashes" for option in asked.in_force)
    return flag or any(line.hashes and line.link is None for line in asked.lines)


def _installed(wanted: Wanted, evidence: Evidence) -> Iterator[tuple[NormalizedName, _Found]]:
    for name, specifier in wanted.items():
        installed = evidence.find(name)
        version = None if installed is None else installed.identity.version
        if version is not None and metadata.admits(specifier, version):
            yield name, _Found(str(version), installed=True)


def _offered(missing: Wanted, asked: Asked, tell: Reporter) -> Iterator[tuple[NormalizedName, _Found]]:
    """Yield the newest release that fits of each project, one with a demanded hash first, as indexes tell in time."""
    known, target = index.offers.Index(asked.in_force), asked.target
    offered = known.pages(missing, SECONDS)
    for text in known.silent:
        tell.detail(text)
    fitting = interpreter.find_tags(target)
    for name, some in offered.items():
        terms = index.offers.terms(asked.in_force, name, target.version, fitting)
        links = ((metadata.release(link.filename, name), link) for page in some for link in page.links)
        listed = [(version, link) for version, link in links if version is not None]
        demanded = {digest for line in asked.demand.unpinned if line.name == name for digest in line.hashes}
        proven = [(version, link) for version, link in listed if link.hashes & demanded]
        chosen = index.offers.newest(proven, missing[name], terms) or index.offers.newest(listed, missing[name], terms)
        if chosen is not None:
            yield name, _Found(str(chosen[0]), chosen[1])


def _line(line: RequirementLine, found: Mapping[NormalizedName, _Found], *, hashed: bool) -> Fault:
    if line.name is None or line.link is not None:
        return phrases.unpinned(line, "")
    one = found.get(line.name, _Found("VERSION"))
    listed = {digest for link in one.links for digest in link.hashes if digest.partition(":")[0] in STRONG}
    hashes = (line.hashes & listed or listed or line.hashes) if hashed else line.hashes
    return phrases.unpinned(line, lines.written(line, one.version, hashes), installed=one.installed)
