"""Variations of the dangers that a second look has found: contents, bystanders and the second run, each in one run."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from tests.support.caches import body_of, http_entry, poison
from tests.support.environments import unpack
from tests.support.index import Fault, Index, Reply
from tests.support.scenes import (
    BUILDS_AGAIN,
    RELEASE,
    Told,
    cached,
    lame,
    pinned,
    pinstall,
    place,
    proven,
    requirement,
    untouched,
    written,
)
from tests.support.sdists import BUILD_LOG, builds, sdist, tarball
from tests.support.wheels import Archive, wheel, zipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.runner import Runner

    Set = Callable[[Runner], "Asked"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nothing is proven (differences-from-pip.md)"),
]
modern = pytest.mark.skipif(BUILDS_AGAIN, reason="before 23.1 no cached build where hashes are demanded")
locks = pytest.mark.skipif(RELEASE < (26, 1), reason="older pips read no lock files and no hashes of constraints")

LAYOUT: Final[Literal["http", "http-v2"]] = "http-v2" if RELEASE >= (23, 3) else "http"
A, B = wheel("demo", "1.0", mark="A"), wheel("demo", "1.0", mark="B")
SOURCE = sdist("demo", "1.0", mark="B")
OLD = wheel("demo", "0.9", mark="old")
EVIL = wheel("demo", "1.0", mark="evil")
LYING = wheel("demo", "1.0", mark="evil", record_is="lying")
OTHER_VERSION = wheel("demo", "9.9", mark="evil")
ROOT = wheel("root", "1.0", mark="root", requires=["demo"])
BYSTANDER = wheel("bystander", "1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to ask for, what is right afterwards (MARK by module), which files may change for it."""

    words: list[str]
    marks: dict[str, str] = field(default_factory=lambda: {"demo": "B"})
    mine: tuple[str, ...] = ("demo",)
    options: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def index() -> Iterator[OddIndex]:
    with OddIndex() as serving:
        yield serving


@pytest.fixture
def world(runner: Runner, tmp_path: Path) -> Runner:
    """Return a runner whose environment has something that is right and something that nobody asks for."""
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    runner.index.add(BYSTANDER)
    proven(runner.environment, BYSTANDER)
    place(runner.environment, wheel("idle", "1.0"))
    return runner


def _kept(world: Runner, asked: Asked) -> Told:
    """See that `check` finds it, one run cures it and nothing else, and the next one starts no pip."""
    assert world.pinstall("check", *asked.words, **asked.options).returncode == 1
    before = untouched(world.environment, *asked.mine)
    told = pinstall(world, *asked.words, **asked.options)
    assert told.ended.returncode == 0, told.ended.output
    assert set(told.states.values()) == {"holds"}
    assert {name: world.environment.module(name, "MARK") for name in asked.marks} == asked.marks, told.ended.output
    assert untouched(world.environment, *asked.mine) == before
    lame(world.environment)
    again = pinstall(world, *asked.words, **asked.options)
    assert (again.ended.returncode, again.purposes) == (0, []), again.ended.output
    checked = world.pinstall("check", *asked.words, **asked.options)
    assert (checked.returncode, checked.stdout) == (0, ""), checked.output
    return told


def _table(*sets: Set) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", sets, ids=[one.__name__.strip("_").replace("_", " ") for one in sets])


def _file(world: Runner, line: str, *, bystander: bool = True) -> list[str]:
    """Ask for one line, and for what is there and right."""
    hashed = "--hash" in line
    beside = (pinned(BYSTANDER) if hashed else "bystander==1.0\n") if bystander else ""
    written(world, f"{line}\n{beside}")
    return ["-r", "requirements.txt"]


def _hash(archive: Archive, algorithm: str = "sha256") -> str:
    return f"--hash={algorithm}:{hashlib.new(algorithm, archive.content).hexdigest()}"


def _direct(world: Runner) -> str:
    return f"demo @ {world.index.file_url(SOURCE.filename)}#sha256={SOURCE.sha256}"


def _locked(world: Runner, entry: str) -> list[str]:
    text = f'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n{entry}\n'
    return ["-r", str(written(world, text, "pylock.toml"))]


# -- another artifact is installed ------------------------------------------------------------------------------------


def _republished_since_pip_installed_it(world: Runner) -> Asked:
    world.index.add(A)
    world.pip("install", "--no-deps", "demo==1.0")
    world.index.add(B)
    return Asked(words=_file(world, f"demo==1.0 {_hash(B)}"))


def _a_wheel_that_a_lying_page_hides_behind_the_sdist(world: Runner) -> Asked:
    world.index.add(sdist("demo", "1.0", mark="A"))
    world.pip("install", "--no-deps", "demo==1.0")
    world.index.add(B)
    world.index.fault(world.index.page_url("demo"), Fault(not_modified=True))
    return Asked(words=_file(world, f"demo==1.0 {_hash(B)}"))


def _another_algorithm(world: Runner) -> Asked:
    world.index.add(B)
    place(world.environment, A)
    return Asked(words=_file(world, f"demo==1.0 {_hash(B, 'sha512')}"))


def _one_of_many(world: Runner) -> Asked:
    many = [wheel(f"p{number}", "1.0") for number in range(12)]
    for archive in (*many, B):
        world.index.add(archive)
    proven(world.environment, *many)
    place(world.environment, A)
    written(world, pinned(*many[:6], B, *many[6:]))
    return Asked(words=["-r", "requirements.txt"])


def _a_dependency_that_a_constraint_pins_by_hash(world: Runner) -> Asked:
    world.index.add(ROOT)
    world.index.add(B)
    proven(world.environment, ROOT)
    place(world.environment, A)
    written(world, f"demo==1.0 {_hash(B)}\n", "constraints.txt")
    return Asked(words=[*_file(world, f"root==1.0 {_hash(ROOT)}"), "-c", "constraints.txt"])


def _an_index_of_files(world: Runner) -> Asked:
    folder = world.home / "simple" / "demo"
    B.write(folder)
    (folder / "index.html").write_text(f'<a href="{B.filename}">{B.filename}</a>', encoding="utf-8")
    place(world.environment, A)
    words = ["--index-url", (world.home / "simple").as_uri(), *_file(world, f"demo==1.0 {_hash(B)}")]
    return Asked(words=words, options={"index": False})


def _a_rebuilt_wheel_behind_a_link_to_its_folder(world: Runner) -> Asked:
    path = A.write(world.home / "dist")
    (world.home / "link").symlink_to(path.parent)
    world.pip("install", "--no-deps", path)
    B.write(path.parent)
    return Asked(words=_file(world, f"./link/{path.name}[extra]"))


def _a_label_that_a_constraint_adds(world: Runner) -> Asked:
    labelled = wheel("demo", "1.0+cu113", mark="B")
    labelled.write(world.home / "links")
    world.index.add(A)
    place(world.environment, A)
    written(world, "demo==1.0+cu113\n", "constraints.txt")
    return Asked(words=["-f", "links", "-c", "constraints.txt", *_file(world, "demo==1.0")])


def _a_development_install(world: Runner) -> Asked:
    """What `setup.py develop` has left: an egg-link, and a line in easy-install.pth."""
    world.index.add(B)
    tree = world.home / "tree"
    (tree / "demo.egg-info").mkdir(parents=True)
    (tree / "demo.py").write_text("MARK = 'A'\n", encoding="utf-8")
    (tree / "setup.py").touch()
    metadata = "Metadata-Version: 1.0\nName: demo\nVersion: 1.0\n"
    (tree / "demo.egg-info" / "PKG-INFO").write_text(metadata, encoding="utf-8")
    (world.environment.site_packages / "demo.egg-link").write_text(f"{tree}\n.", encoding="utf-8")
    (world.environment.site_packages / "easy-install.pth").write_text(f"{tree}\n", encoding="utf-8")
    return Asked(words=_file(world, f"demo==1.0 {_hash(B)}"), mine=("demo", "easy-install"))


def _a_package_of_a_namespace_that_lost_its_module(world: Runner) -> Asked:
    parts = [wheel(f"ns-{name}", "1.0", modules={f"ns/{name}.py": f"MARK = {name!r}\n"}) for name in ("one", "two")]
    for archive in parts:
        world.index.add(archive)
    place(world.environment, *parts)
    (world.environment.site_packages / "ns" / "two.py").unlink()
    return Asked(words=["ns.one==1.0", "NS_two==1.0"], marks={"ns.one": "one", "ns.two": "two"}, mine=("ns_two", "ns/two"))


@_table(
    _republished_since_pip_installed_it,
    _a_wheel_that_a_lying_page_hides_behind_the_sdist,
    _another_algorithm,
    _one_of_many,
    pytest.param(_a_dependency_that_a_constraint_pins_by_hash, marks=locks),
    _an_index_of_files,
    _a_rebuilt_wheel_behind_a_link_to_its_folder,
    _a_label_that_a_constraint_adds,
    _a_development_install,
    _a_package_of_a_namespace_that_lost_its_module,
)
def test_what_is_installed_is_not_what_is_pinned(world: Runner, row: Set) -> None:
    _kept(world, row(world))
