"""Check whether anything changed since a run that found every pin satisfied.

May not: import more than `os` and `sys` import; parse; guess: an odd stamp does not count.

A stamp is one flat file: the text that the run printed, a digest, and the grounds of the digest by kind and name. It
holds no contents, since requirement files and variables may hold secrets.
"""

from __future__ import annotations

import marshal
import os
import sys

from pinstall import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Look = Callable[[Sequence[str]], list[Any]]

FORMAT = f"pinstall stamp 4 {__version__}"
# Kinds of grounds: bytes of a file, its status, its last change, its existence, names in a folder, a variable, a prefix
# of variables, the path behind all links (REAL); and of many places below a folder, each of which costs half as much
# so: their status (STATUSES), size and time of files that all exist (FILES).
CONTENT, STATUS, CHANGE, EXISTENCE, LISTING, VARIABLE, PREFIX, STATUSES, FILES, REAL = "cstelvpmfr"
# Separates the places of one ground; a normal path has it at its beginning only.
BETWEEN = "//"
# Bytes of the largest file that can be a ground: `/dev/zero` has no end.
_LARGEST = 1 << 26
# How many stamps are kept, the newest, and how large all may be: one that covers 19,000 files has 1 MiB.
_MOST, MOST_BYTES = 200, 1 << 26


def find(argv: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return the text that an earlier run with these arguments printed, if nothing has changed."""
    try:
        with open(locate(argv, environ), encoding="utf-8", errors="surrogateescape") as file:
            form, digest, text, *grounds = file.read().split("\0")
        same = form == FORMAT and digest == fingerprint(argv, environ, grounds)
    except (OSError, ValueError, ImportError):
        return None
    return text if same else None


def leave(argv: Sequence[str], environ: Mapping[str, str], text: str, grounds: Sequence[str]) -> None:
    """Write a stamp, if that is possible."""
    from contextlib import suppress

    from pinstall import files

    with suppress(OSError, ValueError, ImportError):
        place = locate(argv, environ)
        content = "\0".join((FORMAT, fingerprint(argv, environ, grounds), text, *grounds))
        files.remember(place, content.encode("utf-8", "surrogateescape"))
        _forget(os.path.dirname(place))


def state_directory(environ: Mapping[str, str]) -> str:
    """Return the folder for files of the user that are not of an environment; a path below no folder without one."""
    base = environ.get("XDG_STATE_HOME") or environ.get("LOCALAPPDATA")
    folder = os.path.join(base or os.path.expanduser("~/.local/state"), "pinstall")
    return folder if _is_own(folder) else os.path.join(os.devnull, "pinstall")


def _is_own(folder: str) -> bool:
    """Check whether a folder is the user's, or one that the user can make; `sudo` may keep the HOME of another user.

    Root makes no folder in that of another user, as in `check_path_owner` of pip.
    """
    if not hasattr(os, "geteuid"):
        return True
    above = place = os.path.abspath(folder)
    user = os.geteuid()
    while not os.path.lexists(above) and os.path.dirname(above) != above:
        above = os.path.dirname(above)
    try:
        owners = {os.lstat(above).st_uid, os.stat(above).st_uid}
    except OSError:
        return False
    return owners == {user} or (above != place and user != 0)


def locate(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the path of the stamp of these arguments, whose name reveals no password among them."""
    from _blake2 import blake2b  # hashlib would load ten modules first

    named = [environ.get(name, "") for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PINSTALL_PYTHON", "PIP_PYTHON")]
    folder = os.path.dirname(sys.argv[0])  # the script of a copied environment starts the Python of another one
    text = "\0".join((os.getcwd(), sys.prefix, folder * folder.endswith("bin"), *named, *argv))
    name = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()
    return os.path.join(state_directory(environ), "stamps", name)


def fingerprint(argv: Sequence[str], environ: Mapping[str, str], grounds: Sequence[str]) -> str:
    """Return the digest of the arguments and of the grounds; raise ValueError for an endless file."""
    from _blake2 import blake2b

    digest = blake2b(digest_size=20)
    # `sitecustomize` and the code in `.pth` files make the path of variables and files that nobody else knows
    paths = map(str, sys.path[1:])
    head = (sys.version, sys.executable, sys.prefix, os.getcwd(), *describe_machine(), *paths, *argv)
    digest.update("\0".join(head).encode("utf-8", "surrogateescape"))
    prefixes = tuple(ground[1:] for ground in grounds if ground[:1] == PREFIX)
    for ground in (*grounds, *(VARIABLE + name for name in sorted(environ) if name.startswith(prefixes))):
        digest.update(f"\0\0{ground}\0".encode("utf-8", "surrogateescape"))
        digest.update(_present(ground[:1], ground[1:], environ))
    return digest.hexdigest()


def _present(kind: str, name: str, environ: Mapping[str, str]) -> bytes:
    """Return the state of a ground, also of one that is missing; raise ValueError for an endless file."""
    if kind in (STATUS, STATUSES, FILES):
        folder, *names = ("", name) if kind == STATUS else name.split(BETWEEN)
        look = _list_sizes if kind == FILES else _list_statuses
        found = _look_inside(folder, names, look) if folder else look(names)
        return marshal.dumps(found, 2)  # a format that does not depend on other references to a value
    try:
        if kind in (EXISTENCE, CHANGE):
            return b"%d" % (os.path.lexists(name) if kind == EXISTENCE else os.stat(name).st_ctime_ns)
        if kind == CONTENT:
            with open(name, "rb") as file:
                content = file.read(_LARGEST)
            if len(content) == _LARGEST:
                raise ValueError(name)
            return content
        if kind in (LISTING, REAL):
            names = sorted(os.listdir(name)) if kind == LISTING else [os.path.realpath(name)]
            return "\0".join(names).encode("utf-8", "surrogateescape")
    except OSError as error:
        return b"\0%d" % (error.errno or 0)
    return environ.get(name, "\0").encode("utf-8", "surrogateescape") if kind == VARIABLE else b""


def describe_machine() -> list[str]:
    """Return what markers such as `platform_release` are made of: everything but the name of the machine."""
    name = os.uname() if hasattr(os, "uname") else ("",)
    return [name[0], *name[2:]]


def _look_inside(folder: str, names: Sequence[str], look: Look) -> list[Any]:
    """Return what a look at paths below a folder shows; raise OSError without the folder.

    From inside the folder a path costs half as much as the whole one; Windows has no sure way back.
    """
    if not hasattr(os, "fchdir"):
        return look([f"{folder}{os.sep}{name}" for name in names])
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        return look(names)
    finally:
        os.fchdir(before)
        os.close(before)


def _list_sizes(paths: Sequence[str]) -> list[int]:
    """Return size and time of each file; raise OSError where one is missing."""
    found: list[int] = []
    add = found.append
    for status in map(os.stat, paths):
        add(status.st_size)
        add(status.st_mtime_ns)
    return found


def _list_statuses(paths: Sequence[str]) -> list[tuple[int, ...]]:
    return [status(path) for path in paths]


def status(place: str) -> tuple[int, ...]:
    """Return what changes with a file that is edited or replaced, or the number of the error."""
    try:
        known = os.stat(place)
    except OSError as error:
        return (error.errno or 0,)
    return known.st_size, known.st_mtime_ns, known.st_ino, known.st_mode, known.st_uid


def _forget(folder: str) -> None:
    held = 0
    stamps = sorted(os.scandir(folder), key=lambda entry: -entry.stat().st_mtime_ns)
    for number, entry in enumerate(stamps):
        held += entry.stat().st_size
        if number and (number >= _MOST or held > MOST_BYTES):
            os.unlink(entry.path)
