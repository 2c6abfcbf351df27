"""Read the options on one line of a requirement file, in every spelling of optparse, and write pins.

May not: know what an option means to its line or its file.
"""

import re
import shlex
from collections.abc import Iterable, Iterator

from pinstall.model.inputs import Option, Origin, RequirementLine
from pinstall.request.arguments import rules
from pinstall.request.demand import STRONG
from pinstall.request.options import FILE_ONLY, LATER, LINES, OPTIONS, PER_REQUIREMENT, VALUED, Rule

_TABLE = tuple(
    rule._replace(since=max(rule.since, LATER.get(rule.name, ())))
    for rule in (*OPTIONS, *FILE_ONLY)
    if rule.name in LINES | PER_REQUIREMENT
)
# Today's options first: a line that any release takes is left to the release that will read it.
_RELEASES = tuple(rules(release, _TABLE) for release in ((99,), (22, 3), (20, 1)))

_NAMED = re.compile(r"([^\s\[(<>=!~;@]+\s*(?:\[[^\]]*\])?)[^;]*?(?:(\s*)(;.*))?")
_HASHES = tuple(f"{name}:" for name in STRONG)


def read(text: str, origin: Origin) -> Iterator[tuple[Option, tuple[str, ...]]]:
    """Yield each option with its words, in the order of writing; words between them are dropped, as pip does.

    Raises ValueError, with a message for the user, where every pip refuses the line. The values of `--use-feature`
    are left to pip.
    """
    try:
        rest = iter(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"cannot split the options `{text}`: {str(error).lower()}") from error
    for word in rest:
        if word == "--":
            return
        if word.startswith("-") and word != "-":
            yield _option(word, rest, origin)


def _option(word: str, rest: Iterator[str], origin: Origin) -> tuple[Option, tuple[str, ...]]:
    spelling, equals, glued = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
    value = glued if equals else None
    rule = _rule(spelling)
    written: tuple[str, ...] = (word,)
    if rule.action in VALUED and value is None:
        value = next(rest, None)
        written = (word, value or "")
    if complaint := _complaint(rule, value):
        raise ValueError(f"option `{rule.name}` {complaint}")
    return Option(name=rule.name, dest=rule.dest, value=value, origin=origin), written


def _rule(spelling: str) -> Rule:
    ambiguous: list[str] = []
    for table in _RELEASES:
        matches = [spelling] if spelling in table else sorted(name for name in table if name.startswith(spelling))
        if len(matches) == 1:
            return table[matches[0]]
        ambiguous = ambiguous or matches
    if ambiguous:
        raise ValueError(f"option `{spelling}` is ambiguous: {', '.join(f'`{name}`' for name in ambiguous)}")
    raise ValueError(f"option `{spelling}` does not exist in requirement files")


def _complaint(rule: Rule, value: str | None) -> str | None:
    if rule.action not in VALUED:
        return None if value is None else "takes no value"
    if value is None:
        return "needs a value"
    if rule.action == "list" and value.startswith("-"):
        return f"needs a value, not `{value}`"
    if rule.dest == "config_settings" and "=" not in value:
        return f"takes KEY=VALUE, not `{value}`"
    if rule.dest == "hashes" and not value.startswith(_HASHES):
        return f"takes one of {', '.join(_HASHES)} and a digest, not `{value}`"
    return None


def quoted(options: Iterable[str]) -> Iterator[str]:
    """Yield options as a line of a requirement file takes them: pip knows their start by an unquoted dash."""
    for option in options:
        name, equals, value = option.partition("=")
        yield f"{name}{equals}{value and shlex.quote(value)}"


def written(line: RequirementLine, version: str, hashes: Iterable[str] = ()) -> str:
    """Return the pin to write instead of a line, with its name, extras, marker and options."""
    named = _NAMED.fullmatch(line.text)
    head = named[1].rstrip() if named else line.name
    marker = f"{named[2] and ' '}{named[3]}" if named and named[3] else ""
    return " ".join((f"{head}=={version}{marker}", *quoted(line.options), *(f"--hash={one}" for one in sorted(hashes))))
