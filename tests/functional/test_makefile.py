"""The recipes of the page on Makefiles, run by a real make: what is called when, and what is noticed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.recipes import DOCS, blocks
from tests.support.scenes import lame, place
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


@pytest.fixture
def project(inside: Runner) -> Runner:
    """A folder with the Makefiles of the page, whose `.venv` is the test's own environment."""
    for block in blocks(DOCS / "how-to" / "makefile.md"):
        if block.mark == "file":
            (inside.home / block.value).write_text(block.text, encoding="utf-8")
    (inside.home / ".venv").symlink_to(inside.environment.root)
    (inside.home / "requirements.txt").write_text("six==1.16.0\n", encoding="utf-8")
    (inside.home / "constraints.txt").touch()
    inside.index.add(wheel("six", "1.16.0"))
    inside.index.add(wheel("six", "1.17.0"))
    script = inside.environment.python.with_name("pinstall")
    script.write_text(f'#!/bin/sh\nexec "{inside.environment.python}" -m pinstall "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    inside.variables.update(
        PATH=f"{script.parent}:/usr/bin:/bin", PIP_INDEX_URL=inside.index.url, PIP_TRUSTED_HOST="127.0.0.1"
    )
    return inside


def make(runner: Runner, *words: str) -> Completed:
    return runner.run(["make", *words])


@pytest.mark.slow
def test_called_every_time_pip_runs_only_where_something_is_to_be_done(project: Runner) -> None:
    assert make(project, "run").stdout.endswith("six 1.16.0\n")
    lame(project.environment)
    again = make(project, "run")
    assert again.returncode == 0, again.output
    assert "pinstall -q" in again.stdout


@pytest.mark.slow
def test_called_every_time_it_notices_what_was_changed_by_hand(project: Runner) -> None:
    make(project, "run")
    shutil.rmtree(next(project.environment.site_packages.glob("six-*.dist-info")))
    place(project.environment, wheel("six", "1.17.0"))
    assert make(project, "run").stdout.endswith("six 1.16.0\n")


def test_what_is_refused_ends_make_before_anything_else_runs(project: Runner) -> None:
    (project.home / "requirements.txt").write_text("six\n", encoding="utf-8")
    ended = make(project, "run")
    assert ended.returncode == 2
    assert "Error 65" in ended.stderr
    assert "import six" not in ended.stdout


def test_the_stamp_spares_the_call_until_a_file_changes(project: Runner) -> None:
    assert make(project, "-f", "stamp.mk", "run").stdout.endswith("six 1.16.0\n")
    assert "pinstall" not in make(project, "-f", "stamp.mk", "run").stdout
    (project.home / "requirements.txt").write_text("six==1.17.0\n", encoding="utf-8")
    assert make(project, "-q", "-f", "stamp.mk", ".venv/pinned").returncode == 1
    assert make(project, "-f", "stamp.mk", "run").stdout.endswith("six 1.17.0\n")


@pytest.mark.slow
def test_the_stamp_is_not_set_by_a_run_that_fails(project: Runner) -> None:
    (project.home / "requirements.txt").write_text("six\n", encoding="utf-8")
    for _ in range(2):
        assert "Error 65" in make(project, "-f", "stamp.mk", "run").stderr
