"""A file of which nothing can be known is not damaged: pip calls its package satisfied, and so does pinstall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import lame, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""The variables of a locale that has ASCII alone."""
NAMES = {
    "module": {"aa/größe.py": b"SIZE = 1\n"},
    "folder": {"größe/__init__.py": b"SIZE = 1\n"},
    "script": {"aa-1.0.data/scripts/größe": b"#!python\n"},
    "data": {"aa-1.0.data/data/share/größe": b"text"},
}


def installed(runner: Runner, files: dict[str, bytes]) -> None:
    """Install a package with files of these names by pip itself, and let a first run record it."""
    runner.index.add(wheel("aa", "1.0", files=files))
    written(runner, "aa==1.0\n")
    runner.pip("install", "-r", "requirements.txt")


def compared(runner: Runner, *words: str, env: dict[str, str] | None = None) -> None:
    """Ask pip, then pinstall, which is not to start pip; both are to be content."""
    alone = runner.pip("install", "-r", "requirements.txt", env=env, check=False)
    assert (alone.returncode, "already satisfied" in alone.stdout) == (0, True), alone.output
    checked = runner.pinstall("check", "--deep", "-r", "requirements.txt", *words, env=env)
    assert (checked.returncode, checked.stdout) == (0, ""), checked.output
    lame(runner.environment)
    for _ in range(2):
        ended = runner.pinstall("-r", "requirements.txt", *words, env=env)
        assert ended.returncode == alone.returncode, ended.output


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_that_the_locale_cannot_spell_proves_nothing(runner: Runner, kind: str) -> None:
    installed(runner, NAMES[kind])
    compared(runner, "--pin", "unowned=refuse", env=ASCII)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
def test_where_the_locale_can_spell_it_the_file_counts(runner: Runner, kind: str) -> None:
    installed(runner, NAMES[kind])
    (path,) = (path for path in runner.environment.root.rglob("*größe*") if path.suffix != ".pyc")
    path = path / "__init__.py" if path.is_dir() else path
    path.write_bytes(b"something else, and longer")
    ended = runner.pinstall("check", "-r", "requirements.txt")
    assert (ended.returncode, "größe" in ended.stdout) == (1, True), ended.output
    assert runner.pinstall("-q", "-r", "requirements.txt").returncode == 0


def listed(runner: Runner, row: bytes) -> None:
    """Add a row to RECORD."""
    installed(runner, {})
    record = runner.environment.site_packages / "aa-1.0.dist-info" / "RECORD"
    record.write_bytes(record.read_bytes() + row)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gr\xf6\xdfe.py", "aa/gr\xf6\xdfe.py"])
def test_a_record_in_another_encoding_proves_nothing_of_these_rows(runner: Runner, name: str) -> None:
    listed(runner, f"{name},sha256=none,3\n".encode("latin-1"))
    compared(runner)


@pytest.mark.slow
def test_what_has_to_be_replaced_is_replaced_in_spite_of_that(runner: Runner) -> None:
    listed(runner, "gr\xf6\xdfe.py,sha256=none,3\n".encode("latin-1"))
    (runner.environment.site_packages / "aa.py").write_bytes(b"MARK = 'mine, and longer than it was'\n")
    assert runner.pip("install", "--force-reinstall", "aa==1.0", check=False).returncode != 0
    ended = runner.pinstall("-r", "requirements.txt")
    assert ended.returncode == 0, ended.output
    assert "aa.py of aa 1.0 had been edited: kept" in ended.stderr
    compared(runner)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a" * 300, f"aa/{'b' * 5000}.py"])
def test_a_name_that_is_too_long_proves_nothing(runner: Runner, name: str) -> None:
    listed(runner, f"{name},sha256=none,3\n".encode())
    compared(runner)
