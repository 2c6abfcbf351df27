"""Which interpreter is installed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pinstall.environment.choice import choose
from pinstall.model.errors import PinstallError

if TYPE_CHECKING:
    from pathlib import Path


def environment(folder: Path, python: str = "bin/python") -> Path:
    path = folder / python
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.mark.parametrize("python", ["bin/python", "Scripts/python.exe"])
def test_a_folder_names_its_interpreter(tmp_path: Path, python: str) -> None:
    path = environment(tmp_path / "env", python)
    assert choose(str(tmp_path / "env"), {}).python == str(path)
    assert choose(str(path), {}).python == str(path)


def test_a_relative_path_is_one_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = environment(tmp_path / "env")
    assert choose("env", {}).python == str(path)


def test_option_over_own_variable_over_that_of_pip(tmp_path: Path) -> None:
    paths = [str(environment(tmp_path / name)) for name in "abc"]
    environ = {"PINSTALL_PYTHON": paths[1], "PIP_PYTHON": paths[2], "VIRTUAL_ENV": "/no"}
    chosen = [
        choose(paths[0], environ),
        choose(None, environ),
        choose(None, {**environ, "PINSTALL_PYTHON": ""}),
    ]
    assert [target.python for target in chosen] == paths
    assert [str(target.origin) for target in chosen] == ["--python", "PINSTALL_PYTHON", "PIP_PYTHON"]


@pytest.mark.parametrize(
    ("option", "environ", "code"),
    [("python3", {}, 1), (None, {"PIP_PYTHON": "/none"}, 1), (None, {"PINSTALL_PYTHON": "/none"}, 65)],
)
def test_a_name_that_leads_nowhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str | None, environ: dict[str, str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PinstallError) as caught:
        choose(option, environ)
    assert (caught.value.reference, caught.value.exit_code) == ("interpreter", code)


def test_a_folder_without_interpreter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PinstallError):
        choose(str(tmp_path), {})


def test_the_active_environment_counts_outside_of_any(tmp_path: Path) -> None:
    path = environment(tmp_path / "env")
    active = {"VIRTUAL_ENV": str(tmp_path / "env")}
    chosen = choose(None, active, running=("/usr", "/usr"))
    assert (chosen.python, str(chosen.origin)) == (str(path), "VIRTUAL_ENV")
    assert choose(None, active, running=("/venv", "/usr")).python is None


@pytest.mark.parametrize("mark", ["pipx_metadata.json", "uv-receipt.toml", "../../CACHEDIR.TAG"])
def test_the_active_environment_counts_inside_the_environment_of_a_tool(tmp_path: Path, mark: str) -> None:
    path = environment(tmp_path / "env")
    tool = tmp_path / "uv" / "archive-v0" / "Tdv9Qn"
    tool.mkdir(parents=True)
    (tool / mark).touch()
    active = {"VIRTUAL_ENV": str(tmp_path / "env")}
    assert choose(None, active, running=(str(tool), "/usr")).python == str(path)


@pytest.mark.parametrize("name", ["", "gone", "empty", "file"])
def test_an_active_environment_that_is_none_is_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    active = {"VIRTUAL_ENV": str(tmp_path / name) if name else ""}
    assert choose(None, active, running=("/usr", "/usr")).python is None
