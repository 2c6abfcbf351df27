"""Read the page of a project on an index, JSON (PEP 691) or HTML (PEP 503), as the links that pip sees there.

May not: fetch, choose among the links.
"""

from __future__ import annotations

import functools
import html.parser
import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pinstall.formats import urls as links
from pinstall.model.artifacts import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.utils import NormalizedName

_JSON: Final = "application/vnd.pypi.simple.v1+json"
_HTML: Final = ("application/vnd.pypi.simple.v1+html", "text/html")
_ALGORITHMS: Final = ("sha512", "sha384", "sha256", "sha224", "sha1")
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_RESERVED: Final = re.compile(r"(@|%2F)", re.IGNORECASE)
_QUERY: Final = "%!$&'()*+,;=:@/?"
"""What requests leaves in a query as it is."""
_LONGEST: Final = 255
"""How many characters a file name can have: pip cannot store a longer one, and some take hours to read."""
_SDIST: Final = re.compile(r"(.+)\.(?:zip|tgz|tbz|txz|tlz|tar(?:\.(?:gz|bz2|xz|lz|lzma))?)")


def read(content: bytes, content_type: str, url: str) -> tuple[Link, ...]:
    """Return the links of a page in its order, without those that lead to no file.

    Raise ValueError, with a reason that finishes the sentence `the page ...`, for what pip cannot read either.
    """
    kind = content_type.lower()
    if kind.startswith(_JSON):
        found = _from_json(content, url)
    elif kind.startswith(_HTML):
        charset = _CHARSET.search(content_type)
        found = _from_html(content, charset[1] if charset else "utf-8", url)
    else:
        raise ValueError(f"has the content type `{content_type}`, which is none of an index")
    return tuple(link for link in found if link is not None)


def _from_json(content: bytes, url: str) -> Iterator[Link | None]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("is no valid JSON") from None
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, list):
        raise ValueError("has no list of files")  # noqa: TRY004 - one error for all that is damaged
    for file in files:
        if isinstance(file, dict) and isinstance(file.get("url"), str):
            metadata = file.get("core-metadata")
            metadata = file.get("dist-info-metadata") if metadata is None else metadata  # PEP 714
            yield _link(
                url,
                file["url"],
                hashes=file.get("hashes"),
                metadata=_hashes(metadata) if metadata or isinstance(metadata, dict) else None,
                yanked=bool(file.get("yanked")),
                python=file.get("requires-python"),
                size=file.get("size"),
                uploaded=file.get("upload-time"),
            )


def _from_html(content: bytes, charset: str, url: str) -> Iterator[Link | None]:
    page = _Anchors()
    try:
        text = content.decode(charset)
    except (ValueError, LookupError):
        raise ValueError(f"is not in the encoding `{charset}`") from None
    try:
        page.feed(text)
    except (AssertionError, ValueError):  # as html.parser says that it gives up
        raise ValueError("is no valid HTML") from None
    for anchor in page.found:
        if href := anchor.get("href"):
            metadata = anchor.get("data-core-metadata")
            metadata = anchor.get("data-dist-info-metadata") if metadata is None else metadata  # PEP 714
            yield _link(
                page.base or url,
                href,
                hashes=None,
                metadata=None if metadata is None else _hashes(dict([metadata.partition("=")[::2]])),
                yanked=anchor.get("data-yanked") is not None,
                python=anchor.get("data-requires-python"),
            )


class _Anchors(html.parser.HTMLParser):
    """The anchors of a page, and the first base that it gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.base: str | None = None
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "base" and self.base is None:
            self.base = next((value for name, value in attrs if name == "href"), None)
        elif tag == "a":
            self.found.append(dict(attrs))


def _hashes(by_algorithm: object) -> frozenset[str]:
    """Return the hashes that prove something; an index may say `true` where it has none."""
    if not isinstance(by_algorithm, dict):
        return frozenset()
    known = ((algorithm, by_algorithm.get(algorithm)) for algorithm in _ALGORITHMS)
    return frozenset(
        f"{algorithm}:{digest.lower()}" for algorithm, digest in known if digest and isinstance(digest, str)
    )


def _link(  # noqa: PLR0913 - what a page says of a file
    base: str,
    href: str,
    *,
    hashes: object,
    metadata: frozenset[str] | None,
    yanked: bool,
    python: object,
    size: object = None,
    uploaded: object = None,
) -> Link | None:
    """Return a link, none for one that leads to no file; its URL is quoted as by pip's `models.link` and by requests.

    The file name is that in the URL, for pip of JSON pages too.
    """
    try:
        parts = urlsplit(href if href.startswith(("https://", "http://")) else urljoin(base, href))
        path = "".join(
            part.upper() if reserved % 2 else quote(unquote(part))
            for reserved, part in enumerate(_RESERVED.split(parts.path))
        )
        netloc = parts.netloc.rpartition("@")[2]
        url = parts._replace(netloc=netloc, path=path, query=quote(parts.query, safe=_QUERY), fragment="").geturl()
        url.encode()
    except ValueError:
        return None
    filename = unquote(parts.path).rstrip("/").rpartition("/")[2]
    if not filename or not parts.scheme:  # pip leaves a relative base as it is, and asks nobody for what comes of it
        return None
    said = hashes if isinstance(hashes, dict) else {}
    own = (links.digest(href) or "").partition(":")[::2]  # goes before what the page says beside the link
    return Link(
        url=url,
        filename=filename,
        hashes=_hashes({**said, **dict([own])}),
        metadata=metadata,
        yanked=yanked,
        requires_python=python if isinstance(python, str) else "",
        size=size if type(size) is int and size >= 0 else None,
        uploaded=uploaded if isinstance(uploaded, str) else "",
    )


@functools.cache
def version(filename: str, name: NormalizedName) -> Version | None:
    """Return the version of a wheel or sdist of the project, by its file name; none for any other file.

    An sdist may spell the name as it likes: pip takes what stands before the first `-` that yields the project's name.
    """
    if len(filename) > _LONGEST:
        return None
    try:
        if filename.endswith(".whl"):
            project, found, _, _ = parse_wheel_filename(filename)
            return found if project == name else None
        sdist = _SDIST.fullmatch(filename)
        stem = sdist[1] if sdist else ""
        for dash in re.finditer("-", stem):
            if canonicalize_name(stem[: dash.start()]) == name:
                return Version(stem[dash.end() :])
    except ValueError:  # no version, or no wheel
        return None
    return None
