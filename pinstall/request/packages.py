"""Turn a package of a lock file (PEP 751) into the line that demands the same.

May not: open a file, choose among artifacts: each that the lock lists for a package will do.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urljoin, urlsplit

from packaging.specifiers import SpecifierSet
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from pinstall.formats import urls as links
from pinstall.model.request import RequirementLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.pylock import (
        Package,
        PackageArchive,
        PackageDirectory,
        PackageSdist,
        PackageVcs,
        PackageWheel,
    )

    from pinstall.model.request import Origin

    Contents = PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist

_STRONG: Final = frozenset({"sha256", "sha384", "sha512"})
_ANY: Final = SpecifierSet()


def line(package: Package, contents: Contents, origin: Origin, base: str) -> RequirementLine:
    """Return the demand of one package, of which a lock has selected these contents.

    `base` is the lock's folder, with a separator at its end, or its URL.
    Raises ValueError for a place that pip refuses.
    """
    if package.vcs is not None:
        commit = f"{package.vcs.type}+{_url(package.vcs, base)}@{package.vcs.commit_id}"
        return _direct(package, _within(commit, package.vcs.subdirectory), origin)
    if package.archive is not None:
        link = _within(_url(package.archive, base), package.archive.subdirectory)
        return _direct(package, link, origin, hashes=frozenset(_hashes(package.archive.hashes)))
    if package.directory is not None:
        link = _folder(package.directory, base)
        return _direct(package, link, origin, editable=bool(package.directory.editable))
    artifacts = (*(package.wheels or ()), *((package.sdist,) if package.sdist else ()))
    version = package.version or _version(getattr(contents, "filename", ""))
    return RequirementLine(
        origin=origin,
        text=f"{package.name}=={version}",
        name=package.name,
        extras=frozenset(),
        specifier=SpecifierSet(f"=={version}"),
        hashes=frozenset(digest for artifact in artifacts for digest in _hashes(artifact.hashes)),
        # pip prefers what it knows to have a demanded hash to all else of that version
        locked=tuple(f"{_url(artifact, base)}{_fragment(artifact.hashes)}" for artifact in artifacts),
    )


def _direct(
    package: Package, link: str, origin: Origin, *, hashes: frozenset[str] = frozenset(), editable: bool = False
) -> RequirementLine:
    return RequirementLine(
        origin=origin,
        text=links.redacted(f"{package.name} @ {link}"),
        name=package.name,
        extras=frozenset(),
        specifier=_ANY,
        link=link,
        hashes=hashes,
        editable=editable,
    )


def _hashes(hashes: Mapping[str, str]) -> Iterator[str]:
    """Yield the hashes that prove something, any one of which pip takes."""
    for algorithm, digest in hashes.items():
        if algorithm in _STRONG:
            yield f"{algorithm}:{digest.lower()}"


def _fragment(hashes: Mapping[str, str]) -> str:
    return "".join(f"#{digest.replace(':', '=')}" for digest in tuple(_hashes(hashes))[:1])


def _version(filename: str) -> str:
    parsed = parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    return str(parsed[1])


def _url(place: PackageVcs | PackageArchive | PackageWheel | PackageSdist, base: str) -> str:
    """Return where contents lie: the path goes before the URL, by pip's rule."""
    if place.path is None:
        return place.url or ""
    if not links.is_url(base):
        return f"file://{quote(_absolute(place.path, base))}"
    url = urljoin(base, place.path)
    if urlsplit(url)[:2] != urlsplit(base)[:2] or place.path.startswith("/"):
        raise ValueError(f"the path `{place.path}` leads out of the place that the lock comes from")
    return url


def _folder(place: PackageDirectory, base: str) -> str:
    if links.is_url(base):
        raise ValueError(f"a lock behind a URL cannot name the folder `{place.path}`")
    return posixpath.join(_absolute(place.path, base), place.subdirectory or "")


def _absolute(path: str, base: str) -> str:
    return posixpath.normpath(posixpath.join(base, path))


def _within(url: str, subdirectory: str | None) -> str:
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url
