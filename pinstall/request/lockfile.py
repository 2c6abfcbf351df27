"""Read a lock file (PEP 751) into lines that demand versions, hashes and sources.

May not: open a file, choose among artifacts: each artifact of a package counts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name, parse_sdist_filename, parse_wheel_filename

from pinstall import formats
from pinstall.formats import urls
from pinstall.model.inputs import Fault, Origin, RequirementFile, RequirementLine
from pinstall.request.demand import STRONG
from pinstall.request.options import Pip

if TYPE_CHECKING:
    from packaging import pylock
    from packaging.markers import Environment

    Artifact = pylock.PackageArchive | pylock.PackageWheel | pylock.PackageSdist

_REFUSALS = (ValueError, LookupError, TypeError, AttributeError, RecursionError, SyntaxError)
_NAME = re.compile(r"(?:.*[/\\])?pylock(?:\.[^./\\]+)?\.toml")
_EXTRAS = re.compile(r"(?P<path>.+?)\s*\[(?P<extras>[^\]]+)\]")
_PACKAGE = re.compile(r"\s*\[\[\s*packages\s*\]\]")


class Choice(NamedTuple):
    """The chosen extras and groups of one lock file; `default` chooses its default groups."""

    path: str
    extras: frozenset[NormalizedName] = frozenset()
    groups: frozenset[NormalizedName] = frozenset()
    default: bool = False

    def __or__(self, other: Choice) -> Choice:
        extras, groups = self.extras | other.extras, self.groups | other.groups
        return self._replace(extras=extras, groups=groups, default=self.default or other.default)


def is_lock(path: str) -> bool:
    """Return whether pip takes a file of this name for a lock file."""
    return _NAME.fullmatch(path) is not None


def choice(source: str, group: str | None, pip: Pip) -> Choice | None:
    """Return the choice of `-r SOURCE` or `--group SOURCE:GROUP`, none if the file is not a lock file."""
    match = _EXTRAS.fullmatch(source) if pip.chooses_groups else None
    path, extras = (match["path"], match["extras"].split(",")) if match else (source, [])
    if not (pip.takes_locks if group is None else pip.chooses_groups) or not is_lock(path):
        return None
    groups = () if group is None else (canonicalize_name(group),)
    names = frozenset(canonicalize_name(extra.strip()) for extra in extras)
    return Choice(path=path, extras=names, groups=frozenset(groups), default=group is None)


def read(content: bytes, chosen: Choice, *, file: str, base: str, markers: Mapping[str, str]) -> RequirementFile | None:
    """Return a line for each package that the lock selects for an environment, or its fault.

    `base` is the lock's folder, with a separator at its end, or its URL. None where the installed packaging is older
    than 26.1.
    """
    try:
        from packaging.pylock import Pylock, PylockSelectError, PylockValidationError
    except ImportError:
        return None
    if not hasattr(Pylock, "select"):
        return None

    try:
        document = formats.metadata.parse_toml(content)
        _check_names(document)
        lock = Pylock.from_dict(document)
        # as if each wheel could be installed: pip decides which of them fits
        wheels = (wheel for package in lock.packages for wheel in package.wheels or ())
        tags = {tag for wheel in wheels for tag in parse_wheel_filename(wheel.filename)[-1]}
        selected = lock.select(
            environment=cast("Environment", markers),
            tags=tuple(tags),
            extras=chosen.extras,
            dependency_groups=chosen.groups.union(lock.default_groups or () if chosen.default else ()),
        )
        starts = _starts(lock, content)
        lines = (
            line(package, getattr(contents, "filename", ""), Origin(where=file, line=starts.get(id(package))), base)
            for package, contents in selected
        )
        return RequirementFile(lines=tuple(lines))
    except (PylockSelectError, PylockValidationError, *_REFUSALS) as error:
        return RequirementFile(
            faults=(Fault(origin=Origin(where=file), message=f"the lock file is not valid: {error}"),)
        )


def _check_names(document: dict[str, Any]) -> None:
    """Raise one of the refusals for a wheel with an impossible file name."""
    wheels = (wheel for package in document.get("packages", ()) for wheel in package.get("wheels", ()))
    texts = (text for wheel in wheels for text in wheel.values() if isinstance(text, str))
    if any(len(re.split("[?#]", text)[0].rpartition("/")[2]) > formats.metadata.LONGEST_NAME for text in texts):
        raise ValueError("a wheel's file name is too long")


def _starts(lock: pylock.Pylock, content: bytes) -> dict[int, int]:
    """Return the first line of each package, by identity; empty for another layout of the lock."""
    starts = [number for number, line in enumerate(content.decode().splitlines(), 1) if _PACKAGE.match(line)]
    return dict(zip(map(id, lock.packages), starts, strict=True)) if len(starts) == len(lock.packages) else {}


def flaw(text: str) -> str | None:
    """Return what is wrong with the text of a lock file, none for a valid one."""
    from packaging.pylock import Pylock, PylockValidationError

    try:
        Pylock.from_dict(formats.metadata.parse_toml(text.encode()))
    except (PylockValidationError, *_REFUSALS) as error:
        return str(error)
    return None


def line(package: pylock.Package, filename: str, origin: Origin, base: str) -> RequirementLine:
    """Return the demand of one package of a lock; raise ValueError for a place that pip refuses.

    `filename` is that of the selected artifact, `base` as for `read`.
    """
    if package.vcs is not None:
        commit = f"{package.vcs.type}+{_url(package.vcs, base)}@{package.vcs.commit_id}"
        return _direct(package, commit, origin, package.vcs.subdirectory)
    if package.archive is not None:
        line = _direct(package, _url(package.archive, base), origin, package.archive.subdirectory)
        return replace(line, hashes=frozenset(_hashes(package.archive)))
    if package.directory is not None:
        path = package.directory.path
        if urls.is_url(base):
            raise ValueError(f"a lock behind a URL cannot name the folder `{path}`")
        folder = posixpath.join(_absolute(path, base), package.directory.subdirectory or "")
        return replace(_direct(package, folder, origin), editable=bool(package.directory.editable))
    artifacts = (*(package.wheels or ()), *((package.sdist,) if package.sdist else ()))
    parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
    version = package.version or parse(filename)[1]
    return RequirementLine(
        origin=origin,
        text=f"{package.name}=={version}",
        name=package.name,
        specifier=SpecifierSet(f"=={version}"),
        hashes=frozenset(digest for artifact in artifacts for digest in _hashes(artifact)),
        # pip prefers artifacts of which it knows a demanded hash
        locked=tuple(f"{_url(artifact, base)}{_fragment(artifact)}" for artifact in artifacts),
    )


def _direct(package: pylock.Package, link: str, origin: Origin, subdirectory: str | None = None) -> RequirementLine:
    link += f"#subdirectory={subdirectory}" if subdirectory else ""
    name, text = package.name, urls.redacted(f"{package.name} @ {link}")
    return RequirementLine(origin=origin, text=text, name=name, specifier=SpecifierSet(), link=link)


def _hashes(artifact: Artifact) -> list[str]:
    return [f"{name}:{digest.lower()}" for name, digest in artifact.hashes.items() if name in STRONG]


def _fragment(artifact: Artifact) -> str:
    return "".join(f"#{digest.replace(':', '=')}" for digest in _hashes(artifact)[:1])


def _url(place: pylock.PackageVcs | Artifact, base: str) -> str:
    """Return the URL of contents; a path has precedence over a URL, as in pip."""
    if place.path is None:
        return place.url or ""
    if not urls.is_url(base):
        return f"file://{formats.parse.quote(_absolute(place.path, base))}"
    url = formats.parse.urljoin(base, place.path)
    if urls.split(url)[:2] != urls.split(base)[:2] or place.path.startswith("/"):
        raise ValueError(f"the path `{place.path}` leads out of the place that the lock comes from")
    return url


def _absolute(path: str, base: str) -> str:
    return posixpath.normpath(posixpath.join(base, path))
