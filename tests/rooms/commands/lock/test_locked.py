"""What is locked, with which hashes, and who asks for it; and the texts that say so."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import canonicalize_name

from pinstall.commands.lock import earlier
from pinstall.commands.lock import locked as locking
from pinstall.commands.lock import texts as lock_texts
from pinstall.formats import metadata
from pinstall.model.artifacts import Link, Page
from pinstall.model.errors import PinstallError
from pinstall.request import lockfile, requirements
from tests.support.values import COMMIT, MARKERS, lines, sha256

if TYPE_CHECKING:
    from pinstall.model.inputs import RequirementFile

A, B, C = (sha256(letter) for letter in "abc")
INDEX = "https://index.invalid/simple"


def item(name: str, version: str = "1.0", digest: str = A, *requires: str, **more: Any) -> dict[str, Any]:
    """Return what pip's report says of a wheel; further keywords replace what it says."""
    url = f"https://files.invalid/{name}-{version}-py3-none-any.whl"
    archive = {"hashes": dict([digest.split(":")])} if digest else {}
    said = {"download_info": {"url": url, "archive_info": archive}, "is_direct": False}
    return {**said, "metadata": {"name": name, "version": version, "requires_dist": list(requires)}, **more}


def report(*items: dict[str, Any]) -> dict[str, Any]:
    return {"environment": MARKERS, "install": list(items)}


def page(*files: str, index: str = INDEX) -> Page:
    """Return a page of `FILENAME HASH` each."""
    parted = (text.split() for text in files)
    links = (Link(url=f"https://files.invalid/{name}", filename=name, hashes=frozenset(of)) for name, *of in parted)
    return Page(index=index, links=tuple(links))


def locked(*items: dict[str, Any], roots: str = "", offered: dict[str, list[Page]] | None = None) -> dict[str, Any]:
    pages = {canonicalize_name(name): some for name, some in (offered or {}).items()}
    return {str(one.name): one for one in locking.locked(report(*items), lines(roots), pages)}


class TestAskers:
    def test_places_and_projects_ask(self) -> None:
        found = locked(item("Top", "1.0", A, "dep>=1"), item("dep"), roots="top\ndep==1.0\n")
        assert (found["top"].askers, found["dep"].askers) == (("r.txt",), ("r.txt", "top"))

    def test_a_marker_that_does_not_apply_asks_for_nothing(self) -> None:
        never = "python_version < '3'"
        found = locked(item("top", "1.0", A, f"dep; {never}"), item("dep"), roots=f"top\ndep; {never}\n")
        assert found["dep"].askers == ()

    def test_extras_ask_for_what_they_bring_and_for_more_extras_wherever_the_walk_began(self) -> None:
        found = locked(
            item("aa", "1.0", A, "zz[all]"),
            item("dep"),
            item("zz", "1.0", A, "zz[Some_More]; extra == 'all'", "dep[x]; extra == 'some-more'", "aa; extra == 'no'"),
            roots="aa",
        )
        assert {name: one.extras for name, one in found.items()} == {
            "aa": (),
            "dep": ("x",),
            "zz": ("all", "some-more"),
        }
        assert {name: one.askers for name, one in found.items()} == {"aa": ("r.txt",), "dep": ("zz",), "zz": ("aa",)}


class TestFiles:
    def test_every_file_of_the_release_counts_and_no_other(self) -> None:
        listed = page(
            f"demo-1.0-py3-none-any.whl {A}",
            f"demo-1.0.tar.gz {B}",
            f"demo-1-cp311-cp311-win32.whl {C}",
            f"demo-1.0.1.tar.gz {C}",
            f"demo-11.tar.gz {C}",
            "demo-1.0.zip",
        )
        found = locked(item("demo"), offered={"demo": [listed]})["demo"]
        names = ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "demo-1-cp311-cp311-win32.whl"]
        assert [link.filename for link in found.files] == names
        assert (found.index, found.alone) == (INDEX, "")

    @pytest.mark.parametrize(
        ("version", "filename"),
        [
            ("0.0.1", "demo-0.0.1.tar.gz"),
            ("2024.1.5", "demo-2024.01.05.tar.gz"),
            ("1!2.0", "demo-1!2.0.tar.gz"),
            ("1.0rc1", "demo-1.0-rc1.tar.gz"),
            ("1.0+cu1", "demo-1.0+cu1-py3-none-any.whl"),
            ("1.2.0", "demo-v1.2.tar.gz"),
        ],
    )
    def test_a_release_is_known_in_every_spelling(self, version: str, filename: str) -> None:
        found = locked(item("demo", version), offered={"demo": [page(f"{filename} {A}")]})["demo"]
        assert [link.filename for link in found.files] == [filename]

    def test_only_the_index_counts_that_pip_took_it_from(self) -> None:
        pages = [page(f"demo-1.0.tar.gz {B}", index="https://other.invalid"), page(f"demo-1.0-py3-none-any.whl {A}")]
        found = locked(item("demo"), offered={"demo": pages})["demo"]
        assert (found.index, [link.hashes for link in found.files]) == (INDEX, [{A}])

    def test_where_nothing_lists_the_file_it_stands_alone(self) -> None:
        found = locked(item("demo"), offered={"demo": [page(f"demo-1.0.tar.gz {B}")]})["demo"]
        assert (found.alone, [link.hashes for link in found.files]) == (locking.UNLISTED, [{A}])

    def test_an_index_that_lists_other_contents_under_that_name_is_refused(self) -> None:
        with pytest.raises(PinstallError) as refused:
            locked(item("demo"), offered={"demo": [page(f"demo-1.0-py3-none-any.whl {B}")]})
        assert refused.value.reference == "lying-index"
        assert [A in str(refused.value.context[0]), B in str(refused.value.context[1])] == [True, True]

    @pytest.mark.parametrize("listed", [[], ["demo-1.0-py3-none-any.whl"]])
    def test_what_nobody_has_a_hash_of_cannot_be_locked(self, listed: list[str]) -> None:
        with pytest.raises(PinstallError, match="nothing gives a sha256"):
            locked(item("demo", digest=""), offered={"demo": [page(*listed)]})


def test_old_pins_that_a_line_does_not_allow_are_outgrown() -> None:
    text = "a==1.0 --hash=" + A + "\nb==1.0\nc==1.0\nd>1\ne==1.0\nf @ git+https://h/f@" + COMMIT
    old = earlier.read(f"{text}\n    # revision main\n", "r.txt", "/", MARKERS, {}).pins
    assert sorted(old) == ["a", "b", "c", "e", "f"]
    now = lines("a>=1\nb>1\nc @ https://h/c.zip\ne>1; python_version < '3'\nf @ git+https://h/f@main\n")
    assert sorted(earlier.find_outgrown(old, now, MARKERS)) == ["b", "c"]
    moved = lines("f @ git+https://h/f@v2\n")
    assert sorted(earlier.find_outgrown(old, moved, MARKERS)) == ["f"]


def everything() -> tuple[locking.Locked, ...]:
    """Return one of each kind, as pip's report has them."""
    url = "https://h/x-1.0.zip"
    direct = {"url": url, "subdirectory": "in", "archive_info": {"hash": A.replace(":", "=")}}
    vcs = {"url": "https://h/repo", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    found = locked(
        item("demo", metadata={"name": "demo", "version": "1.0", "requires_python": ">=3.8"}),
        item("direct", is_direct=True, download_info=direct),
        item("local", is_direct=True, download_info={"url": "file:///secret/place", "dir_info": {}}),
        item("vcs", is_direct=True, download_info=vcs),
        roots="demo[some]\n",
        offered={"demo": [page(f"demo-1.0.tar.gz {B}", f"demo-1.0-py3-none-any.whl {A}")]},
    )
    return tuple(found.values())


def test_a_requirement_file_says_the_same_when_it_is_read() -> None:
    text = lock_texts.requirements(everything(), ["# heading"], ["--index-url https://h/simple"])
    assert text.startswith("# heading\n--index-url https://h/simple\n\ndemo[some]==1.0 \\\n    --hash=sha256:aaa")
    assert "secret" not in text
    read = requirements.read(text.encode(), file="r.txt", constraint=False, environ={})
    assert read.faults == ()
    found = {str(line.name): line for line in read.lines}
    assert list(found) == ["demo", "direct", "vcs"]
    assert [set(found[name].hashes) for name in ("demo", "direct")] == [{A, B}, {A}]
    assert set(found["demo"].extras) == {"some"}
    assert found["direct"].link == "https://h/x-1.0.zip#subdirectory=in"
    assert found["vcs"].link == f"git+https://h/repo@{COMMIT}"
    assert "\n    # via r.txt\n" in text


@pytest.mark.parametrize(
    ("was", "instead", "name"),
    [
        ("demo[some]==1.0", "demo[some]==1.1", "demo"),
        ("demo[some]==1.0", "demo==1.0", "demo"),
        (f"--hash={A}", f"--hash={C}", "demo"),
        (f"    --hash={B}", "#", "demo"),
        ("https://h/x-1.0.zip", "https://h/y-1.0.zip", "direct"),
        (COMMIT, "0" * 40, "vcs"),
        ("vcs @", "# vcs @", "vcs"),
        ("# local is left out: it", "local==1.0", "local"),
        ("demo[some]==1.0", "???", "???"),
    ],
)
def test_what_would_be_read_as_something_else_is_found(was: str, instead: str, name: str) -> None:
    text = lock_texts.requirements(everything(), ["# heading"], [])
    assert lock_texts.find_fault(read_back(text), everything(), MARKERS, whole=True) == ""
    assert name in lock_texts.find_fault(read_back(text.replace(was, instead, 1)), everything(), MARKERS, whole=True)


def read_back(text: str) -> RequirementFile:
    return requirements.read(text.encode(), file="r.txt", constraint=False, environ={})


def test_a_lock_file_says_the_same_when_it_is_read() -> None:
    pylock = pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")
    text = lock_texts.lock(everything(), ["# heading"], MARKERS, "/")
    assert lockfile.flaw(text) is None
    read = pylock.Pylock.from_dict(metadata.parse_toml(text.encode()))
    demo, direct, vcs = read.packages
    assert (demo.name, str(demo.version), str(demo.requires_python), demo.index) == ("demo", "1.0", ">=3.8", INDEX)
    assert (demo.sdist.hashes, [one.hashes for one in demo.wheels]) == ({"sha256": B[7:]}, [{"sha256": A[7:]}])
    assert (direct.archive.subdirectory, direct.archive.hashes) == ("in", {"sha256": A[7:]})
    assert (vcs.vcs.type, vcs.vcs.commit_id) == ("git", COMMIT)
    assert [marker.evaluate(MARKERS) for marker in read.environments] == [True]
    assert not read.environments[0].evaluate({**MARKERS, "python_version": "3.99"})
    assert "environments" not in lock_texts.lock(everything(), ["# heading"], None, "/")


@pytest.mark.parametrize(
    ("uploaded", "written"),
    [
        ("2024-05-06T07:08:09.123456Z", datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone.utc)),
        ("2024-05-06T07:08:09Z", datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_lock_file_has_size_and_time_where_the_index_says_them(uploaded: str, written: datetime | None) -> None:
    pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")
    link = Link(url="https://h/a-1.zip", filename="a-1.zip", hashes=frozenset({A}), size=5, uploaded=uploaded)
    one = locking.Locked(name=canonicalize_name("a"), version="1", files=(link,), hashes=(A,))
    text = lock_texts.lock([one], [], None, "/")
    sdist = metadata.parse_toml(text.encode())["packages"][0]["sdist"]
    assert (sdist["size"], sdist.get("upload-time")) == (5, written)
    assert lockfile.flaw(text) is None


def test_a_lock_file_that_is_none_has_a_flaw() -> None:
    pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")
    assert lockfile.flaw('lock-version = "1.0"') is not None
    assert lockfile.flaw("[") is not None


def test_a_difference_shows_hashes_only_where_nothing_else_changes() -> None:
    old = "a==1 \\\n    --hash=sha256:aa\nb==1\n"
    assert lock_texts.difference(old, old.replace("a==1", "a==2").replace(":aa", ":bb")) == ("-a==1 \\", "+a==2 \\")
    assert lock_texts.difference(old, old.replace(":aa", ":bb")) == ("-    --hash=sha256:aa", "+    --hash=sha256:bb")


def test_the_order_of_pips_report_does_not_matter() -> None:
    items = [item("b", "1.0", A, "a"), item("a")]
    assert locked(*items) == locked(*reversed(items))
    assert list(locked(*items)) == ["a", "b"]
