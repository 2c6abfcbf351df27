"""What plain pip installed is proven from its cache, without a download and without touching what is installed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.caches import Layout, body_of, http_bodies, http_entry
from tests.support.pips import pip_wheel
from tests.support.scenes import RELEASE, cached, installed, lame, pinned, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nothing is proven (differences-from-pip.md)")
LAYOUT: Final[Layout] = "http-v2" if RELEASE >= (23, 3) else "http"


def test_wheels_of_plain_pip_are_proven_by_its_downloads(runner: Runner) -> None:
    archives = [
        wheel("aa", "1.0", requires=["bb"]),
        wheel("bb", "2.0", files={"bb-2.0.data/scripts/bb-run": b"#!python\nprint('bb')\n"}),
    ]
    for archive in archives:
        runner.index.add(archive)
    runner.pip("install", "aa==1.0")
    assert http_bodies(runner.cache)
    before = installed(runner.environment)
    runner.index.requests.clear()
    lame(runner.environment)
    written(runner, pinned(*archives))
    for _ in range(2):
        told = pinstall(runner, "-r", "requirements.txt")
        assert (told.ended.returncode, told.purposes, set(told.states.values())) == (0, [], {"satisfied"})
    assert runner.index.requests == []
    assert installed(runner.environment) == before


def test_a_build_of_plain_pip_is_proven_by_its_own_cache(runner: Runner) -> None:
    source = sdist("demo", "1.0")
    runner.index.add(source)
    built = cached(runner, source, wheel("demo", "1.0", mark="built"))
    place(runner.environment, wheel("demo", "1.0", mark="built"))
    lame(runner.environment)
    written(runner, pinned(source))
    told = pinstall(runner, "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes) == (0, [])
    assert built.exists()


def test_what_is_not_the_cached_artifact_is_reinstalled(runner: Runner) -> None:
    good, other = wheel("demo", "1.0", mark="pinned"), wheel("demo", "1.0", mark="other")
    runner.index.add(good)
    runner.pip("download", "--no-deps", "-d", "files", "demo==1.0")
    assert body_of(http_entry(runner.cache, runner.index.file_url(good.filename), LAYOUT)).exists()
    place(runner.environment, other)
    written(runner, pinned(good))
    told = pinstall(runner, "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"])
    assert runner.environment.module("demo", "MARK") == "pinned"


def test_where_only_accepting_is_asked_the_cache_is_not_looked_at(runner: Runner) -> None:
    good = wheel("demo", "1.0")
    runner.index.add(good)
    runner.pip("install", "demo==1.0")
    lame(runner.environment)
    written(runner, pinned(good))
    told = pinstall(runner, "-r", "requirements.txt", "--pin", "unproven=accept")
    assert (told.ended.returncode, told.states) == (0, {"demo": "not-verified"})


@pytest.mark.parametrize("option", ["-r", pytest.param("-c", marks=pytest.mark.slow)])
def test_of_hashes_that_another_line_narrows_pip_proves_nothing(runner: Runner, option: str) -> None:
    """Pip goes by the hashes of one line, and takes the file that it prefers: which has which it knows too late."""
    preferred, narrowed = wheel("demo", "1.0", mark="preferred", build="1"), wheel("demo", "1.0", mark="narrowed")
    digests = [f"--hash=sha512:{hashlib.sha512(one.content).hexdigest()}" for one in (preferred, narrowed)]
    for archive in (preferred, narrowed):
        archive.write(runner.home / "links")
    written(runner, f"demo==1.0 {' '.join(digests)}\n")
    written(runner, f"demo==1.0 {digests[1]}\n", "narrow.txt")
    words = ("--no-index", "--find-links", "links", "-r", "requirements.txt", option, "narrow.txt")
    told = pinstall(runner, *words, index=False)
    assert (told.ended.returncode, told.states) == (65, {"demo": "not-verified"}), told.ended.output
    (runner.home / "links" / preferred.filename).unlink()
    for purposes in (["install", "force"], []):
        told = pinstall(runner, *words, index=False)
        assert (told.ended.returncode, told.purposes) == (0, purposes), told.ended.output
        assert runner.environment.module("demo", "MARK") == "narrowed"


@pytest.mark.slow
def test_an_older_pip_that_is_pinned_too_reinstalls_without_a_report_what_is_not_proven(runner: Runner) -> None:
    path = pip_wheel("21.3.1")
    older = Archive(path.name, path.read_bytes())
    there, wanted = wheel("aa", "1.0", mark="there"), wheel("aa", "1.0", mark="wanted")
    place(runner.environment, there)
    for archive in (older, wanted):
        runner.index.add(archive)
    told = pinstall(runner, "-r", written(runner, pinned(wanted, older)))
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"])
    assert "pip 21.3.1 does not report what it installs: hashes are not proven" in told.ended.stderr
    assert runner.environment.module("aa", "MARK") == "wanted"
    assert pinstall(runner, "-r", "requirements.txt").purposes == []
