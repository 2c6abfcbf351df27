"""Refuse requests that are not pins, with what to write instead.

May not: print.
"""

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from pinstall import index
from pinstall.commands import usage
from pinstall.environment import interpreter
from pinstall.formats import metadata
from pinstall.model.artifacts import Link
from pinstall.model.errors import NOT_PINNED, PinstallError
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
# Commands of pip that a user may try here; `wheel` and `search` are more likely projects.
_OF_PIP = frozenset(("config", "debug", "download", "freeze", "hash", "inspect", "list", "show", "uninstall"))
# How much a word has in common with one that was misspelt, from 0 to 1.
_ALIKE = 0.8


class _Found(NamedTuple):
    """A release that fits, and its files that do, as far as they are known."""

    version: str
    links: tuple[Link, ...] = ()
    installed: bool = False


def refuse_unpinned(evidence: Evidence, tell: Reporter) -> None:
    """Raise PinstallError (`unpinned`) for requests that are not pins, or warn of them under `unpinned=warn`."""
    asked, faults = evidence.asked, _advise(evidence, tell)
    if asked.policy.unpinned == "refuse":
        message = phrases.counted(len(faults), "requirement is not pinned", "requirements are not pinned")
        raise PinstallError("unpinned", message, context=faults, hint=_hint(asked), exit_code=NOT_PINNED)
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
    missing |= {name: specifier for name, specifier in wanted.items() if name not in found}
    if asking and missing and not any(option.dest in _OF_OTHERS for option in asked.in_force):
        for name, one in _offered(missing, asked, tell):
            found[name] = one._replace(installed=name in found)
    return tuple(_line(line, found, hashed=hashed) for line in asked.demand.unpinned)


def _hint(asked: Asked) -> str:
    """Return what to do about requests that are not pins, or that are mistyped commands."""
    words = [one.text for one in asked.request.positionals]
    first = words[0] if words else ""
    if first in _OF_PIP:
        return f"`{first}` is a command of pip: `python -m pip {first}`"
    if words[:2] == ["pip", "install"]:
        return "`pinstall` stands where `pip install` stood: leave these two words out"
    for word in words:
        if os.path.splitext(word)[1] in (".in", ".toml", ".txt"):
            return f"write `-r {word}` for what stands in a file"
    commands = [one.command for one in usage.USAGES]
    if alike := policy.nearest(first, commands, _ALIKE):
        return f"if `{first}` is meant to be a command, it is `pinstall {alike[0]}`"
    return "pin them by hand or with `pinstall lock`, or allow them with `--pin unpinned=allow`"


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
    one = found.get(line.name, _Found("<version>"))
    listed = {digest for link in one.links for digest in link.hashes if digest.partition(":")[0] in STRONG}
    hashes = (line.hashes & listed or listed or line.hashes) if hashed else line.hashes
    return phrases.unpinned(line, lines.written(line, one.version, hashes), installed=one.installed)
