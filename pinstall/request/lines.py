"""Read the options on one line of a requirement file, in every spelling that optparse takes.

May not: know what an option means to its line or its file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pinstall.request.options import FILE_ONLY, LINES, OPTIONS, PER_REQUIREMENT, VALUED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pinstall.request.options import Release, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One option as it was given: what it is, its value, and the tokens that it was written with."""

    name: str
    dest: str
    value: str | None
    written: tuple[str, ...]


def _spellings(release: Release) -> Mapping[str, Rule]:
    allowed = {**LINES, **PER_REQUIREMENT}
    return {
        spelling: rule
        for rule in (*OPTIONS, *FILE_ONLY)
        if max(rule.since, allowed.get(rule.name, release)) <= release and rule.name in allowed
        if rule.removed is None or release < rule.removed
        for spelling in rule.spellings
    }


_RELEASES: Final = tuple(map(_spellings, ((99,), (22, 3), (20, 1))))
"""Today's options first: a line that any release takes is left to the release that will read it."""

# Without quotes and without the blanks that shlex does not know, `str.split` splits as shlex does.
_QUOTING: Final = re.compile(r"""["'\\\x0b\x0c\x1c-\x1f]|[^\x00-\x7f]""")
_STRONG: Final = ("sha256:", "sha384:", "sha512:")


def read(text: str) -> tuple[Given, ...]:
    """Return the options in the order of writing; words between them are dropped, as pip does.

    Raises ValueError, with a message for the user, where every pip refuses the line. The values of `--use-feature`
    are left to pip.
    """
    return tuple(_options(_tokens(text)))


def _tokens(text: str) -> list[str]:
    if not _QUOTING.search(text):
        return text.split()
    import shlex  # noqa: PLC0415 - most requirement files quote nothing

    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"cannot split the options `{text}`: {str(error).lower()}") from error


def _options(tokens: list[str]) -> Iterator[Given]:
    rest = iter(tokens)
    for token in rest:
        if token == "--":  # noqa: S105 - a token of a command line
            return
        if not token.startswith("-") or token == "-":  # noqa: S105
            continue
        spelling, value = _parted(token)
        rule = _rule(spelling)
        written: tuple[str, ...] = (token,)
        if rule.action not in VALUED:
            if value is not None:
                raise ValueError(f"option `{rule.name}` takes no value")
        elif value is None:
            value = next(rest, None)
            written = (token, value or "")
        if rule.action in VALUED and (complaint := _complaint(rule, value)):
            raise ValueError(f"option `{rule.name}` {complaint}")
        yield Given(name=rule.name, dest=rule.dest, value=value, written=written)


def _parted(token: str) -> tuple[str, str | None]:
    if token.startswith("--"):
        spelling, equals, value = token.partition("=")
        return spelling, value if equals else None
    return token[:2], token[2:] or None


def _rule(spelling: str) -> Rule:
    for table in _RELEASES:
        if rule := table.get(spelling):
            return rule
    ambiguous: list[str] = []
    for table in _RELEASES if spelling.startswith("--") else ():
        matches = sorted(name for name in table if name.startswith(spelling))
        if len(matches) == 1:
            return table[matches[0]]
        ambiguous = ambiguous or matches
    if ambiguous:
        raise ValueError(f"option `{spelling}` is ambiguous: {', '.join(f'`{name}`' for name in ambiguous)}")
    raise ValueError(f"option `{spelling}` does not exist in requirement files")


def _complaint(rule: Rule, value: str | None) -> str | None:
    if value is None:
        return "needs a value"
    if rule.action == "list" and value.startswith("-"):
        return f"needs a value, not `{value}`"
    if rule.dest == "config_settings" and "=" not in value:
        return f"takes KEY=VALUE, not `{value}`"
    if rule.dest == "hashes" and not value.startswith(_STRONG):
        return f"takes one of {', '.join(_STRONG)} and a digest, not `{value}`"
    return None


def quoted(options: Iterable[str]) -> Iterator[str]:
    """Yield options as a line of a requirement file takes them: pip knows by a dash where they begin, no quote."""
    import shlex  # noqa: PLC0415 - few lines have options

    for option in options:
        name, equals, value = option.partition("=")
        yield f"{name}{equals}{value and shlex.quote(value)}"
