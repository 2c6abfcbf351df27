"""Gather what indexes list of single releases: on the pages that pip has just read, else on those that they have now.

May not: be imported before it is needed, choose among what is listed.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Final

from pinstall.cache import http
from pinstall.cache.downloads import Served
from pinstall.commands.lock import locked
from pinstall.index.offers import Index
from pinstall.model.artifacts import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.utils import NormalizedName

    from pinstall.index.offers import Ask
    from pinstall.model.artifacts import Entry
    from pinstall.request.call import Asked

_MAX_AGE: Final = re.compile(r"\bmax-age\s*=\s*(\d+)", re.IGNORECASE)


def index(asked: Asked, versions: Mapping[NormalizedName, str], since: float) -> Index:
    """Return all that is in force to look for these releases on; little is read of what is listed of all others.

    `since` is when pip was started, in seconds since the epoch.
    """
    cache = asked.cache_directory.path
    served = None if cache is None else _Read(asked, cache, since)
    known = {str(name): version for name, version in versions.items()}

    def through(url: str, ask: Ask) -> Answer | None:
        answer = (served and served.page(url)) or ask(url)
        version = known.get(url.rstrip("/").rpartition("/")[2])
        if answer is None or version is None:
            return answer
        kind = answer.headers.get("content-type", "")
        return replace(answer, content=locked.thinned(answer.content, kind, version))

    return Index(asked.in_force, through)


class _Read:
    """The pages that a pip which was started at a certain moment has read, as far as its cache tells."""

    def __init__(self, asked: Asked, cache: str, since: float) -> None:
        self._served = Served(asked, cache)
        self._cache = cache
        self._since = since
        self._trusts = asked.pip.refreshes

    def page(self, url: str) -> Answer | None:
        try:
            for here, entry in self._served.ends(url):
                if not entry.damage and self._was_read(entry):
                    return Answer(url=here, headers=entry.headers, content=http.content(self._cache, entry))
        except (OSError, ValueError):  # gone by now, or damaged
            pass
        return None

    def _was_read(self, entry: Entry) -> bool:
        """Tell whether pip has written the entry since, as it does for what the server calls unchanged, or believed it.

        Source: `cached_request` and `update_cached_response` of pip's CacheControl.
        """
        if os.stat(os.path.join(self._cache, entry.paths[0])).st_mtime >= self._since:
            return True
        date = parsedate_tz(entry.headers.get("date", ""))
        allowed = _MAX_AGE.search(entry.headers.get("cache-control", ""))
        return bool(self._trusts and date and allowed and mktime_tz(date) + int(allowed[1]) > time.time())
