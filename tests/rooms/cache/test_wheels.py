"""The cache of locally built wheels: filled by real pips, then falsified in every way."""

from __future__ import annotations

import email
import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.cache import wheels
from tests.support import caches
from tests.support.environments import Environment, copy, template
from tests.support.index import Index
from tests.support.pips import python_for
from tests.support.processes import sealed
from tests.support.runner import Runner
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from pinstall.model.artifacts import Artifact

SOURCES = (sdist("demo", "1.0"), sdist("Foo.Bar", "2.0"), sdist("plain", "1.0"))
DEMO = wheel("demo", "1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A copy of a cache that pip filled."""

    root: Path

    def found(self, *names: str) -> list[Artifact]:
        projects = {canonicalize_name(name) for name in names or ("demo",)}
        artifacts = wheels.find_wheels(str(self.root), projects)
        return sorted((wheels.examine(str(self.root), one) for one in artifacts), key=lambda one: one.path)

    @property
    def one(self) -> Artifact:
        (artifact,) = self.found()
        return artifact

    @property
    def built(self) -> Path:
        """The wheel that pip built of demo 1.0."""
        return next(self.root.glob("wheels/**/demo-1.0-*.whl"))

    def replace(self, content: bytes, name: str | None = None) -> None:
        """Put other bytes in the place of the built wheel, under another file name where one is given."""
        built = self.built
        built.unlink()
        built.with_name(name or built.name).write_bytes(content)


@pytest.fixture(scope="module", params=["26.3", "22.3.1"])
def filled(request: pytest.FixtureRequest, templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache into which a real pip built three sdists; not to be changed."""
    python = python_for(request.param)
    if python is None:
        pytest.skip(f"no Python for pip {request.param}")
    home = tmp_path_factory.mktemp("filled")
    root = copy(template(templates, python, request.param), home / "environment")
    with Index() as index:
        for source in SOURCES:
            index.add(source)
        runner = Runner(environment=Environment(root=root, variables=sealed(home)), home=home, index=index)
        runner.pip("install", "demo", "foo-bar", "plain")
    return runner.cache


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Cache:
    """Return a cache of this test, filled by pip."""
    return Cache(root=shutil.copytree(filled, tmp_path / "pip"))


@pytest.fixture
def bare(tmp_path: Path) -> Cache:
    """Return a cache with one entry of demo 1.0, as pip lays it out."""
    folder = tmp_path / "wheels" / "ab" / "cd" / "ef" / ("0" * 50)
    DEMO.write(folder)
    origin = {"url": "https://host/demo-1.0.tar.gz", "archive_info": {"hash": f"sha256={SOURCES[0].sha256}"}}
    (folder / "origin.json").write_text(json.dumps(origin), encoding="utf-8")
    return Cache(root=tmp_path)


def test_what_pip_built_is_found_by_project_with_the_hash_of_its_source(cache: Cache) -> None:
    artifacts = cache.found("demo", "foo-bar")
    assert [artifact.damage for artifact in artifacts] == [None, None]
    by_name = {artifact.identity.name: artifact for artifact in artifacts}
    assert set(by_name) == {"demo", "foo-bar"}
    for source, name, version in zip(SOURCES, ("demo", "foo-bar"), ("1.0", "2.0"), strict=False):
        identity = by_name[canonicalize_name(name)].identity
        assert identity.hashes == {f"sha256:{source.sha256}"}
        assert identity.version == by_name[identity.name].archive == Version(version)
    assert {cache.root / artifact.path for artifact in artifacts} <= set(caches.built_wheels(cache.root))
    assert len(caches.built_wheels(cache.root)) == len(SOURCES)
    assert cache.found("plai", "other") == []


def test_nothing_is_written_by_looking(cache: Cache) -> None:
    before = caches.snapshot(cache.root)
    cache.found("demo", "foo-bar", "plain")
    assert caches.snapshot(cache.root) == before


def test_a_cache_that_is_none_holds_nothing(tmp_path: Path) -> None:
    assert Cache(root=tmp_path / "missing").found() == []
    (tmp_path / "file").write_bytes(b"")
    assert Cache(root=tmp_path / "file").found() == []
    (tmp_path / "wheels").write_bytes(b"")
    assert Cache(root=tmp_path).found() == []


def test_wheels_that_pip_would_not_look_at_are_not_reported(bare: Cache) -> None:
    for place in ("", "ab", "ab/cd/ef", f"ab/cd/ef/{'0' * 50}/deeper"):
        wheel("demo", "9.9").write(bare.root / "wheels" / place)
    (bare.built.parent / "demo-9.9-py3-none-any.whl.part").write_bytes(b"")
    assert [artifact.path for artifact in bare.found()] == [str(bare.built.relative_to(bare.root))]


def test_a_wheel_of_another_version_is_sound_in_itself_and_its_archive_tells(cache: Cache) -> None:
    caches.poison(cache.built, wheel("demo", "9.9"))
    assert cache.one.identity.version == Version("9.9")
    assert (cache.one.archive, cache.one.damage) == (Version("1.0"), None)


@pytest.mark.parametrize(
    ("archive", "damage"),
    [
        (wheel("demo", "1.0", metadata={"Version": "9.9"}), "its METADATA says demo 9.9"),
        (wheel("demo", "1.0", metadata={"Version": "1.0+local"}), "its METADATA says demo 1.0+local"),
        (wheel("demo", "1.0", metadata={"Name": "other"}), "its METADATA says other 1.0"),
        (wheel("demo", "1.0", metadata={"Version": ""}), "its METADATA says demo "),
        (wheel("demo", "1.0", metadata={"Version": "none at all"}), "its METADATA says demo none at all"),
        (wheel("demo", "1.0", dist_info="demo-9.9"), "its dist-info folder says demo 9.9"),
        (wheel("demo", "1.0", dist_info="other-1.0"), "its dist-info folder says other 1.0"),
        (wheel("demo", "1.0", files={"demo-2.0.dist-info/METADATA": b""}), "has 2 dist-info folders"),
        (wheel("demo", "1.0", files={"x-1.dist-info/WHEEL": b""}), "has 2 dist-info folders"),
        (Archive(DEMO.filename, b""), "is not a valid wheel"),
        (Archive(DEMO.filename, b"PK\x03\x04 and so on"), "is not a valid wheel"),
        (Archive(DEMO.filename, SOURCES[0].content), "is not a valid wheel"),
        (DEMO.truncated(), "is not a valid wheel"),
        (DEMO.truncated(len(DEMO.content) - 1), "is not a valid wheel"),
        (DEMO.flipped(), "demo.py"),
    ],
)
def test_a_wheel_that_is_not_what_it_says_is_damaged(bare: Cache, archive: Archive, damage: str) -> None:
    bare.replace(archive.content)
    assert damage in (bare.one.damage or "")
    assert bare.one.identity.version == Version("1.0")


def without(*endings: str) -> bytes:
    """Return the wheel of demo without some members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(DEMO.content)) as old, zipfile.ZipFile(stream, "w") as new:
        for member in old.namelist():
            if not member.endswith(endings):
                new.writestr(member, old.read(member))
    return stream.getvalue()


def test_a_wheel_without_metadata_is_damaged(bare: Cache) -> None:
    bare.replace(without("/METADATA"))
    assert "is not a valid wheel" in (bare.one.damage or "")
    bare.replace(without("/METADATA", "/WHEEL", "/RECORD"))
    assert bare.one.damage == "has 0 dist-info folders"


def test_wherever_a_byte_is_wrong_the_wheel_is_damaged_or_its_contents_are_the_same(bare: Cache) -> None:
    def contents() -> dict[str, bytes]:
        with zipfile.ZipFile(bare.built) as archive:
            return {member: archive.read(member) for member in archive.namelist()}

    expected = contents()
    unnoticed = 0
    for offset in range(len(DEMO.content)):
        bare.built.write_bytes(DEMO.flipped(offset).content)
        if bare.one.damage is None:
            unnoticed += 1
            assert contents() == expected
    assert unnoticed < len(DEMO.content) / 4, "only times and attributes may be wrong"


@pytest.mark.parametrize(
    "files",
    [
        {"demo/": b"", "demo-1.0.dist-info/": b"", "demo-1.0.data/": b""},
        {"demo-1.0.data/scripts/run": b"#!python", "demo-1.0.data/data/share/x-1.dist-info/METADATA": b"Name: x\n"},
        {"demo/_vendor/other-3.0.dist-info/METADATA": b"Name: other\nVersion: 3.0\n"},
        {"demo-1.0.dist-info/licenses/x.dist-info/METADATA": b""},
    ],
    ids=["directories", "data", "vendored", "licences"],
)
def test_what_else_a_wheel_may_contain_is_no_damage(bare: Cache, files: dict[str, bytes]) -> None:
    bare.replace(wheel("demo", "1.0", files=files).content)
    assert bare.one.damage is None


@pytest.mark.parametrize(
    "metadata",
    [
        b"Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\n\r\nVersion: 9.9\r\n",
        b"License: MIT\n        \n        Version: 9.9\nname:Demo\nVersion: 1.0.0\nVERSION: 9\n",
        b"Author: M\xfcller\nName: demo\nVersion: 1.0\n\nName: other\n",
    ],
)
def test_metadata_are_read_as_pip_reads_them(bare: Cache, metadata: bytes) -> None:
    bare.replace(wheel("demo", "1.0", files={"demo-1.0.dist-info/METADATA": metadata}).content)
    assert bare.one.damage is None


def test_a_blank_before_the_colon_ends_the_fields_as_for_pip(bare: Cache) -> None:
    head = b"Name: demo\nSummary : x\nVersion: 1.0\n"
    assert "version" not in {key.lower() for key in email.message_from_bytes(head)}
    bare.replace(wheel("demo", "1.0", files={"demo-1.0.dist-info/METADATA": head}).content)
    assert bare.one.damage is not None


@pytest.mark.parametrize("name", ["Foo.Bar-1.0-py3-none-any.whl", "foo_bar-1.0.0-1x-py3-none-any.whl"])
@pytest.mark.parametrize("dist_info", ["Foo.Bar-1.0", "foo_bar-1.0"])
def test_spellings_of_name_and_version_do_not_matter(bare: Cache, name: str, dist_info: str) -> None:
    archive = wheel("Foo.Bar", "1.0", dist_info=dist_info, metadata={"Version": "1.0.0"})
    archive._replace(filename=name).write(bare.built.parent)
    (artifact,) = bare.found("FOO-bar")
    assert (artifact.identity.name, artifact.identity.version) == ("foo-bar", Version("1.0"))
    assert artifact.damage is None


@pytest.mark.parametrize("name", ["demo-1.0.whl", "demo-one-py3-none-any.whl", "demo-1.0-x-y-py3-none-any.whl"])
def test_a_file_name_that_is_none_is_damage(bare: Cache, name: str) -> None:
    bare.replace(DEMO.content, name)
    assert bare.one.damage == "does not have a valid wheel file name"
    assert (bare.one.identity.name, bare.one.identity.version) == ("demo", None)


def test_each_of_several_wheels_is_reported_and_a_foreign_one_only_to_its_own_project(bare: Cache) -> None:
    for archive in (wheel("demo", "1.0", tag="py3-none-linux_x86_64"), wheel("demo", "0.5"), wheel("other", "1.0")):
        archive.write(bare.built.parent)
    assert [str(one.identity.version) for one in bare.found()] == ["0.5", "1.0", "1.0"]
    assert {(str(one.archive), one.damage) for one in bare.found()} == {("1.0", None)}
    (other,) = bare.found("other")
    assert other.damage is None


@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"url": 5}',
        b'{"url": "http://[", "archive_info": {}}',
        b'{"url": "https://host/demo-1.0.tar.gz", "archive_info": {"hash": 5}}',
        b'{"url": "https://host/repo-main.tar.gz"}',
        b'{"url": "https://host/other-9.9.tar.gz", "archive_info": {}}',
        b'{"url": "ssh://git@host/x.git", "vcs_info": {"vcs": "git", "commit_id": "0"}}',
    ],
)
def test_an_origin_that_says_nothing_accuses_nobody(bare: Cache, origin: bytes | None) -> None:
    path = bare.built.with_name("origin.json")
    path.unlink()
    if origin is not None:
        path.write_bytes(origin)
    assert (bare.one.damage, bare.one.identity.hashes) == (None, frozenset())
    if origin is None or b"demo" not in origin:
        assert bare.one.archive is None


def test_version_and_hash_of_the_archive_are_told(bare: Cache) -> None:
    document = {"url": "https://host/Demo-1.1.zip#x", "archive_info": {"hashes": {"sha256": "b" * 64}}}
    bare.built.with_name("origin.json").write_text(json.dumps(document), encoding="utf-8")
    assert (bare.one.archive, bare.one.damage) == (Version("1.1"), None)
    assert bare.one.identity.hashes == {"sha256:" + "b" * 64}


def test_what_another_run_moves_away_in_between_is_not_called_damaged(bare: Cache) -> None:
    (found,) = wheels.find_wheels(str(bare.root), {canonicalize_name("demo")})
    bare.built.unlink()
    assert wheels.examine(str(bare.root), found).damage is None


@pytest.mark.parametrize(
    ("archive", "damage"),
    [
        (wheel("demo", "1.0", record_is="lying"), "demo.py is not what its RECORD says"),
        (wheel("demo", "1.0", record_is="missing"), "is not a valid wheel"),
    ],
)
def test_a_wheel_whose_members_are_not_those_of_its_record_is_damaged(
    bare: Cache, archive: Archive, damage: str
) -> None:
    bare.replace(archive.content)
    assert damage in (bare.one.damage or "")


def test_a_member_that_the_record_does_not_list_is_damage(bare: Cache) -> None:
    bare.replace(DEMO.content)
    with zipfile.ZipFile(bare.built, "a") as archive:
        archive.writestr("demo_evil.py", "")
    assert bare.one.damage == "was altered: its RECORD does not list demo_evil.py"
