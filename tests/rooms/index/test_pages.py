from __future__ import annotations

import json
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.formats import metadata
from pinstall.index import pages
from pinstall.model.artifacts import Link
from tests.support.pages import HTML, JSON

PAGE = "https://host/simple/demo/"
SHA = "ab" * 32


def from_json(*files: Any, url: str = PAGE) -> tuple[Link, ...]:
    document = {"meta": {"api-version": "1.0"}, "name": "demo", "files": files}
    return pages.read(json.dumps(document).encode(), JSON, url)


def from_html(text: str, url: str = PAGE, kind: str = HTML) -> tuple[Link, ...]:
    return pages.read(text.encode(), kind, url)


def test_a_json_page_yields_its_files_in_order() -> None:
    assert from_json(
        {
            "filename": "demo-1.0-py3-none-any.whl",
            "url": "https://files/demo-1.0-py3-none-any.whl",
            "hashes": {"sha256": SHA.upper(), "md5": "1", "blake2b": "2", "sha512": "cd"},
            "core-metadata": {"sha256": "ef"},
            "yanked": "broken",
            "requires-python": ">=3.9",
        },
        {"filename": "demo-1.0.tar.gz", "url": "demo-1.0.tar.gz", "hashes": {}, "requires-python": 3},
    ) == (
        Link(
            url="https://files/demo-1.0-py3-none-any.whl",
            filename="demo-1.0-py3-none-any.whl",
            hashes=frozenset({f"sha256:{SHA}", "sha512:cd"}),
            metadata=frozenset({"sha256:ef"}),
            yanked=True,
            requires_python=">=3.9",
        ),
        Link(url="https://host/simple/demo/demo-1.0.tar.gz", filename="demo-1.0.tar.gz"),
    )


@pytest.mark.parametrize(
    ("said", "size", "uploaded"),
    [
        ({"size": 5, "upload-time": "2024-05-06T07:08:09Z"}, 5, "2024-05-06T07:08:09Z"),
        ({"size": 0}, 0, ""),
        ({"size": True, "upload-time": 5}, None, ""),
        ({"size": -1, "upload-time": None}, None, ""),
        ({"size": "5"}, None, ""),
    ],
)
def test_size_and_time_of_a_file_are_there_where_a_page_says_them_well(
    said: dict[str, Any], size: int | None, uploaded: str
) -> None:
    (link,) = from_json({"url": "demo-1.0.zip", **said})
    assert (link.size, link.uploaded) == (size, uploaded)
    assert (link,) == from_json({"url": "demo-1.0.zip"})


def test_an_html_page_yields_its_anchors_in_order() -> None:
    text = f"""<!DOCTYPE html><html><head><title>x</title></head><body>
    <a href="/files/demo-1.0-py3-none-any.whl#sha256={SHA}" data-core-metadata="sha256=EF" data-yanked="">a</a>
    <A HREF='https://u:p@files/demo-1.0.tar.gz?a=1&amp;b=%20#md5=00' data-requires-python="&gt;=3">b</A>
    <a href="">c</a> <a>d</a> <a href="https://host/">e</a> <link href="demo-3.0.zip"> <!-- <a href="demo-4.0.zip"> -->
    """
    assert from_html(text) == (
        Link(
            url="https://host/files/demo-1.0-py3-none-any.whl",
            filename="demo-1.0-py3-none-any.whl",
            hashes=frozenset({f"sha256:{SHA}"}),
            metadata=frozenset({"sha256:ef"}),
            yanked=True,
        ),
        Link(url="https://files/demo-1.0.tar.gz?a=1&b=%20", filename="demo-1.0.tar.gz", requires_python=">=3"),
    )


@pytest.mark.parametrize(
    ("href", "url", "filename"),
    [
        ("demo-1.0.zip", "https://host/simple/demo/demo-1.0.zip", "demo-1.0.zip"),
        ("../../f/demo-1.0.zip", "https://host/f/demo-1.0.zip", "demo-1.0.zip"),
        ("//other/demo-1.0.zip", "https://other/demo-1.0.zip", "demo-1.0.zip"),
        ("http://other/demo-1.0+l.zip", "http://other/demo-1.0%2Bl.zip", "demo-1.0+l.zip"),
        ("https://h/demo-1.0%2bl.zip", "https://h/demo-1.0%2Bl.zip", "demo-1.0+l.zip"),
        ("https://h/a b/é/d~1/demo.zip", "https://h/a%20b/%C3%A9/d~1/demo.zip", "demo.zip"),
        ("https://h/a@b/x%2fy:z,/demo%2D1.zip", "https://h/a@b/x%2Fy%3Az%2C/demo-1.zip", "demo-1.zip"),
        ("https://h/%252B.zip", "https://h/%252B.zip", "%2B.zip"),
        ("https://h/demo.zip?x=a b/é&y[]=%2B", "https://h/demo.zip?x=a%20b/%C3%A9&y%5B%5D=%2B", "demo.zip"),
        ("https://h/demo.zip/", "https://h/demo.zip/", "demo.zip"),
        ("https://user:secret@h:8080/demo.zip#egg=x", "https://h:8080/demo.zip", "demo.zip"),
        ("file:///a b/demo.zip", "file:///a%20b/demo.zip", "demo.zip"),
    ],
)
def test_urls_are_absolute_and_quoted_as_pip_asks_for_them(href: str, url: str, filename: str) -> None:
    assert from_json({"url": href}) == (Link(url=url, filename=filename),)
    assert from_html(f'<a href="{href}">') == (Link(url=url, filename=filename),)


def test_a_hash_in_the_link_goes_before_the_one_beside_it() -> None:
    (link,) = from_json({"url": f"demo.zip#sha256={SHA}", "hashes": {"sha256": "cd", "sha512": "ef"}})
    assert link.hashes == {f"sha256:{SHA}", "sha512:ef"}


def test_the_credentials_of_a_page_are_not_those_of_its_links() -> None:
    (link,) = from_json({"url": "demo.zip"}, url="https://user:secret@host/demo/")
    assert link.url == "https://host/demo/demo.zip"


def test_the_first_base_counts_and_the_page_is_the_base_without_one() -> None:
    (link,) = from_html('<base><base href="https://b/x/"><base href="https://c/"><a href="demo.zip">')
    assert link.url == "https://b/x/demo.zip"
    (link,) = from_html('<a href="demo.zip"><base href="https://late/">')
    assert link.url == "https://late/demo.zip"
    # pip does not resolve a relative one: it cannot ask for such a link
    assert from_html('<base href="/b/"><a href="demo.zip"><a href="https://host/demo.zip">') == (
        Link(url="https://host/demo.zip", filename="demo.zip"),
    )


@pytest.mark.parametrize(
    ("said", "metadata"),
    [
        ({}, None),
        ({"core-metadata": False}, None),
        ({"core-metadata": True}, frozenset()),
        ({"core-metadata": {}}, frozenset()),
        ({"core-metadata": {"md5": "1"}}, frozenset()),
        ({"core-metadata": {"sha256": 1, "sha384": ""}}, frozenset()),
        ({"core-metadata": {"sha256": "ab"}}, {"sha256:ab"}),
        ({"dist-info-metadata": {"sha256": "ab"}}, {"sha256:ab"}),
        ({"core-metadata": {"sha256": "ab"}, "dist-info-metadata": {"sha256": "cd"}}, {"sha256:ab"}),
        ({"core-metadata": False, "dist-info-metadata": True}, None),
        ({"data-dist-info-metadata": True}, None),
    ],
)
def test_json_says_by_two_names_whether_there_is_metadata(
    said: dict[str, Any], metadata: frozenset[str] | None
) -> None:
    assert [link.metadata for link in from_json({"url": "demo.whl", **said})] == [metadata]


@pytest.mark.parametrize(
    ("said", "metadata"),
    [
        ("", None),
        ('data-core-metadata="true"', frozenset()),
        ('data-core-metadata=""', frozenset()),
        ('data-core-metadata="sha256"', frozenset()),
        ('data-core-metadata="sha256=ab"', {"sha256:ab"}),
        ('data-dist-info-metadata="sha256=ab"', {"sha256:ab"}),
        ('data-core-metadata data-dist-info-metadata="true"', frozenset()),
        ('data-core-metadata="sha256=ab" data-dist-info-metadata="sha256=cd"', {"sha256:ab"}),
        ('core-metadata="true"', None),
    ],
)
def test_html_says_by_two_names_whether_there_is_metadata(said: str, metadata: frozenset[str] | None) -> None:
    assert [link.metadata for link in from_html(f"<a href=demo.whl {said}>")] == [metadata]


@pytest.mark.parametrize(
    ("json_says", "html_says", "yanked"),
    [
        ({}, "", False),
        ({"yanked": False}, "data-yanked", False),  # without a value it is no reason for pip
        ({"yanked": ""}, "data-other", False),
        ({"yanked": True}, 'data-yanked=""', True),
        ({"yanked": "why"}, 'data-yanked="why"', True),
    ],
)
def test_what_is_yanked_is_told(json_says: dict[str, Any], html_says: str, *, yanked: bool) -> None:
    assert [link.yanked for link in from_json({"url": "demo.zip", **json_says})] == [yanked]
    assert [link.yanked for link in from_html(f"<a href=demo.zip {html_says}>")] == [yanked]


def test_odd_entries_are_left_out_and_the_others_are_not() -> None:
    odd: list[Any] = [None, 1, [], "x", {}, {"url": None}, {"url": 1}, {"url": "http://["}, {"url": "https://h"}]
    odd += [{"url": "https://h/\ud800.zip"}, {"url": "https://\ud800/x.zip"}, {"url": "/"}]
    good = {"url": "demo.zip", "hashes": ["sha256"], "core-metadata": ["x"], "yanked": [1]}
    assert [link.filename for link in from_json(*odd, good)] == ["demo.zip"]
    assert [link.filename for link in from_html('<a href="http://["><a href="..."><a href="demo.zip">')] == [
        "...",
        "demo.zip",
    ]


@pytest.mark.parametrize("kind", [JSON, JSON.upper(), f"{JSON}; charset=utf-8"])
def test_json_is_told_by_its_content_type(kind: str) -> None:
    assert len(pages.read(b'{"files": [{"url": "demo.zip"}]}', kind, PAGE)) == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text/html", '<a href="é.zip">'.encode()),
        ("TEXT/HTML; Charset=UTF-8", '<a href="é.zip">'.encode()),
        ("application/vnd.pypi.simple.v1+html", '<a href="é.zip">'.encode()),
        ('text/html; x=y; charset="latin-1"', '<a href="é.zip">'.encode("latin-1")),
        ("text/html; charset=utf-8", b'<a href="&eacute;.zip">'),
    ],
)
def test_html_is_read_in_the_encoding_that_the_server_names(kind: str, text: bytes) -> None:
    assert [link.filename for link in pages.read(text, kind, PAGE)] == ["é.zip"]


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", JSON, "is not valid JSON"),
        (b'{"files": [', JSON, "is not valid JSON"),
        (b"[" * 200_000, JSON, "is not valid JSON"),
        (b"\xff\xfe\xff", JSON, "is not valid JSON"),
        (b"{}", JSON, "has no list of files"),
        (b"[]", JSON, "has no list of files"),
        (b'{"files": {"url": "x"}}', JSON, "has no list of files"),
        (b"\xff", HTML, "is not in the encoding `utf-8`"),
        (b"x", "text/html; charset=none-such", "is not in the encoding `none-such`"),
        (b"x", "text/html; charset=hex", "is not in the encoding `hex`"),
        (b"<a href='&#" + b"9" * 5000 + b";'>", HTML, "is not valid HTML"),
        (b"x", "text/plain", "has the content type `text/plain`"),
        (b"x", "", "has the content type ``"),
    ],
)
def test_a_damaged_page_is_refused_with_a_reason(content: bytes, kind: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        pages.read(content, kind, PAGE)


def test_a_page_without_files_is_none_that_is_damaged() -> None:
    assert from_json() == from_html("") == from_html("<html>nothing here") == ()


@pytest.mark.parametrize(
    ("filename", "found"),
    [
        ("foo_bar-1.0-py3-none-any.whl", "1.0"),
        ("Foo.Bar-1.0-1-py2.py3-none-any.whl", "1.0"),
        ("foo_bar-1.0+l.1-py3-none-any.whl", "1.0+l.1"),
        ("foo_bar-1.0.whl", None),
        ("foo_bar-x-py3-none-any.whl", None),
        ("foo-bar-1.0-py3-none-any.whl", None),
        ("other-1.0-py3-none-any.whl", None),
        ("foo_bar-1.0.tar.gz", "1.0"),
        ("Foo.Bar-1.0.tar.gz", "1.0"),
        ("foo-bar-1.0-1.tar.gz", "1.0.post1"),
        ("foo__bar-1.0rc1.zip", "1.0rc1"),
        ("foo-bar-1.0+l-1.tar.bz2", "1.0+l.1"),
        *((f"foo-bar-1.0.{end}", "1.0") for end in ("tgz", "tar", "tar.xz", "tbz", "txz", "tlz", "tar.lz", "tar.lzma")),
        ("foo-bar-baz-1.0.tar.gz", None),
        ("foo-1.0.tar.gz", None),
        ("foo-bar.tar.gz", None),
        ("foo-bar-.tar.gz", None),
        ("foo-bar-x.tar.gz", None),
        ("foo_bar-1.0-py3.8.egg", None),
        ("foo_bar-1.0.exe", None),
        ("foo_bar-1.0.TAR.GZ", None),
        ("foo_bar-1.0.tar.gz.asc", None),
        ("foo_bar-1.0-py3-none-any.whl.metadata", None),
        (".tar.gz", None),
        ("", None),
    ],
)
def test_the_version_in_a_file_name(filename: str, found: str | None) -> None:
    assert metadata.release(filename, canonicalize_name("foo-bar")) == (found and Version(found))
