"""pinstall's own settings: which `pyproject.toml` counts and what it may say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pinstall.model.errors import PinstallError
from pinstall.request.pyproject import environment_settings, project_settings

if TYPE_CHECKING:
    from pathlib import Path

TABLE = '[tool.pinstall]\nunpinned = "warn"\nverify_all = true\nkeep-days = 30\n'


def project(folder: Path, text: str = TABLE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def settings(cwd: Path, home: str = "/nowhere") -> dict[str, str | None]:
    return {option.name: option.value for option in project_settings(str(cwd), {"HOME": home})}


def test_flat_values_are_text_and_name_their_file(tmp_path: Path) -> None:
    path = project(tmp_path)
    assert settings(tmp_path) == {"unpinned": "warn", "verify-all": "true", "keep-days": "30"}
    assert {str(option.origin) for option in project_settings(str(tmp_path), {})} == {
        f"{path}:{number}" for number in (2, 3, 4)
    }


def test_a_table_comes_entry_by_entry_and_its_paths_count_from_the_file(tmp_path: Path) -> None:
    project(tmp_path, '[tool.pinstall.sources]\n"Inner_*" = "https://a/simple/"\nown = "wheels"\nabs = "/srv/wheels"\n')
    (tmp_path / "deeper").mkdir()
    found = project_settings(str(tmp_path / "deeper"), {"HOME": "/nowhere"})
    assert [(option.name, option.dest, option.value) for option in found] == [
        ("sources.Inner_*", "sources", "https://a/simple/"),
        ("sources.own", "sources", str(tmp_path.resolve() / "wheels")),
        ("sources.abs", "sources", "/srv/wheels"),
    ]


@pytest.mark.parametrize("mark", [".git", ".hg"])
def test_the_search_goes_up_to_the_repository_root_and_no_further(tmp_path: Path, mark: str) -> None:
    project(tmp_path)
    (tmp_path / "repository/deep/deeper").mkdir(parents=True)
    (tmp_path / "repository" / mark).touch()
    assert settings(tmp_path / "repository/deep/deeper") == {}
    project(tmp_path / "repository")
    assert settings(tmp_path / "repository/deep/deeper")["unpinned"] == "warn"


def test_the_search_ends_at_the_home_directory(tmp_path: Path) -> None:
    project(tmp_path)
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    assert settings(home / "work", str(home)) == {}
    assert settings(home / "work")["unpinned"] == "warn"


def test_the_nearest_file_counts_even_without_the_table(tmp_path: Path) -> None:
    project(tmp_path)
    project(tmp_path / "near", "not even = TOML =\n")
    assert settings(tmp_path / "near") == {}


def test_a_file_that_all_may_write_does_not_count_and_one_of_the_group_does(tmp_path: Path) -> None:
    path = project(tmp_path)
    path.chmod(0o664)
    assert settings(tmp_path)
    path.chmod(0o666)
    assert settings(tmp_path) == {}


def test_a_file_of_somebody_else_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path)
    if os.geteuid() == 0:
        os.chown(tmp_path / "pyproject.toml", 4711, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert settings(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        (b"[tool.pinstall]\nunpinned = warn\n", ":2", "Invalid value"),
        (b"[tool.pinstall]\n\n# \xff\n", ":3", "not valid UTF-8"),
        (b"[tool.pinstall]\nunpinned = [1]\n", ":2", "`unpinned` must be"),
        (b"[tool.pinstall]\nunpinned = " + b"[" * 5000, "", "it is nested too deeply"),
        (b"[tool.pinstall]\nratio = 1.5\n", ":2", "`ratio` must be"),
        (b"[tool.pinstall.sources]\na.b = 'x'\n", ":2", "`sources.a` must be"),
    ],
)
def test_a_broken_file_names_file_and_line(tmp_path: Path, content: bytes, place: str, reason: str) -> None:
    path = project(tmp_path)
    path.write_bytes(content)
    with pytest.raises(PinstallError) as caught:
        settings(tmp_path)
    assert (caught.value.reference, caught.value.exit_code) == ("project-settings", 64)
    assert str(caught.value.context[0]).startswith(f"{path}{place}: {reason}")


def test_variables_are_settings_but_for_the_interpreter() -> None:
    environ = {
        "PINSTALL_KEEP_DAYS": "3",
        "PINSTALL_PYTHON": "x",
        "PINSTALL_UNPINNED": "",
        "PIP_X": "1",
        "PINSTALL_TEST_X": "1",
    }
    (option,) = environment_settings(environ)
    assert (option.name, option.value, str(option.origin)) == ("keep-days", "3", "PINSTALL_KEEP_DAYS")
