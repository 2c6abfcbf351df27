"""Read the page of a project on an index, JSON (PEP 691) or HTML (PEP 503), as the links that pip sees there.

May not: fetch, choose among the links.
"""

from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from pinstall.formats import urls as links
from pinstall.model.artifacts import Link

_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = ("application/vnd.pypi.simple.v1+html", "text/html")
_ALGORITHMS = ("sha512", "sha384", "sha256", "sha224", "sha1")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_RESERVED = re.compile(r"(@|%2F)", re.IGNORECASE)
# What requests leaves in a query as it is.
_QUERY = "%!$&'()*+,;=:@/?"


def read(content: bytes, content_type: str, url: str) -> tuple[Link, ...]:
    """Return the links of a page to files, in order; raise ValueError, which finishes `the page ...`, for others."""
    kind = content_type.lower()
    if kind.startswith(_JSON):
        base, files = url, _from_json(content)
    elif kind.startswith(_HTML):
        charset = _CHARSET.search(content_type)
        page = _parse_html(content, charset[1] if charset else "utf-8")
        base, files = page.base or url, [_as_json(anchor) for anchor in page.found if anchor.get("href")]
    else:
        raise ValueError(f"has the content type `{content_type}`, which is none of an index")
    found = (_link(base, file["url"], file) for file in files if isinstance(file.get("url"), str))
    return tuple(link for link in found if link is not None)


def _from_json(content: bytes) -> list[dict[str, Any]]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None
    match document:
        case {"files": list(files)}:
            return [file for file in files if isinstance(file, dict)]
        case _:
            raise ValueError("has no list of files")


def _parse_html(content: bytes, charset: str) -> _Anchors:
    try:
        text = content.decode(charset)
    except (ValueError, LookupError):
        raise ValueError(f"is not in the encoding `{charset}`") from None
    page = _Anchors()
    try:
        page.feed(text)
    except (AssertionError, ValueError):  # html.parser raises both where it gives up
        raise ValueError("is not valid HTML") from None
    return page


def _as_json(anchor: Mapping[str, str | None]) -> dict[str, object]:
    metadata = [anchor.get(name) for name in ("data-core-metadata", "data-dist-info-metadata")]
    core, old = (text if text is None else dict([text.partition("=")[::2]]) for text in metadata)
    return {
        "url": anchor.get("href"),
        "core-metadata": core,
        "dist-info-metadata": old,
        "yanked": anchor.get("data-yanked") is not None,
        "requires-python": anchor.get("data-requires-python"),
    }


class _Anchors(html.parser.HTMLParser):
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
    """Return the hashes in secure algorithms; an index may say `true` instead of hashes."""
    if not isinstance(by_algorithm, dict):
        return frozenset()
    known = ((name, by_algorithm.get(name)) for name in _ALGORITHMS)
    return frozenset(f"{name}:{digest.lower()}" for name, digest in known if digest and isinstance(digest, str))


def _link(base: str, href: str, file: Mapping[str, object]) -> Link | None:
    """Return a link to a file, quoted as by pip's `models.link` and by requests; its URL has the file name."""
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
    if not filename or not parts.scheme:  # pip leaves a relative base as it is, and such a URL cannot be fetched
        return None
    hashes, size, python, uploaded = map(file.get, ("hashes", "size", "requires-python", "upload-time"))
    metadata = file.get("core-metadata")
    metadata = file.get("dist-info-metadata") if metadata is None else metadata  # PEP 714
    own = dict([(links.digest(href) or "").partition(":")[::2]])  # goes before the hashes next to the link
    return Link(
        url=url,
        filename=filename,
        hashes=_hashes({**hashes, **own} if isinstance(hashes, dict) else own),
        metadata=_hashes(metadata) if metadata or isinstance(metadata, dict) else None,
        yanked=bool(file.get("yanked")),
        requires_python=python if isinstance(python, str) else "",
        size=size if type(size) is int and size >= 0 else None,
        uploaded=uploaded if isinstance(uploaded, str) else "",
    )
