"""Read a lock file (PEP 751) into lines that demand versions, hashes and sources.

May not: open a file, choose among artifacts: each that the lock lists for a package will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from packaging.utils import canonicalize_name, parse_wheel_filename

from pinstall.formats import toml
from pinstall.model.request import Fault, Origin, RequirementFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.markers import Environment
    from packaging.pylock import Package, Pylock
    from packaging.tags import Tag
    from packaging.utils import NormalizedName

    from pinstall.request.options import Release

SINCE: Final[Release] = (26, 1)
"""The first pip that takes a lock file behind `-r`."""
CHOOSES: Final[Release] = (26, 3)
"""The first pip that takes extras and groups of one."""

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


def choice(source: str, group: str | None, pip: Release) -> Choice | None:
    """Return what `-r SOURCE`, or `--group SOURCE:GROUP`, takes of a lock file, none where it names no lock file."""
    match = _EXTRAS.fullmatch(source) if pip >= CHOOSES else None
    path, extras = (match["path"], match["extras"].split(",")) if match else (source, [])
    if pip < (SINCE if group is None else CHOOSES) or not is_lock(path):
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
    from pinstall.request import packages  # noqa: PLC0415 - only a lock has some

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
                packages.line(package, contents, Origin(where=file, line=starts.get(id(package))), base)
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
