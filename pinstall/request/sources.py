"""Say which one index a project may come from, by the table of the project, and whether two indexes offer the same.

May not: fetch, read files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.utils import NormalizedName

    from pinstall.model.artifacts import Link
    from pinstall.model.request import Option

TABLE: Final = "sources"
_SEPARATORS: Final = re.compile(r"[-_.]+")
_WILD: Final = re.compile(r"[*?]|\[[^]]*\]")


def of(name: NormalizedName, settings: Iterable[Option]) -> Option | None:
    """Return the entry of the table that says where a project comes from, the most specific of those that fit.

    A name goes before a pattern, and of two patterns the one with more letters of its own; of equals the first.
    """
    entries = [setting for setting in settings if setting.dest == TABLE]
    if not entries:
        return None
    from fnmatch import fnmatchcase  # noqa: PLC0415 - most projects have no such table

    fitting = [entry for entry in entries if fnmatchcase(name, _pattern(entry))]
    return max(fitting, key=lambda entry: _weight(_pattern(entry)), default=None)


def _pattern(entry: Option) -> str:
    """Return the key of an entry, in the spelling of normalised names."""
    return _SEPARATORS.sub("-", entry.name.removeprefix(f"{TABLE}.")).lower()


def _weight(pattern: str) -> tuple[bool, int]:
    literal = _WILD.sub("", pattern)
    return literal == pattern, len(literal)


def index(entry: Option) -> str:
    """Return the index, or the place of `--find-links`, that an entry names, as messages and the ledger have it."""
    return place(entry.value or "")


def place(text: str) -> str:
    """Return the URL of an index without credentials, and without the slash behind which projects stand."""
    if "://" not in text:
        return text
    from pinstall.formats.provenance import bare  # noqa: PLC0415 - most projects have no table, and it imports much

    return bare(text).rstrip("/")


def differ(one: Iterable[Link], other: Iterable[Link]) -> bool:
    """Tell whether each has a file that the other has not: what only lacks files, as a mirror may, is no other offer.

    Files of one name of which no hashes are known that could be compared count as the same.
    """
    mine, theirs = tuple(one), tuple(other)
    return _exceeds(mine, theirs) and _exceeds(theirs, mine)


def _exceeds(some: Iterable[Link], others: tuple[Link, ...]) -> bool:
    return any(not any(_is_same(link, other) for other in others) for link in some)


def _is_same(link: Link, other: Link) -> bool:
    if link.hashes & other.hashes or link.url == other.url:
        return True
    algorithms = [{text.partition(":")[0] for text in hashes} for hashes in (link.hashes, other.hashes)]
    return link.filename == other.filename and algorithms[0].isdisjoint(algorithms[1])
