"""Gather what indexes and the places of `--find-links` offer of projects.

May not: be imported before it is needed, choose among what is offered, look into pip's cache.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Final
from urllib.request import pathname2url

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pinstall import files
from pinstall.formats import urls
from pinstall.index import pages
from pinstall.index.client import Client, at_once
from pinstall.index.places import Places
from pinstall.model.artifacts import Answer, Link, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from packaging.utils import NormalizedName

    from pinstall.index.places import Place
    from pinstall.model.inputs import Option

    Ask = Callable[[str], Answer | None]
    from packaging.tags import Tag


PATIENCE: Final = 300.0
"""How many seconds all pages may take where nobody says so: a hundred large ones over a slow line."""
_FEW: Final = 4
"""How many pages are asked for at once where that has time: to connect costs as much as to read several pages."""
_LOCKED: Final = ("answers 401", "answers 403", "answers 407")


class Index:
    """All that options in force, the weakest first, let pip look for projects on.

    Nothing is asked for twice, whether it could be read or not.
    """

    def __init__(self, options: Iterable[Option], through: Callable[[str, Ask], Answer | None] | None = None) -> None:
        """Ask nobody yet; `through` gives the page behind a URL, by whatever it is told to ask or from elsewhere."""
        given = tuple(options)
        self._through = through or (lambda url, ask: ask(url))
        self._client = Client(given)
        self._places = Places(given)
        self._known: dict[Place, tuple[Link, ...]] = {}
        self._unread: dict[Place, str] = {}

    def pages(
        self, names: Iterable[NormalizedName], seconds: float | None = None
    ) -> dict[NormalizedName, tuple[Page, ...]]:
        """Return what each place offers of each project, as far as that is there within so many seconds.

        Places are in the order of pip, those of `--find-links` first; files that are none of the project's are left
        out, and places and projects without any. Source: `collect_sources` and `find_all_candidates` of pip 26.3.
        """
        places = {name: self._places.of(name) for name in names}
        wanted = {place for some in places.values() for place in some} - self._known.keys() - self._unread.keys()
        haste = (PATIENCE, _FEW) if seconds is None else (seconds,)
        late = wanted - at_once(self._look, sorted(wanted), *haste).keys()
        self._unread |= dict.fromkeys(late, "does not answer in time")
        found = {
            name: tuple(
                Page(index=urls.without_login(place.whole), links=mine)
                for place in some
                if (mine := self._mine(place, name))
            )
            for name, some in places.items()
        }
        return {name: some for name, some in found.items() if some}

    def metadata(self, link: Link) -> bytes | None:
        """Return the metadata file beside a link, none where there is none that has a hash of the page (PEP 658)."""
        answer = None if link.metadata is None else self._client.ask(f"{link.url}.metadata")
        if answer is None or not link.metadata:
            return None if answer is None else answer.content
        algorithms = {text.partition(":")[0] for text in link.metadata}
        found = {f"{name}:{hashlib.new(name, answer.content).hexdigest()}" for name in algorithms}
        return answer.content if found & link.metadata else None

    def _mine(self, place: Place, name: NormalizedName) -> tuple[Link, ...]:
        return tuple(link for link in self._known.get(place, ()) if pages.version(link.filename, name) is not None)

    def _look(self, place: Place) -> None:
        """Read what is in a place, or note why that cannot be."""
        path = files.path_of(place.url)
        try:
            if path is not None and place.url in self._places.finds and os.path.isdir(path):
                self._known[place] = tuple(map(_link, sorted(os.listdir(path)), repeat(os.path.abspath(path))))
            elif (answer := self._through(place.url, self._answer)) is not None:
                self._known[place] = pages.read(answer.content, answer.headers.get("content-type", ""), answer.url)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and place.url not in self._places.finds:
                # an index without the project
                self._known[place] = ()
            else:
                self._unread[place] = f"cannot be read: {error.strerror}"
        except ValueError as error:
            self._unread[place] = f"answers with a page that {error}"
        if reason := self._client.failed.get(urls.without_login(place.url)):
            self._fail(place, reason)

    def _answer(self, url: str) -> Answer | None:
        """Return the page behind a URL, or in a file, which is `index.html` where a folder is the index."""
        path = files.path_of(url)
        if path is None:
            return self._client.ask(url)
        path = os.path.join(path, "index.html") if os.path.isdir(path) else path
        with open(path, "rb") as file:
            return Answer(url=_url(path), headers={"content-type": "text/html"}, content=file.read())

    def _fail(self, place: Place, reason: str) -> None:
        if reason == "answers 404":  # an index without the project says so
            self._known[place] = ()
        elif reason in _LOCKED:
            self._unread[place] = f"{reason}: its credentials are left to pip"
        else:
            self._unread[place] = reason

    @property
    def silent(self) -> tuple[str, ...]:
        """Return a sentence on each place that did not answer, or not well, without credentials."""
        told: dict[str, str] = {}
        for place, reason in list(self._unread.items()):
            told.setdefault(urls.without_login(place.whole), reason)
        return tuple(f"{index} {reason}" for index, reason in told.items())


def _link(filename: str, folder: str) -> Link:
    return Link(url=_url(os.path.join(folder, filename)), filename=filename)


def _url(path: str) -> str:
    return f"file://{pathname2url(os.path.abspath(path))}"


_ALL: Final = ":all:"
_NONE: Final = ":none:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a file has to be like: for which Python and by which tags, whether it may be a wheel, or an sdist.

    Without `python` any will do; `pre` admits pre-releases though nothing asks for one.
    """

    python: Version | None
    tags: frozenset[Tag]
    wheels: bool = True
    sdists: bool = True
    pre: bool = False


def terms(options: Iterable[Option], name: NormalizedName, version: str, tags: frozenset[Tag]) -> Terms:
    """Return what options in force, the weakest first, let pip take of a project, for an interpreter."""
    given = tuple(options)
    flags = {option.dest for option in given}
    no, only = _format_control(given)
    return Terms(
        # pip compares three numbers, whatever stands behind them
        python=None if "ignore_requires_python" in flags else Version(Version(version).base_version),
        tags=tags,
        wheels=name in only or not (name in no or (_ALL in no and _ALL not in only)),
        sdists=name not in only and (name in no or _ALL not in only),
        pre="pre" in flags,
    )


def _format_control(options: Iterable[Option]) -> tuple[set[str], set[str]]:
    """Return what `--no-binary` and `--only-binary` name. Source: `FormatControl` of pip 26.3."""
    named: dict[str, set[str]] = {"--no-binary": set(), "--only-binary": set()}
    for option in options:
        if option.dest != "format_control":
            continue
        mine = named[option.name]
        (other,) = (names for names in named.values() if names is not mine)
        for one in (option.value or "").split(","):
            if one == _ALL:
                mine.clear()
                other.clear()
                mine.add(_ALL)
            elif one == _NONE:
                mine.clear()
            else:
                other.discard(canonicalize_name(one))
                mine.add(canonicalize_name(one))
    return named["--no-binary"], named["--only-binary"]


def newest(
    offered: Iterable[tuple[Version, Link]], wanted: SpecifierSet, asked: Terms
) -> tuple[Version, tuple[Link, ...]] | None:
    """Return the newest release that meets a demand, with its files that fit, none where there is none.

    A yanked one is taken only where all are (PEP 592), a pre-release as PEP 440 says.
    """
    fitting = [(version, link) for version, link in offered if _fits(link, asked)]
    for some in ([one for one in fitting if not one[1].yanked], fitting):
        versions = wanted.filter({version for version, _ in some}, prereleases=asked.pre or None)
        if version := max(versions, default=None):
            return version, tuple(link for of, link in some if of == version)
    return None


def _fits(link: Link, asked: Terms) -> bool:
    if link.filename.endswith(".whl"):
        if not asked.wheels or asked.tags.isdisjoint(parse_wheel_filename(link.filename)[-1]):
            return False
    elif not asked.sdists:
        return False
    try:
        return asked.python is None or asked.python in SpecifierSet(link.requires_python)
    except InvalidSpecifier:  # pip takes no notice of it either
        return True
