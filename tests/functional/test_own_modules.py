"""One of the modules that pinstall itself needs is missing or broken, in the environment that it installs into."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.functional.test_inside import repacked
from tests.support.scenes import own_lines, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

SLOW = pytest.mark.slow
NAMES = ["requests", *(pytest.param(one, marks=SLOW) for one in ("resolvelib", "urllib3", "idna", "certifi"))]
WAYS = ["missing", *(pytest.param(one, marks=SLOW) for one in ("empty", "syntax"))]


def broken(runner: Runner, module: str, how: str = "missing") -> None:
    folder = runner.environment.site_packages / module
    shutil.rmtree(folder)
    if how != "missing":
        folder.mkdir()
        (folder / "__init__.py").write_text("" if how == "empty" else "def (\n", encoding="utf-8")


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("module", NAMES)
def test_a_run_that_does_not_need_it_works(inside: Runner, module: str, how: str) -> None:
    inside.index.add(wheel("aa", "1.0"))
    place(inside.environment, wheel("bb", "1.0"))
    broken(inside, module, how)
    assert inside.pinstall("bb==1.0").returncode == 0
    ended = inside.pinstall("aa==1.0")
    assert (ended.returncode, own_lines(ended)[-1]) == (0, "1 pin satisfied")
    assert inside.environment.freeze() == ["aa==1.0", "bb==1.0"]
    assert inside.pinstall("check", "aa==1.0").returncode == 0


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("module", ["packaging", pytest.param("requests", marks=SLOW)])
def test_a_run_that_needs_it_says_which_and_what_repairs_it(inside: Runner, module: str, how: str) -> None:
    broken(inside, module, how)
    url = f"{inside.index.url}requirements.txt"
    ended = inside.pinstall(*(["aa==1.0"] if module == "packaging" else ["-r", url]))
    assert (ended.returncode, ended.stdout) == (65, "")
    error, where, hint = own_lines(ended)[-3:]
    assert error.startswith(f"error: {module}: missing or broken")
    assert str(inside.environment.site_packages) in where
    assert ("is missing in" in where) == (how == "missing")
    assert f" -m pip install --force-reinstall {module}`" in hint
    assert str(inside.environment.root) in hint


@SLOW
def test_what_another_module_lacks_is_named_and_not_that_module(inside: Runner) -> None:
    broken(inside, "urllib3")
    ended = inside.pinstall("-r", f"{inside.index.url}requirements.txt")
    assert ended.returncode == 65
    assert own_lines(ended)[-3].startswith("error: urllib3: ")


@pytest.mark.parametrize("module", ["requests", pytest.param("resolvelib", marks=SLOW)])
def test_a_file_that_pins_it_installs_it(inside: Runner, module: str) -> None:
    version = inside.environment.run(f"from importlib.metadata import version; print(version({module!r}))")
    inside.index.add(repacked(module, version))
    broken(inside, module)
    written(inside, f"{module}=={version}\n")
    assert inside.environment.pip("install", "-r", str(inside.home / "requirements.txt")).returncode == 0
    assert not (inside.environment.site_packages / module).exists()  # pip alone says that it is satisfied
    ended = inside.pinstall("-r", "requirements.txt")
    assert ended.returncode == 0
    assert (inside.environment.site_packages / module / "__init__.py").exists()
    assert "Traceback" not in ended.stderr
