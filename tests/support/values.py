"""Make the values of `pinstall.model.pins` in one line each, the demands by the real parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.model.pins import Distribution, Identity
from pinstall.request import demand, requirements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pinstall.model.inputs import Fault, RequirementLine
    from pinstall.model.pins import Demand, Pin, Source

MARKERS: Final = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.1",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1.0-13-amd64",
    "platform_system": "Linux",
    "platform_version": "#1 SMP",
    "python_full_version": "3.12.1",
    "python_version": "3.12",
    "sys_platform": "linux",
}
"""The marker environment of a target that is not the interpreter of the tests."""
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"


def sha256(letter: str) -> str:
    """Return a hash that is told from others by its letter."""
    return f"sha256:{letter * 64}"


def lines(text: str, file: str = "r.txt", *, constraint: bool = False) -> tuple[RequirementLine, ...]:
    """Return what a requirement file with this text demands; it must be without fault."""
    found = requirements.read(text.encode(), file=file, constraint=constraint, environ={})
    assert found.faults == ()
    return found.lines


def demanded(text: str = "", constraints: str = "", more: Iterable[RequirementLine] = ()) -> Demand:
    """Return what `r.txt` with this text and `c.txt` with these constraints demand of the target."""
    return demand.reduce((*lines(text), *lines(constraints, "c.txt", constraint=True), *more), MARKERS)


def pin(text: str, constraints: str = "") -> Pin:
    """Return the one pin that these texts amount to."""
    found = demanded(text, constraints)
    assert (found.conflicts, found.unpinned, found.entrusted) == ((), (), ())
    (only,) = found.pins
    return only


def conflict(text: str, constraints: str = "") -> Fault:
    """Return the one conflict that these texts amount to."""
    found = demanded(text, constraints)
    assert found.pins == ()
    (only,) = found.conflicts
    return only


def identity(name: str, version: str | None = None, *hashes: str, source: Source | None = None) -> Identity:
    """Return what is known of something."""
    return Identity(
        name=canonicalize_name(name),
        version=None if version is None else Version(version),
        source=source,
        hashes=frozenset(hashes),
    )


def distribution(
    name: str, version: str | None = "1.0", requires: Iterable[str] | None = (), source: Source | None = None
) -> Distribution:
    """Return something installed that needs these things, or (none) that cannot tell what it needs."""
    return Distribution(
        identity=identity(name, version, source=source),
        text=version or "unreadable",
        location="site-packages",
        path=f"site-packages/{name}.dist-info",
        requires=None if requires is None else tuple(requires),
    )
