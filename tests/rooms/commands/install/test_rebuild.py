"""Staging: what a real pip builds aside becomes an entry that the next pip takes, and nothing is left behind."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pinstall import pip
from pinstall.commands.install import rebuild as staging
from tests.support import caches
from tests.support.sdists import BUILD_LOG, builds, sdist
from tests.support.values import pin, sha256
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from pinstall.model.pins import Pin
    from tests.support.runner import Runner

BOTH_PIPS = pytest.mark.parametrize("environment", ["22.3.1", "26.3"], indirect=True)


def stages(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "pinstall").iterdir())


@BOTH_PIPS
def test_a_build_made_aside_is_the_entry_that_the_next_run_takes(runner: Runner, cache: Path, tmp_path: Path) -> None:
    source = sdist("Foo.Bar", "1.0")
    runner.index.add(source)
    log = tmp_path / "builds"
    runner.variables[BUILD_LOG] = str(log)
    with staging.make_stage(str(cache)) as stage:
        aside = ("--no-cache-dir", "--no-deps", "--no-clean", "--target", f"{stage}/out")
        runner.pip("install", *aside, "foo-bar==1.0", env={"TMPDIR": stage})
        kept = staging.adopt_builds(stage, str(cache))
    assert stages(cache) == []
    assert [str(path.relative_to(cache)) for path in caches.built_wheels(cache)] == list(kept)
    assert len(kept) == 1
    assert runner.environment.freeze() == []
    report = tmp_path / "report.json"
    runner.pip("install", "--report", report, "foo-bar==1.0")
    assert builds(log) == ["foo_bar-1.0"], "built aside, and never again"
    (built,) = pip.read_report(str(report))
    assert (built.name, str(built.identity.version), built.identity.source) == ("foo-bar", "1.0", None)
    assert built.url == runner.index.file_url(source.filename)
    assert built.identity.hashes == {f"sha256:{source.sha256}"}, "the origin came along"


def ephemeral(stage: Path, *, mark: str = "fresh") -> Path:
    """Lay out what pip leaves in a stage, and return its folder of the entry."""
    folder = stage / "pip-ephem-wheel-cache-x" / "wheels" / "ab" / "cd"
    wheel("demo", "1.0", mark=mark).write(folder)
    (folder / "origin.json").write_text(mark, encoding="utf-8")
    return folder


def test_nothing_that_stands_in_the_cache_is_replaced(tmp_path: Path) -> None:
    cache, stage = tmp_path / "cache", tmp_path / "stage"
    entry = cache / "wheels" / "ab" / "cd"
    wheel("demo", "1.0", mark="old").write(entry)
    ephemeral(stage)
    before = caches.snapshot(cache)
    assert staging.adopt_builds(str(stage), str(cache)) == ()
    assert {**caches.snapshot(cache), **before} == caches.snapshot(cache)


def test_what_is_no_ephemeral_cache_is_not_kept(tmp_path: Path) -> None:
    wheel("demo", "1.0").write(tmp_path / "stage" / "pip-install-x" / "wheels" / "ab")
    assert staging.adopt_builds(str(tmp_path / "stage"), str(tmp_path / "cache")) == ()
    assert not (tmp_path / "cache").exists()


def test_a_full_disk_keeps_nothing_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ephemeral(tmp_path / "stage")
    for functions in (("mkdir",), ("link", "rename")):
        with monkeypatch.context() as patched:
            for function in functions:
                patched.setattr(os, function, _full)
            assert staging.adopt_builds(str(tmp_path / "stage"), str(tmp_path / "cache")) == ()
    (kept,) = staging.adopt_builds(str(tmp_path / "stage"), str(tmp_path / "cache"))
    assert (tmp_path / "cache" / kept).read_bytes() == wheel("demo", "1.0", mark="fresh").content


def test_a_wheel_is_never_there_before_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ephemeral(tmp_path)
    moved: list[str] = []
    real = os.link

    def noted(source: str, target: str, *, follow_symlinks: bool) -> None:
        moved.append(target.rpartition("/")[2])
        real(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "link", noted)
    staging.adopt_builds(str(tmp_path), str(tmp_path / "cache"))
    assert moved == ["origin.json", wheel("demo", "1.0").filename]


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_stage_is_for_the_users_eyes_only_and_goes_even_when_the_run_fails(tmp_path: Path) -> None:
    def used() -> None:
        with staging.make_stage(str(tmp_path)) as stage:
            assert os.stat(stage).st_mode & 0o777 == 0o700  # noqa: PTH116
            assert os.stat(stage).st_dev == tmp_path.stat().st_dev  # noqa: PTH116
            ephemeral(tmp_path / "pinstall" / stages(tmp_path)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        used()
    assert stages(tmp_path) == []


def test_stages_of_killed_runs_go_once_they_are_a_day_old(tmp_path: Path) -> None:
    for name, hours in (("stage-old", 25), ("stage-running", 23), ("shelf", 1000)):
        folder = tmp_path / "pinstall" / name
        ephemeral(folder)
        then = time.time() - hours * 3600
        os.utime(folder, (then, then))
    with staging.make_stage(str(tmp_path)):
        pass
    assert stages(tmp_path) == ["shelf", "stage-running"]
    assert list((tmp_path / "pinstall" / "shelf").rglob("*.whl"))


def test_where_no_stage_can_be_made_that_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "pinstall").write_bytes(b"")
    with pytest.raises(NotADirectoryError), staging.make_stage(str(tmp_path)):
        pytest.fail("there is no stage")


DEMO = pin("demo==1.0")


class TestByHashes:
    PLAIN, HASHED = DEMO, replace(DEMO, hashes=frozenset({sha256("a")}))

    @pytest.mark.parametrize(
        ("given", "groups"),
        [
            ((), ()),
            ((PLAIN,), ((PLAIN,),)),
            ((HASHED,), ((HASHED,),)),
            ((PLAIN, HASHED, PLAIN), ((HASHED,), (PLAIN, PLAIN))),
        ],
    )
    def test_hashes_of_one_are_not_demanded_of_all(
        self, given: tuple[Pin, ...], groups: tuple[tuple[Pin, ...], ...]
    ) -> None:
        assert staging.by_hashes(iter(given)) == groups
