"""What pinstall writes for itself: in one step, and never an error to read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pinstall import files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("lasting", [False, True])
def test_a_document_is_read_as_it_was_saved(tmp_path: Path, lasting: bool) -> None:
    place = tmp_path / "a" / "b" / "c.json"
    for document in ({"x": 1}, {"x": "\udc80", "y": [None]}):
        files.save(str(place), document, lasting=lasting)
        assert files.recall(str(place)) == document
    assert [path.name for path in place.parent.iterdir()] == ["c.json"]


@pytest.mark.parametrize("content", [b"", b"[]x", b"7", b"[1]", b'"text"', b"\xff", b"[" * 100_000, b"{"])
def test_what_is_no_document_has_nothing_in_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    assert files.recall(str(tmp_path / "x.json")) == {}
    assert files.recall(str(tmp_path)) == files.recall(str(tmp_path / "missing")) == {}


def test_what_cannot_be_written_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "x.json"
    files.put(str(place), b"old", 0o600)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.put(str(place), b"new", lasting=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
    assert place.read_bytes() == b"old"
    assert place.stat().st_mode & 0o777 == 0o600


def test_a_pipe_has_no_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError, match="it is not a regular file"):
        files.sha256(str(tmp_path / "pipe"))


def test_a_file_differs_by_a_known_hash_only(tmp_path: Path) -> None:
    place = tmp_path / "x.whl"
    place.write_bytes(b"x")
    same = files.hashes(str(place), ("md5", "sha256", "any"))
    assert {text.partition(":")[0] for text in same} == {"md5", "sha256"}
    other = frozenset(("sha256:00",))
    assert files.differs(str(place), other)
    for known in (same, same | other, frozenset[str](), frozenset(("any:sha256:00|sha256:01",))):
        assert not files.differs(str(place), known)
    assert not files.differs(str(tmp_path), other)
    assert not files.differs(str(tmp_path / "gone"), other)
