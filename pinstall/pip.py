"""Start pip with inherited standard streams, and return its exit code and its report.

May not: import pip, alter the user's arguments, read pip's output.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from pinstall import files
from pinstall.formats import metadata
from pinstall.model.artifacts import Chosen
from pinstall.model.errors import PinstallError
from pinstall.model.pins import Identity


class Ended(NamedTuple):
    """The exit code of pip (negative for a signal), and whether the user asked it to stop."""

    exit_code: int
    interrupted: bool


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    replays: Mapping[int, bytes] | None = None,
    *,
    silent: bool = False,
    streams: tuple[int | None, int | None] = (None, None),
) -> Ended:
    """Run `PYTHON -m pip ARGUMENTS` on our own standard streams, on others, or `silent` on none, and wait.

    `replays` are the bytes that were read here from open files, by number; pip reads them again. Ctrl-C reaches pip
    itself, which is in the terminal's process group; SIGTERM is sent on.
    """
    asked: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if number == signal.SIGTERM and started:
            started[0].terminate()

    # an ignored signal, as in the background of a script, stays ignored: pip inherits that
    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    try:
        for number, content in (replays or {}).items():
            with tempfile.TemporaryFile() as file:
                file.write(content)
                file.seek(0)
                os.dup2(file.fileno(), number)
        out, err = (subprocess.DEVNULL, subprocess.DEVNULL) if silent else streams
        # pip inherits what we inherited, such as the pipe of a shell's `<(...)`; our own files close by themselves
        started.append(subprocess.Popen(command, env=dict(environ), close_fds=False, stdout=out, stderr=err))
        if signal.SIGTERM in asked:  # it came before the start
            started[0].terminate()
        return Ended(exit_code=started[0].wait(), interrupted=bool(asked))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_report(report: str) -> tuple[Chosen, ...]:
    """Return the distributions in pip's report; nothing without a readable report.

    For a wheel from pip's cache the hashes are those of the source archive.
    Source: https://pip.pypa.io/en/stable/reference/installation-report/
    """
    try:
        return tuple(map(read_chosen, files.recall(report)["install"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def read_chosen(item: Mapping[str, Any]) -> Chosen:
    """Return one distribution of pip's report; raise LookupError, TypeError or ValueError for what is none."""
    head, document = item["metadata"], item["download_info"]
    name, source = canonicalize_name(head["name"]), metadata.source(document)
    identity = Identity(
        name=name,
        version=metadata.version(head["version"]),
        source=source if item.get("is_direct") else None,
        hashes=metadata.hashes(document),
    )
    return Chosen(
        name=name,
        version=head["version"],
        identity=identity,
        url=source.url,
        requires=tuple(head.get("requires_dist") or ()),
        requested=bool(item.get("requested")),
        extras=frozenset(map(canonicalize_name, item.get("requested_extras") or ())),
    )


def make_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder; raise PinstallError where that fails."""
    try:
        return tempfile.TemporaryDirectory(prefix="pinstall-")
    except OSError as error:
        message = f"cannot make a temporary folder: {error.strerror}"
        raise PinstallError("temporary-folder", message, hint="make room, or name another in `TMPDIR`") from error


def write_requirements(folder: str, lines: Sequence[str], name: str = "requirements.txt") -> str:
    """Write a requirements file that only this user can read, and return its path."""
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


def is_file(path: str) -> bool:
    """Tell whether we can read a report that pip writes there: `-`, pipes and devices are not files."""
    return path != "-" and (os.path.isfile(path) or not os.path.exists(path))
