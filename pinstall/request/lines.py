"""Read the options on one line of a requirement file, in every spelling that optparse takes.

May not: know what an option means to its line or its file.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pinstall.request.options import FILE_ONLY, LINES, OPTIONS, PER_REQUIREMENT, VALUED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pinstall.model.inputs import RequirementLine
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

_NAMED: Final = re.compile(r"([^\s\[(<>=!~;@]+\s*(?:\[[^\]]*\])?)[^;]*?(?:(\s*)(;.*))?")
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


def written(line: RequirementLine, version: str, hashes: Iterable[str] = ()) -> str:
    """Return the pin to write in place of a line: its name, extras, marker and options as they stand there."""
    named = _NAMED.fullmatch(line.text)
    head = named[1].rstrip() if named else line.name
    marker = f"{named[2] and ' '}{named[3]}" if named and named[3] else ""
    return " ".join((f"{head}=={version}{marker}", *quoted(line.options), *(f"--hash={one}" for one in sorted(hashes))))


# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
_CODING: Final = re.compile(rb"coding[:=]\s*([-\w.]+)")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
VARIABLE: Final = re.compile(r"\$\{([A-Z0-9_]+)\}")


def decode(content: bytes) -> str:
    """Return the text by its byte order mark, else by a PEP 263 comment in its first two lines, else as UTF-8.

    Raises what `bytes.decode` raises: UnicodeError, or LookupError for an encoding that does not exist.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n", 2)[:2]:
        if line.startswith(b"#") and (coding := _CODING.search(line)):
            return content.decode(coding[1].decode("ascii"))
    return content.decode("utf-8")


def logical_lines(text: str, environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield each line that says anything, with the number of its first physical line."""
    for number, joined in _joined(text):
        bare = (_COMMENT.sub("", joined) if "#" in joined else joined).strip()
        if bare:
            yield number, _expanded(bare, environ) if "${" in bare else bare


def _joined(text: str) -> Iterator[tuple[int, str]]:
    first = 0
    parts: list[str] = []
    for number, physical in enumerate(text.splitlines(), 1):
        comment = "#" in physical and physical.lstrip().startswith("#")
        if physical.endswith("\\") and not comment:
            first = first if parts else number
            parts.append(physical.strip("\\"))
            continue
        # A comment ends the joining; the blank keeps it a comment behind what was joined.
        last = f" {physical}" if comment else physical
        if parts:
            yield first, "".join((*parts, last))
            parts = []
        else:
            yield number, last
    if parts:
        yield first, "".join(parts)


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    for name in dict.fromkeys(VARIABLE.findall(text)):
        if value := environ.get(name):
            text = text.replace(f"${{{name}}}", value)
    return text
