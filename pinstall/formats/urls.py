"""Read the text of a link: its kind, commit, fragment and file name; show it without its secrets.

May not: open, resolve or fetch anything.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from pinstall import formats

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_VCS_SCHEMES = frozenset({
    *("git+http", "git+https", "git+ssh", "git+git", "git+file"),
    *("hg+file", "hg+http", "hg+https", "hg+ssh", "hg+static-http"),
    *("svn+ssh", "svn+http", "svn+https", "svn+svn", "svn+file"),
    *("bzr+http", "bzr+https", "bzr+ssh", "bzr+sftp", "bzr+ftp", "bzr+lp", "bzr+file"),
})  # fmt: skip
_URL_SCHEMES = _VCS_SCHEMES | {"http", "https", "file", "ftp"}
_ARCHIVES = frozenset({
    *(".whl", ".zip", ".tar", ".tgz", ".tbz", ".txz", ".tlz"),
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tar.lz", ".tar.lzma"),
})  # fmt: skip
_SEPARATORS = "/\\" if sys.platform == "win32" else "/"

_SEPARATOR = re.compile(f"[{re.escape(_SEPARATORS)}]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_COMMIT = re.compile(r"[^:]+://[^/?#]*/[^?#]*@([0-9a-f]{40}|[0-9a-f]{64})(?:[?#]|\Z)", re.IGNORECASE)
_EGG = re.compile(r"[#&]egg=([^&]*)")
_DIGEST = re.compile(r"[#&](sha512|sha384|sha256|sha224|sha1|md5)=([^&]*)")

# The second branch is for a password with an unquoted `/`, `?` or `#`: not a URL, but still a secret.
# Digits after the colon are a port, or `https://host:8080/repo@v1` would lose its path.
_QUERY = re.compile(r"\?(?!\*{4})[^#`'\")>\]]+")  # it may hold the signature that opens the URL to everybody
_USERINFO = re.compile(r"(?<=://)(?:([^\s/?#]*)@|([^\s/?#@:\[]*:)(?!\d+\b|[\s/?#]|\Z)\S*@)")


def redacted(url_or_text: str) -> str:
    """Return the text with `****` for the password, token and query of each URL in it."""
    return re.sub(r"\S+", _redacted, url_or_text) if "://" in url_or_text else url_or_text


def _redacted(word: re.Match[str]) -> str:
    """Mask up to the last `@`: a search from each `://` takes hours for many."""
    before, at, behind = word[0].rpartition("@")
    place, mark, query = (_USERINFO.sub(_masked, before + at) + behind).partition("?")
    return place + (_QUERY.sub("?****", mark + query) if "://" in place else mark + query)


def _masked(match: re.Match[str]) -> str:
    user, colon, _ = (match[1] if match[1] is not None else match[2]).partition(":")
    return f"{user}:****@" if colon else "****@"


def without_login(text: str) -> str:
    """Return a URL without user name and password, any other text as it is."""
    if "://" not in text:
        return text
    with suppress(ValueError):
        parts = split(text)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return text.rpartition("@")[2]


def without_secrets(text: str) -> str:
    """Return a URL without user name, password, query and fragment, any other text as it is."""
    known = without_login(text)
    return known.partition("#")[0].partition("?")[0] if "://" in text else text


def netloc(url: str) -> tuple[str, str]:
    """Return the login of a URL with its `@`, and the host with its port; both empty for other texts."""
    with suppress(ValueError):
        login, at, host = split(url).netloc.rpartition("@")
        return login + at, host
    return "", ""


def split(url: str) -> SplitResult:
    """Return the parts of a URL; raise ValueError where it is not a URL."""
    return formats.parse.urlsplit(url)


def path(url: str) -> str:
    """Return the path of a URL, unquoted; raise ValueError where it is not a URL."""
    return formats.parse.unquote(split(url).path)


def scheme(link: str) -> str:
    """Return the scheme in lower case, empty for a path."""
    match = _SCHEME.match(link)
    return match[1].lower() if match else ""


def is_url(link: str) -> bool:
    """Return whether pip takes this text for a URL, by its scheme alone."""
    return scheme(link) in _URL_SCHEMES


def is_vcs(link: str) -> bool:
    """Return whether this is a URL of a version control system, such as `git+https://`."""
    return scheme(link) in _VCS_SCHEMES


def is_archive(path: str) -> bool:
    """Return whether pip takes this file name for an archive, by its suffix alone."""
    stem, dot, suffix = _last_part(path).rpartition(".")
    if not stem.strip("."):
        return False
    tar = stem[-4:] if stem[-4:].lower() == ".tar" else ""
    return f"{tar}{dot}{suffix}".lower() in _ARCHIVES


def looks_like_path(text: str) -> bool:
    """Return whether pip tries this text as a directory before it parses a requirement."""
    return text.startswith(".") or any(separator in text for separator in _SEPARATORS)


def commit(link: str) -> str | None:
    """Return the full commit id of a VCS URL, in lower case; branches, tags and short ids do not count."""
    match = _COMMIT.match(link) if is_vcs(link) else None
    return match[1].lower() if match else None


def egg(url: str) -> str | None:
    """Return the `#egg=` part of a URL's fragment."""
    match = _EGG.search(url)
    return match[1] if match else None


def digest(url: str) -> str | None:
    """Return the hash in a URL's fragment, of several the first, as `algorithm:hexdigest`: pip reads only that."""
    match = _DIGEST.search(url)
    return f"{match[1]}:{match[2].lower()}" if match else None


def file_name(link: str) -> str:
    """Return the last part of the path of a URL or path; raise ValueError for a broken URL."""
    return _last_part(path(link) if is_url(link) else link)


def _last_part(path: str) -> str:
    return _SEPARATOR.split(path.rstrip(_SEPARATORS))[-1]
