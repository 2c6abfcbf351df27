"""Choose the release of a project to pin, among what indexes offer, and write the pin in the words of its line.

May not: ask an index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pinstall.request.lines import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.tags import Tag
    from packaging.utils import NormalizedName

    from pinstall.model.artifacts import Link
    from pinstall.model.request import Option, RequirementLine

_ALL: Final = ":all:"
_NONE: Final = ":none:"
_NAMED: Final = re.compile(r"([^\s\[(<>=!~;@]+\s*(?:\[[^\]]*\])?)[^;]*?(?:(\s*)(;.*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a file has to be like: for which Python and by which tags, whether it may be a wheel, or an sdist.

    Without `python` any will do; `pre` admits pre-releases though nothing asks for one.
    """

    python: Version | None
    tags: frozenset[Tag]
    wheels: bool = True
    sdists: bool = True
    pre: bool = False


def terms(options: Iterable[Option], name: NormalizedName, version: str, tags: frozenset[Tag]) -> Terms:
    """Return what options in force, the weakest first, let pip take of a project, for an interpreter."""
    given = tuple(options)
    flags = {option.dest for option in given}
    no, only = _format_control(given)
    return Terms(
        # pip compares three numbers, whatever stands behind them
        python=None if "ignore_requires_python" in flags else Version(Version(version).base_version),
        tags=tags,
        wheels=name in only or not (name in no or (_ALL in no and _ALL not in only)),
        sdists=name not in only and (name in no or _ALL not in only),
        pre="pre" in flags,
    )


def _format_control(options: Iterable[Option]) -> tuple[set[str], set[str]]:
    """Return what `--no-binary` and `--only-binary` name. Source: `FormatControl` of pip 26.3."""
    named: dict[str, set[str]] = {"--no-binary": set(), "--only-binary": set()}
    for option in options:
        if option.dest != "format_control":
            continue
        mine = named[option.name]
        (other,) = (names for names in named.values() if names is not mine)
        for one in (option.value or "").split(","):
            if one == _ALL:
                mine.clear()
                other.clear()
                mine.add(_ALL)
            elif one == _NONE:
                mine.clear()
            else:
                other.discard(canonicalize_name(one))
                mine.add(canonicalize_name(one))
    return named["--no-binary"], named["--only-binary"]


def newest(
    offered: Iterable[tuple[Version, Link]], wanted: SpecifierSet, asked: Terms
) -> tuple[Version, tuple[Link, ...]] | None:
    """Return the newest release that meets a demand, with its files that fit, none where there is none.

    A yanked one is taken only where all are (PEP 592), a pre-release as PEP 440 says.
    """
    fitting = [(version, link) for version, link in offered if _fits(link, asked)]
    for some in ([one for one in fitting if not one[1].yanked], fitting):
        versions = wanted.filter({version for version, _ in some}, prereleases=asked.pre or None)
        if version := max(versions, default=None):
            return version, tuple(link for of, link in some if of == version)
    return None


def _fits(link: Link, asked: Terms) -> bool:
    if link.filename.endswith(".whl"):
        if not asked.wheels or asked.tags.isdisjoint(parse_wheel_filename(link.filename)[-1]):
            return False
    elif not asked.sdists:
        return False
    try:
        return asked.python is None or asked.python in SpecifierSet(link.requires_python)
    except InvalidSpecifier:  # pip takes no notice of it either
        return True


def written(line: RequirementLine, version: str, hashes: Iterable[str] = ()) -> str:
    """Return the pin to write in place of a line: its name, extras, marker and options as they stand there."""
    named = _NAMED.fullmatch(line.text)
    head = named[1].rstrip() if named else line.name
    marker = f"{named[2] and ' '}{named[3]}" if named and named[3] else ""
    return " ".join((f"{head}=={version}{marker}", *quoted(line.options), *(f"--hash={one}" for one in sorted(hashes))))
