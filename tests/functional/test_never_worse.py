"""Files that pinstall cannot move, or cannot rename: it never fails where pip succeeds, and nothing is lost.

Each situation is real: other file systems, overlays, read-only mounts and other owners. pip alone runs next to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.support import caches
from tests.support.file_systems import NOBODY, Layout, give, somebody_else
from tests.support.losses import everything, lost
from tests.support.runner import beside
from tests.support.scenes import RELEASE, cached, entry, installed, own_lines, pinned, place, written
from tests.support.sdists import sdist
from tests.support.steps import Stage
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.file_systems import Mounts
    from tests.support.processes import Completed
    from tests.support.runner import Runner

    Arrange = Callable[[Mounts, Runner], None]

pytestmark = pytest.mark.skipif(RELEASE < (24, 0), reason="one recent pip will do: the files are pinstall's to move")
OLD, NEW = sdist("demo", "2.0", mark="old"), sdist("demo", "1.0", mark="new")
WHEEL, OTHER = wheel("even", "1.0", mark="new"), wheel("even", "1.0", mark="other")
FILE: Final = ("-r", "requirements.txt")


def damaged_wheel(runner: Runner) -> None:
    """Cache a damaged wheel of the pin, and in another folder a good one of another version."""
    written(runner, "demo==1.0\n")
    cached(runner, OLD, wheel("demo", "2.0", mark="old"))
    cached(runner, NEW, wheel("demo", "1.0", mark="damaged").truncated())


def other_version(runner: Runner) -> None:
    """Cache a wheel of another version only, where pip does not look for the pin."""
    runner.index.add(wheel("demo", "1.0", mark="new"))
    written(runner, "demo==1.0\n")
    cached(runner, OLD, wheel("demo", "2.0", mark="old"))


def another_build(runner: Runner) -> None:
    """Cache a wheel of another version, where pip has to build the pin."""
    written(runner, "demo==1.0\n")
    cached(runner, OLD, wheel("demo", "2.0", mark="old"))


def damaged_download(runner: Runner) -> None:
    """Have pip cache a file of an index, and damage it."""
    written(runner, pinned(WHEEL))
    runner.pip("download", "--no-deps", "-d", "files", "even==1.0")
    caches.damage(caches.body_of(caches.http_entry(runner.cache, runner.index.file_url(WHEEL.filename))))


def half_metadata(runner: Runner) -> None:
    """Install a distribution that lacks METADATA."""
    written(runner, pinned(WHEEL))
    place(runner.environment, OTHER)
    (runner.environment.site_packages / "even-1.0.dist-info" / "METADATA").unlink()


def of_conda(runner: Runner) -> None:
    """Install another artifact of the pin as conda does, without RECORD."""
    written(runner, pinned(WHEEL))
    place(runner.environment, OTHER)
    folder = runner.environment.site_packages / "even-1.0.dist-info"
    (folder / "RECORD").unlink()
    (folder / "INSTALLER").write_text("conda", encoding="utf-8")


def egg(runner: Runner) -> None:
    """Install the pin as `setup.py install` and Debian do, and damage its folder of metadata."""
    written(runner, pinned(WHEEL))
    folder = runner.environment.site_packages / "even-1.0.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n", encoding="utf-8")
    (folder / "installed-files.txt").write_text("../even.py\n", encoding="utf-8")
    (runner.environment.site_packages / "even.py").write_text("MARK = 'other'\n", encoding="utf-8")


def ignored(runner: Runner) -> None:
    """Install an older version, which `--ignore-installed` leaves."""
    written(runner, pinned(WHEEL))
    place(runner.environment, wheel("even", "0.9", modules={"even_old": "MARK = 'old'\n"}))


def then_pip_fails(runner: Runner) -> None:
    """Have what pip cannot build in the same file as a distribution without METADATA."""
    half_metadata(runner)
    broken = sdist("broken", "1.0", fail=True)
    runner.index.add(broken)
    written(runner, pinned(WHEEL, broken))


def overlay(layers: Mounts, runner: Runner) -> None:
    layers.overlay(runner.environment.root)


def elsewhere(below: str) -> Arrange:
    return lambda layers, runner: layers.elsewhere(runner.cache / below)


def read_only(below: str) -> Arrange:
    return lambda layers, runner: layers.read_only(runner.cache / below)


def a_file(layers: Mounts, runner: Runner) -> None:
    (runner.cache / "pinstall").write_bytes(b"")


def the_wheels_folder(layers: Mounts, runner: Runner) -> None:
    layers.read_only(entry(runner, NEW))


def notes(kind: str) -> Arrange:
    """Return what makes `site-packages/.pinstall` a folder of this kind."""

    def arrange(layers: Mounts, runner: Runner) -> None:
        folder = runner.environment.site_packages / ".pinstall"
        if kind == "a file":
            folder.write_bytes(b"")
        elif kind == "read-only":
            layers.read_only(folder)
        else:
            layers.elsewhere(folder)

    return arrange


def dist_info(layers: Mounts, runner: Runner) -> None:
    layers.read_only(runner.environment.site_packages / "even-1.0.dist-info")


def stale_dist_info(layers: Mounts, runner: Runner) -> None:
    layers.read_only(runner.environment.site_packages / "even-0.9.dist-info")


def packages(layers: Mounts, runner: Runner) -> None:
    layers.read_only(runner.environment.site_packages)


def of_root(below: str) -> Arrange:
    """Return what gives everything to a user but one folder of the cache, which stays root's."""

    def arrange(layers: Mounts, runner: Runner) -> None:
        folder = runner.cache / below
        folder.mkdir(exist_ok=True)
        give(NOBODY, (runner.home, runner.environment.root))
        give(0, (folder,))

    return arrange


def wheel_of_root(layers: Mounts, runner: Runner) -> None:
    of_root(str(entry(runner, NEW)))(layers, runner)


def notes_of_root(layers: Mounts, runner: Runner) -> None:
    of_root(str(runner.environment.site_packages / ".pinstall"))(layers, runner)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is installed and cached, on which file systems, and how pip alone and pinstall end."""

    scene: Callable[[Runner], object]
    arrange: Arrange
    pip: int
    pinstall: int
    said: str = ""
    words: tuple[str, ...] = FILE

    @property
    def start(self) -> list[str]:
        """What starts the commands: another user where owners are what stops pinstall."""
        return somebody_else() if "of_root" in self.arrange.__qualname__ else []


BYPASS: Final = "pip runs without its cache: "
STUCK: Final = "cannot be moved to the shelf"
SITUATIONS: Final[dict[str, Situation]] = {
    "wheels elsewhere": Situation(damaged_wheel, elsewhere("wheels"), 1, 0, "moved the wheel of demo 1.0"),
    "wheels elsewhere, another version": Situation(other_version, elsewhere("wheels"), 0, 0, "moved the wheel"),
    "shelf elsewhere": Situation(damaged_wheel, elsewhere("pinstall"), 1, 0, "moved the wheel of demo 1.0"),
    "downloads elsewhere": Situation(damaged_download, elsewhere("http-v2"), 1, 0, "moved the"),
    "cache in a lower layer": Situation(
        damaged_wheel, lambda layers, runner: layers.overlay(runner.cache), 1, 0, "moved the wheel of demo 1.0"
    ),
    "cache read-only": Situation(damaged_wheel, read_only("."), 1, 0, BYPASS),
    "cache read-only, another version": Situation(other_version, read_only("."), 0, 0),
    "wheels read-only": Situation(damaged_wheel, read_only("wheels"), 1, 0, BYPASS),
    "wheels read-only, another version": Situation(other_version, read_only("wheels"), 0, 0),
    "wheels read-only, another build": Situation(another_build, read_only("wheels"), 1, 1),
    "wheels read-only, cache named": Situation(
        damaged_wheel, read_only("wheels"), 1, 0, BYPASS, ("--cache-dir", ".cache/pip", *FILE)
    ),
    "one wheel folder read-only": Situation(damaged_wheel, the_wheels_folder, 1, 0, BYPASS),
    "downloads read-only": Situation(damaged_download, read_only("http-v2"), 1, 0, BYPASS),
    "shelf read-only": Situation(damaged_wheel, read_only("pinstall"), 1, 0, BYPASS),
    "shelf read-only, another version": Situation(other_version, read_only("pinstall"), 0, 0),
    "shelf is a file": Situation(damaged_wheel, a_file, 1, 0, BYPASS),
    "one wheel folder of root": Situation(damaged_wheel, wheel_of_root, 1, 0, BYPASS),
    "downloads of root": Situation(damaged_download, of_root("http-v2"), 1, 0, BYPASS),
    "shelf of root": Situation(damaged_wheel, of_root("pinstall"), 1, 0, BYPASS),
    "half metadata in a lower layer": Situation(half_metadata, overlay, 0, 0, "moved aside"),
    "conda's in a lower layer": Situation(of_conda, overlay, 0, 0, "moved aside"),
    "an egg in a lower layer": Situation(egg, overlay, 0, 0, "moved aside"),
    "ignored in a lower layer": Situation(ignored, overlay, 0, 0, "0.9.dist-info is moved aside", ("-I", *FILE)),
    "pip fails in a lower layer": Situation(then_pip_fails, overlay, 1, 1),
    "pip fails, notes are a file": Situation(then_pip_fails, notes("a file"), 1, 1),
    "notes elsewhere": Situation(half_metadata, notes("elsewhere"), 0, 0, "moved aside"),
    "notes read-only": Situation(half_metadata, notes("read-only"), 0, 0, "moved aside"),
    "notes are a file": Situation(half_metadata, notes("a file"), 0, 0, "moved aside"),
    "notes of root": Situation(half_metadata, notes_of_root, 0, 0, "moved aside"),
    "metadata read-only": Situation(half_metadata, dist_info, 0, 65, STUCK),
    "stale metadata read-only": Situation(ignored, stale_dist_info, 0, 65, STUCK, ("-I", *FILE)),
    "packages read-only": Situation(half_metadata, packages, 0, 65, STUCK),
}
"""The one with another code is a pin that is not satisfied after pip has succeeded: two versions are installed."""


def metadata(runner: Runner) -> set[str]:
    """Return the digests of the metadata of `even` wherever they are now."""
    places = (runner.environment.site_packages, runner.home / ".local")
    files = (path for place in places for path in place.rglob("*") if path.is_file() and "even-" in str(path))
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run(runner: Runner, situation: Situation, tool: list[str]) -> Completed:
    return runner.run([*situation.start, *tool, *runner.index_options, *situation.words])


@pytest.mark.parametrize("name", SITUATIONS)
def test_it_never_fails_where_pip_succeeds_and_nothing_is_lost(runner: Runner, layers: Mounts, name: str) -> None:
    situation = SITUATIONS[name]
    for artifact in (OLD, NEW, WHEEL):
        runner.index.add(artifact)
    situation.scene(runner)
    stage = Stage.of(runner, layout=Layout(layers, situation.arrange))

    stage.reset()
    alone = run(runner, situation, [str(runner.environment.python), "-m", "pip", "install"])
    stage.reset()
    files, notes_, before = everything(runner.cache), metadata(runner), installed(runner.environment)
    ended = run(runner, situation, [*beside(), "install", "--python", str(runner.environment.python)])

    told = f"{alone.output}\n-- pinstall --\n{ended.output}"
    assert (alone.returncode, ended.returncode) == (situation.pip, situation.pinstall), told
    assert "fault of pinstall" not in ended.output
    assert not lost(files, runner.cache), told
    assert notes_ <= metadata(runner), told
    if situation.pinstall == situation.pip == 1:
        assert installed(runner.environment) == before
    if situation.pinstall == 0:
        name = "even" if (runner.home / "requirements.txt").read_text().startswith("even") else "demo"
        assert runner.environment.module(name, "MARK") == "new", told
    assert len([line for line in own_lines(ended) if situation.said and situation.said in line]) == bool(situation.said)
