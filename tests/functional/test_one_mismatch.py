"""One mismatched wheel among many pins costs one project: the index's request log tells."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import built_wheels
from tests.support.runner import Runner
from tests.support.scenes import BUILDS_AGAIN, cached, lame, pinned, pinstall, requirement, written
from tests.support.sdists import BUILD_LOG, builds, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeEnvironment

TOOL = wheel("tool", "1.0")


def _asked(runner: Runner, part: str) -> set[str]:
    # before 26.2 pip asks whether its pages are still good, which fetches none
    fetched = [request for request in runner.index.asked(part) if request.status != HTTPStatus.NOT_MODIFIED]
    return {request.path.removeprefix(part).strip("/") for request in fetched}


@pytest.mark.parametrize("number", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_only_the_mismatched_project_is_fetched_again(
    runner: Runner, make_environment: MakeEnvironment, tmp_path: Path, number: int
) -> None:
    source = sdist("odd", "1.0", build_requires=["tool"])
    old = sdist("odd", "0.9")
    archives = [*(wheel(f"project{one}", "1.0") for one in range(number - 1)), source]
    for archive in (*archives, old, TOOL):
        runner.index.add(archive)
    written(runner, pinned(*archives))
    # plain pip has filled the caches in another environment; then the built wheel became another one
    warming = Runner(environment=make_environment(), home=runner.home, index=runner.index)
    warming.pip("install", "-r", "requirements.txt")
    for path in built_wheels(runner.cache):
        path.unlink()
    cached(runner, old, wheel("odd", "0.9"))
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    runner.index.requests.clear()

    told = pinstall(runner, "-r", "requirements.txt")
    assert told.ended.returncode == 0
    assert (len(told.states), set(told.states.values())) == (number, {"satisfied"})
    assert told.evicted == {"odd 0.9": False}
    assert told.document["rebuilt"] == ["odd==1.0"]
    assert len(runner.environment.freeze()) == number
    assert builds(tmp_path / "builds") == ["odd-1.0"] * (2 if BUILDS_AGAIN else 1)
    assert source.filename in _asked(runner, "/files/")
    assert _asked(runner, "/files/") <= {source.filename, TOOL.filename, f"{TOOL.filename}.metadata"}
    assert _asked(runner, "/simple/") <= {"odd", "tool"}
    # and it only once
    assert len(runner.index.asked(f"/files/{source.filename}")) == 1

    runner.index.requests.clear()
    lame(runner.environment)
    again = pinstall(runner, "-r", "requirements.txt")
    assert (again.ended.returncode, again.purposes, runner.index.requests) == (0, [], [])


@pytest.mark.slow
def test_of_six_sdists_the_mismatched_one_is_rebuilt(runner: Runner, cache: Path, tmp_path: Path) -> None:
    sources = [sdist(f"source{one}", "1.0") for one in range(6)]
    old = sdist("source3", "0.9")
    for archive in (*sources, old):
        runner.index.add(archive)
    for archive in sources:
        name = archive.filename.partition("-")[0]
        cached(runner, archive, wheel(name, "1.0", mark="in the cache"))
    (gone,) = cache.glob("wheels/**/source3-1.0-*.whl")
    gone.unlink()
    cached(runner, old, wheel("source3", "0.9"))
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    told = pinstall(runner, *map(requirement, sources))
    assert (told.ended.returncode, told.document["rebuilt"]) == (0, ["source3==1.0"])
    assert builds(tmp_path / "builds") == ["source3-1.0"]
    marks = [runner.environment.module(f"source{one}", "MARK") for one in range(6)]
    assert marks == ["in the cache"] * 3 + [""] + ["in the cache"] * 2
    assert len(built_wheels(cache)) == 6


def test_without_a_mismatch_there_is_one_command_and_it_uses_the_cache(runner: Runner, tmp_path: Path) -> None:
    sources = [sdist(name, "1.0") for name in ("aa", "bb")]
    for archive in sources:
        runner.index.add(archive)
        cached(runner, archive, wheel(archive.filename[:2], "1.0"))
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    told = pinstall(runner, *map(requirement, sources))
    assert (told.ended.returncode, told.purposes, told.document["rebuilt"]) == (0, ["install"], [])
    assert builds(tmp_path / "builds") == []


@pytest.mark.slow
def test_what_needs_nothing_else_is_found_with_hashes_and_without_in_one_run(runner: Runner, tmp_path: Path) -> None:
    """One hash in a file demands hashes of all: pins with and without cannot be remade by one command."""
    hashed, bare = sdist("aa", "1.0"), sdist("bb", "1.0")
    old = [sdist("aa", "0.9"), sdist("bb", "0.9")]
    for archive in (hashed, bare, *old):
        runner.index.add(archive)
    for archive in old:
        cached(runner, archive, wheel(archive.filename[:2], "0.9"))
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    direct = f"aa @ {runner.index.file_url(hashed.filename)}#sha256={hashed.sha256}"
    told = pinstall(runner, direct, "bb==1.0")
    assert told.ended.returncode == 0
    assert runner.environment.freeze() == ["aa==1.0", "bb==1.0"]
    assert sorted(builds(tmp_path / "builds")) == ["aa-1.0", "bb-1.0"]


@pytest.mark.slow
def test_two_environments_with_different_pins_of_one_cache_build_each_version_once(
    runner: Runner, make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    for version in ("1.0", "2.0"):
        runner.index.add(sdist("aa", version))
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    for version in ("1.0", "2.0", "1.0", "2.0"):
        fresh = Runner(environment=make_environment(), home=runner.home, index=runner.index, variables=runner.variables)
        assert fresh.pinstall(f"aa=={version}").returncode == 0
        assert fresh.environment.module("aa") == version
    assert builds(tmp_path / "builds") == ["aa-1.0", "aa-2.0"]
