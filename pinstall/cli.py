"""Turn argv into a command, call it, write what it reports, and return the exit code.

May not: decide.
"""

from __future__ import annotations

import os
import sys

from pinstall import __version__, stamp

TYPE_CHECKING = False  # a run that finds its stamp has no time for typing, as for all other late imports here
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pinstall.report.terminal import Terminal

# Each is a function of that name, with its module.
COMMANDS = {"cache": "cache", "check": "check", "lock": "lock", "undo": "cache", "why": "why"}


def main() -> None:
    """Run pinstall on the arguments of the process and end it with the exit code or signal."""
    try:
        leave(_main(sys.argv[1:]))
    except KeyboardInterrupt:
        import signal

        leave(-signal.SIGINT)


def _main(argv: Sequence[str]) -> int:
    text = stamp.find(argv, os.environ)
    if text is not None:
        if sys.stderr is not None:  # the stream was closed before the start
            sys.stderr.write(text)
            sys.stderr.flush()
        os._exit(0)  # cleaning up would take as long as the look at the stamp
    import gc

    from pinstall.report.terminal import Terminal

    gc.disable()  # there are hardly any circles, and the search for them takes a tenth of a satisfied run
    return attempt(argv, Terminal(argv))


def attempt(argv: Sequence[str], terminal: Terminal) -> int:
    """Run a command, print its error, and return the exit code, negative for a signal."""
    from pinstall import launcher
    from pinstall.model.errors import INTERNAL, PinstallError

    try:
        return terminal.finish(run(terminal.take_form(argv), terminal))
    except PinstallError as error:
        reason = (launcher.find_broken("requests") if error.reference == "index" else None) or error
    except Exception as error:  # noqa: BLE001 - a fault of pinstall must not look like an exit code of pip
        if (broken := launcher.find_broken()) is None:
            terminal.crash(error)
            return INTERNAL
        reason = broken
    terminal.fail(reason)
    return terminal.finish(reason.exit_code)


def leave(exit_code: int) -> None:
    """End the process; a negative code is the signal that ended pip, and ends this process too."""
    if exit_code < 0:
        import contextlib
        import signal

        with contextlib.suppress(OSError):  # SIGKILL can be sent, and has no handler
            signal.signal(-exit_code, signal.SIG_DFL)
        os.kill(os.getpid(), -exit_code)
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):  # the stream is closed: the interpreter prints that in its own way
        sys.exit(exit_code)
    os._exit(exit_code)  # unloading all modules takes as long as judging fifty pins


def run(argv: Sequence[str], terminal: Terminal) -> int:
    """Call the command of the first word, without one `install`, and return its exit code."""
    command, rest = (argv[0], argv[1:]) if argv else ("help", ())
    if command == "help" or "--help" in argv or "-h" in argv:
        known = ("install", *COMMANDS)
        topic = " ".join(rest) or "help" if command == "help" else command if command in known else "help"
        terminal.page(_find_help(topic))
        return 0
    if command in ("--version", "-V"):
        python = ".".join(map(str, sys.version_info[:2]))
        terminal.show(f"pinstall {__version__} from {os.path.dirname(os.path.abspath(__file__))} (python {python})")
        return 0
    from pinstall.request import policy, pyproject

    for text in policy.find_strange(pyproject.environment_settings(os.environ)):
        terminal.say(text)
    if command in COMMANDS:
        import importlib

        terminal.command = command
        if command == "check" and "--pinned" in rest:  # compares files, without an environment
            command, rest = "pinned", [word for word in rest if word != "--pinned"]
        module = importlib.import_module(f"pinstall.commands.{COMMANDS.get(command, command)}")
        call: Callable[..., int] = getattr(module, command)
        return call(rest, os.environ, terminal)
    words = rest if command == "install" else argv
    return _install(("--pin", "report=-", *words) if terminal.form else words, terminal)


def _find_help(topic: str) -> str:
    """Return the help on a command or on the settings; raise PinstallError (64) for another topic."""
    from importlib import resources

    from pinstall.model.errors import misuse

    pages = {page.name.removesuffix(".txt"): page for page in (resources.files("pinstall") / "help").iterdir()}
    if topic not in pages:
        raise misuse(f"there is no help on `{topic}`", f"there is help on {', '.join(sorted(pages))}")
    return pages[topic].read_text(encoding="utf-8")


def _install(argv: Sequence[str], terminal: Terminal) -> int:
    import time

    from pinstall.commands.install.walk import install
    from pinstall.report import phrases

    started = time.monotonic()
    outcome = install(argv, os.environ, terminal)
    error = phrases.failure(outcome)
    terminal.list_changes(outcome.changes)
    if error is not None:
        terminal.fail(error)
    elif outcome.exit_code == 0:
        terminal.say(phrases.summary(outcome, time.monotonic() - started))
    else:
        terminal.say("pip was interrupted; `pinstall check` shows what is installed")
    if outcome.report_to:
        terminal.attach(outcome.report_to, **phrases.details(outcome))
    if outcome.grounds and not terminal.annotating:  # a stamp repeats text, not annotations
        stamp.leave(sys.argv[1:], os.environ, "".join(terminal.said), outcome.grounds)
    return outcome.exit_code
