"""A setting that pinstall does not understand is refused, in the same words wherever it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import own_lines, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner

COMMANDS = (
    ("install", "aa==1.0"),
    ("check", "aa==1.0"),
    ("lock", "aa==1.0"),
    ("why", "aa"),
    ("cache",),
    ("undo",),
)
MISSPELT = ("PINSTALL_CLOSUR", "PINSTALL_UNPINED", "PINSTALL_UNPINNED_", "PINSTALL_Clousre", "PINSTALL_PYTHN")


@pytest.fixture
def ready(runner: Runner) -> Runner:
    place(runner.environment, wheel("aa", "1.0"))
    return runner


def refused(ended: Completed, *texts: str) -> None:
    assert ended.returncode == 64, ended.stderr
    said = "\n".join(own_lines(ended))
    assert said.startswith("error: ")
    assert not [text for text in texts if text not in said], said


def test_a_misspelt_variable_is_refused_with_the_name_that_was_meant(ready: Runner) -> None:
    refused(ready.pinstall("aa==1.0", env={"PINSTALL_CLOSUR": "refuse"}), "PINSTALL_CLOSUR:", "`PINSTALL_CLOSURE`")


@pytest.mark.slow
@pytest.mark.parametrize("variable", MISSPELT)
def test_other_misspelt_variables(ready: Runner, variable: str) -> None:
    refused(ready.pinstall("aa==1.0", env={variable: "refuse"}), f"{variable}:", "did you mean `PINSTALL_")


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["closur=refuse", "closure=perhaps", "stamp-days=30"])
@pytest.mark.parametrize("way", ["--pin", "variable", "pyproject.toml"])
@pytest.mark.parametrize("words", COMMANDS, ids=[words[0] for words in COMMANDS])
def test_every_command_and_every_place_agree(ready: Runner, words: tuple[str, ...], way: str, setting: str) -> None:
    key, _, value = setting.partition("=")
    given, where = ["--pin", setting] if way == "--pin" else [], {"--pin": "command line"}.get(way, way)
    env = {}
    if way == "variable":
        where = f"PINSTALL_{key.upper().replace('-', '_')}"
        env[where] = value
    elif way == "pyproject.toml":
        written(ready, f'[project]\nname = "x"\n\n[tool.pinstall]\n{key} = "{value}"\n', way)
        where = f"{way}:5"
    refused(ready.pinstall(*words, *given, env=env), f"{where}: ", "hint: ")


@pytest.mark.slow
def test_files_are_compared_by_the_same_settings(ready: Runner) -> None:
    written(ready, "aa==1.0\n")
    ended = ready.pinstall("check", "--pinned", "requirements.txt", target=False, index=False)
    assert ended.returncode == 0
    env = {"PINSTALL_HODL": "keep"}
    refused(
        ready.pinstall("check", "--pinned", "requirements.txt", target=False, index=False, env=env), "PINSTALL_HOLD"
    )


def test_capitals_and_dashes_do_not_matter(ready: Runner) -> None:
    assert ready.pinstall("aa==1.0", "--pin", "CLOSURE=allow").returncode == 0
    written(ready, '[tool.pinstall]\nClosure = "perhaps"\n', "pyproject.toml")
    refused(ready.pinstall("aa==1.0"), "pyproject.toml:2: `closure` cannot be `perhaps`")


def test_an_unknown_variable_is_named_each_time_and_not_under_q(ready: Runner) -> None:
    ready.variables.update(PINSTALL_VERSION="1.0", PINSTALL_TEST_SPY="x")
    for _ in range(2):  # the second time by the stamp
        ended = ready.pinstall("aa==1.0")
        assert ended.returncode == 0
        warnings = [line for line in own_lines(ended) if "PINSTALL_" in line]
        assert warnings == ["the variable `PINSTALL_VERSION` is not a setting of pinstall, and has no effect"]
        assert ready.pinstall("-q", "aa==1.0").stderr == ""
    del ready.variables["PINSTALL_VERSION"]
    assert "PINSTALL_VERSION" not in ready.pinstall("aa==1.0").stderr


@pytest.mark.slow
def test_a_table_is_not_a_setting_and_a_misspelt_table_is_refused(ready: Runner) -> None:
    refused(ready.pinstall("aa==1.0", env={"PINSTALL_SOURCES": "x"}), "PINSTALL_SOURCES", "[tool.pinstall.sources]")
    written(ready, '[tool.pinstall.souces]\n"a*" = "https://localhost/"\n', "pyproject.toml")
    refused(ready.pinstall("aa==1.0"), "pyproject.toml:2: there is no setting `souces.a*`", "did you mean `sources`?")
