"""Read a PEP 610 document, the form in which pip says where something came from, into values.

May not: do I/O, compare.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pinstall.model.pins import Source

Document = dict[str, Any]


def source(document: Document) -> Source:
    """Return the source that a document names, without credentials.

    What is no such document raises KeyError, TypeError, ValueError or AttributeError, here as in `hashes`.
    """
    commit, subdirectory = (document.get("vcs_info") or {}).get("commit_id"), document.get("subdirectory")
    if not all(text is None or isinstance(text, str) for text in (commit, subdirectory)):
        raise TypeError(document)
    urlsplit(document["url"])  # `bare` takes what is no URL
    return Source(url=bare(document["url"]), commit=commit, subdirectory=subdirectory)


def bare(url: str) -> str:
    """Return a URL without credentials, query and fragment; of what is no URL, what stands behind the last `@`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def hashes(document: Document) -> frozenset[str]:
    """Return what a document knows of its archive's hashes, as `algorithm:hexdigest`."""
    archive = document.get("archive_info") or {}
    found = {f"{algorithm}:{digest.lower()}" for algorithm, digest in (archive.get("hashes") or {}).items()}
    if "=" in (archive.get("hash") or ""):  # the spelling before PEP 610 got `hashes`, all that pip 22 writes
        found.add(archive["hash"].replace("=", ":", 1).lower())
    return frozenset(found)
