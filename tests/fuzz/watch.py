"""Notice, by an audit hook, what code writes, starts or connects to while it should only read."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN: Final = frozenset({
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.utime"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "ctypes.dlopen"),
    *("shutil.move", "shutil.rmtree", "shutil.unpack_archive"),
})  # fmt: skip


class _Watch:
    armed = False
    installed = False
    seen: Final[list[str]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _Watch.armed:
        return
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    # Python keeps the byte code of what is imported for the first time; and `tempfile.TemporaryFile` opens a folder, in
    # which it leaves nothing
    passes = "__pycache__" in str(arguments[:1]) or (writes and Path(arguments[0]).is_dir())
    if (writes or event in _FORBIDDEN) and not passes:
        _Watch.seen.append(f"{event} {arguments[0]!r}")


@contextlib.contextmanager
def reading_only() -> Iterator[None]:
    """Raise AssertionError where the code inside writes to a file, starts a process or connects to anybody."""
    if not _Watch.installed:
        _Watch.installed = True
        sys.addaudithook(_hook)  # for the rest of the process: it cannot be taken away
    _Watch.seen.clear()
    _Watch.armed = True
    try:
        yield
    finally:
        _Watch.armed = False
    assert not _Watch.seen, _Watch.seen
