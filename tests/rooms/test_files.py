"""What pinstall writes for itself: in one step, and never an error to read."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pinstall import files


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


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


def dist_info(folder: Path) -> Path:
    """Make metadata with a folder and a link in them, as pip and uv write them."""
    (folder / "licenses").mkdir(parents=True)
    for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL", "licenses/LICENSE"):
        (folder / name).write_text(name, encoding="utf-8")
    (folder / "link").symlink_to("METADATA")
    for path in (folder / "METADATA", folder):
        path.chmod(0o750 if path == folder else 0o640)
        os.utime(path, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    return folder


def state(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Return content, mode and time of everything below a folder."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else ""
        time = 0 if path.is_symlink() or path.name == "licenses" else status.st_mtime_ns
        found[str(path.relative_to(folder))] = (content, status.st_mode, time)
    return found


@pytest.fixture
def two_file_systems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuse to rename and to link between the folders `a` and `b`, and note what is removed."""
    removed: list[str] = []
    for function in ("rename", "link"):
        real = getattr(os, function)

        def refused(source: str, target: str, *, real: Any = real, **options: Any) -> None:
            if ("/a/" in source) != ("/a/" in target):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), source)
            real(source, target, **options)

        monkeypatch.setattr(os, function, refused)
    unlink = os.unlink

    def noted(path: str) -> None:
        removed.append(str(path))
        unlink(path)

    monkeypatch.setattr(os, "unlink", noted)
    return removed


@pytest.mark.parametrize("alone", [False, True], ids=["for all", "alone"])
def test_between_file_systems_a_folder_arrives_as_it_was(
    tmp_path: Path, two_file_systems: list[str], alone: bool
) -> None:
    source, target = dist_info(tmp_path / "a" / "x.dist-info"), tmp_path / "b" / "c" / "x.dist-info"
    before = state(source)
    files.move(str(source), str(target), alone=alone)
    assert state(target) == before
    assert not source.exists()
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    names = [Path(path).name for path in two_file_systems]
    assert (names[0], names[-1]) == ("METADATA", "RECORD"), (
        "what is left is not an installation, and its files are known"
    )


@pytest.mark.parametrize("kept", ["RECORD", "INSTALLER", "METADATA"])
def test_what_cannot_be_removed_is_completed_again(
    tmp_path: Path, two_file_systems: list[str], monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    source, target = dist_info(tmp_path / "a" / "x"), tmp_path / "b" / "x"
    before, unlink = state(source), os.unlink

    def refused(path: str) -> None:
        if path == str(source / kept):
            raise PermissionError(errno.EACCES, "no", path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", refused)
    with pytest.raises(PermissionError):
        files.move(str(source), str(target))
    assert state(source) == before
    assert not target.exists()


@pytest.mark.parametrize("function", ["fsync", "utime", "chmod"])
def test_a_copy_that_fails_leaves_the_source_and_no_draft(
    tmp_path: Path, two_file_systems: list[str], monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    source, target = dist_info(tmp_path / "a" / "x"), tmp_path / "b" / "x"
    before = state(source)
    with monkeypatch.context() as patched:
        patched.setattr(os, function, full)
        with pytest.raises(OSError, match="No space left"):
            files.move(str(source), str(target))
    assert state(source) == before
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("half", ["source", "target"])
def test_a_move_that_was_killed_while_it_removed_is_completed(
    tmp_path: Path, two_file_systems: list[str], half: str
) -> None:
    source, target = dist_info(tmp_path / "a" / "x"), dist_info(tmp_path / "b" / "x")
    before = state(source)
    for name in ("METADATA", "licenses/LICENSE"):
        ((source if half == "source" else target) / name).unlink()
    files.move(str(source), str(target))
    assert not source.exists()
    assert {path: one[0] for path, one in state(target).items()} == {path: one[0] for path, one in before.items()}


@pytest.mark.parametrize("change", ["content", "time", "a file more on each side", "a file in the place of a folder"])
def test_nothing_takes_the_place_of_another(tmp_path: Path, change: str) -> None:
    source, target = dist_info(tmp_path / "a" / "x"), dist_info(tmp_path / "b" / "x")
    if change == "content":
        (target / "RECORD").write_text("ANOTHER", encoding="utf-8")
    elif change == "time":
        os.utime(target / "RECORD", (1, 1))
    elif change == "a file more on each side":
        (target / "WHEEL").unlink()
        (source / "RECORD").unlink()
    else:
        shutil.rmtree(target)
        target.write_bytes(b"")
    before = state(source), state(target)
    with pytest.raises(FileExistsError):
        files.move(str(source), str(target))
    assert (state(source), state(target)) == before
