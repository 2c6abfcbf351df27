"""Start pip with inherited standard streams, and return its exit code and its report.

May not: import pip, alter the user's arguments, read pip's output.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pinstall import files
from pinstall.formats import metadata
from pinstall.model.artifacts import Chosen
from pinstall.model.errors import PinstallError
from pinstall.model.pins import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from packaging.utils import NormalizedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a pip process ended: its exit code (negative for a signal), and whether the user asked it to stop."""

    exit_code: int
    interrupted: bool


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    replays: Mapping[int, bytes] | None = None,
    *,
    silent: bool = False,
) -> Ended:
    """Run `PYTHON -m pip ARGUMENTS` on our own standard streams, or `silent` on none, and wait for its end.

    `replays` are the bytes of open files, by number, that were read here and that pip finds again in their place.
    Ctrl-C reaches pip by itself, as part of the terminal's process group, so it is only noted here; SIGTERM is sent on.
    """
    asked: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if number == signal.SIGTERM and started:
            started[0].terminate()

    # what is ignored, as in the background of a script, stays so: pip inherits it
    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    try:
        for number, content in (replays or {}).items():
            _rewind(number, content)
        out = subprocess.DEVNULL if silent else None
        # what we inherited pip inherits too, such as the pipe of a shell's `<(...)`; our own files close by themselves
        started.append(subprocess.Popen(command, env=dict(environ), close_fds=False, stdout=out, stderr=out))
        if signal.SIGTERM in asked:  # it came while there was nobody to send it on to
            started[0].terminate()
        return Ended(exit_code=started[0].wait(), interrupted=bool(asked))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _rewind(number: int, content: bytes) -> None:
    """Put a file with these bytes in the place of one that has been read to its end."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        os.dup2(file.fileno(), number)


def installed(report: str) -> dict[NormalizedName, tuple[Identity, str]]:
    """Return from pip's report, by name, what was installed, and the URL it came from without credentials.

    The hashes are those of the artifact that pip took, which for a wheel from its cache is the source archive
    (https://pip.pypa.io/en/stable/reference/installation-report/). No report, or one that is none: nothing.
    """
    return {one.name: (one.identity, one.url) for one in chosen(report)}


def chosen(report: str) -> tuple[Chosen, ...]:
    """Return from pip's report what it would install, with what that requires; nothing where there is no report."""
    try:
        return tuple(map(_chosen, files.recall(report)["install"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _chosen(item: dict[str, Any]) -> Chosen:
    said, document = item["metadata"], item["download_info"]
    name, source = canonicalize_name(said["name"]), metadata.source(document)
    identity = Identity(
        name=name,
        version=metadata.version(said["version"]),
        source=source if item.get("is_direct") else None,
        hashes=metadata.hashes(document),
    )
    return Chosen(
        name=name,
        version=said["version"],
        identity=identity,
        url=source.url,
        requires=tuple(said.get("requires_dist") or ()),
        requested=bool(item.get("requested")),
        extras=frozenset(map(canonicalize_name, item.get("requested_extras") or ())),
    )


def folder() -> tempfile.TemporaryDirectory[str]:
    """Make the folder for what is between pip and us; raise PinstallError where there is no room for one."""
    try:
        return tempfile.TemporaryDirectory(prefix="pinstall-")
    except OSError as error:
        message = f"cannot make a temporary folder: {error.strerror}"
        raise PinstallError("temporary-folder", message, hint="make room, or name another in `TMPDIR`") from error


def requirements_file(folder: str, lines: Sequence[str]) -> str:
    """Write a requirements file that nobody else can read, for what no command line may show; return its path."""
    path = os.path.join(folder, "requirements.txt")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


def is_file(path: str) -> bool:
    """Tell whether pip can write its report there and we can read it afterwards: not to `-`, a pipe or a device."""
    if path == "-":
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def deliver(report_file: str, wanted: str) -> None:
    """Copy the report to where the user wanted it."""
    with open(report_file, encoding="utf-8") as file:
        if wanted == "-":
            shutil.copyfileobj(file, sys.stdout)
            return
        with contextlib.suppress(OSError), open(wanted, "w", encoding="utf-8") as target:
            shutil.copyfileobj(file, target)
