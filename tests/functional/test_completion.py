"""The completion scripts do in real shells what a user at the prompt expects."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import runpy
import select
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

COMPLETION = runpy.run_path(str(ROOT / "docs" / "completion.py"))
SCRIPTS = {path.parts[-3] if path.suffix == "" else "fish": path for path in COMPLETION["SCRIPTS"]}
BASH, ZSH, FISH = SCRIPTS["bash-completion"], SCRIPTS["zsh"], SCRIPTS["fish"]
SECONDS = 30
# What is typed after `pinstall `, and the words that the command gets where TAB is pressed at the end.
LINES = {
    "ch": ["check"],
    "cache ve": ["cache", "verify"],
    "help set": ["help", "settings"],
    "check --dee": ["check", "--deep"],
    "check --format s": ["check", "--format", "sarif"],
    "lock --no-hash": ["lock", "--no-hashes"],
    "--break": ["--break-system-packages"],
    "--progress-bar r": ["--progress-bar", "raw"],
    "--pin unpinned=w": ["--pin", "unpinned=warn"],
    "why six --pin evict=n": ["why", "six", "--pin", "evict=never"],
    "-r req": ["-r", "requirements.txt"],
    "check -c my": ["check", "-c", "my pins.txt"],
    "lock -o req": ["lock", "-o", "requirements.txt"],
    "--cache-dir fo": ["--cache-dir", "folder/"],
    "install --target=fo": ["install", "--target=folder/"],
    "six==1.17.0 ./req": ["six==1.17.0", "./requirements.txt"],
    "--index-url req": ["--index-url", "req"],
    "undo req": ["undo", "req"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    for name in ("fork.txt", "my pins.txt", "requirements.txt"):
        (tmp_path / name).touch()
    return tmp_path


def needed(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"there is no {name} on this machine")


class Prompt:
    """An interactive shell on a terminal of its own, in which `pinstall` only prints its words."""

    def __init__(self, argv: list[str], folder: Path, **variables: str) -> None:
        self._told = b""
        pid, self._terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            environ = {
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "TERM": "dumb",
                "INPUTRC": os.devnull,
                **variables,
            }
            os.execve(argv[0], argv, environ)
        self._pid = pid
        self._until(rb"READY>$")

    def complete(self, line: str) -> list[str]:
        """Return the words that the command gets from a line with TAB at its end."""
        self._told = b""
        os.write(self._terminal, f"pinstall {line}\t\n".encode())
        told = self._until(rb"\[\[.*\]\]\s+.*READY>$").decode()
        return re.findall(r"\[\[(.*?)\]\]", told)

    def _until(self, pattern: bytes) -> bytes:
        end = time.monotonic() + SECONDS
        while not re.search(pattern, self._told.rstrip(), re.DOTALL):
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))
            assert ready, self._told
            self._told += os.read(self._terminal, 65536)
        return self._told

    def close(self) -> None:
        """End the shell."""
        with contextlib.suppress(OSError):  # what Linux says at the end
            os.write(self._terminal, b"exit\n")
            while os.read(self._terminal, 65536):
                pass
        os.close(self._terminal)
        os.waitpid(self._pid, 0)


FUNCTION = "pinstall() { printf '[[%s]]\\n' \"$@\"; }\nPS1='READY>'\n"


def test_bash_completes_what_is_typed(folder: Path) -> None:
    start = folder / ".bashrc"
    start.write_text(f". '{BASH}'\n{FUNCTION}bind 'set bell-style none'\n", encoding="utf-8")
    prompt = Prompt([needed("bash"), "--noprofile", "--rcfile", str(start), "-i"], folder)
    assert {line: prompt.complete(line) for line in LINES} == LINES
    assert prompt.complete("--pin unpi") == ["--pin", "unpinned="]
    assert prompt.complete("--pin=unpinned=w") == ["--pin=unpinned=warn"]
    prompt.close()


def test_zsh_completes_what_is_typed(folder: Path) -> None:
    options = "setopt no_beep no_auto_remove_slash\nunset zle_bracketed_paste\n"
    start = f"fpath=('{ZSH.parent}' $fpath)\nautoload -Uz compinit\ncompinit -u -D\n{options}{FUNCTION}"
    (folder / ".zshrc").write_text(start, encoding="utf-8")
    prompt = Prompt([needed("zsh"), "-d", "-i"], folder, ZDOTDIR=str(folder))
    assert {line: prompt.complete(line) for line in LINES} == LINES
    assert prompt.complete("--pin unpi") == ["--pin", "unpinned="]
    assert prompt.complete("--pin=unpinned=w") == ["--pin=unpinned=warn"]
    prompt.close()


def test_fish_completes_what_is_typed(folder: Path) -> None:
    lines = [*LINES, "--pin stamp="]
    asked = "".join(f"echo '> {line}'; complete -C 'pinstall {line}'\n" for line in lines)
    told = ran([needed("fish"), "-c", f"source '{FISH}'\n{asked}"], folder)
    blocks = (block.splitlines() for block in f"\n{told}".split("\n> ")[1:])
    found = {line: [one.partition("\t")[0] for one in some] for line, *some in blocks}
    assert found.pop("--pin stamp=") == ["stamp=full", "stamp=off", "stamp=quick"]
    # it answers with what the last word can be
    assert found == {line: [] if line.endswith(words[-1]) else words[-1:] for line, words in LINES.items()}


def ran(argv: list[str], folder: Path, **variables: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", **variables}
    ended = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


ASK = """
. "$1"
shift
COMP_WORDS=(pinstall "$@")
COMP_CWORD=$#
compopt() { :; }
_pinstall
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("command", COMPLETION["COMMANDS"])
def test_bash_offers_every_option_of_a_command(folder: Path, command: str) -> None:
    options = {spelling for choice in COMPLETION["choices"](command) for spelling in choice.spellings}
    assert {*ran([needed("bash"), "-c", ASK, "bash", str(BASH), command, "-"], folder).split()} == options


def test_bash_offers_commands_first_and_the_settings(folder: Path) -> None:
    asked = [needed("bash"), "-c", ASK, "bash", str(BASH)]
    assert ran([*asked, ""], folder).split() == [*COMPLETION["COMMANDS"]]
    for key in COMPLETION["KEYS"]:
        assert f"{key.name}=" in ran([*asked, "--pin", ""], folder).split()
        assert tuple(ran([*asked, "--pin", key.name, "=", ""], folder).split()) == key.values


@pytest.mark.parametrize(
    "argv",
    [
        ["shellcheck", "--severity=style", str(BASH)],
        ["bash", "-n", str(BASH)],
        ["zsh", "-n", str(ZSH)],
        ["fish", "-n", str(FISH)],
    ],
    ids=lambda argv: argv[0],
)
def test_a_checker_has_nothing_to_say(folder: Path, argv: list[str]) -> None:
    assert not ran([needed(argv[0]), *argv[1:]], folder)
