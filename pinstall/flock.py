"""Hold a file against other processes; the system gives it back when the last that has it open ends, however it ends.

May not: wait without a bound; be needed for anything to be right, as not every system and file system can do it.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from pinstall import files as writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 10.0
"""How many seconds a run waits for another one at most."""
_A_MOMENT = 1.0
"""After how many of them it says so."""
_PAUSE = 0.02


def hold(file: IO[str], say: Callable[[str], object], *, shared: bool = False) -> bool:
    """Wait until nobody else holds a file, or nobody alone, and tell whether it is ours then.

    Raises OSError where the file system has no such locks.
    """
    if _is_held(file, _A_MOMENT, shared=shared):
        return True
    say(f"waiting for another run of pinstall, which holds `{file.name}`")
    return _is_held(file, PATIENCE - _A_MOMENT, shared=shared)


def _is_held(file: IO[str], seconds: float, *, shared: bool) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - POSIX only, and a run that changes nothing holds nothing
    except ImportError:
        return True
    deadline = time.monotonic() + seconds
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)


class Lease:
    """What each run holds of a cache, together with others, as long as its pip may read there.

    The file is handed down to pip, so that a pip whose pinstall was killed holds it still.
    """

    def __init__(self, cache: str) -> None:
        """Hold nothing yet."""
        self._path = os.path.join(cache, "pinstall", "lease")
        self._file: IO[str] | None = None

    def share(self, say: Callable[[str], object]) -> None:
        """Hold the cache from now on; where that cannot be done, pip runs all the same."""
        if self._file is None:
            with suppress(OSError):
                self._file = _opened(self._path)
                os.set_inheritable(self._file.fileno(), True)  # noqa: FBT003 - takes no keyword
                hold(self._file, say, shared=True)

    @contextmanager
    def alone(self, say: Callable[[str], object] | None) -> Iterator[bool]:
        """Tell whether no other run holds the cache, and keep it so; with `say` wait for that, without do not."""
        try:
            file = _opened(self._path)
        except OSError:  # where no file can be made, nobody holds one
            yield True
            return
        with file:
            try:
                alone = hold(file, say) if say else _is_held(file, 0, shared=False)
            except OSError:
                alone = True
            yield alone

    def end(self) -> None:
        """Give the cache back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _opened(path: str) -> IO[str]:
    writing.folder(os.path.dirname(path))
    return open(path, "a", encoding="utf-8", opener=writing.opener)
