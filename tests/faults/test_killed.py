"""Killed at any moment: no cached file is lost, the environment is usable, and the next run ends well."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest
from packaging.utils import canonicalize_name

from pinstall.environment.distributions import Environment as Installed
from tests.support.processes import sealed
from tests.support.runner import beside
from tests.support.scenes import cached, place
from tests.support.sdists import BUILD_LOG, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.runner import Runner

OLD, NEW = sdist("demo", "2.0"), sdist("demo", "1.0", delay=0.4)

# Each moment, and whether all processes die in it, as when a terminal or a CI job goes, or pinstall alone, whose pip
# then goes on: a pip that is killed while it installs leaves what it leaves without pinstall.
MOMENTS: Final[dict[str, tuple[Callable[[Runner], object], bool]]] = {
    "the receipt is made": (lambda runner: list(runner.cache.glob("pinstall/shelf/*")), True),
    "the wheel has moved": (lambda runner: not list(runner.cache.glob("wheels/**/demo-2.0-*.whl")), True),
    "the stage is made": (lambda runner: list(runner.cache.glob("pinstall/stage-*")), False),
    "the stage builds": (lambda runner: (runner.home / "builds").exists(), True),
    "the build is kept": (lambda runner: list(runner.cache.glob("wheels/**/demo-1.0-py3-*.whl")), True),
    "pip installs": (lambda runner: list(runner.environment.site_packages.glob("demo-1.0.dist-info")), False),
    "the ledger is written": (lambda runner: list(runner.environment.site_packages.glob(".pinstall/*")), True),
}


def everything(cache: Path) -> Counter[str]:
    """Return the digests of all files in the cache, on the shelf and in stages."""
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in cache.rglob("*") if path.is_file())


def kill(runner: Runner, moment: Callable[[Runner], object], *, all_of_them: bool) -> int:
    """Run pinstall, kill it once the moment has come, wait for whatever lives on, and return its exit code."""
    argv = [*beside(), "--python", str(runner.environment.python), *runner.index_options, "demo==1.0"]
    variables = {**sealed(runner.home), **runner.variables}
    process = subprocess.Popen(argv, env=variables, cwd=runner.home, stdout=-1, stderr=-2, start_new_session=True)
    deadline = time.monotonic() + 60
    while process.poll() is None and not moment(runner) and time.monotonic() < deadline:
        time.sleep(0.001)
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if all_of_them else os.kill)(process.pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=60)  # ends when the last that holds the stream has ended
    assert moment(runner), f"it never came to that\n{output.decode()}"
    return process.returncode


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_loses_nothing_and_the_next_one_ends_well(runner: Runner, moment: str) -> None:
    for source in (OLD, NEW):
        runner.index.add(source)
    wrong = cached(runner, OLD, wheel("demo", "2.0", mark="cached"))
    damaged = cached(runner, NEW, wheel("demo", "1.0", mark="cached").truncated())
    damaged.rename(damaged.with_name("demo-1.0-1-py3-none-any.whl"))
    place(runner.environment, wheel("demo", "2.0"))
    runner.variables[BUILD_LOG] = str(runner.home / "builds")
    before = everything(runner.cache)
    assert len(before) == 4, "two wheels, each with its origin"

    come, all_of_them = MOMENTS[moment]
    exit_code = kill(runner, come, all_of_them=all_of_them)
    # the last two moments are so late that a busy machine may miss them
    assert exit_code == -signal.SIGKILL or (exit_code == 0 and moment in list(MOMENTS)[-2:])

    assert everything(runner.cache) >= before
    assert not wrong.exists() or moment == "the receipt is made"
    installed = Installed([str(runner.environment.site_packages)]).find(canonicalize_name("demo"))
    assert installed is not None
    assert installed.damage is None
    assert runner.environment.module("demo") == installed.text

    ended = runner.pinstall("demo==1.0")
    assert ended.returncode == 0, ended.output
    assert runner.environment.freeze() == ["demo==1.0"]
    assert runner.environment.module("demo", "MARK") == ""
    assert everything(runner.cache) >= before
