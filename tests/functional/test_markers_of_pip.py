"""The pip in force decides what packaging's releases decide in different ways, whichever of them pinstall imports."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import ROOT
from tests.support.pips import NEWEST, pip_wheel
from tests.support.scenes import RELEASE, own_lines, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner

VENDORED = {"24.1": "24.3.1", "25.0": "25.3", "26.3": NEWEST}
"""Releases of packaging, and of the pips that bring them along."""
LINES = (
    "platform_version >= '5'",
    "platform_version < '5'",
    "platform_version != '5'",
    "platform_release >= '5'",
    "platform_version ~= '6.0'",
    "sys_platform > 'a'",
    "'3' < '4'",
    "python_version >= '3' and platform_version === '5'",
)


def started(runner: Runner, packaging: str, *words: str) -> Completed:
    """Run pinstall next to a release of packaging."""
    folder = runner.home / f"packaging-{packaging}"
    if not folder.exists():
        with zipfile.ZipFile(pip_wheel(VENDORED[packaging])) as archive:
            for name in archive.namelist():
                if name.startswith("pip/_vendor/packaging/"):
                    path = folder / name.removeprefix("pip/_vendor/")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(name))
    code = f"import runpy, sys; sys.path[1:1] = [{str(folder)!r}, {str(ROOT)!r}]"
    code += "; runpy.run_module('pinstall', None, '__main__', True)"
    target = ["--python", str(runner.environment.python), *runner.index_options]
    return runner.run([sys.executable, "-c", code, words[0], *target, *words[1:]])


def same_as_pip(runner: Runner, packaging: str, *words: str) -> Completed:
    """Run pinstall, then pip on the environment of before, and compare their codes and what they installed."""
    ended = started(runner, packaging, "install", *words)
    assert "fault of pinstall" not in ended.stderr
    mine = installed(runner)
    if mine:
        runner.pip("uninstall", "-y", "aa", index=False)
    alone = runner.pip("install", *words, check=False)
    assert (ended.returncode, mine) == (alone.returncode, installed(runner)), ended.stderr
    return ended


def installed(runner: Runner) -> bool:
    return (runner.environment.site_packages / "aa.py").exists()


@pytest.fixture
def offered(runner: Runner) -> Runner:
    runner.index.add(wheel("aa", "1.0"))
    return runner


@pytest.mark.parametrize("packaging", ["25.0", "24.1", "26.3"])
def test_a_marker_on_the_version_of_the_system(offered: Runner, packaging: str) -> None:
    ended = same_as_pip(offered, packaging, "aa==1.0; platform_version >= '5'")
    assert "contradicts" not in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("packaging", ["25.0", "26.3"])
@pytest.mark.parametrize("marker", LINES)
def test_other_markers(offered: Runner, packaging: str, marker: str) -> None:
    written(offered, f"aa==1.0; {marker}\n")
    ended = same_as_pip(offered, packaging, "-r", "requirements.txt")
    assert "contradicts" not in ended.stderr


@pytest.mark.parametrize("marker", ["'x' in extras", "'x' in dependency_groups", "'x' not in extras"])
def test_a_marker_of_lock_files_is_left_to_pip(offered: Runner, marker: str) -> None:
    ended = same_as_pip(offered, "26.3", f"aa==1.0; {marker}")
    assert ended.returncode != 0
    if RELEASE >= (25, 3):
        assert [line for line in own_lines(ended) if "is left to pip" in line]


@pytest.mark.slow
@pytest.mark.parametrize("packaging", ["25.0", "26.3"])
def test_a_constraint_with_such_a_marker(offered: Runner, packaging: str) -> None:
    written(offered, "aa==1.0\n")
    written(offered, "aa<1.0; platform_version < '5'\n", "constraints.txt")
    same_as_pip(offered, packaging, "-r", "requirements.txt", "-c", "constraints.txt")


@pytest.mark.slow
@pytest.mark.parametrize("packaging", ["25.0", "26.3"])
def test_a_pin_is_satisfied_whose_marker_pip_does_not_apply(offered: Runner, packaging: str) -> None:
    if (24, 1) <= RELEASE < (26, 0):
        pytest.skip("this pip fails for such a marker")
    offered.index.add(wheel("bb", "1.0"))
    place(offered.environment, wheel("bb", "1.0"))
    ended = started(offered, packaging, "install", "bb==1.0", "aa==2.0; platform_version >= '5'")
    assert (ended.returncode, own_lines(ended)[-1]) == (0, "1 pin satisfied")


@pytest.mark.slow
@pytest.mark.parametrize("packaging", ["25.0", "26.3"])
@pytest.mark.parametrize(
    "need",
    [
        "aa; platform_version >= '5'",
        "aa; 'x' in extras",
        "aa; os_name == '\\x'",
        f"aa>={'9' * 5000}",
        f"aa; {'(' * 2000}os_name=='posix'{')' * 2000}",
    ],
    ids=["version", "extras", "escape", "digits", "depth"],
)
def test_a_need_of_something_installed(offered: Runner, packaging: str, need: str) -> None:
    place(offered.environment, wheel("bb", "1.0", requires=[need]))
    place(offered.environment, wheel("aa", "1.0"))
    ended = started(offered, packaging, "install", "bb==1.0")
    assert ended.returncode == offered.pip("install", "bb==1.0", check=False).returncode
    for command in ("check", "lock"):
        assert started(offered, packaging, command, "bb==1.0").returncode != 70


@pytest.mark.parametrize("form", ["{url}#egg=aa[x]", "aa @ {url}#egg=aa[x]", "{url}#egg=aa==1.0"])
def test_what_stands_after_egg_is_judged_by_pip(offered: Runner, form: str) -> None:
    url = offered.index.file_url(wheel("aa", "1.0").filename)
    digest = f"&sha256={wheel('aa', '1.0').sha256}"
    assert started(offered, "26.3", "install", f"aa @ {url}#{digest[1:]}").returncode == 0
    line = form.format(url=url) + digest
    ended = started(offered, "26.3", "install", line)
    assert ended.returncode == offered.pip("install", line, check=False).returncode == (RELEASE >= (26, 0))


@pytest.mark.slow
def test_files_are_compared_without_any_marker(runner: Runner) -> None:
    written(runner, "aa==1.0; platform_version >= '5'\nbb==1.0; 'x' in extras\n")
    assert runner.pinstall("check", "--pinned", "requirements.txt", target=False, index=False).returncode == 0
