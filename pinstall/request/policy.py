"""Define pinstall's own settings: key, values, default and purpose; and the table of sources.

May not: read variables or files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

from pinstall.formats import urls
from pinstall.model.errors import USAGE, PinstallError
from pinstall.model.inputs import Fault, Option

if TYPE_CHECKING:
    from pinstall.model.artifacts import Link


TABLE = "sources"


class Key(NamedTuple):
    """One setting: `--pin KEY=VALUE`, the variable `PINSTALL_KEY`, or the key in `[tool.pinstall]`."""

    name: str
    values: tuple[str, ...]  # none for any text
    default: str


_LEVELS = ("allow", "warn", "refuse")

# How similar an unknown name is to the setting that was meant: `clos` is to `closure`, `version` is to none.
_ALIKE = 0.72


def _key(default: str, *values: str) -> str:
    """Return the default of a setting, and keep with it the values that there are."""
    return field(default=default, metadata={"values": values})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The values that are in force; each is the setting of that name. `docs/usage.py` says what each does."""

    unpinned: str = _key("refuse", "refuse", "warn", "allow")
    evict: str = _key("mismatched", "mismatched", "contradicting", "never")
    builds: str = _key("any", "any", "recorded")
    unproven: str = _key("reinstall", "reinstall", "accept", "refuse")
    origin: str = _key("any", "any", "index")
    location: str = _key("any", "any", "environment")
    hold: str = _key("keep", "keep", "ignore", "forget")
    closure: str = _key("allow", *_LEVELS)
    ambiguous: str = _key("warn", *_LEVELS)
    unowned: str = _key("warn", *_LEVELS)
    unmanaged: str = _key("")  # globs
    bytecode: str = _key("parallel", "parallel", "pip")
    stamp: str = _key("full", "full", "quick", "off")
    report: str = _key("")  # a file, or `-`


KEYS = tuple(Key(one.name, one.metadata["values"], str(one.default)) for one in fields(Policy))


def decide(settings: Iterable[Option]) -> Policy:
    """Return the policy of these settings, the weakest first; raise PinstallError `setting`."""
    keys = {key.name: key for key in KEYS}
    values = {}
    for setting in settings:
        if setting.dest == TABLE != setting.name:
            continue  # an entry of the table
        name, value = _spell(setting.name), setting.value or ""
        key = keys.get(name)
        if key is None:
            hint = _nearest_to(setting) or ("" if _is_variable(setting) else f"the settings are {', '.join(keys)}")
            if not hint:
                continue  # it may be another program's: `find_strange` names it
            raise _refusal(setting, f"there is no setting `{setting.name}`", hint)
        if key.values and value not in key.values:
            raise _refusal(setting, f"`{name}` cannot be `{value}`", f"it can be {', '.join(key.values)}")
        values[name] = value
    return Policy(**values)


def find_strange(variables: Iterable[Option]) -> Iterator[str]:
    """Yield a warning for each variable that is not a setting; `decide` refuses those that are like one."""
    known = {key.name for key in KEYS}
    for one in variables:
        if one.name not in known and not _nearest_to(one):
            yield f"the variable `{one.origin}` is not a setting of pinstall, and has no effect"


def _nearest_to(setting: Option) -> str:
    """Return how to write the setting that was probably meant, in the same place."""
    if setting.dest == setting.name == TABLE:
        return f"write the table `[tool.pinstall.{TABLE}]` in `pyproject.toml`"
    names = (*(key.name for key in KEYS), "python" if _is_variable(setting) else TABLE)
    meant = "".join(nearest(_spell(setting.dest), names, _ALIKE))
    return meant and f"did you mean `{f'PINSTALL_{meant.upper()}' if _is_variable(setting) else meant}`?"


def _spell(name: str) -> str:
    """Return the name of a setting as the table has it: capitals, `-` and `_` do not matter."""
    return name.lower().replace("_", "-")


def _is_variable(setting: Option) -> bool:
    return setting.origin.where.startswith("PINSTALL_")


def nearest(text: str, known: Iterable[str], alike: float = 0.6) -> list[str]:
    """Return the most similar one of the known names, if any is similar enough."""
    import difflib  # noqa: PLC0415 - only mistyped options and settings need it

    return difflib.get_close_matches(text, list(known), 1, alike)


def _refusal(setting: Option, message: str, hint: str) -> PinstallError:
    fault = Fault(message, setting.origin)
    return PinstallError("setting", str(fault), context=(fault,), hint=hint, exit_code=USAGE)


_WILD = re.compile(r"[*?]|\[[^]]*\]")


def find_source(name: NormalizedName, settings: Iterable[Option]) -> Option | None:
    """Return the most specific entry of the table of sources for a project, the first of equals."""
    entries = [setting for setting in settings if setting.dest == TABLE]
    if not entries:
        return None
    from fnmatch import fnmatchcase  # noqa: PLC0415 - few projects have such a table

    fitting = [entry for entry in entries if fnmatchcase(name, _pattern(entry))]
    return max(fitting, key=lambda entry: _weight(_pattern(entry)), default=None)


def _pattern(entry: Option) -> str:
    return canonicalize_name(entry.name.removeprefix(f"{TABLE}."))


def _weight(pattern: str) -> tuple[bool, int]:
    """Return the rank of a pattern: names first, then the number of literal letters."""
    literal = _WILD.sub("", pattern)
    return literal == pattern, len(literal)


def index(entry: Option) -> str:
    """Return the index, or the place of `--find-links`, of an entry, as in messages and the ledger."""
    return place(entry.value or "")


def place(text: str) -> str:
    """Return the URL of an index without credentials and without the last slash."""
    return urls.without_secrets(text).rstrip("/") if "://" in text else text


def differ(one: Collection[Link], other: Collection[Link]) -> bool:
    """Return whether each offer has a file that the other has not: a mirror may only lack files."""
    pairs = ((one, other), (other, one))
    return all(any(not any(_is_same(link, their) for their in theirs) for link in mine) for mine, theirs in pairs)


def _is_same(link: Link, other: Link) -> bool:
    if link.hashes & other.hashes or link.url == other.url:
        return True
    algorithms = [{text.partition(":")[0] for text in hashes} for hashes in (link.hashes, other.hashes)]
    return link.filename == other.filename and algorithms[0].isdisjoint(algorithms[1])  # no comparable hashes
