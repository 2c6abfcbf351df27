"""Killed before and after each change that a run makes itself: nothing is lost, and the next run ends well.

The changes are those of pinstall's own process, listed by a run that nobody ends: pip's are pip's, with pinstall or
without. `after` is tried where it differs from `before` the next change.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from packaging.utils import canonicalize_name

from pinstall.environment.distributions import Environment as Installed
from pinstall.environment.file_list import FileList
from pinstall.environment.ledger import Ledger
from tests.support import caches
from tests.support.file_systems import Layout
from tests.support.losses import everything, lost
from tests.support.scenes import RELEASE, cached, pinned, place, written
from tests.support.sdists import sdist
from tests.support.steps import Stage, points
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.file_systems import Mounts
    from tests.support.runner import Runner
    from tests.support.steps import Point

pytestmark = pytest.mark.skipif(RELEASE < (24, 0), reason="one recent pip will do: the changes are pinstall's")
DEMO: Final = canonicalize_name("demo")
OLD, NEW = sdist("demo", "2.0", mark="old"), sdist("demo", "1.0", mark="new")
WHEEL, OTHER = wheel("even", "1.0", mark="pinned"), wheel("even", "1.0", mark="other")
MARKS: Final = {OLD.sha256: "old", NEW.sha256: "new", WHEEL.sha256: "pinned", OTHER.sha256: "other"}
"""What is importable of each artifact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What to prepare, what to kill, what to ask for afterwards (the same, if nothing else), and what is right then.

    Of the project in `keeps` no file of the metadata may be lost: pip removes none of them by itself.
    """

    prepare: Callable[[Runner], object]
    words: tuple[str, ...]
    then: tuple[str, ...] = ()
    right: dict[str, str] = field(default_factory=lambda: {"demo": "new"})
    exit_code: int = 0
    edited: bool = False
    keeps: str = ""


def _mismatched(runner: Runner) -> None:
    """Cache a wheel of another version, and one of the right version that is damaged."""
    cached(runner, OLD, wheel("demo", "2.0", mark="old"))
    damaged = cached(runner, NEW, wheel("demo", "1.0", mark="damaged").truncated())
    damaged.rename(damaged.with_name("demo-1.0-1-py3-none-any.whl"))
    place(runner.environment, wheel("demo", "2.0", mark="old"))


def _damaged_download(runner: Runner) -> None:
    written(runner, pinned(WHEEL))
    runner.pip("download", "--no-deps", "-d", "files", "even==1.0")
    caches.damage(caches.body_of(caches.http_entry(runner.cache, runner.index.file_url(WHEEL.filename))))


def _half_metadata(runner: Runner) -> None:
    """Install what nobody can say the version of, beside an older one, and have its wheel in the cache."""
    written(runner, pinned(WHEEL))
    runner.pip("download", "--no-deps", "-d", "files", "even==1.0")
    place(runner.environment, OTHER, wheel("even", "0.9"))
    (runner.environment.site_packages / "even-1.0.dist-info" / "METADATA").unlink()


def _other_artifact(runner: Runner) -> None:
    written(runner, pinned(WHEEL))
    place(runner.environment, OTHER)


def _proven_by_the_cache(runner: Runner) -> None:
    written(runner, pinned(WHEEL))
    runner.pip("install", "even==1.0")


def _edited(runner: Runner) -> None:
    """Edit what is installed and right."""
    written(runner, pinned(WHEEL))
    assert runner.pinstall(*FILE).returncode == 0
    with (runner.environment.site_packages / "even.py").open("ab") as module:
        module.write(EDIT)


def _replaced(runner: Runner) -> None:
    """Have an edited file replaced, and kept on the shelf."""
    _edited(runner)
    assert runner.pinstall(*FILE).returncode == 0


def _moved_aside(runner: Runner) -> None:
    """Have the pinned build on the shelf, and another version in the cache and in the environment."""
    cached(runner, NEW, wheel("demo", "1.0", mark="new"))
    ended = runner.pinstall("demo==2.0")
    assert ended.returncode == 0, ended.output


def _wrong_in_many_places(runner: Runner) -> None:
    _damaged_download(runner)
    cached(runner, NEW, wheel("demo", "1.0", mark="damaged").truncated())


def _unsatisfiable(runner: Runner) -> None:
    _mismatched(runner)
    runner.index.add(sdist("broken", "1.0", fail=True))


EDIT: Final = b"# edited\n"
EVEN: Final = {"even": "pinned"}
FILE: Final = ("install", "-r", "requirements.txt")
DEMO_1: Final = ("install", "demo==1.0")
SCENES: Final[dict[str, Scene]] = {
    "eviction and remake": Scene(prepare=_mismatched, words=DEMO_1),
    "pip fails": Scene(prepare=_unsatisfiable, words=("install", "broken==1.0", "demo==1.0"), then=DEMO_1, exit_code=1),
    "download": Scene(prepare=_damaged_download, words=FILE, right=EVEN),
    "healing": Scene(prepare=_half_metadata, words=FILE, right=EVEN, keeps="even"),
    "force": Scene(prepare=_other_artifact, words=FILE, right=EVEN),
    "proof, ledger and stamp": Scene(prepare=_proven_by_the_cache, words=FILE, right=EVEN),
    "back from the shelf": Scene(prepare=_moved_aside, words=DEMO_1),
    "undo": Scene(prepare=_moved_aside, words=("undo",), then=DEMO_1),
    "edited": Scene(prepare=_edited, words=FILE, right=EVEN, edited=True),
    "undo of an edit": Scene(prepare=_replaced, words=("undo",), then=FILE, right=EVEN, edited=True),
    "verify": Scene(
        prepare=_wrong_in_many_places, words=("cache", "verify", "--evict"), then=FILE, right=EVEN, exit_code=1
    ),
}


def _shelf_elsewhere(layers: Mounts, runner: Runner) -> None:
    layers.elsewhere(runner.cache / "pinstall")


def _lower_layers(layers: Mounts, runner: Runner) -> None:
    layers.overlay(runner.environment.root)
    layers.overlay(runner.cache)


LAYOUTS: Final[dict[str, Callable[[Mounts, Runner], None]]] = {
    "the shelf on another file system": _shelf_elsewhere,
    "cache and environment in lower layers of overlays": _lower_layers,
}


def importable(runner: Runner, name: str) -> str:
    """Return the mark of what is importable, without an interpreter's start."""
    text = (runner.environment.site_packages / f"{name}.py").read_text(encoding="utf-8")
    return "".join(re.findall(r"^MARK = '(.*)'$", text, re.MULTILINE))


def claimed(runner: Runner) -> dict[str, set[str]]:
    """Return what the ledger takes each distribution for, as marks."""
    site_packages = str(runner.environment.site_packages)
    ledger = Ledger(site_packages, str(runner.home / ".local/state/pinstall"))
    found = (Installed([site_packages]).find(canonicalize_name(name)) for name in ("demo", "even"))
    rows = {one.identity.name: ledger.row(FileList(one)) for one in found if one is not None}
    return {name: {MARKS[each.partition(":")[2]] for each in row.hashes} for name, row in rows.items() if row}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One scene, ended at one point after the other."""

    scene: Scene
    stage: Stage

    @classmethod
    def of(cls, runner: Runner, scene: Scene, layout: Layout | None = None) -> Trial:
        """Set the scene."""
        for artifact in (OLD, NEW, WHEEL):
            runner.index.add(artifact)
        scene.prepare(runner)
        return cls(scene=scene, stage=Stage.of(runner, *scene.words, layout=layout))

    def failure(self, point: Point) -> str:
        """Return what goes wrong where the run ends there."""
        try:
            self.end(point)
        except AssertionError as error:
            return str(error)
        return ""

    def end(self, point: Point) -> None:
        """End the run there, and see that nothing is lost and that the next run ends well."""
        self.stage.reset()
        before = self.present()
        ended = self.stage.end(point)
        if point.number == signal.SIGKILL:
            assert ended.returncode == -signal.SIGKILL, f"{point}\n{ended.output}"
        assert "Traceback" not in ended.output, f"{point}\n{ended.output}"
        self.look(before, f"{point}\n{ended.output}")

    def present(self) -> dict[Path, str]:
        """Return what may not be lost, of the cache and of the environment, wherever it is by then."""
        runner, found = self.stage.runner, everything(self.stage.runner.cache)
        metadata = everything(runner.environment.site_packages) if self.scene.keeps else {}
        return found | {path: one for path, one in metadata.items() if f"{self.scene.keeps}-" in str(path)}

    def look(self, before: dict[Path, str], told: str) -> None:
        """See that everything is there that was, and that what is claimed is so, now and after the next run."""
        self._truth(before, told)
        then = self.scene.then or self.scene.words
        ended = self.stage.runner.pinstall(*then)
        told = f"{told}\n-- next run --\n{ended.output}"
        assert ended.returncode == 0, told
        assert "Traceback" not in ended.output, told
        self._truth(before, told)
        for name, mark in self.scene.right.items():
            assert importable(self.stage.runner, name) == mark, told
        words = [word for word in then if word != "install"]
        ended = self.stage.runner.pinstall("check", *words)
        assert ended.returncode == 0, f"{told}\n-- check --\n{ended.output}"

    def _truth(self, before: dict[Path, str], told: str) -> None:
        runner = self.stage.runner
        missing = set(before.values()) - set(self.present().values())
        of_cache = {path: one for path, one in before.items() if path.is_relative_to(runner.cache)}
        assert not lost(of_cache, runner.cache), told
        assert not [path for path in before if path not in of_cache and before[path] in missing], told
        found = (path for path in runner.environment.site_packages.rglob("*even.py") if EDIT in path.read_bytes())
        assert not self.scene.edited or any(found), told
        for name, marks in claimed(runner).items():
            assert marks == {importable(runner, name)}, f"the ledger is wrong: {told}"


def failures(trial: Trial, tried: Iterable[Point]) -> str:
    """Return what went wrong at all the points, so that one does not hide the others."""
    return "\n\n".join(filter(None, map(trial.failure, tried)))


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_any_step_nothing_is_lost_and_the_next_run_ends_well(
    runner: Runner, name: str, record_property: Callable[[str, object], None]
) -> None:
    trial = Trial.of(runner, SCENES[name])
    tried = list(points(trial.stage.recorded()))
    print(f"{name}: {len(tried)} points")
    record_property("points", len(tried))
    assert not failures(trial, tried)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", SCENES)
def test_killed_on_other_file_systems_nothing_is_lost_and_the_next_run_ends_well(
    runner: Runner, layers: Mounts, name: str, layout: str, record_property: Callable[[str, object], None]
) -> None:
    trial = Trial.of(runner, SCENES[name], Layout(layers, LAYOUTS[layout]))
    tried = list(points(trial.stage.recorded()))
    print(f"{name}, {layout}: {len(tried)} points")
    record_property("points", len(tried))
    assert not failures(trial, tried)


@pytest.mark.parametrize(("name", "number"), [("proof, ledger and stamp", 5), ("eviction and remake", 5)])
def test_killed_at_some_steps_nothing_is_lost_and_the_next_run_ends_well(
    runner: Runner, name: str, number: int
) -> None:
    trial = Trial.of(runner, SCENES[name])
    tried = list(points(trial.stage.recorded()))
    assert not failures(trial, tried[number // 2 :: len(tried) // number])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("name", ["eviction and remake", "healing"])
def test_interrupted_at_any_step_nothing_is_lost_and_the_next_run_ends_well(
    runner: Runner, name: str, number: int, record_property: Callable[[str, object], None]
) -> None:
    trial = Trial.of(runner, SCENES[name])
    tried = [replace(point, number=number) for point in points(trial.stage.recorded())][::2]
    print(f"{name}: {len(tried)} points")
    record_property("points", len(tried))
    assert not failures(trial, tried)


def cut(path: Path, keep: float | None) -> None:
    """Leave of a file what a power cut does of one that was never synced: a part of it, or nothing at all."""
    if keep is None:
        path.unlink()
        return
    content = path.read_bytes()
    path.write_bytes(content[: max(0, len(content) - 1) if keep == 1 else int(len(content) * keep)])


def own_files(trial: Trial) -> list[Path]:
    """Return what pinstall itself has written, by the list of the changes of a whole run."""
    renamed = (Path(change.path) for change in trial.stage.recorded() if change.event == "os.rename")
    return [path for path in renamed if path.is_file() and (path.parent.name == "stamps" or _is_note(path))]


def _is_note(path: Path) -> bool:
    return path.suffix == ".json" and path.name != "origin.json" and not path.name.endswith(".origin.json")


@pytest.mark.slow
@pytest.mark.parametrize("keep", [0, 0.5, 1, None], ids=["empty", "half", "all but a byte", "gone"])
@pytest.mark.parametrize("name", ["eviction and remake", "proof, ledger and stamp", "healing"])
def test_after_a_power_cut_nothing_is_believed_that_is_not_whole(
    runner: Runner, name: str, keep: float | None, record_property: Callable[[str, object], None]
) -> None:
    trial = Trial.of(runner, SCENES[name])
    before = trial.present()
    files = own_files(trial)
    assert files
    record_property("points", len(files))
    after = Stage.of(runner, *SCENES[name].words, remembered=True)
    for file in files:
        after.reset()
        cut(file, keep)
        trial.look(before, str(file))
