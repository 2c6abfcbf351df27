"""Files on disk against the wheel: only what pip really installed from it, byte by byte, is proven."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name

from pinstall.environment import contents
from pinstall.environment.distributions import Environment as Installed
from pinstall.environment.file_list import FileList
from tests.support.environments import Environment, copy, template
from tests.support.pips import CHOSEN, NEWEST, python_for
from tests.support.processes import sealed
from tests.support.wheels import Archive, wheel, zipped

if TYPE_CHECKING:
    from pinstall.model.pins import Distribution

DATA = "demo-1.0.data"
INFO = "demo-1.0.dist-info"
POINTS = (
    b"[console_scripts]\ndemo-run = demo:main\n# none = demo:main\n[gui_scripts]\ndemo-gui=demo:main\n[other]\nx=y\n"
)
FILES = {
    "demo/__init__.py": b"def main(): pass\n",
    "demo/core.py": b"VALUE = 1\n",
    "demo/empty.txt": b"",
    "demo/a, b.txt": b"a comma in the name\n",
    f"{DATA}/purelib/pure.py": b"PURE = 1\n",
    f"{DATA}/platlib/plat/core.py": b"PLAT = 1\n",
    f"{DATA}/headers/demo.h": b"#define DEMO\n",
    f"{DATA}/headers/deep/demo.h": b"#define DEEP\n",
    f"{DATA}/data/share/completions/tool": b"complete -c tool\n",
    f"{DATA}/data/etc/tool": b"tool = 1\n",
    f"{DATA}/scripts/tool": b"#!python\nprint('tool')\n",
    f"{DATA}/scripts/window": b"#!pythonw -u\r\nprint('window')\r\n",
    f"{DATA}/scripts/shell": b"#!/bin/sh\necho shell\n",
    f"{DATA}/scripts/bare": b"#!python",
    f"{DATA}/scripts/demo-run": b"#!python\nleft out by pip for the entry point\n",
    f"{INFO}/entry_points.txt": POINTS,
    f"{INFO}/licenses/LICENSE": b"MIT\n",
}
FULL = wheel("demo", "1.0", files=FILES)


def install(environment: Environment, archive: Archive, *options: str) -> Distribution:
    path = archive.write(environment.root / "wheels")
    environment.pip("install", "--no-index", "--no-deps", "--force-reinstall", *options, str(path))
    return found(environment.site_packages)


def found(site_packages: Path) -> Distribution:
    distribution = Installed([str(site_packages)]).find(canonicalize_name("demo"))
    assert distribution is not None
    return distribution


def equals(archive: Archive, distribution: Distribution) -> bool:
    return contents.equals(io.BytesIO(archive.content), FileList(distribution))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, templates: Path) -> Path:
    """Return an environment with `FULL` that nobody touches."""
    python = python_for(CHOSEN)
    if python is None:
        pytest.skip("no interpreter for this pip")
    home = tmp_path_factory.mktemp("pristine")
    root = copy(template(templates, python, CHOSEN), home / "environment")
    install(Environment(root=root, variables=sealed(home)), FULL)
    return root


@pytest.fixture
def installed(pristine: Path, tmp_path: Path) -> Distribution:
    """Return a copy of its own of the installed `FULL`, with everything around it."""
    root = tmp_path / "copy"
    shutil.copytree(pristine, root, symlinks=True, ignore=shutil.ignore_patterns("pip", "wheels"))
    return found(next(root.glob("lib/python*/site-packages")))


def test_what_pip_installed_from_a_wheel_equals_it(installed: Distribution) -> None:
    assert equals(FULL, installed)


def test_a_wheel_can_be_named_by_its_path(installed: Distribution, tmp_path: Path) -> None:
    assert contents.equals(str(FULL.write(tmp_path)), FileList(installed))
    assert not contents.equals(str(tmp_path / "none.whl"), FileList(installed))


@pytest.mark.parametrize("options", [["--no-compile"], ["--user"], ["--prefix", "PLACE"], ["--target", "PLACE"]])
def test_the_place_that_pip_was_told_makes_no_difference(environment: Environment, options: list[str]) -> None:
    place = environment.root / "place"
    if options == ["--user"]:  # which a virtual environment refuses unless it sees the base's packages
        configuration = environment.root / "pyvenv.cfg"
        text = configuration.read_text(encoding="utf-8").replace("packages = false", "packages = true")
        configuration.write_text(text, encoding="utf-8")
    path = FULL.write(environment.root / "wheels")
    words = [word.replace("PLACE", str(place)) for word in options]
    environment.pip("install", "--no-index", "--no-deps", *words, str(path), env={"PYTHONUSERBASE": str(place)})
    (info,) = [one for one in environment.root.rglob(INFO) if one.is_dir()]
    assert equals(FULL, found(info.parent))


@pytest.mark.parametrize("environment", ["22.3.1", "24.3.1", NEWEST], indirect=True)
def test_each_pip_installs_what_is_proven(environment: Environment) -> None:
    assert equals(FULL, install(environment, FULL))


ON_DISK = [
    "demo/core.py",
    "demo/empty.txt",
    "demo/a, b.txt",
    "pure.py",
    "plat/core.py",
    f"{INFO}/METADATA",
    f"{INFO}/licenses/LICENSE",
    f"{INFO}/entry_points.txt",
    "../../../bin/tool",
    "../../../bin/window",
    "../../../bin/shell",
    "../../../etc/tool",
    "../../../share/completions/tool",
    "../../../include/site/python*/demo/deep/demo.h",
]


@pytest.mark.parametrize("path", ON_DISK)
@pytest.mark.parametrize("change", ["edited", "longer", "gone", "a folder"])
def test_any_file_that_is_not_as_the_wheel_has_it_is_no_proof(
    installed: Distribution, tmp_path: Path, path: str, change: str
) -> None:
    (file,) = (tmp_path / "copy").glob(path[9:] if path.startswith("../") else f"lib/python*/site-packages/{path}")
    before = file.read_bytes()
    file.unlink()
    if change == "edited" and before:
        file.write_bytes(before[:-1] + b"?")
    elif change == "longer":
        file.write_bytes(before + b"?")
    elif change == "a folder":
        file.mkdir()
    assert not equals(FULL, installed)


def test_only_the_first_line_of_a_script_may_differ_and_is_still_one(installed: Distribution, tmp_path: Path) -> None:
    script = tmp_path / "copy" / "bin" / "tool"
    first, rest = script.read_bytes().split(b"\n", 1)
    assert first.startswith(b"#!/")
    script.write_bytes(b"#!/elsewhere/python3.11\n" + rest)
    assert equals(FULL, installed)
    script.write_bytes(b"import evil\n" + rest)
    assert not equals(FULL, installed)


def test_nothing_may_follow_the_only_line_of_a_script(installed: Distribution, tmp_path: Path) -> None:
    with (tmp_path / "copy" / "bin" / "bare").open("ab") as script:
        script.write(b"import evil\n")
    assert not equals(FULL, installed)


def test_what_installers_add_makes_no_difference(installed: Distribution) -> None:
    info = Path(installed.path)
    for name in ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"):
        (info / name).write_text("uv", encoding="utf-8")
    with (info / "RECORD").open("a", encoding="utf-8") as lines:
        lines.writelines(f"{INFO}/{name},,\n" for name in ("REQUESTED", "direct_url.json", "uv_cache.json"))
    assert equals(FULL, installed)


@pytest.mark.parametrize(
    "row",
    [
        "demo/more.py",
        f"{INFO}/more.txt",
        "../../../bin/more",
        "demo/core.pyc",
        "/etc/passwd",
        "demo-run",
        "demo/__pycache__/x.py",
    ],
)
def test_a_file_in_record_that_the_wheel_has_not_is_no_proof(installed: Distribution, row: str) -> None:
    with Path(installed.path, "RECORD").open("a", encoding="utf-8") as lines:
        lines.write(f"{row},,\n")
    assert not equals(FULL, installed)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"demo.py\n"])
def test_without_a_record_that_can_be_read_there_is_no_proof(installed: Distribution, content: bytes | None) -> None:
    file = Path(installed.path, "RECORD")
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert not equals(FULL, installed)


def other(path: str, content: bytes | None, *, true_record: bool = True) -> Archive:
    """Return `FULL` with one member changed, added or (none) taken away, its RECORD told of it or not."""
    members = {**FILES, path: content}
    changed = wheel("demo", "1.0", files={name: raw for name, raw in members.items() if raw is not None})
    return changed if true_record else with_record_of(changed, FULL)


def with_record_of(changed: Archive, honest: Archive) -> Archive:
    with zipfile.ZipFile(io.BytesIO(changed.content)) as ours, zipfile.ZipFile(io.BytesIO(honest.content)) as theirs:
        members = {name: ours.read(name) for name in ours.namelist()}
        members[f"{INFO}/RECORD"] = theirs.read(f"{INFO}/RECORD")
    return changed._replace(content=zipped(members))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("demo/core.py", b"VALUE = 2\n"),
        ("demo/core.py", None),
        ("demo/core.pyi", b""),
        (f"{DATA}/scripts/tool", b"#!python\nprint('TOOL')\n"),
        (f"{DATA}/scripts/tool", b"#!/bin/python\nprint('tool')\n"),
        (f"{DATA}/headers/more.h", b""),
        (f"{DATA}/data/more/share/completions/tool", b"complete -c tool\n"),
        (f"{DATA}/data/share/completions/tool", None),
        (f"{DATA}/nonsense/tool", b""),
        (f"{DATA}/tool", b""),
        (f"{INFO}/entry_points.txt", None),
        ("./demo/core.py", b"VALUE = 1\n"),
        ("../escaped.py", b""),
        ("pure.py", b"PURE = 2\n"),
    ],
)
def test_a_wheel_with_any_other_member_is_not_what_is_installed(
    installed: Distribution, path: str, content: bytes | None
) -> None:
    assert not equals(other(path, content), installed)


def test_a_data_file_somewhere_else_is_not_the_same_wheel(environment: Environment) -> None:
    there = wheel("demo", "1.0", files={f"{DATA}/data/other/share/demo.txt": b"text"})
    here = wheel("demo", "1.0", files={f"{DATA}/data/share/demo.txt": b"text"})
    distribution = install(environment, there)
    assert equals(there, distribution)
    assert not equals(here, distribution)


def test_equal_records_prove_nothing_where_the_bytes_differ(environment: Environment) -> None:
    lying = other("demo/core.py", b"VALUE = 6\n", true_record=False)
    distribution = install(environment, lying)
    assert equals(lying, distribution)
    assert not equals(FULL, distribution)


def test_a_wheel_whose_record_lies_is_still_what_was_installed_from_it(environment: Environment) -> None:
    lying = wheel("demo", "1.0", record_is="lying")
    assert equals(lying, install(environment, lying))


def test_another_version_or_project_is_not_what_is_installed(installed: Distribution) -> None:
    assert not equals(wheel("demo", "1.1", files=FILES), installed)
    assert not equals(wheel("other", "1.0"), installed)


@pytest.mark.parametrize("content", [b"", b"PK", FULL.truncated().content, FULL.flipped().content])
def test_what_is_no_whole_wheel_is_no_proof(installed: Distribution, content: bytes) -> None:
    assert not contents.equals(io.BytesIO(content), FileList(installed))


def test_nothing_that_was_installed_from_nothing_is_no_proof(installed: Distribution) -> None:
    Path(installed.path, "RECORD").write_text(f"{INFO}/INSTALLER,,\n", encoding="utf-8")
    assert not contents.equals(io.BytesIO(zipped({f"{INFO}/RECORD": b""})), FileList(installed))


def test_folders_in_the_zip_make_no_difference(installed: Distribution) -> None:
    stream = io.BytesIO(FULL.content)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("demo/", b"")
    assert contents.equals(stream, FileList(installed))
