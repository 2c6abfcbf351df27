"""Pip's own reader of index pages and pinstall's, side by side, release by release."""

from __future__ import annotations

import html
import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
from packaging.utils import canonicalize_name

from pinstall.formats.metadata import release as release_of
from pinstall.index import pages
from tests.support.pages import HTML, JSON
from tests.support.pips import pip_wheel, python_for

if TYPE_CHECKING:
    from pinstall.model.artifacts import Link

pytestmark = pytest.mark.contract

RELEASES: Final = ("23.2.1", "24.3.1", "26.3")
"""Older ones do not read `core-metadata`."""
PAGE: Final = "https://host/simple/foo-bar/"

PIP: Final = """
import json, logging, sys
sys.path.insert(0, sys.argv[1])
logging.disable(logging.CRITICAL)
from pip._internal.index.collector import IndexContent, parse_links
from pip._internal.index.package_finder import LinkEvaluator
from pip._internal.models.target_python import TargetPython
from pip._internal.models.wheel import Wheel
from pip._vendor.packaging.version import InvalidVersion, Version

Wheel.supported = lambda self, tags: True  # which of them fits this machine is not the question


def version(link):
    evaluator = LinkEvaluator("foo-bar", "foo-bar", frozenset({"binary", "source"}), TargetPython(), True)
    found, detail = evaluator.evaluate_link(link)
    try:
        return str(Version(detail)) if found.name == "candidate" else None
    except InvalidVersion:
        return None


def told(link):
    metadata = link.metadata_file_data
    metadata = None if metadata is None else sorted(f"{a}:{d.lower()}" for a, d in (metadata.hashes or {}).items())
    hashes = sorted(f"{a}:{d.lower()}" for a, d in link._hashes.items())
    return [link.url_without_fragment, link.filename, hashes, metadata, link.is_yanked, version(link)]


for text, kind, url in json.load(sys.stdin):
    content = IndexContent(text.encode(), kind, "utf-8", url, cache_link_parsing=False)
    print(json.dumps([told(link) for link in parse_links(content)]))
"""

HREFS: Final = [
    "foo_bar-1.0-py3-none-any.whl",
    "../../f/Foo.Bar-1.0.tar.gz#sha256=ABCD",
    "/f/foo_bar-1.0+local.1-cp39-cp39-win32.whl",
    "//other/foo-bar-1.0-1.zip?x=1&y=%2B#md5=00",
    "https://h/a b/é/d~1/foo__bar-1.0rc1.tar.bz2",
    "https://h/a@b/x%2fy:z,/foo%2Dbar-1.0.tgz#sha512=aa&sha256=bb",
    "http://h:8080/foo-bar-1.0%2bl.tar.xz",
    "HTTPS://Host/%252B/foo-bar-2.tar",
    "https://h//x//foo-bar-3.tar.gz/",
    "https://h/foo-bar-1.0-py3.8.egg",
    "https://h/foo-bar-1.0.exe",
    "https://h/foo-bar-1.0.TAR.GZ",
    "https://h/foo-bar-x.tar.gz",
    "https://h/foo-bar-.tar.gz",
    "https://h/foo-bar.tar.gz",
    "https://h/foo-bar-baz-1.0.tar.gz",
    "https://h/foo-1.0.tar.gz",
    "https://h/foo_bar-1.0.whl",
    "https://h/foo_bar-1.0-py3-none-any.whl.metadata",
    "https://h/FOO_BAR-1.0-2-py2.py3-none-any.whl",
    "https://h/foo-bar-1!2.0.post1.dev3.zip",
    "file:///a b/foo-bar-1.0.zip",
    "  foo-bar-4.0.zip",
    "x\tfoo-bar-5.0.zip",
]
METADATA: Final[list[Any]] = [None, True, False, {}, {"sha256": "AB"}, {"sha3_256": "ab"}, {"sha256": "a", "sha1": "b"}]
YANKED: Final[list[Any]] = [None, True, False, "", "why"]


def json_pages() -> list[str]:
    files: list[dict[str, Any]] = [{"url": href, "hashes": {"sha256": "EF"}} for href in HREFS]
    files += [
        {"url": HREFS[0], "core-metadata": one, "dist-info-metadata": two} for one in METADATA for two in METADATA
    ]
    files += [{"url": HREFS[0], "yanked": yanked} for yanked in YANKED]
    files += [{"filename": "foo-bar-9.zip", "url": ""}, {"filename": "foo-bar-9.zip"}]
    return [json.dumps({"files": files}), '{"files": []}']


def html_pages() -> list[str]:
    anchors = [f'<a href="{html.escape(href)}">x</a>' for href in HREFS]
    said = ["", "=true", '=""', "=sha256", "=sha256=AB", "=md4=a", "='sha1=a=b'"]
    anchors += [
        f"<A HREF={HREFS[0]} data-core-metadata{one} data-dist-info-metadata{two}>" for one in said for two in said
    ]
    anchors += [f"<a href={HREFS[0]} data-yanked{value}>" for value in ("", '=""', "=why", '="&gt;"')]
    anchors += [
        "<a>",
        "<a href>",
        '<a href="">',
        '<a href="x" href="foo-bar-6.zip">',
        "<!-- <a href=no> -->",
        "<a href='cut",
    ]
    listed = "\n".join(anchors)
    bases = ["", "<base href='https://b/x'>", "<base><base href=https://x/y/><base href=https://z/>"]
    return [*(f"<html>{base}{listed}" for base in bases), f"{listed}<base href=https://late/>", "<p>nothing", ""]


CASES: Final = [*((text, JSON, PAGE) for text in json_pages()), *((text, HTML, PAGE) for text in html_pages())]


def told(link: Link) -> list[Any]:
    metadata = None if link.metadata is None else sorted(link.metadata)
    version = release_of(link.filename, canonicalize_name("foo-bar"))
    return [link.url, link.filename, sorted(link.hashes), metadata, link.yanked, version and str(version)]


def differences_removed(one: list[Any]) -> list[Any]:
    """Take out of pip's answer what pinstall leaves out on purpose: md5 proves nothing."""
    url, filename, hashes, *rest = one
    return [url, filename, [digest for digest in hashes if not digest.startswith("md5:")], *rest]


@pytest.mark.parametrize("release", RELEASES)
def test_pages_are_read_as_pip_reads_them(release: str) -> None:
    python = python_for(release)
    if python is None:
        pytest.skip(f"no Python for pip {release}")
    command = [str(python), "-I", "-c", PIP, str(pip_wheel(release))]
    ended = subprocess.run(command, input=json.dumps(CASES), capture_output=True, text=True, check=True)
    by_pip = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(by_pip) == len(CASES)
    for (text, kind, url), links in zip(CASES, by_pip, strict=True):
        ours = [told(link) for link in pages.read(text.encode(), kind, url)]
        assert ours == [differences_removed(link) for link in links]
