"""The single file, run by an environment that has nothing but pip."""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import zipapp
from tests.support.caches import built_wheels
from tests.support.environments import DEPENDENCIES
from tests.support.pips import CHOSEN, OWN_PYTHON, find_python, python_for
from tests.support.scenes import cached, lame, pinned, shelved, written
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(
    python_for(CHOSEN) != Path(sys.executable),
    reason="the dependencies packed here are those of another Python",
)


def dependencies() -> Iterable[importlib.metadata.Distribution]:
    names = (*DEPENDENCIES, *(["tomli"] if sys.version_info < (3, 11) else []))
    return map(importlib.metadata.distribution, names)


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zipapp.write(tmp_path_factory.mktemp("zipapp") / "pinstall.pyz", dependencies())


def start(runner: Runner, pyz: Path, *args: str, python: Path | None = None, **env: str) -> Completed:
    return runner.run([str(python or runner.environment.python), str(pyz), *args], env=env)


def test_it_holds_sorted_plain_files_and_always_the_same_bytes(pyz: Path, tmp_path: Path) -> None:
    again = zipapp.write(tmp_path / "again.pyz", dependencies())
    assert again.read_bytes() == pyz.read_bytes()
    assert pyz.read_bytes().startswith(b"#!/usr/bin/env python3\nPK")
    assert pyz.stat().st_mode & 0o777 == 0o755
    with zipfile.ZipFile(pyz) as archive:
        names = archive.namelist()
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert names == sorted(names)
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc", "/RECORD", "/direct_url.json"))]
    assert {"pinstall/cli.py", "certifi/cacert.pem", "charset_normalizer/md.py"} <= set(names)


def test_a_requirements_file_is_installed_and_then_holds_without_pip(runner: Runner, pyz: Path) -> None:
    demo, needed = wheel("demo", "1.0", requires=["needed"]), wheel("needed", "2.0")
    for archive in (demo, wheel("demo", "1.1"), needed):
        runner.index.add(archive)
    arguments = (*runner.index_options, "-r", str(written(runner, pinned(demo, needed))))
    ended = start(runner, pyz, *arguments)
    assert ended.returncode == 0, ended.output
    assert runner.environment.freeze() == ["demo==1.0", "needed==2.0"]
    lame(runner.environment)
    again = start(runner, pyz, *arguments)
    assert (again.returncode, again.stdout) == (0, ""), again.output


@pytest.mark.slow
def test_what_it_carries_is_not_installed(runner: Runner, pyz: Path) -> None:
    runner.index.add(wheel("idna", "0.1", modules={"idna/__init__.py": "__version__ = '0.1'\n"}))
    for said in ("Successfully installed idna-0.1", ""):
        ended = start(runner, pyz, *runner.index_options, "idna==0.1")
        assert ended.returncode == 0, ended.output
        assert said in ended.stdout
        assert ended.stderr.splitlines()[-1] == "pinstall: 1 pin satisfied"
        if said:
            lame(runner.environment)
    assert runner.environment.module("idna") == "0.1"


@pytest.mark.slow
def test_files_by_url_are_fetched_with_what_it_carries(runner: Runner, pyz: Path) -> None:
    runner.index.add(wheel("demo", "1.0"))
    url = runner.index.add(Archive("requirements-1.txt", b"demo==1.0\n"), metadata=False)
    ended = start(runner, pyz, *runner.index_options, "-r", url)
    assert ended.returncode == 0, ended.output
    assert runner.environment.freeze() == ["demo==1.0"]


def test_the_certificates_are_readable(runner: Runner, pyz: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(pyz)!r}); import requests, ssl; print(requests.certs.where())"
    context = "context = ssl.create_default_context(cafile=requests.certs.where())"
    assert int(runner.environment.run(f"{code}\n{context}\nprint(len(context.get_ca_certs()))").split()[-1]) > 10


@pytest.mark.slow
def test_undo_puts_back_what_was_moved(runner: Runner, pyz: Path) -> None:
    old, new = sdist("demo", "1.0"), sdist("demo", "1.1")
    runner.index.add(old)
    path = cached(runner, new, wheel("demo", "1.1"))
    ended = start(runner, pyz, *runner.index_options, "demo==1.0")
    assert ended.returncode == 0, ended.output
    assert shelved(runner.cache) == [path.name]
    undone = start(runner, pyz, "undo")
    assert (undone.returncode, shelved(runner.cache)) == (0, [])
    assert path in built_wheels(runner.cache)


@pytest.mark.slow
def test_started_by_a_python_outside_of_any_environment_it_serves_the_active_one(runner: Runner, pyz: Path) -> None:
    base = Path(sys.base_prefix, "bin", f"python{OWN_PYTHON}")
    if not base.exists():
        pytest.skip("no interpreter outside of an environment")
    runner.index.add(wheel("demo", "1.0"))
    active = {"VIRTUAL_ENV": str(runner.environment.root)}
    ended = start(runner, pyz, *runner.index_options, "demo==1.0", python=base, **active)
    assert ended.returncode == 0, ended.output
    assert runner.environment.freeze() == ["demo==1.0"]


def test_an_older_python_is_told_so(runner: Runner, pyz: Path) -> None:
    older = find_python("3.9") or find_python("3.8")
    if older is None:
        pytest.skip("no Python older than 3.10")
    ended = start(runner, pyz, "demo==1.0", python=older)
    assert (ended.returncode, ended.stdout) == (65, "")
    assert ended.stderr.startswith("pinstall: error: Python 3.10 or newer is needed, this is 3.")
