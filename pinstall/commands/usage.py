"""Hold the commands as a table, and turn it into help that fits a screen, and synopses.

May not: print.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinstall.model.errors import USAGE, PinstallError
from pinstall.request.policy import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 80
_COLUMN, _OPTION = 33, 17
PURPOSE = "Install what is pinned, and end with 0 only if that is what is installed."
ARGUMENTS = "ARGUMENTS are those of `pip install`: see `python -m pip install --help`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option that pinstall itself takes, as it is written, and what it does."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One way to call a command: what stands behind `pinstall`, what it does, what it changes."""

    synopsis: str
    sentence: str
    changes: str = "nothing"
    options: tuple[Option, ...] = ()

    @property
    def command(self) -> str:
        """Return the word that the command is called by."""
        return self.synopsis.split()[0].strip("[]")


_PLACE = (
    Option(name="--python PYTHON", sentence="Take the cache of the pip of this interpreter"),
    Option(name="--cache-dir DIR", sentence="Take this cache"),
)
USAGES = (
    Usage(
        synopsis="[install] ARGUMENTS",
        sentence="Install what is pinned",
        changes="environment, cache, ledger",
        options=(
            Option(name="--pin KEY=VALUE", sentence="Set one of pinstall's own settings: `pinstall help settings`"),
            Option(name="--python PYTHON", sentence="Install for this interpreter, which needs pip but not pinstall"),
        ),
    ),
    Usage(
        synopsis="check [--deep] [--json] ARGUMENTS",
        sentence="Say what `install` would have to do",
        options=(
            Option(name="--deep", sentence="Read every installed file"),
            Option(name="--json", sentence="Write the findings as JSON on standard output"),
        ),
    ),
    Usage(synopsis="check --pinned FILE...", sentence="Say which lines of these files are no pins"),
    Usage(
        synopsis="lock ARGUMENTS [-o FILE]",
        sentence="Write down what pip would install",
        changes="FILE",
        options=(
            Option(name="-o, --output-file FILE", sentence="Write there, and keep its pins"),
            Option(name="-U, --upgrade", sentence="Keep no pin of FILE"),
            Option(name="-P, --upgrade-package NAME", sentence="Keep no pin of this project"),
            Option(name="--check", sentence="Write nothing, tell what would change"),
        ),
    ),
    Usage(synopsis="why NAME ARGUMENTS", sentence="Tell what is known of one project"),
    Usage(synopsis="cache", sentence="Say where pip's cache is, and its size", options=_PLACE),
    Usage(synopsis="cache list [PATTERN]", sentence="List what it holds, downloads included"),
    Usage(
        synopsis="cache verify [PATTERN] [--evict]",
        sentence="Check everything that it holds",
        changes="with `--evict`, the cache",
        options=(Option(name="--evict", sentence="Move what is wrong out of the cache"),),
    ),
    Usage(synopsis="cache evict PATTERN", sentence="Move what matches out of it", changes="the cache"),
    Usage(synopsis="cache shelf", sentence="List what was moved out of it, and why"),
    Usage(
        synopsis="undo",
        sentence="Put back what the latest run moved out",
        changes="the cache",
        options=_PLACE,
    ),
    Usage(synopsis="help [COMMAND | settings]", sentence="Show help"),
)


def about(topic: str) -> str:
    """Return the help on a command or on the settings; for `help` the overview.

    Raises PinstallError (64) for a topic that does not exist.
    """
    usages = [usage for usage in USAGES if usage.command == topic]
    if topic == "help":
        lines = _overview()
    elif topic == "settings":
        lines = _settings()
    elif usages:
        lines = _command(usages)
    else:
        topics = ", ".join(dict.fromkeys(usage.command for usage in USAGES))
        hint = f"there is help on {topics} and settings"
        raise PinstallError("usage", f"there is no help on `{topic}`", hint=hint, exit_code=USAGE)
    return "\n".join((*lines, ""))


def _overview() -> Iterator[str]:
    yield from ("usage: pinstall ARGUMENTS", "       pinstall COMMAND ...", "", PURPOSE, ARGUMENTS, "")
    for usage in USAGES:
        if len(usage.synopsis) > _COLUMN:
            yield f"  {usage.synopsis}"
        yield f"  {usage.synopsis if len(usage.synopsis) <= _COLUMN else '':{_COLUMN}}  {usage.sentence}"


def _command(usages: list[Usage]) -> Iterator[str]:
    starts = ("usage:", *[""] * (len(usages) - 1))
    yield from (f"{start:6} pinstall {usage.synopsis}" for start, usage in zip(starts, usages, strict=True))
    for usage in usages:
        yield ""
        if len(usages) > 1:
            yield f"{usage.synopsis}:"
        yield from _folded(f"{usage.sentence}.", "")
    options = [option for usage in usages for option in usage.options]
    if options:
        yield ""
        for option in options:
            yield from _entry(option.name, option.sentence)
    if any("ARGUMENTS" in usage.synopsis for usage in usages):
        yield ""
        yield from _folded(ARGUMENTS, "")


def _entry(name: str, sentence: str) -> Iterator[str]:
    lines = _folded(f"{sentence}.", " " * (_OPTION + 3))
    if len(name) <= _OPTION:
        lines[0] = f"  {name:{_OPTION}} {lines[0].strip()}"
    else:
        yield f"  {name}"
    yield from lines


def _settings() -> Iterator[str]:
    yield from ("usage: pinstall [install] --pin KEY=VALUE ARGUMENTS", "")
    yield from _folded("Each is also a variable `PINSTALL_KEY` and a key in `[tool.pinstall]` of `pyproject.toml`.", "")
    for key in KEYS:
        values = "|".join(f"[{value}]" if value == key.default else value for value in key.values)
        yield from ("", f"--pin {key.name}={values or key.kind}")
        yield from _folded(f"{key.sentence}.", "    ")


def _folded(text: str, indent: str) -> list[str]:
    """Return the lines of a paragraph, each short enough for a screen."""
    fill = textwrap.TextWrapper(_WIDTH - 1, indent, indent, break_long_words=False, break_on_hyphens=False)
    return fill.wrap(text)
