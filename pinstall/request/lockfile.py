"""Read a lock file (PEP 751) into lines that demand versions, hashes and sources.

May not: open a file, choose among artifacts: each that the lock lists for a package will do.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from pinstall.formats import toml, urls
from pinstall.model.inputs import Fault, Origin, RequirementFile, RequirementLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.markers import Environment
    from packaging.pylock import (
        Package,
        PackageArchive,
        PackageDirectory,
        PackageSdist,
        PackageVcs,
        PackageWheel,
        Pylock,
    )
    from packaging.tags import Tag
    from packaging.utils import NormalizedName

    from pinstall.request.options import Pip

    Contents = PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist

_LONGEST: Final = 255
"""How many characters a file name can have; the tags in a longer one may be billions."""
_QUERY: Final = re.compile("[?#]")
_REFUSALS: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What a document raises that is none of packaging's."""
_NAME: Final = re.compile(r"(?:.*[/\\])?pylock(?:\.[^./\\]+)?\.toml")
_EXTRAS: Final = re.compile(r"(?P<path>.+?)\s*\[(?P<extras>[^\]]+)\]")
_PACKAGE: Final = re.compile(r"\s*\[\[\s*packages\s*\]\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is asked of one lock file; `default` says that its default groups are."""

    path: str
    extras: frozenset[NormalizedName] = frozenset()
    groups: frozenset[NormalizedName] = frozenset()
    default: bool = False

    def __or__(self, other: Choice) -> Choice:
        """Return what both together ask for."""
        return replace(
            self,
            extras=self.extras | other.extras,
            groups=self.groups | other.groups,
            default=self.default or other.default,
        )


def is_lock(path: str) -> bool:
    """Tell whether pip takes a file of this name for a lock file."""
    return _NAME.fullmatch(path) is not None


def choice(source: str, group: str | None, pip: Pip) -> Choice | None:
    """Return what `-r SOURCE`, or `--group SOURCE:GROUP`, takes of a lock file, none where it names no lock file."""
    match = _EXTRAS.fullmatch(source) if pip.chooses_groups else None
    path, extras = (match["path"], match["extras"].split(",")) if match else (source, [])
    if not (pip.takes_locks if group is None else pip.chooses_groups) or not is_lock(path):
        return None
    return Choice(
        path=path,
        extras=frozenset(canonicalize_name(extra.strip()) for extra in extras),
        groups=frozenset() if group is None else frozenset((canonicalize_name(group),)),
        default=group is None,
    )


def read(content: bytes, chosen: Choice, *, file: str, base: str, markers: Mapping[str, str]) -> RequirementFile | None:
    """Return a line for each package that the lock selects for an environment, or what is wrong with the lock.

    `base` is the lock's folder, with a separator at its end, or its URL. None where the installed packaging is older
    than 26.1 and cannot select.
    """
    try:
        from packaging.pylock import Pylock, PylockSelectError, PylockValidationError
    except ImportError:
        return None
    if not hasattr(Pylock, "select"):
        return None

    try:
        document = toml.parse(content)
        _check_names(document)
        lock = Pylock.from_dict(document)
        selected = lock.select(
            environment=cast("Environment", markers),
            tags=tuple(_tags(lock.packages)),
            extras=chosen.extras,
            dependency_groups=chosen.groups.union(lock.default_groups or () if chosen.default else ()),
        )
        starts = _starts(lock, content)
        return RequirementFile(
            lines=tuple(
                line(package, contents, Origin(where=file, line=starts.get(id(package))), base)
                for package, contents in selected
            )
        )
    except (PylockSelectError, PylockValidationError, *_REFUSALS) as error:
        return RequirementFile(faults=(Fault(origin=Origin(where=file), message=f"the lock is no good: {error}"),))


def _check_names(document: dict[str, Any]) -> None:
    """Raise what is among the refusals where a wheel has a file name that none can have."""
    wheels = (wheel for package in document.get("packages", ()) for wheel in package.get("wheels", ()))
    texts = (text for wheel in wheels for text in wheel.values() if isinstance(text, str))
    if any(len(_QUERY.split(text)[0].rpartition("/")[2]) > _LONGEST for text in texts):
        raise ValueError("a wheel's file name is too long")


def _tags(listed: Iterable[Package]) -> set[Tag]:
    """Return the tags of all wheels, as if each could be installed: which of them fits is for pip to know."""
    names = [wheel.filename for package in listed for wheel in package.wheels or ()]
    return {tag for name in names for tag in parse_wheel_filename(name)[-1]}


def _starts(lock: Pylock, content: bytes) -> dict[int, int]:
    """Return on which line each package begins, by identity; none where the lock is written in another way."""
    lines = content.decode().splitlines()
    starts = [number for number, line in enumerate(lines, 1) if _PACKAGE.match(line)]
    if len(starts) != len(lock.packages):
        return {}
    return {id(package): start for package, start in zip(lock.packages, starts, strict=True)}


def flaw(text: str) -> str | None:
    """Return what is wrong with the text of a lock file, none where it is a good one."""
    from packaging.pylock import Pylock, PylockValidationError

    try:
        Pylock.from_dict(toml.parse(text.encode()))
    except (PylockValidationError, ValueError) as error:
        return str(error)
    return None


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
        text=urls.redacted(f"{package.name} @ {link}"),
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
    from urllib.parse import quote, urljoin, urlsplit  # noqa: PLC0415 - only a lock has links

    if not urls.is_url(base):
        return f"file://{quote(_absolute(place.path, base))}"
    url = urljoin(base, place.path)
    if urlsplit(url)[:2] != urlsplit(base)[:2] or place.path.startswith("/"):
        raise ValueError(f"the path `{place.path}` leads out of the place that the lock comes from")
    return url


def _folder(place: PackageDirectory, base: str) -> str:
    if urls.is_url(base):
        raise ValueError(f"a lock behind a URL cannot name the folder `{place.path}`")
    return posixpath.join(_absolute(place.path, base), place.subdirectory or "")


def _absolute(path: str, base: str) -> str:
    return posixpath.normpath(posixpath.join(base, path))


def _within(url: str, subdirectory: str | None) -> str:
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url
