"""Installed files against RECORD: real installs are never accused, and whatever is done to them is found."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import shutil
import site
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from packaging.utils import canonicalize_name

from pinstall.environment import contents
from pinstall.environment.distributions import Environment as Installed
from pinstall.environment.file_list import FileList
from pinstall.environment.installed import find_owners, find_shared
from pinstall.files import read
from tests.support.scenes import place
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from pinstall.model.pins import Distribution
    from tests.support.environments import Environment

DATA = "demo-1.0.data"
INFO = "demo-1.0.dist-info"
FILES = {
    "demo/__init__.py": b"def main(): pass\n",
    "demo/core.py": b"VALUE = 1\n" * 30,
    "demo/big.bin": bytes(range(256)) * 4096 * 2,
    f"{DATA}/headers/demo.h": b"#define DEMO\n",
    f"{DATA}/data/share/demo.txt": b"text\n",
    f"{DATA}/scripts/tool": b"#!python\nprint('tool')\n",
    f"{DATA}/scripts/demo-run": b"#!python\nleft out by pip for the entry point\n",
    f"{INFO}/entry_points.txt": b"[console_scripts]\ndemo-run = demo:main\n",
}
FULL = wheel("demo", "1.0", files=FILES)


def find(site_packages: Path, name: str = "demo") -> Distribution:
    distribution = Installed([str(site_packages)]).find(canonicalize_name(name))
    assert distribution is not None
    return distribution


def damaged(distribution: Distribution) -> str | None:
    return FileList(distribution).damage()


def altered(*distributions: Distribution) -> list[str]:
    return sorted(path for _, path in contents.find_altered(map(FileList, distributions), 2))


def install(environment: Environment, archive: Archive, *options: str) -> None:
    path = archive.write(environment.root / "wheels")
    environment.pip("install", "--no-index", "--no-deps", *options, str(path))


@pytest.fixture
def unpacked(environment: Environment) -> Path:
    """Return site-packages with a plain `demo`, as pip leaves it."""
    place(environment, wheel("demo", "1.0", files={"demo/__init__.py": b"", "demo/core.py": b"VALUE = 1\n" * 30}))
    return environment.site_packages


@pytest.mark.parametrize("options", [[], ["--no-compile"], ["--prefix", "PLACE"], ["--target", "PLACE"]])
def test_what_pip_has_just_installed_is_whole(environment: Environment, options: list[str]) -> None:
    install(environment, FULL, *(word.replace("PLACE", str(environment.root / "place")) for word in options))
    (info,) = environment.root.rglob(INFO)
    distribution = find(info.parent)
    assert damaged(distribution) is None
    assert altered(distribution) == []


def test_of_this_interpreter_just_those_are_accused_that_importlib_metadata_shows_to_be_damaged() -> None:
    paths = list(dict.fromkeys([*site.getsitepackages(), *(path for path in sys.path if "site-packages" in path)]))
    environment = Installed(paths)
    seen = 0
    for theirs in importlib.metadata.distributions(path=paths):
        ours = environment.find(canonicalize_name(theirs.metadata["Name"]))
        assert ours is not None
        files = [file for file in theirs.files or () if file.size is not None and file.suffix != ".pyc"]
        sizes = [(Path(str(file.locate())), file.size) for file in files]
        # not all are whole everywhere: some machines add a certificate to certifi's
        whole = all(path.is_file() and path.stat().st_size == size for path, size in sizes)
        held = not ours.editable and (theirs.read_text("INSTALLER") or "").strip() in ("pip", "uv")
        assert (damaged(ours) is None) == (whole or not held)
        seen += held
    assert seen > 10


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("lib/python*/site-packages/demo/core.py", "demo/core.py"),
        ("lib/python*/site-packages/demo/big.bin", "demo/big.bin"),
        (f"lib/python*/site-packages/{INFO}/METADATA", f"{INFO}/METADATA"),
        ("bin/tool", "../../../bin/tool"),
        ("bin/demo-run", "../../../bin/demo-run"),
        ("share/demo.txt", "../../../share/demo.txt"),
    ],
)
def test_each_file_that_is_gone_cut_or_edited_is_found(environment: Environment, path: str, row: str) -> None:
    install(environment, FULL)
    distribution = find(environment.site_packages)
    (file,) = environment.root.glob(path)
    before = file.read_bytes()
    file.write_bytes(before[:-1] + b"?")  # as long as before: only its digest tells
    assert (damaged(distribution), altered(distribution)) == (f"{row} was modified", [row])
    os.utime(file, (0, 0))  # older than RECORD: not looked into at a glance
    assert (damaged(distribution), altered(distribution)) == (None, [row])
    for content in (before[:-1], before + b"?", b""):
        file.write_bytes(content)
        fault = f"{row} was modified ({len(content)} bytes instead of {len(before)})"
        assert (damaged(distribution), altered(distribution)) == (fault, [row])
    file.unlink()
    assert (damaged(distribution), altered(distribution)) == (f"{row} is missing", [row])


def test_a_folder_that_is_gone_or_a_file_now_is_found(unpacked: Path) -> None:
    shutil.rmtree(unpacked / "demo")
    assert damaged(find(unpacked)) == "demo/__init__.py is missing"
    (unpacked / "demo").touch()
    assert damaged(find(unpacked)) == "demo/__init__.py is missing"
    assert altered(find(unpacked)) == ["demo/__init__.py", "demo/core.py"]


def test_byte_code_may_go_and_be_remade_unless_it_is_all_there_is(environment: Environment) -> None:
    cached = f"demo/__pycache__/core.{sys.implementation.cache_tag}.pyc"
    files = {**FILES, "demo/alone.pyc": b"sourceless", cached: b"of another machine"}
    install(environment, wheel("demo", "1.0", files=files))
    distribution = find(environment.site_packages)
    assert (environment.site_packages / cached).read_bytes() != files[cached]
    assert (damaged(distribution), altered(distribution)) == (None, [])
    shutil.rmtree(environment.site_packages / "demo" / "__pycache__")
    assert (damaged(distribution), altered(distribution)) == (None, [])
    (environment.site_packages / "demo" / "alone.pyc").write_bytes(b"SOURCELESS")
    assert altered(distribution) == ["demo/alone.pyc"]


GARBLED = [
    b"",
    b"\n",
    b"\xff\xfe\x00",
    b"demo/core.py\n",
    b"demo/core.py,,\n\x00\n",
    b'"demo/core.py,,\n',
    b'"' + b"a" * 200_000 + b'",,\n',
]


@pytest.mark.parametrize("installer", ["pip", "uv\n"])
@pytest.mark.parametrize("content", [None, *GARBLED])
def test_a_record_that_is_gone_or_garbled_is_damage(unpacked: Path, installer: str, content: bytes | None) -> None:
    record = unpacked / INFO / "RECORD"
    record.unlink()
    (unpacked / INFO / "INSTALLER").write_text(installer, encoding="utf-8")
    if content is not None:
        record.write_bytes(content)
    fault = "its RECORD is missing" if content is None else "its RECORD cannot be read"
    assert damaged(find(unpacked)) == fault
    assert altered(find(unpacked)) == []
    assert find_owners([FileList(find(unpacked))] * 2) == {}


@pytest.mark.parametrize("installer", ["conda", "debian", "rpm", "Poetry 2.1.0", ""])
def test_what_others_installed_is_not_held_to_a_record(unpacked: Path, installer: str) -> None:
    (unpacked / INFO / "INSTALLER").write_text(installer, encoding="utf-8")
    (unpacked / "demo" / "core.py").unlink()
    assert (damaged(find(unpacked)), altered(find(unpacked))) == (None, [])
    (unpacked / INFO / "RECORD").unlink()
    assert damaged(find(unpacked)) is None


def test_what_uv_installed_is_held_to_its_record(unpacked: Path) -> None:
    (unpacked / INFO / "INSTALLER").write_bytes(b"uv")
    record = unpacked / INFO / "RECORD"
    kept = [line for line in record.read_text(encoding="utf-8").splitlines() if "INSTALLER" not in line]
    record.write_text("\n".join([*kept, f"{INFO}/INSTALLER,,2"]), encoding="utf-8")
    assert damaged(find(unpacked)) is None
    (unpacked / "demo" / "core.py").write_bytes(b"")
    assert damaged(find(unpacked)) == "demo/core.py was modified (0 bytes instead of 300)"
    assert altered(find(unpacked)) == ["demo/core.py"]


def test_what_debian_leaves_behind_without_an_installer_is_not_accused(unpacked: Path) -> None:
    record = unpacked / INFO / "RECORD"
    (unpacked / INFO / "INSTALLER").unlink()
    lines = record.read_text(encoding="utf-8").splitlines()
    record.write_text("\n".join(line for line in lines if "INSTALLER" not in line), encoding="utf-8")
    (unpacked / "demo" / "core.py").unlink()
    assert (damaged(find(unpacked)), altered(find(unpacked))) == (None, [])
    record.unlink()
    assert damaged(find(unpacked)) is None


def test_an_installer_that_record_lists_is_lacked(environment: Environment) -> None:
    install(environment, FULL)
    (environment.site_packages / INFO / "INSTALLER").unlink()
    distribution = find(environment.site_packages)
    fault = f"{INFO}/INSTALLER is missing"
    assert (damaged(distribution), altered(distribution)) == (fault, [f"{INFO}/INSTALLER"])


def test_an_editable_and_an_egg_are_not_accused(unpacked: Path) -> None:
    text = '{"url": "file:///src", "dir_info": {"editable": true}}'
    (unpacked / INFO / "direct_url.json").write_text(text, encoding="utf-8")
    (unpacked / INFO / "RECORD").unlink()
    assert find(unpacked).editable
    assert damaged(find(unpacked)) is None
    (unpacked / "egg-2.0-py3.8.egg-info").mkdir()
    (unpacked / "egg-2.0-py3.8.egg-info" / "PKG-INFO").write_text("Name: egg\nVersion: 2.0\n", encoding="utf-8")
    assert damaged(find(unpacked, "egg")) is None


@pytest.mark.parametrize("name", ["a, b.py", 'a "b".py', "a\u2028b.py", "ünï.py"])
def test_paths_of_any_spelling_are_read(environment: Environment, name: str) -> None:
    place(environment, wheel("demo", "1.0", files={f"demo/{name}": b"text"}))
    distribution = find(environment.site_packages)
    assert (damaged(distribution), altered(distribution)) == (None, [])
    (environment.site_packages / "demo" / name).unlink()
    assert (damaged(distribution), altered(distribution)) == (f"demo/{name} is missing", [f"demo/{name}"])


def test_an_absolute_path_is_read(unpacked: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"text")
    with (unpacked / INFO / "RECORD").open("a", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerow((outside, "sha256=mC2eeZ3q7MUp4QhnT2kpBKE9yGPtuhEsa0gDzIWoQv4", 4))
    assert damaged(find(unpacked)) is None
    outside.unlink()
    assert damaged(find(unpacked)) == f"{outside} is missing"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_proves_nothing(unpacked: Path) -> None:
    (unpacked / "demo").chmod(0)
    try:
        assert (damaged(find(unpacked)), altered(find(unpacked))) == (None, [])
    finally:
        (unpacked / "demo").chmod(0o755)


def test_a_record_that_may_not_be_read_proves_nothing(unpacked: Path) -> None:
    part = "pinstall.environment.file_list.read"
    with mock.patch(part, lambda path: None if path.endswith("RECORD") else read(path)):
        assert damaged(find(unpacked)) is None
    (unpacked / INFO / "RECORD").unlink()
    assert damaged(find(unpacked)) == "its RECORD is missing"


@pytest.mark.parametrize(("name", "wrong"), [("x" * 300, None), ("x", "x is missing"), ("demo/x", "demo/x is missing")])
def test_of_an_egg_a_file_is_missing_only_where_that_is_certain(tmp_path: Path, name: str, wrong: str | None) -> None:
    folder = tmp_path / "demo-1.0.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: demo\nVersion: 1.0\n", encoding="utf-8")
    (folder / "installed-files.txt").write_text(f"../{name}\nPKG-INFO\n", encoding="utf-8")
    assert damaged(find(tmp_path)) == wrong


@pytest.mark.parametrize("row", ["/,,", "../../..,,", ".,,", "/dev/zero,sha256=x,1", "/etc/,,"])
def test_no_folder_outside_of_the_packages_is_searched_for_edits(unpacked: Path, row: str) -> None:
    (unpacked / "foreign").mkdir()
    (unpacked / "foreign" / "data.txt").write_text("data", encoding="utf-8")
    with (unpacked / INFO / "RECORD").open("a", encoding="utf-8") as lines:
        lines.write(f"{row}\n")
    files = FileList(find(unpacked))
    assert list(contents.find_edited([files], find_owners([files]), ())) == []


def test_progress_is_told_to_the_last_file(environment: Environment) -> None:
    files = {f"demo/{number}.py": b"#" * number * 1000 for number in range(300)}
    place(environment, wheel("demo", "1.0", files=files), wheel("other", "1.0"))
    both = [find(environment.site_packages), find(environment.site_packages, "other")]
    (environment.site_packages / "other.py").write_text("", encoding="utf-8")
    heard: list[tuple[int, int]] = []
    (found,) = contents.find_altered(map(FileList, both), 3, lambda done, every: heard.append((done, every)))
    assert found == (both[1], "other.py")
    assert len(heard) > 3
    assert heard == sorted(heard)
    assert heard[-1] == (306, 306)  # with the module of each, its METADATA and WHEEL
    assert list(contents.find_altered([], 2)) == []


def test_a_size_that_is_none_says_nothing(environment: Environment) -> None:
    place(environment, wheel("demo", "1.0"))
    record = environment.site_packages / "demo-1.0.dist-info" / "RECORD"
    rows = record.read_text(encoding="utf-8").splitlines()
    record.write_text("".join(f"{row} bytes\n" if row.startswith("demo.py,") else f"{row}\n" for row in rows))
    assert damaged(find(environment.site_packages)) is None


def test_files_of_one_project_in_anothers_record_are_found(environment: Environment) -> None:
    same, empty = b"# the same\n", b""
    shared = {"space/__init__.py": same, "tests/__init__.py": empty, "tool.py": b"1", "same.py": same}
    place(environment, wheel("demo", "1.0", files={**shared, "demo/x.py": same}))
    place(environment, wheel("other", "1.0", files={**shared, "tool.py": b"2", "space/__init__.py": b"else"}))
    install(environment, wheel("third", "1.0", files={"third-1.0.data/purelib/tool.py": b"3"}))
    every = [find(environment.site_packages, name) for name in ("demo", "other", "third", "pip")]
    claimed = find_shared(find_owners(map(FileList, every)))
    assert {tuple(one.identity.name for one in owners): paths for owners, paths in claimed.items()} == {
        ("demo", "other", "third"): ["tool.py"],
        ("demo", "other"): ["space/__init__.py"],
    }
    assert altered(*every[:2]) == ["space/__init__.py", "tool.py", "tool.py"]


def test_a_script_of_two_projects_is_found(environment: Environment) -> None:
    install(environment, FULL)
    files = {"demo/core.py": FILES["demo/core.py"], "other-1.0.data/scripts/tool": b"#!python\nprint('other')\n"}
    install(environment, wheel("other", "1.0", files=files))
    both = [find(environment.site_packages, name) for name in ("demo", "other")]
    expected = {tuple(both): ["../../../bin/tool"]}  # and neither their byte code nor what is the same in both
    assert find_shared(find_owners(map(FileList, both))) == expected
    assert [one.identity.name for one, _ in contents.find_altered(map(FileList, both), 1)] == ["demo"]
