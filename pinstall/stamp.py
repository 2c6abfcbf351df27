"""Tell that nothing has changed on which an earlier run rested that found every pin to hold.

May not: import anything but what starts as cheaply as `os` and `sys`; parse; guess: whatever is odd is no stamp.

A stamp is one flat file: what was said, a digest, and a list of what the digest is made of, by kind and name. It holds
no contents, since requirement files and variables may hold secrets.
"""

from __future__ import annotations

import marshal
import os
import sys

from pinstall import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = f"pinstall stamp 3 {__version__}"
CONTENT, STATUS, CHANGE, EXISTENCE, LISTING, VARIABLE, PREFIX, STATUSES, FILES = "cstelvpmf"
"""Kinds of grounds: a file's bytes, its status, when that was last changed, whether it is there, names in a folder,
variables by name or prefix.

The last two are of many places below a folder, which comes first: each costs half as much so. STATUSES is their status,
FILES size and time of files that all are there.
"""
BETWEEN = "//"
"""What parts the places of one ground: no path that is normal holds it, except at its beginning."""
_LARGEST = 1 << 26
"""Bytes of a file that a stamp may rest on: `/dev/zero` has no end."""
_MOST, MOST_BYTES = 200, 1 << 26
"""How many stamps are kept, and how much they hold: one that covers 19,000 files has 1 MiB."""


def found(argv: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return what the run said that left a stamp for these arguments, if it would say the same now."""
    try:
        with open(locate(argv, environ), encoding="utf-8", errors="surrogateescape") as file:
            form, digest, said, *grounds = file.read().split("\0")
        same = form == FORMAT and digest == fingerprint(argv, environ, grounds)
    except (OSError, ValueError, ImportError):
        return None
    return said if same else None


def leave(argv: Sequence[str], environ: Mapping[str, str], said: str, grounds: Sequence[str]) -> None:
    """Write a stamp; where that cannot be done there is none."""
    from pinstall import files  # noqa: PLC0415 - who finds a stamp writes none

    try:
        place = locate(argv, environ)
        content = "\0".join((FORMAT, fingerprint(argv, environ, grounds), said, *grounds))
        files.remember(place, content.encode("utf-8", "surrogateescape"))
        _forget(os.path.dirname(place))
    except (OSError, ValueError, ImportError):
        return


def state_directory(environ: Mapping[str, str]) -> str:
    """Return where pinstall keeps what is of the user and of no environment."""
    base = environ.get("XDG_STATE_HOME") or environ.get("LOCALAPPDATA")
    return os.path.join(base or os.path.expanduser("~/.local/state"), "pinstall")


def locate(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the path of the stamp of these arguments. Its name reveals none of them: one may be a password."""
    from _blake2 import blake2b  # noqa: PLC0415 - what hashlib would take ten modules to lead to

    named = [environ.get(name, "") for name in ("VIRTUAL_ENV", "PINSTALL_PYTHON", "PIP_PYTHON")]
    text = "\0".join((os.getcwd(), sys.prefix, *named, *argv))
    name = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()
    return os.path.join(state_directory(environ), "stamps", name)


def fingerprint(argv: Sequence[str], environ: Mapping[str, str], grounds: Sequence[str]) -> str:
    """Return the digest of the arguments, and of what the grounds are now; raise ValueError for an endless file."""
    from _blake2 import blake2b  # noqa: PLC0415 - as above

    digest = blake2b(digest_size=20)
    head = (sys.version, sys.executable, sys.prefix, os.getcwd(), *argv)
    digest.update("\0".join(head).encode("utf-8", "surrogateescape"))
    prefixes = tuple(ground[1:] for ground in grounds if ground[:1] == PREFIX)
    for ground in (*grounds, *(VARIABLE + name for name in sorted(environ) if name.startswith(prefixes))):
        digest.update(f"\0\0{ground}\0".encode("utf-8", "surrogateescape"))
        digest.update(_present(ground[:1], ground[1:], environ))
    return digest.hexdigest()


def _present(kind: str, name: str, environ: Mapping[str, str]) -> bytes:
    """Return what something is now; that it is not there is an answer too. Raise ValueError for what has no end."""
    if kind in (STATUS, STATUSES, FILES):
        folder, *names = ("", name) if kind == STATUS else name.split(BETWEEN)
        return (_files if kind == FILES else _statuses)(folder, names)
    try:
        if kind in (EXISTENCE, CHANGE):
            return b"%d" % (os.path.lexists(name) if kind == EXISTENCE else os.stat(name).st_ctime_ns)
        if kind == CONTENT:
            with open(name, "rb") as file:
                content = file.read(_LARGEST)
            if len(content) == _LARGEST:
                raise ValueError(name)
            return content
        if kind == LISTING:
            return "\0".join(sorted(os.listdir(name))).encode("utf-8", "surrogateescape")
    except OSError as error:
        return b"\0%d" % (error.errno or 0)
    return environ.get(name, "\0").encode("utf-8", "surrogateescape") if kind == VARIABLE else b""


def _files(folder: str, names: Sequence[str]) -> bytes:
    """Return size and time of each file below a folder; raise OSError where one is missing.

    From inside the folder a file costs half as much as by its whole path.
    """
    found: list[int] = []
    add = found.append
    before = os.open(".", os.O_RDONLY) if hasattr(os, "fchdir") else None
    try:
        if before is not None:
            os.chdir(folder)
        for status in map(os.stat, names if before is not None else [f"{folder}{os.sep}{name}" for name in names]):
            add(status.st_size)
            add(status.st_mtime_ns)
    finally:
        if before is not None:
            os.fchdir(before)
            os.close(before)
    return marshal.dumps(found, 2)


def _statuses(folder: str, names: Sequence[str]) -> bytes:
    """Return the status of each place below a folder; raise OSError where the folder itself cannot be opened."""
    prefix, opened_folder = opened(folder) if folder else ("", None)
    try:
        found = [_status(prefix + name, opened_folder) for name in names]
    finally:
        close(opened_folder)
    return marshal.dumps(found, 2)  # a format that does not hang on who else refers to a value


def _status(place: str, folder: int | None) -> tuple[int, ...]:
    try:
        status = os.stat(place, dir_fd=folder)
    except OSError as error:
        return (error.errno or 0,)
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_mode, status.st_uid


def opened(folder: str) -> tuple[str, int | None]:
    """Return what goes before a path below a folder, and the descriptor to which it is relative where that works.

    Many places are looked at a fifth faster so. `close` takes the descriptor back.
    """
    if os.stat in os.supports_dir_fd:
        return "", os.open(folder, os.O_RDONLY)
    return f"{folder}{os.sep}", None


def close(descriptor: int | None) -> None:
    """Close what `opened` has opened."""
    if descriptor is not None:
        os.close(descriptor)


def _forget(folder: str) -> None:
    held = 0
    stamps = sorted(os.scandir(folder), key=lambda entry: -entry.stat().st_mtime_ns)
    for number, entry in enumerate(stamps):
        held += entry.stat().st_size
        if number and (number >= _MOST or held > MOST_BYTES):
            os.unlink(entry.path)
