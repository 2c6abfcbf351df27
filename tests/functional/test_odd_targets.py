"""Targets that are not a plain virtual environment: `docs/reference/targets.md` says what is promised for each."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.environments import Environment
from tests.support.processes import sealed
from tests.support.runner import Runner
from tests.support.scenes import files, own_lines, pinstall
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.index import Index

pytestmark = pytest.mark.slow
DEBIAN: Final = Path("/usr/bin/python3")
"""The one whose pip is patched, and puts what it installs into `dist-packages`."""
OWN: Final = Path(sys.base_prefix, "bin", Path(sys.executable).name)
LOOK: Final = "import json, pip, sysconfig; print(json.dumps([sysconfig.get_path('stdlib'), pip.__file__]))"


def _outside(python: Path) -> tuple[Path, importlib.metadata.Distribution]:
    """Return where an interpreter has its distributions, and one of them; skip where it has none, or no pip."""
    answer = subprocess.run([python, "-I", "-c", LOOK], capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"{python} has no pip")
    folder = Path(json.loads(answer.stdout)[1]).parents[1]
    for one in importlib.metadata.distributions(path=[str(folder)]):
        if one.metadata["Name"] != "pip" and one.read_text("RECORD") is not None:
            return folder, one
    pytest.skip(f"{python} has nothing but pip")


@pytest.fixture(params=[OWN, DEBIAN], ids=["own", "debian"])
def python(request: pytest.FixtureRequest) -> Path:
    """Return an interpreter of this machine that is in no virtual environment."""
    if request.param is DEBIAN and not list(Path("/usr/lib/python3/dist-packages").glob("pip-*")):
        pytest.skip("this is no Debian with its own pip")
    return Path(request.param)


@pytest.fixture
def system(python: Path, tmp_path: Path, home: Path, index: Index) -> Runner:
    """Return a runner of an environment with `--system-site-packages`, whose pip is that of the system."""
    root = tmp_path / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", "--system-site-packages", root], check=True)
    return Runner(environment=Environment(root=root, variables=sealed(home)), home=home, index=index)


def test_what_the_system_has_holds_and_is_never_touched(system: Runner, python: Path) -> None:
    folder, found = _outside(python)
    name, version = found.metadata["Name"], found.version
    before = files(folder)
    told = pinstall(system, "-v", f"{name}=={version}")
    assert told.ended.returncode == 0, told.ended.output
    assert told.purposes == []
    assert any(f"outside the environment, in {folder}" in line for line in own_lines(told.ended))

    system.index.add(wheel(name, "99.0"))
    told = pinstall(system, f"{name}==99.0")
    assert told.ended.returncode == 0, told.ended.output
    assert told.purposes == ["install"]
    assert list(system.environment.site_packages.glob("*-99.0.dist-info"))
    assert files(folder) == before


def test_the_users_own_folder_counts_from_the_first_installation_on(system: Runner, home: Path) -> None:
    system.index.add(wheel("demo", "1.0"))
    assert not (home / ".local" / "lib").exists()
    told = pinstall(system, "--user", "demo==1.0")
    assert told.ended.returncode == 0, told.ended.output
    assert list(home.glob(".local/lib/python*/site-packages/demo-1.0.dist-info"))
    assert pinstall(system, "demo==1.0").purposes == []


def test_what_is_pinned_is_built_cached_evicted_and_installed_as_anywhere(system: Runner, python: Path) -> None:
    folder, _ = _outside(python)
    before = files(folder)
    for version in ("1.0", "2.0"):
        system.index.add(sdist("demo", version))
    for version, evicted in {"2.0": [], "1.0": ["demo 2.0"]}.items():
        told = pinstall(system, f"demo=={version}")
        assert told.ended.returncode == 0, told.ended.output
        assert system.environment.module("demo") == version
        assert list(told.evicted) == evicted
    assert pinstall(system, "demo==1.0").purposes == []
    # the Python of a system may have start-up code that no RECORD lists
    assert system.pinstall("check", "demo==1.0", "--pin", "unowned=allow").returncode == 0
    assert files(folder) == before


def test_a_system_that_is_managed_by_others_is_refused_by_pip_and_left_as_it_is(
    home: Path, index: Index, tmp_path: Path
) -> None:
    folder, found = _outside(DEBIAN) if DEBIAN.exists() else pytest.skip("this is no Debian")
    marks = subprocess.run([DEBIAN, "-I", "-c", LOOK], capture_output=True, text=True, check=True).stdout
    if not Path(json.loads(marks)[0], "EXTERNALLY-MANAGED").exists():
        pytest.skip("nothing would stop pip here")
    index.add(wheel("demo", "1.0"))
    (tmp_path / "lib" / "python" / "site-packages").mkdir(parents=True)
    runner = Runner(environment=Environment(root=tmp_path, variables=sealed(home)), home=home, index=index)
    before = files(folder)
    ended = runner.pinstall("demo==1.0", python=DEBIAN)
    assert ended.returncode == 1, ended.output
    assert "externally-managed-environment" in ended.output
    ended = runner.pinstall("--target", "there", "demo==1.0", python=DEBIAN)
    assert ended.returncode == 0, ended.output
    assert (home / "there" / "demo.py").exists()
    pin = f"{found.metadata['Name']}=={found.version}"
    ended = runner.pinstall("check", pin, "--pin", "unowned=allow", python=DEBIAN)
    assert ended.returncode == 0, ended.output
    assert files(folder) == before
