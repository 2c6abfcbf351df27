"""What can be wrong with a wheel that pip built: what pip alone makes of it, and that pinstall needs one run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import pytest

from pinstall.cache import abi, build_records, wheels
from pinstall.cache.builds import check
from tests.support.caches import body_of, http_entry, poison, snapshot, wheel_entry
from tests.support.index import Fault
from tests.support.runner import Runner
from tests.support.scenes import (
    BUILDS_AGAIN,
    RELEASE,
    Told,
    cached,
    in_place,
    lame,
    own_lines,
    pinned,
    pinstall,
    place,
    shelved,
    written,
)
from tests.support.sdists import BUILD_LOG, builds, sdist, tarball
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.processes import Completed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(RELEASE < (22, 2), reason="older pips do not note what a wheel was built from"),
]
modern = pytest.mark.skipif(
    BUILDS_AGAIN, reason="before 23.1 no settings on lines, no quiet report, no cached build where hashes are demanded"
)

LAYOUT: Final[Literal["http", "http-v2"]] = "http-v2" if RELEASE >= (23, 3) else "http"
PINS: Final = ("demo==1.0", "other==1.0")
OTHER = sdist("other", "1.0")
SOURCE = sdist("demo", "1.0", mark="source")
REPUBLISHED = sdist("demo", "1.0", mark="republished")
TOOLS = (wheel("tool", "1.0"), wheel("tool", "2.0"))

NOTING = """
import shutil, subprocess
compiler = shutil.which("cc")
os.environ["COMPILER"] = subprocess.check_output([compiler, "--version"], text=True).strip() if compiler else "none"
try:
    import tool
    os.environ["TOOL"] = tool.__version__
except ImportError:
    pass
"""
"""Lets a build note which compiler and which build requirement it found."""
COMPILED = "SETTINGS['tag'] = TAG\n"
OPTIONAL = "if compiler:\n    SETTINGS['tag'] = TAG\n"
NOTED: Final = ("CFLAGS", "DEMO_FLAVOUR", "COMPILER", "TOOL")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Environments that share an index and a cache, in which `other` is built already."""

    make: MakeEnvironment
    first: Runner
    log: Path

    def anew(self) -> Runner:
        """Return the runner of one more environment."""
        first = self.first
        return Runner(environment=self.make(), home=first.home, index=first.index, variables=first.variables)

    def serve(self, *archives: Archive, hashes: bool = True) -> None:
        for archive in archives:
            self.first.index.add(archive, hashes=hashes)

    @property
    def tag(self) -> str:
        """What a wheel with machine code for these environments is called."""
        python = self.first.environment.site_packages.parent.name.removeprefix("python").replace(".", "")
        return f"cp{python}-cp{python}-linux_{os.uname().machine}"

    def rest(self) -> dict[str, str]:
        """Return the cache without what is of demo."""
        return {path: digest for path, digest in snapshot(self.first.cache).items() if "other-" in path}


@pytest.fixture
def world(runner: Runner, make_environment: MakeEnvironment, tmp_path: Path) -> World:
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    runner.index.add(OTHER)
    cached(runner, OTHER, wheel("other", "1.0", mark="in the cache"))
    return World(make=make_environment, first=runner, log=tmp_path / "builds")


def _wheel_of_demo(runner: Runner) -> Path:
    (found,) = runner.cache.glob("wheels/**/demo-*.whl")
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _on_shelf(runner: Runner) -> set[str]:
    return {_digest(path) for path in runner.cache.glob("pinstall/shelf/*/*.whl")}


def _built_with(runner: Runner) -> dict[str, dict[str, str]]:
    return dict(json.loads(runner.environment.run("import json, demo; print(json.dumps(demo.BUILT_WITH))")))


def _cured(
    world: World,
    runner: Runner,
    *words: str | Path,
    why: str,
    bad: Sequence[Path],
    settles: bool = True,
    purposes: Sequence[str] = ("remake", "install"),
    **options: dict[str, str],
) -> Told:
    """One run evicts what is bad, builds demo alone, says so in one line; the next starts no pip."""
    rest, before = world.rest(), builds(world.log)
    gone = {_digest(path) for path in bad}
    told = pinstall(runner, *words, **options)
    assert told.ended.returncode == 0, told.ended.output
    assert set(told.states.values()) == {"satisfied"}
    assert told.purposes == list(purposes)
    assert builds(world.log) == [*before, "demo-1.0"]
    assert world.rest() == rest
    assert runner.environment.module("other", "MARK") == "in the cache"
    assert gone <= _on_shelf(runner)
    moved = [line for line in own_lines(told.ended) if line.startswith("moved the wheel of demo")]
    assert len(moved) == len(bad)
    assert any(why in line for line in moved), moved
    again = _again(runner, *words, **options) if settles else None
    assert again is None or (again.ended.returncode, again.purposes) == (0, []), again.ended.output
    return told


def _again(runner: Runner, *words: str | Path, **options: dict[str, str]) -> Told:
    lame(runner.environment)
    return pinstall(runner, *words, **options)


# -- built from other inputs ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to build otherwise: words, variables, files, and what each of two builds then notes."""

    differs: str
    words: tuple[str, ...] = ()
    line: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    file: str = ""
    noted: dict[str, str] = field(default_factory=dict)


FLAVOUR: Final = {"flavour": "b"}
WAYS: Final = {
    "option": Way(differs="build setting", words=("-C", "flavour=b"), noted=FLAVOUR),
    "line": Way(differs="build setting", line=' --config-settings="flavour=b"', noted=FLAVOUR),
    "variable": Way(differs="build setting", variables={"PIP_CONFIG_SETTINGS": "flavour=b"}, noted=FLAVOUR),
    "file": Way(differs="build setting", file="[install]\nconfig-settings = flavour=b\n", noted=FLAVOUR),
    "flags": Way(differs="CFLAGS", variables={"CFLAGS": "-O3"}, noted={"CFLAGS": "-O3"}),
    "own": Way(differs="DEMO_FLAVOUR", variables={"DEMO_FLAVOUR": "b"}, noted={"DEMO_FLAVOUR": "b"}),
}


def _arranged(runner: Runner, way: Way | None) -> tuple[list[str], dict[str, str]]:
    """Return the words and variables of a run this way, its files written."""
    written(runner, f"demo==1.0{way.line if way else ''}\nother==1.0\n")
    variables = dict(way.variables) if way else {}
    if way and way.file:
        variables["PIP_CONFIG_FILE"] = str(runner.home / written(runner, way.file, "pip.conf"))
    # what is an option counts for arguments alone
    asked = ["-r", "requirements.txt"] if way and way.line else [*PINS]
    return [*asked, *(way.words if way else ())], variables


def _noted(runner: Runner) -> dict[str, str]:
    found = _built_with(runner)
    return {**found["config"], **{key: value for key, value in found["environment"].items() if key != "COMPILER"}}


@modern
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_build_that_was_told_something_else(world: World, way: Way) -> None:
    world.serve(sdist("demo", "1.0", environment=NOTED, backend=NOTING))
    words, variables = _arranged(world.first, None)
    pinstall(world.first, *words)
    old = _wheel_of_demo(world.first)
    words, variables = _arranged(world.first, way)

    # pip takes what is in its cache
    twin = world.anew()
    twin.pip("install", *words, env=variables)
    assert (_noted(twin), builds(world.log)) == ({}, ["demo-1.0"])

    why = f"it was built with another {way.differs}"
    fresh = world.anew()
    _cured(world, fresh, *words, why=why, bad=[old], env=variables)
    assert _noted(fresh) == way.noted
    # what was installed from the other build is replaced, from the cache
    told = pinstall(world.first, *words, "-v", env=variables)
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"])
    assert f"1.0 is installed, built with another {way.differs}" in told.ended.stderr
    assert (_noted(world.first), len(builds(world.log))) == (way.noted, 2)
    again = _again(world.first, *words, env=variables)
    assert (again.ended.returncode, again.purposes) == (0, [])


def test_each_of_two_builds_is_made_once_and_comes_back_from_the_shelf(world: World) -> None:
    world.serve(sdist("demo", "1.0", environment=NOTED))
    flags: list[dict[str, str]] = [{}, {"CFLAGS": "-O3"}]
    returned = []
    for variables in flags * 3:
        fresh = world.anew()
        told = pinstall(fresh, *PINS, env=variables)
        assert told.ended.returncode == 0
        assert _noted(fresh) == variables
        returned.append(len(told.document["returned"]))
    assert (builds(world.log), returned) == (["demo-1.0"] * 2, [0, 0, 1, 1, 1, 1])


@modern
def test_what_was_installed_from_another_build_is_built_anew_where_no_cache_has_it(world: World) -> None:
    world.serve(sdist("demo", "1.0", environment=NOTED))
    pinstall(world.first, *PINS)
    shutil.rmtree(world.first.cache / "wheels")
    told = pinstall(world.first, *PINS, env={"CFLAGS": "-O3"})
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"])
    assert _noted(world.first) == {"CFLAGS": "-O3"}
    again = _again(world.first, *PINS, env={"CFLAGS": "-O3"})
    assert (again.ended.returncode, again.purposes) == (0, [])


def test_a_build_that_is_not_on_record_is_not_accused(world: World) -> None:
    world.serve(sdist("demo", "1.0", environment=NOTED))
    world.anew().pip("install", *PINS)
    told = pinstall(world.first, *PINS, env={"CFLAGS": "-O3"})
    assert (told.ended.returncode, told.evicted, _noted(world.first)) == (0, {}, {})
    again = _again(world.first, *PINS)
    assert (again.ended.returncode, again.purposes) == (0, [])


# -- another machine --------------------------------------------------------------------------------------------------


def _compiler(folder: Path, says: str) -> dict[str, str]:
    """Return variables that make this the only compiler; each start of it leaves a trace beside it."""
    folder.mkdir(parents=True)
    script = folder / "cc"
    script.write_text(f'#!/bin/sh\n: >> "{folder}/started"\necho "{says}"\n', encoding="utf-8")
    script.chmod(0o755)
    return {"PATH": str(folder)}


def test_another_compiler(world: World, tmp_path: Path) -> None:
    tag = f"TAG = {world.tag!r}\n"
    world.serve(sdist("demo", "1.0", environment=NOTED, backend=NOTING + tag + COMPILED))
    old, new = _compiler(tmp_path / "old", "fake cc 1"), _compiler(tmp_path / "new", "fake cc 2")
    pinstall(world.first, *PINS, env=old)
    twin = world.anew()
    twin.pip("install", *PINS, env=new)
    assert _built_with(twin)["environment"]["COMPILER"] == "fake cc 1"

    fresh = world.anew()
    bad = [_wheel_of_demo(fresh)]
    _cured(world, fresh, *PINS, why="it was built with another C compiler", bad=bad, env=new)
    assert _built_with(fresh)["environment"]["COMPILER"] == "fake cc 2"
    # what is installed is not asked for its compiler: that would cost every run the start of one
    (tmp_path / "new" / "started").unlink()
    again = _again(world.first, *PINS, env=new)
    assert (again.ended.returncode, again.purposes) == (0, [])
    assert not (tmp_path / "new" / "started").exists()


@modern
def test_a_compiler_appears_after_a_build_that_left_its_extension_out(world: World, tmp_path: Path) -> None:
    tag = f"TAG = {world.tag!r}\n"
    world.serve(sdist("demo", "1.0", environment=NOTED, backend=NOTING + tag + OPTIONAL))
    none = {"PATH": str(tmp_path / "nothing")}
    some = _compiler(tmp_path / "some", "fake cc 1")
    pinstall(world.first, *PINS, env=none)
    bad = [_wheel_of_demo(world.first)]
    assert bad[0].name.endswith("-none-any.whl")
    twin = world.anew()
    twin.pip("install", "--no-binary", "demo", *PINS, env=some)
    assert _built_with(twin)["environment"]["COMPILER"] == "none"

    fresh = world.anew()
    _cured(world, fresh, *PINS, why="it was built with another C compiler", bad=bad, env=some)
    assert _built_with(fresh)["environment"]["COMPILER"] == "fake cc 1"


def _with(archive: Archive, path: str) -> Archive:
    """Return an sdist with one more file in it."""
    files = {path: ""}
    with tarfile.open(fileobj=io.BytesIO(archive.content)) as packed:
        for member in packed:
            if content := packed.extractfile(member):
                files[member.name.partition("/")[2]] = content.read().decode()
    return tarball(archive.filename.removesuffix(".tar.gz"), files)


def _doubts(ended: Completed) -> list[str]:
    assert ended.returncode == 0, ended.output
    return [line for line in own_lines(ended) if "is pure" in line]


@modern
@pytest.mark.parametrize("source", ["src/speed.c", "demo/_speed.pyx", "native/Cargo.toml"])
def test_a_pure_wheel_whose_sources_have_an_extension_is_suspected_and_left_alone(
    world: World, tmp_path: Path, source: str
) -> None:
    tag = f"TAG = {world.tag!r}\n"
    world.serve(_with(sdist("demo", "1.0", environment=NOTED, backend=NOTING + tag + OPTIONAL), source))
    some = _compiler(tmp_path / "some", "fake cc 1")
    world.anew().pip("install", *PINS, env={"PATH": str(tmp_path / "nothing")})
    before = snapshot(world.first.cache)
    (line,) = _doubts(world.first.pinstall("-v", *PINS, env=some))
    assert line.startswith(f"the wheel of demo 1.0 is pure, though its sources have demo-1.0/{source}: it may lack")
    assert _built_with(world.first)["environment"]["COMPILER"] == "none"
    for words in (["check", *PINS], ["cache", "verify"], ["cache", "verify", "demo", "--evict"]):
        assert _doubts(world.first.pinstall(*words, env=some)) == [line]
    assert _doubts(world.anew().pinstall(*PINS, env=some)) == []
    assert in_place(world.first.cache, before)
    # both remedies that it names
    words = [*PINS, "--pin", "builds=recorded"]
    assert "`--pin builds=recorded`" in line
    assert "`--force-reinstall`" in line
    told = pinstall(world.first, "--force-reinstall", *words, env=some)
    assert (told.ended.returncode, told.evicted) == (0, {"demo 1.0": False, "other 1.0": False})
    fresh = world.anew()
    assert pinstall(fresh, *words, env=some).evicted == {}
    for runner in (world.first, fresh):
        assert _built_with(runner)["environment"]["COMPILER"] == "fake cc 1"
    assert builds(world.log) == ["demo-1.0", "demo-1.0", "other-1.0"]
    for words in (["check", *PINS], ["cache", "verify"]):
        assert _doubts(world.first.pinstall(*words, env=some)) == []


def test_what_has_no_sources_of_extensions_or_none_that_are_built_is_not_suspected(world: World) -> None:
    for source in ("demo.h", "tests/speed.c"):
        archive = _with(sdist("demo", "1.0"), source)
        world.serve(archive)
        world.anew().pip("install", PINS[0])
        assert _doubts(world.first.pinstall("cache", "verify")) == []
        world.first.pinstall("cache", "evict", "demo")


def test_the_sources_of_a_local_archive_are_looked_at_too(world: World) -> None:
    path = _with(SOURCE, "speed.cpp").write(world.first.home / "dist")
    world.anew().pip("install", f"demo @ {path.as_uri()}")
    assert len(_doubts(world.first.pinstall("cache", "verify"))) == 1
    path.unlink()
    assert _doubts(world.first.pinstall("cache", "verify")) == []


def test_a_cache_that_was_restored_on_another_system(world: World) -> None:
    tag = f"TAG = {world.tag!r}\n"
    world.serve(sdist("demo", "1.0", environment=NOTED, backend=NOTING + tag + COMPILED))
    pinstall(world.first, *PINS)
    old = _wheel_of_demo(world.first)
    (record,) = world.first.cache.glob("pinstall/builds/**/*.json")
    document = json.loads(record.read_text(encoding="utf-8"))
    document["inputs"]["platform"] = "linux x86_64 alpine 3.20 "
    record.write_text(json.dumps(document), encoding="utf-8")
    twin = world.anew()
    twin.pip("install", *PINS)
    assert builds(world.log) == ["demo-1.0"]
    _cured(world, world.anew(), *PINS, why="it was built with another platform", bad=[old])


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_library_that_a_built_wheel_needs_is_gone(world: World, tmp_path: Path) -> None:
    pytest.importorskip("elftools")
    world.serve(SOURCE)
    library, module = tmp_path / "libpinned.so.5", tmp_path / "_demo.so"
    compiler = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o"]
    subprocess.run([*compiler, str(library), "-Wl,-soname,libpinned.so.5"], input=b"int pinned = 5;", check=True)
    linked = [str(library), f"-Wl,-rpath,{tmp_path},--no-as-needed"]
    subprocess.run([*compiler, str(module), *linked], input=b"extern int pinned; int *demo = &pinned;", check=True)
    code = "import ctypes, os\nMARK = 'compiled'\nctypes.CDLL(os.path.join(os.path.dirname(__file__), '_demo.so'))\n"
    compiled = wheel("demo", "1.0", tag=world.tag, modules={"demo.py": code}, files={"_demo.so": module.read_bytes()})
    old = cached(world.first, SOURCE, compiled)

    # as long as the library is there nothing speaks against the wheel
    told = pinstall(world.first, *PINS)
    assert (told.evicted, world.first.environment.module("demo", "MARK")) == ({}, "compiled")
    library.unlink()
    twin = world.anew()
    twin.pip("install", *PINS)
    with pytest.raises(AssertionError, match=r"libpinned\.so\.5"):
        twin.environment.module("demo")

    fresh = world.anew()
    _cured(world, fresh, *PINS, why="libpinned.so.5", bad=[old])
    assert fresh.environment.module("demo", "MARK") == "source"

    # what it lacked already when it was built it will lack again: to build it anew would never end
    (new,) = world.first.cache.glob("wheels/**/demo-1.0-*.whl")
    new.write_bytes(compiled.content)
    path = str(new.relative_to(world.first.cache))
    build_records.write(str(world.first.cache), path, {}, abi.missing(str(new)))
    found = wheels.artifact(str(world.first.cache), path)
    assert check(str(world.first.cache), found, ()).damage is None


# -- build requirements -----------------------------------------------------------------------------------------------


@modern
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            "option", marks=pytest.mark.skipif(RELEASE < (25, 3), reason="`--build-constraint` came with 25.3")
        ),
        *(
            pytest.param(
                way, marks=pytest.mark.skipif(RELEASE >= (26, 2), reason="since 26.2 constraints reach no build")
            )
            for way in ("variable", "file")
        ),
    ],
)
def test_other_build_constraints(world: World, way: str) -> None:
    world.serve(sdist("demo", "1.0", environment=NOTED, backend=NOTING, build_requires=["tool"]), *TOOLS)
    file = world.first.home / "constraints.txt"
    words = ["--build-constraint", "constraints.txt"] if way == "option" else []
    variables = {"PIP_CONSTRAINT": str(file)} if way == "variable" else {}
    if way == "file":
        written(world.first, f"[global]\nconstraint = {file}\n", "pip.conf")
        variables = {"PIP_CONFIG_FILE": str(world.first.home / "pip.conf")}
    file.write_text("tool==1.0\n", encoding="utf-8")
    pinstall(world.first, *PINS, *words, env=variables)
    assert _noted(world.first) == {"TOOL": "1.0"}
    bad = [_wheel_of_demo(world.first)]
    file.write_text("tool==2.0\n", encoding="utf-8")
    twin = world.anew()
    twin.pip("install", *PINS, *words, env=variables)
    assert _noted(twin) == {"TOOL": "1.0"}

    fresh = world.anew()
    why = "it was built with another build constraint"
    # what a build constraint file says only pip checks
    _cured(world, fresh, *PINS, *words, why=why, bad=bad, env=variables, settles=way != "option")
    assert _noted(fresh) == {"TOOL": "2.0"}
    told = pinstall(world.first, *PINS, *words, env=variables)
    assert (told.ended.returncode, told.purposes[-1], _noted(world.first)) == (0, "force", {"TOOL": "2.0"})


def test_without_build_isolation(world: World) -> None:
    world.serve(sdist("demo", "1.0", environment=NOTED, backend=NOTING, build_requires=["tool"]), *TOOLS)
    pinstall(world.first, *PINS)
    assert _noted(world.first) == {"TOOL": "2.0"}
    bad = [_wheel_of_demo(world.first)]
    words = [*PINS, "--no-build-isolation"]
    twin, fresh = world.anew(), world.anew()
    for runner in (twin, fresh):
        place(runner.environment, TOOLS[0])
    twin.pip("install", *words)
    assert _noted(twin) == {"TOOL": "2.0"}
    _cured(world, fresh, *words, why="it was built with another build isolation", bad=bad)
    assert _noted(fresh) == {"TOOL": "1.0"}


# -- what lies in an entry --------------------------------------------------------------------------------------------

GOOD = wheel("demo", "1.0", mark="good")
ENTRIES: Final[dict[str, tuple[str, tuple[Archive, ...]]]] = {
    "lying RECORD": ("not what its RECORD says", (wheel("demo", "1.0", mark="evil", record_is="lying"),)),
    "truncated": ("is not a valid wheel", (GOOD.truncated(),)),
    "flipped": ("is not a valid wheel", (GOOD.flipped(),)),
    "other version inside": (
        "its METADATA says demo 9.9",
        (wheel("demo", "1.0", mark="evil", metadata={"Version": "9.9"}),),
    ),
    "other dist-info": ("demo 9.9", (wheel("demo", "1.0", mark="evil", dist_info="demo-9.9"),)),
    "other version": ("it lies where pip looks for the wheel of demo 1.0", (wheel("demo", "9.9", mark="evil"),)),
    "several": (
        "it lies where pip looks for the wheel of demo 1.0",
        (wheel("demo", "0.5", mark="evil"), wheel("demo", "1.0", mark="good"), wheel("demo", "9.9", mark="evil")),
    ),
}
SILENT: Final = {
    "index": {"lying RECORD", "other dist-info"},
    "direct": {"lying RECORD", "other dist-info", "other version inside", "other version", "several"},
    "legacy": {"lying RECORD", "other dist-info", "other version inside", "other version", "several"},
}
"""Where pip ends well with what is wrong; elsewhere it fails, and fails again."""


def _asked(world: World, by: str) -> list[str]:
    direct = f"demo @ {world.first.index.file_url(SOURCE.filename)}#sha256={SOURCE.sha256}"
    legacy = ["--use-deprecated", "legacy-resolver"] if by == "legacy" else []
    return [*legacy, direct if by == "direct" else PINS[0], PINS[1]]


@pytest.mark.parametrize("by", ["index", "direct", "legacy"])
@pytest.mark.parametrize("kind", ENTRIES)
def test_a_wrong_wheel(world: World, kind: str, by: str) -> None:
    why, archives = ENTRIES[kind]
    world.serve(SOURCE)
    stored = [cached(world.first, SOURCE, archive, direct=by == "direct") for archive in archives]
    words = _asked(world, by)
    twin = world.anew()
    ended = [twin.pip("install", *words, check=False) for _ in range(2)]
    assert [one.returncode == 0 for one in ended] == [kind in SILENT[by]] * 2, ended[0].output
    if kind in SILENT[by]:
        assert twin.environment.module("demo", "MARK") == "evil"

    fresh = world.anew()
    legacy = by == "legacy"
    if kind == "several":
        told = pinstall(fresh, *words)
        assert (told.ended.returncode, told.evicted) == (0, {"demo 0.5": True, "demo 9.9": True}), told.ended.output
        assert (fresh.environment.module("demo", "MARK"), builds(world.log)) == ("good", [])
        assert shelved(fresh.cache) == ["demo-0.5-py3-none-any.whl", "demo-9.9-py3-none-any.whl"]
        again = _again(fresh, *words) if not legacy else told
        assert again.ended.returncode == 0
    else:
        _cured(world, fresh, *words, why=why, bad=stored, settles=not legacy)
        assert fresh.environment.module("demo", "MARK") == "source"


def test_a_wheel_that_was_replaced_by_a_good_looking_one(world: World) -> None:
    """Name, version and RECORD of the other one are right: only what was noted when pip built it tells."""
    world.serve(SOURCE)
    pinstall(world.first, *PINS)
    bad = poison(_wheel_of_demo(world.first), wheel("demo", "1.0", mark="evil"), keep_name=True)
    twin = world.anew()
    twin.pip("install", *PINS)
    assert twin.environment.module("demo", "MARK") == "evil"

    fresh = world.anew()
    _cured(world, fresh, *PINS, why="it was altered since pip built it", bad=[bad])
    assert fresh.environment.module("demo", "MARK") == "source"
    # nothing is lost: what was moved stays on the shelf while its place is taken, and comes back when it is not
    shelf = _on_shelf(fresh)
    assert fresh.pinstall("undo").returncode == 1
    assert _on_shelf(fresh) == shelf
    _wheel_of_demo(fresh).unlink()
    assert fresh.pinstall("undo").returncode == 0
    assert _digest(_wheel_of_demo(fresh)) in shelf


@modern
@pytest.mark.parametrize("kind", ["replaced", "lying RECORD"])
def test_installed_from_a_wrong_wheel(world: World, kind: str) -> None:
    """Where the hash is pinned, cache and environment are made right by one run."""
    world.serve(SOURCE)
    written(world.first, pinned(SOURCE, OTHER))
    words = ["-r", "requirements.txt"]
    if kind == "replaced":
        pinstall(world.first, *words)
        bad = poison(_wheel_of_demo(world.first), wheel("demo", "1.0", mark="evil"), keep_name=True)
    else:
        bad = cached(world.first, SOURCE, ENTRIES[kind][1][0])
    twin = world.anew()
    twin.pip("install", *words)
    assert twin.pip("install", *words).returncode == 0
    assert twin.environment.module("demo", "MARK") == "evil"
    why = "altered"
    _cured(world, twin, *words, why=why, bad=[bad], purposes=["remake", "install", "force"])
    assert twin.environment.module("demo", "MARK") == "source"


def test_installed_from_the_wrong_wheel_of_a_direct_url(world: World) -> None:
    world.serve(SOURCE)
    bad = cached(world.first, SOURCE, wheel("demo", "9.9", mark="evil"), direct=True)
    words = _asked(world, "direct")
    twin = world.anew()
    twin.pip("install", *words)
    assert twin.environment.freeze() == ["demo==9.9", "other==1.0"]
    _cured(world, twin, *words, why="of demo 1.0", bad=[bad])
    assert twin.environment.freeze() == ["demo==1.0", "other==1.0"]


# -- the source was replaced under its name ---------------------------------------------------------------------------


def _local(world: World, way: str) -> tuple[Path, list[str]]:
    """Return a folder with the first source, and words that pin demo from it."""
    folder = world.first.home / "links"
    file = SOURCE.write(folder)
    OTHER.write(folder)
    if way == "direct":
        return file, [f"demo @ {file.as_uri()}", "other==1.0"]
    return file, ["--find-links", str(folder), *PINS]


@pytest.mark.parametrize("way", ["find-links", "direct"])
def test_a_local_source_is_replaced(world: World, way: str) -> None:
    file, words = _local(world, way)
    world.anew().pip("install", *words)
    bad = _wheel_of_demo(world.first)
    file.write_bytes(REPUBLISHED.content)
    twin = world.anew()
    twin.pip("install", *words)
    assert twin.environment.module("demo", "MARK") == "source"

    fresh = world.anew()
    _cured(world, fresh, *words, why=f"it was built from what `{file}` was before", bad=[bad])
    assert fresh.environment.module("demo", "MARK") == "republished"
    if way == "direct":  # the present bytes are what is pinned, so what is installed is wrong too
        assert pinstall(twin, *words).ended.returncode == 0
        assert twin.environment.module("demo", "MARK") == "republished"


@modern
def test_the_build_of_the_pinned_source_is_right_though_another_lies_in_its_place(world: World) -> None:
    file, words = _local(world, "find-links")
    world.anew().pip("install", *words)
    built = _wheel_of_demo(world.first)
    file.write_bytes(REPUBLISHED.content)
    written(world.first, pinned(SOURCE, OTHER))
    told = pinstall(world.first, *words[:2], "-r", "requirements.txt")
    assert (told.ended.returncode, told.evicted, _wheel_of_demo(world.first)) == (0, {}, built)
    assert world.first.environment.module("demo", "MARK") == "source"


@pytest.fixture
def hashless(world: World) -> World:
    """Both projects were installed by plain pip from an index without hashes; then demo became another one."""
    world.serve(SOURCE, OTHER, hashes=False)
    shutil.rmtree(world.first.cache)
    _from_url(world)
    world.anew().pip("install", *PINS)
    world.serve(REPUBLISHED, hashes=False)
    return world


def _from_url(world: World) -> None:
    """Put a wheel of other where pip keeps it for an index that publishes no hashes."""
    python = world.first.environment.site_packages.parent.name.removeprefix("python")
    url = world.first.index.file_url(OTHER.filename)
    folder = wheel_entry(world.first.cache, url, python=python)
    wheel("other", "1.0", mark="in the cache").write(folder)
    origin = {"url": url, "archive_info": {"hashes": {"sha256": OTHER.sha256}, "hash": f"sha256={OTHER.sha256}"}}
    (folder / "origin.json").write_text(json.dumps(origin), encoding="utf-8")


def test_an_index_without_hashes_replaces_a_source_that_is_pinned_by_version(hashless: World) -> None:
    bad = _wheel_of_demo(hashless.first)
    download = body_of(http_entry(bad.parents[5], hashless.first.index.file_url(SOURCE.filename), LAYOUT))
    twin = hashless.anew()
    twin.pip("install", *PINS)
    assert twin.environment.module("demo", "MARK") == "source"

    fresh = hashless.anew()
    _cured(hashless, fresh, *PINS, why="it was built from what its server had before", bad=[bad])
    assert fresh.environment.module("demo", "MARK") == "republished"
    # what was downloaded before is as old, and would be built again
    assert not download.exists() or REPUBLISHED.content in download.read_bytes()
    # the next environment takes the new wheel
    assert pinstall(hashless.anew(), *PINS).evicted == {}
    assert builds(hashless.log) == ["demo-1.0"] * 2


def test_nothing_is_accused_where_the_server_does_not_tell(hashless: World) -> None:
    hashless.first.index.fault(hashless.first.index.file_url(SOURCE.filename), Fault(status=405))
    told = pinstall(hashless.first, *PINS)
    assert (told.ended.returncode, told.evicted) == (0, {})


def test_a_download_of_another_source_than_the_wheel_was_built_from(hashless: World) -> None:
    """Somebody has fetched the new source already, so no server has to be asked."""
    bad = _wheel_of_demo(hashless.first)
    url = hashless.first.index.file_url(SOURCE.filename)
    stored = http_entry(hashless.first.cache, url, LAYOUT)
    for path in {stored, body_of(stored)}:
        path.unlink()
    hashless.first.pip("download", "--no-deps", "--no-binary=demo", "--no-build-isolation", url)
    hashless.first.index.requests.clear()
    twin = hashless.anew()
    twin.pip("install", *PINS)
    assert twin.environment.module("demo", "MARK") == "source"

    fresh = hashless.anew()
    why = "it was built from another archive than the one that pip has of that name by now"
    _cured(hashless, fresh, *PINS, why=why, bad=[bad])
    assert not [request for request in hashless.first.index.requests if request.method == "HEAD"]
    assert fresh.environment.module("demo", "MARK") == "republished"


@modern
def test_an_index_without_hashes_replaces_a_source_that_is_pinned_by_hash(hashless: World) -> None:
    bad = _wheel_of_demo(hashless.first)
    written(hashless.first, pinned(REPUBLISHED, OTHER))
    words = ["-r", "requirements.txt"]
    # pip sees that the wheel was built from something else, and stops at its own download of that
    twin = hashless.anew()
    for _ in range(2):
        assert twin.pip("install", *words, check=False).returncode == 1

    fresh = hashless.anew()
    _cured(hashless, fresh, *words, why="it was built with another source archive", bad=[bad])
    assert fresh.environment.module("demo", "MARK") == "republished"


@pytest.mark.parametrize("option", ["--force-reinstall", "--ignore-installed"])
def test_what_is_to_be_installed_anew_is_not_taken_from_a_wrong_wheel(world: World, option: str) -> None:
    world.serve(SOURCE)
    pinstall(world.first, *PINS)
    poison(_wheel_of_demo(world.first), ENTRIES["lying RECORD"][1][0])
    told = pinstall(world.first, option, *PINS)
    assert (told.ended.returncode, told.evicted) == (0, {"demo 1.0": True})
    assert world.first.environment.module("demo", "MARK") == "source"


# -- settings ---------------------------------------------------------------------------------------------------------


def test_only_what_is_on_record_may_be_used(world: World) -> None:
    world.serve(SOURCE)
    bad = {_digest(cached(world.first, SOURCE, wheel("demo", "1.0", mark="who knows")))}
    words = [PINS[0], "--pin", "builds=recorded"]
    twin = world.anew()
    assert pinstall(twin, PINS[0]).evicted == {}
    assert twin.environment.module("demo", "MARK") == "who knows"
    for _ in range(2):
        fresh = world.anew()
        told = pinstall(fresh, *words)
        assert (told.ended.returncode, builds(world.log)) == (0, ["demo-1.0"])
        assert fresh.environment.module("demo", "MARK") == "source"
    assert _on_shelf(world.first) == bad


def test_what_is_not_on_record_does_not_come_back_from_the_shelf_either(world: World) -> None:
    newer = sdist("demo", "2.0")
    world.serve(SOURCE, newer)
    cached(world.first, SOURCE, wheel("demo", "1.0", mark="who knows"))
    assert pinstall(world.first, "demo==2.0").evicted == {"demo 1.0": False}
    fresh = world.anew()
    told = pinstall(fresh, PINS[0], "--pin", "builds=recorded")
    assert (told.ended.returncode, fresh.environment.module("demo", "MARK")) == (0, "source")
    # where any will do it does come back
    again = world.anew()
    shutil.rmtree(world.first.cache / "pinstall" / "builds")
    shutil.rmtree(world.first.cache / "wheels")
    told = pinstall(again, PINS[0])
    assert (len(told.document["returned"]), again.environment.module("demo", "MARK")) == (1, "who knows")


# -- two projects -----------------------------------------------------------------------------------------------------

SPY = """\
import glob, os, sys
wheels = glob.glob(os.environ["CACHE"] + "/wheels/**/*.whl", recursive=True)
if "pip" in sys.orig_argv and "install" in sys.orig_argv:
    with open(os.environ["SPY"], "a") as seen:
        print(*map(os.path.basename, wheels), file=seen)
"""


def test_two_projects_that_pin_different_versions_build_each_once(world: World, tmp_path: Path) -> None:
    """And whenever pip runs, its cache holds nothing that contradicts the pins of that project."""
    for version in ("1.0", "2.0"):
        world.serve(sdist("demo", version))
    spy = tmp_path / "seen"
    told = {"SPY": str(spy), "CACHE": str(world.first.cache)}
    for number in range(8):
        version = ("1.0", "2.0")[number % 2]
        fresh = world.anew()
        (fresh.environment.site_packages / "spy.pth").write_text("import spy\n", encoding="utf-8")
        (fresh.environment.site_packages / "spy.py").write_text(SPY, encoding="utf-8")
        spy.unlink(missing_ok=True)
        run = pinstall(fresh, f"demo=={version}", PINS[1], env=told)
        assert run.ended.returncode == 0
        assert fresh.environment.module("demo") == version
        seen = spy.read_text(encoding="utf-8").split()
        assert {name.rpartition("-py3")[0] for name in seen} <= {f"demo-{version}", "other-1.0"}
        assert "other-1.0-py3-none-any.whl" in seen
    assert builds(world.log) == ["demo-1.0", "demo-2.0"]
