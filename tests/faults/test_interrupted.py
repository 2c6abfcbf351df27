"""Ctrl-C and SIGTERM: pip ends, the wheels that left for their version go back, and nothing else has changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import caches
from tests.support.environments import ROOT
from tests.support.processes import sealed
from tests.support.runner import beside
from tests.support.scenes import cached, installed, place
from tests.support.sdists import BUILD_LOG, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

EARLY = """\
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
sys.path.insert(0, {root!r})
from pinstall import cli
cli.main()
"""
"""Ctrl-C in the moment in which a module is imported."""
OLD, NEW = sdist("demo", "2.0"), sdist("demo", "1.0", delay=1)


@pytest.mark.parametrize(
    ("number", "to_all", "exit_code"),
    [(signal.SIGINT, True, 1), (signal.SIGTERM, False, -signal.SIGTERM)],
    ids=["Ctrl-C in a terminal", "SIGTERM to pinstall"],
)
def test_whoever_stops_a_build_finds_everything_in_its_place(
    runner: Runner, number: int, to_all: bool, exit_code: int
) -> None:
    for source in (OLD, NEW):
        runner.index.add(source)
    cached(runner, OLD, wheel("demo", "2.0"))
    place(runner.environment, wheel("demo", "2.0"))
    before = caches.built_wheels(runner.cache), installed(runner.environment)
    log = runner.home / "builds"

    argv = [*beside(), "--python", str(runner.environment.python), *runner.index_options, "demo==1.0"]
    variables = {**sealed(runner.home), BUILD_LOG: str(log)}
    process = subprocess.Popen(argv, env=variables, cwd=runner.home, stdout=-1, stderr=-2, start_new_session=True)
    while not log.exists() and process.poll() is None:
        time.sleep(0.01)
    assert before[0][0].exists() is False, "evicted by now"
    (os.killpg if to_all else os.kill)(process.pid, number)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == exit_code, output.decode()
    assert (caches.built_wheels(runner.cache), installed(runner.environment)) == before
    assert before[0][0].with_name("origin.json").exists()
    assert sorted(path.name for path in (runner.cache / "pinstall").iterdir()) == ["lease", "shelf"]
    assert b"Traceback" not in output


@pytest.mark.parametrize(
    "module",
    [
        "pinstall.report.terminal",
        *(pytest.param(f"pinstall.{one}", marks=pytest.mark.slow) for one in ("model.errors", "request.call")),
    ],
)
def test_ctrl_c_before_anything_has_begun_is_as_quiet_as_later(runner: Runner, module: str) -> None:
    ended = runner.run([sys.executable, "-c", EARLY.format(module=module, root=str(ROOT)), "demo==1.0"])
    assert (ended.returncode, ended.output) == (-signal.SIGINT, "")
