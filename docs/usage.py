"""Hold the commands and settings as tables, and write the pages of `pinstall help`; `docs/tables.py` runs it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pinstall.request.policy import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

HELP = Path(__file__).parents[1] / "pinstall" / "help"

_WIDTH = 80
_COLUMN, _OPTION = 35, 17
PURPOSE = "Install pinned packages, and exit with 0 only if every pin is satisfied."
ARGUMENTS = "ARGUMENTS are those of `pip install`: see `python -m pip install --help`."
_MORE = "More: `pinstall help COMMAND`, `pinstall help settings`, `man pinstall`"


class Usage(NamedTuple):
    """One way to call a command: the words after `pinstall`, what it does, an example, what it changes.

    `options` are those that pinstall itself takes, as they are written, each with what it does. The first usage of a
    command has its example.
    """

    synopsis: str
    sentence: str
    example: str = ""
    changes: str = "nothing"
    options: tuple[tuple[str, str], ...] = ()

    @property
    def command(self) -> str:
        """Return the word that the command is called by."""
        return self.synopsis.split()[0].strip("[]")


MAIN = (
    ("-r FILE", "Install the requirements in this file"),
    ("--python PYTHON", "Install for this interpreter; it needs pip, not pinstall"),
    ("--pin KEY=VALUE", "Change a setting, see `pinstall help settings`"),
    ("-q", "Print only errors, and the edited files that were replaced"),
    ("-v", "Print the reason for each pin that is not satisfied"),
    ("--version", "Print the version of pinstall"),
)
# These are options of every command.
COMMON = (("--json", "Print the result as JSON on standard output"),)
EXAMPLES = (
    ("pinstall -r requirements.txt", "Install the pins in a file"),
    ("pinstall six==1.17.0", "Install one pin"),
    ("pinstall check -r requirements.txt", "In CI: exit with 1 for any finding"),
)
_CHECK = (
    ("--deep", "Read every installed file"),
    ("--exact", "Also list packages that no pin explains"),
    ("--format sarif|gitlab|github", "Print the findings in this format"),
)
_LOCK = (
    ("-o, --output-file FILE", "Write to FILE, and keep its pins"),
    ("-U, --upgrade", "Ignore the pins in FILE"),
    ("-P, --upgrade-package NAME", "Ignore the pin of this package; `NAME<3` also bounds it"),
    ("--check", "Write nothing, print what would change, as `--dry-run` does; `--json` needs it"),
    ("--extra NAME", "Also lock this extra of the project; `--all-extras` locks all of them"),
    ("--force", "Replace FILE even if it is not a lock file"),
    ("--no-hashes", "Leave hashes out; there are also `--no-header`, `--no-annotate`, `--strip-extras`"),
)
_PLACE = (
    ("--python PYTHON", "Use the environment of this interpreter, and the cache of its pip"),
    ("--cache-dir DIR", "Use this cache"),
)
_EVICT = (("--evict", "Move the files with a finding to the shelf"),)
_FILE, _DEEP = "-r requirements.txt", "check --deep -r requirements.txt"
_TO = "lock -o requirements.txt requirements.in"
USAGES = (
    Usage("[install] ARGUMENTS", "Install pinned packages", _FILE, "environment, cache, install record", MAIN[:-1]),
    Usage("check [--deep] [--exact] ARGUMENTS", "List what `install` would change", _DEEP, options=_CHECK),
    Usage("check --pinned FILE...", "List the lines that are not pins"),
    Usage("lock [ARGUMENTS] [-o FILE]", "Resolve, and write pins with hashes", _TO, "FILE", _LOCK),
    Usage("why NAME ARGUMENTS", "Explain the state of one package", f"why six {_FILE}"),
    Usage("cache", "Print the path and size of pip's cache", "cache list 'num*'", options=_PLACE),
    Usage("cache list [PATTERN]", "List wheels and downloads in the cache"),
    Usage("cache verify [PATTERN] [--evict]", "Check the files in the cache", "", "with `--evict`, the cache", _EVICT),
    Usage("cache evict PATTERN", "Move matching files to the shelf", changes="the cache"),
    Usage("cache shelf", "List the files on the shelf, with reasons"),
    Usage("undo", "Move the files of the latest run back", "undo", "the cache, edited files", _PLACE),
    Usage("help [COMMAND | settings]", "Print help"),
)


# The settings, each with what it does; a setting without fixed values also with what it takes.
SETTINGS = {
    "unpinned": "Refuse requirements that are not pinned, or accept them with or without a warning",
    "evict": "Files that leave pip's cache: damaged ones and mismatches, damaged ones only, or none",
    "builds": "Locally built wheels that may be used: all without a known fault, or those with a recorded build",
    "unproven": "Reinstall, accept or refuse an installed package of the pinned version whose hash cannot be verified",
    "origin": "Installs that satisfy a pin without a source: also editable and direct ones, or only index files",
    "location": "Places that satisfy a pin: every folder that Python reads, or only the environment itself",
    "hold": "Pins of earlier runs: pip may not move them, pip may move them, or pinstall forgets them",
    "closure": "Dependencies that are not pinned: count them, list them, or install nothing",
    "ambiguous": "Pins without hash and source that two indexes offer with different files: install, warn or refuse",
    "unowned": "Code that Python runs when it starts and that no RECORD lists: ignore, warn or refuse",
    "unmanaged": "Installed files that no check compares: globs over the paths in RECORD",
    "bytecode": "Compile installed files with the target interpreter on all cores, or let pip compile them",
    "stamp": "Files that a stamp covers: all, or only the top files and folders of each package; `off`: no stamp",
    "report": "Write the JSON report to this file, or for `-` to standard output",
}
KINDS = {"report": "FILE", "unmanaged": "GLOBS"}


def pages() -> dict[Path, str]:
    """Return the pages of `pinstall help`, by their files."""
    commands: dict[str, list[Usage]] = {}
    for usage in USAGES[:-1]:
        commands.setdefault(usage.command, []).append(usage)
    texts = {"help": _overview(), "settings": _settings(), **{one: _command(some) for one, some in commands.items()}}
    return {HELP / f"{topic}.txt": "\n".join((*lines, "")) for topic, lines in texts.items()}


def _overview() -> Iterator[str]:
    yield from ("usage: pinstall ARGUMENTS", "       pinstall COMMAND ...", "", PURPOSE, ARGUMENTS)
    commands = [usage[:2] for usage in USAGES]
    parts = ("Options", MAIN, _OPTION), ("Examples", EXAMPLES, _COLUMN), ("Commands", commands, _COLUMN)
    for head, rows, column in parts:
        yield from ("", f"{head}:", *(line for name, sentence in rows for line in _entry(name, sentence, column)))
    yield from ("", _MORE)


def _command(usages: list[Usage]) -> Iterator[str]:
    yield from (f"{'' if number else 'usage:':6} pinstall {usage.synopsis}" for number, usage in enumerate(usages))
    for usage in usages:
        yield ""
        if len(usages) > 1:
            yield f"{usage.synopsis}:"
        yield from _folded(f"{usage.sentence}.", "")
    options = [option for usage in usages for option in usage.options]
    entries = [line for name, sentence in (*options, *COMMON) for line in _entry(name, f"{sentence}.", _OPTION)]
    yield from ("", *entries, "", f"Example: pinstall {usages[0].example}")
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
        yield from ("", f"--pin {key.name}={'|'.join(key.values) or KINDS[key.name]}")
        yield from (*_folded(f"{SETTINGS[key.name]}.", "    "), f"    default: {key.default or 'none'}")


def _folded(text: str, indent: str) -> list[str]:
    fill = textwrap.TextWrapper(_WIDTH - 1, indent, indent, break_long_words=False, break_on_hyphens=False)
    return fill.wrap(text)
