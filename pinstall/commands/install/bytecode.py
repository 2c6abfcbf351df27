"""Have the target interpreter compile what a run installed, on all cores.

May not: differ from what pip's own compiling leaves behind; make a failure of what is none for pip.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCRIPT: Final = """
import compileall, sys, warnings
warnings.filterwarnings("ignore")
for path in sys.stdin.buffer.read().split(b"\\0"):
    if path:
        try:
            compileall.compile_file(path.decode("utf-8", "surrogateescape"), force=True, quiet=2)
        except Exception:
            pass
"""
"""What pip does for each file, `quiet=2` in place of catching what it prints (`install_wheel` in pip 26.3)."""
_FEW: Final = 1 << 17
"""Bytes of source below which a second process costs more than it saves."""


def cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compile_files(executable: str, paths: Sequence[str], environ: Mapping[str, str]) -> None:
    """Compile source files as the interpreter would when it imports them; what cannot be compiled is passed over."""
    processes = []
    for share in _shares(paths, cores()):
        process = subprocess.Popen(
            [executable, "-c", _SCRIPT],
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        processes.append((process, "\0".join(share).encode("utf-8", "surrogateescape")))
    for process, names in processes:
        if process.stdin is not None:
            try:
                process.stdin.write(names)
                process.stdin.close()
            except OSError:  # it has ended already, and with it what it should have compiled
                continue
    for process, _ in processes:
        process.wait()


def _shares(paths: Sequence[str], workers: int) -> list[list[str]]:
    """Return the files in as many shares as there are workers, of about the same size, none of them nearly nothing."""
    sized = sorted(((_size(path), path) for path in paths), reverse=True)
    number = max(1, min(workers, sum(size for size, _ in sized) // _FEW))
    shares: list[tuple[list[str], list[int]]] = [([], [0]) for _ in range(number)]
    for size, path in sized:
        names, total = min(shares, key=lambda share: share[1][0])
        names.append(path)
        total[0] += size
    return [names for names, _ in shares if names]


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
