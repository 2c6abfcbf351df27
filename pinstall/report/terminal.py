"""Print pinstall's own lines, and annotations for GitHub Actions.

May not: decide what is printed.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from pinstall import files, report
from pinstall.model.errors import INTERNAL, PinstallError, misuse
from pinstall.model.inputs import Fault

# The colours of the first word, as in pip.
_COLOURS = {"error": "31", "warning": "33", "hint": "36"}
# The values of `--format`; `--json` is the first.
FORMATS = ("json", "sarif", "gitlab", "github")
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
        # the paths of findings start at the working directory, which may have been deleted
        workspace = environ.get("GITHUB_WORKSPACE") or environ.get("CI_PROJECT_DIR") or os.curdir
        self._folders = "", ""
        with contextlib.suppress(OSError):
            self._folders = os.getcwd(), os.path.realpath(workspace)
        self.annotating = environ.get("GITHUB_ACTIONS") == "true" and self._folders[0] != ""
        self.said: list[str] = []
        self._drawn, self._status = -1, ""
        # of the result: its format and place, what was found, what else a JSON document has
        self.command, self.form, self._place = "install", "", "-"
        self._found: list[Fault] = []
        self._error: PinstallError | None = None
        self._details: dict[str, Any] = {}

    def take_form(self, words: Sequence[str]) -> list[str]:
        """Return the words without `--json` and `--format`; raise PinstallError for an unknown format."""
        rest, each = [], iter(words)
        for word in each:
            name, equals, value = word.partition("=")
            if name == "--format":
                form = value if equals else next(each, "")
                if form not in FORMATS:
                    raise misuse(f"`--format` cannot be `{form}`", f"it can be {', '.join(FORMATS)}")
                self.form = form
            elif word == "--json":
                self.form = FORMATS[0]
            else:
                rest.append(word)
        return rest

    def show(self, line: str | Fault) -> None:
        """Print a line of the result on standard output; a fault is a finding."""
        self._found.append(line if isinstance(line, Fault) else Fault(line))
        if not self.form:
            print(visible(str(line)))
            self._annotate("error", line)

    def attach(self, place: str = "", **details: object) -> None:
        """Add to the JSON document of the result; with a place, a file or `-`, it is asked for."""
        if place:
            self.form, self._place = self.form or FORMATS[0], place
        self._details |= details

    def finish(self, exit_code: int) -> int:
        """Write the result as a document, where that is asked for, and return the exit code."""
        form, self.form = self.form, ""
        if not form:
            return exit_code
        document = report.findings.envelope(self.command, exit_code, self._error, self._found) | self._details
        try:
            deliver(self._place, report.findings.write(form, document, self._found, self._folders))
        except OSError as error:
            message = f"cannot write the report to `{self._place}`: {error.strerror}"
            self.fail(PinstallError("report", message, hint="name another file with `--pin report=FILE`"))
            return INTERNAL
        return exit_code

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

    @contextlib.contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show on a terminal what pinstall does, if that takes longer than a second, and remove it at the end."""
        if self._quiet or sys.stderr is None or not sys.stderr.isatty():
            yield
            return
        timer = threading.Timer(1, self._show_status, (f"pinstall: {what} ...",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            self._show_status("")

    def _show_status(self, text: str) -> None:
        """Show a line that the next line replaces."""
        if text or self._status:
            write_error(f"\r\x1b[K{text}")
        self._status = text

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
        """Print an error with the faults that its message does not have, and its hint, also with `-q`."""
        self.insist(f"error: {error.message}")
        for line in error.context:
            if (line.message if isinstance(line, Fault) else line) not in error.message:
                self.insist(f"  {line}")
        if error.hint:
            self.insist(f"hint: {error.hint}")
        self._error, faults = error, report.findings.of_error(error)
        self._found += faults
        for one in faults:
            alone = not one.origin.where or one.message in error.message
            self._annotate("error", one, "pinstall" if alone else error.message)

    def list_changes(self, changes: Mapping[str, str]) -> None:
        """Print what a run changed, a line for each project, on a terminal."""
        for line in changes.values() if sys.stderr is not None and sys.stderr.isatty() else ():
            self.say(line)

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
        self._show_status("")
        # pip writes to the same terminal: these lines have to come before those of pip
        write_error(f"pinstall: {line}\n")

    def _annotate(self, level: str, line: str | Fault, title: str = "pinstall") -> None:
        if self.annotating and not isinstance(line, str):
            write_error(f"{report.findings.annotation(level, line, self._folders, title)}\n")


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
