"""A pinned version is what is installed, whatever pip's cache holds: the user's story and its relatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.caches import built_wheels, snapshot
from tests.support.scenes import (
    BUILDS_AGAIN,
    cached,
    entry,
    in_place,
    installed,
    lame,
    own_lines,
    pinned,
    pinstall,
    place,
    requirement,
    shelved,
    written,
)
from tests.support.sdists import BUILD_LOG, builds, sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner

OLD = sdist("docopt", "0.6.1", mark="from the index")
NEW = sdist("docopt", "0.6.2")
OTHER = wheel("other", "1.0")


@pytest.fixture
def log(runner: Runner, tmp_path: Path) -> Path:
    runner.variables[BUILD_LOG] = str(tmp_path / "builds")
    return tmp_path / "builds"


@pytest.fixture
def story(runner: Runner, log: Path) -> Runner:
    """0.6.2 was built and cached by plain pip and uninstalled again; another project is in the HTTP cache."""
    for archive in (OLD, NEW, OTHER):
        runner.index.add(archive)
    runner.pip("install", "docopt", "other")
    assert runner.environment.module("docopt") == "0.6.2"
    runner.pip("uninstall", "-y", "docopt", "other")
    assert [path.name for path in built_wheels(runner.cache)] == ["docopt-0.6.2-py3-none-any.whl"]
    runner.index.requests.clear()
    return runner


@pytest.mark.parametrize("hashes", [False, True], ids=["versions", "hashes"])
def test_the_users_story(story: Runner, cache: Path, log: Path, hashes: bool) -> None:
    before = snapshot(cache)
    if hashes:
        wanted: list[str | Path] = ["-r", written(story, pinned(OLD, OTHER))]
    else:
        wanted = ["docopt==0.6.1", "other==1.0"]

    first = pinstall(story, "-v", *wanted)
    assert first.ended.returncode == 0
    assert story.environment.module("docopt") == "0.6.1"
    assert story.environment.module("other") == "1.0"
    assert first.states == {"docopt": "satisfied", "other": "satisfied"}
    assert first.evicted == {"docopt 0.6.2": False}
    assert [line for line in own_lines(first.ended) if "docopt 0.6.2" in line and "out of pip's cache" in line]
    assert shelved(cache) == ["docopt-0.6.2-py3-none-any.whl"]
    assert [path.name for path in built_wheels(cache)] == ["docopt-0.6.1-py3-none-any.whl"]
    # without the cache for the one project only, and one build in all
    assert first.purposes == ["remake", "install"]
    assert first.document["rebuilt"] == ["docopt==0.6.1"]
    assert "--no-cache-dir" in first.arguments("remake")
    assert "--no-cache-dir" not in first.arguments("install")
    assert [line for line in own_lines(first.ended) if "-m pip install --no-cache-dir" in line]
    assert not story.index.asked("/files/other")
    again = ["docopt-0.6.1"] if hashes and BUILDS_AGAIN else []
    assert builds(log) == ["docopt-0.6.2", "docopt-0.6.1", *again]
    assert not list(cache.glob("pinstall/stage-*"))

    story.index.requests.clear()
    second = pinstall(story, *wanted)
    assert (second.ended.returncode, second.purposes, story.index.requests) == (0, [], [])
    assert own_lines(second.ended)[-1] == "2 pins satisfied"
    assert second.ended.stdout == ""

    assert story.pinstall("undo").returncode == 0
    assert in_place(cache, before)
    assert shelved(cache) == []
    story.pip("install", "docopt==0.6.2")
    assert story.environment.module("docopt") == "0.6.2"
    assert builds(log) == ["docopt-0.6.2", "docopt-0.6.1", *again]


@pytest.mark.parametrize("hashes", [False, True], ids=["versions", "hashes"])
def test_the_users_story_with_a_wheel_on_the_index(runner: Runner, cache: Path, log: Path, hashes: bool) -> None:
    archive = wheel("docopt", "0.6.1", mark="wheel")
    for one in (OLD, NEW, archive):
        runner.index.add(one)
    cached(runner, NEW, wheel("docopt", "0.6.2"))
    wanted = ["-r", written(runner, pinned(archive))] if hashes else ["docopt==0.6.1"]
    told = pinstall(runner, *wanted)
    assert told.ended.returncode == 0
    assert runner.environment.module("docopt", "MARK") == "wheel"
    assert told.evicted == {"docopt 0.6.2": False}
    assert builds(log) == []
    runner.index.requests.clear()
    lame(runner.environment)
    again = pinstall(runner, *wanted)
    assert (again.ended.returncode, again.purposes, runner.index.requests) == (0, [], [])
    assert runner.pinstall("undo").returncode == 0
    assert [path.name for path in built_wheels(cache)] == ["docopt-0.6.2-py3-none-any.whl"]


@pytest.mark.slow
def test_without_v_a_run_says_what_it_moves_what_it_builds_anew_and_a_summary(story: Runner) -> None:
    ended = story.pinstall("docopt==0.6.1", "other==1.0")
    target, *lines = own_lines(ended)
    assert f"into {story.environment.root} (" in target
    assert lines[0].startswith("moved the wheel of docopt 0.6.2 out of pip's cache")
    assert lines[1:] == ["rebuilding docopt without pip's cache", "2 pins satisfied"]


@pytest.mark.slow
def test_what_lies_on_the_shelf_comes_back_when_it_is_pinned_and_nothing_is_built(
    story: Runner, cache: Path, log: Path
) -> None:
    assert pinstall(story, "docopt==0.6.1").ended.returncode == 0
    for version, gone in (("0.6.2", "0.6.1"), ("0.6.1", "0.6.2"), ("0.6.2", "0.6.1")):
        told = pinstall(story, f"docopt=={version}")
        assert (told.ended.returncode, told.purposes) == (0, ["install"])
        assert story.environment.module("docopt") == version
        assert told.evicted == {f"docopt {gone}": False}
        assert [line for line in own_lines(told.ended) if line.startswith(f"put the wheel of docopt {version} back")]
        assert [path.name for path in built_wheels(cache)] == [f"docopt-{version}-py3-none-any.whl"]
        assert shelved(cache) == [f"docopt-{gone}-py3-none-any.whl"]
    assert builds(log) == ["docopt-0.6.2", "docopt-0.6.1"]


@pytest.mark.slow
def test_undo_puts_back_the_latest_run_first_and_says_when_nothing_is_left(runner: Runner, cache: Path) -> None:
    sources = [sdist(name, version) for name in ("aa", "bb") for version in ("1.0", "2.0")]
    for source in sources:
        runner.index.add(source)
    cached(runner, sources[1], wheel("aa", "2.0"))
    cached(runner, sources[3], wheel("bb", "2.0"))
    assert runner.pinstall("aa==1.0").returncode == 0
    assert runner.pinstall("bb==1.0").returncode == 0
    assert len(shelved(cache)) == 2
    first = runner.pinstall("undo")
    assert (first.returncode, shelved(cache)) == (0, ["aa-2.0-py3-none-any.whl"])
    assert "bb 2.0" in first.stderr
    assert runner.pinstall("undo").returncode == 0
    assert shelved(cache) == []
    last = runner.pinstall("undo")
    assert last.returncode == 1
    assert "nothing" in last.stderr


# --- evict=contradicting, evict=never --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("evict", ["contradicting", "never"])
def test_mere_other_versions_stay_where_the_user_wants_that(story: Runner, cache: Path, log: Path, evict: str) -> None:
    before = snapshot(cache)
    told = pinstall(story, "docopt==0.6.1", "--pin", f"evict={evict}")
    assert (told.ended.returncode, told.purposes, told.evicted) == (0, ["install"], {})
    assert story.environment.module("docopt") == "0.6.1"
    assert in_place(cache, before)
    assert shelved(cache) == []


def test_contradicting_evicts_the_damaged_and_spares_the_other_version(runner: Runner, cache: Path) -> None:
    for archive in (OLD, NEW):
        runner.index.add(archive)
    spared = cached(runner, NEW, wheel("docopt", "0.6.2"))
    cached(runner, OLD, wheel("docopt", "0.6.1").truncated())
    told = pinstall(runner, "docopt==0.6.1", "--pin", "evict=contradicting")
    assert (told.ended.returncode, told.evicted) == (0, {"docopt 0.6.1": True})
    assert runner.environment.module("docopt", "MARK") == "from the index"
    assert spared.exists()


@pytest.mark.slow
def test_never_leaves_even_the_damaged_and_then_pip_has_its_say(runner: Runner, cache: Path) -> None:
    runner.index.add(OLD)
    cached(runner, OLD, wheel("docopt", "0.6.1", metadata={"Version": "9.9"}))
    before = snapshot(cache)
    told = pinstall(runner, "docopt==0.6.1", "--pin", "evict=never")
    assert (told.ended.returncode, told.purposes, told.evicted) == (1, ["install"], {})
    assert in_place(cache, before)


# --- wheels of the cache that are not what they say ------------------------------------------------------------------

GOOD = wheel("docopt", "0.6.1", mark="in the cache")
WRONG = {
    "another version in METADATA": wheel("docopt", "0.6.1", metadata={"Version": "9.9"}),
    "another dist-info": wheel("docopt", "0.6.1", dist_info="docopt-9.9"),
    "no zip": GOOD._replace(content=b"<html>503</html>"),
    "truncated": GOOD.truncated(),
    "one byte flipped": GOOD.flipped(),
    "of another version by name and inside": wheel("docopt", "9.9"),
    "with another label by name and inside": wheel("docopt", "0.6.1+evil"),
    "no wheel's name": GOOD._replace(filename="docopt-0.6.1.whl"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wheel_that_is_not_what_it_says_leaves_the_cache_and_the_right_one_is_built(
    runner: Runner, cache: Path, log: Path, wrong: Archive
) -> None:
    runner.index.add(OLD)
    cached(runner, OLD, wrong)
    told = pinstall(runner, "docopt==0.6.1")
    assert told.ended.returncode == 0
    assert runner.environment.module("docopt", "MARK") == "from the index"
    assert runner.environment.freeze() == ["docopt==0.6.1"]
    assert list(told.evicted.values()) == [True]
    assert builds(log) == ["docopt-0.6.1"]
    assert shelved(cache) == [wrong.filename]
    assert [path.name for path in built_wheels(cache)] == [GOOD.filename]


@pytest.mark.parametrize("wrong", ["another version in METADATA", "no zip", "truncated"])
def test_what_is_proven_bad_stays_on_the_shelf_when_pip_fails_and_the_rest_goes_back(
    runner: Runner, cache: Path, wrong: str
) -> None:
    for archive in (OLD, NEW):
        runner.index.add(archive)
    bad = cached(runner, OLD, WRONG[wrong])
    good = cached(runner, NEW, wheel("docopt", "0.6.2"))
    told = pinstall(runner, "docopt==0.6.1", "missing==1.0")
    assert told.ended.returncode == 1
    assert told.evicted == {"docopt 0.6.1": True, "docopt 0.6.2": False}
    assert good.exists()
    assert shelved(cache) == [WRONG[wrong].filename]
    assert not bad.exists() or bad.read_bytes() != WRONG[wrong].content
    assert runner.environment.freeze() == []


def test_a_good_wheel_of_the_pinned_version_is_used_and_nothing_is_moved(
    runner: Runner, cache: Path, log: Path
) -> None:
    runner.index.add(OLD)
    cached(runner, OLD, GOOD)
    before = snapshot(cache)
    told = pinstall(runner, "docopt==0.6.1")
    assert (told.ended.returncode, told.purposes, told.evicted) == (0, ["install"], {})
    assert runner.environment.module("docopt", "MARK") == "in the cache"
    assert (builds(log), in_place(cache, before)) == ([], True)


@pytest.mark.slow
def test_wheels_of_projects_that_are_not_pinned_are_left_alone(runner: Runner, cache: Path) -> None:
    for archive in (OLD, NEW):
        runner.index.add(archive)
    strangers = [
        cached(runner, sdist("docopt-ng", "0.9"), wheel("docopt-ng", "0.9")),
        cached(runner, sdist("doc", "0.1"), wheel("doc", "0.1").truncated()),
    ]
    cached(runner, NEW, wheel("docopt", "0.6.2"))
    told = pinstall(runner, "docopt==0.6.1")
    assert told.evicted == {"docopt 0.6.2": False}
    assert all(path.exists() for path in strangers)


# --- direct URLs -----------------------------------------------------------------------------------------------------


def _direct(runner: Runner, source: Archive) -> str:
    return f"{source.filename.split('-')[0]} @ {runner.index.add(source)}#sha256={source.sha256}"


@pytest.mark.slow
def test_a_direct_url_whose_entry_holds_another_version(runner: Runner, cache: Path, log: Path) -> None:
    direct = _direct(runner, OLD)
    poisoned = cached(runner, OLD, wheel("docopt", "9.9", mark="poison"), direct=True)
    # this is what pip alone does with it, silently
    assert runner.pip("install", direct).returncode == 0
    assert runner.environment.module("docopt") == "9.9"
    runner.pip("uninstall", "-y", "docopt")
    assert poisoned.exists()

    told = pinstall(runner, direct)
    assert told.ended.returncode == 0
    assert runner.environment.module("docopt", "MARK") == "from the index"
    assert told.evicted == {"docopt 9.9": True}
    assert builds(log) == ["docopt-0.6.1"]
    lame(runner.environment)
    assert pinstall(runner, direct).purposes == []


@pytest.mark.slow
def test_a_direct_url_whose_poison_is_installed_already_does_not_hold(runner: Runner, cache: Path) -> None:
    direct = _direct(runner, OLD)
    cached(runner, OLD, wheel("docopt", "9.9", mark="poison"), direct=True)
    runner.pip("install", direct)
    told = pinstall(runner, direct)
    assert told.ended.returncode == 0
    assert runner.environment.module("docopt", "MARK") == "from the index"


# --- local labels ----------------------------------------------------------------------------------------------------

PLAIN = wheel("torch", "1.0", mark="plain")
LABELLED = wheel("torch", "1.0+cu113", mark="cu113")


@pytest.mark.parametrize(
    ("present", "wanted", "mark"),
    [
        (PLAIN, "torch==1.0+cu113", "cu113"),
        (LABELLED, "torch===1.0", "plain"),
        (LABELLED, "torch==1.0+cu118", "cu118"),
    ],
)
def test_another_label_is_replaced(runner: Runner, present: Archive, wanted: str, mark: str) -> None:
    for archive in (PLAIN, LABELLED, wheel("torch", "1.0+cu118", mark="cu118")):
        runner.index.add(archive)
    place(runner.environment, present)
    told = pinstall(runner, wanted)
    assert (told.ended.returncode, told.states) == (0, {"torch": "satisfied"})
    assert runner.environment.module("torch", "MARK") == mark
    lame(runner.environment)
    assert pinstall(runner, wanted).purposes == []


@pytest.mark.parametrize(
    ("present", "wanted"),
    [
        (PLAIN, "torch==1.0"),
        (LABELLED, "torch==1.0"),
        (PLAIN, "torch===1.0"),
        (LABELLED, "torch==1.0+CU113"),
        (LABELLED, "torch===1.0+cu113"),
        (wheel("torch", "1.0"), "torch==1"),
    ],
)
def test_a_bare_version_leaves_the_label_open_and_a_written_one_is_demanded(
    runner: Runner, present: Archive, wanted: str
) -> None:
    place(runner.environment, present)
    before = installed(runner.environment)
    lame(runner.environment)
    told = pinstall(runner, wanted)
    assert (told.ended.returncode, told.purposes, told.states) == (0, [], {"torch": "satisfied"})
    assert installed(runner.environment) == before


def test_a_built_wheel_without_the_pinned_label_leaves_the_cache(runner: Runner, cache: Path) -> None:
    source = sdist("torch", "1.0")
    runner.index.add(source)
    runner.index.add(LABELLED)
    cached(runner, source, PLAIN)
    told = pinstall(runner, "torch==1.0+cu113")
    assert (told.ended.returncode, told.evicted) == (0, {"torch 1.0": False})
    assert runner.environment.module("torch", "MARK") == "cu113"


@pytest.mark.slow
def test_a_label_that_the_index_does_not_have_is_pips_failure_and_changes_nothing(runner: Runner, cache: Path) -> None:
    source = sdist("torch", "1.0")
    runner.index.add(source)
    path = cached(runner, source, PLAIN)
    place(runner.environment, PLAIN)
    before = installed(runner.environment)
    told = pinstall(runner, "torch==1.0+cu113")
    assert told.ended.returncode == 1
    assert path.exists()
    assert installed(runner.environment) == before


@pytest.mark.slow
def test_the_entry_is_where_pip_itself_would_put_it(runner: Runner, log: Path) -> None:
    runner.index.add(OLD)
    runner.pip("install", requirement(OLD))
    assert [path.parent for path in built_wheels(runner.cache)] == [entry(runner, OLD)]
