"""What pinstall remembers of an interpreter and of a satisfied run is never wider than what decided it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import unpack
from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, place
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.conftest import MakeEnvironment
    from tests.support.environments import Environment
    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.usefixtures("home")  # a quick look tries one case each
DEMO = wheel("demo", "1.0")
BY_VARIABLE = "import os, sys\nsys.path[1:1] = filter(None, [os.environ.get('LAYER')])\n"
BY_FILE = "import os, sys\nsys.path[1:1] = open(os.path.expanduser('~/layers')).read().split()\n"
IN_A_LINE = "import os, sys; sys.path[1:1] = filter(None, [os.environ.get('LAYER')])\n"


def settle(runner: Runner, *words: str, env: dict[str, str] | None = None, python: Path | None = None) -> None:
    """Run until everything is satisfied and whatever may be remembered is remembered."""
    for _ in range(3):
        time.sleep(0.2)
        ended = runner.pinstall(*words, env=env, python=python)
        assert ended.returncode == 0, ended.output


def has_demo(environment: Environment) -> bool:
    return (environment.site_packages / "demo.py").exists()


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# -- an interpreter that is named through a script --------------------------------------------------------------------


SHIMS = {
    "a file chooses": 'exec "$(cat ~/.python-version)" "$@"',
    "a variable chooses": 'exec "$PYENV_VERSION" "$@"',
}


@pytest.mark.parametrize("shim", SHIMS)
@pytest.mark.parametrize("named", ["option", "variable", "link"])
def test_a_script_that_starts_another_interpreter_now(
    runner: Runner, make_environment: MakeEnvironment, shim: str, named: str
) -> None:
    runner.index.add(DEMO)
    other = make_environment()
    python = script(runner.home / "shims" / "python", SHIMS[shim])
    if named == "link":
        link = runner.home / "python"
        link.symlink_to(python)
        python = link
    words = ("--python", str(python), "demo==1.0") if named != "variable" else ("demo==1.0",)

    def run(environment: Environment) -> Completed:
        (runner.home / ".python-version").write_text(str(environment.python), encoding="utf-8")
        variables = {"PYENV_VERSION": str(environment.python)}
        variables |= {"PINSTALL_PYTHON": str(python)} if named == "variable" else {}
        time.sleep(0.2)
        return runner.pinstall(*words, target=False, env=variables)

    for _ in range(3):
        assert run(runner.environment).returncode == 0
    assert [has_demo(one) for one in (runner.environment, other)] == [True, False]
    ended = run(other)
    assert ended.returncode == 0, ended.output
    assert has_demo(other)


@pytest.mark.slow
def test_a_named_interpreter_that_becomes_a_script(runner: Runner, make_environment: MakeEnvironment) -> None:
    runner.index.add(DEMO)
    other = make_environment()
    link = runner.home / "env"
    link.symlink_to(runner.environment.root)
    python = link / "bin" / "python"
    settle(runner, "demo==1.0", python=python)
    link.unlink()
    script(python, f'exec "{other.python}" "$@"')
    assert runner.pinstall("demo==1.0", python=python).returncode == 0
    assert has_demo(other)


@pytest.mark.slow
def test_a_folder_that_leads_to_another_environment_now(runner: Runner, make_environment: MakeEnvironment) -> None:
    runner.index.add(DEMO)
    other = make_environment()
    link = runner.home / "current"
    link.symlink_to(runner.environment.root)
    settle(runner, "demo==1.0", python=link / "bin" / "python")
    link.unlink()
    link.symlink_to(other.root)
    assert runner.pinstall("demo==1.0", python=link / "bin" / "python").returncode == 0
    assert has_demo(other)


# -- code that makes the path -----------------------------------------------------------------------------------------


WAYS = {
    "sitecustomize": ("sitecustomize.py", BY_VARIABLE),
    "usercustomize": ("usercustomize.py", BY_FILE),
    "a file decides": ("sitecustomize.py", BY_FILE),
    "a package": ("sitecustomize/__init__.py", BY_VARIABLE),
    "a line of a .pth file": ("layers.pth", IN_A_LINE),
}


def layered(runner: Runner, way: str) -> dict[str, str]:
    """Install demo 1.0, make 2.0 in a layer, and have code that puts the layer first where it is told to."""
    name, code = WAYS[way]
    if name.startswith("sitecustomize") and Path(os.__file__).with_name("sitecustomize.py").exists():
        pytest.skip("the standard library of this Python has a `sitecustomize`, which hides any other")
    if name.startswith("usercustomize"):
        config = runner.environment.root / "pyvenv.cfg"
        config.write_text(config.read_text(encoding="utf-8").replace("= false", "= true"), encoding="utf-8")
    file = runner.environment.site_packages / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(code, encoding="utf-8")
    (runner.home / "layers").touch()
    place(runner.environment, DEMO)
    layer = runner.home / "layer"
    unpack(wheel("demo", "2.0").write(layer / "made"), layer)
    return {"LAYER": str(layer)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["inside", "beside"])
def test_code_that_puts_another_version_first_at_the_next_start(
    request: pytest.FixtureRequest, way: str, where: str
) -> None:
    runner: Runner = request.getfixturevalue("inside" if where == "inside" else "runner")
    variables = layered(runner, way)
    settle(runner, "demo==1.0")
    (runner.home / "layers").write_text(variables["LAYER"], encoding="utf-8")
    python = [str(runner.environment.python), "-c", "import demo; print(demo.__version__)"]
    assert runner.run(python, env=variables).stdout == "2.0\n"
    # pip alone goes by that path as well
    assert "demo 2.0" in runner.pip("list", "--format=freeze", env=variables).stdout.replace("==", " ")
    ended = runner.pinstall("demo==1.0", "--no-index", env=variables)
    assert ended.returncode != 0, ended.output
    checked = runner.pinstall("check", "demo==1.0", env=variables)
    assert (checked.returncode, "2.0" in checked.output) == (1, True), checked.output


@pytest.mark.slow
def test_a_folder_of_a_pth_file_that_comes_to_be(runner: Runner) -> None:
    place(runner.environment, DEMO)
    layer = runner.home / "layer"
    (runner.environment.site_packages / "a.pth").write_text(f"{layer}\n", encoding="utf-8")
    settle(runner, "demo==1.0")
    unpack(wheel("late", "1.0").write(runner.home / "made"), layer)
    settle(runner, "late==1.0", "--no-index")


@pytest.mark.slow
def test_known_code_is_remembered(runner: Runner) -> None:
    place(runner.environment, DEMO)
    site = runner.environment.site_packages
    (site / "_virtualenv.pth").write_text("import _virtualenv\n", encoding="utf-8")
    (site / "_virtualenv.py").touch()
    (site / "zope-nspkg.pth").write_text("import sys, types, os\n", encoding="utf-8")
    (site / "sitecustomize.py").write_text("# nothing\n", encoding="utf-8")
    settle(runner, "demo==1.0")
    assert list((runner.home / ".local/state/pinstall").glob("interpreter-*.json"))
    assert list((runner.home / ".local/state/pinstall/stamps").iterdir())


# -- markers of the machine -------------------------------------------------------------------------------------------


@pytest.mark.skipif(RELEASE < REPORTS, reason="without reports no hash is proven")
@pytest.mark.parametrize("where", ["inside", "beside"])
def test_markers_of_another_machine(request: pytest.FixtureRequest, where: str) -> None:
    setarch = shutil.which("setarch")
    if setarch is None:
        pytest.skip("there is no setarch")
    runner: Runner = request.getfixturevalue("inside" if where == "inside" else "runner")
    runner.index.add(DEMO)
    place(runner.environment, wheel("other", "1.0"))
    pins = ["other==1.0", "demo==1.0 ; platform_machine == 'i686'"]
    settle(runner, *pins)
    assert not has_demo(runner.environment)
    python = str(runner.environment.python) if where == "inside" else sys.executable
    target = [] if where == "inside" else ["--python", str(runner.environment.python)]
    code = "import sys; sys.path.insert(1, sys.argv.pop(1)); from pinstall import cli; cli.main()"
    root = str(Path(__file__).parents[2])
    ended = runner.run([setarch, "i686", python, "-c", code, root, *target, *runner.index_options, *pins])
    assert ended.returncode == 0, ended.output
    assert has_demo(runner.environment)


# -- a run that changes the path --------------------------------------------------------------------------------------


HOOKS = {
    "a line of code": {"hook.pth": b"import sys; sys.path.insert(1, sitedir + '/hook_layer')\n"},
    "sitecustomize": {
        "sitecustomize.py": b"import os, sys; sys.path.insert(1, os.path.dirname(__file__) + '/hook_layer')\n"
    },
}
NEEDED = wheel("needed", "1.0")
LAYER = {
    "hook_layer/needed.py": b"__version__ = '2.0'\n",
    "hook_layer/needed-2.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: needed\nVersion: 2.0\n",
}


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("where", ["inside", "beside"])
def test_the_last_judgement_sees_the_path_that_the_run_has_made(
    request: pytest.FixtureRequest, hook: str, where: str
) -> None:
    runner: Runner = request.getfixturevalue("inside" if where == "inside" else "runner")
    runner.index.add(wheel("hook", "1.0", files={**LAYER, **HOOKS[hook]}))
    runner.index.add(NEEDED)
    pins = ("hook==1.0", "needed==1.0")
    ended = runner.pinstall(*pins)
    assert runner.environment.module("needed") == "2.0"
    assert ended.returncode == 65, ended.output
    assert "2.0" in ended.stderr


@pytest.mark.slow
def test_a_hook_that_leaves_with_its_package(runner: Runner) -> None:
    layer = runner.home / "layer"
    unpack(wheel("needed", "2.0").write(layer / "made"), layer)
    hook = f"import sys; sys.path.insert(1, {str(layer)!r})\n"
    place(runner.environment, wheel("hook", "1.0", files={"hook.pth": hook.encode()}))
    runner.index.add(wheel("hook", "2.0"))
    runner.index.add(NEEDED)
    assert runner.environment.module("needed") == "2.0"
    ended = runner.pinstall("hook==2.0", "needed==1.0")
    assert ended.returncode == 0, ended.output
    assert runner.environment.module("needed") == "1.0"
    twin = runner.pinstall("hook==2.0", "needed==1.0")
    assert (twin.returncode, "2 pins satisfied" in twin.stderr) == (0, True), twin.output
