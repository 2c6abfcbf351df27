"""Run pinstall and count the changes that its own process makes, as `os` and `open` announce them (PEP 578).

Started as a script: `stepped.py LOG ROOT NUMBER MOMENT SIGNAL WHOM WORDS...`. At the change with that number it sends
itself, or its process group, the signal: `before` it is made, or `after`. Number 0 only counts.
"""

from __future__ import annotations

import os
import runpy
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

CHANGES = frozenset({"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"})
STARTED = frozenset({"fork_exec", "posix_spawn"})
"""The functions of which one has started a process once it has returned."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(log: int, root: str, number: int, moment: str, signal: tuple[int, str]) -> None:
    """Write each change down, and send the signal at one of them."""
    own, made = os.getpid(), 0

    def send() -> None:
        (os.killpg if signal[1] == "all" else os.kill)(own, signal[0])

    def end(event: str, _: FrameType, kind: str, of: Any) -> None:
        if not _is_under_way(event, kind, of):
            sys.setprofile(None)
            send()

    def heard(event: str, args: tuple[Any, ...]) -> None:
        nonlocal made
        if os.getpid() != own or not _counts(event, args, root):
            return
        made += 1
        os.write(log, f"{event}\t{args[1 if event == 'os.rename' else 0]!r}\n".encode())
        if made == number and moment == "before":
            send()
        elif made == number:
            sys.setprofile(partial(end, event))

    sys.addaudithook(heard)


def _counts(event: str, args: tuple[Any, ...], root: str) -> bool:
    if event == "subprocess.Popen":
        return True
    if event == "open" and not (isinstance(args[2], int) and args[2] & WRITING):
        return False
    if event != "open" and event not in CHANGES:
        return False
    path = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else ""
    # relative: below a folder that `shutil.rmtree` holds open
    return "__pycache__" not in path and (path.startswith(root) or (bool(path) and not Path(path).is_absolute()))


def _is_under_way(event: str, kind: str, of: Any) -> bool:
    """Tell whether a process is still being started; any other change is made when the interpreter goes on."""
    return event == "subprocess.Popen" and not (kind == "c_return" and getattr(of, "__name__", "") in STARTED)


if __name__ == "__main__":
    log_, root_, number_, moment_, signal_, whom_, *words = sys.argv[1:]
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    sys.argv[1:] = words
    opened = os.open(log_, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    watch(opened, root_, int(number_), moment_, (int(signal_), whom_))
    runpy.run_module("pinstall", None, "__main__", alter_sys=True)
