"""Installed distributions: `find` against importlib.metadata, and everything that may be wrong with a dist-info."""

from __future__ import annotations

import importlib.metadata
import json
import site
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.environment.distributions import Environment
from pinstall.model.pins import Distribution, Source
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable

SHA = "sha256:" + "a" * 64


def add(
    location: Path,
    stem: str,
    text: str | bytes | None = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    **files: str | bytes,
) -> Path:
    """Make a dist-info; more files by name, with `__` for the dot."""
    folder = location / f"{stem}.dist-info"
    folder.mkdir(parents=True)
    for name, content in {**({} if text is None else {"METADATA": text}), **files}.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(raw)
    return folder


def find(name: str, *paths: Path) -> Distribution | None:
    return Environment([str(path) for path in paths]).find(canonicalize_name(name))


def found(name: str, *paths: Path) -> Distribution:
    distribution = find(name, *paths)
    assert distribution is not None
    return distribution


def headers(**fields: str) -> str:
    return "".join(
        f"{key.replace('_', '-')}: {value}\n" for key, value in {"Name": "demo", "Version": "1.0", **fields}.items()
    )


def test_it_agrees_with_importlib_metadata_on_every_distribution_of_this_environment() -> None:
    paths = list(dict.fromkeys([*site.getsitepackages(), *(path for path in sys.path if "site-packages" in path)]))
    environment = Environment(paths)
    seen = 0
    for theirs in importlib.metadata.distributions(path=paths):
        ours = environment.find(canonicalize_name(theirs.metadata["Name"]))
        assert ours is not None
        assert ours.damage is None
        assert ours.text == theirs.version
        assert ours.identity.version == Version(theirs.version)
        assert list(ours.requires or ()) == list(theirs.requires or ())
        assert Path(ours.path) == Path(theirs._path)  # type: ignore[attr-defined]
        assert ours.editable == ('"editable": true' in (theirs.read_text("direct_url.json") or ""))
        seen += 1
    assert seen > 10


METADATA_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "License: MIT",
                "        ",
                "\t",
                "        text that is folded: yes",
                "Requires-Dist: a>=1",
                "Requires-Dist: b ; extra == 'x'",
                "requires-dist:c",
                "Requires-Dist: d",
                "  <2",
                "Classifier: Ünicode",
                "no header at all",
                "",
            ]
        ),
    ),
    max_size=8,
)


@given(METADATA_LINES)
def test_it_reads_a_header_as_the_email_parser_does(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    location = tmp_path_factory.mktemp("site")
    add(location, "demo-1.0", "\n".join(["Name: demo", "Version: 1.0", *lines, ""]))
    (theirs,) = importlib.metadata.distributions(path=[str(location)])
    ours = found("demo", location)
    expected = [" ".join(line.split()) for line in theirs.requires or ()]
    assert [" ".join(line.split()) for line in ours.requires or ()] == expected


def test_blank_lines_inside_a_licence_do_not_hide_the_requirements(tmp_path: Path) -> None:
    licence = "MIT\n        \n        Permission is granted"
    add(tmp_path, "demo-1.0", headers(License=licence, Requires_Dist="other (>=1)\n  ; python_version > '3'"))
    assert found("demo", tmp_path).requires == ("other (>=1) ; python_version > '3'",)


@pytest.mark.parametrize("stem", ["Foo.Bar-1.0", "foo_bar-1.0", "FOO__bar-1.0", "foo.bar-1.0"])
@pytest.mark.parametrize("name", ["Foo.Bar", "foo-bar", "foo_bar"])
def test_names_are_found_however_they_are_spelled(tmp_path: Path, stem: str, name: str) -> None:
    add(tmp_path, stem, headers(Name=name))
    distribution = found("foo-BAR", tmp_path)
    assert (distribution.identity.name, distribution.damage) == ("foo-bar", None)
    assert find("foo", tmp_path) is None


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("Name: demo\n", "cannot be read"),
        ("\nName: demo\nVersion: 1.0\n", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (headers(Name="other"), "are of other 1.0"),
        (headers(Version="2.0"), "are of demo 2.0"),
        (headers(Version="no version"), "are of demo no version"),
    ],
)
def test_metadata_that_are_not_those_of_the_distribution_are_damage(
    tmp_path: Path, text: str | None, damage: str
) -> None:
    add(tmp_path, "demo-1.0", text)
    assert damage in (found("demo", tmp_path).damage or "")


def test_metadata_that_cannot_be_opened_are_damage_with_unknown_needs(tmp_path: Path) -> None:
    (add(tmp_path, "demo-1.0", None) / "METADATA").mkdir()
    distribution = found("demo", tmp_path)
    assert "cannot be read" in (distribution.damage or "")
    assert distribution.requires is None
    assert distribution.identity.version is None


@pytest.mark.parametrize(
    ("stem", "version"), [("demo-1.0.0", "1.0"), ("demo-1.0+Local.1", "1.0+local.1"), ("demo", "1")]
)
def test_another_spelling_of_the_same_version_is_no_damage(tmp_path: Path, stem: str, version: str) -> None:
    add(tmp_path, stem, headers(Version=version))
    assert found("demo", tmp_path).damage is None


def test_a_version_that_is_none_is_kept_as_text(tmp_path: Path) -> None:
    add(tmp_path, "demo-unknown", headers(Version="unknown"))
    distribution = found("demo", tmp_path)
    assert (distribution.text, distribution.identity.version, distribution.damage) == ("unknown", None, None)


def test_bytes_that_are_no_utf_8_do_not_hide_the_rest(tmp_path: Path) -> None:
    add(tmp_path, "demo-1.0", headers(Author="X").encode() + b"Author: M\xfcller\nRequires-Dist: other\n")
    assert found("demo", tmp_path).requires == ("other",)


@pytest.mark.parametrize("second", ["demo-2.0", "Demo-1.0.0"])
def test_two_of_one_name_in_one_folder_are_damage(tmp_path: Path, second: str) -> None:
    add(tmp_path, "demo-1.0")
    add(tmp_path, second, headers(Version=second.partition("-")[2]))
    assert (found("demo", tmp_path).damage or "").startswith("it is installed 2 times: ")


def test_the_first_folder_of_the_path_wins_without_damage(tmp_path: Path) -> None:
    add(tmp_path / "near", "demo-2.0", headers(Version="2.0"))
    add(tmp_path / "far", "demo-1.0")
    first = found("demo", tmp_path / "near", tmp_path / "far")
    assert (first.text, first.damage, first.location) == ("2.0", None, str(tmp_path / "near"))
    assert found("demo", tmp_path / "far", tmp_path / "near").text == "1.0"
    assert found("demo", tmp_path / "far", tmp_path / "far").damage is None


def test_what_is_no_folder_of_distributions_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "python311.zip").write_bytes(b"no archive")
    add(tmp_path / "site", "demo-1.0")
    (tmp_path / "site" / "demo").mkdir()
    (tmp_path / "site" / "dist-info").mkdir()
    paths = [tmp_path / "python311.zip", tmp_path / "missing", tmp_path / "site"]
    assert found("demo", *paths).text == "1.0"
    assert find("other", *paths) is None


@pytest.mark.parametrize("name", ["libs.zip", "demo-9.9-py3-none-any.whl", "libs.data"])
def test_an_archive_counts_where_it_is_on_the_path(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("demo-9.9.dist-info/METADATA", f"{headers(Version='9.9')}Requires-Dist: bb\n")
        archive.writestr("Old_One-1.0.egg-info/PKG-INFO", headers(Name="Old-One"))
        archive.writestr("deep/below-1.0.dist-info/METADATA", headers(Name="below"))
        archive.writestr("bare-1.0.dist-info/RECORD", "")
    add(tmp_path / "site", "demo-1.0")
    demo = found("demo", place, tmp_path / "site")
    assert (demo.text, demo.location, demo.requires, demo.damage) == ("9.9", str(place), ("bb",), None)
    assert found("demo", tmp_path / "site", place).text == "1.0"
    assert found("old-one", place).text == "1.0"
    assert [find(name, place) for name in ("below", "bare")] == [None, None]
    known = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions(path=[str(place)])}
    assert {"Old-One": "1.0", demo.identity.name: "9.9"}.items() <= known.items()


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("damage", [_cut, lambda content: b"PK" + content[2:40], lambda _: b""])
def test_a_damaged_archive_has_nothing(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    place = wheel("demo", "1.0").write(tmp_path)
    place.write_bytes(damage(place.read_bytes()))
    assert find("demo", place) is None


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_an_archive_that_could_be_a_bomb_is_passed_over(tmp_path: Path, method: int) -> None:
    place = tmp_path / "libs.zip"
    with zipfile.ZipFile(place, "w", method) as archive:
        archive.writestr("demo-9.9.dist-info/METADATA", headers(Version="9.9") + "\n" + " " * (1 << 26))
        archive.writestr("other-1.0.dist-info/METADATA", headers(Name="other"), zipfile.ZIP_STORED)
    assert find("demo", place) is None
    assert found("other", place).text == "1.0"


def test_leftovers_of_a_killed_pip_are_not_installed(tmp_path: Path) -> None:
    add(tmp_path, "~emo-0.9", headers(Version="0.9"), direct_url__json=json.dumps({"url": "file:///x", "dir_info": {}}))
    assert find("demo", tmp_path) is None
    add(tmp_path, "demo-1.0")
    assert found("demo", tmp_path).damage is None


def test_an_egg_info_file_or_folder_is_a_distribution(tmp_path: Path) -> None:
    (tmp_path / "plain-1.0-py3.8.egg-info").write_text(headers(Name="plain"), encoding="utf-8")
    folder = tmp_path / "Demo_Pkg-2.0-py3.8.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text(headers(Name="Demo-Pkg", Version="2.0"), encoding="utf-8")
    plain, demo = found("plain", tmp_path), found("demo.pkg", tmp_path)
    assert (plain.text, plain.damage, plain.requires) == ("1.0", None, ())
    assert (demo.text, demo.damage, demo.requires) == ("2.0", None, ())
    needs = "other>=1\n[:python_version < '3']\nold\n\n[fast:os_name == 'nt' or os_name == 'x']\nwin\n[fast]\nquick\n"
    (folder / "requires.txt").write_text(needs, encoding="utf-8")
    assert found("demo-pkg", tmp_path).requires == (
        "other>=1",
        "old ; (python_version < '3')",
        "win ; (os_name == 'nt' or os_name == 'x') and extra == 'fast'",
        "quick ; extra == 'fast'",
    )


def test_an_egg_info_of_the_same_version_beside_a_dist_info_is_none(tmp_path: Path) -> None:
    add(tmp_path, "demo-1.0")
    folder = tmp_path / "demo.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text(headers(), encoding="utf-8")
    both = found("demo", tmp_path)
    assert (both.damage, both.path) == (None, str(tmp_path / "demo-1.0.dist-info"))
    (folder / "installed-files.txt").touch()  # what pip has put there is a copy of its own
    assert "2 times" in (found("demo", tmp_path).damage or "")


def test_a_dist_info_beside_an_egg_info_of_another_version_is_damage(tmp_path: Path) -> None:
    add(tmp_path, "demo-1.0")
    (tmp_path / "demo-0.9-py3.8.egg-info").write_text(headers(Version="0.9"), encoding="utf-8")
    assert "2 times" in (found("demo", tmp_path).damage or "")


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("document", "source", "hashes", "editable"),
    [
        (
            {
                "url": "https://user:secret@host/demo-1.0.zip?token=1#x",
                "archive_info": {"hashes": {"sha256": "a" * 64}},
            },
            Source(url="https://host/demo-1.0.zip"),
            {SHA},
            False,
        ),
        (
            {"url": "https://host/d.zip", "archive_info": {"hash": "sha256=" + "a" * 64}, "subdirectory": "sub"},
            Source(url="https://host/d.zip", subdirectory="sub"),
            {SHA},
            False,
        ),
        (
            {
                "url": "ssh://git@host/x.git",
                "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"},
            },
            Source(url="ssh://host/x.git", commit=COMMIT),
            set(),
            False,
        ),
        ({"url": "file:///src", "dir_info": {}}, Source(url="file:///src"), set(), False),
        ({"url": "file:///src", "dir_info": {"editable": True}}, Source(url="file:///src"), set(), True),
    ],
)
def test_each_kind_of_direct_reference_is_read(
    tmp_path: Path, document: dict[str, Any], source: Source, hashes: set[str], editable: bool
) -> None:
    add(tmp_path, "demo-1.0", direct_url__json=json.dumps(document))
    add(tmp_path, "other-1.0", headers(Name="other"))
    environment = Environment([str(tmp_path)])
    direct = environment.find(canonicalize_name("demo"))
    assert direct is not None
    assert (direct.identity.source, direct.editable) == (source, editable)
    assert direct.identity.hashes == frozenset(hashes)
    other = environment.find(canonicalize_name("other"))
    assert other is not None
    assert (other.identity.source, other.identity.hashes) == (None, frozenset())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{",
        b"[]",
        b"{}",
        b'"text"',
        b'{"url": null}',
        b'{"url": 5}',
        b'{"url": "http://[", "dir_info": {}}',
        b'{"url": "https://host/x", "archive_info": ["hash"]}',
        b'{"url": "https://host/x", "archive_info": {"hashes": 5}}',
        b'{"url": "https://host/x", "archive_info": {"hash": 5}}',
        b'{"url": "https://host/x", "dir_info": ["editable"]}',
    ],
)
def test_a_broken_direct_reference_is_not_known_and_accuses_nobody(tmp_path: Path, content: bytes) -> None:
    add(tmp_path, "demo-1.0", direct_url__json=content)
    distribution = found("demo", tmp_path)
    assert (distribution.damage, distribution.text) == (None, "1.0")
    assert distribution.identity.source is None
    assert (distribution.identity.hashes, distribution.editable) == (frozenset(), False)


@pytest.mark.parametrize(
    ("listed", "believed"),
    [
        (None, True),
        ("", True),
        ("demo.py,,\ndemo-1.0.dist-info/direct_url.json,sha256=x,1\n", True),
        ("demo-1.0.dist-info\\direct_url.json,,\n", True),
        ("demo.py,,\ndemo/direct_url.json,,\n", False),
        ("demo.py,,\ndemo-1.0.dist-info/RECORD,,\n", False),
    ],
)
def test_a_direct_reference_that_record_does_not_list_is_of_what_was_there_before(
    tmp_path: Path, listed: str | None, *, believed: bool
) -> None:
    files = {} if listed is None else {"RECORD": listed}
    document = json.dumps({"url": "file:///src", "dir_info": {"editable": True}})
    add(tmp_path, "demo-1.0", direct_url__json=document, **files)
    distribution = found("demo", tmp_path)
    assert (distribution.identity.source is not None, distribution.editable) == (believed, believed)


def test_each_distribution_is_read_once(tmp_path: Path) -> None:
    environment = Environment([str(tmp_path)])
    add(tmp_path, "demo-1.0")
    before = environment.find(canonicalize_name("demo"))
    add(tmp_path, "demo-2.0", headers(Version="2.0"))
    assert environment.find(canonicalize_name("demo")) is before
