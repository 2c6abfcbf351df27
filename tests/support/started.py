"""Start a child whose end the test brings about, and wait for events inside it instead of sleeping."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.processes import TIMEOUT, Completed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A running child that leads a process group of its own, as a command of an interactive shell does."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def interrupt(self) -> None:
        """Press Ctrl-C: the whole group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> Completed:
        """Wait for its end."""
        returncode = self.process.wait(TIMEOUT)
        texts = (path.read_text(encoding="utf-8") for path in (self.stdout, self.stderr))
        return Completed(returncode=returncode, stdout=next(texts), stderr=next(texts))

    def gone(self) -> bool:
        """Tell whether nothing of the group is left, giving what was told to end a moment for it."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.02)  # there is no event for the end of somebody else's child
        return False


@contextlib.contextmanager
def started(argv: list[str], *, env: Mapping[str, str], cwd: Path, terminal: int | None = None) -> Iterator[Started]:
    """Start a child, on a terminal if one is given, and give it; what is left of it at the end is killed."""
    stdout, stderr = cwd / "started.out", cwd / "started.err"
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=out if terminal is None else terminal,
            stderr=err if terminal is None else terminal,
            start_new_session=True,
        )
    try:
        yield Started(process=process, stdout=stdout, stderr=stderr)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Bell:
    """A FIFO in the place of a log: whoever writes a line to it rings."""

    def __init__(self, path: Path) -> None:
        """Make the FIFO and listen at once, so that nobody who writes is kept waiting."""
        os.mkfifo(path)
        self.path = path
        # open for writing too, or there would be an end of file between two who ring
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._heard = ""

    def close(self) -> None:
        """Stop listening."""
        os.close(self._file)

    def wait(self) -> str:
        """Return the next line that is written, as soon as it is."""
        while "\n" not in self._heard:
            ready, _, _ = select.select([self._file], [], [], TIMEOUT)
            if not ready:
                message = f"nobody wrote to {self.path}"
                raise AssertionError(message)
            self._heard += os.read(self._file, 4096).decode()
        line, _, self._heard = self._heard.partition("\n")
        return line
