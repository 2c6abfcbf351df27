"""The shell of the program: what it prints and what it ends with."""

from __future__ import annotations

import os
import sys

import pytest

from pinstall import cli
from pinstall.commands.install import walk


def ended(monkeypatch: pytest.MonkeyPatch, *argv: str) -> object:
    monkeypatch.setattr(sys, "argv", ["pinstall", *argv])
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code


@pytest.mark.parametrize("words", [[], ["-v"]])
def test_a_fault_of_ours_is_70_and_tells_no_secret_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    def broken(*_: object) -> int:
        message = "https://me:secret@h.example"
        raise ValueError(message)

    monkeypatch.setattr(walk, "install", broken)
    assert ended(monkeypatch, "aa==1.0", *words) == 70
    told = capsys.readouterr().err
    assert "ValueError in " in told
    assert "hint: " in told
    assert ("secret" in told) == bool(words)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["install", "--help"], ["aa==1.0", "--help"]])
def test_help_is_help_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert ended(monkeypatch, *words) == 0
    assert capsys.readouterr().out.startswith("usage: pinstall")


def test_help_on_settings_names_each_and_its_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "help", "settings") == 0
    assert "--pin unpinned=refuse|warn|allow" in capsys.readouterr().out


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("pinstall ")
