"""A page may hold anything: it is read, or refused with a ValueError."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from pinstall.formats import metadata
from pinstall.index import pages
from tests.support.pages import HTML, JSON

KINDS = st.sampled_from([JSON, HTML, "text/html", "text/html; charset=utf-16", "text/html; charset=\0", "text/plain"])
PIECES = [
    *(
        "<a ",
        "</a>",
        "href=",
        "'",
        '"',
        ">",
        "<base href=",
        "<!--",
        "-->",
        "<![",
        "]]>",
        "<!",
        "<?",
        "&",
        "&#",
        ";",
        "=",
    ),
    *(
        "https://h/",
        "//",
        "http://[",
        "..",
        "demo-1.0.zip",
        "%2B",
        "%",
        "@",
        "#sha256=ab",
        "?",
        "\0",
        "\ud800",
        "é",
        " ",
    ),
    *("data-yanked", "data-core-metadata", "=sha256=ab", "<script>", "<title>", "&#99999999999;", "&eacute"),
]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=15).map("".join)
names = st.sampled_from(
    ["url", "filename", "hashes", "core-metadata", "dist-info-metadata", "yanked", "files", "sha256"]
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=5)),
    max_leaves=15,
)
documents = st.one_of(
    values,
    st.builds(
        lambda files: {"files": files},
        st.lists(
            st.one_of(
                values, st.dictionaries(names, values).flatmap(lambda file: texts.map(lambda url: {**file, "url": url}))
            )
        ),
    ),
)
contents = st.one_of(
    st.binary(),
    texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    texts.map(lambda text: text.encode("utf-8", "replace")),
    documents.map(lambda document: json.dumps(document).encode()),
)


@given(content=contents, kind=KINDS, url=st.one_of(st.just("https://u:p@h/simple/demo/"), texts))
def test_a_page_is_read_or_refused(content: bytes, kind: str, url: str) -> None:
    with contextlib.suppress(ValueError):
        for link in pages.read(content, kind, url):
            assert link.filename
            assert "#" not in link.url
            assert ":" in link.url
            assert link.url.encode()
            metadata.release(link.filename, canonicalize_name("demo"))


@given(filename=st.one_of(texts, st.from_regex(r"[Dd]emo[-_.]x?-[0-9a-z.+-]{0,8}\.(whl|zip|tar\.gz)", fullmatch=True)))
def test_a_file_name_has_a_version_or_none(filename: str) -> None:
    metadata.release(filename, canonicalize_name("demo"))
