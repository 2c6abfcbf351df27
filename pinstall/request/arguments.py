"""Read pip install's command-line grammar, which is optparse's, into a `Request`.

May not: drop or reorder an argument, refuse what only pip may refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from pinstall.model.errors import USAGE, PinstallError
from pinstall.model.inputs import Argument, Option, Origin, Request
from pinstall.request.options import OPTIONS, SPEECH, VALUED, Release, Rule

_CARRIED = frozenset(rule.name for rule in OPTIONS if rule.carry)
# A group, after the file that holds it; an older pip refuses the groups of a lock file itself.
_GROUP = re.compile(r"((.*[/\\])?(pyproject\.toml|pylock(\.[^./\\]+)?\.toml(\[[^\]]+\])?):)?[^:]*")
_PLACE = frozenset({"cache_dir", "compile", "override_externally_managed", "root_user_action", "use_user_site"})


def rules(pip: Release, table: Iterable[Rule] = OPTIONS) -> Mapping[str, Rule]:
    """Return the rules of one pip release by each of their spellings."""
    return {
        spelling: rule
        for rule in table
        if rule.since <= pip and (rule.removed is None or pip < rule.removed)
        for spelling in rule.spellings
    }


def read(argv: Sequence[str], pip: Release) -> Request:
    """Return the request of the words after `install`, as this pip release reads them.

    `Request.unknown` names options that this pip refuses, without values, which may be secret; they stay among the
    arguments, as pip explains them better. Raises PinstallError (`pin-setting`) for a `--pin` without `KEY=VALUE`.
    """
    return _Reading(argv, rules(pip)).walk()


def carried(request: Request, *, into_environment: bool = False) -> tuple[str, ...]:
    """Return the command line's options that a second pip command needs, in order.

    With them pip makes the same artifacts from the same place and prints as much; a command that goes
    `into_environment` also installs to the same place, by the same cache.
    """
    dests = SPEECH | _PLACE if into_environment else SPEECH
    return tuple(
        option.name if option.value is None else f"{option.name}={option.value}"
        for option in request.command_line
        if option.name in _CARRIED or option.dest in dests
    )


def without(words: Sequence[str], dest: str, pip: Release) -> tuple[str, ...]:
    """Return the words without the long options, and their values, that write to a destination."""
    found = [option for option in read(words, pip).command_line if option.dest == dest]
    first = {int(option.origin.where.rpartition(" ")[2]) - 1 for option in found}
    gone = first | {number + 1 for number in first if "=" not in words[number]}
    return tuple(word for number, word in enumerate(words) if number not in gone)


def demands_pip(request: Request, known: Mapping[str, Rule]) -> str | None:
    """Return the part of a request that only pip can answer, none where a satisfied environment is enough."""
    if request.unknown:
        return f"`{request.unknown[0]}` is not understood"
    for option in request.options:
        rule = known.get(option.name)
        # pip refuses a setting that gives a flag a value
        if rule is None or rule.gate == "pip" or (rule.action not in VALUED and option.value is not None):
            return f"`{option.name}` ({option.origin})"
    return None


class _Reading:
    """One walk along argv, with everything that was read so far."""

    def __init__(self, argv: Sequence[str], known: Mapping[str, Rule]) -> None:
        self.argv = argv
        self.known = known
        self.taken = 0
        self.arguments: list[str] = []
        self.options: list[Option] = []
        self.positionals: list[Argument] = []
        self.unknown: list[str] = []
        self.doubted: list[str] = []
        self.python: Option | None = None
        self.settings: list[Option] = []

    def walk(self) -> Request:
        """Read all of argv, and keep the arguments of pip."""
        dashes = False
        doubtful = False  # the word before is an unknown option: this one may be its value
        while self.taken < len(self.argv):
            first = self.taken
            word = self._next()
            origin = Origin(where=f"argument {self.taken}")
            if not dashes and self._own(word, origin):
                continue
            if dashes or word == "-" or not word.startswith("-"):
                if not doubtful:
                    self.positionals.append(Argument(text=word, origin=origin))
            elif word == "--":
                dashes = True
            else:
                for written, rule, glued in self._split(word):
                    self._take(written, rule, glued, origin)
            doubtful = not dashes and word.startswith("--") and "=" not in word and self.unknown[-1:] == [word]
            self.arguments.extend(self.argv[first : self.taken])
        return Request(
            arguments=tuple(self.arguments),
            command_line=tuple(self.options),
            positionals=tuple(self.positionals),
            unknown=tuple(self.unknown),
            doubted=tuple(self.doubted),
            python=self.python,
            settings=tuple(self.settings),
        )

    def _next(self) -> str:
        self.taken += 1
        return self.argv[self.taken - 1]

    def _own(self, word: str, origin: Origin) -> bool:
        """Take `--pin` and `--python`, written out; a prefix of them is a prefix of pip's options."""
        name, equals, text = word.partition("=")
        if name not in {"--pin", "--python"}:
            return False
        if not equals and self.taken < len(self.argv):
            equals, text = "=", self._next()
        if name == "--pin":
            self.settings.append(_setting(text, origin))
        elif equals:
            self.python = Option(name=name, dest="python", value=text, origin=origin)
        return name == "--pin" or bool(equals)  # pip refuses a `--python` without its value

    def _split(self, word: str) -> Iterator[tuple[str, Rule | None, str | None]]:
        """Yield each option of a word as it is written, with its rule, and the text that is glued on."""
        if word.startswith("--"):
            written, equals, glued = word.partition("=")
            # two spellings of one option are ambiguous too, as in optparse
            found = [written] if written in self.known else [one for one in self.known if one.startswith(written)]
            yield written, self.known[found[0]] if len(found) == 1 else None, glued if equals else None
            return
        for end, letter in enumerate(word[1:], start=2):
            rule = self.known.get(f"-{letter}")
            ends = rule is None or rule.action in VALUED
            yield f"-{letter}", rule, (ends and word[end:]) or None
            if ends:
                return

    def _take(self, written: str, rule: Rule | None, glued: str | None, origin: Origin) -> None:
        """Take an option; its value is glued on, or the next argument."""
        valued = rule is not None and rule.action in VALUED
        lacks = valued and glued is None and self.taken == len(self.argv)
        if rule is None or lacks or (glued is not None and not valued):
            self.unknown.append(written)
            return
        value = self._next() if valued and glued is None else glued
        if value is not None and not _accepted(rule, value):
            self.unknown.append(written)
            if rule.action != "list":  # every pip refuses a dash there
                self.doubted.append(written)
        self.options.append(Option(name=rule.name, dest=rule.dest, value=value, origin=origin))


def _setting(text: str, origin: Origin) -> Option:
    key, equals, value = text.partition("=")
    if not key or not equals:
        message, hint = "`--pin` takes `KEY=VALUE`", "`pinstall help settings` lists the keys"
        raise PinstallError("pin-setting", message, context=(str(origin),), hint=hint, exit_code=USAGE)
    return Option(name=key, dest=key, value=value, origin=origin)


def _converts(convert: Callable[[str], object], value: str) -> bool:
    with suppress(ValueError):
        convert(value)
        return True
    return False


def _is_date(value: str) -> bool:
    from datetime import datetime  # noqa: PLC0415 - one rare option needs it

    return _converts(datetime.fromisoformat, value)


# Each is as narrow as pip's own check, or narrower: optparse reads a leading zero of a count as octal.
_KINDS: Mapping[str, Callable[[str], object]] = {
    "AGE": re.compile(r"P(0|[1-9][0-9]*)D").fullmatch,
    "COUNT": re.compile(r"0|[1-9][0-9]*").fullmatch,
    "DATE": _is_date,
    "GROUP": _GROUP.fullmatch,
    "NUMBER": lambda value: _converts(float, value),
    "PAIR": lambda value: "=" in value,
}


def _accepted(rule: Rule, value: str) -> bool:
    """Return whether pip certainly takes this value; if not, pinstall asks pip."""
    if rule.action == "list":
        return not value.startswith("-")
    forms = rule.accepts.split()
    return not forms or any(bool(_KINDS[form](value)) if form in _KINDS else value == form for form in forms)
