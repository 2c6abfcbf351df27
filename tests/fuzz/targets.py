"""Hold what is fuzzed: each target puts bytes where pinstall finds them, and returns what reads them.

What it returns may raise nothing: errors that are documented are expected inside.
"""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall import comparison, pip, stamp
from pinstall.cache import abi, build_records, http, wheels
from pinstall.cache import inventory as bodies
from pinstall.cache.shelf import Shelf
from pinstall.environment import contents, ledger
from pinstall.environment import distributions as environment
from pinstall.environment.file_list import FileList
from pinstall.environment.installed import find_overwritten, find_owners, find_shared
from pinstall.formats import metadata as heads
from pinstall.formats import urls as links
from pinstall.formats.metadata import release as release_of
from pinstall.index import pages
from pinstall.model.errors import PinstallError
from pinstall.model.pins import Distribution, Identity, Pin, Source
from pinstall.request import arguments, requirements, settings
from pinstall.request import lockfile as locks
from pinstall.request.demand import reduce
from pinstall.request.options import Pip
from pinstall.verdicts import closure

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[], object]
    Target = Callable[[bytes, str], Read]

DEMO: Final = canonicalize_name("demo")
URL: Final = "https://host/demo-1.0.zip"
PIN: Final = Pin(name=DEMO, version=Version("1.0"), source=Source(url=URL), hashes=frozenset(("sha256:" + "a" * 64,)))
ROOT: Final = closure.Need(name=DEMO, specifier=SpecifierSet(), extras=frozenset((canonicalize_name("x"),)), by="")
STEM: Final = "demo-1.0"
WHEEL: Final = f"{STEM}-py3-none-any.whl"
PIP: Final = (26, 3)
MARKERS: Final = {
    "python_version": "3.11",
    "os_name": "posix",
    "sys_platform": "linux",
    "python_full_version": "3.11.7",
}


def written(folder: str, path: str, content: bytes) -> str:
    """Write the bytes to a path below the folder, and return the whole path."""
    place = Path(folder, path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return str(place)


def _joined(*parts: str) -> str:
    return str(Path(*parts))


def requirement_file(content: bytes, folder: str) -> Read:
    """A requirement file, and the pins in it."""

    def read() -> None:
        for constraint in (False, True):
            found = requirements.read(content, file="r.txt", constraint=constraint, environ={"A": "b ${A}", "B": ""})
            reduce(found.lines, MARKERS)

    return read


def pip_conf(content: bytes, folder: str) -> Read:
    """A configuration file of pip, for several releases."""
    path = written(folder, "pip.conf", content)

    def read() -> None:
        for release in ((20, 1), (25, 2), PIP):
            with contextlib.suppress(PinstallError):
                settings.defaults({}, [path], arguments.rules(release), pip=Pip(release), isolated=False)

    return read


def command_line(content: bytes, folder: str) -> Read:
    """Words of a command line, parted by line ends."""
    words = content.decode("utf-8", "surrogateescape").replace("\0", "").split("\n")

    def read() -> None:
        with contextlib.suppress(PinstallError):
            arguments.carried(arguments.read(words, PIP), into_environment=True)

    return read


def _cached(folder: str) -> Read:
    def read() -> None:
        for path in http.list_paths(folder):
            entry = http.read_entry(folder, path)
            if entry is not None:
                with contextlib.suppress(OSError, ValueError), http.open_body(folder, entry) as body:
                    bodies.subject(body, entry.length, entry.headers)
                with contextlib.suppress(OSError, ValueError):
                    http.content(folder, entry, 1 << 20)
                with contextlib.suppress(OSError, ValueError):
                    http.hashes(folder, entry, ("sha256:a", "junk:a"))

    return read


def http_entry(content: bytes, folder: str) -> Read:
    """The file with the headers of an entry of pip's HTTP cache, and one of the old layout."""
    new, old = http.places(URL)
    written(folder, new, content)
    written(folder, new + http.BODY, b"PK\3\4")
    written(folder, old, content)
    return _cached(folder)


HEADERS: Final = (
    b"cc=4,\x82\xa8response\x86\xa4body\xc4\x00\xa7headers\x82\xacContent-Type\xd9\x09text/html\xb0"
    b"Content-Encoding%s\xa6status\xcc\xc8\xa7version\x0b\xa6reason\xa2OK\xaedecode_content\xc2\xa4vary\x80"
)


def http_body(content: bytes, folder: str) -> Read:
    """The body of an entry, after a byte that chooses how it says that it is encoded."""
    encoding = ("", "gzip", "deflate", "br")[content[0] % 4 if content else 0].encode()
    new, _ = http.places(URL)
    written(folder, new, HEADERS % (bytes([0xA0 + len(encoding)]) + encoding))
    written(folder, new + http.BODY, content[1:])
    return _cached(folder)


def body(content: bytes, folder: str) -> Read:
    """A body of which nothing but its bytes is known."""
    return lambda: [
        bodies.subject(io.BytesIO(content), len(content), headers)
        for headers in ({}, {"content-type": "text/html"}, {"content-type": "text/html", "content-encoding": "gzip"})
    ]


def _page(content: bytes, kind: str) -> Read:
    def read() -> None:
        with contextlib.suppress(ValueError):
            for link in pages.read(content, kind, "https://me:secret@host/simple/demo/"):
                release_of(link.filename, DEMO)

    return read


def json_page(content: bytes, folder: str) -> Read:
    """A JSON page of an index."""
    return _page(content, "application/vnd.pypi.simple.v1+json")


def html_page(content: bytes, folder: str) -> Read:
    """An HTML page of an index, its encoding on the first line."""
    charset, _, page = content.partition(b"\n")
    return _page(page, f"text/html; charset={charset.decode('latin-1')}")


def _wheel(content: bytes, folder: str) -> Read:
    path = written(folder, f"wheels/a/b/c/d/{WHEEL}", content)
    location = _joined(folder, "site-packages")
    written(location, f"{STEM}.dist-info/RECORD", b"demo.py,,\n../../../bin/demo,,\n")
    there = _distribution(location)

    def read() -> None:
        for one in wheels.list_paths(folder):
            wheels.examine(folder, wheels.artifact(folder, one))
        contents.equals(path, FileList(there))
        abi.missing(path)

    return read


def zip_bytes(content: bytes, folder: str) -> Read:
    """A wheel, as it is on the disk."""
    return _wheel(content, folder)


def wheel_members(content: bytes, folder: str) -> Read:
    """A wheel of members that are parted by `\\0\\0`, each a name, a line end, and its bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in content.split(b"\0\0"):
            name, _, inside = part.partition(b"\n")
            with contextlib.suppress(ValueError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of duplicate names
                archive.writestr(zipfile.ZipInfo(name.decode("utf-8", "replace")), inside)
    return _wheel(stream.getvalue(), folder)


def elf(content: bytes, folder: str) -> Read:
    """An extension module in a wheel."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("demo/_demo.so", content)
    path = written(folder, WHEEL, stream.getvalue())
    return lambda: abi.missing(path)


def origin(content: bytes, folder: str) -> Read:
    """The `origin.json` beside a built wheel."""
    path = f"wheels/a/b/c/d/{WHEEL}"
    written(folder, path, b"")
    written(folder, "wheels/a/b/c/d/origin.json", content)

    def read() -> None:
        wheel = wheels.artifact(folder, path)
        wheels.is_found_by_url(wheel, {"implementation_name": "cpython", "python_version": "3.11"})
        comparison.judge(PIN, wheel.identity)
        tuple(http.find(folder, wheel.url))

    return read


def _distribution(location: str) -> Distribution:
    place = _joined(location, f"{STEM}.dist-info")
    identity = Identity(name=DEMO, version=Version("1.0"))
    return Distribution(identity=identity, text="1.0", location=location, path=place)


def _installed(folder: str, name: str, content: bytes) -> None:
    for one, text in {"METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n", "INSTALLER": b"pip"}.items():
        written(folder, f"{STEM}.dist-info/{one}", text)
    written(folder, f"{STEM}.dist-info/{name}", content)


def direct_url(content: bytes, folder: str) -> Read:
    """The `direct_url.json` of an installed distribution."""
    _installed(folder, "direct_url.json", content)

    def read() -> None:
        for found in environment.Environment([folder]).every():
            comparison.judge(PIN, found.identity)
            hash(found)

    return read


def metadata(content: bytes, folder: str) -> Read:
    """The METADATA of an installed distribution, and what follows from its needs."""
    _installed(folder, "METADATA", content)

    def read() -> None:
        there = environment.Environment([folder])
        for found in there.every():
            comparison.judge(PIN, found.identity)
            closure.walk([ROOT], there.find, MARKERS)

    return read


def record_file(content: bytes, folder: str) -> Read:
    """The RECORD of an installed distribution."""
    _installed(folder, "RECORD", content)
    found = _distribution(folder)

    def read() -> None:
        files, beside = FileList(found), _joined(folder, ".", f"{STEM}.dist-info")
        other = Distribution(identity=found.identity, text="1.0", location=folder, path=beside)
        find_overwritten(files, find_owners([FileList(other)]))
        find_shared(find_owners([files]))
        tuple(contents.find_altered([files], 1))
        contents.find_foreign(files)
        assert (files.damage(), files.flaws, files.top_level, files.sources, files.digest()) is not None
        with contextlib.suppress(ValueError):
            heads.record_rows(content)

    return read


def ledger_file(content: bytes, folder: str) -> Read:
    """The ledger of an environment."""
    _installed(folder, "RECORD", b"")
    written(folder, f"{ledger.FOLDER}/ledger.json", content)
    found = _distribution(folder)

    def read() -> None:
        book = ledger.Ledger(folder, _joined(folder, "state"))
        book.holds()
        book.inputs(FileList(found))
        row = book.row(FileList(found))
        comparison.judge_hashes(PIN.hashes, frozenset() if row is None else row.hashes)

    return read


def stamp_file(content: bytes, folder: str) -> Read:
    """A stamp, with the right digest where it has room for one."""
    environ = {"XDG_STATE_HOME": folder, "HOME": folder}
    text = content.decode("utf-8", "surrogateescape")
    form, *rest = text.split("\0")
    written(folder, str(Path(stamp.locate((), environ)).relative_to(folder)), content)

    def read() -> None:
        stamp.find((), environ)
        if form == stamp.FORMAT:
            with contextlib.suppress(OSError, ValueError):
                stamp.fingerprint(
                    (), environ, [ground for ground in rest if "/dev/" not in ground and "/proc/" not in ground]
                )

    return read


def manifest(content: bytes, folder: str) -> Read:
    """The manifest of a receipt on the shelf."""
    receipt = "pinstall/shelf/00000000000000000001-1"
    written(folder, f"{receipt}/manifest.json", content)
    written(folder, f"{receipt}/0-{WHEEL}", b"")
    shelf = Shelf(folder)

    def read() -> None:
        for item in shelf.shelved():
            shelf.place(item)
            hash(item)
            comparison.judge(PIN, item.identity)

    return read


def lock_file(content: bytes, folder: str) -> Read:
    """A lock file."""
    chosen_all = locks.Choice(path="pylock.toml", default=True)
    return lambda: locks.read(content, chosen_all, file="pylock.toml", base="/base/", markers=MARKERS)


def build_record(content: bytes, folder: str) -> Read:
    """The record of a build."""
    written(folder, _joined(build_records.FOLDER, WHEEL, "ab.json"), content)
    return lambda: (build_records.known(folder, WHEEL), build_records.read(folder, WHEEL, "ab"))


def pips_report(content: bytes, folder: str) -> Read:
    """The report of pip, which holds what an index says."""
    path = written(folder, "report.json", content)
    return lambda: pip.read_report(path)


def link(content: bytes, folder: str) -> Read:
    """The text of a link."""
    text = content.decode("utf-8", "surrogateescape")

    def read() -> None:
        links.redacted(text)
        links.commit(text)
        links.digest(text)
        with contextlib.suppress(ValueError):
            links.file_name(text)

    return read


TARGETS: Final[dict[str, Target]] = {
    target.__name__: target
    for target in (
        *(requirement_file, pip_conf, command_line, http_entry, http_body, body, json_page, html_page, zip_bytes),
        *(wheel_members, elf, origin, direct_url, metadata, record_file, ledger_file, stamp_file, manifest, lock_file),
        *(build_record, pips_report, link),
    )
}
