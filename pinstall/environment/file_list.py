"""List the files of one installed distribution, and compare them with that list.

May not: write; report damage where the installer does not promise a true RECORD, or where nothing can be known: the
locale cannot spell a name, or a folder may not be entered.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from pinstall import environment
from pinstall.files import read, sha256
from pinstall.formats import metadata
from pinstall.model.pins import DEAD, Distribution

if TYPE_CHECKING:
    from pinstall.formats.metadata import Row

# Size (negative where it is unknown), place, hash in RECORD, owner, path in RECORD.
Listed = tuple[int, str, str, Distribution, str]

_PYTHONS = ("python", "pypy", "graalpy")
# The installers with a true RECORD: conda rewrites files afterwards, Fedora removes RECORD.
_TRUE = ("pip", "uv")


class FileList:
    """The files of a distribution by its RECORD, or by pip's list of an egg; each is read at most once.

    The `globs` match the paths of files that the user manages, which may be anything.
    """

    def __init__(self, distribution: Distribution, globs: Sequence[str] = ()) -> None:
        self.distribution = distribution
        self._globs = globs

    @cached_property
    def _content(self) -> bytes | None:
        return read(self.distribution.record)

    @cached_property
    def rows(self) -> Sequence[Row]:
        """Return the rows of RECORD; nothing where it is missing or unreadable, and for an egg."""
        with suppress(ValueError):
            return () if self.distribution.egg else metadata.record_rows(self._content or b"")
        return ()

    def is_unmanaged(self, path: str) -> bool:
        """Tell whether the user manages the file of a path in RECORD."""
        if not self._globs:
            return False
        from fnmatch import fnmatchcase  # noqa: PLC0415 - few runs have globs

        return any(fnmatchcase(path, glob) for glob in self._globs)

    @cached_property
    def _judged(self) -> Sequence[Row]:
        """Return the rows of files that can be compared and have to be as RECORD says."""
        return [row for row in self.rows if _is_spelled(row[0]) and not self.is_unmanaged(row[0])]

    @cached_property
    def _of_egg(self) -> Sequence[str]:
        """Return the paths of the files of an egg, without byte code."""
        listed = os.fsdecode(self._content or b"").splitlines() if self.distribution.egg else []
        return [os.path.normpath(os.path.join(self.distribution.path, path)) for path in listed if path[-4:] != ".pyc"]

    @property
    def is_removable(self) -> bool:
        """Tell whether pip knows the files, so that it can remove and replace them; it reads no RECORD but UTF-8."""
        known = os.path.isdir(self.distribution.path) if self.distribution.egg else bool(self.rows)
        return known and all(_is_spelled(path) for path, _, _ in self.rows)

    @property
    def places(self) -> tuple[str, ...]:
        """Return the paths of all files, with byte code; nothing without a list of them."""
        return (*self._of_egg, *(self.place(path) for path, _, _ in self.rows))

    @property
    def top_level(self) -> tuple[str, ...]:
        """Return the path of each first part, and of each file outside; of an egg, of all files or what pip removes."""
        if self.distribution.egg and self._content is None:
            names = os.fsdecode(read(os.path.join(self.distribution.path, "top_level.txt")) or b"").split()
            return tuple(self.place(f"{name}{end}") for name in names for end in ("", ".py"))
        return (*self._of_egg, *map(self.place, sorted(metadata.top_levels(path for path, _, _ in self.rows))))

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the paths of the Python files, which pip compiles."""
        return tuple(self.place(path) for path, _, _ in self.rows if path.endswith(".py"))

    def place(self, path: str) -> str:
        """Return the normal path of the file of a row."""
        return os.path.normpath(os.path.join(self.distribution.location, path))

    def damage(self, passing: Collection[str] = ()) -> str | None:
        """Return the first damage as a sentence: a file is missing, of another size, modified.

        The sha256 is compared only of files younger than RECORD, which pip writes last; `contents.find_altered`
        compares all. Byte code, the paths in `passing`, editables, and distributions of other installers than pip and
        uv do not count. Of an egg only missing files are known.

        Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
        """
        if self.distribution.egg:
            gone = (place for place in self._of_egg if _size("", place) is None)
            paths = (os.path.relpath(place, self.distribution.location) for place in gone)
            return next((f"{path} is missing" for path in paths if not self.is_unmanaged(path)), None)
        if not self.is_held:
            return None
        if self._content is None:
            return "its RECORD is missing" if _size(self.distribution.path, "RECORD") is None else None
        if not self.rows or self._damages is None:
            return "its RECORD cannot be read"
        return next((text for path, text in self._damages if path not in passing and not self._is_replaced(path)), None)

    @property
    def flaws(self) -> tuple[str, ...]:
        """Return the paths of files that are not as RECORD says."""
        return tuple(path for path, _ in self._damages or ())

    @cached_property
    def is_held(self) -> bool:
        """Tell whether the files are to be what RECORD says.

        Debian removes INSTALLER and leaves a RECORD of other files than it installs; pip's own RECORD lists INSTALLER.
        """
        if self.distribution.editable:
            return False
        installer = read(os.path.join(self.distribution.path, "INSTALLER"))
        if installer is not None:
            return installer.decode(errors="replace").strip() in _TRUE
        own = f"{os.path.basename(self.distribution.path)}/INSTALLER"
        return any(path == own for path, _, _ in self.rows)

    def _is_replaced(self, path: str) -> bool:
        """Tell whether the installer has overwritten a file of the wheel in its dist-info: both have a row."""
        return ".dist-info/" in path and sum(row[0] == path for row in self.rows) > 1

    @cached_property
    def _damages(self) -> tuple[tuple[str, str], ...] | None:
        """Return each path that is not as RECORD says, with its damage; None where nothing can be compared."""
        with suppress(OSError, ValueError):  # a path may hold a NUL
            return tuple(self._compare())
        return None

    def _compare(self) -> Iterator[tuple[str, str]]:
        location = self.distribution.location
        written = os.stat(self.distribution.record).st_mtime_ns
        # with a descriptor `os.stat` is a fifth faster; Windows has none
        folder = os.open(location, os.O_RDONLY) if os.stat in os.supports_dir_fd else None
        prefix = "" if folder is not None else f"{location}{os.sep}"
        try:
            for path, digest, size in self._judged:
                # a row of a folder says nothing of a file, and pip keeps it
                if metadata.CACHED in path or path[-1:] == "/" or (not digest and metadata.is_bytecode(path)):
                    continue
                expected = metadata.parse_size(size)  # pip keeps what a wheel says, such as `4 bytes`, or nothing
                found: int | None
                try:
                    status = os.stat(prefix + path, dir_fd=folder)
                    found = status.st_size
                    younger = status.st_mtime_ns > written and digest.startswith("sha256=")
                    doubtful = younger and expected in (found, metadata.UNKNOWN)
                    if doubtful and environment.contents.is_altered(locate(location, path), found, digest):
                        yield path, f"{path} was modified"
                except OSError:
                    found = _size(location, path)
                if found is None:
                    yield path, f"{path} is missing"
                elif metadata.UNKNOWN not in (expected, found) and found != expected:
                    yield path, f"{path} was modified ({found} bytes instead of {size})"
        finally:
            if folder is not None:
                os.close(folder)

    def find_dead_scripts(self, executable: str) -> Iterator[tuple[str, str]]:
        """Yield each script that does not start the Python of this environment, with words on it.

        Launchers of Windows are not read. A script that finds its Python by PATH or by its own folder is not dead.
        """
        outside = (path for path, _, _ in self._judged if path.startswith(("../", "/"))) if self.is_held else ()
        for path in outside:
            folder, name = os.path.split(path)
            if os.path.basename(folder) in ("bin", "Scripts"):
                python = find_python(self.place(path))
                wrong = "is of another environment" if os.path.exists(python) else "does not exist"
                if python and not (os.path.exists(python) and _home(python) == _home(executable)):
                    yield path, f"{DEAD}{os.path.basename(folder)}/{name} starts {python}, which {wrong}"

    @property
    def hashed(self) -> Iterator[Listed]:
        """Yield each file with a sha256 in RECORD, if the files have to be as RECORD says."""
        for path, digest, size in self._judged if self.is_held else ():
            if digest.startswith("sha256=") and metadata.CACHED not in path:
                place = locate(self.distribution.location, path)
                if not ((_is_wrapper(path) and not os.path.lexists(place)) or self._is_replaced(path)):
                    yield metadata.parse_size(size), place, digest, self.distribution, path

    def digest(self, flaws: Iterable[str] = ()) -> str:
        """Return the sha256 of RECORD and of all files without a true hash in it; empty without RECORD.

        These are the files without a hash and the `flaws`, but not byte code, nor unmanaged files, nor files that
        another distribution lists too, which may have overwritten them.
        """
        if self._content is None:
            return ""
        digest = hashlib.sha256(self._content)
        folder = self.distribution.path if self.distribution.egg else self.distribution.location
        doubtful = [path for path in (*self._unhashed, *flaws) if not metadata.is_bytecode(path)]
        others = list(self._of_neighbours()) if doubtful else []
        for path in doubtful:
            if not any(f"\n{path},".encode() in other for other in others):
                try:
                    digest.update(sha256(os.path.join(folder, path)))
                except (OSError, ValueError):  # pip lists a script too that it has left out for a command of that name
                    digest.update(b"?")
        return digest.hexdigest()

    @property
    def _unhashed(self) -> list[str]:
        """Return the paths without a hash, except RECORD itself; the list of an egg has no hashes."""
        if self.distribution.egg:
            return [os.fsdecode(name) for name in (self._content or b"").splitlines()]
        own = f"{os.path.basename(self.distribution.path)}/RECORD"
        return [path for path, digest, _ in self._judged if not digest and path != own]

    def _of_neighbours(self) -> Iterator[bytes]:
        """Yield the RECORD of every other distribution of the same folder, after a line end."""
        location = self.distribution.location
        for entry in os.listdir(location):
            path = os.path.join(location, entry)
            if entry.endswith(".dist-info") and path != self.distribution.path:
                yield b"\n" + (read(os.path.join(path, "RECORD")) or b"")


def _size(location: str, path: str) -> int | None:
    """Return the size of a file that `--target` may have moved, None for a missing one."""
    try:
        return os.stat(locate(location, path)).st_size
    except (FileNotFoundError, NotADirectoryError):
        return metadata.UNKNOWN if _is_wrapper(path) else None
    except (OSError, ValueError):  # a folder that may not be entered proves nothing
        return metadata.UNKNOWN


def _is_spelled(path: str) -> bool:
    """Tell whether RECORD has a path in UTF-8, and the locale can spell it."""
    try:
        return path.isascii() or bool(path.encode() and os.fsencode(path))
    except UnicodeEncodeError:
        return False


def locate(location: str, path: str) -> str:
    """Return the path of the file of a row; `--target` moves `../../bin` to `bin` and does not change RECORD."""
    place = os.path.join(location, path)
    return os.path.join(location, path[6:]) if path.startswith("../../") and not os.path.lexists(place) else place


def find_python(script: str) -> str:
    """Return the Python that a script names by its whole path, also in the form of pip and distlib for long paths."""
    head = read(script, 2048) or b""
    named = re.match(rb"#!(?:/bin/sh\n'''exec' )?(?:\"([^\"\n$]+)\"|([^\s\"$]+))", head)
    python = os.fsdecode(named[1] or named[2]) if named else ""
    return python if os.path.isabs(python) and os.path.basename(python).startswith(_PYTHONS) else ""


def _home(python: str) -> str:
    """Return the folder of a virtual environment, else that of the file which runs."""
    above = os.path.dirname(os.path.dirname(python))
    is_virtual = os.path.exists(os.path.join(above, "pyvenv.cfg"))
    return os.path.realpath(above) if is_virtual else os.path.dirname(os.path.realpath(python))


def _is_wrapper(path: str) -> bool:
    """Tell whether a row is of a script that pip lists, and leaves out for an entry point of that name."""
    return path.partition("/")[0].endswith(".data")
