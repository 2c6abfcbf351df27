"""Where everything holds pip is not started; where only the contents are wrong, exactly those are made right."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import http_bodies, snapshot
from tests.support.scenes import RELEASE, cached, files, installed, lame, own_lines, pinned, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner
    from tests.support.wheels import Archive


def _dist_info(runner: Runner, name: str) -> Path:
    (found,) = runner.environment.site_packages.glob(f"{name}-*.dist-info")
    return found


def _untouched(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def test_what_holds_is_said_in_one_line_and_pip_is_not_started(inside: Runner) -> None:
    place(inside.environment, wheel("aa", "1.0", requires=["bb"]), wheel("bb", "1.0"))
    lame(inside.environment)
    before = files(inside.environment.root)
    ended = inside.pinstall("aa==1.0", "bb==1.0")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "pinstall: 2 pins satisfied\n")
    after = files(inside.environment.root)
    assert {path for path in after if ".pinstall/" not in path} == before.keys()
    assert inside.index.requests == []


def test_another_target_is_named_first(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    lame(runner.environment)
    ended = runner.pinstall("aa==1.0")
    first, second = own_lines(ended)
    assert (ended.returncode, ended.stdout, second) == (0, "", "1 pin satisfied")
    assert f"into {runner.environment.root} (" in first


@pytest.mark.parametrize("spelling", ["AA==1.0", "aa == 1.0.0", "aa===1.0", "aa==1.0 ; python_version >= '3'"])
def test_every_spelling_of_what_is_installed_holds(runner: Runner, spelling: str) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    lame(runner.environment)
    ended = runner.pinstall(spelling)
    assert (ended.returncode, own_lines(ended)[-1]) == (0, "1 pin satisfied")


@pytest.mark.slow
def test_an_extra_whose_dependency_is_missing_starts_pip(runner: Runner) -> None:
    top = wheel("top", "1.0", extras={"cli": ["dep==1.0"]})
    runner.index.add(top)
    runner.index.add(wheel("dep", "1.0"))
    place(runner.environment, top)
    assert pinstall(runner, "top==1.0").purposes == []
    told = pinstall(runner, "top[cli]==1.0", "-v")
    assert (told.ended.returncode, told.purposes) == (0, ["install"])
    assert [line for line in own_lines(told.ended) if "pip is started" in line and "dep" in line]
    assert runner.environment.freeze() == ["dep==1.0", "top==1.0"]
    lame(runner.environment)
    assert pinstall(runner, "top[cli]==1.0").purposes == []


def test_a_dependency_that_is_gone_or_of_another_version_starts_pip(runner: Runner) -> None:
    top = wheel("top", "1.0", requires=["dep<2", "other; python_version < '3'"])
    for archive in (top, wheel("dep", "1.0"), wheel("dep", "2.0")):
        runner.index.add(archive)
    place(runner.environment, top)
    assert pinstall(runner, "top==1.0").purposes == ["install"]
    assert runner.environment.module("dep") == "1.0"
    runner.pip("install", "dep==2.0")
    told = pinstall(runner, "top==1.0", "-v")
    assert (told.ended.returncode, told.purposes) == (0, ["install"])
    # who asks for what
    assert [line for line in own_lines(told.ended) if "top 1.0 needs dep<2" in line and "dep 2.0 is installed" in line]
    assert runner.environment.module("dep") == "1.0"
    lame(runner.environment)
    assert pinstall(runner, "top==1.0").purposes == []


def test_without_dependencies_the_closure_does_not_count(runner: Runner) -> None:
    place(runner.environment, wheel("top", "1.0", requires=["dep"]))
    lame(runner.environment)
    assert pinstall(runner, "--no-deps", "top==1.0").purposes == []


@pytest.mark.slow
@pytest.mark.parametrize("option", ["-U", "--force-reinstall", "-I", "--dry-run", "--report=r.json", "--target=t"])
def test_an_option_that_demands_more_always_starts_pip(runner: Runner, option: str) -> None:
    runner.index.add(wheel("aa", "1.0"))
    place(runner.environment, wheel("aa", "1.0"))
    told = pinstall(runner, option, "aa==1.0")
    assert (told.ended.returncode, told.purposes) == (0, ["install"])


def test_a_broken_installation_does_not_hold(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    (_dist_info(runner, "aa") / "METADATA").unlink()
    runner.index.add(wheel("aa", "1.0"))
    told = pinstall(runner, "aa==1.0")
    assert told.purposes != []
    # pip cannot mend that by itself, and it must not pass for a pin that holds
    assert told.ended.returncode != 0 or runner.environment.freeze() == ["aa==1.0"]


# --- hashes ----------------------------------------------------------------------------------------------------------


def test_a_hash_that_a_run_of_pinstall_proved_holds_from_then_on(runner: Runner) -> None:
    archives = [wheel(name, "1.0") for name in ("aa", "bb")]
    for archive in archives:
        runner.index.add(archive)
    written(runner, pinned(*archives))
    told = pinstall(runner, "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes) == (0, ["install"])
    lame(runner.environment)
    runner.index.requests.clear()
    again = pinstall(runner, "-r", "requirements.txt")
    assert (again.ended.returncode, again.purposes, runner.index.requests) == (0, [], [])
    assert again.states == {"aa": "satisfied", "bb": "satisfied"}


@pytest.mark.slow
def test_what_the_ledger_proved_counts_no_more_once_the_record_is_another(runner: Runner) -> None:
    archive = wheel("aa", "1.0")
    runner.index.add(archive)
    written(runner, pinned(archive))
    assert runner.pinstall("-r", "requirements.txt").returncode == 0
    runner.pip("install", "--force-reinstall", "--no-deps", wheel("aa", "1.0", mark="x").write(runner.home / "x"))
    (_dist_info(runner, "aa") / "direct_url.json").unlink()
    assert runner.environment.module("aa", "MARK") == "x"
    told = pinstall(runner, "-r", "requirements.txt")
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert runner.environment.module("aa", "MARK") == ""


@pytest.mark.slow
def test_another_artifact_whose_record_is_the_same_is_seen(runner: Runner) -> None:
    """A wheel's RECORD need not have hashes, and pip leaves it so."""
    record = {"aa-1.0.dist-info/RECORD": b"aa.py,,\naa-1.0.dist-info/RECORD,,\n"}
    first, second = (wheel("aa", "1.0", mark=mark, files=record, record_is="missing") for mark in "AB")
    runner.index.add(first)
    written(runner, pinned(first))
    assert runner.pinstall("-r", "requirements.txt").returncode == 0
    assert pinstall(runner, "-r", "requirements.txt").purposes == []
    links = second.write(runner.home / "other").parent
    pip = ("install", "--force-reinstall", "--no-compile", "--no-index", "--find-links", links, "aa==1.0")
    runner.pip(*pip, index=False)
    assert runner.environment.module("aa", "MARK") == "B"
    told = pinstall(runner, "-r", "requirements.txt")
    assert (told.ended.returncode, told.states, told.purposes) == (0, {"aa": "satisfied"}, ["install", "force"])
    assert runner.environment.module("aa", "MARK") == "A"
    assert pinstall(runner, "-r", "requirements.txt").purposes == []


@pytest.mark.slow
def test_what_could_be_written_only_elsewhere_hides_nothing_later(runner: Runner) -> None:
    first, second = wheel("aa", "1.0", mark="A"), wheel("aa", "1.0", mark="B", build="1")
    for archive in (first, second):
        runner.index.add(archive)
    # root may write everywhere: a file in the place of the folder
    place_of_ledger = runner.environment.site_packages / ".pinstall"
    place_of_ledger.write_bytes(b"")
    written(runner, pinned(first))
    assert runner.pinstall("-r", "requirements.txt").returncode == 0
    place_of_ledger.unlink()
    written(runner, pinned(second))
    assert runner.pinstall("-r", "requirements.txt").returncode == 0
    assert runner.environment.module("aa", "MARK") == "B"
    assert pinstall(runner, "-r", "requirements.txt").purposes == []
    assert runner.pinstall("check").returncode == 0


@pytest.mark.slow
def test_of_an_environment_that_plain_pip_made_exactly_the_unproven_are_reinstalled_and_only_once(
    runner: Runner,
) -> None:
    archives = [wheel(name, "1.0", requires=["dep"] if name == "cc" else []) for name in ("aa", "bb", "cc", "dep")]
    for archive in archives:
        runner.index.add(archive)
    written(runner, pinned(archives[0]), "first.txt")
    written(runner, pinned(*archives))
    assert runner.pinstall("-r", "first.txt").returncode == 0
    runner.pip("install", "--no-cache-dir", "-r", "requirements.txt")
    proven = _untouched(_dist_info(runner, "aa") / "RECORD")
    unproven = [_untouched(_dist_info(runner, name) / "RECORD") for name in ("bb", "cc", "dep")]
    runner.index.requests.clear()

    told = pinstall(runner, "-r", "requirements.txt")
    assert told.ended.returncode == 0
    assert told.purposes == ["install", "force"]
    assert set(told.states.values()) == {"satisfied"}
    assert _untouched(_dist_info(runner, "aa") / "RECORD") == proven
    assert all(
        _untouched(_dist_info(runner, name) / "RECORD") != before
        for name, before in zip(("bb", "cc", "dep"), unproven, strict=True)
    )
    lame(runner.environment)
    assert pinstall(runner, "-r", "requirements.txt").purposes == []


@pytest.mark.parametrize("origin", ["index", "file"])
def test_the_other_artifact_of_the_same_version_is_replaced(runner: Runner, origin: str) -> None:
    """Pip says "satisfied" of any artifact, also where hashes are demanded."""
    first = wheel("aa", "1.0", mark="A", tag="py2.py3-none-any")
    second = wheel("aa", "1.0", mark="B")
    runner.index.add(first)
    if origin == "index":
        runner.pip("install", "aa==1.0")
    else:
        runner.pip("install", first.write(runner.home / "a"))
    runner.index.add(second)
    if RELEASE >= (26, 2):
        # it believes the cached page otherwise, which is another story
        runner.pip("install", "--dry-run", "--ignore-installed", "--refresh-package", "aa", "aa==1.0")
    written(runner, pinned(second))
    assert runner.pip("install", "-r", "requirements.txt").returncode == 0
    assert runner.environment.module("aa", "MARK") == "A"

    told = pinstall(runner, "-r", "requirements.txt")
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert runner.environment.module("aa", "MARK") == "B"
    assert told.purposes == ["install", "force"]
    lame(runner.environment)
    assert pinstall(runner, "-r", "requirements.txt").purposes == []


@pytest.mark.slow
def test_another_artifact_that_cannot_be_had_is_an_error_of_ours_and_what_was_there_stays(runner: Runner) -> None:
    archive = wheel("aa", "1.0", mark="A")
    runner.index.add(archive)
    runner.pip("install", "aa==1.0")
    before = installed(runner.environment)
    written(runner, f"aa==1.0 --hash=sha256:{'0' * 64}\n")
    told = pinstall(runner, "-r", "requirements.txt")
    assert told.ended.returncode == 65
    assert [line for line in own_lines(told.ended) if "requirements.txt:1" in line and "aa==1.0" in line]
    assert installed(runner.environment) == before


@pytest.mark.slow
def test_a_local_wheel_is_a_pin_of_its_present_bytes(runner: Runner) -> None:
    path = wheel("aa", "1.0", mark="A").write(runner.home / "dist")
    assert runner.pinstall(path).returncode == 0
    first = pinstall(runner, path)
    assert (first.ended.returncode, first.purposes) == (0, [])
    wheel("aa", "1.0", mark="B").write(runner.home / "dist")
    told = pinstall(runner, path)
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert runner.environment.module("aa", "MARK") == "B"


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["plain", "a -b", "a #b", "${HOME}", "a b [x]"])
def test_a_local_wheel_is_reinstalled_from_a_folder_of_any_name(runner: Runner, folder: str) -> None:
    place(runner.environment, wheel("aa", "1.0", mark="B"))
    path = wheel("aa", "1.0", mark="A").write(runner.home / folder)
    told = pinstall(runner, f"./{folder}/{path.name}")
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"]), told.ended.output
    assert runner.environment.module("aa", "MARK") == "A"


# --- unproven=accept|refuse ------------------------------------------------------------------------------------------


def _by_plain_pip(runner: Runner) -> Archive:
    archive = wheel("aa", "1.0")
    runner.index.add(archive)
    runner.pip("install", "aa==1.0")
    written(runner, pinned(archive))
    return archive


def test_accept_takes_the_right_version_without_proof_and_says_so(runner: Runner) -> None:
    _by_plain_pip(runner)
    lame(runner.environment)
    told = pinstall(runner, "-r", "requirements.txt", "--pin", "unproven=accept")
    assert (told.ended.returncode, told.purposes, told.states) == (0, [], {"aa": "not-verified"})
    assert "1 of the right version with a hash that is not verified" in own_lines(told.ended)[-1]


def test_refuse_reinstalls_nothing_and_fails(runner: Runner, cache: Path) -> None:
    archive = _by_plain_pip(runner)
    (body,) = (path for path in http_bodies(cache) if archive.content in path.read_bytes())
    body.unlink()  # so that nothing proves what is installed
    before, entries = installed(runner.environment), snapshot(cache)
    told = pinstall(runner, "-r", "requirements.txt", "--pin", "unproven=refuse")
    assert (told.ended.returncode, told.states) == (65, {"aa": "not-verified"})
    assert [line for line in own_lines(told.ended) if "requirements.txt:1" in line and "aa==1.0" in line]
    assert "hint: " in told.ended.stderr
    assert installed(runner.environment) == before
    assert snapshot(cache) == entries


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (23, 0), reason="this pip notes no hash of a local wheel, so nothing is proven")
def test_accept_still_replaces_what_is_proven_to_be_another_artifact(runner: Runner) -> None:
    archive = _by_plain_pip(runner)
    runner.pip("install", "--force-reinstall", "--no-deps", wheel("aa", "1.0", mark="x").write(runner.home / "x"))
    told = pinstall(runner, "-r", "requirements.txt", "--pin", "unproven=accept")
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert runner.environment.module("aa", "MARK") == ""
    assert archive.sha256 in told.document["pins"][0]["hashes"][0]


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (23, 0), reason="without a quiet report it is not asked how pip left a wheel behind")
def test_a_wheel_whose_own_record_is_wrong_is_installed_and_holds_from_then_on(runner: Runner) -> None:
    """Old tools have made such wheels, and pip installs them without a word."""
    honest = wheel("aa", "1.0", files={"aa-1.0.dist-info/gone.txt": b"gone"})
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(honest.content)) as old, zipfile.ZipFile(stream, "w") as new:
        for member in old.infolist():
            if not member.filename.endswith("gone.txt"):
                new.writestr(member, old.read(member))
    archive = honest._replace(content=stream.getvalue())
    runner.index.add(archive)
    told = pinstall(runner, "aa==1.0")
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert pinstall(runner, "aa==1.0").purposes == []
    # what is altered afterwards is seen all the same
    (runner.environment.site_packages / "aa.py").unlink()
    assert runner.pinstall("check", "aa==1.0").returncode == 1
    assert pinstall(runner, "aa==1.0").ended.returncode == 0
    # plain pip has told nobody what was wrong from the beginning, so it is installed once more
    runner.pip("install", "--force-reinstall", "aa==1.0")
    told = pinstall(runner, "aa==1.0")
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"])
    assert pinstall(runner, "aa==1.0").purposes == []


@pytest.mark.parametrize("words", [["--no-cache-dir"], ["--cache-dir", "clean"]], ids=["none", "another"])
def test_the_reinstallation_for_proof_uses_the_cache_that_the_command_line_names(
    runner: Runner, words: list[str]
) -> None:
    source = sdist("demo", "1.0", mark="from the index")
    runner.index.add(source)
    cached(runner, source, wheel("demo", "1.0", mark="in the other cache"))
    place(runner.environment, wheel("demo", "1.0", mark="something else"))
    before = snapshot(runner.cache)
    written(runner, f"demo==1.0 --hash=sha256:{source.sha256}\n")
    ended = runner.pinstall(*words, "-r", "requirements.txt")
    assert ended.returncode == 0, ended.output
    assert runner.environment.module("demo", "MARK") == "from the index"
    assert snapshot(runner.cache) == before
