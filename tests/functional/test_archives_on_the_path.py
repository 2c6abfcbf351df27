"""A zip or a wheel on the path has what Python imports, so a pin is judged by it."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import pinned, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.usefixtures("home")  # a quick look tries one case each
DEMO, NEWER = wheel("demo", "1.0"), wheel("demo", "2.0", requires=["needed>=1"])
NAMES = ("libs.zip", NEWER.filename, "demo-2.0-py3.11.egg", "libs.data")


@pytest.fixture(params=["inside", "beside"])
def spark(request: pytest.FixtureRequest) -> Runner:
    """Return a runner whose index has both versions, and whose environment has the older one and what both need."""
    runner: Runner = request.getfixturevalue("inside" if request.param == "inside" else "runner")
    for archive in (DEMO, NEWER, wheel("needed", "1.0")):
        runner.index.add(archive)
    place(runner.environment, DEMO, wheel("needed", "1.0"))
    return runner


def on_path(runner: Runner, name: str = "libs.zip") -> dict[str, str]:
    path = runner.home / "layer" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(NEWER.content)
    return {"PYTHONPATH": str(path)}


def imported(runner: Runner, env: dict[str, str]) -> str:
    code = "import demo; from importlib.metadata import version as v; print(demo.__version__, v('demo'))"
    return runner.run([str(runner.environment.python), "-c", code], env=env).stdout.strip()


def again(runner: Runner, *words: str, env: dict[str, str] | None = None) -> Completed:
    time.sleep(0.2)
    return runner.pinstall(*words, env=env)


@pytest.mark.parametrize("name", NAMES)
def test_the_version_in_front_is_not_the_pinned_one(spark: Runner, name: str) -> None:
    env = on_path(spark, name)
    assert imported(spark, env) == "2.0 2.0"
    ended = again(spark, "demo==1.0", env=env)
    assert (ended.returncode, f"outside the environment, in {env['PYTHONPATH']}" in ended.stderr) == (65, True)
    checked = spark.pinstall("check", "demo==1.0", env=env)
    assert (checked.returncode, "2.0" in checked.output) == (1, True), checked.output
    # pip alone passes over a file that is named like a wheel, and is content; it does not remove what is outside
    twin = spark.pip("install", "demo==1.0", env=env)
    assert ("already satisfied" in twin.stdout) is (name == NEWER.filename), twin.output
    assert imported(spark, env) == "2.0 2.0"


@pytest.mark.parametrize("name", NAMES)
def test_the_version_in_front_is_the_pinned_one(spark: Runner, name: str) -> None:
    env = on_path(spark, name)
    for _ in range(3):
        ended = again(spark, "demo==2.0", "needed==1.0", env=env)
        assert (ended.returncode, "2 pins satisfied" in ended.stderr) == (0, True), ended.output
    checked = spark.pinstall("check", "demo==2.0", "needed==1.0", env=env)
    assert (checked.returncode, "0 findings" in checked.output) == (0, True), checked.output
    told = spark.pinstall("demo==2.0", "-v", env=env)
    assert f"outside the environment, in {env['PYTHONPATH']}" in told.stderr
    # what a stamp rests on
    time.sleep(0.05)
    Path(env["PYTHONPATH"]).write_bytes(DEMO.content)
    assert again(spark, "demo==2.0", "needed==1.0", "--no-index", env=env).returncode != 0
    assert again(spark, "demo==1.0", "needed==1.0", env=env).returncode == 0


@pytest.mark.slow
def test_what_an_archive_needs_is_installed(spark: Runner) -> None:
    env = on_path(spark)
    spark.pip("uninstall", "-y", "needed")
    ended = again(spark, "demo==2.0", env=env)
    assert ended.returncode == 0, ended.output
    assert (spark.environment.site_packages / "needed.py").exists()


@pytest.mark.slow
def test_an_archive_behind_the_environment_counts_where_that_has_none(spark: Runner) -> None:
    path = on_path(spark)["PYTHONPATH"]
    (spark.environment.site_packages / "late.pth").write_text(f"{path}\n", encoding="utf-8")
    assert again(spark, "demo==1.0").returncode == 0
    spark.pip("uninstall", "-y", "demo")
    assert imported(spark, {}) == "2.0 2.0"
    assert "1 pin satisfied" in again(spark, "demo==2.0").stderr


@pytest.mark.slow
def test_the_hash_of_a_wheel_on_the_path(spark: Runner) -> None:
    env = on_path(spark, NEWER.filename)
    written(spark, pinned(NEWER, wheel("needed", "1.0")))
    again(spark, "-r", "requirements.txt", env=env)
    ended = again(spark, "-r", "requirements.txt", env=env)
    assert (ended.returncode, "2 pins satisfied" in ended.stderr) == (0, True), ended.output
    other = wheel("demo", "2.0", requires=["needed>=1"], mark="other")
    Path(env["PYTHONPATH"]).write_bytes(other.content)
    assert again(spark, "-r", "requirements.txt", env=env).returncode == 65


@pytest.mark.slow
@pytest.mark.parametrize("location", ["any", "environment"])
def test_the_setting_that_wants_it_inside(spark: Runner, location: str) -> None:
    env = on_path(spark, NEWER.filename)
    ended = again(spark, "demo==2.0", "--pin", f"location={location}", env=env)
    assert ended.returncode == 0, ended.output
    inside = list(spark.environment.site_packages.glob("demo-2.0.dist-info"))
    assert bool(inside) is (location == "environment")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "no zip", "empty", "unreadable", "a pipe"])
def test_a_damaged_archive_has_nothing(spark: Runner, damage: str) -> None:
    env = on_path(spark)
    path = Path(env["PYTHONPATH"])
    match damage:
        case "cut":
            path.write_bytes(NEWER.content[: len(NEWER.content) // 2])
        case "no zip":
            path.write_bytes(b"no zip" * 1000)
        case "empty":
            path.write_bytes(b"")
        case "unreadable":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("demo-2.0.dist-info/METADATA", b"\xff\x00" * 100)
        case _:
            path.unlink()
            os.mkfifo(path)
    for words in (("demo==1.0",), ("check", "demo==1.0")):
        ended = again(spark, *words, env=env)
        assert ended.returncode == 0, ended.output
