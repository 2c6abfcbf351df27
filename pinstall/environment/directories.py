"""Tell what came from a local directory that nobody has named, and which directories pip fills instead of its own.

May not: read requirement lines, write.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pinstall.formats import archives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.utils import NormalizedName

    from pinstall.model.pins import Distribution
    from pinstall.model.request import Interpreter, Request


def names(link: str | None, installed: Iterable[Distribution]) -> Iterator[NormalizedName]:
    """Yield the name of each distribution that was installed from where a local link points (PEP 610)."""
    if link is not None and archives.path_of(link) is not None:
        wanted = place(link)
        yield from (one.identity.name for one in installed if _origin(one) == wanted)


def place(link: str) -> str:
    """Return what is the same for all spellings of a local link, its real path, and of others what they are at all."""
    path = archives.path_of(link)
    if path is not None:
        return os.path.realpath(path)
    from pinstall.formats.provenance import bare  # noqa: PLC0415 - what it imports is dear, and few links are compared

    return bare(link)


def destinations(request: Request, target: Interpreter) -> tuple[str, ...]:
    """Return where packages go under `--target`, `--prefix` or `--root`, as far as the target itself tells that."""
    folder, prefix, root = map(request.last, ("target_dir", "prefix_path", "root_path"))
    if folder is not None and folder.value:
        return (folder.value,)
    paths: tuple[str, ...] = (target.purelib, target.platlib)
    if prefix is not None and prefix.value:
        paths = tuple(
            os.path.abspath(os.path.join(prefix.value, os.path.relpath(path, target.prefix))) for path in paths
        )
    return paths if root is None else tuple(f"{root.value}{os.path.splitdrive(path)[1]}" for path in paths)


def beside(found: Distribution, copies: Iterable[str]) -> Iterator[str]:
    """Yield what to know of the other dist-infos of a project, which pip leaves where it does not look before."""
    for path in copies:
        if path != found.path:
            name = os.path.basename(path)
            left = f"beside {name}, which pip has left in {found.location} with its files, and Python may believe"
            yield f"{left}: remove that folder, and what only its RECORD lists"


def _origin(installed: Distribution) -> str | None:
    """Return the place that it was installed from; what `setup.py develop` has put there lies in it."""
    source = installed.identity.source
    link = source.url if source is not None else installed.location if installed.egg else None
    return None if link is None else place(link)
