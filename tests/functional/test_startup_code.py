"""What code of a target prints, or does to its streams, when its Python starts or ends stops no run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.scenes import place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark = pytest.mark.usefixtures("home")  # a quick look tries one case each
DEMO: Final = wheel("demo", "1.0")
PATIENCE: Final = 20
CHILD: Final = f"""
import subprocess, sys
if "-c" in getattr(sys, "orig_argv", ""):
    subprocess.Popen(["sleep", "{PATIENCE}"])
"""
CODE: Final = {
    "prints at exit": "import atexit; atexit.register(print, 'bye')",
    "prints JSON at exit": "import atexit; atexit.register(print, '{}')",
    "prints its own command line": "import sys; print(getattr(sys, 'orig_argv', ''))",
    "prints no line end": "import os; os.write(1, b'hello')",
    "prints much": "print('x' * 200000); import sys; sys.stderr.write('y' * 200000)",
    "takes the stream": "import os, sys; sys.stdout = open(os.devnull, 'w')",
    "ends a look with 3": "import atexit, os, sys; atexit.register(lambda: sys.argv[0] == '-c' and os._exit(3))",
    "leaves a child": CHILD,
}


def noisy(runner: Runner, code: str) -> Runner:
    """Have code run at each start of the environment's Python, by a file that its site does not yet list."""
    (runner.environment.site_packages / "noise.pth").write_text("import noise\n", encoding="utf-8")
    (runner.environment.site_packages / "noise.py").write_text(code, encoding="utf-8")
    runner.index.add(DEMO)
    return runner


@pytest.mark.parametrize("code", CODE)
def test_the_target_is_understood_as_pip_would_start_it(runner: Runner, code: str) -> None:
    noisy(runner, CODE[code])
    begin = time.monotonic()
    ended = runner.pinstall("demo==1.0")
    again = runner.pinstall("demo==1.0")
    assert time.monotonic() - begin < PATIENCE
    assert (ended.returncode, again.returncode) == (0, 0), ended.output
    assert again.stderr.splitlines()[-1] == "pinstall: 1 pin satisfied"
    assert runner.pip("install", "--force-reinstall", "demo==1.0", check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("code", ["prints JSON at exit", "takes the stream", "ends a look with 3"])
def test_a_marker_is_evaluated_by_its_pip(runner: Runner, code: str) -> None:
    noisy(runner, CODE[code])
    place(runner.environment, DEMO, wheel("other", "1.0"))
    written(runner, "demo==1.0\nother==1.0; platform_version >= '5'\n")
    expected = runner.pip("install", "-r", "requirements.txt", check=False)
    ended = runner.pinstall("-r", "requirements.txt")
    assert (ended.returncode, expected.returncode) == (0, 0), ended.output
    assert ("hold" in ended.stderr.splitlines()[-1], ended.stdout) == (True, ""), ended.output


@pytest.mark.slow
@pytest.mark.parametrize("line", ["import os; os._exit(3)", "import os; os.abort()", "import os; os.close(1)"])
def test_a_python_that_does_not_start_fails_as_pip_does(runner: Runner, line: str) -> None:
    (runner.environment.site_packages / "noise.pth").write_text(f"{line}\n", encoding="utf-8")
    ended = runner.pinstall("demo==1.0")
    assert runner.pip("install", "demo==1.0", check=False).returncode != 0
    assert ended.returncode == 1
    assert "does not run as a Python 3 interpreter" in ended.stderr
