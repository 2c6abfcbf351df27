"""The shelf: nothing is lost, nothing replaced, whatever happens in between."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from pinstall.cache import shelf as shelves
from pinstall.cache import wheels
from pinstall.cache.shelf import DAYS, Shelf
from pinstall.model.artifacts import Eviction
from pinstall.model.pins import Identity
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pinstall.model.artifacts import Shelved

SHARED_MEMORY = Path("/dev/shm")
FULL = OSError(28, "No space left on device")


def key(number: int) -> str:
    return f"wheels/{number:02x}/{number:02x}/{number:02x}/{number:050x}"


def put(cache: Path, number: int, version: str, *, origin: bool = True, mtime: int = 1_600_000_000) -> str:
    """Put a built wheel with its origin into an entry of the cache, and return its path there."""
    path = wheel("demo", version, mark=str(number)).write(cache / key(number))
    os.utime(path, (mtime, mtime))
    if origin:
        content = json.dumps({"url": f"https://host/{number}/demo.zip", "archive_info": {}, "mtime": mtime})
        (path.parent / "origin.json").write_text(content, encoding="utf-8")
    return path.relative_to(cache).as_posix()


def evicting(cache: Path, *paths: str, contradiction: bool = False) -> list[Eviction]:
    return [
        Eviction(
            what="a wheel",
            identity=wheels.artifact(str(cache), path).identity,
            paths=(path,),
            reason="a reason",
            contradiction=contradiction,
        )
        for path in paths
    ]


def treasures(cache: Path) -> Counter[tuple[bytes, int]]:
    """Return contents and time of every file that pip made, wherever it lies now."""
    files = (path for path in cache.rglob("*") if path.is_file() and not path.name.startswith("manifest.json"))
    return Counter((path.read_bytes(), path.stat().st_mtime_ns) for path in files)


def in_cache(cache: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in (cache / "wheels").rglob("*") if path.is_file())
    return {str(path.relative_to(cache)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_wheel_leaves_with_its_origin_and_both_come_back_as_they_were(tmp_path: Path) -> None:
    path = put(tmp_path, 1, "1.0")
    before = in_cache(tmp_path)
    shelf = Shelf(str(tmp_path))
    receipt, stuck = shelf.evict(evicting(tmp_path, path, contradiction=True))
    assert not stuck
    assert in_cache(tmp_path) == {}
    (item,) = shelf.shelved()
    assert (item.receipt, item.paths, item.contradiction) == (receipt, (path,), True)
    assert item.identity == wheels.artifact(str(tmp_path), path).identity
    assert shelf.put_back([item]) == (item,)
    assert in_cache(tmp_path) == before
    assert list(shelf.shelved()) == []
    assert shelf.put_back([item]) == ()


def test_the_origin_stays_while_another_wheel_needs_it(tmp_path: Path) -> None:
    first, second = put(tmp_path, 1, "1.0"), put(tmp_path, 1, "2.0")
    origin = f"{key(1)}/origin.json"
    shelf = Shelf(str(tmp_path))
    shelf.evict(evicting(tmp_path, first))
    assert set(in_cache(tmp_path)) == {second, origin}
    shelf.evict(evicting(tmp_path, second))
    assert in_cache(tmp_path) == {}
    shelf.put_back(shelf.shelved())
    assert set(in_cache(tmp_path)) == {first, second, origin}


@pytest.mark.parametrize("chosen", [0, 1])
def test_the_origin_returns_with_whichever_wheel_of_its_entry_does(tmp_path: Path, chosen: int) -> None:
    paths = [put(tmp_path, 1, "1.0"), put(tmp_path, 1, "2.0")]
    shelf = Shelf(str(tmp_path))
    shelf.evict(evicting(tmp_path, *paths))
    shelf.put_back([item for item in shelf.shelved() if item.paths == (paths[chosen],)])
    assert set(in_cache(tmp_path)) == {paths[chosen], f"{key(1)}/origin.json"}


def test_wheels_of_one_file_name_and_entries_without_origin_keep_apart(tmp_path: Path) -> None:
    paths = [put(tmp_path, number, "1.0", origin=number != 2) for number in (1, 2, 3)]
    before = in_cache(tmp_path)
    shelf = Shelf(str(tmp_path))
    shelf.evict(evicting(tmp_path, *paths))
    assert len(list(shelf.shelved())) == len(paths)
    shelf.put_back(shelf.shelved())
    assert in_cache(tmp_path) == before


def test_nothing_is_ever_replaced(tmp_path: Path) -> None:
    path = put(tmp_path, 1, "1.0")
    shelf = Shelf(str(tmp_path))
    shelf.evict(evicting(tmp_path, path))
    fresh = put(tmp_path, 1, "1.0", mtime=1_700_000_000)
    before, all_before = in_cache(tmp_path), treasures(tmp_path)
    assert fresh == path
    assert shelf.put_back(shelf.shelved()) == ()
    assert (in_cache(tmp_path), treasures(tmp_path)) == (before, all_before)
    assert len(list(shelf.shelved())) == 1


def test_the_latest_receipt_comes_first_and_none_is_used_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([9, 9, 9, 10, 10, 1_700_000_000_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(ticks))
    shelf = Shelf(str(tmp_path))
    receipts = [shelf.evict(evicting(tmp_path, put(tmp_path, number, "1.0")))[0] for number in (1, 2, 3)]
    assert len(set(receipts)) == 3
    assert [item.receipt for item in shelf.shelved()] == receipts[::-1]


def test_receipts_are_forgotten_by_age_and_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, now = Shelf(str(tmp_path)), time.time_ns()
    day = 24 * 60 * 60 * 1_000_000_000
    for number, days in enumerate((DAYS + 1, DAYS - 1, 0), 1):
        monkeypatch.setattr(time, "time_ns", lambda days=days: now - days * day)
        shelf.evict(evicting(tmp_path, put(tmp_path, number, "1.0")))
    assert shelf.forget() == 1
    assert [item.paths[0].split("/")[1] for item in shelf.shelved()] == ["03", "02"]
    monkeypatch.setattr(shelves, "MEBIBYTES", 0)
    assert shelf.forget() == 1  # the latest is kept whatever its size
    assert [item.paths[0].split("/")[1] for item in shelf.shelved()] == ["03"]


def test_what_somebody_else_has_moved_meanwhile_is_no_error(tmp_path: Path) -> None:
    gone, there = put(tmp_path, 1, "1.0"), put(tmp_path, 2, "1.0")
    evictions = evicting(tmp_path, gone, there)
    (tmp_path / gone).rename(tmp_path / "elsewhere.whl")
    shelf = Shelf(str(tmp_path))
    shelf.evict(evictions)
    assert [item.paths for item in shelf.shelved()] == [(there,)]


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{", b"\xff", b"[]", b'{"schema": 1}', b'{"schema": 1, "entries": 5}', b'{"schema": 1, "entries": [{}]}'],
)
def test_a_broken_manifest_hides_only_its_own_receipt(tmp_path: Path, manifest: bytes) -> None:
    broken, sound = put(tmp_path, 1, "1.0"), put(tmp_path, 2, "1.0")
    shelf = Shelf(str(tmp_path))
    receipts = [shelf.evict(evicting(tmp_path, path))[0] for path in (broken, sound)]
    (tmp_path / "pinstall/shelf" / receipts[0] / "manifest.json").write_bytes(manifest)
    (tmp_path / "pinstall/shelf/a file").write_bytes(b"")
    assert [item.paths for item in shelf.shelved()] == [(sound,)]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 5},
        {"version": "no version"},
        {"version": 5},
        {"hashes": None},
        {"stored": None},
        {"paths": None},
        {"paths": [None]},
        {"paths": ["../x"]},
        {"paths": ["/x"]},
    ],
)
def test_an_entry_of_a_manifest_that_cannot_be_read_is_no_error(tmp_path: Path, changes: dict[str, Any]) -> None:
    shelf = Shelf(str(tmp_path))
    receipt, _ = shelf.evict(evicting(tmp_path, put(tmp_path, 1, "1.0")))
    manifest = tmp_path / "pinstall/shelf" / receipt / "manifest.json"
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["entries"][0] |= changes
    manifest.write_text(json.dumps(document), encoding="utf-8")
    assert list(shelf.put_back(shelf.shelved())) == []


def test_a_schema_of_the_future_is_left_alone(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path))
    receipt, _ = shelf.evict(evicting(tmp_path, put(tmp_path, 1, "1.0")))
    manifest = tmp_path / "pinstall/shelf" / receipt / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 2'), encoding="utf-8")
    assert list(shelf.shelved()) == []


@pytest.mark.parametrize("obstacle", ["pinstall", "pinstall/shelf"])
def test_where_no_shelf_can_be_made_nothing_moves_and_that_is_said(tmp_path: Path, obstacle: str) -> None:
    path = put(tmp_path, 1, "1.0")
    (tmp_path / obstacle).parent.mkdir(exist_ok=True)
    (tmp_path / obstacle).write_bytes(b"")
    before = in_cache(tmp_path)
    shelf = Shelf(str(tmp_path))
    assert list(shelf.shelved()) == []
    evictions = evicting(tmp_path, path)
    _, stuck = shelf.evict(evictions)
    assert list(stuck) == evictions
    assert stuck[evictions[0]].startswith(f"`{tmp_path}/pinstall")
    assert in_cache(tmp_path) == before


@contextmanager
def failing(function: str, after: int, error: BaseException, *, for_good: bool = False) -> Iterator[None]:
    """Let a function of `os` fail after so many calls, once or for good (as when the process is killed)."""
    real, calls = getattr(os, function), iter(range(1_000_000))

    def called(*args: Any, **options: Any) -> Any:
        number = next(calls)
        if number == after or (for_good and number > after):
            raise error
        return real(*args, **options)

    with mock.patch.object(os, function, called):
        yield


@pytest.mark.parametrize("function", ["rename", "mkdir"])
@pytest.mark.parametrize("after", range(6))
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["full", "interrupted"])
def test_an_eviction_that_fails_half_way_is_taken_back(
    tmp_path: Path, function: str, after: int, error: BaseException
) -> None:
    paths = [put(tmp_path, number, "1.0") for number in (1, 2)]
    evictions = evicting(tmp_path, *paths)
    before = in_cache(tmp_path)
    shelf = Shelf(str(tmp_path))
    with failing(function, after, error):
        try:
            _, stuck = shelf.evict(evictions)
        except KeyboardInterrupt:
            assert isinstance(error, KeyboardInterrupt)
            stuck = dict.fromkeys(evictions, "")
    assert all("No space left" in why for why in stuck.values() if why)
    staying = {path.rpartition("/")[0] for eviction in stuck for path in eviction.paths}
    assert in_cache(tmp_path) == {path: one for path, one in before.items() if path.rpartition("/")[0] in staying}
    assert len(list(shelf.shelved())) + len(staying) == len(paths)


class Killed(BaseException):
    """Stands for SIGKILL: from now on nothing is done any more."""


CALLS = ("chmod", "fsync", "link", "mkdir", "open", "rename", "replace", "rmdir", "symlink", "unlink", "utime")


@contextmanager
def killed(at: int) -> Iterator[list[str]]:
    """End at one of the calls that change something, and let none of the later ones do anything."""
    made: list[str] = []

    def wrapped(name: str) -> Any:
        real = getattr(os, name)

        def called(*args: Any, **options: Any) -> Any:
            made.append(name)
            if len(made) > at:
                raise Killed
            return real(*args, **options)

        return called

    with ExitStack() as stack:
        for name in CALLS:
            stack.enter_context(mock.patch.object(os, name, wrapped(name)))
        with suppress(Killed):
            yield made


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on another file system than the cache."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip(f"{SHARED_MEMORY} is not another file system")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        yield Path(folder)


def stand(cache: Path) -> dict[str, bytes | None]:
    """Return everything below a folder with its content, drafts left out."""
    paths = (path for path in sorted(cache.rglob("*")) if not path.name.endswith(f".{os.getpid()}"))
    found = {str(path.relative_to(cache)): None if path.is_dir() else path.read_bytes() for path in paths}
    return {path: content for path, content in found.items() if f".{os.getpid()}/" not in path}


@pytest.mark.parametrize("ends", ["evict", pytest.param("put back", marks=pytest.mark.slow)])
def test_killed_at_any_call_between_file_systems_everything_can_be_put_back(
    tmp_path: Path, elsewhere: Path, ends: str
) -> None:
    for at in itertools.count():
        cache, shelf = tmp_path / str(at), Shelf(str(tmp_path / str(at)), str(elsewhere / str(at)))
        evictions = evicting(cache, put(cache, 1, "1.0"))
        for name in ("INSTALLER", "METADATA", "RECORD"):
            (cache / "demo-2.0.dist-info").mkdir(exist_ok=True)
            (cache / "demo-2.0.dist-info" / name).write_text(name, encoding="utf-8")
        evictions.append(replace(evictions[0], paths=("demo-2.0.dist-info",)))
        before = stand(cache)
        if ends == "put back":
            shelf.evict(evictions)
        with killed(at) as calls:
            shelf.evict(evictions) if ends == "evict" else shelf.put_back(shelf.shelved())
        told = f"killed at call {at}, {calls[-1]}"
        contents = {*stand(cache).values(), *stand(elsewhere / str(at)).values()}
        assert set(before.values()) <= contents, told
        shelf.put_back(shelf.shelved())
        assert stand(cache) == before, told
        if len(calls) <= at:  # it came to its end
            assert calls.count("utime") == 6, "a wheel, its origin and a folder of three files were copied"
            break


NUMBERS = st.integers(0, 2)
VERSIONS = st.sampled_from(["1.0", "2.0"])
ENDINGS = st.one_of(st.none(), st.tuples(st.sampled_from([FULL, KeyboardInterrupt(), Killed()]), st.integers(0, 5)))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("build"), NUMBERS, VERSIONS),
        st.tuples(st.just("evict"), st.frozensets(st.tuples(NUMBERS, VERSIONS), min_size=1), ENDINGS),
        st.tuples(st.just("put back"), st.integers(0, 7), ENDINGS),
    ),
    max_size=8,
)


@settings(max_examples=60)
@given(STEPS)
def test_whatever_happens_each_file_is_in_the_cache_or_on_the_shelf(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        for number in range(3):
            put(cache, number, "1.0", mtime=1_600_000_000 + number)
        for clock, (step, *rest) in enumerate(steps):
            if step == "build":
                if not (cache / key(rest[0]) / wheel("demo", rest[1]).filename).exists():
                    put(cache, rest[0], rest[1], mtime=1_650_000_000 + clock, origin=not _origin(cache, rest[0]))
                continue
            before = treasures(cache)
            shelf = Shelf(folder)
            with suppress(KeyboardInterrupt, Killed), _ending(rest[1]):
                if step == "evict":
                    shelf.evict(evicting(cache, *_there(cache, rest[0])))
                else:
                    shelf.put_back(_chosen(list(shelf.shelved()), rest[0]))
            assert treasures(cache) == before
        before = treasures(cache)
        Shelf(folder).put_back(Shelf(folder).shelved())
        assert treasures(cache) == before
        reachable = {path for item in Shelf(folder).shelved() for path in item.paths} | set(in_cache(cache))
        assert {key(number) for number in range(3)} <= {path.rpartition("/")[0] for path in reachable}


def _origin(cache: Path, number: int) -> bool:
    return (cache / key(number) / "origin.json").exists()


def _there(cache: Path, wanted: frozenset[tuple[int, str]]) -> list[str]:
    paths = (f"{key(number)}/{wheel('demo', version).filename}" for number, version in sorted(wanted))
    return [path for path in paths if (cache / path).exists()]


def _chosen(items: list[Shelved], mask: int) -> list[Shelved]:
    return [item for number, item in enumerate(items) if mask >> number & 1]


@contextmanager
def _ending(ending: tuple[BaseException, int] | None) -> Iterator[None]:
    if ending is None:
        yield
        return
    error, after = ending
    with failing("rename", after, error, for_good=isinstance(error, Killed)):
        yield


def copying(folder: Path, path: str = "demo/data.txt") -> tuple[Shelf, Shelved]:
    """Put a file into a folder of packages, and a copy of it on the shelf there."""
    packages = folder / "lib" / "python3" / "site-packages"
    (packages / path).parent.mkdir(parents=True, exist_ok=True)
    (packages / path).write_text("edited", encoding="utf-8")
    shelf = Shelf(str(packages), ".pinstall/shelf")
    identity = Identity(name=NormalizedName("demo"))
    edit = Eviction(what="it", identity=identity, paths=(path,), reason="why", contradiction=False, copied=True)
    shelf.evict([edit])
    (item,) = shelf.shelved()
    return shelf, item


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("path", ["demo/data.txt", "../../../bin/demo"])
def test_a_copy_stays_in_its_place_and_goes_back_over_what_replaced_it(tmp_path: Path, path: str, links: bool) -> None:
    with nullcontext() if links else mock.patch("os.link", side_effect=OSError(1, "Operation not permitted")):
        shelf, item = copying(tmp_path, path)
    place = Path(shelf._cache, path)
    assert (place.read_text(encoding="utf-8"), shelf.is_in_place(item)) == ("edited", True)
    place.unlink()  # as pip does
    place.write_text("new", encoding="utf-8")
    assert not shelf.is_in_place(item)
    assert shelf.put_back([item]) == (item,)
    assert (place.read_text(encoding="utf-8"), list(shelf.shelved())) == ("edited", [])


def test_a_copy_of_what_is_still_there_leaves_the_shelf(tmp_path: Path) -> None:
    shelf, item = copying(tmp_path)
    assert shelf.put_back([item]) == (item,)
    assert list(shelf.shelved()) == []


@pytest.mark.parametrize(
    "path", ["../../../../outside", "/outside", "../../../bin/../../outside", "a/../../../../../o"]
)
def test_a_copy_from_outside_of_the_environment_is_not_read(tmp_path: Path, path: str) -> None:
    shelf, item = copying(tmp_path)
    manifest = Path(shelf.place(item)).with_name("manifest.json")
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["entries"][0]["paths"] = [path]
    manifest.write_text(json.dumps(document), encoding="utf-8")
    assert list(shelf.shelved()) == []
