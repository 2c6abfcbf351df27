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

from pinstall.cache.cache import Cache
from pinstall.commands.lock import locked
from pinstall.index.offers import Index
from pinstall.model.artifacts import Answer, Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.utils import NormalizedName

    from pinstall.index.offers import Ask
    from pinstall.request.call import Asked

_MAX_AGE: Final = re.compile(r"\bmax-age\s*=\s*(\d+)", re.IGNORECASE)


def index(asked: Asked, versions: Mapping[NormalizedName, str], since: float) -> Index:
    """Return the index for these releases, thinned to them; `since` is when pip started, by the cache."""
    cache = Cache(asked)
    known = {str(name): version for name, version in versions.items()}

    def through(url: str, ask: Ask) -> Answer | None:
        answer = _cached(url, cache, since, trusting=asked.pip.refreshes) or ask(url)
        version = known.get(url.rstrip("/").rpartition("/")[2])
        if answer is None or version is None:
            return answer
        kind = answer.headers.get("content-type", "")
        return replace(answer, content=locked.thin_page(answer.content, kind, version))

    return Index(asked.in_force, through)


def _cached(url: str, cache: Cache, since: float, *, trusting: bool) -> Answer | None:
    """Return the page that a pip which was started at that moment has read, as far as its cache tells."""
    try:
        for here, entry in cache.downloads.answers(url):
            written = os.stat(os.path.join(cache.path, entry.paths[0])).st_mtime
            was_read = not entry.damage and (written >= since or (trusting and _is_fresh(entry)))
            if was_read and (content := cache.downloads.content(entry)) is not None:
                return Answer(url=here, headers=entry.headers, content=content)
    except (OSError, ValueError):  # deleted since, or a date that is invalid
        pass
    return None


def _is_fresh(entry: Entry) -> bool:
    """Check whether a pip that does not ask for fresh pages takes the entry; what it asks for it writes again.

    Source: `cached_request` and `update_cached_response` of pip's CacheControl.
    """
    date = parsedate_tz(entry.headers.get("date", ""))
    allowed = _MAX_AGE.search(entry.headers.get("cache-control", ""))
    return bool(date and allowed and mktime_tz(date) + int(allowed[1]) > time.time())
