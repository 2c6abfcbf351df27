"""A stamp answers where nothing has changed, and misses whatever has."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pinstall import stamp
from pinstall.commands.install import stamping as grounds
from tests.support.environments import ROOT
from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, own_lines, pinned, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.processes import Completed
    from tests.support.runner import Runner
    from tests.support.wheels import Archive

DEEP = "aa_data/far/down/inside.py"
AA = wheel("aa", "1.0", requires=["bb"], files={"aa_data/one.txt": b"1", "aa_data/two.txt": b"2", DEEP: b"X = 1\n"})
BB = wheel("bb", "1.0", files={"bb_data/far/down/needed.py": b"Y = 1\n"})
BUDGET = 12
START = ("-c", "from pinstall import cli; cli.main()")
BANNED = {"re", "typing", "argparse", "optparse", "json", "pathlib", "dataclasses", "subprocess", "hashlib"}


@pytest.fixture
def settled(inside: Runner) -> Runner:
    """Return a runner whose environment is satisfied and has left a stamp."""
    if RELEASE < REPORTS:
        pytest.skip("without reports no hash is proven")
    for archive in (AA, BB):
        inside.index.add(archive)
    written(inside, pinned(AA, BB))
    written(inside, "[tool.other]\n", "pyproject.toml")
    assert again(inside).returncode == 0
    for _ in range(2):  # the first writes the ledger, the second finds nothing to write
        ended = again(inside)
        assert (ended.returncode, own_lines(ended)) == (0, ["2 pins satisfied"])
    assert is_stamped(inside)
    return inside


def again(runner: Runner, *words: str, env: dict[str, str] | None = None) -> Completed:
    time.sleep(0.2)  # what has just been written may still change without another time stamp
    return runner.pinstall("-r", "requirements.txt", *words, env=env)


def loaded(runner: Runner, *words: str, env: dict[str, str] | None = None) -> set[str]:
    """Return the modules that a run imports."""
    time.sleep(0.2)
    return _loaded(runner, [*START, *runner.index_options, "-r", "requirements.txt", *words], env)


def _loaded(runner: Runner, words: list[str], env: dict[str, str] | None = None) -> set[str]:
    ended = runner.run([str(runner.environment.python), "-X", "importtime", *words], env=env)
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def is_stamped(runner: Runner, *words: str, env: dict[str, str] | None = None) -> bool:
    return "packaging" not in loaded(runner, *words, env=env)


def test_it_says_what_the_full_way_says_and_imports_next_to_nothing(settled: Runner) -> None:
    ended = again(settled)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "pinstall: 2 pins satisfied\n")
    added = loaded(settled) - _loaded(settled, ["-c", "pass"])
    assert not added & BANNED
    assert len(added) <= BUDGET, sorted(added)


def site(runner: Runner, path: str) -> Path:
    return runner.environment.site_packages / path


def linked(runner: Runner) -> Path:
    """Return a link to another file."""
    link = site(runner, "link")
    link.symlink_to(site(runner, "bb.py"))
    return link


CHANGES: dict[str, Callable[[Runner], object]] = {
    "another pin": lambda runner: written(runner, pinned(AA, BB).replace("bb==1.0", "bb===1.0")),
    "a comment in the file": lambda runner: written(runner, pinned(AA, BB) + "# read again\n"),
    "a project file that changes": lambda runner: written(runner, "[tool.pinstall]\n", "pyproject.toml"),
    "a repository that begins": lambda runner: (runner.home / ".git").mkdir(),
    "a distribution more": lambda runner: place(runner.environment, wheel("cc", "1.0")),
    "a module at the top that is gone": lambda runner: site(runner, "bb.py").unlink(),
    "a module at the top that is edited": lambda runner: site(runner, "bb.py").write_text("#" * 40, encoding="utf-8"),
    "a file below that is gone": lambda runner: site(runner, "aa_data/two.txt").unlink(),
    "a file deep below that is edited": lambda runner: site(runner, DEEP).write_bytes(b"X = 1 +\n"),
    "a file deep below that is edited and as long as before": lambda runner: site(runner, DEEP).write_bytes(b"X = 2\n"),
    "a file deep below that is touched": lambda runner: os.utime(site(runner, DEEP)),
    "a file deep below that is gone": lambda runner: site(runner, DEEP).unlink(),
    "a file deep below that is a link now": lambda runner: linked(runner).replace(site(runner, DEEP)),
    "a file deep in what is needed": lambda runner: site(runner, "bb_data/far/down/needed.py").write_bytes(b"Y = 2\n"),
    "a RECORD that is touched": lambda runner: os.utime(site(runner, "aa-1.0.dist-info/RECORD")),
    "METADATA that are edited": lambda runner: site(runner, "aa-1.0.dist-info/METADATA").write_bytes(b""),
    "a ledger that is gone": lambda runner: site(runner, ".pinstall/ledger.json").unlink(),
    "a ledger that says something else": lambda runner: site(runner, ".pinstall/ledger.json").write_text("{}"),
    "a .pth file": lambda runner: site(runner, "more.pth").write_text("/nowhere\n", encoding="utf-8"),
    "plain pip that installs the same again": lambda runner: runner.pip(
        "install", "--force-reinstall", "--no-deps", "bb==1.0"
    ),
    "another pip": lambda runner: os.utime(site(runner, "pip/__init__.py")),
    "another interpreter": lambda runner: (runner.environment.root / "pyvenv.cfg").write_text(
        (runner.environment.root / "pyvenv.cfg").read_text(encoding="utf-8") + "# upgraded\n", encoding="utf-8"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_misses(settled: Runner, change: str) -> None:
    time.sleep(0.05)
    CHANGES[change](settled)
    assert not is_stamped(settled)


@pytest.mark.slow
def test_it_does_not_miss_byte_code_that_goes_and_comes(settled: Runner) -> None:
    settled.environment.run(f"import py_compile; py_compile.compile({str(site(settled, DEEP))!r})")
    time.sleep(0.05)
    assert is_stamped(settled)
    shutil.rmtree(site(settled, DEEP).parent / "__pycache__")
    assert is_stamped(settled)


def test_a_file_that_was_edited_in_place_is_made_right_by_the_same_command(settled: Runner) -> None:
    site(settled, DEEP).write_bytes(b"X = 1 +\n")
    ended = again(settled)
    assert ended.returncode == 0, ended.output
    assert "reinstalling aa" in ended.stderr
    assert site(settled, DEEP).read_bytes() == b"X = 1\n"
    # pip alone is content
    site(settled, DEEP).write_bytes(b"X = 1 +\n")
    assert "already satisfied" in settled.pip("install", "-r", "requirements.txt", *settled.index_options).stdout


@pytest.mark.slow
@pytest.mark.parametrize("way", ["argument", "variable", "file"])
@pytest.mark.parametrize("value", ["full", "quick", "off"])
def test_how_much_a_stamp_covers_is_a_setting(settled: Runner, value: str, way: str) -> None:
    words = ("--pin", f"stamp={value}") if way == "argument" else ()
    env = {"PINSTALL_STAMP": value} if way == "variable" else None
    if way == "file":
        written(settled, f'[tool.pinstall]\nstamp = "{value}"\n', "pyproject.toml")
    for _ in range(2):
        assert own_lines(again(settled, *words, env=env)) == ["2 pins satisfied"]
    assert is_stamped(settled, *words, env=env) is (value != "off")
    time.sleep(0.05)
    site(settled, DEEP).write_bytes(b"X = 2\n")
    assert is_stamped(settled, *words, env=env) is (value == "quick")
    if value == "quick":
        site(settled, "bb.py").write_text("#", encoding="utf-8")
        assert not is_stamped(settled, *words, env=env)


@pytest.mark.slow
def test_old_stamps_go_by_number_and_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    monkeypatch.setattr(stamp, "MOST_BYTES", 5_000)
    for number in range(4):
        stamp.leave([str(number)], environ, "x" * 2_000, ())
        time.sleep(0.02)
    assert [stamp.find([str(number)], environ) is not None for number in range(4)] == [False, False, True, True]
    monkeypatch.setattr(stamp, "MOST_BYTES", 5)
    stamp.leave(["last"], environ, "x" * 2_000, ())
    assert stamp.find(["last"], environ) is not None


@pytest.mark.parametrize(
    "variables",
    [{"PIP_NO_DEPS": "1"}, {"PIP_SOMETHING": "1"}, {"PINSTALL_UNPINNED": "warn"}, {"PYTHONPATH": "/nowhere"}],
    ids=str,
)
def test_it_misses_a_variable_that_counts(settled: Runner, variables: dict[str, str]) -> None:
    assert is_stamped(settled, env={"NOT_OURS": "1"})
    assert not is_stamped(settled, env=variables)


@pytest.mark.slow
def test_other_arguments_have_a_stamp_of_their_own(settled: Runner) -> None:
    assert not is_stamped(settled, "bb==1.0")
    for _ in range(2):  # what the command line pins is held too from now on, which the ledger says once
        again(settled, "bb==1.0")
        again(settled)
    assert is_stamped(settled, "bb==1.0")
    assert is_stamped(settled)


@pytest.mark.slow
def test_what_the_command_line_expands_counts(settled: Runner) -> None:
    written(settled, pinned(AA, BB) + "# ${FLAVOUR}\n")
    for _ in range(2):
        again(settled, env={"FLAVOUR": "1"})
    assert is_stamped(settled, env={"FLAVOUR": "1"})
    assert not is_stamped(settled, env={"FLAVOUR": "2"})


@pytest.mark.slow
@pytest.mark.parametrize("words", [("-v",), ("--pin", "report=told.json"), ("--uploaded-prior-to", "P1D")], ids=str)
def test_none_is_left_where_it_could_not_stand_for_the_run(settled: Runner, words: tuple[str, ...]) -> None:
    for _ in range(2):
        again(settled, *words)
    assert not is_stamped(settled, *words)


@pytest.mark.slow
@pytest.mark.parametrize(
    "other", [wheel("aa", "1.0", requires=["bb"], mark="other"), AA.flipped()], ids=["otherwise", "as-long"]
)
def test_a_local_archive_that_changes_is_seen(settled: Runner, other: Archive) -> None:
    path = AA.write(settled.home / "files")
    for _ in range(3):
        again(settled, str(path))
    assert is_stamped(settled, str(path))
    status = path.stat()
    path.write_bytes(other.content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not is_stamped(settled, str(path))


def test_secrets_are_not_in_it(settled: Runner) -> None:
    for _ in range(2):
        again(settled, "--extra-index-url", "https://me:hunter2@host.example/simple", env={"PIP_PROXY": "u:pa55@p:1"})
    stamps = [path.read_bytes() for path in settled.home.rglob("stamps/*")]
    assert len(stamps) > 1
    assert not any(secret in stamp for stamp in stamps for secret in (b"hunter2", b"pa55"))


def test_its_name_tells_nothing_of_secrets() -> None:
    places = (Path(stamp.locate([f"--index-url=https://me:hunter{number}@host"], {})) for number in (2, 3))
    first, second = (int(place.name, 16) for place in places)
    assert abs(first - second) > 1 << 60, "what differs by little has names that differ by little"


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"\0", b"\xff\xfe", b"pinstall stamp 1\0x\0y"])
def test_a_stamp_that_is_none_is_no_error(settled: Runner, content: bytes) -> None:
    for path in settled.home.rglob("stamps/*"):
        path.write_bytes(content)
    ended = again(settled)
    assert (ended.returncode, own_lines(ended)) == (0, ["2 pins satisfied"])


@pytest.mark.slow
def test_it_misses_a_configuration_file_that_appears(settled: Runner) -> None:
    default = {"PIP_CONFIG_FILE": ""}
    again(settled, env=default)
    assert is_stamped(settled, env=default)
    written(settled, "[global]\n", ".config/pip/pip.conf")
    assert not is_stamped(settled, env=default)


def test_what_may_have_changed_after_it_was_looked_at_is_not_settled(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.touch()
    for kind in (stamp.CONTENT, stamp.STATUS):
        assert not grounds.is_settled(f"{kind}{path}", grounds.Start(time.time_ns()))
        assert grounds.is_settled(f"{kind}{path}", grounds.Start(time.time_ns() + 200_000_000))
        assert grounds.is_settled(f"{kind}{path}.gone", grounds.Start(time.time_ns()))
    ahead = (time.time_ns() // 1_000_000_000 + 100) * 1_000_000_000
    os.utime(path, ns=(ahead, ahead))  # whole seconds: what keeps no finer time may have changed within two
    assert not grounds.is_settled(f"{stamp.STATUS}{path}", grounds.Start(ahead + 1_900_000_000))
    assert grounds.is_settled(f"{stamp.STATUS}{path}", grounds.Start(ahead + 2_100_000_000))


@pytest.mark.slow
def test_for_another_environment_too(runner: Runner) -> None:
    runner.index.add(BB)
    for _ in range(2):
        runner.pinstall("bb==1.0")
        time.sleep(0.2)
    first, second = own_lines(runner.pinstall("bb==1.0"))
    assert (f"into {runner.environment.root} (" in first, second) == (True, "1 pin satisfied")
    time.sleep(0.2)
    code = f"import sys; sys.path.insert(1, {str(ROOT)!r}); from pinstall import cli; cli.main()"
    words = ["--python", str(runner.environment.python), *runner.index_options, "bb==1.0"]
    ended = runner.run([sys.executable, "-X", "importtime", "-c", code, *words])
    assert "packaging" not in ended.stderr
    assert first in ended.stderr
