"""What is remembered of a big cache: never another wheel than those that lie in it."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from pinstall.cache import listing, wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.environments import Environment

NAMES = ("demo", "foo-bar")
LEAF = f"ab/cd/ef/{'0' * 50}"
DEMO = f"{LEAF}/demo-1.0-py3-none-any.whl"
OTHER = f"ab/cd/01/{'1' * 50}/other-1.0-py3-none-any.whl"
EMPTY = f"ab/cd/01/{'2' * 50}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A cache of built wheels, and what is remembered of it."""

    root: Path
    state: Path

    @property
    def wheels(self) -> Path:
        """Where pip keeps them."""
        return self.root / "wheels"

    def put(self, path: str) -> None:
        """Put a wheel, of which only the name counts here, into the cache."""
        place = self.wheels / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()

    def found(self) -> list[str]:
        """Return what is found of the projects that are asked for, which is always what lies there."""
        self.tick()
        projects = {canonicalize_name(name) for name in NAMES}
        found = [one.path for one in wheels.of_projects(str(self.root), projects, str(self.state))]
        there = [path for path in wheels.every(str(self.root)) if canonicalize_name(wheels.named(path)[0]) in projects]
        assert found == there
        self.tick()
        return [path.removeprefix("wheels/") for path in found]

    def tick(self) -> None:
        """Wait until the file system's clock shows another time than what was changed last."""
        probe = self.root.with_name("probe")
        probe.touch()
        before = probe.stat().st_ctime_ns
        while probe.stat().st_ctime_ns == before:
            probe.touch()

    @property
    def remembered(self) -> Path:
        """The one file that is written."""
        (file,) = self.state.iterdir()
        return file


@pytest.fixture
def fresh(tmp_path: Path) -> Cache:
    """Return a big cache that has just been filled."""
    cache = Cache(root=tmp_path / "pip", state=tmp_path / "state")
    for number in range(256):
        (cache.wheels / f"{number:02x}").mkdir(parents=True)
    for path in (DEMO, OTHER, "ab/12/34/5/foo_bar-2.0-py3-none-any.whl", f"{EMPTY}/origin.json", f"{DEMO}.part"):
        cache.put(path)
    return cache


@pytest.fixture
def cache(fresh: Cache, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Return a big cache that was looked at; nobody can set a ctime, and to let two seconds pass each time is long."""
    monkeypatch.setattr(listing, "_TICK", 0)
    fresh.found()
    return fresh


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is listed from now on."""
    paths: list[str] = []
    listdir = os.listdir

    def noted(path: str) -> list[str]:
        paths.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", noted)
    return paths


def look(cache: Cache) -> list[str]:
    return [one.path for one in wheels.of_projects(str(cache.root), {canonicalize_name("demo")}, str(cache.state))]


def test_where_nothing_has_changed_only_the_first_level_is_listed(cache: Cache, listed: list[str]) -> None:
    assert look(cache) == [f"wheels/{DEMO}"]
    assert listed == [str(cache.wheels)]


def test_what_has_changed_is_listed_with_what_lies_beside_it(cache: Cache, listed: list[str]) -> None:
    cache.put(f"cd/00/00/{'4' * 50}/demo-1.1-py3-none-any.whl")
    cache.tick()
    for times in (1, 0):
        listed.clear()
        assert len(look(cache)) == 2
        assert len(listed) == 1 + 4 * times


def test_what_had_only_just_changed_is_listed_anew(fresh: Cache, listed: list[str]) -> None:
    look(fresh)
    first = list(listed)
    listed.clear()
    look(fresh)
    assert listed == first


def test_a_change_that_the_clock_does_not_show_is_seen(fresh: Cache) -> None:
    for number in range(50):  # some of them within one tick of the clock
        assert len(look(fresh)) == 1 + number
        fresh.put(f"{LEAF}/demo-1.{number}-cp311-none-any.whl")


def test_a_change_right_after_the_listing_is_seen(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    listdir = os.listdir

    def overtaken(path: str) -> list[str]:
        names = listdir(path)
        if path == str(cache.wheels / LEAF):
            cache.put(f"{LEAF}/demo-1.2-py3-none-any.whl")
            cache.tick()
        return names

    cache.put(f"{LEAF}/demo-1.1-py3-none-any.whl")
    cache.tick()
    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", overtaken)
        assert len(look(cache)) == 2
    assert len(look(cache)) == 3


def test_a_small_cache_is_not_remembered(fresh: Cache) -> None:
    for number in range(17):
        shutil.rmtree(fresh.wheels / f"{number:02x}")
    assert DEMO in fresh.found()
    assert not fresh.state.exists()


def emptied_and_refilled(cache: Cache) -> None:
    (cache.wheels / DEMO).unlink()
    assert DEMO not in cache.found()
    cache.put(DEMO)


def replaced_leaf_of_older_times(cache: Cache) -> None:
    times = (cache.wheels / LEAF).stat()
    shutil.copytree(cache.wheels / LEAF, cache.root / "other")
    (cache.root / "other" / "demo-0.9-py3-none-any.whl").touch()
    os.utime(cache.root / "other", ns=(times.st_atime_ns, times.st_mtime_ns))
    shutil.rmtree(cache.wheels / LEAF)
    (cache.root / "other").rename(cache.wheels / LEAF)


def added_with_the_old_time(cache: Cache) -> None:
    times = (cache.wheels / LEAF).stat()
    cache.put(f"{LEAF}/demo-0.9-py3-none-any.whl")
    os.utime(cache.wheels / LEAF, ns=(times.st_atime_ns, times.st_mtime_ns))


def restored(cache: Cache) -> None:
    """Come back from an archive that was made before the last change, with the times of that moment."""
    with tarfile.open(cache.root.parent / "cache.tar", "w") as archive:
        archive.add(cache.wheels, "wheels")
    added_with_the_old_time(cache)
    cache.found()
    shutil.rmtree(cache.wheels)
    with tarfile.open(cache.root.parent / "cache.tar") as archive:
        archive.extractall(cache.root, filter="fully_trusted")


def moved(cache: Cache) -> None:
    """Give the cache's place to another one, of the same folders with the same times."""
    shutil.copytree(cache.wheels, cache.root.parent / "second")
    (cache.root.parent / "second" / DEMO).unlink()
    times = (cache.wheels / LEAF).stat()
    os.utime(cache.root.parent / "second" / LEAF, ns=(times.st_atime_ns, times.st_mtime_ns))
    cache.wheels.rename(cache.root.parent / "first")
    (cache.root.parent / "second").rename(cache.wheels)


def linked(cache: Cache) -> None:
    """Have a folder that lies elsewhere, and is there only later."""
    (cache.wheels / "ab" / "link").symlink_to(cache.root / "elsewhere")
    cache.found()
    (cache.root / "elsewhere" / "0" / "1").mkdir(parents=True)
    (cache.root / "elsewhere" / "0" / "1" / "demo-3.0-py3-none-any.whl").touch()


def gone_beside_what_is_odd(cache: Cache) -> None:
    (cache.wheels / "ab" / "link").symlink_to(cache.root / "nowhere")
    cache.found()
    shutil.rmtree(cache.wheels / LEAF)


CHANGES: list[tuple[Callable[[Cache], object], int]] = [
    (lambda cache: cache.put("01/23/45/6/demo-1.1-py3-none-any.whl"), 3),
    (lambda cache: cache.put("new/23/45/6/demo-1.1-py3-none-any.whl"), 3),
    (lambda cache: cache.put("ab/cd/ef/6/demo-1.1-py3-none-any.whl"), 3),
    (lambda cache: cache.put("ab/cd/02/6/demo-1.1-py3-none-any.whl"), 3),
    (lambda cache: cache.put("ab/02/02/6/demo-1.1-py3-none-any.whl"), 3),
    (lambda cache: cache.put(f"{LEAF}/demo-1.1-py3-none-any.whl"), 3),
    (lambda cache: cache.put(f"{EMPTY}/demo-1.1-py3-none-any.whl"), 3),
    (lambda cache: (cache.wheels / OTHER).rename((cache.wheels / OTHER).with_name("demo-9-py3-none-any.whl")), 3),
    (lambda cache: (cache.wheels / DEMO).rename((cache.wheels / DEMO).with_name("demo-9-py3-none-any.whl")), 2),
    (lambda cache: (cache.wheels / DEMO).rename(cache.wheels / EMPTY / "demo-1.0-py3-none-any.whl"), 2),
    (lambda cache: (cache.wheels / LEAF).rename(cache.wheels / "01" / "moved"), 1),
    (lambda cache: (cache.wheels / DEMO).unlink(), 1),
    (lambda cache: shutil.rmtree(cache.wheels / LEAF), 1),
    (lambda cache: shutil.rmtree(cache.wheels / "ab"), 0),
    (lambda cache: shutil.rmtree(cache.wheels), 0),
    (emptied_and_refilled, 2),
    (replaced_leaf_of_older_times, 3),
    (added_with_the_old_time, 3),
    (restored, 2),
    (moved, 1),
    (linked, 3),
    (gone_beside_what_is_odd, 1),
]


@pytest.mark.parametrize(("change", "left"), CHANGES)
def test_each_change_is_seen_at_the_next_look(cache: Cache, change: Callable[[Cache], object], left: int) -> None:
    assert len(cache.found()) == 2
    change(cache)
    assert len(cache.found()) == left
    assert len(cache.found()) == left


@pytest.mark.parametrize("environment", ["26.3", "22.3.1"], indirect=True)
@pytest.mark.parametrize("what", [("remove", "demo"), ("purge",)], ids=["remove", "purge"])
def test_what_pip_itself_removes_is_gone_and_what_comes_back_is_seen(
    cache: Cache, environment: Environment, what: tuple[str, ...]
) -> None:
    environment.pip("cache", *what, "--cache-dir", str(cache.root))
    assert DEMO not in cache.found()
    cache.put(DEMO)
    assert DEMO in cache.found()


def damages(content: bytes) -> Iterator[bytes]:
    """Yield what can become of a file."""
    yield b""
    yield b"\n"
    yield content[: len(content) // 2]
    yield content[:-1]
    yield content + b" "
    yield content.replace(b"demo-1.0", b"demo-1.1")
    yield content.replace(b"demo-1.0", b"nemo-1.0")
    yield content.partition(b"\n")[2]
    yield content.partition(b"\n")[0] + b"\n{}"
    yield b"\xff" * len(content)


def test_damage_of_what_is_remembered_changes_nothing(cache: Cache) -> None:
    good = cache.remembered.read_bytes()
    for content in damages(good):
        assert content != good
        cache.remembered.write_bytes(content)
        assert len(cache.found()) == 2
        assert cache.remembered.read_bytes() == good


def test_what_is_remembered_of_another_cache_is_not_believed(cache: Cache) -> None:
    other = Cache(root=cache.root.with_name("other"), state=cache.state)
    shutil.copytree(cache.root, other.root)
    other.put(f"{LEAF}/demo-1.1-py3-none-any.whl")
    assert (len(other.found()), len(cache.found())) == (3, 2)
    first, second = cache.state.iterdir()
    contents = first.read_bytes(), second.read_bytes()
    second.write_bytes(contents[0])
    first.write_bytes(contents[1])
    assert (len(other.found()), len(cache.found())) == (3, 2)
    assert (first.read_bytes(), second.read_bytes()) == contents


def test_what_another_release_remembered_in_its_own_way_is_not_believed(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache.remembered.read_bytes()
    monkeypatch.setattr(listing, "_FORMAT", b"another")
    assert len(cache.found()) == 2
    assert cache.remembered.read_bytes() != before


def test_where_nothing_can_be_written_all_is_found(fresh: Cache) -> None:
    fresh.state.write_bytes(b"")
    for _ in range(2):
        assert len(fresh.found()) == 2


def test_what_is_remembered_is_written_only_when_something_has_changed(cache: Cache) -> None:
    written = cache.remembered.stat().st_ino
    cache.found()
    assert cache.remembered.stat().st_ino == written
    cache.put(f"{LEAF}/demo-1.1-py3-none-any.whl")
    cache.found()
    assert cache.remembered.stat().st_ino != written


def test_a_cache_is_remembered_by_its_real_path(cache: Cache) -> None:
    link = cache.root.with_name("link")
    link.symlink_to(cache.root)
    assert len(Cache(root=link, state=cache.state).found()) == 2
    assert cache.remembered.is_file()


def test_pips_cache_is_not_written_to(cache: Cache) -> None:
    before = {path: path.stat().st_mtime_ns for path in cache.root.rglob("*")}
    cache.found()
    assert {path: path.stat().st_mtime_ns for path in cache.root.rglob("*")} == before


LEAVES = st.sampled_from(["a/0/0/0", "a/0/0/1", "a/0/1/0", "a/1/0/0", "b/0/0/0"])
FILES = st.sampled_from(["demo-1-py3-none-any.whl", "demo-2-py3-none-any.whl", "x-1-py3-none-any.whl", "origin.json"])
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "clear"]), LEAVES, FILES), max_size=12)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_the_same_is_found_as_by_listing_all(steps: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_TICK", 0)
        patch.setattr(listing, "_FEW", 0)
        cache = Cache(root=Path(folder, "pip"), state=Path(folder, "state"))
        for step, leaf, file in steps:
            if step == "add":
                cache.put(f"{leaf}/{file}")
            elif step == "remove":
                (cache.wheels / leaf / file).unlink(missing_ok=True)
            else:
                shutil.rmtree(cache.wheels / leaf[: leaf.rindex("/")], ignore_errors=True)
            cache.found()
