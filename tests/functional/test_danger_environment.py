"""What is wrong with what is installed: pip alone is content or stops, pinstall makes it right in one run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.caches import http_bodies, snapshot
from tests.support.environments import Environment, copy, unpack
from tests.support.processes import sealed
from tests.support.runner import Runner, beside
from tests.support.scenes import (
    RELEASE,
    files,
    installed,
    lame,
    own_lines,
    pinned,
    pinstall,
    place,
    proven,
    requirement,
    untouched,
    written,
)
from tests.support.sdists import checkout, sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nothing is proven (differences-from-pip.md)"),
]

A, B = wheel("demo", "1.0", mark="A", tag="py2.py3-none-any"), wheel("demo", "1.0", mark="B")
SOURCE = sdist("demo", "1.0", mark="source")
BYSTANDER = wheel("bystander", "1.0")
ANEW: Final = "it alone would be installed anew"
MOVED: Final = "what is damaged would be moved aside or replaced, and it alone installed anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What to ask for; how pip alone ends and which MARK it leaves; which MARK is right; what `check` says of it."""

    words: list[str]
    wrong: str | None = None
    right: str = "B"
    exit_code: int = 0
    line: str = "requirements.txt:1: demo==1.0"
    found: str = ""
    remedy: str = ANEW
    purposes: list[str] = field(default_factory=lambda: ["install", "force"])
    settings: list[str] = field(default_factory=list)

    @property
    def ours(self) -> list[str]:
        """What pinstall is asked, with its settings."""
        return [*self.words, *(word for setting in self.settings for word in ("--pin", setting))]


def _hashed(runner: Runner, *archives: Archive) -> list[str]:
    """Ask for these artifacts and for the one that is there and right, all by hash."""
    written(runner, pinned(*archives, BYSTANDER))
    return ["-r", "requirements.txt"]


def _asked(runner: Runner, line: str) -> list[str]:
    """Ask for one line, and for what is there and right."""
    written(runner, f"{line}\nbystander==1.0\n")
    return ["-r", "requirements.txt"]


def _git(folder: Path, *args: str) -> str:
    settings = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    command = ["git", *settings, *args]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def _repository(folder: Path) -> tuple[str, str, str]:
    """Return the URL of a repository and its two commits, of version 1.0 both, with the marks `old` and `new`."""
    checkout(folder, sdist("demo", "1.0", mark="old"))
    _git(folder, "init", "-q")
    commits = []
    for mark in ("old", "new"):
        (folder / "demo.py").write_text(f"__version__ = '1.0'\nMARK = {mark!r}\n", encoding="utf-8")
        _git(folder, "add", ".")
        _git(folder, "commit", "-m", mark)
        commits.append(_git(folder, "rev-parse", "HEAD"))
    return f"git+{folder.as_uri()}", commits[0], commits[1]


def _twin(runner: Runner) -> Runner:
    """Return the runner of a copy of the environment, whose pip has no cache."""
    root = copy(runner.environment.root, runner.environment.root.with_name("twin"))
    environment = Environment(root=root, variables=runner.environment.variables)
    return Runner(environment=environment, home=runner.home, index=runner.index, variables={"PIP_NO_CACHE_DIR": "1"})


def _everything(runner: Runner) -> tuple[dict[str, str], dict[str, str]]:
    return snapshot(runner.environment.root), snapshot(runner.cache)


def _cured(runner: Runner, scene: Scene) -> None:
    """Pip leaves it wrong, `check` finds it and changes nothing, one run cures it alone, and then all is quiet."""
    environment = runner.environment
    twin = _twin(runner)
    ended = twin.pip("install", *scene.words, check=False)
    assert ended.returncode == scene.exit_code, ended.output
    if scene.wrong is not None:
        assert twin.environment.module("demo", "MARK") == scene.wrong

    before = _everything(runner)
    checked = runner.pinstall("check", *scene.ours)
    assert checked.returncode == 1, checked.output
    (line,) = checked.stdout.splitlines()
    assert line.startswith(scene.line)
    assert scene.found in line
    assert line.endswith(scene.remedy)
    assert _everything(runner) == before

    others = untouched(environment, "demo")
    told = pinstall(runner, *scene.ours)
    assert told.ended.returncode == 0, told.ended.output
    assert set(told.states.values()) == {"satisfied"}
    assert told.purposes == scene.purposes
    assert environment.module("demo", "MARK") == scene.right
    assert untouched(environment, "demo") == others
    _quiet(runner, scene)


def _quiet(runner: Runner, scene: Scene) -> None:
    """The next run changes nothing, without pip where that can be, and `check` has nothing to say."""
    before = installed(runner.environment)
    lame(runner.environment)
    again = pinstall(runner, *scene.ours)
    assert again.ended.returncode == 0, again.ended.output
    assert again.purposes == []
    assert installed(runner.environment) == before
    checked = runner.pinstall("check", *scene.ours)
    assert (checked.returncode, checked.stdout) == (0, ""), checked.output


@pytest.fixture
def world(runner: Runner) -> Runner:
    """Return a runner whose environment has something that is right and something that nobody asks for."""
    runner.index.add(BYSTANDER)
    proven(runner.environment, BYSTANDER)
    place(runner.environment, wheel("idle", "1.0"))
    return runner


# -- another artifact of the same version -----------------------------------------------------------------------------


def _other_wheel(world: Runner) -> Scene:
    world.index.add(A)
    world.index.add(B)
    place(world.environment, A)
    return Scene(words=_hashed(world, B), wrong="A", found="without proof")


def _other_wheel_that_is_known(world: Runner) -> Scene:
    world.index.add(A)
    world.index.add(B)
    proven(world.environment, A)
    return Scene(words=_hashed(world, B), wrong="A", found="from another artifact")


def _wheel_for_an_sdist(world: Runner) -> Scene:
    world.index.add(SOURCE)
    place(world.environment, A)
    return Scene(words=_hashed(world, SOURCE), wrong="A", right="source", found="without proof")


def _sdist_for_a_wheel(world: Runner) -> Scene:
    world.index.add(B)
    world.index.add(SOURCE)
    world.pip("install", "--no-deps", "--no-binary", "demo", "demo==1.0")
    return Scene(words=_hashed(world, B), wrong="source", found="without proof")


def _required_in_the_file(world: Runner) -> Scene:
    scene = _other_wheel(world)
    written(world, "--require-hashes\n" + pinned(B, BYSTANDER))
    return Scene(words=scene.words, wrong="A", line="requirements.txt:2: demo==1.0")


def _required_by_option(world: Runner) -> Scene:
    scene = _other_wheel(world)
    return Scene(words=["--require-hashes", *scene.words], wrong="A")


def _hash_of_a_url_install(world: Runner) -> Scene:
    world.index.add(A)
    world.index.add(B)
    world.pip("install", "--no-deps", world.index.file_url(A.filename))
    known = "from another artifact" if RELEASE >= (23, 1) else "without proof"
    return Scene(words=_hashed(world, B), wrong="A", found=known)


def _hash_of_a_local_wheel(world: Runner) -> Scene:
    world.index.add(B)
    world.pip("install", "--no-deps", A.write(world.home / "dist"))
    return Scene(words=_hashed(world, B), wrong="A")


# -- another source of the same version -------------------------------------------------------------------------------


def _git_build_for_an_index_pin(world: Runner) -> Scene:
    world.index.add(B)
    url, _, commit = _repository(world.home / "repository")
    world.pip("install", "--no-deps", f"{url}@{commit}")
    return Scene(words=_hashed(world, B), wrong="new", found="no archive that could have a hash")


def _git_build_for_a_url_pin(world: Runner) -> Scene:
    url, _, commit = _repository(world.home / "repository")
    world.index.add(B)
    world.pip("install", "--no-deps", f"{url}@{commit}")
    line = f"demo @ {world.index.file_url(B.filename)}"
    words = _asked(world, f"{line}#sha256={B.sha256}")
    return Scene(words=words, wrong="new", line="requirements.txt:1: demo @ ")


def _index_install_for_a_url_pin(world: Runner) -> Scene:
    world.index.add(B)
    place(world.environment, A)
    words = _asked(world, f"demo @ {world.index.file_url(B.filename)}#sha256={B.sha256}")
    return Scene(words=words, wrong="A", line="requirements.txt:1: demo @ ")


def _url_wheel_that_changed(world: Runner) -> Scene:
    url = world.index.file_url(B.filename)
    old = wheel("demo", "1.0", mark="A")
    world.index.add(old)
    world.pip("install", "--no-cache-dir", "--no-deps", f"{url}#sha256={old.sha256}")
    world.index.add(B)
    words = _asked(world, f"demo @ {url}#sha256={B.sha256}")
    return Scene(words=words, wrong="A", line="requirements.txt:1: demo @ ")


def _other_commit(world: Runner) -> Scene:
    url, old, new = _repository(world.home / "repository")
    world.pip("install", "--no-deps", f"{url}@{old}")
    line = f"{url}@{new}#egg=demo"
    return Scene(words=_asked(world, line), wrong="old", right="new", line="requirements.txt:1: demo @ ", found=old)


def _index_install_for_a_commit(world: Runner) -> Scene:
    url, _, new = _repository(world.home / "repository")
    place(world.environment, A)
    words = _asked(world, f"{url}@{new}#egg=demo")
    return Scene(words=words, wrong="A", right="new", line="requirements.txt:1: demo @ ")


def _editable_for_a_commit(world: Runner) -> Scene:
    url, _, new = _repository(world.home / "repository")
    place(world.environment, A)
    words = _asked(world, f"{url}@{new}#egg=demo")
    world.pip("install", "--no-deps", "-e", checkout(world.home / "tree", sdist("demo", "1.0", mark="tree")))
    # this pip cures itself
    return Scene(words=words, wrong="new", right="new", line="requirements.txt:1: demo @ ", purposes=["install"])


def _directory(world: Runner) -> Scene:
    world.index.add(B)
    world.pip("install", "--no-deps", checkout(world.home / "tree", sdist("demo", "1.0", mark="tree")))
    return Scene(words=_hashed(world, B), wrong="tree")


def _editable(world: Runner) -> Scene:
    world.index.add(B)
    world.pip("install", "--no-deps", "-e", checkout(world.home / "tree", sdist("demo", "1.0", mark="tree")))
    return Scene(words=_hashed(world, B), wrong="tree", found="no archive that could have a hash")


def _directory_where_an_index_is_demanded(world: Runner) -> Scene:
    _directory(world)
    return Scene(words=_asked(world, "demo==1.0"), settings=["origin=index"], wrong="tree", found="from file://")


def _editable_where_an_index_is_demanded(world: Runner) -> Scene:
    _editable(world)
    return Scene(words=_asked(world, "demo==1.0"), settings=["origin=index"], wrong="tree", found="from file://")


# -- what `-I` puts over something, whose `direct_url.json` pip leaves -------------------------------------------------


def _put_over(world: Runner, *source: str | Path) -> None:
    """Have pip put B from the index over what it installs from a source."""
    world.index.add(A)
    world.index.add(B)
    world.pip("install", "--no-deps", *source)
    world.pip("install", "--no-deps", "--ignore-installed", "demo==1.0")


def _hash_of_what_was_there_before(world: Runner) -> Scene:
    _put_over(world, A.write(world.home / "dist"))
    return Scene(words=_hashed(world, A), wrong="B", right="A", found="without proof")


def _file_that_was_there_before(world: Runner) -> Scene:
    path = A.write(world.home / "dist")
    _put_over(world, path)
    return Scene(words=_asked(world, str(path)), wrong="B", right="A", line="requirements.txt:1: demo @ ")


def _commit_that_was_there_before(world: Runner) -> Scene:
    url, _, new = _repository(world.home / "repository")
    line = f"{url}@{new}#egg=demo"
    _put_over(world, line)
    return Scene(words=_asked(world, line), wrong="B", right="new", line="requirements.txt:1: demo @ ")


# -- a wheel file -----------------------------------------------------------------------------------------------------


def _rebuilt(world: Runner, form: str) -> Scene:
    path = wheel("demo", "1.0", mark="A").write(world.home / "dist")
    world.pip("install", "--no-deps", path)
    B.write(world.home / "dist")
    line = {"path": f"./{path.relative_to(world.home)}", "url": f"demo @ {path.as_uri()}", "file": path.as_uri()}[form]
    return Scene(words=_asked(world, line), wrong="A", line="requirements.txt:1: demo @ ")


def _rebuilt_path(world: Runner) -> Scene:
    return _rebuilt(world, "path")


def _rebuilt_named_url(world: Runner) -> Scene:
    return _rebuilt(world, "url")


def _rebuilt_url(world: Runner) -> Scene:
    return _rebuilt(world, "file")


# -- local labels, places ---------------------------------------------------------------------------------------------

BY_PIP: Final[dict[str, Any]] = {"remedy": "`pinstall` would install it", "purposes": ["install"]}
"""What pip itself sees."""
LABELLED: Final = wheel("demo", "1.0+cu113", mark="label")


def _label_wanted_through_find_links(world: Runner) -> Scene:
    place(world.environment, A)
    LABELLED.write(world.home / "links")
    words = ["--find-links", "links", *_asked(world, "demo==1.0+cu113")]
    return Scene(words=words, wrong="label", right="label", line="requirements.txt:1: demo==1.0+cu113", **BY_PIP)


def _label_wanted_through_the_index(world: Runner) -> Scene:
    place(world.environment, A)
    world.index.add(LABELLED)
    words = _asked(world, "demo==1.0+cu113")
    return Scene(words=words, wrong="label", right="label", line="requirements.txt:1: demo==1.0+cu113", **BY_PIP)


def _no_label_wanted(world: Runner) -> Scene:
    place(world.environment, LABELLED)
    world.index.add(B)
    world.index.add(LABELLED)
    words = _asked(world, "demo===1.0")
    return Scene(words=words, wrong="B", line="requirements.txt:1: demo===1.0", **BY_PIP)


ROWS: Final = {
    scene.__name__.strip("_").replace("_", " "): scene
    for scene in (
        _other_wheel,
        _other_wheel_that_is_known,
        _wheel_for_an_sdist,
        _sdist_for_a_wheel,
        _required_in_the_file,
        _required_by_option,
        _hash_of_a_url_install,
        _hash_of_a_local_wheel,
        _git_build_for_an_index_pin,
        _git_build_for_a_url_pin,
        _index_install_for_a_url_pin,
        _url_wheel_that_changed,
        _other_commit,
        _index_install_for_a_commit,
        _editable_for_a_commit,
        _directory,
        _editable,
        _directory_where_an_index_is_demanded,
        _editable_where_an_index_is_demanded,
        _hash_of_what_was_there_before,
        _file_that_was_there_before,
        _commit_that_was_there_before,
        _rebuilt_path,
        _rebuilt_named_url,
        _rebuilt_url,
        _label_wanted_through_find_links,
        _label_wanted_through_the_index,
        _no_label_wanted,
    )
}


@pytest.mark.parametrize("row", ROWS)
def test_what_is_there_is_not_what_is_pinned(world: Runner, row: str) -> None:
    _cured(world, ROWS[row](world))


def test_a_branch_that_moved_is_left_to_pip(world: Runner) -> None:
    folder = world.home / "repository"
    url, old, new = _repository(folder)
    line = f"{url}@side#egg=demo"
    _git(folder, "branch", "side", old)
    world.pip("install", "--no-deps", line)
    _git(folder, "branch", "-f", "side", new)
    words = [*_asked(world, line), "--pin", "unpinned=allow"]
    checked = world.pinstall("check", *words)
    assert (checked.returncode, checked.stdout) == (0, ""), checked.output
    told = pinstall(world, *words)
    assert (told.ended.returncode, told.purposes) == (0, ["install"]), told.ended.output
    assert world.environment.module("demo", "MARK") == "old"


# -- damage -----------------------------------------------------------------------------------------------------------

WHOLE: Final = wheel("demo", "1.0", mark="B", modules={"demo/__init__.py": "__version__ = '1.0'\nMARK = 'B'\n"})
OLDER, NEWER = wheel("demo", "0.9", mark="old"), wheel("demo", "1.1", mark="new")


def _info(environment: Environment, version: str = "1.0") -> Path:
    return environment.site_packages / f"demo-{version}.dist-info"


def _module(environment: Environment) -> Path:
    return environment.site_packages / "demo" / "__init__.py"


def _without(*names: str) -> Callable[[Environment], None]:
    def spoil(environment: Environment) -> None:
        for name in names:
            (_info(environment) / name).unlink()

    return spoil


def _emptied(name: str) -> Callable[[Environment], None]:
    def spoil(environment: Environment) -> None:
        (_info(environment) / name).write_bytes(b"")

    return spoil


def _cut(environment: Environment) -> None:
    _rewrite(_module(environment), _module(environment).read_bytes()[:9])


def _edited(environment: Environment) -> None:
    _rewrite(_module(environment), _module(environment).read_bytes().replace(b"'B'", b"'X'"))


def _rewrite(path: Path, content: bytes) -> None:
    """Write a new file, since the twins' files are one."""
    path.unlink()
    path.write_bytes(content)


def _beside(archive: Archive, *, recorded: bool = True) -> Callable[[Environment], None]:
    def spoil(environment: Environment) -> None:
        version = archive.filename.split("-")[1]
        kept = _module(environment).read_bytes()
        place(environment, archive)
        (environment.site_packages / "demo.py").unlink()
        _module(environment).write_bytes(kept)
        if not recorded:
            (_info(environment, version) / "RECORD").unlink()

    return spoil


def _interrupted_upgrade(environment: Environment) -> None:
    """Leave what pip leaves when it is killed between removing 1.0 and writing the RECORD of the same."""
    _info(environment).rename(environment.site_packages / "~emo-1.0.dist-info")
    shutil.copytree(environment.site_packages / "demo", environment.site_packages / "~emo")
    place(environment, WHOLE)
    for name in ("INSTALLER", "REQUESTED", "RECORD"):
        (_info(environment) / name).unlink()


def _removed_and_no_more(environment: Environment) -> None:
    _info(environment).rename(environment.site_packages / "~emo-1.0.dist-info")
    (environment.site_packages / "demo").rename(environment.site_packages / "~emo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What is done to an installation; how pip alone ends, and whether it heals; what is found; what moves aside.

    Of two dist-infos pip sees the one that the file system lists first, so whether it heals is none of our knowledge.
    """

    spoil: Callable[[Environment], None]
    exit_codes: tuple[int, ...] = (0,)
    healed: bool | None = False
    found: str
    moved: list[str] = field(default_factory=list)
    remedy: str = MOVED
    state: str = "damaged"


INFO: Final = "demo-1.0.dist-info"
NAMED_INSIDE: Final = RELEASE[0] < 24
"""Older pips take a project's name from METADATA, and do not see what has none: they install it anew."""
DAMAGES: Final = {
    "RECORD missing": Damage(spoil=_without("RECORD"), found="its RECORD is missing", moved=[INFO]),
    "METADATA missing": Damage(
        spoil=_without("METADATA"),
        exit_codes=(0, 1),
        healed=NAMED_INSIDE,
        found="cannot be read",
        moved=[INFO],
    ),
    "both missing": Damage(
        spoil=_without("METADATA", "RECORD"),
        exit_codes=(0, 1),
        healed=NAMED_INSIDE,
        found="cannot be read",
        moved=[INFO],
    ),
    "METADATA empty": Damage(spoil=_emptied("METADATA"), healed=NAMED_INSIDE, found="cannot be read", moved=[INFO]),
    "RECORD empty": Damage(spoil=_emptied("RECORD"), found="its RECORD cannot be read", moved=[INFO]),
    "a module gone": Damage(spoil=lambda e: _module(e).unlink(), found="demo/__init__.py is missing"),
    "a module cut": Damage(spoil=_cut, found="demo/__init__.py was modified (9 bytes instead of 31)"),
    "a module edited at the same size": Damage(spoil=_edited, found="demo/__init__.py was modified"),
    "stale 0.9 beside 1.0": Damage(
        spoil=_beside(OLDER), healed=None, found="it is installed 2 times", moved=["demo-0.9.dist-info", INFO]
    ),
    "stale 0.9 without RECORD": Damage(
        spoil=_beside(OLDER, recorded=False),
        exit_codes=(0, 1),
        healed=None,
        found="it is installed 2 times",
        moved=["demo-0.9.dist-info", INFO],
    ),
    "stale 1.1 beside 1.0": Damage(
        spoil=_beside(NEWER), healed=None, found="it is installed 2 times", moved=[INFO, "demo-1.1.dist-info"]
    ),
    "interrupted while it was written": Damage(
        spoil=_interrupted_upgrade, healed=None, found="only half of it is installed", moved=[INFO]
    ),
    "interrupted before it was written": Damage(
        spoil=_removed_and_no_more,
        healed=True,
        found="is not installed",
        remedy="`pinstall` would install it",
        state="not-installed",
    ),
}


@pytest.fixture
def ruin(world: Runner) -> Runner:
    """Return a runner whose environment has demo 1.0, which the index has too."""
    for archive in (OLDER, WHOLE, NEWER):
        world.index.add(archive)
    place(world.environment, WHOLE)
    return world


def _on_shelf(environment: Environment) -> list[str]:
    shelf = environment.site_packages.glob(".pinstall/shelf/*/*.dist-info")
    return sorted(path.name.partition("-")[2] for path in shelf)


def _is_whole(environment: Environment) -> bool:
    """Tell whether demo 1.0 is there, once, with each file as in the wheel and a RECORD that pip can read."""
    places = {_module(environment): "MARK = 'B'", _info(environment) / "RECORD": "demo/__init__.py,"}
    places[_info(environment) / "METADATA"] = "Name: demo"
    copies = [path.name for path in environment.site_packages.glob("demo-*.dist-info")]
    return copies == [INFO] and all(
        path.exists() and text in path.read_text(encoding="utf-8") for path, text in places.items()
    )


@pytest.mark.parametrize("hashed", [False, True], ids=["version", "hash"])
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_installation_is_healed(ruin: Runner, kind: str, *, hashed: bool) -> None:
    damage = DAMAGES[kind]
    environment = ruin.environment
    damage.spoil(environment)
    words = _hashed(ruin, WHOLE) if hashed else _asked(ruin, "demo==1.0")
    twin = _twin(ruin)
    ended = twin.pip("install", *words, check=False)
    assert ended.returncode in damage.exit_codes, ended.output
    assert damage.healed is None or _is_whole(twin.environment) == damage.healed

    before = _everything(ruin)
    checked = ruin.pinstall("check", *words)
    assert checked.returncode == 1, checked.output
    (line,) = checked.stdout.splitlines()
    assert line.startswith("requirements.txt:1: demo==1.0, but ")
    assert damage.found in line
    assert line.endswith(damage.remedy)
    assert _everything(ruin) == before

    others = untouched(environment, "demo")
    told = pinstall(ruin, *words)
    assert told.ended.returncode == 0, told.ended.output
    assert told.states == {"demo": "satisfied", "bystander": "satisfied"}
    assert _is_whole(environment)
    assert environment.module("demo", "MARK") == "B"
    assert untouched(environment, "demo") == others
    assert _on_shelf(environment) == sorted(damage.moved)
    assert len([line for line in own_lines(told.ended) if "moved aside" in line]) == bool(damage.moved)
    _quiet(ruin, Scene(words=words))


def test_what_was_put_over_an_editable_is_none(ruin: Runner) -> None:
    (ruin.environment.site_packages / INFO).rename(ruin.home / "away")
    ruin.pip("install", "--no-deps", "-e", checkout(ruin.home / "tree", sdist("demo", "1.0", mark="tree")))
    ruin.pip("install", "--no-deps", "--ignore-installed", "demo==1.0")
    _module(ruin.environment).unlink()
    assert "demo/__init__.py is missing" in ruin.pinstall("check", "demo==1.0").output
    assert ruin.pinstall("demo==1.0").returncode == 0
    assert _module(ruin.environment).exists()


@pytest.mark.parametrize("kind", [kind for kind, damage in DAMAGES.items() if damage.moved])
def test_a_run_that_fails_leaves_everything_as_it_was(ruin: Runner, kind: str) -> None:
    DAMAGES[kind].spoil(ruin.environment)
    ruin.index.remove(WHOLE.filename)
    before = snapshot(ruin.environment.root)
    told = pinstall(ruin, *_asked(ruin, "demo==1.0"))
    assert told.ended.returncode == 1, told.ended.output
    assert "moved aside" in told.ended.stderr
    assert _all_but_shelf(snapshot(ruin.environment.root)) == _all_but_shelf(before)
    assert _on_shelf(ruin.environment) == []


def _all_but_shelf(found: dict[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in found.items() if "/.pinstall/shelf" not in path}


@pytest.mark.parametrize("all_of_them", [False, True], ids=["pinstall", "all"])
def test_the_next_run_repairs_what_a_killed_one_has_moved_aside(ruin: Runner, *, all_of_them: bool) -> None:
    _without("RECORD")(ruin.environment)
    words = _asked(ruin, "demo==1.0")
    ruin.index.latency = 0.5
    argv = [*beside(), "--python", str(ruin.environment.python), *ruin.index_options, *words]
    process = subprocess.Popen(argv, env=sealed(ruin.home), cwd=ruin.home, stdout=-1, stderr=-2, start_new_session=True)
    deadline = time.monotonic() + 60
    while process.poll() is None and not _on_shelf(ruin.environment) and time.monotonic() < deadline:
        time.sleep(0.001)
    (os.killpg if all_of_them else os.kill)(process.pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=60)  # ends when the last that holds the stream has ended
    assert process.returncode == -signal.SIGKILL, output.decode()
    assert _on_shelf(ruin.environment) == [INFO]
    ruin.index.latency = 0.0

    told = pinstall(ruin, *words)
    assert told.ended.returncode == 0, told.ended.output
    assert _is_whole(ruin.environment)
    _quiet(ruin, Scene(words=words))


# -- what holds, and is worth a word ----------------------------------------------------------------------------------


def _said(runner: Runner, *words: str, **options: Any) -> list[str]:
    """Return what a satisfied run says of demo; pip cannot be started."""
    told = pinstall(runner, *words, **options)
    assert (told.ended.returncode, told.purposes) == (0, []), told.ended.output
    return [line for line in own_lines(told.ended) if "demo==1.0 holds" in line]


@pytest.mark.parametrize("kind", ["editable", "directory"])
def test_a_bare_version_is_held_by_what_came_from_elsewhere(world: Runner, kind: str) -> None:
    (_editable if kind == "editable" else _directory)(world)
    words = _asked(world, "demo==1.0")
    lame(world.environment)
    assert _said(world, *words) == []
    (line,) = _said(world, *words, "-v")
    place_ = "as an editable of file://" if kind == "editable" else "from file://"
    assert line.startswith(f"requirements.txt:1: demo==1.0 holds {place_}")
    assert line.endswith("`--pin origin=index` would replace it")
    checked = world.pinstall("check", *words)
    assert (checked.returncode, checked.stdout) == (0, "")
    assert line in own_lines(checked)


def test_what_is_installed_from_a_url_with_the_hash_is_not_worth_a_word(world: Runner) -> None:
    world.index.add(B)
    words = _asked(world, f"demo @ {world.index.file_url(B.filename)}#sha256={B.sha256}")
    assert pinstall(world, *words).purposes == ["install"]
    lame(world.environment)
    assert _said(world, *words, "-v") == []


def test_a_version_that_leaves_the_local_label_open_is_said_to(world: Runner) -> None:
    place(world.environment, LABELLED)
    words = _asked(world, "demo==1.0")
    lame(world.environment)
    (line,) = _said(world, *words)
    assert "is satisfied with 1.0+cu113" in line
    assert "`demo==1.0+cu113`" in line
    assert "`demo===1.0`" in line
    assert _said(world, *words, "-q") == []
    checked = world.pinstall("check", *words)
    assert (checked.returncode, checked.stdout) == (0, "")
    assert line in own_lines(checked)


def test_a_version_is_installed_without_the_label_that_the_index_has_it_with(world: Runner) -> None:
    world.index.add(B)
    world.index.add(sdist("demo", "1.0+cu113"))
    told = pinstall(world, "--prefer-binary", *_asked(world, "demo==1.0"))
    assert (told.ended.returncode, told.states["demo"]) == (0, "satisfied")
    assert world.environment.module("demo", "MARK") == "B"
    (line,) = [line for line in own_lines(told.ended) if "cu113" in line]
    assert "requirements.txt:1: demo==1.0 holds without a label" in line
    assert "`demo==1.0+cu113`" in line
    assert "`demo===1.0`" in line
    lame(world.environment)
    world.index.requests.clear()
    # what holds already costs no look at the pages, but in `check`
    words = ["-r", "requirements.txt"]
    for text, said in (("demo==1.0\n", [line]), ("demo===1.0\n", []), (pinned(B), [])):
        written(world, text)
        assert _said(world, *words) == []
        checked = world.pinstall("check", *words)
        assert (checked.returncode, checked.stdout) == (0, "")
        assert [line for line in own_lines(checked) if "cu113" in line] == said
    assert world.index.requests == []


def test_a_label_of_another_version_is_no_choice(world: Runner) -> None:
    world.index.add(B)
    world.index.add(sdist("demo", "1.1+cu113"))
    told = pinstall(world, *_asked(world, "demo==1.0"))
    assert (told.ended.returncode, told.states["demo"]) == (0, "satisfied")
    assert "cu113" not in told.ended.stderr


def test_a_hash_leaves_no_label_open(world: Runner) -> None:
    proven(world.environment, LABELLED)
    written(world, f"demo==1.0 --hash=sha256:{LABELLED.sha256}\n{pinned(BYSTANDER)}")
    lame(world.environment)
    assert _said(world, "-r", "requirements.txt") == []


# -- outside the environment ------------------------------------------------------------------------------------------


def _outside(world: Runner, way: str, archive: Archive) -> tuple[Path, dict[str, str]]:
    """Install beside the environment what its Python finds nevertheless; a `.pth` file adds a folder behind its own, as
    `--system-site-packages` does with one of this machine."""
    folder = world.home / "outside"
    unpack(archive.write(world.home / "files"), folder)
    if way == "variable":
        return folder, {"PYTHONPATH": str(folder)}
    (world.environment.site_packages / "outside.pth").write_text(f"{folder}\n", encoding="utf-8")
    return folder, {}


WAYS: Final = ["variable", "system"]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_found_outside_the_environment_holds(world: Runner, way: str) -> None:
    world.index.add(B)
    folder, variables = _outside(world, way, B)
    words = _asked(world, "demo==1.0")
    assert "already satisfied: demo" in world.pip("install", *words, env=variables).stdout
    lame(world.environment)
    assert _said(world, *words, env=variables) == []
    (line,) = _said(world, *words, "-v", env=variables)
    assert f"outside the environment, in {folder}" in line
    assert "--pin location=environment" in line
    checked = world.pinstall("check", *words, env=variables)
    assert (checked.returncode, checked.stdout) == (0, "")
    assert line in own_lines(checked)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_installed_inside_where_that_is_demanded(world: Runner, way: str) -> None:
    world.index.add(B)
    folder, variables = _outside(world, way, A)
    before = files(folder)
    words = [*_asked(world, "demo==1.0"), "--pin", "location=environment"]
    checked = world.pinstall("check", *words, env=variables)
    assert checked.returncode == 1
    assert "requirements.txt:1: demo==1.0, but 1.0 is installed outside the environment" in checked.stdout

    others = untouched(world.environment, "demo")
    told = pinstall(world, *words, env=variables)
    assert told.ended.returncode == 0, told.ended.output
    assert told.purposes == ["install", "force"]
    assert untouched(world.environment, "demo") == others
    assert _info(world.environment).exists()
    assert world.environment.module("demo", "MARK") == "B"
    assert files(folder) == before
    lame(world.environment)
    assert pinstall(world, *words, env=variables).purposes == []
    assert world.pinstall("check", *words, env=variables).returncode == 0


def test_another_version_that_wins_at_import_is_said_aloud(world: Runner) -> None:
    world.index.add(B)
    folder, variables = _outside(world, "variable", OLDER)
    told = pinstall(world, *_asked(world, "demo==1.0"), env=variables)
    assert (told.ended.returncode, told.states["demo"]) == (65, "wrong-version")
    assert f"demo==1.0, but 0.9 is installed outside the environment, in {folder}" in told.ended.stderr


def test_metadata_that_are_damaged_outside_the_environment_are_not_touched(world: Runner) -> None:
    world.index.add(B)
    folder, _ = _outside(world, "system", B)
    (folder / INFO / "RECORD").unlink()
    before = files(folder)
    told = pinstall(world, *_asked(world, "demo==1.0"))
    assert told.ended.returncode == 0, told.ended.output
    assert files(folder) == before
    assert _info(world.environment).exists()


# -- two projects with one file ---------------------------------------------------------------------------------------

ONE, TWO = (
    wheel(name, "1.0", modules={"shared.py": f"MARK = {name!r}\n", f"{name}.py": ""}) for name in ("first", "other")
)


@pytest.mark.parametrize("by", ["version", "hash", "hash, by plain pip"])
def test_a_file_that_another_project_has_overwritten_is_said_and_not_fought_over(world: Runner, by: str) -> None:
    for archive in (ONE, TWO):
        world.index.add(archive)
    written(world, "first==1.0\nother==1.0\n" if by == "version" else pinned(ONE, TWO))
    words = ["-r", "requirements.txt"]
    if by == "hash, by plain pip":
        place(world.environment, ONE, TWO)
    told = pinstall(world, *words)
    assert (told.ended.returncode, set(told.states.values())) == (0, {"satisfied"}), told.ended.output
    assert told.purposes == (["install", "force"] if by == "hash, by plain pip" else ["install"])
    before = installed(world.environment)
    winner = world.environment.module("shared", "MARK")
    loser = {"first": "other", "other": "first"}[winner]
    lame(world.environment)
    for _ in range(2):
        told = pinstall(world, *words)
        assert (told.ended.returncode, told.purposes) == (0, [])
        (line,) = [line for line in own_lines(told.ended) if "overwritten" in line]
        assert f"{loser}==1.0 is satisfied but its shared.py has been overwritten by {winner} 1.0" in line
        assert installed(world.environment) == before
    checked = world.pinstall("check", "--deep", *words)
    assert checked.returncode == 1
    assert checked.stdout == "shared.py belongs to first and other: one of them has overwritten it\n"


def test_a_file_of_two_projects_that_is_neithers_is_damage(world: Runner) -> None:
    for archive in (ONE, TWO):
        world.index.add(archive)
    place(world.environment, ONE, TWO)
    _rewrite(world.environment.site_packages / "shared.py", b"MARK = 'nobody'\n")
    told = pinstall(world, "first==1.0")
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"])
    assert world.environment.module("shared", "MARK") == "first"


# -- what nobody can prove --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["no such artifact", "offline"])
def test_only_the_reinstallation_failed(world: Runner, reason: str) -> None:
    place(world.environment, A)
    world.index.add(B if reason == "no such artifact" else A)
    words = [*_hashed(world, A), *(["--no-index"] if reason == "offline" else [])]
    before = installed(world.environment)
    told = pinstall(world, *words)
    assert told.ended.returncode == 65, told.ended.output
    assert [command["exit_code"] for command in told.document["commands"]] == [0, 1]
    assert "hint: `--pin unproven=accept`" in told.ended.stderr
    assert installed(world.environment) == before
    lame(world.environment)
    told = pinstall(world, *words, "--pin", "unproven=accept")
    assert (told.ended.returncode, told.purposes, told.states["demo"]) == (0, [], "not-verified")


def test_what_is_reinstalled_may_need_more_than_what_was_there(world: Runner) -> None:
    world.pip("install", A.write(world.home))
    for archive in (wheel("demo", "1.0", mark="needy", requires=["cc"]), wheel("cc", "1.0")):
        world.index.add(archive)
    words, report = ("demo==1.0", "--pin", "origin=index"), world.home / "r.json"
    told = pinstall(world, *words, "--report", report)
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force", "install"]), told.ended.output
    assert "demo 1.0 needs cc, which is not installed so: pip runs again" in told.ended.stderr
    assert world.environment.module("cc") == "1.0"
    assert json.loads(report.read_text(encoding="utf-8"))["install"] == []  # what the user's own command did
    lame(world.environment)
    assert pinstall(world, *words).purposes == []


def test_what_nobody_has_pinned_of_it_fails_as_with_pip(world: Runner) -> None:
    place(world.environment, A)
    needy = wheel("demo", "1.0", mark="needy", requires=["cc"])
    for archive in (needy, wheel("cc", "1.0")):
        world.index.add(archive)
    for _ in range(2):
        told = pinstall(world, *_hashed(world, needy))
        assert (told.ended.returncode, told.states) == (1, {"demo": "satisfied", "bystander": "satisfied"}), (
            told.ended.output
        )
        assert "In --require-hashes mode" in told.ended.stderr


def test_a_damage_that_cannot_be_repaired_is_an_error_of_ours(ruin: Runner) -> None:
    _edited(ruin.environment)
    ruin.index.remove(WHOLE.filename)
    before = installed(ruin.environment)
    told = pinstall(ruin, *_asked(ruin, "demo==1.0"))
    assert (told.ended.returncode, told.states["demo"]) == (65, "damaged")
    assert "requirements.txt:1: demo==1.0, but what is installed demo/__init__.py was modified" in told.ended.stderr
    assert installed(ruin.environment) == before


LEDGERS: Final = {
    "garbage": b"\xff{",
    "nothing": b"",
    "another schema": b'{"schema": 99, "distributions": {}}',
    "other types": b'{"schema": 1, "distributions": {"demo": {"version": 1, "hashes": [[1]], "url": 2, "record": []}}}',
    "no row": b'{"schema": 1, "distributions": {"demo": null}}',
    "bottomless": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", [*LEDGERS, "hashes of other types", "another RECORD"])
def test_a_ledger_that_is_no_proof_is_no_error(world: Runner, kind: str) -> None:
    proven(world.environment, B)
    ledger = world.environment.site_packages / ".pinstall" / "ledger.json"
    if kind == "another RECORD":
        with (_info(world.environment) / "RECORD").open("a", encoding="utf-8") as record:
            record.write("demo-1.0.dist-info/x,,\n")
    elif kind == "hashes of other types":
        document = json.loads(ledger.read_bytes())
        document["distributions"]["demo"]["hashes"] = [1, [2], None]
        ledger.write_text(json.dumps(document), encoding="utf-8")
    else:
        ledger.write_bytes(LEDGERS[kind])
    world.index.add(B)
    words = _hashed(world, B)
    told = pinstall(world, *words)
    assert (told.ended.returncode, told.states["demo"]) == (0, "satisfied"), told.ended.output
    assert told.purposes == ["install", "force"]
    lame(world.environment)
    assert pinstall(world, *words).purposes == []


def test_an_environment_of_plain_pip_is_proven_in_one_run_from_its_cache(runner: Runner) -> None:
    archives = [wheel(f"project{number}", "1.0", requires=["project0"] if number else []) for number in range(20)]
    for archive in archives:
        runner.index.add(archive)
    runner.pip("install", *map(requirement, archives))
    assert len(http_bodies(runner.cache)) >= len(archives)
    before = installed(runner.environment)
    runner.index.requests.clear()
    lame(runner.environment)
    written(runner, pinned(*archives))
    for _ in range(2):
        told = pinstall(runner, "-r", "requirements.txt")
        assert (told.ended.returncode, told.purposes) == (0, [])
        assert (len(told.states), set(told.states.values())) == (20, {"satisfied"})
        # the second time they need no cache any more
        shutil.rmtree(runner.cache, ignore_errors=True)
    assert runner.index.requests == []
    assert installed(runner.environment) == before
