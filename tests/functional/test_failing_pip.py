"""A run that fails leaves environment and cache as pip alone would have left them, whatever ended it."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import built_wheels, snapshot
from tests.support.index import Fault
from tests.support.processes import sealed
from tests.support.runner import Runner, beside
from tests.support.scenes import cached, in_place, installed, own_lines, pinned, pinstall, place, shelved, written
from tests.support.sdists import BUILD_LOG, builds, sdist
from tests.support.started import Bell, started
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.started import Started
    from tests.support.wheels import Archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """Two equal scenes: one for pinstall, one for pip alone."""

    ours: Runner
    alone: Runner

    def prepare(self, step: Callable[[Runner], object]) -> None:
        """Do the same in both."""
        for runner in (self.ours, self.alone):
            step(runner)


@pytest.fixture
def both(runner: Runner, make_environment: MakeEnvironment, tmp_path: Path) -> Both:
    home = tmp_path / "alone"
    home.mkdir()
    return Both(ours=runner, alone=Runner(environment=make_environment(), home=home, index=runner.index))


def _same_end(both: Both, *words: str) -> None:
    """Run both, and compare exit code and environment; in our cache all of before has to lie in its place."""
    before = snapshot(both.ours.cache)
    assert before
    ours = both.ours.pinstall(*words)
    alone = both.alone.pip("install", *words, check=False)
    assert ours.returncode == alone.returncode != 0
    assert both.ours.environment.freeze() == both.alone.environment.freeze()
    assert installed(both.ours.environment) == installed(both.alone.environment)
    assert in_place(both.ours.cache, before)
    assert shelved(both.ours.cache) == []
    assert not list(both.ours.cache.glob("pinstall/stage-*"))
    assert not list((both.ours.home / "tmp").iterdir())


@pytest.mark.slow
def test_a_conflict_that_only_pip_finds_leaves_all_as_pip_alone_would(both: Both, tmp_path: Path) -> None:
    old, new = sdist("aa", "1.5"), sdist("aa", "2.0")
    for archive in (sdist("aa", "1.0"), old, new, wheel("bb", "1.0", requires=["aa<2"])):
        both.ours.index.add(archive)
    both.prepare(lambda runner: place(runner.environment, wheel("aa", "1.0")))
    both.prepare(lambda runner: cached(runner, old, wheel("aa", "1.5")))
    both.ours.variables[BUILD_LOG] = str(tmp_path / "builds")
    _same_end(both, "aa==2.0", "bb==1.0")
    assert both.ours.environment.freeze() == ["aa==1.0"]
    assert both.ours.environment.module("aa") == "1.0"
    # what may be there in addition is the fresh build of the pin
    assert {path.name for path in built_wheels(both.ours.cache)} <= {
        "aa-1.5-py3-none-any.whl",
        "aa-2.0-py3-none-any.whl",
    }
    assert set(builds(tmp_path / "builds")) <= {"aa-2.0"}


def test_a_build_failure_is_pips_and_the_evicted_goes_back(both: Both) -> None:
    old, new = sdist("aa", "1.5"), sdist("aa", "2.0", fail=True)
    for archive in (old, new):
        both.ours.index.add(archive)
    both.prepare(lambda runner: place(runner.environment, wheel("aa", "1.0")))
    both.prepare(lambda runner: cached(runner, old, wheel("aa", "1.5")))
    _same_end(both, "aa==2.0")


@pytest.mark.slow
def test_a_version_that_does_not_exist_is_pips_failure(both: Both) -> None:
    source = sdist("aa", "1.5")
    both.ours.index.add(source)
    both.prepare(lambda runner: place(runner.environment, wheel("aa", "1.0")))
    both.prepare(lambda runner: cached(runner, source, wheel("aa", "1.5")))
    _same_end(both, "aa==9.9")
    assert "No matching distribution" in both.ours.pinstall("aa==9.9").stderr


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=404), Fault(cut=10)], ids=["500", "404", "cut"])
def test_an_index_that_is_down_is_pips_failure(both: Both, fault: Fault) -> None:
    old, new = sdist("aa", "1.5"), sdist("aa", "2.0")
    both.ours.index.add(old)
    url = both.ours.index.add(new)
    both.prepare(lambda runner: place(runner.environment, wheel("aa", "1.0")))
    both.prepare(lambda runner: cached(runner, old, wheel("aa", "1.5")))
    both.ours.index.fault(url if fault.cut else both.ours.index.page_url("aa"), fault)
    _same_end(both, "--retries", "0", "aa==2.0")


@pytest.mark.slow
def test_a_hash_that_does_not_match_is_pips_failure(both: Both) -> None:
    old, new = sdist("aa", "1.5"), sdist("aa", "2.0")
    for archive in (old, new):
        both.ours.index.add(archive)
    both.prepare(lambda runner: place(runner.environment, wheel("aa", "1.0")))
    both.prepare(lambda runner: cached(runner, old, wheel("aa", "1.5")))
    both.prepare(lambda runner: written(runner, pinned(new._replace(content=b"another"))))
    _same_end(both, "-r", "requirements.txt")


@pytest.mark.slow
def test_a_failing_requirement_beside_a_mismatch_changes_nothing(both: Both) -> None:
    old = sdist("aa", "1.5")
    for archive in (old, sdist("aa", "2.0"), sdist("bb", "1.0", fail=True), wheel("cc", "1.0")):
        both.ours.index.add(archive)
    both.prepare(lambda runner: place(runner.environment, wheel("aa", "1.0")))
    both.prepare(lambda runner: cached(runner, old, wheel("aa", "1.5")))
    _same_end(both, "cc==1.0", "aa==2.0", "bb==1.0")
    assert both.ours.environment.freeze() == ["aa==1.0"]


@pytest.mark.slow
def test_what_came_back_from_the_shelf_for_a_run_that_fails_stays_usable(runner: Runner, tmp_path: Path) -> None:
    old, new = sdist("aa", "1.0"), sdist("aa", "2.0")
    for archive in (old, new):
        runner.index.add(archive)
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    for version in ("1.0", "2.0"):
        assert runner.pinstall(f"aa=={version}").returncode == 0
    assert runner.pinstall("aa==1.0", "missing==1.0").returncode == 1
    assert runner.environment.module("aa") == "2.0"
    for version in ("1.0", "2.0"):
        assert runner.pinstall(f"aa=={version}").returncode == 0
        assert runner.environment.module("aa") == version
    assert builds(tmp_path / "builds") == ["aa-1.0", "aa-2.0"]


@pytest.mark.slow
def test_only_the_reinstallation_for_proof_failed(runner: Runner) -> None:
    """The user's own command went well, so what it installed stays; the exit code is ours."""
    proof, other = wheel("aa", "1.0"), wheel("bb", "1.0")
    url = runner.index.add(proof)
    runner.index.add(other)
    place(runner.environment, proof)
    written(runner, pinned(proof, other))
    before = installed(runner.environment)
    runner.index.fault(url, Fault(status=500))
    told = pinstall(runner, "--retries", "0", "-r", "requirements.txt")
    assert (told.ended.returncode, told.states) == (65, {"aa": "not-verified", "bb": "satisfied"})
    assert told.purposes == ["install", "force"]
    assert before.items() <= installed(runner.environment).items()
    assert runner.environment.freeze() == ["aa==1.0", "bb==1.0"]


# --- ended from outside ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A scene in which a build rings and then takes longer than any test."""

    runner: Runner
    bell: Bell

    def start(self, *words: str) -> AbstractContextManager[Started]:
        """Start pinstall; the words stand behind the target and the index."""
        argv = [*beside(), "--python", str(self.runner.environment.python), *self.runner.index_options, *words]
        return started(argv, env=self._variables, cwd=self.runner.home)

    def start_pip(self, *words: str) -> AbstractContextManager[Started]:
        """Start pip alone."""
        argv = [str(self.runner.environment.python), "-m", "pip", "install", *self.runner.index_options, *words]
        return started(argv, env=self._variables, cwd=self.runner.home)

    @property
    def _variables(self) -> dict[str, str]:
        return {**sealed(self.runner.home), BUILD_LOG: str(self.bell.path)}


@pytest.fixture
def waiting(runner: Runner, tmp_path: Path) -> Iterator[Waiting]:
    runner.index.add(sdist("aa", "2.0", delay=300))
    place(runner.environment, wheel("aa", "1.0"))
    with contextlib.closing(Bell(tmp_path / "bell")) as bell:
        yield Waiting(runner=runner, bell=bell)


def _mismatch(runner: Runner) -> Path:
    source = sdist("aa", "1.5")
    runner.index.add(source)
    return cached(runner, source, wheel("aa", "1.5"))


def _as_before(runner: Runner, entries: dict[str, str], environment: dict[str, str]) -> None:
    assert in_place(runner.cache, entries)
    assert shelved(runner.cache) == []
    assert not list(runner.cache.glob("pinstall/stage-*"))
    assert installed(runner.environment) == environment
    left = {path.name for path in (runner.home / "tmp").iterdir() if path.name.startswith("pinstall-")}
    assert left == set()


@pytest.mark.slow
def test_ctrl_c_while_a_pin_is_remade(waiting: Waiting) -> None:
    _mismatch(waiting.runner)
    entries, environment = snapshot(waiting.runner.cache), installed(waiting.runner.environment)
    with waiting.start("-v", "aa==2.0") as child:
        assert waiting.bell.wait() == "aa-2.0"
        # it is the remaking that waits
        assert shelved(waiting.runner.cache) == ["aa-1.5-py3-none-any.whl"]
        assert list(waiting.runner.cache.glob("pinstall/stage-*"))
        child.interrupt()
        ended = child.wait()
        assert child.gone()
    # no second command was started after it
    assert len([line for line in own_lines(ended) if "-m pip install" in line]) == 1
    assert "Traceback" not in ended.stderr
    with waiting.start_pip("aa==2.0") as alone:
        waiting.bell.wait()
        alone.interrupt()
        assert alone.wait().returncode == ended.returncode != 0
    _as_before(waiting.runner, entries, environment)


def test_ctrl_c_during_the_users_own_command(waiting: Waiting) -> None:
    # the mismatch is of another project, whose remaking goes well before the user's command builds aa
    source, good = sdist("bb", "1.5"), sdist("bb", "1.0")
    for archive in (source, good):
        waiting.runner.index.add(archive)
    cached(waiting.runner, source, wheel("bb", "1.5"))
    entries, environment = snapshot(waiting.runner.cache), installed(waiting.runner.environment)
    with waiting.start("-v", "aa==2.0", "bb==1.0") as child:
        assert waiting.bell.wait() == "bb-1.0"
        assert waiting.bell.wait() == "aa-2.0"
        child.interrupt()
        ended = child.wait()
        assert child.gone()
    assert len([line for line in own_lines(ended) if "-m pip install" in line]) == 2
    assert ended.returncode == 1
    assert own_lines(ended)[-1] == "pip was interrupted; `pinstall check` shows what is installed"
    assert "Traceback" not in ended.stderr
    _as_before(waiting.runner, entries, environment)


def test_sigterm_ends_pip_too_and_is_what_the_caller_sees(waiting: Waiting) -> None:
    _mismatch(waiting.runner)
    entries, environment = snapshot(waiting.runner.cache), installed(waiting.runner.environment)
    with waiting.start("-v", "aa==2.0") as child:
        waiting.bell.wait()
        child.process.terminate()
        ended = child.wait()
    assert ended.returncode == -signal.SIGTERM
    assert own_lines(ended)[-1] == "pip was interrupted; `pinstall check` shows what is installed"
    assert len([line for line in own_lines(ended) if "-m pip install" in line]) == 1
    _as_before(waiting.runner, entries, environment)


@pytest.mark.slow
@pytest.mark.parametrize("fatal", [signal.SIGKILL, signal.SIGSEGV, signal.SIGHUP])
def test_a_pip_that_dies_by_a_signal_makes_us_die_by_the_same(runner: Runner, fatal: signal.Signals) -> None:
    if signal.getsignal(fatal) is signal.SIG_IGN:
        pytest.skip("these tests run under nohup: pip inherits that the signal is ignored")
    runner.index.add(_killing("aa", "2.0", fatal))
    source = sdist("bb", "1.5")
    runner.index.add(source)
    runner.index.add(sdist("bb", "1.0"))
    cached(runner, source, wheel("bb", "1.5"))
    place(runner.environment, wheel("aa", "1.0"))
    entries, environment = snapshot(runner.cache), installed(runner.environment)
    ended = runner.pinstall("aa==2.0", "bb==1.0")
    assert ended.returncode == -fatal
    _as_before(runner, entries, environment)


@pytest.mark.slow
def test_a_pip_that_dies_while_a_pin_is_remade_leaves_all_as_pip_alone_would(runner: Runner) -> None:
    runner.index.add(_killing("aa", "2.0", signal.SIGKILL))
    _mismatch(runner)
    place(runner.environment, wheel("aa", "1.0"))
    entries, environment = snapshot(runner.cache), installed(runner.environment)
    assert runner.pinstall("aa==2.0").returncode == -signal.SIGKILL
    _as_before(runner, entries, environment)


def _killing(name: str, version: str, fatal: signal.Signals) -> Archive:
    """Return an sdist whose build kills the pip that builds it."""
    code = f"def build_wheel(*_):\n    os.kill(os.getppid(), {fatal.value})\n    time.sleep(30)\n"
    return sdist(name, version, backend=code)
