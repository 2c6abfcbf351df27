"""Variations of the dangers that a second look has found: contents, bystanders and the second run, each in one run."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import time
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from tests.support.caches import body_of, http_entry, poison
from tests.support.environments import unpack
from tests.support.index import Fault
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
    untouched,
    written,
)
from tests.support.sdists import BUILD_LOG, builds, sdist, tarball
from tests.support.wheels import Archive, wheel, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.runner import Runner

    Set = Callable[[Runner], "Asked"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nothing is proven (differences-from-pip.md)"),
]
modern = pytest.mark.skipif(BUILDS_AGAIN, reason="before 23.1 no cached build where hashes are demanded")
locks = pytest.mark.skipif(RELEASE < (26, 1), reason="older pips read no lock files")

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
    assert set(told.states.values()) == {"satisfied"}
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


def _file(world: Runner, line: str) -> list[str]:
    """Ask for one line, and for what is there and right."""
    beside = pinned(BYSTANDER) if "--hash" in line else "bystander==1.0\n"
    written(world, f"{line}\n{beside}")
    return ["-r", "requirements.txt"]


def _hash(archive: Archive, algorithm: str = "sha256") -> str:
    return f"--hash={algorithm}:{hashlib.new(algorithm, archive.content).hexdigest()}"


def _direct(world: Runner) -> str:
    return f"demo @ {world.index.file_url(SOURCE.filename)}#sha256={SOURCE.sha256}"


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


def _a_dependency_that_a_constraint_pins_by_hash(world: Runner) -> Asked:
    if RELEASE < (26, 1):
        pytest.skip("older pips read no hashes of constraints")
    world.index.add(ROOT)
    world.index.add(B)
    proven(world.environment, ROOT)
    place(world.environment, A)
    written(world, f"demo==1.0 {_hash(B)}\n", "constraints.txt")
    return Asked(words=[*_file(world, f"root==1.0 {_hash(ROOT)}"), "-c", "constraints.txt"])


def _an_index_of_files(world: Runner) -> Asked:
    place(world.environment, A)
    words = [*_served_from_files(world, B), *_file(world, f"demo==1.0 {_hash(B)}")]
    return Asked(words=words, options={"index": False})


def _served_from_files(world: Runner, archive: Archive) -> list[str]:
    folder = archive.write(world.home / "simple" / "demo").parent
    (folder / "index.html").write_text(f'<a href="{archive.filename}">{archive.filename}</a>', encoding="utf-8")
    return ["--index-url", folder.parent.as_uri()]


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
    return Asked(
        words=["ns.one==1.0", "NS_two==1.0"], marks={"ns.one": "one", "ns.two": "two"}, mine=("ns_two", "ns/two")
    )


@_table(
    _republished_since_pip_installed_it,
    _a_wheel_that_a_lying_page_hides_behind_the_sdist,
    _another_algorithm,
    _a_dependency_that_a_constraint_pins_by_hash,
    _an_index_of_files,
    _a_rebuilt_wheel_behind_a_link_to_its_folder,
    _a_label_that_a_constraint_adds,
    _a_development_install,
    _a_package_of_a_namespace_that_lost_its_module,
)
def test_what_is_installed_is_not_what_is_pinned(world: Runner, row: Set) -> None:
    _kept(world, row(world))


@locks
def test_a_locked_sdist_behind_a_path_is_not_what_the_index_has(world: Runner) -> None:
    world.index.add(B)
    place(world.environment, A)
    source = sdist("demo", "1.0", mark="locked")
    source.write(world.home / "dist")
    head = 'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
    text = f'sdist = {{path = "dist/{source.filename}", hashes = {{sha256 = "{source.sha256}"}}}}\n'
    words = ["-r", str(written(world, head + text, "pylock.toml"))]
    _kept(world, Asked(words=words, marks={"demo": "locked"}))


@modern
@pytest.mark.parametrize("line", ["direct", "index"])
def test_it_was_installed_from_a_url_whose_build_was_replaced(
    world: Runner, make_environment: MakeEnvironment, line: str
) -> None:
    """Pip notes the true hash of the archive, though it took an evil wheel out of its cache."""
    world.index.add(SOURCE)
    assert pinstall(replace(world, environment=make_environment()), _direct(world)).ended.returncode == 0
    (built,) = world.cache.glob("wheels/**/demo-*.whl")
    poison(built, EVIL, keep_name=True)
    world.pip("install", "--no-deps", _direct(world))
    assert world.environment.module("demo", "MARK") == "evil"
    _kept(world, Asked(words=_file(world, _direct(world) if line == "direct" else f"demo==1.0 {_hash(SOURCE)}")))


def test_a_copy_that_lies_before_the_environment_is_never_proven(world: Runner) -> None:
    """Nothing that pip can do there helps, so no run may end well."""
    world.index.add(B)
    outside = world.home / "outside"
    unpack(A.write(world.home / "files"), outside)
    words = _file(world, f"demo==1.0 {_hash(B)}")
    for _ in range(2):
        told = pinstall(world, *words, env={"PYTHONPATH": str(outside)})
        assert told.ended.returncode == 65
        assert f"outside the environment, in {outside}" in told.ended.stderr


WHOLE: Final = wheel(
    "demo",
    "1.0",
    mark="B",
    files={
        "demo-1.0.data/data/share/demo/config.ini": b"[demo]\n",
        "demo-1.0.data/headers/demo.h": b"int demo;\n",
        "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\ndemo-run = demo:main\n",
    },
)


@pytest.mark.parametrize("place_of", ["share/demo/config.ini", "include/**/demo.h", "bin/demo-run"])
@pytest.mark.parametrize("content", [None, b"altered\n"], ids=["gone", "altered"])
def test_what_lies_outside_of_site_packages_is_damaged(world: Runner, place_of: str, content: bytes | None) -> None:
    world.index.add(WHOLE)
    world.pip("install", "--no-deps", "demo==1.0")
    (file,) = world.environment.root.glob(place_of)
    whole = file.read_bytes()
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    _kept(world, Asked(words=_file(world, "demo==1.0")))
    assert file.read_bytes() == whole


def test_another_environment_lies_behind_the_same_link(world: Runner, make_environment: MakeEnvironment) -> None:
    world.index.add(B)
    link = world.home / ".venv"
    for environment in (world.environment, make_environment()):
        link.unlink(missing_ok=True)
        link.symlink_to(environment.root)
        for _ in range(3):
            time.sleep(0.2)  # a stamp is written of what is that old
            ended = world.pinstall("--python", link / "bin" / "python", "demo==1.0", target=False)
            assert ended.returncode == 0, ended.output
        assert environment.module("demo", "MARK") == "B"
        assert list(world.home.rglob("stamps/*"))


# -- pip's cache of built wheels --------------------------------------------------------------------------------------


def _a_link_to_a_wheel_elsewhere(world: Runner) -> Asked:
    path = cached(world, SOURCE, LYING)
    path.unlink()
    path.symlink_to(LYING.write(world.home / "elsewhere"))
    return Asked(words=["demo==1.0"])


def _a_cache_with_an_odd_name(world: Runner) -> Asked:
    cached(world, SOURCE, LYING)
    shutil.move(world.cache, world.home / "my cäche")
    return Asked(words=["demo==1.0"], options={"env": {"PIP_CACHE_DIR": str(world.home / "my cäche")}})


def _a_folder_inside_of_an_archive(world: Runner) -> Asked:
    with tarfile.open(fileobj=io.BytesIO(SOURCE.content)) as members:
        files = {f"sub/{one.name.partition('/')[2]}": members.extractfile(one) for one in members}
        deep = tarball("deep-1.0", {name: file.read().decode() for name, file in files.items() if file})
    return _built_before(world, f"demo @ {world.index.add(deep)}#subdirectory=sub&sha256={deep.sha256}", LYING)


def _an_archive_whose_name_tells_no_version(world: Runner) -> Asked:
    branch = SOURCE._replace(filename="repository-main.tar.gz")
    asked = _built_before(world, f"demo @ {world.index.add(branch)}#sha256={branch.sha256}", OTHER_VERSION)
    written(world, "demo==1.0\n", "constraints.txt")
    return replace(asked, words=["-c", "constraints.txt", *asked.words])


def _built_before(world: Runner, line: str, bad: Archive) -> Asked:
    """Have pip build what a line asks for, and put something else in the place of that."""
    world.pip("wheel", "-w", "built", "--no-deps", line)
    (built,) = world.cache.glob("wheels/**/demo-*.whl")
    poison(built, bad)
    return Asked(words=[line])


def _a_source_without_its_hash_that_was_replaced_in_an_index_of_files(world: Runner) -> Asked:
    words = [*_served_from_files(world, sdist("demo", "1.0", mark="A")), "demo==1.0"]
    world.pip("wheel", "-w", "built", "--no-deps", *words, index=False)
    _served_from_files(world, SOURCE)
    return Asked(words=words, options={"index": False})


def _an_origin_that_names_another_archive(world: Runner) -> Asked:
    built = cached(world, SOURCE, wheel("demo", "1.0", mark="another"))
    other = {"hash": f"sha256={'0' * 64}", "hashes": {"sha256": "0" * 64}}
    origin = {"url": world.index.file_url(SOURCE.filename), "archive_info": other}
    built.with_name("origin.json").write_text(json.dumps(origin), encoding="utf-8")
    return Asked(words=_file(world, f"demo==1.0 {_hash(SOURCE)}"))


@modern
@_table(
    _a_link_to_a_wheel_elsewhere,
    _a_cache_with_an_odd_name,
    _a_folder_inside_of_an_archive,
    _an_archive_whose_name_tells_no_version,
    _a_source_without_its_hash_that_was_replaced_in_an_index_of_files,
    _an_origin_that_names_another_archive,
)
def test_what_pip_once_built_is_not_what_is_pinned(world: Runner, row: Set, tmp_path: Path) -> None:
    world.index.add(SOURCE)
    asked = row(world)
    before = builds(tmp_path / "builds")
    _kept(world, asked)
    assert builds(tmp_path / "builds") == [*before, "demo-1.0"]


def _without(archive: Archive, member: str) -> Archive:
    with zipfile.ZipFile(io.BytesIO(archive.content)) as whole:
        return archive._replace(content=zipped({name: whole.read(name) for name in whole.namelist() if name != member}))


WHEEL: Final = "demo-1.0.dist-info/WHEEL"
UNFIT: Final = {
    "lacks its module": _without(EVIL, "demo.py"),
    "lacks WHEEL": _without(EVIL, WHEEL),
    "of a format to come": wheel("demo", "1.0", files={WHEEL: b"Wheel-Version: 9.0\nTag: py3-none-any\n"}),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_cached_wheel_is_not_whole(world: Runner, kind: str) -> None:
    world.index.add(SOURCE)
    cached(world, SOURCE, UNFIT[kind])
    _kept(world, Asked(words=["demo==1.0"]))


WRONG: Final = {"lying": LYING, "other version": OTHER_VERSION, "cut": LYING.truncated()}


@pytest.mark.parametrize("kind", WRONG)
def test_a_cached_wheel_of_what_only_a_constraint_pins_is_wrong(world: Runner, kind: str) -> None:
    world.index.add(SOURCE)
    cached(world, SOURCE, WRONG[kind])
    _kept(world, _constrained(world))


def _constrained(world: Runner) -> Asked:
    """Ask for root, which needs demo, which a constraint pins."""
    world.index.add(ROOT)
    written(world, "demo==1.0\n", "constraints.txt")
    words = ["-c", "constraints.txt", "root==1.0"]
    return Asked(words=words, marks={"root": "root", "demo": "B"}, mine=("demo", "root"))


# -- into another folder ----------------------------------------------------------------------------------------------


def _elsewhere(world: Runner, *words: str, **options: Any) -> None:
    """See that what lands in `out` is right at once and that the environment stays; a second run finds nothing."""
    before = untouched(world.environment)
    evicted = []
    for _ in range(2):
        told = pinstall(world, *words, **options)
        assert told.ended.returncode == 0, told.ended.output
        (module,) = (world.home / "out").rglob("demo.py")
        assert "MARK = 'B'" in module.read_text(encoding="utf-8")
        shutil.rmtree(world.home / "out")
        evicted.append(told.evicted)
    assert (evicted[1], untouched(world.environment)) == ({}, before)


@pytest.mark.parametrize("option", ["--target", "--prefix", "--root"])
@pytest.mark.parametrize("kind", ["lying", "other version", "replaced"])
def test_a_folder_does_not_get_what_a_cached_wheel_has_wrong(
    world: Runner, make_environment: MakeEnvironment, kind: str, option: str
) -> None:
    world.index.add(SOURCE)
    if kind == "replaced":
        assert pinstall(replace(world, environment=make_environment()), "demo==1.0").ended.returncode == 0
        (built,) = world.cache.glob("wheels/**/demo-*.whl")
        poison(built, EVIL, keep_name=True)
    else:
        cached(world, SOURCE, WRONG[kind])
    _elsewhere(world, option, "out", "demo==1.0")


def test_a_folder_does_not_get_another_version_of_a_direct_url(world: Runner) -> None:
    world.index.add(SOURCE)
    cached(world, SOURCE, OTHER_VERSION, direct=True)
    _elsewhere(world, "--target", "out", _direct(world))


@pytest.mark.parametrize("by", ["option", "variable"])
@pytest.mark.parametrize("kind", ["wheel", "page", "body"])
def test_a_folder_gets_what_the_cache_hides(world: Runner, kind: str, by: str) -> None:
    if kind == "wheel":
        world.index.add(SOURCE)
        cached(world, SOURCE, LYING)
    else:
        {"page": _hidden, "body": _spoilt}[kind](world)
    if by == "option":
        _elsewhere(world, "--target", "out", "demo==1.0")
    else:
        _elsewhere(world, "demo==1.0", env={"PIP_TARGET": "out"})


# -- what servers once answered ---------------------------------------------------------------------------------------


def _hidden(world: Runner) -> None:
    """Let the cached page of demo know nothing yet of the wheel that is pinned."""
    world.index.add(OLD, metadata=False)
    world.pip("download", "--no-deps", "-d", "downloads", "demo==0.9")
    world.index.add(B, metadata=False)


def _spoilt(world: Runner) -> None:
    """Damage the cached body of the wheel that is pinned."""
    url = world.index.add(B, metadata=False)
    world.pip("download", "--no-deps", "-d", "downloads", "demo==1.0")
    body = body_of(http_entry(world.cache, url, LAYOUT))
    assert B.content in body.read_bytes()
    body.write_bytes(body.read_bytes().replace(B.content, B.flipped().content))


@pytest.mark.parametrize("by", ["platform", "Python", "format"])
def test_a_cached_page_has_the_version_only_for_others(world: Runner, by: str) -> None:
    if by == "platform":
        world.index.add(wheel("demo", "1.0", tag="cp27-cp27m-win32"))
    elif by == "Python":
        world.index.add(wheel("demo", "1.0", tag="py2.py3-none-any"), requires_python=">=4")
    else:
        world.index.add(sdist("demo", "1.0", mark="A"))
    _hidden(world)
    _kept(world, Asked(words=["--only-binary=:all:", "demo==1.0"]))


@pytest.mark.parametrize("kind", ["page", "lying page", "body"])
def test_the_cache_hides_what_only_a_constraint_pins(world: Runner, kind: str) -> None:
    (_spoilt if kind == "body" else _hidden)(world)
    if kind == "lying page":
        world.index.fault(world.index.page_url("demo"), Fault(not_modified=True))
    _kept(world, _constrained(world))
