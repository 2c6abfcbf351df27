"""A cache that cannot be used, a disk that is full, and somebody else at the same time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.fuzz import bombs
from tests.support import caches, secrets
from tests.support.environments import ROOT
from tests.support.processes import Completed, sealed
from tests.support.runner import beside
from tests.support.scenes import cached, in_place, installed, own_lines, place, shelved
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.conftest import MakeEnvironment
    from tests.support.runner import Runner

SOURCES: Final = {version: sdist("demo", version, delay=0.2) for version in ("1.0", "2.0", "3.0")}


@pytest.fixture
def scene(runner: Runner) -> Runner:
    """Return a runner whose environment and cache have demo 2.0, which is not what will be pinned."""
    for source in SOURCES.values():
        runner.index.add(source)
    place(runner.environment, wheel("demo", "2.0"))
    cached(runner, SOURCES["2.0"], wheel("demo", "2.0"))
    return runner


def untouched(scene: Runner, before: tuple[dict[str, str], dict[str, str]]) -> bool:
    return before == standing(scene)


def standing(scene: Runner) -> tuple[dict[str, str], dict[str, str]]:
    """Return the digests of pip's cache and of what is installed."""
    return caches.snapshot(scene.cache), installed(scene.environment)


@pytest.mark.slow
def test_a_cache_path_that_is_a_file_is_left_to_pip(scene: Runner, tmp_path: Path) -> None:
    file = tmp_path / "cache-file"
    file.write_bytes(b"mine")
    scene.index.add(wheel("other", "1.0"))
    before = standing(scene)
    ended = scene.pinstall("--cache-dir", file, "demo==1.0")
    assert ended.returncode == 1, "pip wants to store what it builds"
    assert untouched(scene, before)
    ended = scene.pinstall("--cache-dir", file, "other==1.0")
    assert ended.returncode == 0, ended.output
    assert scene.environment.module("other") == "1.0"
    assert file.read_bytes() == b"mine"
    assert "Traceback" not in ended.output


@pytest.mark.parametrize("place_of_the_file", ["pinstall", "pinstall/shelf"])
def test_where_no_shelf_can_be_made_a_harmless_wheel_stays_and_pip_runs(scene: Runner, place_of_the_file: str) -> None:
    obstacle = scene.cache / place_of_the_file
    obstacle.parent.mkdir(exist_ok=True)
    obstacle.write_bytes(b"")
    before, _ = standing(scene)
    ended = scene.pinstall("-v", "demo==1.0")
    assert ended.returncode == 0, ended.output
    assert f"stays in pip's cache: `{obstacle}" in ended.stderr
    assert "runs without its cache" not in ended.output
    assert "Traceback" not in ended.output
    assert scene.environment.module("demo") == "1.0"
    assert in_place(scene.cache, before)


@pytest.mark.skipif(os.geteuid() == 0, reason="no mode stops root from writing")
def test_a_read_only_cache_is_left_alone(scene: Runner) -> None:
    folders = [scene.cache, *(path for path in scene.cache.rglob("*") if path.is_dir())]
    before = caches.snapshot(scene.cache)
    for folder in folders:
        folder.chmod(0o555)
    try:
        ended = scene.pinstall("demo==1.0")
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert ended.returncode == 0, ended.output
    assert scene.environment.module("demo") == "1.0"
    assert caches.snapshot(scene.cache) == before


FULL = """
import os, runpy, sys
sys.path.insert(1, {root!r})
def full(real, place):
    def called(path, *rest, **options):
        if place in str(path) or any(place in str(one) for one in rest):
            raise OSError(28, "No space left on device")
        return real(path, *rest, **options)
    return called
os.{function} = full(os.{function}, {place!r})
runpy.run_module("pinstall", None, "__main__", True)
"""


def on_a_full_disk(scene: Runner, function: str, place_: str) -> Completed:
    """Run pinstall where a function of `os` fails for paths that contain the place."""
    code = FULL.format(root=str(ROOT), function=function, place=place_)
    argv = ["--python", str(scene.environment.python), *scene.index_options, "-v", "demo==1.0"]
    return scene.run([beside()[0], "-c", code, *argv])


@pytest.mark.parametrize(("function", "place_"), [("mkdir", "/pinstall/shelf"), ("rename", "/pinstall/shelf")])
def test_on_a_full_disk_what_cannot_move_stays(scene: Runner, function: str, place_: str) -> None:
    before, _ = standing(scene)
    ended = on_a_full_disk(scene, function, place_)
    assert ended.returncode == 0, ended.output
    assert any("stays in pip's cache: " in line and "No space left on device" in line for line in own_lines(ended))
    assert "Traceback" not in ended.output
    assert scene.environment.module("demo") == "1.0"
    assert in_place(scene.cache, before)
    assert shelved(scene.cache) == []


def test_without_room_for_a_stage_no_traceback_is_shown_and_nothing_is_lost(scene: Runner) -> None:
    before, was = standing(scene)
    ended = on_a_full_disk(scene, "mkdir", "/pinstall/stage-")
    assert "No space left on device" in ended.stderr
    assert "Traceback" not in ended.output
    if ended.returncode:
        assert untouched(scene, (before, was))
    else:
        assert scene.environment.module("demo") == "1.0"
        assert shelved(scene.cache) == [wheel("demo", "2.0").filename]


@pytest.mark.slow
def test_without_room_for_the_fresh_build_pip_builds_it_itself(scene: Runner) -> None:
    ended = on_a_full_disk(scene, "mkdir", "/pip/wheels/")
    assert ended.returncode == 0, ended.output
    assert scene.environment.module("demo") == "1.0"


def everything(cache: Path) -> Counter[str]:
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in cache.rglob("*") if path.is_file())


def test_two_runs_at_once_on_one_cache_both_end_with_their_pin(
    scene: Runner, make_environment: MakeEnvironment
) -> None:
    cached(scene, SOURCES["3.0"], wheel("demo", "3.0", mark="cached"))
    before = everything(scene.cache)
    environments = {"1.0": scene.environment, "3.0": make_environment()}
    running = {}
    for version, environment in environments.items():
        argv = [*beside(), "--python", str(environment.python), *scene.index_options, f"demo=={version}"]
        variables = sealed(scene.home)
        running[version] = subprocess.Popen(argv, env=variables, cwd=scene.home, stdout=-1, stderr=-2)
    ends = {version: (process.communicate(timeout=60)[0], process.returncode) for version, process in running.items()}
    for version, environment in environments.items():
        assert ends[version][1] == 0, ends[version][0].decode()
        assert environment.freeze() == [f"demo=={version}"]
        assert environment.module("demo") == version
    assert everything(scene.cache) >= before


# --- hostile material ------------------------------------------------------------------------------------------------

LIMITED: Final = ["/bin/sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh"]
"""Gives a command 2 GB of memory."""
ESCAPES: Final = "\x1b]0;owned\x07\x1b[2J"


def _limited(scene: Runner, *words: str) -> Completed:
    return scene.run([*LIMITED, *beside(), *words])


def test_a_cached_wheel_of_four_gigabytes_is_not_unpacked(scene: Runner) -> None:
    bomb = bombs.zip_with(wheel("demo", "2.0").content, {"demo/zeros": (bombs.zeros(4095), 4095 * bombs.MIB)})
    (built,) = caches.built_wheels(scene.cache)
    built.write_bytes(bomb)
    ended = _limited(scene, "cache", "verify", "--cache-dir", str(scene.cache))
    assert "Traceback" not in ended.output
    assert ended.returncode in (0, 1), ended.output


@pytest.mark.parametrize("name", ["/tmp/outside.py", "../../../../outside.py", "demo/../../outside.py"])
def test_what_a_cached_wheel_calls_its_members_is_written_nowhere(scene: Runner, name: str) -> None:
    (built,) = caches.built_wheels(scene.cache)
    built.write_bytes(wheel("demo", "2.0", files={name: b"x"}).content)
    before = sorted(scene.home.parent.rglob("outside*"))
    for words in (("cache", "verify"), ("check", "demo==2.0"), ("why", "demo", "demo==2.0")):
        ended = scene.pinstall(*words)
        assert "Traceback" not in ended.output
    assert sorted(scene.home.parent.rglob("outside*")) == before


@pytest.mark.skipif(
    Path(os.__file__).with_name("sitecustomize.py").exists(),
    reason="the standard library of this Python has a `sitecustomize`, which hides any other",
)
def test_nothing_of_an_environment_is_run_to_judge_it(scene: Runner) -> None:
    folder, log = scene.environment.site_packages, scene.home / "ran"
    note = f"import os; open({str(log)!r}, 'a').write('%s\\n')"
    (folder / "sitecustomize.py").write_text(note % "start", encoding="utf-8")
    (folder / "demo.py").write_text(note % "import", encoding="utf-8")
    (folder / "demo-2.0.dist-info" / "entry_points.txt").write_text("[pinstall]\nx = demo\n", encoding="utf-8")
    scene.pinstall("check", "demo==2.0")
    # each command asks the interpreter what it is, because such code may change the answer; that starts it as usual
    assert log.read_text(encoding="utf-8").split() == ["start"]
    scene.pinstall("check", "demo==2.0")
    scene.pinstall("why", "demo", "demo==2.0")
    assert log.read_text(encoding="utf-8").split() == ["start"] * 3


def test_escape_sequences_in_names_reach_no_terminal(scene: Runner) -> None:
    metadata = scene.environment.site_packages / "demo-2.0.dist-info" / "METADATA"
    metadata.write_text(f"Metadata-Version: 2.1\nName: demo{ESCAPES}\nVersion: 2.0\n", encoding="utf-8")
    for words in (("check", "demo==2.0"), ("why", "demo"), ("check", f"demo=={ESCAPES}")):
        ended = scene.pinstall(*words)
        assert not {"\x1b", "\x07"} & {*ended.output}


def test_no_shell_is_ever_started() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "pinstall").rglob("*.py")]
    shells = re.compile(r"shell\s*=\s*True|os\.(system|popen)\(|getoutput|\beval\(|\bexec\(|pickle|marshal\.loads?\(")
    assert sources
    assert not any(map(shells.search, sources))


def test_a_secret_that_is_told_is_found(scene: Runner) -> None:
    notes = scene.cache / "pinstall" / "notes"
    notes.parent.mkdir(exist_ok=True)
    notes.write_text(secrets.TOKEN, encoding="utf-8")
    with pytest.raises(AssertionError, match=secrets.TOKEN):
        scene.pinstall("check", "demo==2.0")
    said = Completed(returncode=0, stdout="", stderr=f"pinstall: {secrets.PASSWORD}\npip: {secrets.TOKEN}\n")
    assert secrets.told(said, ()) == [f"{secrets.PASSWORD} in the output"]
