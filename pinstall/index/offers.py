"""Gather what indexes and the places of `--find-links` offer of projects, and find the newest release that fits.

May not: look into pip's cache.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pinstall import files
from pinstall.formats import metadata, urls
from pinstall.index import pages
from pinstall.index.client import Client, Place, Places, at_once
from pinstall.model.artifacts import Answer, Link, Page
from pinstall.model.inputs import Option

Ask = Callable[[str], Answer | None]
Pages = dict[NormalizedName, tuple[Page, ...]]

# How many seconds all pages may take unless the caller sets a limit: a hundred large ones over a slow line.
PATIENCE = 300.0
# How many pages are asked for at once without haste: to connect costs as much as to read several pages.
_FEW = 4


class Index:
    """All places where options in force, the weakest first, let pip look for projects; each is asked only once."""

    def __init__(self, options: Iterable[Option], through: Callable[[str, Ask], Answer | None] | None = None) -> None:
        """Ask nothing yet; `through` returns the page at a URL, from a cache or by the function that it is given."""
        given = tuple(options)
        self._through = through or (lambda url, ask: ask(url))
        self._client = Client(given)
        self._places = Places(given)
        # the links of each place, and why it has none where it failed to answer
        self._known: dict[Place, tuple[tuple[Link, ...], str]] = {}

    def pages(self, names: Iterable[NormalizedName], seconds: float | None = None) -> Pages:
        """Return what each place offers of each project, as far as it answers within so many seconds.

        Places without files are left out. Source for their order: `collect_sources` of pip 26.3.
        """
        places = {name: self._places.of(name) for name in names}
        wanted = sorted({place for some in places.values() for place in some} - self._known.keys())
        haste = (PATIENCE, _FEW) if seconds is None else (seconds,)
        late = dict.fromkeys(wanted, ((), "does not answer in time"))
        self._known |= late | at_once(self._look, wanted, *haste)
        found: Pages = {}
        for name, place in ((name, place) for name, some in places.items() for place in some):
            links = (link for link in self._known[place][0] if metadata.release(link.filename, name) is not None)
            if mine := tuple(links):
                page = Page(index=urls.without_login(place.whole), links=mine)
                found[name] = (*found.get(name, ()), page)
        return found

    def metadata(self, link: Link) -> bytes | None:
        """Return the metadata file next to a link, if it has a hash of the page or the page has none (PEP 658)."""
        answer = None if link.metadata is None else self._client.ask(f"{link.url}.metadata")
        if answer is None:
            return None
        demanded = link.metadata or frozenset()
        algorithms = {text.partition(":")[0] for text in demanded}
        found = {f"{name}:{hashlib.new(name, answer.content).hexdigest()}" for name in algorithms}
        return answer.content if found & demanded or not demanded else None

    def _look(self, place: Place) -> tuple[tuple[Link, ...], str]:
        path = files.path_of(place.url)
        finds = place.url in self._places.finds
        try:
            if path is not None and finds and os.path.isdir(path):
                names = sorted(os.listdir(path))
                return tuple(Link(url=_url(os.path.join(path, name)), filename=name) for name in names), ""
            if (answer := self._through(place.url, self._answer)) is not None:
                return pages.read(answer.content, answer.headers.get("content-type", ""), answer.url), ""
            reason = self._client.failed[urls.without_login(place.url)]
        except OSError as error:
            missing = isinstance(error, FileNotFoundError) and not finds
            reason = "answers 404" if missing else f"cannot be read: {error.strerror}"
        except ValueError as error:
            reason = f"answers with a page that {error}"
        return (), "" if reason == "answers 404" else reason  # an index without the project

    def _answer(self, url: str) -> Answer | None:
        path = files.path_of(url)
        if path is None:
            return self._client.ask(url)
        path = os.path.join(path, "index.html") if os.path.isdir(path) else path
        with open(path, "rb") as file:
            return Answer(url=_url(path), headers={"content-type": "text/html"}, content=file.read())

    @property
    def silent(self) -> tuple[str, ...]:
        """Return a sentence on each place that failed to answer, without credentials."""
        reasons: dict[str, str] = {}
        for place, reason in ((place, reason) for place, (_, reason) in self._known.items() if reason):
            reasons.setdefault(urls.without_login(place.whole), reason)
        return tuple(f"{index} {reason}" for index, reason in reasons.items())


def _url(path: str) -> str:
    return f"file://{quote(os.path.abspath(path))}"


_ALL = ":all:"
_NONE = ":none:"


class Terms(NamedTuple):
    """Which files fit: by Python version, tags and kind. `pre` admits pre-releases, no `python` admits any version."""

    python: Version | None
    tags: frozenset[Tag]
    wheels: bool = True
    sdists: bool = True
    pre: bool = False


def terms(options: Iterable[Option], name: NormalizedName, version: str, tags: frozenset[Tag]) -> Terms:
    """Return which files of a project options in force, the weakest first, let pip take for a Python version."""
    given = tuple(options)
    flags = {option.dest for option in given}
    no, only = _format_control(given)
    return Terms(
        # pip compares three numbers and ignores the rest
        python=None if "ignore_requires_python" in flags else Version(Version(version).base_version),
        tags=tags,
        wheels=name in only or not (name in no or (_ALL in no and _ALL not in only)),
        sdists=name not in only and (name in no or _ALL not in only),
        pre="pre" in flags,
    )


def _format_control(options: Iterable[Option]) -> tuple[set[str], set[str]]:
    """Return what `--no-binary` and `--only-binary` name. Source: `FormatControl` of pip 26.3."""
    no: set[str] = set()
    only: set[str] = set()
    for option in options:
        mine, other = (no, only) if option.name == "--no-binary" else (only, no)
        for one in (option.value or "").split(",") if option.dest == "format_control" else ():
            if one in (_ALL, _NONE):
                mine.clear()
            if one == _ALL:
                other.clear()
            if one != _NONE:
                other.discard(canonicalize_name(one))
                mine.add(canonicalize_name(one))
    return no, only


def newest(
    offered: Iterable[tuple[Version, Link]], wanted: SpecifierSet, asked: Terms
) -> tuple[Version, tuple[Link, ...]] | None:
    """Return the newest release that a demand allows (PEP 440; PEP 592: yanked ones last), with its files that fit."""
    fitting = [(version, link) for version, link in offered if fits(link, asked)]
    for some in ([one for one in fitting if not one[1].yanked], fitting):
        versions = wanted.filter({version for version, _ in some}, prereleases=asked.pre or None)
        if version := max(versions, default=None):
            return version, tuple(link for of, link in some if of == version)
    return None


def fits(link: Link, asked: Terms) -> bool:
    """Check whether pip may take a file, by its kind, its tags and its `Requires-Python`."""
    if link.filename.endswith(".whl"):
        kind = asked.wheels and not asked.tags.isdisjoint(parse_wheel_filename(link.filename)[-1])
    else:
        kind = asked.sdists
    try:
        return kind and (asked.python is None or asked.python in SpecifierSet(link.requires_python))
    except ValueError:  # an invalid specifier, which pip ignores too, or one that packaging before 26 cannot compare
        return kind
