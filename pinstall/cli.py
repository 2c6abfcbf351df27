"""Turn argv into a command, call it, write what it reports, and return the exit code.

May not: decide.
"""

from __future__ import annotations

import os
import sys

from pinstall import stamp

TYPE_CHECKING = False  # typing itself is what a run that finds its stamp has no time for, as everything else below
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pinstall.errors import PinstallError

COMMANDS = ("cache", "check", "undo", "why")
"""One module each, with a function of that name."""
PLANNED = ("lock",)
USAGE_TEXT = """\
usage: pinstall [install] ARGUMENTS OF PIP INSTALL [--pin KEY=VALUE]
       pinstall check [--deep] [--json] ARGUMENTS
       pinstall why NAME ARGUMENTS
       pinstall cache [list | verify [--evict] | evict | shelf] [NAME[==VERSION]]
       pinstall undo [--python PYTHON] [--cache-dir DIR]
       pinstall help settings

Install what is pinned, and end with 0 only if that is what is installed.
"""


class Terminal:
    """The one place that prints: pinstall's own lines, on standard error."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Take verbosity from the words themselves, for what is said before they are parsed."""
        flags = [word for word in argv if word[:1] == "-"]
        self._quiet = any(word == "--quiet" or (word[:2] != "--" and "q" in _bundle(word)) for word in flags)
        self.said: list[str] = []
        self._drawn = -1
        self._verbose = any(word == "--verbose" or (word[:2] != "--" and "v" in _bundle(word)) for word in flags)

    @property
    def detailed(self) -> bool:
        """Tell whether `-v` was given."""
        return self._verbose

    @staticmethod
    def show(text: str) -> None:
        """Print a line of what a command was asked for, on standard output."""
        print(text)

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

    def say(self, text: str) -> None:
        """Print a line, but not under `-q`."""
        if not self._quiet:
            self.insist(text)

    def detail(self, text: str) -> None:
        """Print a line under `-v`."""
        if self.detailed:
            self.insist(text)

    def fail(self, error: PinstallError) -> None:
        """Print an error with its context and hint, however quiet the run is."""
        self.insist(f"error: {error.message}")
        for line in error.context:
            self.insist(f"  {line}")
        if error.hint:
            self.insist(f"hint: {error.hint}")

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
        line = f"pinstall: {text}\n"
        self.said.append(line)
        # pip writes to the same terminal: what was said before it starts has to be there before it
        _write_error(line)


def _write_error(text: str) -> None:
    if sys.stderr is not None:  # as it is where the stream was closed before the start
        sys.stderr.write(text)
        sys.stderr.flush()


def _bundle(word: str) -> str:
    """Return the flags of a bundle of short options, up to the first that takes a value."""
    for number, letter in enumerate(word[1:]):
        if letter not in "UIqvVh":
            return word[1 : number + 1]
    return word[1:]


def main() -> None:
    """Run pinstall on the process's own arguments and leave with its exit code."""
    argv = sys.argv[1:]
    said = stamp.found(argv, os.environ)
    if said is not None:
        _write_error(said)
        os._exit(0)  # there is nothing to clean up, which would take as long as the look at the stamp
    leave(attempt(argv, Terminal(argv)))


def attempt(argv: Sequence[str], terminal: Terminal) -> int:
    """Run a command, say what stopped it, and return the exit code; a negative one is that of a signal."""
    from pinstall.errors import INTERNAL, PinstallError  # noqa: PLC0415

    try:
        return run(argv, terminal)
    except PinstallError as error:
        terminal.fail(error)
        return error.exit_code
    except KeyboardInterrupt:
        import signal  # noqa: PLC0415 - only here

        return -signal.SIGINT
    except Exception as error:  # noqa: BLE001 - whatever we did wrong, it must not look like a code of pip's
        terminal.crash(error)
        return INTERNAL


def leave(exit_code: int) -> None:
    """End the process; a negative code is the signal that ended pip, and ends this process too."""
    if exit_code < 0:
        import contextlib  # noqa: PLC0415 - only here
        import signal  # noqa: PLC0415 - the same

        with contextlib.suppress(OSError):  # SIGKILL can be sent, but not set
            signal.signal(-exit_code, signal.SIG_DFL)
        os.kill(os.getpid(), -exit_code)
    sys.exit(exit_code)


def run(argv: Sequence[str], terminal: Terminal) -> int:
    """Call the command that the first word names, `install` without one, and return its exit code."""
    command, rest = (argv[0], argv[1:]) if argv else ("help", ())
    if command == "help" or "--help" in argv or "-h" in argv:
        return _help(rest)
    if command == "--version":
        from pinstall import __version__  # noqa: PLC0415

        print(f"pinstall {__version__}")
        return 0
    if command in COMMANDS:
        import importlib  # noqa: PLC0415 - `install` needs none of them

        call: Callable[..., int] = getattr(importlib.import_module(f"pinstall.commands.{command}"), command)
        return call(rest, os.environ, terminal)
    if command in PLANNED:
        from pinstall.errors import USAGE, PinstallError  # noqa: PLC0415

        hint = f"to install a project of that name, write `pinstall install {command}==<version>`"
        raise PinstallError("planned", f"`pinstall {command}` does not exist yet", hint=hint, exit_code=USAGE)
    return _install(rest if command == "install" else argv, terminal)


def _install(argv: Sequence[str], terminal: Terminal) -> int:
    from pinstall.core import report  # noqa: PLC0415 - help needs none of it
    from pinstall.errors import NOT_PINNED  # noqa: PLC0415 - the same
    from pinstall.install import install  # noqa: PLC0415 - the same

    outcome = install(argv, os.environ, terminal)
    if outcome.error is not None:
        terminal.fail(outcome.error)
    for line in report.conclusion(outcome):
        if outcome.exit_code == NOT_PINNED:
            terminal.insist(line)
        else:
            terminal.say(line)
    if outcome.report_to:
        _write(report.document(outcome), outcome.report_to)
    if outcome.grounds:
        stamp.leave(sys.argv[1:], os.environ, "".join(terminal.said), outcome.grounds)
    return outcome.exit_code


def _write(document: dict[str, Any], destination: str) -> None:
    import json  # noqa: PLC0415 - few runs write a report

    text = json.dumps(document, indent=2) + "\n"
    if destination == "-":
        sys.stdout.write(text)
        return
    temporary = f"{destination}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, destination)
    except OSError as error:
        from pinstall.errors import PinstallError  # noqa: PLC0415

        message = f"cannot write the report to `{destination}`: {error.strerror}"
        raise PinstallError("report", message, hint="name another file with `--pin report=FILE`") from error


def _help(words: Sequence[str]) -> int:
    print(USAGE_TEXT)
    if words and words[0] == "settings":
        from pinstall.core.policy import KEYS  # noqa: PLC0415

        for key in KEYS:
            values = "|".join(f"[{value}]" if value == key.default else value for value in key.values)
            print(f"--pin {key.name}={values or key.kind}\n    {key.sentence}.")
    else:
        print("Every option of `pip install` works as it does there: see `python -m pip install --help`.")
    return 0
