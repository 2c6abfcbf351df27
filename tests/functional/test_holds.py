"""A pin that one run has set is not moved by another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import RELEASE, installed, own_lines, pinned, pinstall, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

EAGER = ("-U", "--upgrade-strategy", "eager")
reporting = pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nobody tells why a hold is in the way")


@pytest.fixture
def served(runner: Runner) -> Runner:
    """Return a runner whose index has two releases of aa, and projects that need it."""
    for archive in (
        wheel("aa", "1.0"),
        wheel("aa", "2.0"),
        wheel("bb", "1.0", requires=["aa"]),
        wheel("cc", "1.0", requires=["aa>=2"]),
    ):
        runner.index.add(archive)
    return runner


def held(runner: Runner) -> dict[str, str]:
    ledger = json.loads((runner.environment.site_packages / ".pinstall" / "ledger.json").read_text(encoding="utf-8"))
    return {name: hold["version"] for name, hold in ledger["holds"].items()}


@pytest.mark.slow
def test_an_upgrade_of_something_else_does_not_move_a_pin(served: Runner) -> None:
    served.pinstall("aa==1.0")
    ended = served.pinstall(*EAGER, "bb==1.0")
    assert ended.returncode == 0, ended.output
    assert served.environment.module("aa") == "1.0"
    assert held(served) == {"aa": "1.0", "bb": "1.0"}
    # pip alone moves it
    served.pip("install", *EAGER, "bb==1.0")
    assert served.environment.module("aa") == "2.0"


@reporting
def test_what_cannot_be_met_without_moving_a_pin_names_both_lines(served: Runner) -> None:
    written(served, "# pins\naa==1.0\n", "base.txt")
    served.pinstall("-r", "base.txt")
    before = installed(served.environment)
    ended = served.pinstall("cc==1.0")
    assert ended.returncode == 1
    assert own_lines(ended)[-3:] == [
        "error: 1 pin of an earlier run stands in the way",
        "  base.txt:2 pins aa==1.0, but cc 1.0 needs aa>=2",
        "hint: pin both together, or let the earlier ones move with `--pin hold=ignore`",
    ]
    assert installed(served.environment) == before
    assert served.pinstall("cc==1.0", "--pin", "hold=ignore").returncode == 0
    assert served.environment.module("aa") == "2.0"
    # what was moved on purpose is not moved back
    assert served.pinstall(*EAGER, "bb==1.0").returncode == 0
    assert served.environment.module("aa") == "2.0"


@pytest.mark.slow
@reporting
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ('aa==2.0 ; python_version < "3"\ncc==1.0\n', ("-r", "other.txt")),
        ("aa<3\n", ("-c", "other.txt", "cc==1.0")),
    ],
    ids=["a marker that does not apply", "a bound"],
)
def test_a_line_that_asks_for_nothing_ends_no_hold(served: Runner, other: str, words: tuple[str, ...]) -> None:
    served.pinstall("aa==1.0")
    written(served, other, "other.txt")
    ended = served.pinstall(*words)
    assert (ended.returncode, served.environment.module("aa")) == (1, "1.0"), ended.output
    assert "command line pins aa==1.0, but cc 1.0 needs aa>=2" in ended.stderr
    assert held(served) == {"aa": "1.0"}


@pytest.mark.slow
def test_a_constraint_ends_no_hold_of_what_it_leaves_in_its_place(served: Runner) -> None:
    written(served, "aa==1.0\n", "base.txt")
    written(served, "aa==2.0\n", "other.txt")
    served.pinstall("-r", "base.txt")
    served.index.add(wheel("dd", "1.0"))
    for file in ("base.txt", "other.txt"):
        assert served.pinstall("-c", file, "dd==1.0").returncode == 0
        assert held(served) == {"aa": "1.0", "dd": "1.0"}
    assert served.pinstall("-c", "other.txt", "cc==1.0").returncode == 0
    assert held(served) == {"cc": "1.0", "dd": "1.0"}


@pytest.mark.slow
@pytest.mark.parametrize("line", ["", 'aa==1.0 ; python_version < "3"\n'], ids=["gone", "does not apply"])
def test_what_a_file_says_no_longer_is_not_in_its_own_way(served: Runner, line: str) -> None:
    written(served, "aa==1.0\n", "base.txt")
    served.pinstall("-r", "base.txt")
    written(served, f"{line}cc==1.0\n", "base.txt")
    ended = served.pinstall("-r", "base.txt")
    assert ended.returncode == 0, ended.output
    assert held(served) == {"cc": "1.0"}


@reporting
@pytest.mark.parametrize("requires", [(), pytest.param(("cc",), marks=pytest.mark.slow)])
def test_a_request_that_does_not_say_its_name_is_not_held_up_by_its_own_pin(
    served: Runner, requires: tuple[str, ...]
) -> None:
    written(served, "aa==1.0\nbb==1.0\n", "base.txt")
    served.pinstall("-r", "base.txt")
    checkout(served.home / "folder", sdist("bb", "2.0", requires=requires))
    ended = served.pinstall("./folder")
    if requires:  # another one is in the way
        assert (ended.returncode, served.environment.module("bb")) == (1, "1.0"), ended.output
        assert "base.txt:1 pins aa==1.0, but cc 1.0 needs aa>=2" in ended.stderr
        assert held(served) == {"aa": "1.0", "bb": "1.0"}
    else:
        assert (ended.returncode, served.environment.module("bb")) == (0, "2.0"), ended.output
        assert "`bb==1.0`, the pin of an earlier run, was dropped" in ended.stderr
        assert held(served) == {"aa": "1.0"}


@pytest.mark.slow
def test_what_pip_cannot_do_for_another_reason_is_said_once(served: Runner) -> None:
    served.pinstall("aa==1.0")
    ended = served.pinstall("bb==9.9")
    assert ended.returncode == 1
    assert ended.output.count("ERROR: No matching distribution found for bb==9.9") == 1, ended.output


@pytest.mark.slow
def test_a_new_pin_replaces_the_old_one(served: Runner) -> None:
    served.pinstall("aa==1.0")
    assert served.pinstall("aa==2.0").returncode == 0
    assert held(served) == {"aa": "2.0"}
    assert served.pinstall("cc==1.0").returncode == 0


def test_the_pins_of_a_file_hold_until_it_is_installed_again(served: Runner) -> None:
    written(served, "aa==1.0\nbb==1.0\n", "base.txt")
    served.pinstall("-r", "base.txt")
    assert held(served) == {"aa": "1.0", "bb": "1.0"}
    written(served, "bb==1.0\n", "base.txt")
    assert served.pinstall("-r", str(served.home / "base.txt")).returncode == 0
    assert held(served) == {"bb": "1.0"}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.0", "1.5.dev3+local"], ids=["served too", "nowhere else"])
def test_a_direct_reference_is_held_by_its_version(served: Runner, version: str) -> None:
    archive = wheel("aa", version, mark="local")
    path = archive.write(served.home / "wheels")
    assert served.pinstall(path).returncode == 0
    assert held(served) == {"aa": version}
    assert served.pinstall("cc==1.0").returncode == 1
    ended = served.pinstall(*EAGER, "bb==1.0")
    assert ended.returncode == 0, ended.output
    assert served.environment.module("aa", "MARK") == "local"
    assert served.pinstall("check").returncode == 0
    assert served.pinstall("aa==2.0").returncode == 0
    assert held(served) == {"aa": "2.0", "bb": "1.0"}
    assert served.pinstall(path, "--pin", "origin=index").returncode == 0
    assert held(served) == {"bb": "1.0"}
    assert served.pinstall("check", "--pin", "origin=index").returncode == 0


@pytest.mark.slow
def test_the_pins_of_a_file_that_is_gone_hold_no_longer_and_that_is_said_once(served: Runner) -> None:
    path = served.home / written(served, "aa==1.0\n", "base.txt")
    served.pinstall("-r", "base.txt")
    path.unlink()
    text = f"`{path}` is gone: what it pinned is held no longer"
    assert text in own_lines(served.pinstall(*EAGER, "bb==1.0"))
    assert served.environment.module("aa") == "2.0"
    assert text not in own_lines(served.pinstall(*EAGER, "bb==1.0"))


@pytest.mark.slow
def test_uninstalling_ends_a_hold(served: Runner) -> None:
    served.pinstall("aa==1.0")
    served.pip("uninstall", "-y", "aa")
    assert served.pinstall("cc==1.0").returncode == 0
    assert held(served) == {"cc": "1.0"}


@pytest.mark.slow
def test_holds_can_be_forgotten(served: Runner) -> None:
    served.pinstall("aa==1.0")
    assert served.pinstall("bb==1.0", "--pin", "hold=forget").returncode == 0
    assert held(served) == {"bb": "1.0"}


def test_what_holds_already_is_held_from_then_on_without_pip(served: Runner) -> None:
    served.pip("install", "aa==1.0")
    told = pinstall(served, "aa==1.0")
    assert (told.purposes, held(served)) == ([], {"aa": "1.0"})
    ledger = served.environment.site_packages / ".pinstall" / "ledger.json"
    before = ledger.stat()
    assert pinstall(served, "aa==1.0").purposes == []
    assert (ledger.stat().st_ino, ledger.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--force-reinstall", "--ignore-installed"])
def test_holds_count_for_nothing_where_pip_would_install_them_anew(served: Runner, option: str) -> None:
    served.pinstall("aa==1.0")
    ended = served.pinstall(option, "bb==1.0")
    assert ended.returncode == 0
    assert served.environment.module("aa") == "2.0"


@pytest.mark.slow
def test_holds_count_for_nothing_where_hashes_fix_everything(served: Runner) -> None:
    served.pinstall("aa==1.0")
    written(served, pinned(wheel("bb", "1.0", requires=["aa"]), wheel("aa", "2.0")))
    assert served.pinstall("-r", "requirements.txt").returncode == 0
    assert held(served) == {"aa": "2.0", "bb": "1.0"}


def test_check_without_arguments_shows_what_plain_pip_has_moved(served: Runner) -> None:
    written(served, "aa==1.0\n", "base.txt")
    served.pinstall("-r", "base.txt")
    ended = served.pinstall("check")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert own_lines(ended)[-1] == "1 of 1 pin satisfied, 0 findings"
    served.pip("install", "aa==2.0")
    ended = served.pinstall("check")
    assert (ended.returncode, ended.stdout) == (
        1,
        "base.txt:1: aa==1.0, but 2.0 is installed; `pinstall` would install it\n",
    )
    assert "base.txt:1 asks for it: aa==1.0" in served.pinstall("why", "aa").stdout


@pytest.mark.slow
@reporting  # dry runs came with them
def test_a_dry_run_and_another_place_hold_nothing(served: Runner) -> None:
    for words in (("--dry-run",), ("--target", "there")):
        assert served.pinstall("aa==1.0", *words).returncode == 0
    assert not (served.environment.site_packages / ".pinstall").exists()
