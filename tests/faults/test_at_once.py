"""Eight runs at once on one cache, beside plain pip and somebody who purges it."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.losses import everything, lost
from tests.support.processes import TIMEOUT, sealed
from tests.support.runner import beside
from tests.support.scenes import cached
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.conftest import MakeEnvironment
    from tests.support.environments import Environment
    from tests.support.runner import Runner

pytestmark = pytest.mark.slow
MANY: Final = 8
SOURCES: Final = {version: sdist("demo", version) for version in ("1.0", "2.0", "3.0")}


@pytest.fixture
def scene(runner: Runner) -> Runner:
    """Return a runner whose cache has a build of two versions, and a damaged one of the third."""
    for source in SOURCES.values():
        runner.index.add(source)
    for version in ("1.0", "2.0"):
        cached(runner, SOURCES[version], wheel("demo", version, mark="cached"))
    cached(runner, SOURCES["3.0"], wheel("demo", "3.0").truncated())
    return runner


def launched(scene: Runner, environment: Environment, *words: str) -> subprocess.Popen[str]:
    argv = [*beside(), "--python", str(environment.python), *scene.index_options, *words]
    variables = sealed(scene.home)
    return subprocess.Popen(argv, env=variables, cwd=scene.home, stdin=-3, stdout=-1, stderr=-2, text=True)


def ends(running: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Wait for all, which may take as long as one test may, and return exit codes and what was said."""
    deadline = time.monotonic() + TIMEOUT
    said = [process.communicate(timeout=max(1.0, deadline - time.monotonic()))[0] for process in running]
    return [(process.returncode, text) for process, text in zip(running, said, strict=True)]


def test_eight_runs_on_one_cache_each_get_their_pin(scene: Runner, make_environment: MakeEnvironment) -> None:
    before = everything(scene.cache)
    environments = [scene.environment, *(make_environment() for _ in range(MANY - 1))]
    versions = [list(SOURCES)[number % 3] for number in range(MANY)]
    wanted = list(zip(environments, versions, strict=True))
    for (environment, version), (code, said) in zip(
        wanted, ends([launched(scene, each, f"demo=={version}") for each, version in wanted]), strict=True
    ):
        assert code == 0, said
        assert "Traceback" not in said
        assert environment.freeze() == [f"demo=={version}"]
        assert environment.module("demo") == version
    assert not lost(before, scene.cache)


def test_eight_runs_on_one_environment_leave_what_is_pinned(scene: Runner) -> None:
    before = everything(scene.cache)
    told = ends([launched(scene, scene.environment, "demo==1.0") for _ in range(MANY)])
    assert not [said for _, said in told if "fault of pinstall" in said]
    assert not lost(before, scene.cache)
    ledger = scene.environment.site_packages / ".pinstall" / "ledger.json"
    assert json.loads(ledger.read_text(encoding="utf-8"))["schema"] == 1
    ended = scene.pinstall("demo==1.0")
    assert ended.returncode == 0, ended.output
    assert scene.environment.module("demo") == "1.0"
    assert scene.environment.freeze() == ["demo==1.0"]
    assert not [said for code, said in told if code], "two pips at once on one environment"


def test_beside_pip_and_somebody_who_purges_every_run_gets_its_pin(
    scene: Runner, make_environment: MakeEnvironment
) -> None:
    environments = [scene.environment, *(make_environment() for _ in range(3))]
    alone = make_environment()
    versions = ["1.0", "2.0", "3.0", "1.0"]
    running = [launched(scene, one, f"demo=={v}") for one, v in zip(environments, versions, strict=True)]
    while any(process.poll() is None for process in running):
        scene.run([str(alone.python), "-m", "pip", "cache", "purge"])
        scene.run([str(alone.python), "-m", "pip", "install", "--force-reinstall", *scene.index_options, "demo==2.0"])
    for environment, version, (code, said) in zip(environments, versions, ends(running), strict=True):
        assert code == 0, said
        assert "Traceback" not in said
        assert environment.module("demo") == version
