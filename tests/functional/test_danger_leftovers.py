"""What was there before the run, in a form that pip leaves alone, overwrites or cannot remove."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import unpack
from tests.support.pips import CHOSEN
from tests.support.scenes import installed, lame, own_lines, pinned, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel, zipped

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHOSEN.startswith(("20.", "21.")), reason="this pip writes no report"),
]
INFO = "demo-1.0.dist-info"
A, B = wheel("demo", "1.0", mark="A"), wheel("demo", "1.0", mark="B")


def with_folder_row() -> Archive:
    """Return a wheel whose RECORD has a row for a folder."""
    with zipfile.ZipFile(io.BytesIO(B.content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[f"{INFO}/RECORD"] += b"demo_x/,,\n"
    return B._replace(content=zipped(files))


COMPILED = wheel("demo", "1.0", mark="B", files={"__pycache__/demo.cpython-311.pyc": b"old"})
NOTED = wheel(
    "demo", "1.0", mark="B", files={f"{INFO}/INSTALLER": b"flit_core", f"{INFO}/REQUESTED": b"no", "demo_x.py": b""}
)


@pytest.fixture
def served(runner: Runner) -> Runner:
    runner.index.add(B)
    written(runner, pinned(B))
    return runner


def there(runner: Runner) -> str:
    return (runner.home / "out" / "demo.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["hash", "url", "index"])
def test_another_artifact_that_pip_leaves_in_a_target_does_not_hold(served: Runner, form: str) -> None:
    unpack(A.write(served.home / "files"), served.home / "out")
    direct = f"demo @ {served.index.file_url(B.filename)}#sha256={B.sha256}"
    line = {"hash": ["-r", "requirements.txt"], "url": [direct], "index": ["demo==1.0"]}[form]
    if form == "index":
        written(served, f'[tool.pinstall.sources]\ndemo = "{served.index.url}"\n', "pyproject.toml")
    told = pinstall(served, "--target", "out", *line)
    assert told.ended.returncode == 65, told.ended.output
    assert "it was there before (`--upgrade` replaces it)" in told.ended.stderr
    assert "'A'" in there(served)

    told = pinstall(served, "--target", "out", "-U", *line)
    assert told.ended.returncode == 0, told.ended.output
    assert "'B'" in there(served)


def test_the_right_version_that_pip_leaves_in_a_target_holds_where_no_more_is_pinned(served: Runner) -> None:
    unpack(A.write(served.home / "files"), served.home / "out")
    assert pinstall(served, "--target", "out", "demo==1.0").ended.returncode == 0
    assert "'A'" in there(served)


@pytest.mark.parametrize("kind", ["wheel", "direct", "sdist"])
def test_a_target_that_is_filled_again_is_proven_by_the_cache(runner: Runner, kind: str) -> None:
    archive = sdist("demo", "1.0", mark="B") if kind == "sdist" else B
    runner.index.add(archive)
    written(runner, pinned(archive))
    words = ["-r", "requirements.txt"]
    if kind == "direct":
        words = [f"demo @ {runner.index.file_url(archive.filename)}#sha256={archive.sha256}"]
    for _ in range(2):
        told = pinstall(runner, "--target", "out", *words)
        assert told.ended.returncode == 0, told.ended.output
        assert told.states == {"demo": "satisfied"}


@pytest.mark.parametrize("archive", [COMPILED, with_folder_row(), NOTED], ids=["byte code", "folder", "installer"])
def test_what_plain_pip_has_installed_from_an_odd_wheel_is_proven_and_sound(runner: Runner, archive: Archive) -> None:
    runner.index.add(archive)
    written(runner, pinned(archive))
    runner.pip("install", "demo==1.0")
    lame(runner.environment)
    told = pinstall(runner, "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes) == (0, []), told.ended.output
    ended = runner.pinstall("check", "--deep", "-r", "requirements.txt")
    assert ended.returncode == 0, ended.output


def test_a_target_is_not_damaged_by_what_pip_overwrites_of_a_wheel(runner: Runner) -> None:
    runner.index.add(NOTED)
    ended = runner.pinstall("--target", "out", "demo==1.0")
    assert ended.returncode == 0, ended.output


@pytest.mark.parametrize("form", ["conda", "distutils", "setuptools"])
def test_what_pip_cannot_remove_is_replaced_where_another_artifact_is_pinned(served: Runner, form: str) -> None:
    site_packages = served.environment.site_packages
    if form == "conda":
        place(served.environment, A)
        (site_packages / INFO / "RECORD").unlink()
        (site_packages / INFO / "INSTALLER").write_text("conda\n", encoding="utf-8")
    else:
        (site_packages / "demo.py").write_text("MARK = 'A'\n", encoding="utf-8")
        egg = site_packages / "demo-1.0.egg-info"
        metadata = "Metadata-Version: 1.0\nName: demo\nVersion: 1.0\n"
        if form == "distutils":
            egg.write_text(metadata, encoding="utf-8")
        else:
            egg.mkdir()
            (egg / "PKG-INFO").write_text(metadata, encoding="utf-8")
            (egg / "installed-files.txt").write_text("../demo.py\nPKG-INFO\ninstalled-files.txt\n", encoding="utf-8")
    told = pinstall(served, "-r", "requirements.txt")
    assert told.ended.returncode == 0, told.ended.output
    assert served.environment.module("demo", "MARK") == "B"
    assert [path.name for path in site_packages.glob("demo-1.0.*")] == [INFO]
    assert any("moved aside" in line for line in own_lines(told.ended)) is (form != "setuptools")
    lame(served.environment)
    assert pinstall(served, "-r", "requirements.txt").purposes == []


def test_what_pip_cannot_remove_stays_where_the_pinned_artifact_is_not_to_be_had(runner: Runner) -> None:
    runner.index.add(A)
    written(runner, pinned(B))
    place(runner.environment, A)
    (runner.environment.site_packages / INFO / "RECORD").unlink()
    (runner.environment.site_packages / INFO / "INSTALLER").write_text("conda\n", encoding="utf-8")
    before = installed(runner.environment)
    assert pinstall(runner, "-r", "requirements.txt").ended.returncode != 0
    assert installed(runner.environment) == before
