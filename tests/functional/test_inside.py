"""Pinstall lives in the very environment whose pins it enforces, down to the versions of what it is made of."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.environments import ROOT
from tests.support.pips import CHOSEN, pip_wheel
from tests.support.scenes import cached, files, installed, lame, own_lines, pinned, pinstall, place, shelved, written
from tests.support.sdists import BUILD_LOG, builds, sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner

LOWEST = dict(
    re.findall(
        r"^([a-z]+)==(\S+)$", (ROOT / "tests" / "constraints-minimum.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
)
"""The versions of pinstall's own dependencies at their floors, tomli aside, which not every Python needs."""


def repacked(name: str, version: str) -> Archive:
    """Return the installed distribution as a wheel that says it is of another version."""
    source = importlib.metadata.distribution(name)
    members: dict[str, bytes] = {}
    for file in source.files or ():
        if file.parts[0] != ".." and file.suffix != ".pyc" and ".dist-info" not in file.parts[0]:
            members[file.as_posix()] = file.read_binary()
    requires = [text for text in source.requires or () if "extra ==" not in text]
    return wheel(name, version, modules={}, files=members, requires=requires)


def test_the_floors_of_the_tests_are_those_of_the_project() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert set(LOWEST) == {"packaging", "requests", "resolvelib"}
    for name, version in LOWEST.items():
        assert re.search(rf'"{name}>={re.escape(version.removesuffix(".0"))}(\.0)?"', text), name


def test_the_users_story_inside(inside: Runner, tmp_path: Path) -> None:
    old, new = sdist("docopt", "0.6.1"), sdist("docopt", "0.6.2")
    for archive in (old, new):
        inside.index.add(archive)
    cached(inside, new, wheel("docopt", "0.6.2"))
    inside.variables[BUILD_LOG] = str(tmp_path / "builds")
    ended = inside.pinstall("docopt==0.6.1")
    assert ended.returncode == 0
    assert [line.partition(" ")[0] for line in own_lines(ended)] == ["installing", "moved", "rebuilding", "1"]
    assert inside.environment.module("docopt") == "0.6.1"
    assert builds(tmp_path / "builds") == ["docopt-0.6.1"]
    lame(inside.environment)
    assert inside.pinstall("docopt==0.6.1").stderr == "pinstall: 1 pin satisfied\n"
    assert inside.pinstall("undo").returncode == 0
    assert shelved(inside.cache) == []


@pytest.mark.slow
def test_own_dependencies_are_pinned_to_their_floors_and_it_works_before_during_and_after(inside: Runner) -> None:
    wheels = [repacked(name, version) for name, version in LOWEST.items()]
    for archive in (*wheels, wheel("aa", "1.0"), wheel("bb", "1.0")):
        inside.index.add(archive)
    written(inside, "".join(f"{name}=={version}\n" for name, version in LOWEST.items()))
    told = pinstall(inside, "-v", "-r", "requirements.txt", "aa==1.0")
    assert told.ended.returncode == 0
    assert told.purposes == ["install"]
    assert "Traceback" not in told.ended.stderr
    assert set(told.states.values()) == {"satisfied"}
    assert set(told.states) == {*LOWEST, "aa"}
    for name, version in LOWEST.items():
        code = f"from importlib.metadata import version; print(version({name!r}))"
        assert inside.environment.run(code) == version
    again = pinstall(inside, "-r", "requirements.txt", "aa==1.0")
    assert (again.ended.returncode, again.purposes) == (0, [])
    after = pinstall(inside, "bb==1.0")
    assert (after.ended.returncode, after.purposes) == (0, ["install"])
    # a mismatch there is remade by the very same means
    assert inside.environment.freeze() == ["aa==1.0", "bb==1.0"]


@pytest.mark.slow
def test_own_dependencies_with_hashes_are_reinstalled_for_proof_and_it_works_on(inside: Runner) -> None:
    wheels = [repacked(name, importlib.metadata.version(name)) for name in LOWEST]
    for archive in wheels:
        inside.index.add(archive)
    written(inside, pinned(*wheels))
    told = pinstall(inside, "-r", "requirements.txt", "--no-deps")
    assert (told.ended.returncode, set(told.states.values())) == (0, {"satisfied"})
    assert told.purposes == ["install", "force"]
    assert "Traceback" not in told.ended.stderr
    again = pinstall(inside, "-r", "requirements.txt", "--no-deps")
    assert (again.ended.returncode, again.purposes) == (0, [])


@pytest.mark.parametrize("name", sorted(LOWEST))
def test_below_the_floor_is_refused_before_pip_starts(inside: Runner, name: str) -> None:
    for version in ("0.1", LOWEST[name]):
        inside.index.add(repacked(name, version))
    old, new = sdist("aa", "1.0"), sdist("aa", "2.0")
    for archive in (old, new):
        inside.index.add(archive)
    cached(inside, old, wheel("aa", "1.0"))
    environment, entries = files(inside.environment.root), snapshot(inside.cache)
    written(inside, f"aa==2.0\n{name}==0.1\n")
    ended = inside.pinstall("-r", "requirements.txt")
    assert (ended.returncode, ended.stdout) == (65, "")
    lines = own_lines(ended)
    floor = LOWEST[name].removesuffix(".0")
    assert [line for line in lines if "requirements.txt:2" in line and f"{name}==0.1" in line and f">={floor}" in line]
    assert [line for line in lines if line.startswith("hint: ") and "pipx" in line]
    assert files(inside.environment.root) == environment
    assert snapshot(inside.cache) == entries
    assert inside.index.requests == []


def test_below_the_floor_by_constraint_is_refused_too(inside: Runner) -> None:
    inside.index.add(repacked("packaging", "0.1"))
    written(inside, "packaging==0.1\n", "constraints.txt")
    before = files(inside.environment.root)
    assert inside.pinstall("packaging", "-c", "constraints.txt").returncode == 65
    assert files(inside.environment.root) == before


@pytest.mark.slow
def test_elsewhere_no_floor_of_ours_counts(runner: Runner) -> None:
    runner.index.add(wheel("packaging", "0.1"))
    assert runner.pinstall("packaging==0.1").returncode == 0
    assert runner.environment.module("packaging") == "0.1"


# --- relatives -------------------------------------------------------------------------------------------------------


def test_the_namesake_is_said(inside: Runner, runner: Runner) -> None:
    namesake = wheel("pinstall", "1.0", modules={"somebody_elses.py": ""})
    place(inside.environment, namesake, wheel("aa", "1.0"))
    lines = own_lines(inside.pinstall("aa==1.0"))
    assert len(lines) == 2
    assert "`pinstall`" in lines[0]
    assert "`pip-pinstall`" in lines[0]
    assert "another tool" in lines[0]
    assert inside.pinstall("-q", "aa==1.0").output == ""
    # in another environment than ours it is nobody's namesake
    place(runner.environment, namesake, wheel("aa", "1.0"))
    assert "another tool" not in runner.pinstall("aa==1.0").stderr


def test_pip_pinned_to_itself_holds_and_is_never_reinstalled_for_proof(inside: Runner) -> None:
    path = pip_wheel(CHOSEN)
    own = Archive(path.name, path.read_bytes())
    inside.index.add(own)
    assert inside.pinstall(f"pip=={CHOSEN}").stderr == "pinstall: 1 pin satisfied\n"
    written(inside, pinned(own))
    before = (inside.environment.site_packages / "pip" / "__init__.py").stat()
    told = pinstall(inside, "-r", "requirements.txt")
    assert told.ended.returncode == 0
    assert "force" not in told.purposes
    after = (inside.environment.site_packages / "pip" / "__init__.py").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.slow
def test_another_pip_is_installed_by_pip_and_verified_by_us(inside: Runner) -> None:
    path = pip_wheel(CHOSEN)
    inside.index.add(_another_pip(path))
    told = pinstall(inside, "pip==99.0")
    assert (told.ended.returncode, told.states) == (0, {"pip": "satisfied"})
    assert inside.environment.run("from importlib.metadata import version; print(version('pip'))") == "99.0"
    assert pinstall(inside, "pip==99.0").purposes == []


def _another_pip(path: Path) -> Archive:
    import io  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    members: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        for name in archive.namelist():
            if ".dist-info/" not in name:
                members[name] = archive.read(name)
    members["pip/__init__.py"] = members["pip/__init__.py"].replace(CHOSEN.encode(), b"99.0")
    return wheel("pip", "99.0", modules={}, files=members)


def test_pinstall_pinned_to_itself_holds(inside: Runner) -> None:
    version = inside.environment.run("from importlib.metadata import version; print(version('pip-pinstall'))")
    lame(inside.environment)
    assert inside.pinstall(f"pip-pinstall=={version}").stderr.startswith("pinstall: 1 pin satisfied; ")


@pytest.mark.slow
def test_a_failure_is_told_by_the_release_that_pip_has_just_replaced(inside: Runner) -> None:
    """Another release need not have a single one of the modules that this one still has to import."""
    other = wheel("pip-pinstall", "99.0", modules={"pinstall/__init__.py": "__version__ = '99.0'\n"})
    there, wanted = wheel("aa", "1.0", mark="there"), wheel("aa", "1.0", mark="wanted")
    place(inside.environment, there)
    for archive in (other, there):
        inside.index.add(archive)
    told = pinstall(inside, "-r", written(inside, pinned(other, wanted)))
    assert (told.ended.returncode, told.purposes) == (65, ["install", "force"])
    assert told.states == {"aa": "not-verified", "pip-pinstall": "satisfied"}
    assert "Traceback" not in told.ended.stderr


@pytest.mark.network
def test_the_real_lowest_releases_work_before_during_and_after(inside: Runner, tmp_path: Path) -> None:
    """As above with what was really released then, dependencies and all, from the machine's own index."""
    wanted = [f"{name}=={version}" for name, version in LOWEST.items()]
    command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "-d", str(tmp_path / "real")]
    subprocess.run([*command, *wanted], check=True)
    for path in sorted((tmp_path / "real").glob("*.whl")):
        inside.index.add(Archive(path.name, path.read_bytes()))
    old, new = sdist("aa", "1.0"), sdist("aa", "2.0")
    for archive in (old, new):
        inside.index.add(archive)
    told = pinstall(inside, "-v", *wanted)
    assert (told.ended.returncode, set(told.states.values())) == (0, {"satisfied"})
    assert "Traceback" not in told.ended.stderr
    for name, version in LOWEST.items():
        assert inside.environment.run(f"import {name}; print({name}.__version__)") == version
    again = pinstall(inside, *wanted)
    assert (again.ended.returncode, again.purposes) == (0, [])
    cached(inside, old, wheel("aa", "1.0"))
    written(inside, pinned(new))
    after = pinstall(inside, "-v", "-r", "requirements.txt")
    assert (after.ended.returncode, after.purposes) == (0, ["remake", "install"])
    assert inside.environment.module("aa") == "2.0"
    # what explains an environment that is not closed is resolvelib's, at its floor too
    place(inside.environment, wheel("top", "1.0", requires=["aa<2"]))
    explained = inside.pinstall("-v", "top==1.0", "aa==2.0")
    assert [line for line in own_lines(explained) if "top 1.0 needs aa<2" in line]
    assert explained.returncode == 1
    assert installed(inside.environment)
