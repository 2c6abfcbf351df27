"""What pip puts elsewhere is judged there, or by pip's own report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pips import CHOSEN
from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, pinned, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < REPORTS, reason="this pip writes no report")


@pytest.fixture
def served(runner: Runner) -> Runner:
    runner.index.add(wheel("aa", "1.0"))
    runner.index.add(wheel("aa", "2.0"))
    return runner


def module(runner: Runner, folder: str) -> str:
    return (runner.home / folder / "aa.py").read_text(encoding="utf-8")


def test_a_target_folder_is_filled_and_filled_again(served: Runner) -> None:
    for _ in range(2):
        ended = served.pinstall("aa==1.0", "--target", "there")
        assert ended.returncode == 0, ended.output
        assert "1.0" in module(served, "there")


def test_pip_leaves_the_old_module_in_a_target_and_ends_well_but_we_do_not(served: Runner) -> None:
    served.pip("install", "aa==1.0", "--target", "there")
    assert served.pip("install", "aa==2.0", "--target", "there").returncode == 0
    assert "1.0" in module(served, "there")
    ended = served.pinstall("aa==2.0", "--target", "there")
    assert ended.returncode == 65
    assert "aa.py there is from another artifact (`--upgrade` replaces it)" in ended.stderr


@pytest.mark.slow
def test_what_a_constraint_pins_is_judged_there_too(served: Runner) -> None:
    served.index.add(wheel("top", "1.0", requires=["aa"]))
    served.pip("install", "aa==2.0", "--target", "there")
    (served.home / "constraints.txt").write_text("aa==1.0\nbb==1.0\n", encoding="utf-8")
    ended = served.pinstall("top==1.0", "-c", "constraints.txt", "--target", "there")
    assert ended.returncode == 65, ended.output
    assert "constraints.txt:1: aa==1.0, but what is installed is not what pip was to put there" in ended.stderr
    ended = served.pinstall("top==1.0", "-c", "constraints.txt", "--target", "elsewhere")
    assert ended.returncode == 0, ended.output
    assert ended.stderr.splitlines()[-1] == "pinstall: 2 pins satisfied"


def test_byte_code_that_a_wheel_brings_along_is_compiled_anew_and_no_damage(served: Runner) -> None:
    tag = served.environment.run("import sys; print(sys.implementation.cache_tag)")
    served.index.add(wheel("bb", "1.0", files={f"__pycache__/bb.{tag}.pyc": b"stale"}))
    ended = served.pinstall("bb==1.0", "--target", "there")
    assert ended.returncode == 0, ended.output


@pytest.mark.slow
def test_an_upgraded_target_holds_although_the_old_dist_info_stays(served: Runner) -> None:
    served.pip("install", "aa==1.0", "--target", "there")
    ended = served.pinstall("-U", "aa==2.0", "--target", "there")
    assert ended.returncode == 0, ended.output
    assert "2.0" in module(served, "there")
    assert "aa==2.0 holds beside aa-1.0.dist-info, which pip has left in there" in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--prefix", "--root"])
def test_the_old_dist_info_in_another_destination_is_said(served: Runner, option: str) -> None:
    served.pip("install", "-I", "aa==2.0", option, "there")
    ended = served.pinstall("-I", "aa==1.0", option, "there")
    assert ended.returncode == 0, ended.output
    assert "aa==1.0 holds beside aa-2.0.dist-info, which pip has left in " in ended.stderr
    ended = served.pinstall("-I", "aa==1.0", option, "elsewhere")
    assert (ended.returncode, "beside" in ended.stderr) == (0, False), ended.output


def test_a_dry_run_would_hold_and_changes_nothing(served: Runner) -> None:
    ended = served.pinstall("--dry-run", "aa==2.0")
    assert ended.returncode == 0
    assert ended.stderr.splitlines()[-1] == "pinstall: 1 pin would be satisfied"
    assert served.environment.freeze() == []


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--prefix", "--root"])
def test_what_the_running_environment_has_is_left_out_and_said(served: Runner, option: str) -> None:
    served.pip("install", "aa==1.0")
    ended = served.pinstall("aa==1.0", option, "there")
    assert ended.returncode == 0
    said = f"pip has left out of `{option}` aa, which the environment that it runs in has already; `--ignore-installed`"
    assert said in ended.stderr
    written(served, pinned(wheel("aa", "1.0", mark="another")))
    ended = served.pinstall("-r", "requirements.txt", option, "there")
    assert ended.returncode == 65
    assert said in ended.stderr


@pytest.mark.slow
def test_what_was_ignored_on_purpose_does_not_stop_the_new(served: Runner) -> None:
    served.pip("install", "aa==1.0")
    ended = served.pinstall("-I", "aa==2.0")
    assert ended.returncode == 0, ended.output
    assert served.environment.module("aa") == "2.0"
    assert served.environment.freeze() == ["aa==2.0"]


def test_the_metadata_of_what_was_ignored_are_moved_aside(served: Runner) -> None:
    served.pip("install", "aa==2.0")
    ended = served.pinstall("-I", "aa==1.0")
    assert ended.returncode == 0, ended.output
    assert "moved aa-2.0.dist-info to the shelf" in ended.stderr
    assert served.environment.freeze() == ["aa==1.0"]
    assert served.environment.module("aa") == "1.0"
    assert served.pinstall("check", "aa==1.0").returncode == 0


@pytest.mark.slow
def test_only_the_dependencies_are_wanted(served: Runner) -> None:
    if not CHOSEN.startswith("26."):
        pytest.skip("this pip has no --only-deps")
    served.index.add(wheel("top", "1.0", requires=["aa==1.0"]))
    ended = served.pinstall("--only-deps", "top==1.0")
    assert ended.returncode == 0, ended.output
    assert served.environment.freeze() == ["aa==1.0"]


@pytest.mark.slow
def test_what_the_dependencies_need_is_held_to_constraints(served: Runner) -> None:
    if not CHOSEN.startswith("26."):
        pytest.skip("this pip has no --only-deps")
    served.index.add(wheel("top", "1.0", requires=["middle"]))
    served.index.add(wheel("middle", "1.0", requires=["aa"]))
    (served.home / "constraints.txt").write_text("aa==1.0\nidle==1.0\n", encoding="utf-8")
    served.index.add(wheel("idle", "2.0"))
    served.pip("install", "aa==1.0", "middle==1.0", "idle==2.0")
    (served.environment.site_packages / "aa.py").unlink()
    words = ("--only-deps", "top==1.0", "-c", "constraints.txt")
    ended = served.pinstall(*words)
    assert ended.returncode == 0, ended.output
    assert ended.stderr.splitlines()[-1].startswith("pinstall: 1 pin satisfied; 1 dependency is not pinned")
    ended = served.pinstall("check", *words)
    assert (ended.returncode, "  middle==1.0  # top 1.0 needs it" in ended.stderr) == (0, True), ended.output
    assert served.environment.module("aa") == "1.0"
    assert served.environment.freeze() == ["aa==1.0", "idle==2.0", "middle==1.0"]


@pytest.mark.parametrize("option", ["--target", "--prefix", "--root"])
def test_check_judges_what_is_in_that_place(served: Runner, option: str) -> None:
    served.pip("install", "aa==2.0")
    words = ("aa==1.0", option, "there", "-I")
    missing = served.pinstall("check", *words)
    assert (missing.returncode, missing.stdout) == (
        1,
        "command line: aa==1.0, but it is not installed; `pinstall` would install it\n",
    )
    ended = served.pinstall(*words)
    assert ended.returncode == 0, ended.output
    assert served.pinstall("check", *words).returncode == 0
    (module,) = (path for path in (served.home / "there").rglob("aa.py"))
    module.write_text("MARK = 'edited, and longer than it was'\n", encoding="utf-8")
    checked = served.pinstall("check", *words)
    assert (checked.returncode, "bytes instead of" in checked.stdout) == (1, True), checked.output
    other = served.pinstall("check", "aa==2.0", option, "there", "-I")
    assert (other.returncode, "1.0 is installed" in other.stdout or "bytes" in other.stdout) == (1, True), other.output
    assert served.pinstall("check", "aa==2.0").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--prefix", "--root"])
def test_check_sees_what_pip_would_leave_out_there(served: Runner, option: str) -> None:
    served.pip("install", "aa==1.0")
    for words in (("check",), ("install",), ("check",)):
        ended = served.pinstall(*words, "aa==1.0", option, "there")
        assert ended.returncode == 0, ended.output


@pytest.mark.slow
def test_check_proves_a_hash_in_a_target_as_install_does(served: Runner) -> None:
    written(served, pinned(wheel("aa", "1.0")))
    words = ("-r", "requirements.txt", "--target", "there")
    assert served.pinstall("check", *words).returncode == 1
    assert served.pinstall(*words).returncode == 0
    checked = served.pinstall("check", *words)
    assert checked.returncode == 0, checked.output
    written(served, pinned(wheel("aa", "1.0", mark="another")))
    assert served.pinstall("check", *words).returncode == served.pinstall(*words).returncode != 0
