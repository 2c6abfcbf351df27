"""Help fits a screen, the version says which one runs, colour is where pip would have it, and text stays text."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pinstall import __version__
from pinstall.cli import COMMANDS
from pinstall.request.policy import KEYS
from tests.support.environments import ROOT
from tests.support.processes import sealed
from tests.support.runner import beside
from tests.support.scenes import written

if TYPE_CHECKING:
    from tests.support.runner import Runner

USAGES = runpy.run_path(str(ROOT / "docs" / "usage.py"))["USAGES"]
TOPICS = [*dict.fromkeys(usage.command for usage in USAGES), "settings"]


def test_the_overview_fits_a_screen_and_names_every_command(runner: Runner) -> None:
    shown = runner.pinstall("--help").stdout
    assert len(shown.splitlines()) <= 40
    assert max(map(len, shown.splitlines())) < 80
    assert set(COMMANDS) <= {usage.command for usage in USAGES}
    for usage in USAGES:
        assert f"  {usage.synopsis}" in shown
    for option in ("-r FILE", "--python PYTHON", "--pin KEY=VALUE", "-q", "-v", "--version"):
        assert f"\n  {option} " in shown
    assert shown.count("\n  pinstall ") == 3
    for more in ("`pinstall help COMMAND`", "`pinstall help settings`", "`man pinstall`"):
        assert more in shown
    assert runner.pinstall("help").stdout == shown
    assert runner.pinstall("-h").stdout == shown


@pytest.mark.parametrize("topic", TOPICS)
def test_help_on_one_thing_is_the_same_both_ways(runner: Runner, topic: str) -> None:
    shown = runner.pinstall("help", topic)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("usage: pinstall")
    assert max(map(len, shown.stdout.splitlines())) < 80
    example = re.search(r"^Example: pinstall (\S+)", shown.stdout, re.MULTILINE)
    expected = {"install": "-r", "help": None, "settings": None}.get(topic, topic)
    assert (example and example[1]) == expected
    if topic in COMMANDS:
        assert runner.pinstall(topic, "--help", target=False, index=False).stdout == shown.stdout


def test_settings_are_shown_with_their_defaults(runner: Runner) -> None:
    shown = runner.pinstall("help", "settings").stdout
    assert shown.count("\n    default: ") == len(KEYS)
    assert "--pin unpinned=refuse|warn|allow\n" in shown
    assert "\n    default: refuse\n" in shown


@pytest.mark.parametrize("words", [["nothing"], ["lock", "nothing"]])
def test_help_on_nothing_is_an_error(runner: Runner, words: list[str]) -> None:
    ended = runner.pinstall("help", *words)
    assert (ended.returncode, ended.stdout) == (64, "")
    assert "there is help on cache, check" in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["-q"], ["--no-deps"], ["--pre"]], ids=" ".join)
def test_an_installation_of_nothing_ends_as_pip_does(runner: Runner, words: list[str]) -> None:
    alone = runner.pip("install", *words, index=False, check=False)
    ended = runner.pinstall("install", *words, index=False)
    assert (ended.returncode, alone.returncode) == (1, 1), ended.output
    assert "You must give at least one requirement to install" in alone.stderr
    assert alone.stderr.splitlines()[0] in ended.stderr
    assert runner.pinstall(target=False, index=False).stdout == runner.pinstall("--help").stdout


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_says_which_one_runs(runner: Runner, flag: str) -> None:
    python = ".".join(map(str, sys.version_info[:2]))
    told = runner.pinstall(flag).stdout
    assert re.fullmatch(rf"pinstall {re.escape(__version__)} from \S+/pinstall \(python {python}\)\n", told)
    assert str(ROOT) in told or "site-packages" in told


def on_a_terminal(runner: Runner, *words: str, **variables: str) -> str:
    """Return what a terminal gets on standard error."""
    inner, outer = pty.openpty()
    environ = {**sealed(runner.home), "TERM": "xterm-256color", **variables}
    if variables.get("NO_COLOR", "1") == "":
        del environ["NO_COLOR"]
    pid = os.fork()
    if pid == 0:
        os.chdir(runner.home)
        os.dup2(outer, 2)
        argv = [*beside(), "--python", str(runner.environment.python), *words]
        os.execve(argv[0], argv, environ)
    os.close(outer)
    os.waitpid(pid, 0)
    told = b""
    with contextlib.suppress(OSError):  # what Linux says at the end
        while some := os.read(inner, 65536):
            told += some
    return told.decode()


RED, CYAN = "\x1b[31merror:\x1b[0m", "\x1b[36mhint:\x1b[0m"


def test_a_terminal_gets_colours(runner: Runner) -> None:
    told = on_a_terminal(runner, "aa", NO_COLOR="")
    assert f"pinstall: {RED} 1 requirement" in told
    assert CYAN in told


@pytest.mark.parametrize(
    "variables",
    [{"NO_COLOR": "1"}, {"NO_COLOR": "", "PIP_NO_COLOR": "yes"}, {"NO_COLOR": "", "TERM": "dumb"}],
)
def test_a_terminal_gets_none_where_none_is_wanted(runner: Runner, variables: dict[str, str]) -> None:
    assert "\x1b" not in on_a_terminal(runner, "aa", **variables)


def test_nor_with_the_option(runner: Runner) -> None:
    assert "\x1b" not in on_a_terminal(runner, "--no-color", "aa", NO_COLOR="")


@pytest.mark.parametrize(
    ("variables", "coloured"), [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": ""}, False), ({}, False)]
)
def test_a_pipe_gets_colours_only_by_force(runner: Runner, variables: dict[str, str], *, coloured: bool) -> None:
    ended = runner.pinstall("aa", env={"NO_COLOR": "", **variables})
    assert ended.returncode == 65
    assert (RED in ended.stderr) is coloured
    assert ("\x1b" in ended.stderr) is coloured


HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e"


@pytest.mark.parametrize("words", [["-v"], ["check"], ["why", "aa"]])
def test_what_others_wrote_cannot_steer_the_terminal(runner: Runner, words: list[str]) -> None:
    written(runner, f"aa>=1 ; {HOSTILE}\nbb[{HOSTILE}]\ncc @ https://host.example/{HOSTILE}x.zip\n")
    ended = runner.pinstall(*words, "-r", "requirements.txt", env={"PIP_INDEX_URL": "http://127.0.0.1:1/"})
    assert ended.returncode != 0
    assert not set(ended.output) & set("\x1b\x07\u202e")
    if words != ["why", "aa"]:
        assert "\\x1b" in ended.output


def test_a_folder_of_undecodable_name_is_told(runner: Runner, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(folder).mkdir()
    Path(folder, "r.txt").write_text("aa\n", encoding="utf-8")
    ended = runner.run([*beside(), "--python", str(runner.environment.python), "-r", f"{folder}/r.txt"])
    assert ended.returncode == 65
    assert "\\udcff/r.txt:1" in ended.stderr
