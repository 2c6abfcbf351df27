"""Gather what pip's HTTP cache would answer for the pins that are not satisfied yet, and what speaks against them.

May not: write, start pip, decide what leaves.
"""

import functools
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from email.utils import mktime_tz, parsedate_tz
from typing import BinaryIO, NamedTuple
from urllib.parse import urljoin

from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall import comparison
from pinstall.cache import http, inventory
from pinstall.formats import archives, metadata
from pinstall.index import pages
from pinstall.index.client import Places
from pinstall.model.artifacts import Answer, Entry, Eviction, Link
from pinstall.model.pins import Identity, Pin, State
from pinstall.request.call import Asked

Ask = Callable[[str, str], Answer | None]

_HOPS = 5
_MAX_AGE = re.compile(r"\bmax-age\s*=\s*(\d+)", re.IGNORECASE)
_BY_NOW = "the index says something else by now"


class Page(NamedTuple):
    """A cached index page: its URL before redirects, its entry, and its links, `None` for an unreadable page."""

    url: str
    entry: Entry
    links: tuple[Link, ...] | None


class Downloads:
    """The answers of servers in one cache, compared with what is asked; pages are remembered until `forget`."""

    def __init__(self, asked: Asked, cache: str) -> None:
        self._cache = cache
        # pip ignores the entries of the other layout
        self._folder = http.FOLDERS[not asked.pip.splits_bodies] + os.sep
        self._trusts_fresh = asked.pip.refreshes
        self._places = Places(asked.in_force)
        self._pages_at = functools.cache(self._read_pages)

    def forget(self) -> None:
        """Read every page again: pip has run, or files have left the cache or come back."""
        self._pages_at.cache_clear()

    def urls(self, pin: Pin) -> tuple[str, ...]:
        """Return where pip looks for this project: nowhere for a direct reference."""
        if pin.direct:
            return ()
        pages = (f"{index}/{pin.name}/" for index in self._places.indexes)
        return (*pages, *filter(_is_remote, self._places.finds))

    def pages(self, pin: Pin) -> list[Page]:
        """Return the cached pages on which pip would look for this pin."""
        return [page for url in self.urls(pin) for page in self._pages_at(url)]

    def files(self, pin: Pin) -> tuple[Link, ...]:
        """Return every link to a file of the pinned release that a cached page lists, or the pin itself."""
        return of_release(pin, [link for page in self.pages(pin) for link in page.links or ()])

    def _read_pages(self, url: str) -> tuple[Page, ...]:
        return tuple(Page(url, entry, self._links(entry, where)) for where, entry in self.answers(url))

    def is_whole(self, pin: Pin, found: Sequence[Page], links: Sequence[Link]) -> bool:
        """Check whether pip can find no other file of the pinned release: by hash, or as all its pages are cached."""
        if pin.hashes and pin.hashes <= {digest for link in links for digest in link.hashes}:
            return True
        remote = all(map(_is_remote, self._places.finds))
        return remote and {page.url for page in found if page.links is not None} >= set(self.urls(pin))

    def answers(self, url: str) -> list[tuple[str, Entry]]:
        """Return the cached answers to a URL behind all redirects, each with the URL that it answers."""
        return _ends(self._follow(url))

    def content(self, entry: Entry) -> bytes | None:
        """Return the body of an answer, as far as it can be read."""
        with suppress(OSError, ValueError):  # deleted since, or damaged
            return http.content(self._cache, entry)
        return None

    def recent(self, url: str, since: float) -> Answer | None:
        """Return the page that a pip which was started at that moment (epoch seconds) has read, as far as it is cached.

        A pip that trusts fresh entries reads them as they are; entries that any other pip has read are written again.
        """
        with suppress(OSError, ValueError):  # deleted since, or a date that is invalid
            for here, entry in self.answers(url):
                written = os.stat(os.path.join(self._cache, entry.paths[0])).st_mtime
                was_read = not entry.damage and (written >= since or (self._trusts_fresh and _is_fresh(entry)))
                if was_read and (content := self.content(entry)) is not None:
                    return Answer(url=here, headers=entry.headers, content=content)
        return None

    def open(self, entry: Entry) -> BinaryIO:
        """Open the body of an answer; raise OSError or ValueError where it cannot be read."""
        return http.open_body(self._cache, entry)

    def hash_as(self, entry: Entry, demanded: frozenset[str]) -> frozenset[str]:
        """Return those of the demanded hashes that the body of an answer has; raise as `open` does."""
        return http.hashes(self._cache, entry, demanded) & demanded

    def _follow(self, url: str) -> Iterator[tuple[str, Entry]]:
        """Yield the cached entries that pip would reach from a URL: redirects, and the answers after them."""
        urls = [url]
        for _ in range(_HOPS):
            found = ((here, entry) for here in urls for entry in http.find(self._cache, here))
            entries = [(here, entry) for here, entry in found if entry.paths[0].startswith(self._folder)]
            yield from entries
            moved = [(here, entry) for here, entry in entries if entry.status in http.REDIRECTS]
            urls = [urljoin(here, entry.headers["location"]) for here, entry in moved if "location" in entry.headers]

    def _links(self, entry: Entry, url: str) -> tuple[Link, ...] | None:
        content = None if entry.damage else self.content(entry)
        return None if content is None else _parsed(Answer(url=url, headers=entry.headers, content=content))

    def faults(self, pin: Pin, found: Sequence[Page], links: Sequence[Link]) -> Iterator[Eviction]:
        """Yield the entries of the cache that contradict a pin: unreadable pages, files with wrong bytes."""
        for page in found:
            if page.links is None:
                yield _eviction(f"the cached page of {pin.name}", pin, page.entry, "it is damaged")
        kinds = (("download", "", self._against), ("cached metadata", ".metadata", self._against_metadata))
        for link in links:
            for kind, suffix, against in kinds if link.metadata is not None else kinds[:1]:
                for _, entry in self.answers(link.url + suffix):
                    if reason := f"it {entry.damage}" if entry.damage else against(entry, link, pin):
                        yield _eviction(f"the {kind} of {link.filename}", pin, entry, reason)

    def outdated(self, pin: Pin, ask: Ask) -> Iterator[Eviction]:
        """Yield the entries of the cache that differ from what servers answer; `ask` asks past the cache."""
        fresh: list[Link] = []
        for url in self.urls(pin):
            if (answer := ask(url, "GET")) is None or (links := _parsed(answer)) is None:
                continue
            fresh += links
            chain = list(self._follow(url))
            moved = list(_moved(f"a cached redirect of {pin.name}", pin, chain, answer))
            yield from moved
            for here, entry in () if moved else _ends(chain):
                known = self._links(entry, here)
                if known is None or set(of_release(pin, known)) != set(of_release(pin, links)):
                    yield _eviction(f"the cached page of {pin.name}", pin, entry, _BY_NOW)
        files = of_release(pin, fresh)
        yield from self.faults(pin, (), files)
        for link in files:
            method = "" if link.hashes or pin.hashes else "HEAD"
            yield from self._outdated_file(f"the download of {link.filename}", pin, link.url, ask, method)
            if link.metadata is not None:
                what, method = f"the cached metadata of {link.filename}", "" if link.metadata else "GET"
                yield from self._outdated_file(what, pin, f"{link.url}.metadata", ask, method)

    def _outdated_file(self, what: str, pin: Pin, url: str, ask: Ask, method: str) -> Iterator[Eviction]:
        """Yield the entries of a file that a server contradicts; without a method only redirects are in doubt."""
        chain = list(self._follow(url))
        redirected = any(entry.status in http.REDIRECTS for _, entry in chain)
        answer = ask(url, method or "HEAD") if redirected or (chain and method) else None
        if answer is None:
            return
        moved = list(_moved(f"a cached redirect to {what}", pin, chain, answer))
        yield from moved
        for _, entry in () if moved or not method else _ends(chain):
            known = self.content(entry) if method == "GET" else entry.headers.get("etag")
            if known != (answer.content if method == "GET" else answer.headers.get("etag")):
                yield _eviction(what, pin, entry, _BY_NOW)

    def _against(self, entry: Entry, link: Link, pin: Pin) -> str | None:
        if demanded := link.hashes or pin.hashes:
            whose = "the index lists" if link.hashes else f"{pin.origin} pins"
            return None if http.matches(self._cache, entry, demanded) else f"its bytes are not those that {whose}"
        try:
            with self.open(entry) as body:
                if broken := archives.broken(body, zipped=link.filename.endswith((".whl", ".zip"))):
                    return f"{broken} in it does not match its checksum"
                body.seek(0)
                inside = inventory.subject(body, entry.length, entry.headers)
        except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile and tarfile raise nearly anything
            return f"it is not a valid archive: {error}"
        name = canonicalize_name(inside.name)
        version = metadata.release(f"{inside.name}-{inside.version}.zip", name)
        same = version is None or (name == pin.name and version == metadata.release(link.filename, name))
        return None if same else f"it is {inside.name} {inside.version}"

    def _against_metadata(self, entry: Entry, link: Link, pin: Pin) -> str | None:
        if link.metadata:
            return None if http.matches(self._cache, entry, link.metadata) else "it is not what the index lists"
        with suppress(ValueError):  # not in UTF-8
            name, text = metadata.named(metadata.fields((self.content(entry) or b"").decode().split("\n")))
            if name and (version := metadata.version(text)) is not None:
                agrees = canonicalize_name(name) == pin.name and version == metadata.release(link.filename, pin.name)
                return None if agrees else f"it says {name} {text}"
        return "it is damaged"


def _is_remote(url: str) -> bool:
    return url.startswith(("http:", "https:"))


def _is_fresh(entry: Entry) -> bool:
    """Check the age of an entry as `cached_request` and `update_cached_response` of pip's CacheControl do."""
    date = parsedate_tz(entry.headers.get("date", ""))
    allowed = _MAX_AGE.search(entry.headers.get("cache-control", ""))
    return bool(date and allowed and mktime_tz(date) + int(allowed[1]) > time.time())


def _ends(chain: Iterable[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
    return [(here, entry) for here, entry in chain if entry.status not in http.REDIRECTS]


def _moved(what: str, pin: Pin, chain: Sequence[tuple[str, Entry]], answer: Answer) -> Iterator[Eviction]:
    redirects = [(here, entry) for here, entry in chain if entry.status in http.REDIRECTS]
    led = {urljoin(here, entry.headers.get("location", "")) for here, entry in redirects}
    for _, entry in () if answer.url in led else redirects:
        yield _eviction(what, pin, entry, "the server does not redirect so any more")


def _parsed(answer: Answer) -> tuple[Link, ...] | None:
    with suppress(ValueError):
        return pages.read(answer.content, answer.headers.get("content-type", ""), answer.url)
    return None


def of_release(pin: Pin, listed: Iterable[Link]) -> tuple[Link, ...]:
    """Return every link to a file of the pinned release: of those listed, from the pin and from its lock file."""
    direct = (line.link for line in pin.lines if line.link is not None)
    locked = (place for line in pin.lines for place in line.locked)
    urls = [url.partition("#")[0] for url in (*direct, *locked) if _is_remote(url)]
    named = tuple(Link(url=url, filename=url.rpartition("/")[2], hashes=pin.hashes) for url in urls)
    if urls and pin.direct:
        return named
    demand = replace(pin, hashes=frozenset(), source=None)

    @functools.cache  # a page may list thousands of files of some versions
    def is_pinned(version: Version | None) -> bool:
        identity = Identity(name=pin.name, version=version)
        return version is not None and comparison.judge(demand, identity) is State.HOLDS

    return (*named, *dict.fromkeys(link for link in listed if is_pinned(metadata.release(link.filename, pin.name))))


def is_hidden(pin: Pin, found: Sequence[Page], links: Sequence[Link]) -> bool:
    """Check whether pages are cached, but none of them lists the pinned version, or a file with a pinned hash."""
    if pin.direct or not any(page.links is not None for page in found):
        return False
    return all(comparison.judge_hashes(pin.hashes, link.hashes) is State.WRONG_HASH for link in links)


def _eviction(what: str, pin: Pin, entry: Entry, reason: str) -> Eviction:
    return Eviction(what=what, identity=Identity(name=pin.name), paths=entry.paths, reason=reason, contradiction=True)
