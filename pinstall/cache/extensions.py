"""Suspect wheels that pip has built without the extension which their sources have.

May not: prove anything by that, write, ask a server.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, BinaryIO

from pinstall.cache import http, wheels
from pinstall.cache.build_records import Builds
from pinstall.formats import archives, zips

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".f90", ".pyx", "/Cargo.toml")
_ASIDE = frozenset({"doc", "docs", "example", "examples", "test", "testing", "tests"})
"""Folders whose sources no build compiles into a wheel."""
_REMEDY = "`--pin builds=recorded` builds it anew, beside `--force-reinstall` where it is installed already"


def suspicion(cache: str, path: str) -> str | None:
    """Return what is suspicious about a built wheel, none for one that is not pure, or whose build is on record."""
    if not path.endswith("-none-any.whl") or Builds(cache).known(path):
        return None
    wheel = wheels.artifact(cache, path)
    for archive in _archives(cache, wheel.url):
        with archive:
            source = next(filter(_is_compiled, _members(archive, wheel.url)), None)
        if source is not None:
            what = f"the wheel of {wheel.identity.name} {wheel.identity.version}"
            return f"{what} is pure, though its sources have {source}: it may lack an extension ({_REMEDY})"
    return None


def _archives(cache: str, url: str) -> Iterator[BinaryIO]:
    """Yield the source archive that a wheel was built from, as far as it lies on this machine."""
    path = archives.path_of(url) if url.startswith("file:") else None
    try:
        if path is not None:
            yield open(path, "rb")  # noqa: SIM115 - whoever asks closes it
        for entry in http.find(cache, url):
            yield http.opened(cache, entry)
    except (OSError, ValueError):  # gone by now, or no such entry any more
        return


def _members(archive: BinaryIO, url: str) -> Iterator[str]:
    """Yield the paths of an archive's members one by one: most of a tar need not be unpacked for the first."""
    try:
        if url.endswith(".zip"):
            yield from zips.opened(archive).namelist()
        else:
            with tarfile.open(fileobj=archive) as packed:
                yield from (member.name for member in zips.members(packed))
    except Exception:  # noqa: BLE001 - damaged bytes make zipfile and tarfile raise nearly anything
        return


def _is_compiled(path: str) -> bool:
    return path.endswith(_SOURCES) and _ASIDE.isdisjoint(path.split("/"))
