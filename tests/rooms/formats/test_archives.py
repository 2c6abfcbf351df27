"""Local links: which path they mean, and what lies there."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from pinstall.files import path_of, sha256
from pinstall.formats import archives
from tests.support.sdists import tarball

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("file:///srv/demo-1.0.tar.gz", "/srv/demo-1.0.tar.gz"),
        ("FILE:///srv/demo-1.0.tar.gz#sha256=ab&egg=demo", "/srv/demo-1.0.tar.gz"),
        ("file://localhost/srv/a%20b%2B1.whl", "/srv/a b+1.whl"),
        ("./demo-1.0.tar.gz", "./demo-1.0.tar.gz"),
        ("/srv/demo-1.0.tar.gz#sha256=ab", "/srv/demo-1.0.tar.gz"),
        ("..", ".."),
        ("https://host/demo-1.0.tar.gz", None),
        ("git+ssh://git@host/x.git@0123", None),
        ("git+file:///srv/x.git", None),
    ],
)
def test_only_local_links_have_a_path(link: str, path: str | None) -> None:
    assert path_of(link) == path


def test_a_hash_sign_that_belongs_to_the_file_name_stays(tmp_path: Path) -> None:
    odd = tmp_path / "a#b.whl"
    odd.write_bytes(b"")
    assert path_of(str(odd)) == str(odd)
    assert path_of(odd.as_uri()) == str(odd)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_the_digest_is_of_all_present_bytes(tmp_path: Path, size: int) -> None:
    archive = tmp_path / "demo.whl"
    for content in (b"a" * size, b"b" * size + b"c"):
        archive.write_bytes(content)
        assert sha256(str(archive)) == hashlib.sha256(content).digest()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256(str(tmp_path / "missing.whl"))


def test_of_a_tar_no_more_than_a_bound_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tarball("demo-1.0", {"big": "x" * 10_000, "pyproject.toml": ""})
    for bound, number in ((1 << 30, 2), (5_000, 1)):
        monkeypatch.setattr(archives, "ALWAYS_ALLOWED", bound)
        with tarfile.open(fileobj=io.BytesIO(packed.content)) as archive:
            assert len([member for member in archives.members(archive) if member.isfile()]) == number
