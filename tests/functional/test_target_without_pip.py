"""An environment that has no pip, as uv makes them, or a broken one, is served by the pip beside pinstall."""

from __future__ import annotations

import importlib.metadata
import shutil
from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet

from tests.support.pips import CHOSEN, SUPPORTED, TARGET, pip_wheel
from tests.support.scenes import own_lines
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

BESIDE = [one.metadata["Requires-Python"] for one in importlib.metadata.distributions(name="pip")]
pytestmark = pytest.mark.skipif(
    TARGET not in SUPPORTED[CHOSEN] or not any(TARGET in SpecifierSet(pythons) for pythons in BESIDE),
    reason=f"no pip beside pinstall for {TARGET}",
)


@pytest.fixture
def bare(runner: Runner) -> Runner:
    for entry in runner.environment.site_packages.glob("pip*"):
        shutil.rmtree(entry)
    runner.index.add(wheel("aa", "1.0"))
    runner.index.add(wheel("aa", "2.0"))
    return runner


def test_the_pin_is_installed_into_the_target_and_holds(bare: Runner) -> None:
    ended = bare.pinstall("aa==1.0", "-v")
    assert ended.returncode == 0, ended.output
    assert bare.environment.module("aa") == "1.0"
    assert f"--python {bare.environment.python} install" in ended.stderr
    bare.index.requests.clear()
    again = bare.pinstall("aa==1.0")
    assert again.returncode == 0
    assert again.stderr.splitlines()[-1] == "pinstall: 1 pin satisfied"
    assert not bare.index.requests


@pytest.mark.slow
def test_pips_own_failure_passes_through(bare: Runner) -> None:
    ended = bare.pinstall("aa==9.9")
    assert ended.returncode == 1
    assert "No matching distribution found for aa==9.9" in ended.stderr


BROKEN = {
    "a module is missing": "_internal/cli/main.py",
    "it cannot be started": "__main__.py",
    "a library of it is missing": "_vendor/packaging/version.py",
}


@pytest.fixture
def broken(runner: Runner, request: pytest.FixtureRequest) -> Runner:
    """Return a runner whose pip lacks a file, and an index that has that pip and another one."""
    (runner.environment.site_packages / "pip" / request.param).unlink()  # of a hard link
    for release in {CHOSEN, "24.3.1"}:
        path = pip_wheel(release)
        runner.index.add(Archive(filename=path.name, content=path.read_bytes()))
    runner.index.add(wheel("aa", "1.0"))
    return runner


@pytest.mark.slow
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN, indirect=True)
def test_a_broken_pip_that_is_pinned_is_repaired(broken: Runner) -> None:
    assert broken.pip("install", f"pip=={CHOSEN}", check=False).returncode == 1
    ended = broken.pinstall(f"pip=={CHOSEN}", "aa==1.0")
    assert ended.returncode == 0, ended.output
    assert "trying again with the pip next to pinstall" in ended.stderr
    assert broken.pip("--version").stdout.startswith(f"pip {CHOSEN} ")
    again = broken.pinstall(f"pip=={CHOSEN}", "aa==1.0")
    assert (again.returncode, own_lines(again)[-1]) == (0, "2 pins satisfied"), again.output


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["_internal/cli/main.py"], indirect=True)
def test_a_broken_pip_is_replaced_by_another_release(broken: Runner) -> None:
    ended = broken.pinstall("pip==24.3.1")
    assert ended.returncode == 0, ended.output
    assert broken.pip("--version").stdout.startswith("pip 24.3.1 ")


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["_internal/cli/main.py"], indirect=True)
def test_without_a_pin_of_it_a_broken_pip_fails_as_ever(broken: Runner) -> None:
    ended = broken.pinstall("aa==1.0")
    assert ended.returncode == broken.pip("install", "aa==1.0", check=False).returncode == 1
    assert "next to pinstall" not in ended.stderr


@pytest.mark.slow
def test_a_pip_that_works_fails_once(runner: Runner) -> None:
    pip = pip_wheel(CHOSEN)
    runner.index.add(Archive(filename=pip.name, content=pip.read_bytes()))
    ended = runner.pinstall("aa==9.9", f"pip=={CHOSEN}")
    assert ended.returncode == runner.pip("install", "aa==9.9", check=False).returncode == 1
    assert "next to pinstall" not in ended.stderr
