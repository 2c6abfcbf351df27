"""What is known of an interpreter, held against what the interpreter says itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.markers import default_environment

from pinstall.environment.interpreter import describe
from pinstall.model.errors import PinstallError
from tests.support.environments import ROOT
from tests.support.pips import find_python
from tests.support.processes import sealed

if TYPE_CHECKING:
    from pinstall.model.inputs import Interpreter

# What `python -m pip` sees: `-m` puts the working directory first, and pip takes it away.
AS_PIP = """
import json, sys, sysconfig
print(json.dumps({
    "prefix": sys.prefix, "base_prefix": sys.base_prefix, "paths": sys.path[1:],
    "purelib": sysconfig.get_path("purelib"), "platlib": sysconfig.get_path("platlib"),
    "stdlib": sysconfig.get_path("stdlib"), "version": "%d.%d.%d" % sys.version_info[:3],
}))
"""
DESCRIBE_SELF = """
import json, os, sys
from pinstall.environment.interpreter import describe
it = describe(None, os.environ, sys.argv[1])
print(json.dumps({name: getattr(it, name) for name in it.__slots__}))
"""


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "state")


@pytest.fixture
def variables(home: Path) -> dict[str, str]:
    return sealed(home)


def venv(root: Path, python: str | Path = sys.executable) -> Path:
    subprocess.run([python, "-m", "venv", "--without-pip", root], check=True, env={"PATH": os.defpath})
    return root


def python_of(root: Path) -> str:
    return str(root / "bin" / "python")


def site_packages(root: Path) -> Path:
    return next(root.glob("lib/python*/site-packages"))


def answer(command: list[str], variables: dict[str, str], cwd: Path) -> dict[str, Any]:
    found = subprocess.run(command, env=variables, cwd=cwd, check=True, capture_output=True, text=True)
    return dict(json.loads(found.stdout))


def as_pip(python: str, variables: dict[str, str], folder: Path) -> dict[str, Any]:
    (folder / "as_pip.py").write_text(AS_PIP, encoding="utf-8")
    return answer([python, "-m", "as_pip"], variables, folder)


def held(known: Interpreter | dict[str, Any]) -> dict[str, Any]:
    names = ("prefix", "base_prefix", "paths", "purelib", "platlib", "stdlib", "version")
    found = {name: known[name] if isinstance(known, dict) else getattr(known, name) for name in names}
    return found | {"paths": list(found["paths"])}


def test_another_interpreter_is_seen_as_its_pip_sees_it(
    tmp_path: Path, state: str, variables: dict[str, str], home: Path
) -> None:
    root = venv(tmp_path / "venv")
    (site_packages(root) / "more.pth").write_text(f"{home}\nimport sys; print('noise')\n", encoding="utf-8")
    variables["PYTHONPATH"] = str(tmp_path / "added")
    known = describe(python_of(root), variables, state)
    (site_packages(root) / "more.pth").write_text(f"{home}\n", encoding="utf-8")
    assert held(known) == as_pip(python_of(root), variables, home)
    assert (known.executable, known.own, known.externally_managed) == (python_of(root), False, False)
    assert {str(home), str(tmp_path / "added")} < set(known.paths)
    # Same Python, same machine: packaging's answer must be the script's.
    assert known.markers == default_environment()


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.12", "3.13"])
def test_any_python_3_answers(tmp_path: Path, state: str, variables: dict[str, str], home: Path, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version}")
    known = describe(str(python), variables, state)
    # the user's own folder has its place before pip makes it
    (home / ".local/lib" / f"python{version}" / "site-packages").mkdir(parents=True)
    assert held(known) == as_pip(str(python), variables, home)
    assert known.markers["python_version"] == version
    assert known.markers.keys() == default_environment().keys()


@pytest.mark.parametrize("options", [[], ["-s"], ["-I"]], ids=" ".join)
@pytest.mark.parametrize("inside", [True, False])
def test_the_running_interpreter_sees_itself_as_its_pip_would(
    tmp_path: Path, state: str, variables: dict[str, str], home: Path, options: list[str], inside: bool
) -> None:
    python = python_of(venv(tmp_path / "venv")) if inside else sys.executable
    # The script's own folder comes first on the path, and is not there for pip. The user's own does count for pip.
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (home / ".local/lib" / minor / "site-packages").mkdir(parents=True)
    script = tmp_path / "script" / "self.py"
    script.parent.mkdir()
    found = f"import sys; sys.path += [{str(ROOT)!r}, *{packages()!r}]\n" if options == ["-I"] else ""
    script.write_text(found + DESCRIBE_SELF, encoding="utf-8")
    variables["PYTHONPATH"] = os.pathsep.join([str(ROOT), *packages()])
    known = answer([python, *options, str(script), state], variables, home)
    assert held(known) == as_pip(python, variables, home)
    assert known["own"]
    assert known["markers"] == default_environment()


def packages() -> list[str]:
    return [sysconfig.get_path("purelib")]


def test_its_own_path_names_the_running_interpreter(state: str) -> None:
    assert describe(sys.executable, os.environ, state).own
    assert not Path(state).exists()


def test_the_interpreter_of_another_environment_is_another_though_it_is_the_same_file(
    tmp_path: Path, state: str, variables: dict[str, str]
) -> None:
    root = venv(tmp_path / "venv", os.path.realpath(sys.executable))
    assert os.path.realpath(python_of(root)) == os.path.realpath(sys.executable)
    known = describe(python_of(root), variables, state)
    assert (known.own, known.prefix) == (False, str(root))


def test_it_is_asked_once(
    tmp_path: Path, state: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = venv(tmp_path / "venv")
    first = describe(python_of(root), variables, state)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert describe(python_of(root), variables, state) == first


@pytest.mark.parametrize("change", ["pth", "new pth", "pyvenv.cfg", "interpreter", "variable", "user site", "memory"])
def test_it_is_asked_again_when_something_changed(
    tmp_path: Path, state: str, variables: dict[str, str], home: Path, change: str
) -> None:
    root = venv(tmp_path / "venv")
    config = root / "pyvenv.cfg"
    if change == "user site":
        config.write_text(config.read_text().replace("= false", "= true"))
    pth = site_packages(root) / "a.pth"
    pth.write_text(f"{root}\n", encoding="utf-8")
    python = root / "bin" / "python"
    if describe(str(python), variables, state).named is None:
        pytest.skip("the Python of this machine has code that may change the path at each start")
    memory = next(Path(state).iterdir())
    # What is remembered is made false on purpose, so that a second question shows.
    memory.write_text(memory.read_text(encoding="utf-8").replace("posix", "asked"), encoding="utf-8")
    assert describe(str(python), variables, state).markers["os_name"] == "asked"
    user = home / ".local/lib" / site_packages(root).parent.name / "site-packages"
    match change:
        case "pth":
            pth.write_text(f"{root}\n\n", encoding="utf-8")
        case "new pth":
            (pth.parent / "b.pth").touch()
        case "pyvenv.cfg":
            config.write_text(config.read_text() + "\n")
        case "interpreter":
            real = os.path.realpath(python)
            python.unlink()
            python.write_text(f'#!/bin/sh\nexec {real} "$@"\n', encoding="utf-8")
            python.chmod(0o755)
        case "variable":
            variables["PYTHONUSERBASE"] = str(tmp_path)
        case "user site":
            user.mkdir(parents=True)
        case _:
            memory.write_text("{", encoding="utf-8")
    known = describe(str(python), variables, state)
    assert known.markers["os_name"] == "posix"
    # the script starts the Python outside of the environment, which has a user site
    assert (str(user) in known.paths) is (change in ("user site", "interpreter"))


def test_the_release_of_pip_is_read_each_time(tmp_path: Path, state: str, variables: dict[str, str]) -> None:
    root = venv(tmp_path / "venv")
    found = [describe(python_of(root), variables, state).pip]
    package = site_packages(root) / "pip"
    package.mkdir()
    for text in ('__version__ = "26.3"\n', "__version__ = '23.2.1'\n", '__version__ = "26.4.dev0"\n', "x = 1\n"):
        (package / "__init__.py").write_text(text, encoding="utf-8")
        found.append(describe(python_of(root), variables, state).pip)
    assert found == [None, (26, 3), (23, 2, 1), (26, 4), None]


def test_the_mark_of_pep_668_counts_outside_of_virtual_environments_only(
    tmp_path: Path, state: str, variables: dict[str, str]
) -> None:
    root = venv(tmp_path / "venv")
    describe(python_of(root), variables, state)
    memory = next(Path(state).iterdir())
    document = json.loads(memory.read_text(encoding="utf-8"))
    document["known"]["stdlib"] = str(tmp_path)
    found = []
    for prefix in (document["known"]["prefix"], document["known"]["base_prefix"]):
        document["known"]["prefix"] = prefix
        memory.write_text(json.dumps(document), encoding="utf-8")
        for mark in (tmp_path / "EXTERNALLY-MANAGED",):
            mark.unlink(missing_ok=True)
            found.append(describe(python_of(root), variables, state).externally_managed)
            mark.touch()
            found.append(describe(python_of(root), variables, state).externally_managed)
    assert found == [False, False, False, True]


@pytest.mark.parametrize("script", [None, "#!/bin/sh\necho gone wrong >&2; exit 3\n", "#!/bin/sh\necho hello\n"])
def test_what_does_not_run_as_python_is_refused(
    tmp_path: Path, state: str, variables: dict[str, str], script: str | None
) -> None:
    python = tmp_path / "python"
    if script is not None:
        python.write_text(script, encoding="utf-8")
        python.chmod(0o755)
    with pytest.raises(PinstallError) as caught:
        describe(str(python), variables, state)
    assert (caught.value.reference, caught.value.exit_code) == ("interpreter", 1)
    assert caught.value.context


def test_nothing_in_the_working_directory_is_imported(
    tmp_path: Path, state: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = venv(tmp_path / "venv")
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert describe(python_of(root), variables, state).prefix == str(root)


def test_a_state_directory_that_cannot_be_written_does_no_harm(tmp_path: Path, variables: dict[str, str]) -> None:
    root = venv(tmp_path / "venv")
    (tmp_path / "file").touch()
    assert describe(python_of(root), variables, str(tmp_path / "file" / "state")).prefix == str(root)
