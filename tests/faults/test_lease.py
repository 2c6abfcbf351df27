"""While pip reads the cache for one run, no other run pulls a good wheel away; what is wrong goes all the same."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.processes import sealed
from tests.support.runner import Runner, beside
from tests.support.scenes import RELEASE, cached, own_lines, place
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import MakeEnvironment

fcntl = pytest.importorskip("fcntl", reason="no such lock on this system, so no lease")
SOURCES: Final = {version: sdist("demo", version) for version in ("1.0", "2.0")}
WAITING: Final = """
import os, time

_build_wheel = build_wheel

def build_wheel(*args):
    open(os.path.join(os.environ["HOME"], "waiting"), "w").close()
    while not os.path.exists(os.path.join(os.environ["HOME"], "go")):
        time.sleep(0.01)
    return _build_wheel(*args)
"""
SLOW: Final = sdist("slow", "1.0", backend=WAITING)
STAYS: Final = "the wheel of demo 2.0 stays in pip's cache: another run is using it"


@pytest.fixture
def first(runner: Runner) -> Runner:
    """Return a runner whose cache has a build of demo 2.0."""
    for source in (*SOURCES.values(), SLOW):
        runner.index.add(source)
    cached(runner, SOURCES["2.0"], wheel("demo", "2.0", mark="cached"))
    return runner


@pytest.fixture
def second(first: Runner, make_environment: MakeEnvironment) -> Runner:
    """Return a runner with another environment and the same cache."""
    return Runner(environment=make_environment(), home=first.home, index=first.index)


@pytest.fixture
def busy(first: Runner) -> Iterator[subprocess.Popen[bytes]]:
    """Return a launcher that needs demo 2.0, and whose pip is under way."""
    argv = [*beside(), "--python", str(first.environment.python), *first.index_options, "demo==2.0", "slow==1.0"]
    with subprocess.Popen(argv, env=sealed(first.home), cwd=first.home, stdout=-1, stderr=-2) as process:
        while process.poll() is None and not (first.home / "waiting").exists():
            time.sleep(0.01)
        yield process
        (first.home / "go").touch()


def wheels(runner: Runner, version: str) -> list[Path]:
    return list(runner.cache.glob(f"wheels/**/demo-{version}-*.whl"))


def test_a_good_wheel_stays_while_another_runs_pip_may_open_it(
    first: Runner, second: Runner, busy: subprocess.Popen[bytes]
) -> None:
    ended = second.pinstall("-v", "demo==1.0")
    assert ended.returncode == 0, ended.output
    assert STAYS in own_lines(ended)
    assert wheels(first, "2.0")
    assert second.environment.module("demo") == "1.0"
    (first.home / "go").touch()
    assert busy.wait(60) == 0
    assert first.environment.module("demo", "MARK") == "cached"

    ended = second.pinstall("--force-reinstall", "demo==1.0")
    assert ended.returncode == 0, ended.output
    assert not wheels(first, "2.0"), "nobody uses it any more"


@pytest.mark.slow
def test_a_pip_whose_launcher_was_killed_may_still_open_it(
    first: Runner, second: Runner, busy: subprocess.Popen[bytes]
) -> None:
    busy.send_signal(signal.SIGKILL)
    assert busy.wait(60) == -signal.SIGKILL
    ended = second.pinstall("-v", "demo==1.0")
    assert ended.returncode == 0, ended.output
    assert STAYS in own_lines(ended)
    (first.home / "go").touch()
    busy.communicate()  # ends when its pip has ended
    assert first.environment.module("demo", "MARK") == "cached"


@pytest.mark.slow
def test_what_is_wrong_goes_all_the_same(first: Runner, second: Runner, busy: subprocess.Popen[bytes]) -> None:
    damaged = cached(first, SOURCES["1.0"], wheel("demo", "1.0").truncated())
    ended = second.pinstall("-v", "demo==1.0")
    assert ended.returncode == 0, ended.output
    assert STAYS in own_lines(ended)
    assert second.environment.module("demo") == "1.0"
    assert any(line.startswith("moved the wheel of demo 1.0 out of pip's cache") for line in own_lines(ended))
    assert not damaged.exists() or damaged.stat().st_size > len(wheel("demo", "1.0").truncated().content)


def test_a_run_that_only_looks_holds_nothing(first: Runner) -> None:
    place(first.environment, wheel("demo", "2.0", mark="cached"))
    for words in (["demo==2.0"], ["check", "demo==1.0"], ["why", "demo", "demo==1.0"]):
        first.pinstall(*words)
        assert not (first.cache / "pinstall").exists(), words


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (22, 2), reason="older pips do not note what a wheel was built from")
def test_a_wheel_that_pip_would_take_is_waited_for_and_then_gone_around(first: Runner, second: Runner) -> None:
    assert first.pinstall("demo==1.0").returncode == 0
    (built,) = wheels(first, "1.0")
    content = built.read_bytes()
    with (first.cache / "pinstall" / "lease").open("a") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        ended = second.pinstall("demo==1.0", env={"CFLAGS": "-O3"})
    assert ended.returncode == 0, ended.output
    told = own_lines(ended)
    assert told.index(f"waiting for another run of pinstall, which holds `{lease.name}`") < len(told) - 1
    assert any(line.startswith("pip runs without its cache: ") and "another run is using it" in line for line in told)
    assert "-O3" in second.environment.module("demo", "BUILT_WITH")
    assert built.read_bytes() == content


def held_ledger(runner: Runner) -> Path:
    assert runner.pinstall("demo==2.0").returncode == 0
    ledger = runner.environment.site_packages / ".pinstall" / "ledger.json"
    ledger.unlink()
    return ledger


def test_somebody_who_writes_the_ledger_is_waited_for_aloud(first: Runner) -> None:
    ledger = held_ledger(first)
    lock = ledger.with_name("ledger.json.lock")
    words = ["--python", str(first.environment.python), *first.index_options, "--force-reinstall", "demo==2.0"]
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        variables = sealed(first.home)
        with subprocess.Popen([*beside(), *words], env=variables, cwd=first.home, stdout=-3, stderr=-1) as process:
            assert process.stderr is not None
            told = next(line for line in process.stderr if b"waiting for another run of pinstall" in line)
            held.close()
            assert process.wait(60) == 0
    assert f"which holds `{lock}`" in told.decode()
    assert ledger.exists()


@pytest.mark.slow
def test_somebody_who_never_ends_to_write_the_ledger_is_not_waited_for_longer_than_stated(first: Runner) -> None:
    ledger = held_ledger(first)
    with ledger.with_name("ledger.json.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = first.pinstall("--force-reinstall", "demo==2.0")
    assert ended.returncode == 0, ended.output
    assert f"what this run has proven is not remembered: another one holds `{lock.name}`" in own_lines(ended)
    assert not ledger.exists()
    assert not list((first.home / ".local/state/pinstall/ledgers").glob("*.json"))
