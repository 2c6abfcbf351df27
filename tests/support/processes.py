"""Run child processes in an environment that is built from nothing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMEOUT = 120.0
INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""What an interpreter may need merely to start; `COVERAGE_*` is passed on besides, to measure the children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a child ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, for tests that do not care which."""
        return self.stdout + self.stderr


def sealed(home: Path) -> dict[str, str]:
    """Return the variables of a child that knows nothing of this machine's configuration."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if key in INHERITED or key.startswith("COVERAGE_")}
    return inherited | {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }


def run(
    argv: list[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    input: str | None = None,  # noqa: A002 - subprocess's own name
    check: bool = False,
) -> Completed:
    """Run the command to its end; with `check` a failure is an AssertionError that shows what it wrote."""
    ended = subprocess.run(
        argv,
        env=dict(env),
        cwd=cwd,
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    completed = Completed(returncode=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)
    if check and ended.returncode:
        message = f"{' '.join(argv)} ended with {ended.returncode}\n{completed.output}"
        raise AssertionError(message)
    return completed
