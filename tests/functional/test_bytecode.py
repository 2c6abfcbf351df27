"""What a run installed is compiled on all cores, and nothing tells it from pip's own compiling."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from pinstall.commands.install import runs as bytecode
from tests.support.scenes import RELEASE, pinned, pinstall, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner

pytestmark = [
    pytest.mark.skipif(RELEASE < (23, 0), reason="without a report of what was installed pip compiles"),
    pytest.mark.skipif(bytecode.cores() == 1, reason="there is one core, so pip compiles"),
]
LARGE = "".join(f"value_{number} = {number}\n" for number in range(9000))
FILES = {
    "demo/__init__.py": b"import warnings\n",
    **{f"demo/large{number}.py": LARGE.encode() for number in range(3)},
    "demo/broken.py": b"def (\n",
    "demo/odd name.py": "text = 'ä'\nassert (1, 'always')\n".encode(),
    "demo-1.0.data/scripts/demo-run.py": b"#!python\n",
}
DEMO = wheel("demo", "1.0", files=FILES)


def compiled(runner: Runner) -> dict[str, bytes]:
    """Return the code in each compiled file, less what tells when its source was written."""
    files = sorted(runner.environment.root.rglob("*.pyc"))
    own = [path for path in files if "demo" in str(path.relative_to(runner.environment.root))]
    return {path.relative_to(runner.environment.root).as_posix(): path.read_bytes()[16:] for path in own}


def stale(runner: Runner) -> list[Path]:
    """Return the compiled files that Python would write anew."""
    code = (
        "import importlib.util, os, struct, sys\n"
        "for path in sys.argv[1:]:\n"
        "    head = open(importlib.util.cache_from_source(path), 'rb').read(16)\n"
        "    stat = os.stat(path)\n"
        "    assert head[:4] == importlib.util.MAGIC_NUMBER, path\n"
        "    assert struct.unpack('<III', head[4:]) == (0, int(stat.st_mtime), stat.st_size & 0xFFFFFFFF), path\n"
    )
    sources = [str(path) for path in runner.environment.site_packages.glob("demo/*.py") if path.name != "broken.py"]
    runner.run([str(runner.environment.python), "-c", code, *sources], check=True)
    return []


@pytest.fixture
def served(runner: Runner) -> Runner:
    runner.index.add(DEMO)
    written(runner, pinned(DEMO))
    return runner


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PYTHONDONTWRITEBYTECODE": "1"},
        {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONOPTIMIZE": "2"},
        {"PYTHONDONTWRITEBYTECODE": "x", "PYTHONPYCACHEPREFIX": "demo-cache"},
    ],
    ids=" ".join,
)
def test_the_result_is_pips_own(served: Runner, variables: dict[str, str]) -> None:
    if "PYTHONPYCACHEPREFIX" in variables:
        variables = {**variables, "PYTHONPYCACHEPREFIX": str(served.environment.root / "demo-cache")}
    served.pip("install", "-r", "requirements.txt", env=variables)
    expected = compiled(served)
    served.pip("uninstall", "-y", "demo", env=variables)
    shutil.rmtree(served.environment.root / "demo-cache", ignore_errors=True)  # pip leaves what is there
    assert compiled(served) == {}
    told = pinstall(served, "-r", "requirements.txt", env=variables)
    assert (told.ended.returncode, "--no-compile" in told.arguments("install")) == (0, True)
    assert compiled(served) == expected
    assert any("large" in path for path in expected)
    if not variables:
        assert stale(served) == []
    served.pip("uninstall", "-y", "demo", env=variables)
    shutil.rmtree(served.environment.root / "demo-cache", ignore_errors=True)
    assert compiled(served) == {}
    assert not (served.environment.site_packages / "demo").exists()


@pytest.mark.slow
def test_a_reinstalled_package_is_compiled_too(served: Runner) -> None:
    other = wheel("demo", "1.0", files={**FILES, "demo/__init__.py": b"other = 1\n"})
    (served.home / "files").mkdir()
    served.pip("install", str(other.write(served.home / "files")))
    told = pinstall(served, "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"])
    assert stale(served) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("--pin", "bytecode=pip"), {}),
        (("--no-compile",), {}),
        (("--compile",), {}),
        ((), {"PIP_NO_COMPILE": "0"}),
    ],
    ids=str,
)
def test_it_is_left_to_pip(served: Runner, words: tuple[str, ...], variables: dict[str, str]) -> None:
    told = pinstall(served, "-r", "requirements.txt", *words, env=variables)
    assert told.ended.returncode == 0
    assert told.arguments("install").count("--no-compile") == ("--no-compile" in words)
    assert bool(compiled(served)) == ("--no-compile" not in words and "PIP_NO_COMPILE" not in variables)
