"""Bad input: one clear message with a hint, pip's exit code where pip would refuse too, nothing changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.runner import Runner
from tests.support.scenes import cached, files, own_lines, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.processes import Completed

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def scene(runner: Runner, cache: Path) -> Iterator[Runner]:
    """The scene of a run that would move a wheel and install; at the end nothing of it may be different."""
    old = sdist("aa", "1.0")
    for archive in (old, sdist("aa", "2.0")):
        runner.index.add(archive)
    cached(runner, old, wheel("aa", "1.0"))
    place(runner.environment, wheel("bb", "1.0"))
    environment, entries = files(runner.environment.root), snapshot(cache)
    yield runner
    assert files(runner.environment.root) == environment
    assert snapshot(cache) == entries
    # what pip refuses, pip was started for
    assert [path.name for path in (cache / "pinstall").glob("*") if path.name != "lease"] == []


def _one_message(ended: Completed, exit_code: int, *, hint: bool = True) -> list[str]:
    assert ended.returncode == exit_code
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    lines = own_lines(ended)
    assert lines, ended.stderr
    assert [line for line in ended.stderr.splitlines() if not line.startswith("pinstall: ")] == []
    assert len([line for line in lines if line.startswith("error: ")]) == 1
    if hint:
        assert len([line for line in lines if line.startswith("hint: ")]) == 1
    return lines


def _pip_refuses_too(runner: Runner, *words: str, exit_code: int = 1) -> None:
    assert runner.pip("install", *words, check=False).returncode == exit_code


# --- requirement files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_a_file_that_does_not_exist(scene: Runner, option: str) -> None:
    ended = scene.pinstall("aa==2.0", option, "gone.txt")
    lines = _one_message(ended, 1)
    assert [line for line in lines if "gone.txt" in line and "there is no file" in line]
    _pip_refuses_too(scene, "bb==1.0", option, "gone.txt")


def test_a_nested_file_that_does_not_exist_is_named_with_its_line(scene: Runner) -> None:
    written(scene, "aa==2.0\n\n-r sub/gone.txt\n")
    lines = _one_message(scene.pinstall("-r", "requirements.txt"), 1)
    assert [line for line in lines if "requirements.txt:3" in line and "sub/gone.txt" in line]


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_a_file_that_may_not_be_read(scene: Runner) -> None:
    written(scene, "aa==2.0\n")
    (scene.home / "requirements.txt").chmod(0)
    lines = _one_message(scene.pinstall("-r", "requirements.txt"), 1)
    assert [line for line in lines if "requirements.txt" in line and "Permission" in line]


@pytest.mark.slow
def test_a_folder_in_the_place_of_a_file(scene: Runner) -> None:
    (scene.home / "folder").mkdir()
    ended = scene.pinstall("-r", "folder")
    assert ended.returncode == scene.pip("install", "-r", "folder", check=False).returncode == 1
    assert "folder" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_several_faults_of_several_files_are_one_message_with_file_and_line_each(scene: Runner) -> None:
    written(scene, "aa==2.0\nbb == == 1\n-r inner.txt\ncc==1.0 --no-such-option\n-c bounds.txt\n")
    written(scene, "# fine\n\n===\ndd @\n-r requirements.txt\n", "inner.txt")
    written(scene, "ee[extra]==1.0\nff==1.0 --hash=md5:0123\ngg==1.0; nonsense == 'x'\n", "bounds.txt")
    lines = _one_message(scene.pinstall("-r", "requirements.txt", "hh==", "-r", "gone.txt"), 1)
    for place_, word in (
        ("requirements.txt:2", "bb"),
        ("requirements.txt:4", "--no-such-option"),
        ("inner.txt:3", "==="),
        ("inner.txt:4", "dd"),
        ("inner.txt:5", "includes itself"),
        ("bounds.txt:1", "ee[extra]"),
        ("bounds.txt:2", "md5"),
        ("bounds.txt:3", "nonsense"),
        ("command line", "hh=="),
        ("command line", "gone.txt"),
    ):
        assert [line for line in lines if place_ in line and word in line], (place_, word, "\n".join(lines))
    assert [line for line in lines if line.startswith("error: 10 ")]


@pytest.mark.parametrize("command", ["install", "check"])
def test_a_hash_that_no_file_can_have(scene: Runner, command: str) -> None:
    written(scene, f"aa==2.0\nbb==1.0 --hash=sha256:{'0' * 63}\n")
    ended = scene.pinstall(command, "-r", "requirements.txt")
    assert ended.returncode == 1
    (line,) = [line for line in ended.output.splitlines() if "is not a hash: " in line]
    assert "requirements.txt:2: `sha256:000" in line
    assert "ERROR" not in ended.output


@pytest.mark.parametrize("command", ["install", pytest.param("check", marks=pytest.mark.slow)])
def test_a_hash_that_no_requirement_has_is_not_dropped(scene: Runner, command: str) -> None:
    written(scene, f"bb==1.0\n    --hash=sha256:{'0' * 64}\n")
    ended = scene.pinstall(command, "-r", "requirements.txt")
    assert ended.returncode == 1
    assert "requirements.txt:2: `--hash` belongs to no requirement; is a `\\` missing" in ended.output
    assert "ERROR" not in ended.output


def test_a_file_that_is_no_text(scene: Runner) -> None:
    (scene.home / "requirements.txt").write_bytes(b"\xff\xfe\x00\xd8aa==2.0\n\x81")
    ended = scene.pinstall("-r", "requirements.txt")
    assert ended.returncode == 1
    assert "requirements.txt" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_local_archive_that_does_not_exist(scene: Runner) -> None:
    ended = scene.pinstall("./gone-1.0-py3-none-any.whl", "aa==2.0")
    lines = _one_message(ended, 1, hint=False)
    assert [line for line in lines if "gone-1.0-py3-none-any.whl" in line]
    _pip_refuses_too(scene, "./gone-1.0-py3-none-any.whl")


@pytest.mark.slow
def test_an_empty_request_is_pips_to_refuse(scene: Runner) -> None:
    ended = scene.pinstall(index=False)
    alone = scene.pip("install", index=False, check=False)
    assert ended.returncode == alone.returncode
    assert "You must give at least one requirement" in ended.stderr


# --- the cache directory ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("way", ["option", "variable"])
@pytest.mark.parametrize("wanted", ["cc==1.0", "aa==2.0"], ids=["wheel", "sdist"])
def test_a_cache_directory_that_is_a_file(
    runner: Runner, make_environment: MakeEnvironment, way: str, wanted: str
) -> None:
    runner.index.add(wheel("cc", "1.0"))
    runner.index.add(sdist("aa", "2.0"))
    file = runner.home / "a-file"
    file.write_text("precious", encoding="utf-8")
    words = ["--cache-dir", str(file)] if way == "option" else []
    env = {"PIP_CACHE_DIR": str(file)} if way == "variable" else {}
    alone = Runner(environment=make_environment(), home=runner.home, index=runner.index)
    by_pip = alone.pip("install", wanted, *words, env=env, check=False)
    ended = runner.pinstall(wanted, *words, env=env)
    assert ended.returncode == by_pip.returncode
    assert runner.environment.freeze() == alone.environment.freeze()
    assert "Traceback" not in "".join(own_lines(ended))
    assert [line for line in own_lines(ended) if str(file) in line]
    assert file.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("value", ["false", "true"])
def test_a_cache_that_false_switches_off_is_said_to_be_off(runner: Runner, value: str) -> None:
    runner.index.add(sdist("aa", "2.0"))
    config = runner.home / "pip.conf"
    config.write_text(f"[global]\nno-cache-dir = {value}\n", encoding="utf-8")
    ended = runner.pinstall("aa==2.0", env={"PIP_CONFIG_FILE": str(config)})
    assert ended.returncode == 0
    assert not runner.cache.exists()
    said = [line for line in own_lines(ended) if str(config) in line]
    remedy = "switches it off, whatever its value: remove it to switch it on"
    assert said == [f"pip's cache is left alone: `no-cache-dir` ({config}:2) {remedy}"] * (value == "false")


def test_undo_on_a_cache_directory_that_is_a_file_or_gone(scene: Runner) -> None:
    file = scene.home / "a-file"
    file.write_text("precious", encoding="utf-8")
    for path in (file, scene.home / "gone"):
        ended = scene.pinstall("undo", "--cache-dir", path)
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        assert [line for line in own_lines(ended) if str(path) in line]
    assert not (scene.home / "gone").exists()


# --- the target ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_pip_anywhere(inside: Runner) -> None:
    inside.pip("uninstall", "-y", "pip", index=False)
    before = files(inside.environment.root)
    lines = _one_message(inside.pinstall("aa==2.0"), 1)
    assert [line for line in lines if "has no pip" in line and str(inside.environment.python) in line]
    assert [line for line in lines if line.startswith("hint: ") and "ensurepip" in line]
    assert files(inside.environment.root) == before


@pytest.mark.parametrize("release", ["19.3.1", "20.0.2", "9.0.3"])
def test_a_pip_that_is_too_old(runner: Runner, release: str) -> None:
    _pretend(runner, release)
    before = files(runner.environment.root)
    lines = _one_message(runner.pinstall("aa==2.0"), 65)
    assert [line for line in lines if "20.1" in line and release in line]
    assert [line for line in lines if line.startswith("hint: ") and "pip install --upgrade pip" in line]
    assert files(runner.environment.root) == before
    assert runner.index.requests == []


def test_the_oldest_pip_that_will_do_is_taken(runner: Runner) -> None:
    _pretend(runner, "20.1")
    place(runner.environment, wheel("aa", "2.0"))
    assert own_lines(runner.pinstall("aa==2.0"))[-1] == "1 pin satisfied"


def _pretend(runner: Runner, release: str) -> None:
    """Put a pip of another release into the environment that cannot do anything but be found."""
    runner.pip("uninstall", "-y", "pip", index=False)
    text = f'__version__ = "{release}"\n'
    place(runner.environment, wheel("pip", release, modules={"pip/__init__.py": text, "pip/__main__.py": "raise\n"}))


@pytest.mark.parametrize(
    ("way", "exit_code"), [("--python", 1), ("PIP_PYTHON", 1), ("PINSTALL_PYTHON", 65)], ids=["option", "pip's", "ours"]
)
@pytest.mark.parametrize("kind", ["gone", "an empty folder", "no interpreter"])
def test_an_interpreter_that_does_not_exist(scene: Runner, way: str, exit_code: int, kind: str) -> None:
    path = scene.home / "python"
    if kind == "an empty folder":
        path.mkdir()
    elif kind == "no interpreter":
        path.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
        path.chmod(0o755)
    words = ["--python", str(path)] if way == "--python" else []
    env = {} if words else {way: str(path)}
    ended = scene.pinstall(*words, "aa==2.0", target=False, env=env)
    lines = _one_message(ended, exit_code)
    assert [line for line in lines if str(path) in line]


def test_the_option_beats_a_variable_that_names_nothing(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "2.0"))
    ended = runner.pinstall("aa==2.0", env={"PIP_PYTHON": "/nowhere", "PINSTALL_PYTHON": "/nowhere"})
    assert ended.returncode == 0


@pytest.mark.slow
def test_python_is_never_left_behind_the_word_install(scene: Runner) -> None:
    told = pinstall(scene, "bb==9.9", "--python", str(scene.environment.python), target=False)
    assert told.ended.returncode == 1
    assert "--python" not in told.arguments("install")
    assert "bb==9.9" in told.arguments("install")


# --- settings and options --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["unpinned=perhaps", "nonsense=1", "evict=", "unpinned", "=x", ""])
def test_a_bad_value_of_pin(scene: Runner, setting: str) -> None:
    lines = _one_message(scene.pinstall("aa==2.0", "--pin", setting), 64)
    key, _, value = setting.partition("=")
    assert not value or [line for line in lines if key in line]


def test_pin_without_any_value(scene: Runner) -> None:
    _one_message(scene.pinstall("aa==2.0", "--pin"), 64)


def test_a_bad_value_of_a_variable(scene: Runner) -> None:
    lines = _one_message(scene.pinstall("aa==2.0", env={"PINSTALL_UNPINNED": "perhaps"}), 64)
    assert [line for line in lines if "PINSTALL_UNPINNED" in line and "perhaps" in line]


@pytest.mark.parametrize(
    "text",
    [
        '[tool.pinstall]\nunpinned = "perhaps"\n',
        "[tool.pinstall]\nnonsense = 1\n",
        '[tool.pinstall]\nunpinned = ["allow"]\n',
        "[tool.pinstall]\nunpinned = \n",
    ],
)
def test_a_bad_value_in_pyproject(scene: Runner, text: str) -> None:
    written(scene, text, "pyproject.toml")
    lines = _one_message(scene.pinstall("aa==2.0"), 64, hint=False)
    assert [line for line in lines if "pyproject.toml:2" in line]


@pytest.mark.parametrize("word", ["--no-such-option", "-Z", "--upgrade=yes", "--pref"])
def test_an_unknown_option_is_refused_in_pips_words(scene: Runner, word: str) -> None:
    ended = scene.pinstall(word, "bb==1.0")
    alone = scene.pip("install", word, "bb==1.0", check=False)
    assert ended.returncode == alone.returncode == 2
    theirs = [line for line in ended.stderr.splitlines() if not line.startswith("pinstall: ")]
    assert theirs == alone.stderr.splitlines()


@pytest.mark.slow
def test_an_option_without_its_value_is_refused_in_pips_words(scene: Runner) -> None:
    ended = scene.pinstall("bb==1.0", "-r")
    assert ended.returncode == scene.pip("install", "bb==1.0", "-r", check=False).returncode == 2
    assert "-r" in ended.stderr


def test_a_broken_configuration_file_of_pip(scene: Runner) -> None:
    written(scene, "no section\n", "pip.conf")
    configured = {"PIP_CONFIG_FILE": str(scene.home / "pip.conf")}
    lines = _one_message(scene.pinstall("aa==2.0", env=configured), 2)
    assert [line for line in lines if "pip.conf" in line]
    assert scene.pip("install", "aa==2.0", env=configured, check=False).returncode == 2


def test_a_name_like_a_command_can_be_installed_all_the_same(runner: Runner) -> None:
    place(runner.environment, wheel("check", "1.0"))
    for words in (["install", "check==1.0"], ["check==1.0"]):
        ended = runner.pinstall(*words)
        assert (ended.returncode, own_lines(ended)[-1]) == (0, "1 pin satisfied")


def test_a_report_that_cannot_be_written_is_said_before_anything_is_done(scene: Runner) -> None:
    ended = scene.pinstall("aa==2.0", "--pin", "report=gone/r.json")
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert [line for line in own_lines(ended) if "gone/r.json" in line]
    assert [line for line in own_lines(ended) if line.startswith("hint: ")]
