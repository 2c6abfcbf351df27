"""PEP 610 documents, as values."""

from __future__ import annotations

from typing import Any

import pytest

from pinstall.formats import metadata
from pinstall.model.pins import Source
from tests.support.values import COMMIT, sha256

URL = "https://host.example/demo-1.0.tar.gz"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"url": URL, "archive_info": {}}, Source(url=URL)),
        ({"url": f"{URL}?token=x#sha256=y"}, Source(url=URL)),
        ({"url": "https://me:secret@host.example/demo-1.0.tar.gz"}, Source(url=URL)),
        ({"url": "https://me:p@ss@host.example/demo-1.0.tar.gz"}, Source(url=URL)),
        (
            {"url": "ssh://git@host.example/r", "vcs_info": {"vcs": "git", "commit_id": COMMIT}, "subdirectory": "lib"},
            Source(url="ssh://host.example/r", commit=COMMIT, subdirectory="lib"),
        ),
        ({"url": "file:///src/demo", "dir_info": {"editable": True}}, Source(url="file:///src/demo")),
        ({"url": URL, "vcs_info": None}, Source(url=URL)),
    ],
)
def test_a_source(document: dict[str, Any], expected: Source) -> None:
    assert metadata.source(document) == expected


@pytest.mark.parametrize(
    ("archive", "expected"),
    [
        ({}, []),
        (None, []),
        ({"hashes": {"sha256": "a" * 64}}, [sha256("a")]),
        ({"hashes": {"sha256": "A" * 64}}, [sha256("a")]),
        ({"hash": f"sha256={'a' * 64}"}, [sha256("a")]),
        ({"hash": f"sha256={'A' * 64}"}, [sha256("a")]),
        ({"hash": f"sha256={'a' * 64}", "hashes": {"sha256": "a" * 64}}, [sha256("a")]),
        ({"hash": f"sha256={'a' * 64}", "hashes": {"sha512": "b" * 128}}, [sha256("a"), f"sha512:{'b' * 128}"]),
        ({"hash": "nonsense"}, []),
        ({"hash": None, "hashes": None}, []),
    ],
)
def test_hashes_in_both_spellings(archive: dict[str, Any] | None, expected: list[str]) -> None:
    assert metadata.hashes({"url": URL, "archive_info": archive}) == set(expected)


def test_a_repository_has_no_hashes() -> None:
    assert metadata.hashes({"url": URL, "vcs_info": {}}) == frozenset()


@pytest.mark.parametrize("document", [{}, [], {"url": None, "vcs_info": "x"}, {"url": "https://[x"}, {"url": 5}])
def test_no_such_document(document: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        metadata.source(document)


def test_the_requested_revision_does_not_make_another_source() -> None:
    vcs = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "AB" * 20}
    found = metadata.source({"url": URL, "vcs_info": vcs})
    assert (found, found.revision) == (Source(url=URL, commit=COMMIT), "ab" * 20)
