"""Gather what indexes list of single releases, unread what they list of all others, which is most of a page.

May not: be imported before it is needed, choose among what is listed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall.core import locking
from pinstall.offered import Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.utils import NormalizedName

    from pinstall.artifacts import Answer
    from pinstall.request import Option


class Releases(Index):
    """All that options in force let pip look for certain releases on."""

    def __init__(self, options: Iterable[Option], versions: Mapping[NormalizedName, str]) -> None:
        """Ask nobody yet."""
        super().__init__(options)
        self._versions = {str(name): version for name, version in versions.items()}

    def _answer(self, url: str, path: str | None) -> Answer | None:
        answer = super()._answer(url, path)
        version = self._versions.get(url.rstrip("/").rpartition("/")[2])
        if answer is None or version is None:
            return answer
        kind = answer.headers.get("content-type", "")
        return replace(answer, content=locking.thinned(answer.content, kind, version))
