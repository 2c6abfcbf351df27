"""Print pinstall's own lines, and annotate them where GitHub Actions reads along.

May not: decide what is said.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from pinstall.model.errors import Outcome, PinstallError
    from pinstall.model.inputs import Fault

_COLOURS = {"error": "31", "warning": "33", "hint": "36"}
"""Of the first word, as pip has them; it says the same without."""
_NO = ("", "0", "f", "false", "n", "no", "off")


class Terminal:
    """The one place that prints: what was asked for on standard output, all else on standard error."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
        """Take verbosity and colour from the words themselves, for what is said before they are parsed."""
        flags = [word for word in argv if word[:1] == "-"]
        self._quiet = any(word == "--quiet" or (word[:2] != "--" and "q" in _bundle(word)) for word in flags)
        self._verbose = any(word == "--verbose" or (word[:2] != "--" and "v" in _bundle(word)) for word in flags)
        self._coloured = "--no-color" not in flags and is_coloured(environ)
        self._summary = environ.get("GITHUB_STEP_SUMMARY", "")
        # annotations count from the working directory, which may be gone
        self.annotating = environ.get("GITHUB_ACTIONS") == "true" and os.path.isdir(os.curdir)
        self._workspace = environ.get("GITHUB_WORKSPACE") or os.curdir
        self.said: list[str] = []
        self._drawn = -1

    @property
    def _folders(self) -> tuple[str, str]:
        """Return where relative paths count from, and where those of annotations do."""
        return os.getcwd(), os.path.realpath(self._workspace)

    @property
    def detailed(self) -> bool:
        """Tell whether `-v` was given."""
        return self._verbose

    def show(self, line: str | Fault) -> None:
        """Print a line of what a command was asked for, on standard output; one with a place is a finding."""
        print(visible(str(line)))
        self._annotate("error", line)

    @staticmethod
    def page(text: str) -> None:
        """Print the whole text that a command was asked for, on standard output."""
        print("\n".join(map(visible, text.split("\n"))), end="")

    @staticmethod
    def document(content: dict[str, Any]) -> None:
        """Print what a command was asked for as JSON, on standard output."""
        import json  # noqa: PLC0415 - few runs are asked for it

        print(json.dumps(content, indent=2))

    def progress(self, done: int, total: int) -> None:
        """Draw a bar on a terminal, and take it away at the end."""
        if self._quiet or not sys.stderr.isatty():
            return
        hundredth = done * 100 // total
        if hundredth != self._drawn or done == total:
            self._drawn = hundredth
            bar = "" if done == total else f"[{'#' * (hundredth // 4):25}] {done}/{total}"
            print(f"\r\x1b[K{bar}", end="", file=sys.stderr, flush=True)

    def say(self, line: str | Fault) -> None:
        """Print a line, but not under `-q`."""
        if not self._quiet:
            self.insist(str(line))
            self._annotate("warning", line)

    def warn(self, fault: Fault) -> None:
        """Print what is wrong and does not end the run, but not under `-q`."""
        if not self._quiet:
            self.insist(f"warning: {fault}")
            self._annotate("warning", fault)

    def detail(self, line: str | Fault) -> None:
        """Print a line under `-v`."""
        if self.detailed:
            self.insist(str(line))

    def fail(self, error: PinstallError) -> None:
        """Print an error with its context and hint, however quiet the run is."""
        self.insist(f"error: {error.message}")
        for line in error.context:
            self.insist(f"  {line}")
        if error.hint:
            self.insist(f"hint: {error.hint}")
        if self.annotating:
            from pinstall.report import annotations  # noqa: PLC0415 - few runs are annotated

            for text in annotations.failure(error, *self._folders):
                write_error(f"{text}\n")

    def summarize(self, outcome: Outcome) -> None:
        """Tell GitHub Actions how a run of pip ended, and what was done, as far as it listens."""
        from pinstall.report import annotations  # noqa: PLC0415 - few runs are annotated

        if text := annotations.pip_failure(outcome, *self._folders):
            write_error(f"{text}\n")
        if self._summary:
            try:
                with open(self._summary, "a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(annotations.summary(outcome))
            except OSError as error:
                self.say(f"cannot write the job summary to `{self._summary}`: {error.strerror}")

    def crash(self, error: Exception) -> None:
        """Print where pinstall itself is wrong; the text of the error may hold a secret, so that is for `-v`."""
        import traceback  # noqa: PLC0415 - only here

        place = traceback.extract_tb(error.__traceback__)[-1]
        self.insist(f"error: {type(error).__name__} in {place.filename}:{place.lineno}, which is a fault of pinstall")
        self.insist("hint: please report it, with what `-v` says")
        if self.detailed:
            traceback.print_exception(error)

    def insist(self, text: str) -> None:
        """Print a line, however quiet the run is."""
        line = visible(text)
        self.said.append(f"pinstall: {line}\n")
        first, colon, rest = line.partition(": ")
        if self._coloured and colon and first in _COLOURS:
            line = f"\x1b[{_COLOURS[first]}m{first}:\x1b[0m {rest}"
        # pip writes to the same terminal: what was said before it starts has to be there before it
        write_error(f"pinstall: {line}\n")

    def _annotate(self, level: str, line: str | Fault) -> None:
        if self.annotating and not isinstance(line, str):
            from pinstall.report import annotations  # noqa: PLC0415 - few runs are annotated

            write_error(f"{annotations.annotation(level, line, *self._folders)}\n")


def write_error(text: str) -> None:
    """Write to standard error, if there is one, behind what is on its way to standard output: both may be one log."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads: the end says so
        sys.stdout.flush()
    if sys.stderr is not None:  # as it is where the stream was closed before the start
        sys.stderr.write(text)
        sys.stderr.flush()


def visible(text: str) -> str:
    r"""Return what is safe to print of a text that others have written: control characters as `\x1b` and the like."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def is_coloured(environ: Mapping[str, str]) -> bool:
    """Tell whether standard error takes colours, by the variables that pip goes by."""
    if environ.get("NO_COLOR") or environ.get("PIP_NO_COLOR", "").lower() not in _NO:
        return False
    if environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    return bool(environ["FORCE_COLOR"]) if "FORCE_COLOR" in environ else sys.stderr is not None and sys.stderr.isatty()


def _bundle(word: str) -> str:
    """Return the flags of a bundle of short options, up to the first that takes a value."""
    for number, letter in enumerate(word[1:]):
        if letter not in "UIqvVh":
            return word[1 : number + 1]
    return word[1:]
