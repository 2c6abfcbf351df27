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

    from pinstall.report.terminal import Terminal

COMMANDS = ("cache", "check", "lock", "undo", "why")
"""Each is a function of that name, in a module of that name unless `_MODULES` has another."""
_MODULES = {"undo": "cache"}


def main() -> None:
    """Run pinstall on the process's own arguments and leave with its exit code, after Ctrl-C by the signal."""
    try:
        _main()
    except KeyboardInterrupt:
        import signal  # noqa: PLC0415 - only here

        leave(-signal.SIGINT)


def _main() -> None:
    argv = sys.argv[1:]
    said = stamp.found(argv, os.environ)
    if said is not None:
        if sys.stderr is not None:  # as it is where the stream was closed before the start
            sys.stderr.write(said)
            sys.stderr.flush()
        os._exit(0)  # there is nothing to clean up, which would take as long as the look at the stamp
    import gc  # noqa: PLC0415 - a run that finds its stamp needs none of it

    from pinstall.report.terminal import Terminal  # noqa: PLC0415 - the same

    gc.disable()  # next to nothing here is in circles, and what looks for them takes a tenth of a satisfied run
    leave(attempt(argv, Terminal(argv)))


def attempt(argv: Sequence[str], terminal: Terminal) -> int:
    """Run a command, say what stopped it, and return the exit code; a negative one is that of a signal."""
    from pinstall.model.errors import INTERNAL, PinstallError  # noqa: PLC0415

    try:
        return run(argv, terminal)
    except PinstallError as error:
        terminal.fail(error)
        return error.exit_code
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
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):  # nobody reads any more: the interpreter says so in its own way
        sys.exit(exit_code)
    os._exit(exit_code)  # taking down what has been imported takes as long as judging fifty pins


def run(argv: Sequence[str], terminal: Terminal) -> int:
    """Call the command that the first word names, `install` without one, and return its exit code."""
    command, rest = (argv[0], argv[1:]) if argv else ("help", ())
    if command == "help" or "--help" in argv or "-h" in argv:
        from pinstall.commands import usage  # noqa: PLC0415 - only here

        known = ("install", *COMMANDS)
        topic = " ".join(rest) or "help" if command == "help" else command if command in known else "help"
        terminal.page(usage.about(topic))
        return 0
    if command in ("--version", "-V"):
        terminal.show(_version())
        return 0
    if command in COMMANDS:
        import importlib  # noqa: PLC0415 - `install` needs none of them

        if command == "check" and "--pinned" in rest:  # looks at files alone, and shares nothing with the other
            command, rest = "pinned", [word for word in rest if word != "--pinned"]
        module = importlib.import_module(f"pinstall.commands.{_MODULES.get(command, command)}")
        call: Callable[..., int] = getattr(module, command)
        return call(rest, os.environ, terminal)
    return _install(rest if command == "install" else argv, terminal)


def _install(argv: Sequence[str], terminal: Terminal) -> int:
    from pinstall.commands.install.walk import install  # noqa: PLC0415 - the same
    from pinstall.report import phrases  # noqa: PLC0415 - help needs none of it

    outcome = install(argv, os.environ, terminal)
    error = phrases.failure(outcome)
    if error is not None:
        terminal.fail(error)
    elif outcome.exit_code == 0 and (outcome.verdicts or outcome.left):
        terminal.say(phrases.summary(outcome))
    if terminal.annotating:
        terminal.summarize(outcome)
    if outcome.report_to:
        _write(phrases.document(outcome), outcome.report_to)
    if outcome.grounds and not terminal.annotating:  # a stamp repeats what was said, and no annotation
        stamp.leave(sys.argv[1:], os.environ, "".join(terminal.said), outcome.grounds)
    return outcome.exit_code


def _write(document: dict[str, Any], destination: str) -> None:
    import json  # noqa: PLC0415 - few runs write a report

    text = json.dumps(document, indent=2) + "\n"
    if destination == "-":
        sys.stdout.write(text)
        return
    from pinstall import files  # noqa: PLC0415 - the same

    try:
        files.replace(destination, text)
    except OSError as error:
        from pinstall.model.errors import PinstallError  # noqa: PLC0415

        message = f"cannot write the report to `{destination}`: {error.strerror}"
        raise PinstallError("report", message, hint="name another file with `--pin report=FILE`") from error


def _version() -> str:
    """Return what pip's own `--version` tells of pip."""
    from pinstall import __version__  # noqa: PLC0415 - few runs are asked for it

    python = ".".join(map(str, sys.version_info[:2]))
    return f"pinstall {__version__} from {os.path.dirname(os.path.abspath(__file__))} (python {python})"
