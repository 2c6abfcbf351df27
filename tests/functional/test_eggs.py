"""What pip before 23.1 has `setup.py install` put there, as in an environment with setuptools and without `wheel`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import Environment
from tests.support.pips import find_python
from tests.support.processes import sealed
from tests.support.runner import Runner
from tests.support.scenes import pinned, pinstall, written
from tests.support.sdists import tarball

if TYPE_CHECKING:
    from tests.support.index import Index
    from tests.support.wheels import Archive

pytestmark = pytest.mark.slow

DEBIAN = Path("/usr/bin/python3")
LEGACY = "import setuptools, pip; print([int(part) for part in pip.__version__.split('.')[:2]] < [23, 1])"
SETUP = "from setuptools import setup\nsetup(name='demo', version='{}', py_modules=['demo'])\n"


def _source(version: str, mark: str = "") -> Archive:
    code = f"__version__ = {version!r}\nMARK = {mark!r}\n"
    return tarball(f"demo-{version}", {"setup.py": SETUP.format(version), "demo.py": code})


@pytest.fixture(params=["3.10", "3.9", DEBIAN, "pypy3"], ids=["3.10", "3.9", "debian", "pypy"])
def legacy(request: pytest.FixtureRequest, tmp_path: Path, home: Path, index: Index) -> Runner:
    """Return a runner of an environment as `python -m venv` makes it, with the pip and setuptools of that Python."""
    on_path = shutil.which(request.param)
    python = Path(on_path) if request.param in (DEBIAN, "pypy3") and on_path else find_python(str(request.param))
    root = tmp_path / "environment"
    if python is None or subprocess.run([python, "-m", "venv", root], check=False, capture_output=True).returncode:
        pytest.skip(f"there is no Python {request.param} that makes environments with pip")
    environment = Environment(root=root, variables=sealed(home))
    if environment.run(LEGACY) != "True":
        pytest.skip(f"{python} brings a newer pip along, which builds a wheel of everything")
    return Runner(environment=environment, home=home, index=index)


def test_versions_are_told_apart_and_what_is_gone_is_healed(legacy: Runner) -> None:
    for version in ("1.0", "2.0"):
        legacy.index.add(_source(version))
    for version in ("2.0", "1.0"):
        told = pinstall(legacy, f"demo=={version}")
        assert (told.ended.returncode, told.purposes) == (0, ["install"]), told.ended.output
        assert legacy.environment.module("demo") == version
        assert list(legacy.environment.site_packages.glob("demo-*.egg-info"))
        assert pinstall(legacy, f"demo=={version}").purposes == []
    assert legacy.pinstall("check", "demo==1.0").returncode == 0
    (legacy.environment.site_packages / "demo.py").unlink()
    ended = legacy.pinstall("check", "demo==1.0")
    assert (ended.returncode, "demo.py is missing" in ended.output) == (1, True), ended.output
    told = pinstall(legacy, "demo==1.0")
    assert told.ended.returncode == 0, told.ended.output
    assert legacy.environment.module("demo") == "1.0"


def test_a_pinned_hash_is_proven_once_pip_has_said_what_it_took(legacy: Runner) -> None:
    right = _source("1.0", mark="right")
    legacy.index.add(_source("1.0", mark="wrong"))
    legacy.pip("install", "demo==1.0", check=True)
    assert legacy.environment.module("demo", "MARK") == "wrong"
    legacy.index.add(right)
    written(legacy, pinned(right))
    told = pinstall(legacy, "-r", "requirements.txt")
    assert told.ended.returncode == 0, told.ended.output
    assert legacy.environment.module("demo", "MARK") == "right"
    assert pinstall(legacy, "-r", "requirements.txt").purposes == []

    # the list of files is the same, what is in them is not
    (legacy.environment.site_packages / "demo.py").write_text("MARK = 'wrong'\n", encoding="utf-8")
    told = pinstall(legacy, "-r", "requirements.txt")
    assert told.ended.returncode == 0, told.ended.output
    assert legacy.environment.module("demo", "MARK") == "right"


@pytest.mark.parametrize("zipped", [True, False])
def test_what_setup_py_has_installed_by_itself_is_found(legacy: Runner, zipped: bool) -> None:
    folder = legacy.home / "source"
    folder.mkdir()
    written(legacy, SETUP.format("1.0").replace("version=", f"zip_safe={zipped}, version="), "source/setup.py")
    written(legacy, "__version__ = '1.0'\n", "source/demo.py")
    legacy.run([str(legacy.environment.python), "setup.py", "install"], cwd=folder, check=True)
    assert legacy.environment.module("demo") == "1.0"
    ended = legacy.pinstall("demo==1.0")
    assert ended.returncode == 0, ended.output
    legacy.index.add(_source("2.0"))
    told = pinstall(legacy, "demo==2.0")
    assert told.ended.returncode == 0, told.ended.output
    assert legacy.environment.module("demo") == "2.0"
