"""Say where pip looks for projects: on indexes, and in the places of `--find-links`.

May not: fetch, read a page.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from pinstall import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pinstall.model.artifacts import Link
    from pinstall.model.inputs import Option

PYPI: Final = "https://pypi.org/simple"
OPTIONS: Final = ("index_url", "extra_index_urls", "find_links", "no_index")
"""The destinations of the options that say where pip looks."""


class Place(NamedTuple):
    """Where a page is: in which index or place as given, which may hold credentials, at which URL or path."""

    whole: str
    url: str


class Places:
    """Where options in force, the weakest first, let pip look: `indexes`, without a trailing slash, and `finds`."""

    def __init__(self, options: Iterable[Option]) -> None:
        given = tuple(options)
        last = {option.dest: option.value for option in given}
        extra = (option.value for option in given if option.dest == "extra_index_urls")
        urls = () if "no_index" in last else (last.get("index_url") or PYPI, *extra)
        self.indexes = tuple(url.rstrip("/") for url in urls if url)
        self.finds = tuple(found(option) for option in given if option.dest == "find_links" and option.value)

    def __iter__(self) -> Iterator[str]:
        """Yield each index and each place of `--find-links`."""
        return iter((*self.indexes, *self.finds))

    def reach(self, path: str) -> bool:
        """Tell whether a file is in one of these folders, next to one of these pages, or below one of these indexes."""
        folder = os.path.realpath(os.path.dirname(path))
        finds = map(_folder, filter(None, map(files.path_of, self.finds)))
        indexes = map(_folder, filter(None, map(files.path_of, self.indexes)))
        return folder in finds or any(os.path.join(folder, "").startswith(os.path.join(one, "")) for one in indexes)

    def of(self, name: str) -> tuple[Place, ...]:
        """Return where pip looks for a project, in its order."""
        finds = (Place(find, find) for find in self.finds)
        return (*finds, *(Place(index, f"{index}/{name}/") for index in self.indexes))


def found(option: Option) -> str:
    """Return the place that an option names; a relative path counts from the option's file if it exists there."""
    written = option.value or ""
    near = os.path.join(os.path.dirname(option.origin.where), written)
    return near if os.path.exists(near) else written


def _folder(path: str) -> str:
    real = os.path.realpath(os.path.expanduser(path))
    return os.path.dirname(real) if os.path.isfile(real) else real


def hashes(link: Link) -> frozenset[str]:
    """Return the hashes of the file behind a link, as its page says, or as a file on this machine has them."""
    path = None if link.hashes else files.path_of(link.url)
    return link.hashes if path is None else files.hash_file(path)
