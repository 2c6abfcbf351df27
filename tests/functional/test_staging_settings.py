"""Settings that pip inherits change the user's command as ever, and our own remaking of one pin not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.scenes import (
    BUILDS_AGAIN,
    RELEASE,
    cached,
    in_place,
    installed,
    pinned,
    pinstall,
    place,
    shelved,
    written,
)
from tests.support.sdists import BUILD_LOG, builds, checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner
    from tests.support.scenes import Told

OLD, NEW = sdist("aa", "1.0"), sdist("aa", "2.0")
HARMLESS = ("pre", "no_clean", "no_compile", "verbose", "prefer_binary", "no_warn_script_location")


@pytest.fixture
def scene(runner: Runner, tmp_path: Path) -> Runner:
    """The cache holds aa 1.0, which a pin of 2.0 contradicts; bb and cc are wheels, dep is what bb needs."""
    for archive in (
        *(OLD, NEW),
        *(wheel("bb", "1.0", requires=["dep"]), wheel("bb", "2.0", requires=["dep"])),
        *(wheel("cc", "1.0"), wheel("dep", "1.0")),
    ):
        runner.index.add(archive)
    cached(runner, OLD, wheel("aa", "1.0"))
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    return runner


def _settings(runner: Runner, way: str, **settings: str) -> dict[str, str]:
    """Return the variables that make pip inherit these settings, by themselves or by a configuration file."""
    if way == "variable":
        return {f"PIP_{name.upper()}": value for name, value in settings.items()}
    lines = [f"{name.replace('_', '-')} = {value}\n" for name, value in settings.items()]
    written(runner, "".join(["[install]\n", *lines]), "pip.conf")
    return {"PIP_CONFIG_FILE": str(runner.home / "pip.conf")}


BOTH_WAYS = pytest.mark.parametrize("way", ["variable", "file"])
BY_VARIABLE = pytest.mark.parametrize("way", ["variable"])
BY_FILE = pytest.mark.parametrize("way", ["file"])


def _remade_once(told: Told, log: Path, *, again: bool = False) -> None:
    """The remaking made the mismatched pin and nothing else, and the user's command took what it made."""
    assert told.purposes == ["remake", "install"]
    assert told.document["commands"][0]["exit_code"] == 0
    assert told.document["rebuilt"] == ["aa==2.0"]
    assert told.evicted == {"aa 1.0": False}
    assert builds(log) == ["aa-2.0"] * (2 if again else 1)


@pytest.mark.slow
@BOTH_WAYS
@pytest.mark.parametrize("flag", ["upgrade", "force_reinstall", "ignore_installed", "no_deps"])
def test_a_flag(scene: Runner, tmp_path: Path, way: str, flag: str) -> None:
    told = pinstall(scene, "aa==2.0", "bb==1.0", env=_settings(scene, way, **{flag: "true"}))
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    dep = [] if flag == "no_deps" else ["dep==1.0"]
    assert scene.environment.freeze() == ["aa==2.0", "bb==1.0", *dep]
    assert len([one for one in scene.index.asked("/files/bb-1.0") if not one.path.endswith(".metadata")]) == 1


@pytest.mark.slow
@BY_VARIABLE
def test_flags_that_never_mattered_still_do_not(scene: Runner, tmp_path: Path, way: str) -> None:
    told = pinstall(scene, "aa==2.0", env=_settings(scene, way, **dict.fromkeys(HARMLESS, "true")))
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")


@pytest.mark.slow
@BY_FILE
def test_upgrade_upgrades_in_the_users_command(scene: Runner, tmp_path: Path, way: str) -> None:
    place(scene.environment, wheel("bb", "1.0", requires=["dep"]), wheel("dep", "0.5"))
    settings = _settings(scene, way, upgrade="true", upgrade_strategy="eager")
    told = pinstall(scene, "aa==2.0", "bb==1.0", env=settings)
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    assert scene.environment.freeze() == ["aa==2.0", "bb==1.0", "dep==1.0"]


@pytest.mark.slow
@BOTH_WAYS
def test_requirement(scene: Runner, tmp_path: Path, way: str) -> None:
    written(scene, "bb==1.0\ncc==1.0\n", "extra.txt")
    told = pinstall(scene, "aa==2.0", env=_settings(scene, way, requirement=str(scene.home / "extra.txt")))
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    assert set(told.states.values()) == {"satisfied"}
    assert scene.environment.freeze() == ["aa==2.0", "bb==1.0", "cc==1.0", "dep==1.0"]
    # the remaking, which has no cache, would have fetched it once more
    assert len([one for one in scene.index.asked("/files/cc-1.0") if not one.path.endswith(".metadata")]) == 1


@pytest.mark.slow
@BY_VARIABLE
def test_constraint(scene: Runner, tmp_path: Path, way: str) -> None:
    written(scene, "bb==1.0\naa<3\n", "constraints.txt")
    told = pinstall(scene, "aa==2.0", "bb", env=_settings(scene, way, constraint=str(scene.home / "constraints.txt")))
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    assert scene.environment.freeze() == ["aa==2.0", "bb==1.0", "dep==1.0"]


@pytest.mark.slow
@BOTH_WAYS
def test_require_hashes(scene: Runner, tmp_path: Path, way: str) -> None:
    written(scene, pinned(NEW, wheel("cc", "1.0")))
    told = pinstall(scene, "-r", "requirements.txt", env=_settings(scene, way, require_hashes="true"))
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds", again=BUILDS_AGAIN)
    assert scene.environment.freeze() == ["aa==2.0", "cc==1.0"]


@pytest.mark.slow
@BY_FILE
def test_require_hashes_without_hashes_is_pips_failure(scene: Runner, cache: Path, way: str) -> None:
    before = snapshot(cache)
    ended = scene.pinstall("aa==2.0", env=_settings(scene, way, require_hashes="true"))
    assert ended.returncode == 1
    assert "Hashes are required" in ended.stderr
    assert in_place(cache, before)
    assert shelved(cache) == []


@pytest.mark.slow
@BOTH_WAYS
def test_report(scene: Runner, tmp_path: Path, way: str) -> None:
    told = pinstall(scene, "aa==2.0", "cc==1.0", env=_settings(scene, way, report=str(scene.home / "r.json")))
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    report = json.loads((scene.home / "r.json").read_text(encoding="utf-8"))
    assert sorted(item["metadata"]["name"] for item in report["install"]) == ["aa", "cc"]
    assert all(item["requested"] for item in report["install"])


@BOTH_WAYS
def test_dry_run_changes_nothing(scene: Runner, cache: Path, way: str) -> None:
    before, environment = snapshot(cache), installed(scene.environment)
    told = pinstall(scene, "aa==2.0", "cc==1.0", env=_settings(scene, way, dry_run="true"))
    assert (told.ended.returncode, told.purposes) == (0, ["install"])
    assert "Would install" in told.ended.stdout
    assert in_place(cache, before)
    assert installed(scene.environment) == environment


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "option"), [("variable", "target"), ("file", "target"), ("file", "prefix"), ("variable", "root")]
)
def test_elsewhere(scene: Runner, way: str, option: str) -> None:
    environment = installed(scene.environment)
    told = pinstall(scene, "aa==2.0", "cc==1.0", env=_settings(scene, way, **{option: str(scene.home / "elsewhere")}))
    assert told.ended.returncode == 0
    assert set(told.states.values()) == {"satisfied"}
    assert installed(scene.environment) == environment
    found = {path.name: path.read_text(encoding="utf-8") for path in (scene.home / "elsewhere").rglob("*.py")}
    assert "2.0" in found["aa.py"]
    assert "1.0" in found["cc.py"]


@pytest.mark.slow
@BOTH_WAYS
def test_user_is_refused_by_pip_in_such_an_environment_and_all_goes_back(scene: Runner, cache: Path, way: str) -> None:
    before, environment = snapshot(cache), installed(scene.environment)
    settings = _settings(scene, way, user="true")
    alone = scene.pip("install", "cc==1.0", env=settings, check=False)
    told = pinstall(scene, "aa==2.0", env=settings)
    assert told.ended.returncode == alone.returncode == 1
    assert "User site-packages are not visible" in told.ended.stderr
    assert in_place(cache, before)
    assert shelved(cache) == []
    assert installed(scene.environment) == environment


@pytest.mark.slow
@BY_FILE
def test_editable(scene: Runner, tmp_path: Path, way: str) -> None:
    folder = checkout(tmp_path / "editable", sdist("editable", "1.0"))
    told = pinstall(scene, "aa==2.0", env=_settings(scene, way, editable=str(folder)))
    assert told.ended.returncode == 0
    assert scene.environment.freeze() == ["aa==2.0", "editable==1.0"]
    # one for the user's command; another one would be a remaking that made it too
    assert builds(tmp_path / "builds").count("editable-1.0") == 1


@pytest.mark.slow
@BY_VARIABLE
def test_index_url(scene: Runner, tmp_path: Path, way: str) -> None:
    settings = _settings(scene, way, index_url=scene.index.url, trusted_host="127.0.0.1")
    told = pinstall(scene, "aa==2.0", index=False, env=settings)
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")


@pytest.mark.slow
@BY_FILE
def test_no_index_and_find_links(scene: Runner, tmp_path: Path, way: str) -> None:
    NEW.write(scene.home / "links")
    settings = _settings(scene, way, no_index="true", find_links=str(scene.home / "links"))
    told = pinstall(scene, "aa==2.0", index=False, env=settings)
    assert told.ended.returncode == 0
    assert told.evicted == {"aa 1.0": False}
    assert scene.environment.module("aa") == "2.0"
    assert scene.index.requests == []


@pytest.mark.slow
@BY_FILE
def test_cache_dir(scene: Runner, cache: Path, tmp_path: Path, way: str) -> None:
    moved = scene.home / "moved"
    cache.rename(moved)
    told = pinstall(scene, "aa==2.0", env=_settings(scene, way, cache_dir=str(moved)))
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    assert shelved(moved) == ["aa-1.0-py3-none-any.whl"]
    assert not cache.exists()
    assert scene.pinstall("undo", "--cache-dir", moved).returncode == 0
    assert shelved(moved) == []


@pytest.mark.slow
@pytest.mark.parametrize(("way", "value"), [("variable", "false"), ("file", "true")])
def test_no_cache_dir_whatever_its_value(scene: Runner, cache: Path, way: str, value: str) -> None:
    before = snapshot(cache)
    told = pinstall(scene, "aa==2.0", env=_settings(scene, way, no_cache_dir=value))
    assert (told.ended.returncode, told.purposes, told.evicted) == (0, ["install"], {})
    assert scene.environment.module("aa") == "2.0"
    assert snapshot(cache) == before


@pytest.mark.slow
@BY_VARIABLE
def test_no_binary(scene: Runner, tmp_path: Path, way: str) -> None:
    scene.index.add(wheel("aa", "2.0", mark="the wheel"))
    told = pinstall(scene, "aa==2.0", env=_settings(scene, way, no_binary="aa"))
    assert told.ended.returncode == 0
    assert scene.environment.module("aa", "MARK") == ""
    assert builds(tmp_path / "builds") == ["aa-2.0"] * (2 if BUILDS_AGAIN else 1)


@pytest.mark.slow
@pytest.mark.parametrize("option", [["--no-binary", "aa"], ["--no-binary=:all:"]])
def test_options_of_the_command_line_count_for_the_remaking_too(
    scene: Runner, tmp_path: Path, option: list[str]
) -> None:
    scene.index.add(wheel("aa", "2.0", mark="the wheel"))
    told = pinstall(scene, "aa==2.0", *option)
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds", again=BUILDS_AGAIN)
    assert scene.environment.module("aa", "MARK") == ""


@pytest.mark.slow
def test_options_of_a_requirement_file_count_for_the_remaking_too(scene: Runner, tmp_path: Path) -> None:
    scene.index.add(wheel("aa", "2.0", mark="the wheel"))
    written(scene, "--no-binary aa\n--find-links links\naa==2.0\n", "sub/requirements.txt")
    sdist("aa", "3.0").write(scene.home / "sub" / "links")
    told = pinstall(scene, "-r", "sub/requirements.txt")
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds", again=BUILDS_AGAIN)
    assert scene.environment.module("aa", "MARK") == ""


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (23, 1), reason="this pip knows them only on the command line")
@pytest.mark.parametrize("flavour", ["mild", "rather mild"])
def test_config_settings_of_a_line_reach_the_build(scene: Runner, tmp_path: Path, flavour: str) -> None:
    written(scene, f'aa==2.0 --config-settings="flavour={flavour}"\n')
    told = pinstall(scene, "-r", "requirements.txt")
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    assert f"'flavour': '{flavour}'" in scene.environment.module("aa", "BUILT_WITH")


@pytest.mark.slow
def test_variables_of_the_build_reach_it(scene: Runner, tmp_path: Path) -> None:
    told = pinstall(scene, "aa==2.0", env={"CFLAGS": "-O3"})
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    assert "'CFLAGS': '-O3'" in scene.environment.module("aa", "BUILT_WITH")


@pytest.mark.slow
def test_pip_python_is_the_target_and_does_not_lead_pip_astray(scene: Runner, tmp_path: Path) -> None:
    told = pinstall(scene, "aa==2.0", target=False, env={"PIP_PYTHON": str(scene.environment.python)})
    assert told.ended.returncode == 0
    _remade_once(told, tmp_path / "builds")
    assert scene.environment.module("aa") == "2.0"


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["upgrade", "requirement", "report"])
def test_the_reinstallation_for_proof_is_not_led_astray_either(scene: Runner, setting: str) -> None:
    good = wheel("cc", "1.0")
    place(scene.environment, good, wheel("dep", "1.0"))
    written(scene, pinned(good))
    values = {"upgrade": "true", "requirement": str(scene.home / "extra.txt"), "report": str(scene.home / "r.json")}
    written(scene, pinned(wheel("dep", "1.0")), "extra.txt")
    told = pinstall(scene, "-r", "requirements.txt", env=_settings(scene, "variable", **{setting: values[setting]}))
    assert (told.ended.returncode, set(told.states.values())) == (0, {"satisfied"})
    if setting == "report":
        # it tells of the user's command, which had nothing to do
        assert json.loads((scene.home / "r.json").read_text(encoding="utf-8"))["install"] == []
