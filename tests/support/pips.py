"""Say which pip releases and interpreters the tests use, and find both."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

NEWEST: Final = "26.3"

SUPPORTED: Final[dict[str, tuple[str, ...]]] = {
    "20.1": ("3.8",),
    "20.3.4": ("3.8", "3.9"),
    "21.3.1": ("3.8", "3.9", "3.10"),
    "22.0.2": ("3.8", "3.9", "3.10"),  # the one of Ubuntu 22.04
    "22.3.1": ("3.8", "3.9", "3.10", "3.11"),
    "23.2.1": ("3.8", "3.9", "3.10", "3.11", "3.12"),
    "24.3.1": ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13"),
    "25.3": ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14"),
    NEWEST: ("3.10", "3.11", "3.12", "3.13", "3.14"),
}
"""The pip releases of the tests and the Pythons that each runs on; below 22.3 pinstall's promise is reduced."""

CHOSEN: Final = os.environ.get("PINSTALL_TEST_PIP", NEWEST)
"""The release that a test takes unless it names another: `nox -s contract` runs the functional tests with each."""

SUPPORTED.setdefault(CHOSEN, SUPPORTED[NEWEST])  # a pre-release

OWN_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"

TARGET: Final = os.environ.get("PINSTALL_TEST_PYTHON", OWN_PYTHON)
"""The Python that a test installs for, if the pip runs on it: `nox -s matrix` tries them all."""


def python_for(pip_version: str) -> Path | None:
    """Return an interpreter for this pip: the one that is asked for if it will do, else the newest other one."""
    pythons = SUPPORTED[pip_version]
    if TARGET in pythons:
        return Path(sys.executable) if TARGET == OWN_PYTHON else find_python(TARGET)
    return next(filter(None, map(find_python, reversed(pythons))), None)


@functools.cache
def find_python(version: str) -> Path | None:
    """Return the interpreter of this `X.Y`, from PATH or pyenv, that really starts and can make environments."""
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [Path(on_path)] if on_path else []
    candidates += sorted(path / "bin" / "python" for path in pyenv.glob(f"{version}.*"))
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable)"
    for candidate in candidates:
        # A pyenv shim lies on PATH for versions that are not switched on, so only a start tells.
        answer = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        found, _, executable = answer.stdout.strip().partition(" ")
        if answer.returncode == 0 and found == version:
            return Path(executable)
    return None


def wheels_folder() -> Path:
    """Return the folder of pip wheels: PINSTALL_TEST_WHEELS, else one in the user's cache."""
    given = os.environ.get("PINSTALL_TEST_WHEELS")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(cache, "pinstall-tests", "wheels")


@functools.cache
def pip_wheel(version: str) -> Path:
    """Return the wheel of this pip release, downloaded once per machine with the machine's own configuration."""
    folder = wheels_folder()
    folder.mkdir(parents=True, exist_ok=True)
    pattern = f"pip-{version}-*.whl"
    if not any(folder.glob(pattern)):
        with tempfile.TemporaryDirectory(dir=folder) as partial:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", partial, f"pip=={version}"]
            subprocess.run(command, check=True)
            for wheel in Path(partial).glob(pattern):
                wheel.replace(folder / wheel.name)
    return next(folder.glob(pattern))
