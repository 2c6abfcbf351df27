"""`pinstall why` shows the chain of evidence for one project, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.scenes import RELEASE, cached, lame, own_lines, pinned, pinstall, place, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner

DEMO = wheel("demo", "1.0")
SOURCE = sdist("demo", "1.0")


def _asked(runner: Runner, name: str, *words: str) -> Completed:
    """Ask why, and see that neither environment nor cache has changed and no index was asked."""
    before = snapshot(runner.environment.root), snapshot(runner.cache)
    runner.index.requests.clear()
    target = ["--python", str(runner.environment.python), *runner.index_options]
    ended = runner.pinstall("why", name, *target, *words, target=False, index=False)
    assert (snapshot(runner.environment.root), snapshot(runner.cache)) == before
    assert runner.index.requests == []
    assert "Traceback" not in ended.output
    return ended


def _told(runner: Runner, name: str, *words: str) -> list[str]:
    """Return what is told, which there has to be."""
    ended = _asked(runner, name, *words)
    assert ended.returncode == 0, ended.output
    return ended.stdout.splitlines()


def test_the_chain_goes_from_the_line_to_what_would_be_done(runner: Runner) -> None:
    place(runner.environment, wheel("demo", "2.0"))
    lame(runner.environment)
    kept = cached(runner, sdist("demo", "2.0"), wheel("demo", "2.0"))
    written(runner, "-c limits.txt\nother==1.0\ndemo==1.0\n")
    written(runner, "demo<3\n", "limits.txt")
    told = _told(runner, "demo", "-r", "requirements.txt")
    url = runner.index.file_url("demo-2.0.tar.gz")
    assert sorted(told[:2]) == ["limits.txt:1 constrains it: demo<3", "requirements.txt:3 asks for it: demo==1.0"]
    assert told[2:] == [
        f"2.0 is installed in {runner.environment.site_packages}",
        f"pip's cache has the built wheel of demo 2.0 of {url} ({kept.relative_to(runner.cache)})",
        "`install` would move the wheel of demo 2.0 out of pip's cache: requirements.txt:3 pins demo==1.0",
        "requirements.txt:3: demo==1.0, but 2.0 is installed; `pinstall` would install it",
    ]


@pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nothing is proven")
def test_what_the_ledger_knows_is_told(runner: Runner) -> None:
    runner.index.add(DEMO)
    written(runner, pinned(DEMO))
    pinstall(runner, "-r", "requirements.txt")
    told = _told(runner, "Demo", "-r", "requirements.txt")
    url = runner.index.file_url(DEMO.filename)
    assert f"its install record: from {url} (sha256:{DEMO.sha256})" in told
    assert told[-1] == "demo==1.0 is satisfied"


def test_what_pip_noted_of_its_origin_is_told(runner: Runner) -> None:
    runner.pip("install", "--no-deps", "-e", checkout(runner.home / "tree", SOURCE))
    told = _told(runner, "demo", "demo==1.0")
    assert f"it came from {(runner.home / 'tree').as_uri()} as an editable (direct_url.json)" in told
    assert told[-2] == "demo==1.0 is satisfied"
    assert "`--pin origin=index` would replace it" in told[-1]


def test_damage_is_told(runner: Runner) -> None:
    place(runner.environment, DEMO)
    (runner.environment.site_packages / "demo.py").unlink()
    told = _told(runner, "demo", "demo==1.0")
    assert "demo.py is missing" in told
    assert "demo.py is missing; `pinstall` would reinstall it" in told[-1]


def test_who_needs_it_is_told(runner: Runner) -> None:
    place(runner.environment, wheel("top", "1.0", requires=["demo<2", "gone"]), DEMO)
    told = _told(runner, "demo", "top==1.0")
    assert "top 1.0 needs demo<2" in told
    assert _told(runner, "gone", "top==1.0") == ["top 1.0 needs gone"]


def test_what_nobody_asks_for_is_told_too(runner: Runner) -> None:
    place(runner.environment, DEMO)
    assert _told(runner, "demo") == [f"1.0 is installed in {runner.environment.site_packages}"]


def test_a_pin_may_stand_for_the_name(runner: Runner) -> None:
    place(runner.environment, DEMO)
    assert _told(runner, "demo==1.0") == _told(runner, "demo")


def test_of_what_is_nowhere_nothing_is_known(runner: Runner) -> None:
    ended = _asked(runner, "demo")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert own_lines(ended)[-1].startswith("`demo` is not in the files")


@pytest.mark.parametrize("words", [[], ["-r", "requirements.txt"]])
def test_without_a_name_the_usage_is_said(runner: Runner, words: list[str]) -> None:
    ended = runner.pinstall("why", *words, target=False, index=False)
    assert ended.returncode == 64
    assert "hint: write `pinstall why NAME -r requirements.txt`" in ended.stderr


def test_no_password_is_told(runner: Runner) -> None:
    line = f"demo @ https://user:hunter2@example.invalid/{DEMO.filename}#sha256={DEMO.sha256}"
    written(runner, f"{line}\n")
    ended = _asked(runner, "demo", "-v", "-r", "requirements.txt")
    assert ended.returncode == 0
    assert "requirements.txt:1 asks for it: demo @ https://" in ended.stdout
    assert "hunter2" not in ended.output
