"""Hold the commands as a table, and turn it into help that fits a screen, and synopses.

May not: print.
"""

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from pinstall.model.errors import misuse
from pinstall.request.policy import KEYS

_WIDTH = 80
_COLUMN, _OPTION = 34, 17
PURPOSE = "Install what is pinned, and end with 0 only if that is what is installed."
ARGUMENTS = "ARGUMENTS are those of `pip install`: see `python -m pip install --help`."


class Usage(NamedTuple):
    """One way to call a command: the words after `pinstall`, what it does, what it changes.

    `options` are those that pinstall itself takes, as they are written, each with what it does.
    """

    synopsis: str
    sentence: str
    changes: str = "nothing"
    options: tuple[tuple[str, str], ...] = ()

    @property
    def command(self) -> str:
        """Return the word that the command is called by."""
        return self.synopsis.split()[0].strip("[]")


_INSTALL = (
    ("--pin KEY=VALUE", "Set one of pinstall's own settings: `pinstall help settings`"),
    ("--python PYTHON", "Install for this interpreter, which needs pip but not pinstall"),
)
_CHECK = (
    ("--deep", "Read every installed file"),
    ("--exact", "Also name what is installed without a pin that explains it"),
    ("--json", "Write the findings as JSON on standard output"),
)
_LOCK = (
    ("-o, --output-file FILE", "Write there, and keep its pins"),
    ("-U, --upgrade", "Keep no pin of FILE"),
    ("-P, --upgrade-package NAME", "Keep no pin of this project; `NAME<3` also bounds it"),
    ("--check", "Write nothing, tell what would change; `--dry-run` is the same"),
    ("--extra NAME", "Also lock what this extra of the project needs; `--all-extras`: each"),
    ("--force", "Replace a FILE that is no lock"),
    ("--no-hashes", "Leave them out, as `--no-header`, `--no-annotate` and `--strip-extras` leave out theirs"),
)
_PLACE = (
    ("--python PYTHON", "Take the environment of this interpreter, and the cache of its pip"),
    ("--cache-dir DIR", "Take this cache"),
)
_EVICT = (("--evict", "Move what is wrong out of the cache"),)
USAGES = (
    Usage("[install] ARGUMENTS", "Install what is pinned", "environment, cache, ledger", _INSTALL),
    Usage("check [--deep] [--exact] [--json] ARGUMENTS", "Say what `install` would have to do", options=_CHECK),
    Usage("check --pinned FILE...", "Say which lines of files are not pins"),
    Usage("lock [ARGUMENTS] [-o FILE]", "Write down what pip would install", "FILE", _LOCK),
    Usage("why NAME ARGUMENTS", "Tell what is known of one project"),
    Usage("cache", "Say where pip's cache is, and its size", options=_PLACE),
    Usage("cache list [PATTERN]", "List what it holds, downloads included"),
    Usage("cache verify [PATTERN] [--evict]", "Check everything that it holds", "with `--evict`, the cache", _EVICT),
    Usage("cache evict PATTERN", "Move what matches out of it", "the cache"),
    Usage("cache shelf", "List what was moved out of it, and why"),
    Usage("undo", "Put back what the latest run moved out", "the cache, edited files", _PLACE),
    Usage("help [COMMAND | settings]", "Show help"),
)


def about(topic: str) -> str:
    """Return the help on a command or on the settings; raise PinstallError (64) for another topic."""
    if topic == "help":
        lines = _overview()
    elif topic == "settings":
        lines = _settings()
    elif usages := [usage for usage in USAGES if usage.command == topic]:
        lines = _command(usages)
    else:
        topics = ", ".join(dict.fromkeys(usage.command for usage in USAGES))
        raise misuse(f"there is no help on `{topic}`", f"there is help on {topics} and settings")
    return "\n".join((*lines, ""))


def _overview() -> Iterator[str]:
    yield from ("usage: pinstall ARGUMENTS", "       pinstall COMMAND ...", "", PURPOSE, ARGUMENTS, "")
    for usage in USAGES:
        yield from _entry(usage.synopsis, usage.sentence, _COLUMN)


def _command(usages: list[Usage]) -> Iterator[str]:
    yield from (f"{'' if number else 'usage:':6} pinstall {usage.synopsis}" for number, usage in enumerate(usages))
    for usage in usages:
        yield ""
        if len(usages) > 1:
            yield f"{usage.synopsis}:"
        yield from _folded(f"{usage.sentence}.", "")
    options = [option for usage in usages for option in usage.options]
    entries = [line for name, sentence in options for line in _entry(name, f"{sentence}.", _OPTION)]
    yield from ("", *entries) if entries else ()
    if any("ARGUMENTS" in usage.synopsis for usage in usages):
        yield ""
        yield from _folded(ARGUMENTS, "")


def _entry(name: str, sentence: str, column: int) -> Iterator[str]:
    lines = _folded(sentence, " " * (column + 3))
    if len(name) <= column:
        lines[0] = f"  {name:{column}} {lines[0].strip()}"
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
    fill = textwrap.TextWrapper(_WIDTH - 1, indent, indent, break_long_words=False, break_on_hyphens=False)
    return fill.wrap(text)
