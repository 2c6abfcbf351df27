"""The HTTP cache in both layouts: filled by real pips, then falsified in every way."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import time
import tracemalloc
import zipfile
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinstall.cache import http
from pinstall.index import pages
from tests.support import caches
from tests.support.environments import Environment, copy, template
from tests.support.index import Index, Reply
from tests.support.pages import HTML, JSON, metadata_of
from tests.support.pips import python_for
from tests.support.processes import sealed
from tests.support.runner import Runner
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pinstall.model.artifacts import Entry

DEMO = wheel("demo", "1.0", files={"demo_data.bin": bytes(range(256)) * 300})
LABELLED = wheel("labelled", "1.0+local.1")
SOURCE = sdist("Foo.Bar", "2.0")
ZIPPED = wheel("zipped", "1.0")
MOVED = wheel("moved", "1.0")
ARTIFACTS = {"demo": DEMO, "labelled": LABELLED, "Foo.Bar": SOURCE, "zipped": ZIPPED}
ELSEWHERE = "elsewhere-1.0-py3-none-any.whl"

URL = "https://host/simple/demo/"


class OddIndex(Index):
    """An index with an HTML page, a compressed one, and a file that has moved, which it says in a body."""

    moved = 308

    def reply(self, path: str, accept: str) -> Reply:
        reply = super().reply(path, "text/html" if path == "/simple/foo-bar/" else accept)
        if path == "/simple/zipped/":
            return replace(reply, content=gzip.compress(reply.content, mtime=0), headers={"Content-Encoding": "gzip"})
        if path == f"/files/{MOVED.filename}":
            there = {"Location": self.file_url(ELSEWHERE)}
            return Reply(
                content=b"<html>moved</html>", kind="text/html", max_age=None, status=self.moved, headers=there
            )
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A cache that a real pip filled from an index that is gone; `layout` is the one of that pip."""

    root: Path
    index: Index
    release: tuple[int, ...]

    @property
    def layout(self) -> caches.Layout:
        return "http-v2" if self.release >= (23, 3) else "http"

    def one(self, url: str) -> Entry:
        (entry,) = http.find(str(self.root), url)
        return entry

    def body(self, url: str) -> bytes:
        with http.open_body(str(self.root), self.one(url)) as file:
            return file.read()


@pytest.fixture(
    scope="module",
    # a quick look tries one pip of either layout
    params=[*(pytest.param(pip, marks=pytest.mark.slow) for pip in ("21.3.1", "23.2.1", "24.3.1")), "22.3.1", "26.3"],
)
def original(request: pytest.FixtureRequest, templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Return a cache that a real pip filled; not to be changed."""
    python = python_for(request.param)
    if python is None:
        pytest.skip(f"no Python for pip {request.param}")
    home = tmp_path_factory.mktemp("filled")
    root = copy(template(templates, python, request.param), home / "environment")
    index = OddIndex()
    with index:
        index.page_max_age = 0
        index.moved = 301 if request.param == "21.3.1" else 308  # CacheControl 0.12.6 stores no 308
        for artifact in (*ARTIFACTS.values(), MOVED, (ELSEWHERE, MOVED.content)):
            index.add(artifact)
        # an index that does not quote what pip quotes
        listing = index.listings[LABELLED.filename]
        index.listings[LABELLED.filename] = replace(listing, url=listing.url.replace("%2B", "+"))
        runner = Runner(environment=Environment(root=root, variables=sealed(home)), home=home, index=index)
        runner.pip(
            "download", "-q", "-d", home / "first", "--no-deps", "demo", "labelled", "foo-bar", "zipped", "moved"
        )
        runner.pip("download", "-q", "-d", home / "second", "--no-deps", "demo", "foo-bar")
    assert [request.status for request in index.asked("/simple/demo/")] == [200, 304]
    return Filled(root=runner.cache, index=index, release=tuple(map(int, request.param.split("."))))


@pytest.fixture
def filled(original: Filled, tmp_path: Path) -> Filled:
    """Return a cache of this test, filled by pip."""
    return replace(original, root=shutil.copytree(original.root, tmp_path / "pip"))


@pytest.mark.parametrize("project", ARTIFACTS)
def test_the_way_from_a_project_to_the_bytes_of_its_file(original: Filled, project: str) -> None:
    artifact = ARTIFACTS[project]
    cache, page_url = str(original.root), original.index.page_url(project)
    page = original.one(page_url)
    assert (page.status, page.damage) == (200, None)
    (link,) = pages.read(http.content(cache, page), page.headers["content-type"], page_url)
    assert link.filename == artifact.filename
    assert link.hashes == {f"sha256:{artifact.sha256}"}
    entry = original.one(link.url)
    assert (entry.status, entry.damage, entry.length) == (200, None, len(artifact.content))
    assert http.hashes(cache, entry, ["sha256:"]) == {f"sha256:{artifact.sha256}"}
    assert http.content(cache, entry) == artifact.content
    assert entry.paths[0] == str(caches.http_entry(original.root, link.url, original.layout).relative_to(cache))


def every(cache: str) -> list[Entry]:
    """Return all that pip has stored."""
    return [entry for path in http.list_paths(cache) if (entry := http.read_entry(cache, path)) is not None]


def test_pages_are_of_the_kind_that_was_served(original: Filled) -> None:
    kinds = {name: original.one(original.index.page_url(name)).headers["content-type"] for name in ARTIFACTS}
    assert kinds["Foo.Bar"] == HTML
    assert kinds["demo"] == (JSON if original.release >= (22, 2) else HTML)


def test_a_compressed_page_is_stored_as_it_was_sent(original: Filled) -> None:
    cache, entry = str(original.root), original.one(original.index.page_url("zipped"))
    assert entry.headers["content-encoding"] == "gzip"
    stored = original.body(original.index.page_url("zipped"))
    assert gzip.decompress(stored) == http.content(cache, entry) != stored
    assert http.hashes(cache, entry, ["sha512:"]) == {f"sha512:{hashlib.sha512(stored).hexdigest()}"}
    with pytest.raises(ValueError, match="more than 100 bytes"):
        http.content(cache, entry, limit=100)


def test_a_label_is_found_under_the_quoted_url_only(original: Filled) -> None:
    url = original.index.file_url(LABELLED.filename)
    assert "%2B" in url
    assert original.body(url) == LABELLED.content
    assert not list(http.find(str(original.root), url.replace("%2B", "+")))


def test_the_metadata_beside_a_wheel_has_an_entry_of_its_own(original: Filled) -> None:
    found = list(http.find(str(original.root), f"{original.index.file_url(DEMO.filename)}.metadata"))
    assert len(found) == (original.release >= (23, 2))  # the first to read what a JSON page says of it
    assert [http.content(str(original.root), entry) for entry in found] == [metadata_of(DEMO.content)] * len(found)


def test_a_redirect_is_no_damage_though_its_body_was_not_stored(original: Filled) -> None:
    entry = original.one(original.index.file_url(MOVED.filename))
    assert (entry.status, entry.damage) == (301 if original.release < (22,) else 308, None)
    assert entry.headers["location"] == original.index.file_url(ELSEWHERE)
    assert int(entry.headers["content-length"]) > 0
    assert original.body(entry.headers["location"]) == MOVED.content


def test_what_pip_drops_from_a_url_is_dropped(original: Filled) -> None:
    url = original.index.page_url("demo")
    entry = original.one(url)
    for spelling in (
        url.replace("://", "://me:p@ss@", 1),
        url.replace("http://", "HTTP://token@", 1),
        f"{url}?",
        f"{url}#sha256=ab",
    ):
        assert original.one(spelling) == entry
    for other in (
        f"{url}?x",
        url.rstrip("/"),
        url.replace("demo", "DEMO"),
        "demo",
        "",
        "file:///x",
        "http:///x",
        "\ud800://\ud800",
    ):
        assert not list(http.find(str(original.root), other))


def test_a_scan_finds_every_entry_once(original: Filled) -> None:
    found = list(every(str(original.root)))
    assert [entry.damage for entry in found] == [None] * len(found)
    assert [original.root / entry.paths[-1] for entry in found] == caches.http_bodies(original.root)
    urls = [request.path for request in original.index.requests if request.status in (200, 301, 308)]
    assert len(found) == len(set(urls))
    assert original.one(original.index.page_url("demo")) in found


def test_nothing_is_written_by_looking(original: Filled) -> None:
    before = caches.snapshot(original.root)
    for entry in every(str(original.root)):
        http.content(str(original.root), entry)
    assert caches.snapshot(original.root) == before


def test_a_stored_wheel_opens_as_a_zip(original: Filled) -> None:
    entry = original.one(original.index.file_url(DEMO.filename))
    with http.open_body(str(original.root), entry) as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.read("demo_data.bin") == bytes(range(256)) * 300


def test_an_open_body_reads_like_a_file_of_its_own(original: Filled) -> None:
    with http.open_body(str(original.root), original.one(original.index.file_url(DEMO.filename))) as file:
        same = io.BytesIO(DEMO.content)
        for offset, whence, count in (
            (0, 0, 10),
            (-30, 2, 50),
            (5, 1, 5),
            (-20, 1, 7),
            (40, 0, -1),
            (9, 2, 3),
            (0, 0, 0),
        ):
            assert file.seek(offset, whence) == same.seek(offset, whence)
            assert file.read(count) == same.read(count)
            assert file.tell() == same.tell()
        with pytest.raises(OSError, match=r".+"):
            file.seek(-len(DEMO.content) - 1, os.SEEK_END)
    with pytest.raises(ValueError, match="closed"):
        file.read()


def test_an_altered_body_of_the_same_length_is_told_by_its_digest_alone(filled: Filled) -> None:
    url = filled.index.file_url(DEMO.filename)
    path = filled.root / filled.one(url).paths[-1]
    caches.damage(path, offset=path.read_bytes().index(DEMO.content) + 100)
    assert filled.one(url).damage is None
    assert http.hashes(str(filled.root), filled.one(url), ["sha256:"]) != {f"sha256:{DEMO.sha256}"}


def test_a_shortened_body_is_damage(filled: Filled) -> None:
    url = filled.index.file_url(DEMO.filename)
    caches.truncate(filled.root / filled.one(url).paths[-1], keep=1000)
    assert "is damaged" in (filled.one(url).damage or "")


def test_headers_that_cannot_be_read_are_damage(filled: Filled) -> None:
    url = filled.index.file_url(DEMO.filename)
    path = filled.root / filled.one(url).paths[0]
    content = path.read_bytes()
    for wrong in (
        b"",
        b"cc=4",
        b"cc=2," + content[5:],
        content[:-1],
        content + b"\0",
        content.replace(b"response", b"resp\xffnse"),
        content.replace(b"response", b"respawns"),
        content.replace(b"headers", b"heaters"),
        content.replace(b"\xa6status\xcc\xc8", b"\xa6status\xa1x"),
        content.replace(b"\xa4body", b"\xa4bodi"),
        answer(b"", {"ETag": 1}),  # type: ignore[dict-item]
    ):
        assert wrong != content
        path.write_bytes(wrong)
        (entry,) = http.find(str(filled.root), url)
        assert "is damaged: " in (entry.damage or "")
        assert entry in every(str(filled.root))
        assert entry.status == 0


def test_half_an_entry_is_none(filled: Filled) -> None:
    cache = str(filled.root)
    for number in range(2):
        for path in filled.one(filled.index.file_url(DEMO.filename)).paths[number : number + 1]:
            place = filled.root / path
            content = place.read_bytes()
            place.unlink()
            assert not list(http.find(cache, filled.index.file_url(DEMO.filename)))
            assert not any(path in entry.paths for entry in every(cache))
            place.mkdir()
            assert not list(http.find(cache, filled.index.file_url(DEMO.filename)))
            assert not any(path in entry.paths for entry in every(cache))
            place.rmdir()
            place.write_bytes(content)


def test_what_is_gone_in_the_meantime_cannot_be_read(filled: Filled) -> None:
    entry = filled.one(filled.index.file_url(DEMO.filename))
    (filled.root / entry.paths[-1]).unlink()
    for read in (http.open_body, http.content):
        with pytest.raises(FileNotFoundError):
            read(str(filled.root), entry)


# --- entries made by hand ---------------------------------------------------------------------------------------------


def packed(value: Any) -> bytes:
    """Write msgpack as pip's msgpack does, for what pip writes."""
    match value:
        case None | False | True:
            return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
        case int():
            return bytes([value]) if value < 128 else b"\xcd" + value.to_bytes(2, "big")
        case str():
            return b"\xda" + len(value.encode()).to_bytes(2, "big") + value.encode()
        case bytes():
            return b"\xc6" + len(value).to_bytes(4, "big") + value
        case dict():
            items = (packed(key) + packed(item) for key, item in value.items())
            return b"\xde" + len(value).to_bytes(2, "big") + b"".join(items)
        case _:
            raise AssertionError(value)


def answer(body: bytes, headers: Mapping[str, str] | None = None, **more: Any) -> bytes:
    response = {"body": body, "headers": dict(headers or {}), "status": 200, "reason": "OK", **more}
    return b"cc=4," + packed({"response": response, "vary": {"Accept": None}})


def stored(root: Path, content: bytes, body: bytes | None = None, url: str = URL) -> Entry:
    """Put an entry into the cache, with a body in the new layout and without one in the old, and return it."""
    path = caches.http_entry(root, url, "http" if body is None else "http-v2")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if body is not None:
        caches.body_of(path).write_bytes(body)
    return next(http.find(str(root), url))


def test_a_url_has_an_entry_for_each_layout(tmp_path: Path) -> None:
    old = stored(tmp_path, answer(b"old"))
    new = stored(tmp_path, answer(b""), b"new")
    both = list(http.find(str(tmp_path), URL))
    assert both == [new, old] == list(every(str(tmp_path)))
    assert [http.content(str(tmp_path), entry) for entry in both] == [b"new", b"old"]
    assert [len(entry.paths) for entry in both] == [2, 1]


def test_a_url_without_a_path_is_the_one_of_the_root(tmp_path: Path) -> None:
    entry = stored(tmp_path, answer(b"root"), url="https://host")
    assert list(http.find(str(tmp_path), "https://host/")) == [entry]
    query = stored(tmp_path, answer(b"query"), url="https://host?x")
    assert list(http.find(str(tmp_path), "https://host/?x#y")) == [query] != [entry]


def test_names_of_headers_are_lower_case_and_their_order_is_free(tmp_path: Path) -> None:
    backwards = {"vary": {}, "response": {"status": 301, "headers": {"Location": "/é"}, "strict": False, "body": b"xy"}}
    entry = stored(tmp_path, b"cc=4," + packed(backwards))
    assert (entry.status, entry.headers, entry.length) == (301, {"location": "/é"}, 2)
    assert http.content(str(tmp_path), entry) == b"xy"


@pytest.mark.parametrize(
    ("said", "damaged"),
    [("4", False), ("3", True), ("0", True), ("", False), ("4, 4", False), ("²", False), ("-3", False)],
)
@pytest.mark.parametrize("layout", ["http", "http-v2"])
def test_the_length_is_compared_where_it_is_a_number(tmp_path: Path, layout: str, said: str, *, damaged: bool) -> None:
    body = b"four"
    content = answer(b"" if layout == "http-v2" else body, {"Content-Length": said})
    entry = stored(tmp_path, content, body if layout == "http-v2" else None)
    assert (entry.damage is not None) == damaged
    assert entry.length == 4


@pytest.mark.parametrize("layout", ["http", "http-v2"])
def test_no_body_is_held_in_memory(tmp_path: Path, layout: str) -> None:
    size = 100 << 20
    head, _, tail = answer(b"\0\1\2\3", {"content-length": str(size)}).partition(b"\0\0\0\4\0\1\2\3")
    old = layout == "http"
    entry = stored(tmp_path, head + (b"\0\0\0\0" if not old else b"\0\0\0\1\0") + tail, None if old else b"")
    path = tmp_path / entry.paths[-1]
    with path.open("wb") as file:  # sparse
        if old:
            file.write(head + size.to_bytes(4, "big"))
            file.seek(size, os.SEEK_CUR)
            file.write(tail)
        else:
            file.truncate(size)
    tracemalloc.start()
    (entry,) = every(str(tmp_path))
    found = http.hashes(str(tmp_path), entry, ["sha1:"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (entry.length, entry.damage) == (size, None)
    assert found == {f"sha1:{hashlib.sha1(bytes(size)).hexdigest()}"}
    assert peak < 8 << 20


BOMB = bytes(3 << 20)


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("X-GZip ", gzip.compress),
        ("gzip", lambda text: gzip.compress(text[:10]) + gzip.compress(text[10:])),
        ("deflate", zlib.compress),
        ("deflate", lambda text: zlib.compress(text)[2:-4]),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_encodings_are_undone_within_the_limit(tmp_path: Path, encoding: str, encode: Any) -> None:
    headers = {"Content-Encoding": encoding}
    for text in (b"the page\n" * 1000, b""):
        entry = stored(tmp_path, answer(b"", headers), encode(text))
        assert http.content(str(tmp_path), entry) == text
        assert http.content(str(tmp_path), entry, limit=len(text)) == text
    entry = stored(tmp_path, answer(b"", headers), encode(BOMB))
    with pytest.raises(ValueError, match=f"more than {len(BOMB) - 1} bytes"):
        http.content(str(tmp_path), entry, limit=len(BOMB) - 1)
    if encoding.strip() not in ("identity", ""):
        for wrong in (encode(b"text" * 100)[:-9], b"\x1f\x8b" + b"?" * 50, b"?"):
            entry = stored(tmp_path, answer(b"", headers), wrong)
            with pytest.raises(ValueError, match="is not valid"):
                http.content(str(tmp_path), entry)


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("", bytes)])
def test_a_bomb_does_not_go_off(tmp_path: Path, encoding: str, encode: Any) -> None:
    entry = stored(tmp_path, answer(b"", {"Content-Encoding": encoding}), encode(bytes(100 << 20)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 1000000 bytes"):
        http.content(str(tmp_path), entry, limit=1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip, gzip"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    entry = stored(tmp_path, answer(b"", {"content-encoding": encoding}), b"x")
    with pytest.raises(ValueError, match=encoding):
        http.content(str(tmp_path), entry)
    assert http.hashes(str(tmp_path), entry, ["md5:"]) == {f"md5:{hashlib.md5(b'x').hexdigest()}"}


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xdb\xff\xff\xff\xff",
        b"\xde\xff\xff",
        b"\xde\xff\xff" + b"\xa0\xc0" * 0xFFFF,
        b"\x81\xa0" * 1_000_000,
        b"\x81" * 1_000_000,
        (b"\x8f" + b"\xa0\xc6\xff\xff\xff\xff" * 15) * 1000,
        b"\x81\xa8response" + b"\xdb\x02\x00\x00\x00" + b"x" * (1 << 25),
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc1",
        packed(
            {"response": {"body": b"", "headers": {f"h{number}": "x" * 60_000 for number in range(100)}, "status": 1}}
        ),
    ],
    ids=lambda content: f"{content[:4].hex()}-{len(content)}",
)
def test_lying_headers_cost_neither_time_nor_memory(tmp_path: Path, hostile: bytes) -> None:
    stored(tmp_path, b"cc=4," + hostile)
    started = time.process_time()
    tracemalloc.start()
    (entry,) = http.find(str(tmp_path), URL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert entry.damage
    assert peak < 16 << 20
    assert time.process_time() - started < 5


GOOD = answer(b"body", {"Content-Length": "4", "ETag": '"x"'}, strict=0, decode_content=False)
mutations = st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4)


def mutated(changes: list[tuple[int, int]]) -> bytes:
    content = bytearray(GOOD)
    for place, byte in changes:
        content[place] = byte
    return bytes(content)


contents = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(b"cc=4,".__add__),
    mutations.map(mutated),
    st.tuples(mutations.map(mutated), st.integers(0, len(GOOD))).map(lambda cut: cut[0][: cut[1]]),
)


@pytest.mark.parametrize("layout", ["http", "http-v2"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=contents)
def test_any_bytes_are_an_entry_or_a_damaged_one(tmp_path: Path, layout: str, content: bytes) -> None:
    entry = stored(tmp_path, content, b"body" if layout == "http-v2" else None)
    assert list(every(str(tmp_path))) == [entry]
    if entry.damage is None:
        assert all(isinstance(text, str) for pair in entry.headers.items() for text in pair)
        with http.open_body(str(tmp_path), entry) as file:
            assert len(file.read()) == entry.length
    elif layout == "http" and not entry.status:
        with pytest.raises(ValueError, match=r".+"):
            http.open_body(str(tmp_path), entry)


def test_the_good_entry_of_the_last_test_is_good(tmp_path: Path) -> None:
    assert stored(tmp_path, GOOD).damage is None


def test_strangers_in_the_cache_are_no_entries(tmp_path: Path) -> None:
    entry = stored(tmp_path, answer(b""), b"x")
    folder = (tmp_path / entry.paths[0]).parent
    name = (tmp_path / entry.paths[0]).name
    for stranger in (f"{name}.lock", f"{name}.x1.tmp", f"{name}.body.x1.tmp", "tmpabc", name.upper(), f"{name}0"):
        (folder / stranger).write_bytes(answer(b""))
        (folder / f"{stranger}.body").write_bytes(b"x")
    for place in (tmp_path / "http-v2", folder.parent):
        (place / name).write_bytes(answer(b""))
        (place / f"{name}.body").write_bytes(b"x")
    (folder / ("0" * 56)).mkdir()
    assert list(every(str(tmp_path))) == [entry]


def test_a_cache_that_is_none_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "http").write_bytes(b"")
    for cache in (tmp_path, tmp_path / "missing", tmp_path / "http"):
        assert not list(every(str(cache)))
        assert not list(http.find(str(cache), URL))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_no_entry(tmp_path: Path) -> None:
    entry = stored(tmp_path, answer(b""), b"x")
    (tmp_path / entry.paths[0]).chmod(0)
    assert not list(every(str(tmp_path)))
