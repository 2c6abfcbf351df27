"""Which environment is installed into, and the line that names it."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import files, lame, own_lines, place, written
from tests.support.scenes import pinstall as reported
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.environments import Environment
    from tests.support.runner import Runner

RECEIPTS = ["pipx_metadata.json", pytest.param("uv-receipt.toml", marks=pytest.mark.slow)]


@pytest.fixture
def tool(inside: Runner) -> Runner:
    """Return a runner of the private environment of pinstall, as pipx makes it."""
    (inside.environment.root / "pipx_metadata.json").touch()
    inside.index.add(wheel("aa", "1.0"))
    (inside.home / ".git").mkdir()
    return inside


@pytest.fixture
def linked(runner: Runner) -> Callable[[Path], str]:
    """Return what puts the test's other environment into a folder, as its `.venv`."""

    def link(folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".venv").symlink_to(runner.environment.root)
        return str(folder / ".venv")

    return link


def python_of(environment: Environment) -> str:
    return environment.run("import sys; print('%d.%d' % sys.version_info[:2])")


@pytest.mark.parametrize("receipt", RECEIPTS)
def test_the_private_environment_of_a_tool_is_never_the_target(inside: Runner, receipt: str) -> None:
    (inside.environment.root / receipt).touch()
    inside.index.add(wheel("aa", "1.0"))
    before = files(inside.environment.root)
    ended = inside.pinstall("aa==1.0")
    assert (ended.returncode, ended.stdout) == (65, "")
    error, *_, hint = own_lines(ended)
    assert error.startswith("error: no environment to install into")
    assert "`python -m venv .venv`" in hint
    assert "`--python PATH`" in hint
    assert files(inside.environment.root) == before
    inside.environment.pip("install", *inside.index_options, "aa==1.0")  # pip alone installs there
    assert inside.environment.freeze() == ["aa==1.0"]


@pytest.mark.slow
def test_nor_where_it_is_active_or_the_commands_only_ask(tool: Runner) -> None:
    active = {"VIRTUAL_ENV": str(tool.environment.root)}
    for words in (["aa==1.0"], ["check", "aa==1.0"], ["why", "aa"], ["lock", "aa"]):
        assert tool.pinstall(*words, env=active).returncode == 65
    assert tool.pinstall("undo").returncode == 1  # it needs pip's cache, and no environment


@pytest.mark.slow
def test_a_private_environment_without_pip_is_not_to_get_one(tool: Runner, runner: Runner) -> None:
    for entry in tool.environment.site_packages.glob("pip*"):
        if "pinstall" not in entry.name:
            shutil.rmtree(entry)
    assert "ensurepip" not in tool.pinstall("aa==1.0").output
    # the target's own pip serves
    assert tool.pinstall("aa==1.0", env={"VIRTUAL_ENV": str(runner.environment.root)}).returncode == 0
    for entry in runner.environment.site_packages.glob("pip*"):
        shutil.rmtree(entry)
    ended = tool.pinstall("aa==1.0", env={"VIRTUAL_ENV": str(runner.environment.root)})
    assert ended.returncode == 1
    assert "has no pip" in ended.stderr
    assert "ensurepip" not in ended.output


def test_the_projects_own_environment_is_the_target_of_a_tool(
    tool: Runner, runner: Runner, linked: Callable[[Path], str]
) -> None:
    linked(tool.home)
    folder = tool.home / "src" / "deep"
    folder.mkdir(parents=True)
    ended = tool.pinstall("aa==1.0", cwd=folder)
    assert ended.returncode == 0
    assert runner.environment.freeze() == ["aa==1.0"]
    first = own_lines(ended)[0]
    assert first == f"installing into {tool.home.resolve()}/.venv (Python {python_of(runner.environment)})"
    nearer = own_lines(tool.pinstall("aa==1.0"))
    assert nearer == [f"installing into .venv (Python {python_of(runner.environment)})", "1 pin satisfied"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["writable", "above the root", "empty"])
def test_a_folder_that_does_not_count_is_passed_over(
    tool: Runner, runner: Runner, linked: Callable[[Path], str], kind: str
) -> None:
    cwd = tool.home
    if kind == "empty":
        (tool.home / ".venv").mkdir()
    else:
        linked(tool.home)
    if kind == "writable":
        runner.environment.root.chmod(0o777)
    if kind == "above the root":
        cwd = tool.home / "inner"
        (cwd / ".git").mkdir(parents=True)
    ended = tool.pinstall("aa==1.0", cwd=cwd)
    assert ended.returncode == 65
    assert runner.environment.freeze() == []
    assert ("others may write it" in ended.stderr) == (kind == "writable")
    assert ("has no interpreter" in ended.stderr) == (kind == "empty")


def test_variables_before_conda_before_the_folder(
    tool: Runner, make_environment: Callable[[], Environment], linked: Callable[[Path], str]
) -> None:
    made = {name: make_environment() for name in ("PIP_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX")}
    environ = {name: str(one.python if "PYTHON" in name else one.root) for name, one in made.items()}
    linked(tool.home)
    for name, one in made.items():
        ended = tool.pinstall("aa==1.0", env=environ)
        assert (ended.returncode, one.freeze()) == (0, ["aa==1.0"]), name
        assert own_lines(ended)[0].startswith(f"installing into {one.root} (Python ")
        del environ[name]
    assert own_lines(tool.pinstall("aa==1.0"))[0].startswith("installing into .venv (Python ")


@pytest.mark.slow
def test_the_base_of_conda_that_runs_pinstall_is_not_meant(
    tool: Runner, runner: Runner, linked: Callable[[Path], str]
) -> None:
    linked(tool.home)
    base = tool.environment.run("import sys; print(sys.base_prefix)")
    assert tool.pinstall("aa==1.0", env={"CONDA_PREFIX": base}).returncode == 0
    assert runner.environment.freeze() == ["aa==1.0"]


def test_a_stamp_answers_for_its_own_target_alone(tool: Runner, runner: Runner, linked: Callable[[Path], str]) -> None:
    shutil.copytree(runner.environment.root, tool.home / "kept", symlinks=True)
    place(runner.environment, wheel("aa", "1.0"))
    linked(tool.home)
    folder = tool.home / "inner"
    folder.mkdir()
    for _ in range(3):
        time.sleep(0.2)
        assert tool.pinstall("aa==1.0", cwd=folder).returncode == 0
    (folder / ".venv").mkdir()
    assert tool.pinstall("aa==1.0", cwd=folder).returncode == 65
    (folder / ".venv").rmdir()
    assert tool.pinstall("aa==1.0", cwd=folder).returncode == 0
    empty = {"CONDA_PREFIX": str(tool.home / "conda")}
    assert tool.pinstall("aa==1.0", cwd=folder, env=empty).returncode == 0
    (tool.home / "kept").rename(tool.home / "conda")
    ended = tool.pinstall("aa==1.0", cwd=folder, env=empty)
    assert own_lines(ended)[0].startswith(f"installing into {tool.home / 'conda'} (Python ")
    assert list((tool.home / "conda").glob("lib/py*/site-packages/aa.py"))


# --- the line --------------------------------------------------------------------------------------------------------


def test_each_run_that_starts_pip_names_its_target_first_and_once(inside: Runner) -> None:
    inside.index.add(wheel("aa", "1.0"))
    ended = inside.pinstall("aa==1.0")
    version = python_of(inside.environment)
    assert own_lines(ended) == [f"installing into {inside.environment.root} (Python {version})", "1 pin satisfied"]
    assert ended.stderr.startswith("pinstall: installing into ")
    lame(inside.environment)
    assert own_lines(inside.pinstall("aa==1.0")) == ["1 pin satisfied"]
    told = reported(inside, "aa==1.0")
    described = told.document["environment"]
    assert (described["place"], described["chosen_by"]) == (str(inside.environment.root), "")
    assert described["python"].startswith(version)


@pytest.mark.slow
def test_it_is_silent_with_quiet_and_says_where_nothing_changes(inside: Runner) -> None:
    inside.index.add(wheel("aa", "1.0"))
    assert own_lines(inside.pinstall("-q", "aa==1.0")) == []
    inside.index.add(wheel("bb", "1.0"))
    line = own_lines(inside.pinstall("--target", "there", "bb==1.0"))[0]
    assert line.startswith(f"running the pip of {inside.environment.root} (Python ")


def test_in_a_plain_environment_its_own_is_the_target_and_both_are_named(inside: Runner, runner: Runner) -> None:
    inside.index.add(wheel("aa", "1.0"))
    active = {"VIRTUAL_ENV": str(runner.environment.root)}
    ended = inside.pinstall("aa==1.0", env=active)
    line = own_lines(ended)[0]
    assert line.startswith(f"installing into {inside.environment.root} (Python ")
    assert line.endswith(f", not into the active environment {runner.environment.root}")
    assert (inside.environment.freeze(), runner.environment.freeze()) == (["aa==1.0"], [])
    assert own_lines(inside.pinstall("aa==1.0", env=active))[0] == line  # a satisfied run says so too


def script(environment: Environment, name: str, interpreter: Path | str) -> Path:
    path = environment.root / "bin" / name
    path.write_text(f"#!{interpreter}\nfrom pinstall.cli import main\nmain()\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.slow
def test_the_script_of_a_copied_environment_names_both(inside: Runner, tmp_path: Path) -> None:
    inside.index.add(wheel("aa", "1.0"))
    script(inside.environment, "pinstall", inside.environment.python)
    copied = tmp_path / "copied"
    shutil.copytree(inside.environment.root, copied, symlinks=True)
    ended = inside.run([str(copied / "bin" / "pinstall"), *inside.index_options, "aa==1.0"])
    assert own_lines(ended)[0].endswith(f", not into {copied}, whose `pinstall` starts this Python")
    assert inside.environment.freeze() == ["aa==1.0"]
    ended = inside.run([str(copied / "bin" / "python"), "-m", "pinstall", *inside.index_options, "aa==1.0"])
    assert own_lines(ended)[0].startswith(f"installing into {copied} (Python ")
    assert own_lines(ended)[0].endswith(f", whose scripts start the Python of {inside.environment.root}")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["#!{}/bin/python", "#!/bin/sh\n'''exec' \"{}/bin/python3\" \"$0\" \"$@\"\n' '''"])
def test_a_moved_environment_is_named_by_its_scripts(inside: Runner, form: str) -> None:
    inside.index.add(wheel("aa", "1.0"))
    (inside.environment.root / "bin" / "pip").write_text(form.format("/gone/some where"), encoding="utf-8")
    line = own_lines(inside.pinstall("aa==1.0"))[0]
    assert line.endswith(", whose scripts start the Python of /gone/some where")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["#!{link}/bin/python", "#!/usr/bin/env python3", "#!/bin/sh\n'''exec' \"$(dirname"])
def test_no_false_alarm(inside: Runner, tmp_path: Path, first: str) -> None:
    inside.index.add(wheel("aa", "1.0"))
    link = tmp_path / "link"
    link.symlink_to(inside.environment.root)
    (inside.environment.root / "bin" / "pip").write_text(first.format(link=link) + "\n", encoding="utf-8")
    ended = inside.pinstall("aa==1.0", env={"VIRTUAL_ENV": str(link), "CONDA_PREFIX": os.sep})
    assert own_lines(ended)[0].endswith(")")
    assert ended.returncode == 0


def test_the_running_python_is_the_last_resort_and_is_named(tool: Runner) -> None:
    base = tool.environment.run("import sys; print(sys.base_prefix)")
    code = f"import runpy, sys; sys.path.append({str(tool.environment.site_packages)!r})"
    start = [f"{base}/bin/python3", "-c", f"{code}; runpy.run_module('pinstall', None, '__main__', True)"]
    written(tool, "aa==1.0\n")
    ended = tool.run([*start, "--dry-run", *tool.index_options, "-r", "requirements.txt"])
    assert own_lines(ended)[0].startswith(f"running the pip of {base}/bin/python3")
