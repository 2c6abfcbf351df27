"""`pinstall check` finds what `install` would have to do, says it in a line each, and changes nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.scenes import RELEASE, cached, lame, own_lines, pinned, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner

DEMO = wheel("demo", "1.0")
SOURCE = sdist("demo", "1.0")


def _checked(runner: Runner, *words: str) -> Completed:
    """Check, and see that neither environment nor cache has changed and no index was asked."""
    before = snapshot(runner.environment.root), snapshot(runner.cache)
    runner.index.requests.clear()
    ended = runner.pinstall("check", *words)
    assert (snapshot(runner.environment.root), snapshot(runner.cache)) == before
    assert runner.index.requests == []
    assert "Traceback" not in ended.output
    return ended


def _found(runner: Runner, *words: str) -> list[str]:
    """Return the lines of what is found, which there has to be."""
    ended = _checked(runner, *words)
    assert ended.returncode == 1, ended.output
    return ended.stdout.splitlines()


def test_where_all_holds_there_is_nothing_to_show(runner: Runner) -> None:
    place(runner.environment, wheel("top", "1.0", requires=["demo"]), DEMO)
    lame(runner.environment)
    written(runner, "top==1.0\ndemo==1.0\n")
    ended = _checked(runner, "-r", "requirements.txt")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert own_lines(ended)[-1] == "2 of 2 pins satisfied, 0 findings"


def test_each_pin_that_does_not_hold_has_a_line_with_its_place_and_what_would_be_done(runner: Runner) -> None:
    place(runner.environment, wheel("wrong", "2.0"), wheel("right", "1.0"))
    lame(runner.environment)
    written(runner, "-r more/inner.txt\nabsent==1.0\nright==1.0\n")
    written(runner, "wrong==1.0\n", "more/inner.txt")
    assert sorted(_found(runner, "-r", "requirements.txt")) == [
        "more/inner.txt:1: wrong==1.0, but 2.0 is installed; `pinstall` would install it",
        "requirements.txt:2: absent==1.0, but it is not installed; `pinstall` would install it",
    ]


def test_a_pin_of_the_command_line_is_named_so(runner: Runner) -> None:
    (line,) = _found(runner, "demo==1.0")
    assert line.endswith("demo==1.0, but it is not installed; `pinstall` would install it")


@pytest.mark.skipif(RELEASE < (22, 2), reason="without reports the right version has to do")
@pytest.mark.parametrize("unproven", ["reinstall", "refuse", "accept"])
def test_what_lacks_proof_is_a_finding_unless_that_is_accepted(runner: Runner, unproven: str) -> None:
    place(runner.environment, DEMO)
    written(runner, pinned(DEMO))
    words = ["-r", "requirements.txt", "--pin", f"unproven={unproven}"]
    if unproven == "accept":
        assert _checked(runner, *words).returncode == 0
    else:
        (line,) = _found(runner, *words)
        assert line.startswith("requirements.txt:1: demo==1.0, but the hash of the installed 1.0 is not")


@pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nothing is proven")
def test_what_the_cache_proves_holds_and_is_not_remembered(runner: Runner) -> None:
    runner.index.add(DEMO)
    runner.pip("install", "demo==1.0")
    written(runner, pinned(DEMO))
    assert _checked(runner, "-r", "requirements.txt").returncode == 0
    assert not (runner.environment.site_packages / ".pinstall").exists()


def test_what_is_not_pinned_is_found_unless_that_is_allowed(runner: Runner) -> None:
    place(runner.environment, DEMO)
    written(runner, "demo>=1.0\n")
    assert _found(runner, "-r", "requirements.txt") == [
        "requirements.txt:1: `demo>=1.0` is not a pin; write `demo==1.0`, which is installed"
    ]
    assert _checked(runner, "-r", "requirements.txt", "--pin", "unpinned=allow").returncode == 0


def test_all_that_is_wrong_with_the_request_is_found_at_once(runner: Runner) -> None:
    place(runner.environment, DEMO)
    written(runner, "demo==1.0\ndemo==2.0\n???\n")
    found = _found(runner, "-r", "requirements.txt")
    assert [line.split(": ")[0] for line in found] == ["requirements.txt:3", "requirements.txt:1"]


def test_a_dependency_that_is_not_met_is_found(runner: Runner) -> None:
    place(runner.environment, wheel("top", "1.0", requires=["dep<2", "gone"]), wheel("dep", "2.0"))
    assert sorted(_found(runner, "top==1.0")) == [
        "top 1.0 needs dep<2, but 2.0 is installed; `pinstall` would install it",
        "top 1.0 needs gone, which is not installed; `pinstall` would install it",
    ]


def test_a_wheel_in_the_cache_that_contradicts_a_pin_is_found_and_stays(runner: Runner) -> None:
    place(runner.environment, DEMO)
    cached(runner, SOURCE, wheel("demo", "1.0", mark="cached").truncated())
    (line,) = _found(runner, "demo==1.0")
    assert line.startswith("the wheel of demo 1.0 is in pip's cache: it ")
    assert line.endswith("; `pinstall` would move it to the shelf")


def test_a_wheel_of_another_version_is_no_finding(runner: Runner) -> None:
    place(runner.environment, DEMO)
    cached(runner, sdist("demo", "2.0"), wheel("demo", "2.0"))
    ended = _checked(runner, "demo==1.0", "-v")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert [line for line in own_lines(ended) if line.startswith("the wheel of demo 2.0 would leave pip's cache")]


def test_only_deep_sees_a_file_that_was_altered_and_made_to_look_old(runner: Runner) -> None:
    place(runner.environment, DEMO)
    module = runner.environment.site_packages / "demo.py"
    status = module.stat()
    module.write_bytes(module.read_bytes().replace(b"MARK", b"MERK"))
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _checked(runner, "demo==1.0").returncode == 0
    assert _found(runner, "--deep", "demo==1.0") == [
        "demo 1.0: demo.py is not what was installed (`--force-reinstall` renews it)"
    ]


def test_a_file_that_something_unpinned_has_too_is_found(runner: Runner) -> None:
    first, other = (wheel(name, "1.0", modules={"shared.py": f"MARK = {name!r}\n"}) for name in ("first", "other"))
    place(runner.environment, first, other, DEMO)
    assert _found(runner, "first==1.0") == ["shared.py belongs to first and other: one of them has overwritten it"]
    assert _checked(runner, "demo==1.0").returncode == 0


def test_files_that_two_projects_have_are_told_in_one_line_for_all(runner: Runner) -> None:
    for name in ("first", "other"):
        modules = {f"shared/{number}.py": f"MARK = '{name}'\n" for number in range(3)}
        place(runner.environment, wheel(name, "1.0", modules=modules))
    assert _found(runner, "first==1.0") == [
        "3 files, such as shared/0.py, belong to first and other: one of them has overwritten them"
    ]
    (line,) = [line for line in own_lines(runner.pinstall("first==1.0")) if "overwritten" in line]
    assert line == (
        "command line: first==1.0 is satisfied but 3 of its files, such as shared/0.py, "
        "have been overwritten by other 1.0, which has them too"
    )


def test_the_document_says_the_same(runner: Runner) -> None:
    place(runner.environment, wheel("demo", "1.0+local"))
    cached(runner, SOURCE, wheel("demo", "1.0", mark="cached").truncated())
    ended = _checked(runner, "--json", "demo==1.0", "absent==1.0")
    assert ended.returncode == 1
    document = json.loads(ended.stdout)
    assert document["schema"] == 2
    assert {pin["name"]: pin["state"] for pin in document["pins"]} == {"demo": "satisfied", "absent": "not-installed"}
    (remark,) = document["pins"][0]["remarks"]
    assert "1.0+local" in remark
    assert [one["contradiction"] for one in document["evictions"]] == [True]
    assert len(document["findings"]) == 2


def test_what_is_found_is_what_install_does(runner: Runner) -> None:
    for archive in (DEMO, wheel("other", "1.0")):
        runner.index.add(archive)
    place(runner.environment, wheel("other", "2.0"))
    written(runner, "demo==1.0\nother==1.0\n")
    assert len(_found(runner, "-r", "requirements.txt")) == 2
    assert pinstall(runner, "-r", "requirements.txt").ended.returncode == 0
    assert _checked(runner, "-r", "requirements.txt").returncode == 0


def test_quiet_shows_what_is_found_and_nothing_else(runner: Runner) -> None:
    ended = _checked(runner, "-q", "demo==1.0")
    assert (ended.returncode, len(ended.stdout.splitlines()), ended.stderr) == (1, 1, "")


def test_no_password_is_shown(runner: Runner) -> None:
    place(runner.environment, wheel("demo", "2.0"))
    line = f"demo @ https://user:hunter2@example.invalid/{DEMO.filename}#sha256={DEMO.sha256}"
    written(runner, f"{line}\nother @ https://user:hunter2@example.invalid/other.zip\n")
    for form in ([], ["--json"]):
        ended = _checked(runner, *form, "-v", "-r", "requirements.txt")
        assert ended.returncode == 1
        assert "hunter2" not in ended.output


def test_a_file_that_is_not_there_is_found(runner: Runner) -> None:
    ended = _checked(runner, "-r", "nowhere.txt")
    assert (ended.returncode, own_lines(ended)) == (64, ["error: there is no file `nowhere.txt`"])


@pytest.mark.parametrize("unpinned", ["refuse", "allow"])
def test_a_request_that_is_no_pin_and_not_met_is_one_finding(runner: Runner, unpinned: str) -> None:
    for name in ("top", "other"):
        place(runner.environment, wheel(name, "1.0", requires=["gone", "dep<2", "lost"]))
    place(runner.environment, wheel("dep", "2.0"))
    written(runner, "top==1.0\nother==1.0\ngone\ndep>=3\n")
    lines = {3: "gone", 4: "dep>=3"}
    needs = ["top 1.0 needs lost", "top 1.0 needs dep<2", "other 1.0 needs dep<2"]
    if unpinned == "allow":
        needs += [f"requirements.txt:{number} needs {text}" for number, text in lines.items()]
        lines = {}
    expected = [
        f"requirements.txt:{number}: `{text}` is not a pin; write `{text[:4].strip('>')}==VERSION`"
        for number, text in lines.items()
    ]
    states = {need: "but 2.0 is installed" if "dep" in need else "which is not installed" for need in needs}
    expected += [f"{need}, {state}; `pinstall` would install it" for need, state in states.items()]
    assert sorted(_found(runner, "--pin", f"unpinned={unpinned}", "-r", "requirements.txt")) == sorted(expected)


TELLING = """
import sys
is_record = lambda name, told: name == "open" and str(told[0]).endswith("RECORD")
sys.addaudithook(lambda name, told: is_record(name, told) and print(told[0], file=sys.stderr))
from pinstall import cli
cli.main()
"""
"""Tells of each RECORD that is opened."""


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (22, 2), reason="without reports no damage is known")
@pytest.mark.parametrize("deep", [[], ["--deep"]], ids=["check", "deep"])
def test_no_record_is_read_for_each_file_or_project_that_is_damaged(inside: Runner, deep: list[str]) -> None:
    names = [f"demo{number}" for number in range(20)]
    for name in names:
        modules = {f"{name}/module{number}.py": "" for number in range(20)}
        place(inside.environment, wheel(name, "1.0", modules={f"{name}/__init__.py": "", **modules}))
        for path in inside.environment.site_packages.glob(f"{name}/*.py"):
            path.unlink()
    words = [*deep, *(f"{name}==1.0" for name in names)]
    ended = inside.run([str(inside.environment.python), "-c", TELLING, "check", *words])
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, len(names) * (22 if deep else 1))
    read = [line for line in ended.stderr.splitlines() if line.endswith("RECORD")]
    assert 0 < max(map(read.count, read)) < 10


MISTYPED = {
    "--requirment missing.txt": "`--requirement`",
    "--requirment=missing.txt": "`--requirement`",
    "--req missing.txt": "`--require-hashes` or `--requirement`",
    "--file missing.txt": "",
    "--deeep -r requirements.txt": "`--deep`",
    "-r requirements.txt -Z": "",
    "-r": "",
    "-r requirements.txt --no-binary -rmissing.txt": "",
}


@pytest.mark.parametrize(
    "line", [line if line == "--req missing.txt" else pytest.param(line, marks=pytest.mark.slow) for line in MISTYPED]
)
def test_an_option_that_nobody_knows_is_refused_instead_of_verifying_something_else(runner: Runner, line: str) -> None:
    place(runner.environment, DEMO)
    written(runner, "demo==1.0\n")
    for command in (["check"], ["why", "demo"]):
        ended = runner.pinstall(*command, *line.split())
        assert (ended.returncode, ended.stdout) == (64, ""), ended.output
        assert "hint: " in ended.stderr
        assert MISTYPED[line] in ended.stderr or command[0] == "why"


@pytest.mark.slow
def test_a_value_that_only_pip_can_judge_is_no_usage_error(runner: Runner) -> None:
    place(runner.environment, DEMO)
    assert _checked(runner, "demo==1.0", "--retries", "05", "--use-feature=of-tomorrow").returncode == 0
