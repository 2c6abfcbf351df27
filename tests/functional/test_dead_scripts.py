"""A script that starts no Python, or that of another environment, is found, and its package alone reinstalled."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, lame, own_lines, pinstall, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < REPORTS, reason="without reports files are not verified")
ENTRY = {"cli-1.0.dist-info/entry_points.txt": b"[console_scripts]\ncli = cli:main\n"}
CLI = wheel("cli", "1.0", modules={"cli.py": "def main(): print('it runs')\n"}, files=ENTRY)
PLAIN = wheel("plain", "1.0")
LONG = "#!/bin/sh\n'''exec' {} \"$0\" \"$@\"\n' '''\n"


@pytest.fixture
def scripted(runner: Runner) -> Runner:
    """Return a runner whose environment has a script and a package without one."""
    for archive in (CLI, PLAIN):
        runner.index.add(archive)
    written(runner, "cli==1.0\nplain==1.0\n")
    assert runner.pinstall("-r", "requirements.txt").returncode == 0
    return runner


def moved(runner: Runner, *, copied: bool) -> Runner:
    """Return a runner for the environment in another place."""
    root = runner.environment.root.with_name("elsewhere")
    if copied:
        shutil.copytree(runner.environment.root, root, symlinks=True)
    else:
        runner.environment.root.rename(root)
    return replace(runner, environment=replace(runner.environment, root=root))


@pytest.mark.parametrize("copied", [False, True], ids=["renamed", "copied"])
def test_scripts_of_a_moved_environment_are_found_and_renewed(scripted: Runner, copied: bool) -> None:
    old = scripted.environment.python
    runner = moved(scripted, copied=copied)
    satisfied = runner.pip("install", "-r", "requirements.txt")
    assert "Successfully installed" not in satisfied.stdout  # pip alone sees nothing
    checked = runner.pinstall("check", "-r", "requirements.txt")
    (line,) = checked.stdout.splitlines()
    wrong = "is of another environment" if copied else "does not exist"
    assert f"cli==1.0, but its script bin/cli starts {old}, which {wrong};" in line
    healed = pinstall(runner, "-r", "requirements.txt")
    assert healed.ended.returncode == 0, healed.ended.output
    assert healed.states == {"cli": "satisfied", "plain": "satisfied"}
    (reinstalled,) = [line for line in own_lines(healed.ended) if line.startswith("reinstalling")]
    assert reinstalled.startswith("reinstalling cli 1.0: its script ")
    assert runner.run([str(runner.environment.root / "bin" / "cli")], check=True).stdout == "it runs\n"
    lame(runner.environment)
    assert runner.pinstall("-r", "requirements.txt").returncode == 0


@pytest.mark.parametrize(
    "first",
    [
        LONG.format("/gone/bin/python3.11"),
        LONG.format('"/gone with space/bin/python"'),
        "#!/gone/bin/python -I\n",
        "#!/gone/bin/pypy3\n",
    ],
)
def test_each_form_of_the_first_line_counts(scripted: Runner, first: str) -> None:
    (scripted.environment.root / "bin" / "cli").write_text(first, encoding="utf-8")
    (line,) = scripted.pinstall("check", "cli==1.0").stdout.splitlines()
    assert "[dead-script]" in line or "bytes instead of" in line
    _record_again(scripted)
    (line,) = scripted.pinstall("check", "cli==1.0").stdout.splitlines()
    assert "its script bin/cli starts /gone" in line


@pytest.mark.parametrize(
    "first",
    [
        "#!/usr/bin/env python\n",
        "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n",
        "#!/bin/bash\necho /gone/bin/python\n",
        "\x7fELF",
        "",
    ],
)
def test_a_script_that_finds_its_python_is_no_finding(scripted: Runner, first: str) -> None:
    (scripted.environment.root / "bin" / "cli").write_text(first, encoding="utf-8")
    _record_again(scripted)
    assert scripted.pinstall("check", "cli==1.0").stdout == ""


@pytest.mark.slow
def test_an_interpreter_reached_by_links_is_no_finding(scripted: Runner) -> None:
    link = scripted.environment.root.with_name("link")
    link.symlink_to(scripted.environment.root)
    (link / "bin" / "cli").write_text(f"#!{link}/bin/python3\n", encoding="utf-8")
    _record_again(scripted)
    assert scripted.pinstall("check", "cli==1.0").stdout == ""
    lame(scripted.environment)
    for python in (link / "bin" / "python", scripted.environment.python):
        assert scripted.pinstall("cli==1.0", python=python).returncode == 0


@pytest.mark.slow
def test_a_script_that_its_wheel_has_so_is_installed_once_and_accepted(runner: Runner) -> None:
    script = {"own-1.0.data/scripts/own": b"#!/gone/bin/python\n"}
    runner.index.add(wheel("own", "1.0", files=script))
    for _ in range(2):
        ended = runner.pinstall("own==1.0")
        assert ended.returncode == 0, ended.output
    lame(runner.environment)
    assert runner.pinstall("own==1.0").returncode == 0
    assert runner.pinstall("check", "own==1.0").stdout == ""


@pytest.mark.slow
def test_scripts_below_target_are_no_finding(scripted: Runner) -> None:
    for _ in range(2):
        assert scripted.pinstall("--target", "folder", "cli==1.0", "--upgrade").returncode == 0


def _record_again(runner: Runner) -> None:
    """Have RECORD list the script without size and hash, as if it were the installed one."""
    (record,) = runner.environment.site_packages.glob("cli-1.0.dist-info/RECORD")
    lines = record.read_text(encoding="utf-8").splitlines()
    listed = [f"{line.partition(',')[0]},," if "/bin/cli," in line else line for line in lines]
    record.write_text("\n".join([*listed, ""]), encoding="utf-8")
