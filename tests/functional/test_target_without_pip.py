"""An environment that has no pip, as uv makes them, is served by the pip beside pinstall."""

from __future__ import annotations

import importlib.metadata
import shutil
from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet

from tests.support.pips import TARGET
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

BESIDE = [one.metadata["Requires-Python"] for one in importlib.metadata.distributions(name="pip")]
pytestmark = pytest.mark.skipif(
    not any(TARGET in SpecifierSet(pythons) for pythons in BESIDE),
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
    assert again.stderr.splitlines()[-1] == "pinstall: 1 pin holds"
    assert not bare.index.requests


@pytest.mark.slow
def test_pips_own_failure_passes_through(bare: Runner) -> None:
    ended = bare.pinstall("aa==9.9")
    assert ended.returncode == 1
    assert "No matching distribution found for aa==9.9" in ended.stderr
