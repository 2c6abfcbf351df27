from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pinstall.model.errors import PinstallError
from pinstall.request.reading import content, describe_missing, descriptor, resolve

if TYPE_CHECKING:
    from pathlib import Path


def no_fetch(url: str) -> bytes:
    raise AssertionError(url)


@pytest.mark.parametrize(
    ("target", "including", "where"),
    [
        ("r.txt", None, "r.txt"),
        ("../r.txt", None, "../r.txt"),
        ("https://h/r.txt", None, "https://h/r.txt"),
        ("file:///a%20b/r.txt", None, "/a b/r.txt"),
        ("FILE://localhost/r.txt", None, "/r.txt"),
        ("more.txt", "/p/r.txt", "/p/more.txt"),
        ("../more.txt", "/p/q/r.txt", "/p/more.txt"),
        ("/x/more.txt", "/p/r.txt", "/x/more.txt"),
        ("a%20b.txt", "/p/r.txt", "/p/a%20b.txt"),
        ("https://h/more.txt", "/p/r.txt", "https://h/more.txt"),
        ("file:///x/more.txt", "/p/r.txt", "/x/more.txt"),
        ("more.txt", "https://h/p/r.txt?q", "https://h/p/more.txt"),
        ("/more.txt", "https://u:p@h/p/r.txt", "https://u:p@h/more.txt"),
        ("http://g/more.txt", "https://h/r.txt", "http://g/more.txt"),
        ("a%20b.txt", "file:///p/r.txt", "/p/a b.txt"),
    ],
)
def test_where_a_named_file_is(target: str, including: str | None, where: str) -> None:
    assert resolve(target, including) == where


def test_a_relative_including_file_counts_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve("more.txt", "sub/r.txt") == str(tmp_path / "sub" / "more.txt")
    assert resolve("r.txt", "r.txt") == str(tmp_path / "r.txt")


@pytest.mark.parametrize("url", ["file://elsewhere/r.txt", "file://u:se-cret@elsewhere/r.txt", "file://[x/r.txt"])
def test_another_host_has_no_path(url: str) -> None:
    with pytest.raises(PinstallError) as caught:
        resolve(url, None)
    assert caught.value.reference == "requirements-file"
    assert "se-cret" not in caught.value.message


def test_bytes_come_by_path_and_url(tmp_path: Path) -> None:
    file = tmp_path / "a b.txt"
    file.write_bytes(b"\xff\r\n")
    assert content(str(file), no_fetch) == content(file.as_uri(), no_fetch) == b"\xff\r\n"


def test_bytes_come_from_a_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"demo")
    os.close(writing)
    try:
        assert content(f"/dev/fd/{reading}", no_fetch) == b"demo"
    finally:
        os.close(reading)


@pytest.mark.parametrize("url", ["https://h/r.txt", "HTTP://h/r.txt"])
def test_urls_are_fetched(url: str) -> None:
    assert content(url, lambda asked: asked.encode()) == url.encode()


@pytest.mark.parametrize(
    ("where", "reason"),
    [(".", "directory"), ("\0", "null")],
)
def test_what_cannot_be_read_says_why(where: str, reason: str) -> None:
    with pytest.raises(PinstallError) as caught:
        content(where, no_fetch)
    error = caught.value
    assert (error.reference, error.exit_code) == ("requirements-file", 1)
    assert error.message.startswith("cannot read requirement file `")
    assert reason in error.message
    assert error.hint


@pytest.mark.parametrize("where", ["absent.txt", "file:///absent"])
def test_a_missing_file_is_named_with_the_nearest_one(tmp_path: Path, where: str) -> None:
    with pytest.raises(PinstallError) as caught:
        content(where, no_fetch)
    name = where.removeprefix("file://")
    assert (caught.value.reference, caught.value.message) == ("no-such-file", f"there is no file `{name}`")
    (tmp_path / "requirements.txt").touch()
    meant = tmp_path / "requirements.txt"
    told = describe_missing(str(tmp_path / "requirments.txt"))
    assert told == f"there is no file `{tmp_path / 'requirments.txt'}`; did you mean `{meant}`?"


def test_a_dash_is_no_standard_input() -> None:
    with pytest.raises(PinstallError) as caught:
        content("-", no_fetch)
    assert "/dev/stdin" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("where", "number"),
    [("/dev/stdin", 0), ("/dev/fd/63", 63), ("/proc/self/fd/3", 3), ("/dev/fd/x", None), ("dev/stdin", None)],
)
def test_a_path_that_stands_for_an_open_file(where: str, number: int | None) -> None:
    assert descriptor(where) == number
