"""Print pinstall's own lines, and annotations for GitHub Actions.

May not: decide what is printed.
"""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile

from pinstall import files, report
from pinstall.model.errors import Outcome, PinstallError
from pinstall.model.inputs import Fault

# The colours of the first word, as in pip.
_COLOURS = {"error": "31", "warning": "33", "hint": "36"}
_NO = ("", "0", "f", "false", "n", "no", "off")


class Terminal:
    """Print the result of a command on standard output, everything else on standard error."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
        """Take verbosity and colour from the words themselves: they hold before the words are parsed."""
        bundles = [word[1:] for word in argv if word[:1] == "-" and word[:2] != "--"]
        # of a bundle of short options, up to the first with a value
        letters = {letter for bundle in bundles for letter in takewhile("UIqvVh".__contains__, bundle)}
        self._quiet = "--quiet" in argv or "q" in letters
        self.detailed = "--verbose" in argv or "v" in letters
        self._coloured = "--no-color" not in argv and is_coloured(environ)
        self._summary = environ.get("GITHUB_STEP_SUMMARY", "")
        # the paths of annotations start at the working directory, which may not exist
        self.annotating = environ.get("GITHUB_ACTIONS") == "true" and os.path.isdir(os.curdir)
        workspace = environ.get("GITHUB_WORKSPACE") or os.curdir
        self._folders = (os.getcwd(), os.path.realpath(workspace)) if self.annotating else ("", "")
        self.said: list[str] = []
        self._drawn = -1

    def show(self, line: str | Fault) -> None:
        """Print a line of the result on standard output; a fault is a finding."""
        print(visible(str(line)))
        self._annotate("error", line)

    @staticmethod
    def page(text: str) -> None:
        """Print the whole result of a command on standard output."""
        print("\n".join(map(visible, text.split("\n"))), end="")

    def progress(self, done: int, total: int) -> None:
        """Draw a bar on a terminal, and remove it at the end."""
        if self._quiet or not sys.stderr.isatty():
            return
        hundredth = done * 100 // total
        if hundredth != self._drawn or done == total:
            self._drawn = hundredth
            bar = "" if done == total else f"[{'#' * (hundredth // 4):25}] {done}/{total}"
            print(f"\r\x1b[K{bar}", end="", file=sys.stderr, flush=True)

    def say(self, line: str | Fault, head: str = "") -> None:
        """Print a line, except with `-q`."""
        if not self._quiet:
            self.insist(f"{head}{line}")
            self._annotate("warning", line)

    def warn(self, fault: Fault) -> None:
        """Print a fault that does not end the run, except with `-q`."""
        self.say(fault, "warning: ")

    def detail(self, line: str | Fault) -> None:
        """Print a line with `-v`."""
        if self.detailed:
            self.insist(str(line))

    def fail(self, error: PinstallError) -> None:
        """Print an error with its context and hint, also with `-q`."""
        self.insist(f"error: {error.message}")
        for line in error.context:
            self.insist(f"  {line}")
        if error.hint:
            self.insist(f"hint: {error.hint}")
        if self.annotating:
            for text in report.annotations.failure(error, *self._folders):
                write_error(f"{text}\n")

    def summarize(self, outcome: Outcome) -> None:
        """Write the annotation and the job summary of a run for GitHub Actions."""
        if text := report.annotations.pip_failure(outcome, *self._folders):
            write_error(f"{text}\n")
        if self._summary:
            try:
                with open(self._summary, "a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(report.annotations.summary(outcome))
            except OSError as error:
                self.say(f"cannot write the job summary to `{self._summary}`: {error.strerror}")

    def crash(self, error: Exception) -> None:
        """Print the place of a fault of pinstall itself; its text may hold a secret, so that needs `-v`."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
        self.insist(f"error: {type(error).__name__} in {place}, which is a fault of pinstall")
        self.insist("hint: please report it, with what `-v` says")
        if self.detailed:
            sys.__excepthook__(type(error), error, error.__traceback__)

    def insist(self, text: str) -> None:
        """Print a line, also with `-q`."""
        line = visible(text)
        self.said.append(f"pinstall: {line}\n")
        first, colon, rest = line.partition(": ")
        if self._coloured and colon and first in _COLOURS:
            line = f"\x1b[{_COLOURS[first]}m{first}:\x1b[0m {rest}"
        # pip writes to the same terminal: these lines have to come before those of pip
        write_error(f"pinstall: {line}\n")

    def _annotate(self, level: str, line: str | Fault) -> None:
        if self.annotating and not isinstance(line, str):
            write_error(f"{report.annotations.annotation(level, line, *self._folders)}\n")


def write_error(text: str) -> None:
    """Write to standard error, if there is one, after flushing standard output: both may be one log."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed: the end of the process reports it
        sys.stdout.flush()
    if sys.stderr is not None:  # None if the stream was closed before the start
        sys.stderr.write(text)
        sys.stderr.flush()


def deliver(path: str, text: str) -> None:
    """Write to standard output for `-`, else as `files.replace` does."""
    if path == "-":
        sys.stdout.write(text)
    else:
        files.replace(path, text)


def visible(text: str) -> str:
    r"""Return a text that is safe to print, with control characters as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def is_coloured(environ: Mapping[str, str]) -> bool:
    """Return whether standard error takes colours, by the variables that pip reads."""
    if environ.get("NO_COLOR") or environ.get("PIP_NO_COLOR", "").lower() not in _NO:
        return False
    if environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    return bool(environ["FORCE_COLOR"]) if "FORCE_COLOR" in environ else sys.stderr is not None and sys.stderr.isatty()
