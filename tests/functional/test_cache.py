"""`pinstall cache` as its user sees it: what pip has stored, what of it is wrong, moved out and put back."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import pytest

from pinstall.commands import cache as command
from pinstall.request import locations
from tests.support import caches
from tests.support.environments import Environment, copy, template
from tests.support.index import Fault, Index
from tests.support.pips import python_for
from tests.support.processes import sealed
from tests.support.runner import Runner
from tests.support.scenes import own_lines
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.processes import Completed

SOURCE: Final = sdist("demo", "1.0")
# more than is read at a body's beginning, so that its name has to be found at its end
WHEEL: Final = wheel("Foo.Bar", "1.0", files={"foo_bar.bin": os.urandom(10_000)})
BARE: Final = wheel("bare", "2.0")
MOVED: Final = wheel("moved", "1.0")
DAY: Final = 24 * 60 * 60
pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A copy of a cache that pip has filled, and whoever looks at it."""

    runner: Runner
    layout: caches.Layout

    @property
    def cache(self) -> Path:
        """Return pip's cache directory."""
        return self.runner.cache

    def run(self, *words: str) -> Completed:
        """Look after the cache."""
        ended = self.runner.pinstall("cache", *words)
        assert "Traceback" not in ended.output
        return ended

    def told(self, *words: str) -> list[str]:
        """Return what is told, without sizes and ages."""
        ended = self.run("list", *words)
        assert (ended.returncode, ended.stderr) == (0, "")
        return [re.sub(r"  \d+ (bytes|KiB)  \d+ days", "", line) for line in ended.stdout.splitlines()]

    def entry(self, url: str) -> Path:
        """Return where pip keeps the answer of a URL."""
        return caches.http_entry(self.cache, url, self.layout)

    def file(self, archive: Archive) -> Path:
        """Return the cached body of a file of the index."""
        return caches.body_of(self.entry(self.runner.index.file_url(archive.filename)))

    def page(self, name: str) -> Path:
        """Return the cached body of a project's page."""
        return caches.body_of(self.entry(self.runner.index.page_url(name)))

    @property
    def built(self) -> Path:
        """Return the wheel that pip has built."""
        (path,) = caches.built_wheels(self.cache)
        return path


@pytest.fixture(scope="module", params=["26.3", "23.2.1"])
def original(
    request: pytest.FixtureRequest, templates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Yield a cache that a real pip has filled, in either layout; not to be changed."""
    python = python_for(request.param)
    if python is None:
        pytest.skip(f"no Python for pip {request.param}")
    home = tmp_path_factory.mktemp("filled")
    environment = copy(template(templates, python, request.param), home / "environment")
    with Index() as index:
        for archive in (SOURCE, WHEEL, MOVED):
            index.add(archive)
        index.add(BARE, hashes=False, metadata=False)
        moved = index.file_url(MOVED.filename)
        index.fault(moved, Fault(location=index.add((f"moved-1.0-9-{MOVED.filename[10:]}", MOVED.content))))
        runner = Runner(environment=Environment(root=environment, variables=sealed(home)), home=home, index=index)
        runner.pip("install", "--no-deps", "demo", "foo-bar", "bare", f"moved @ {moved}")
        runner.pip("uninstall", "-y", "demo", "foo-bar", "bare", "moved")
        yield Scene(runner=runner, layout="http-v2" if request.param == "26.3" else "http")


@pytest.fixture
def scene(original: Scene, tmp_path: Path) -> Scene:
    """Return a scene of this test."""
    there = replace(original.runner, home=tmp_path)
    shutil.copytree(original.cache, there.cache)
    return replace(original, runner=there)


def test_everything_is_listed_with_its_kind_and_where_it_came_from(scene: Scene) -> None:
    index = scene.runner.index
    assert scene.told() == [
        f"? -  redirect  {index.file_url('moved-1.0-9-py3-none-any.whl')}",
        "bare -  page",
        "bare 2.0  wheel",
        "demo -  page",
        f"demo 1.0  built wheel  {index.file_url(SOURCE.filename)}",
        "demo 1.0  sdist",
        "foo-bar -  page",
        "foo-bar 1.0  metadata",
        "foo-bar 1.0  wheel",
        "moved 1.0  wheel",
    ]


def test_sizes_and_ages_are_those_of_the_files(scene: Scene) -> None:
    files = {scene.file(WHEEL), scene.entry(scene.runner.index.file_url(WHEEL.filename))}
    for path in files:
        then = path.stat().st_mtime - 40 * DAY
        os.utime(path, (then, then))
    size = sum(path.stat().st_size for path in files)
    line = next(line for line in scene.run("list", "foo-bar").stdout.splitlines() if "  wheel  " in line)
    assert line == f"foo-bar 1.0  wheel  {size / 1024:.0f} KiB  40 days"
    assert scene.run("list", "foo-bar==1.0").stdout.splitlines()[-1] == line


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("Foo_bar", ["foo-bar -  page", "foo-bar 1.0  metadata", "foo-bar 1.0  wheel"]),
        ("FOO.*", ["foo-bar -  page", "foo-bar 1.0  metadata", "foo-bar 1.0  wheel"]),
        ("foo.bar==1", ["foo-bar 1.0  metadata", "foo-bar 1.0  wheel"]),
        ("?are", ["bare -  page", "bare 2.0  wheel"]),
        ("bare==2.0.0", ["bare 2.0  wheel"]),
        ("bare==1.0", []),
        ("bar", []),
        ("nothing", []),
    ],
)
def test_a_pattern_names_a_project_in_any_spelling_and_may_name_a_version(
    scene: Scene, pattern: str, found: list[str]
) -> None:
    assert scene.told(pattern) == found


def test_without_an_action_it_says_where_the_cache_is_and_how_much_it_holds(scene: Scene) -> None:
    told = scene.run().stdout.splitlines()
    assert told[0] == str(scene.cache)
    assert [line.rpartition(",")[0] for line in told[1:]] == [
        "built wheel: 1",
        "metadata: 1",
        "page: 3",
        "redirect: 1",
        "sdist: 1",
        "wheel: 3",
    ]


def test_looking_changes_nothing(scene: Scene) -> None:
    before = caches.snapshot(scene.cache.parent)
    for words in ([], ["list"], ["verify"], ["shelf"]):
        assert scene.run(*words).returncode == 0
    assert caches.snapshot(scene.cache.parent) == before


def test_a_sound_cache_verifies(scene: Scene) -> None:
    ended = scene.run("verify")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert own_lines(ended) == ["10 entries checked, 0 found wrong"]


def _swap(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def _shorten(scene: Scene) -> None:
    path = scene.file(WHEEL)
    path.write_bytes(path.read_bytes()[:-5])


def _stale(scene: Scene) -> None:
    """Let the built wheel come from an archive of this machine that is another one by now."""
    path = SOURCE.write(scene.runner.home)
    origin = scene.built.with_name("origin.json")
    digest = hashlib.sha256(SOURCE.content).hexdigest()
    origin.write_text(f'{{"url": "{path.as_uri()}", "archive_info": {{"hashes": {{"sha256": "{digest}"}}}}}}')
    path.write_bytes(sdist("demo", "1.0", mark="newer").content)


def _metadata(scene: Scene) -> Path:
    return caches.body_of(scene.entry(f"{scene.runner.index.file_url(WHEEL.filename)}.metadata"))


def _poison(scene: Scene, archive: Archive) -> None:
    caches.poison(scene.built, archive, keep_name=True)


WRONG: Final[dict[str, tuple[Callable[[Scene], object], str, str]]] = {
    "another wheel in a built one's place": (
        lambda scene: _poison(scene, wheel("demo", "9.9")),
        "the built wheel of demo 1.0",
        "is not what its file name says: its dist-info folder says demo 9.9",
    ),
    "a built wheel cut off": (
        lambda scene: caches.truncate(scene.built),
        "the built wheel of demo 1.0",
        "is not a valid wheel: ",
    ),
    "a built wheel altered": (
        lambda scene: _poison(scene, wheel("demo", "1.0", record_is="lying")),
        "the built wheel of demo 1.0",
        "was altered: demo.py is not what its RECORD says",
    ),
    "a built wheel whose name is none": (
        lambda scene: scene.built.rename(scene.built.with_name("demo-one.whl")),
        "the built wheel of demo",
        "does not have a valid wheel file name",
    ),
    "a built wheel of an archive that was replaced": (
        _stale,
        "the built wheel of demo 1.0",
        "was built from what `",
    ),
    "a listed wheel altered": (
        lambda scene: _swap(scene.file(WHEEL), WHEEL.content, WHEEL.flipped().content),
        "the wheel of foo-bar 1.0",
        "has other bytes than its index lists",
    ),
    "an sdist altered": (
        lambda scene: _swap(scene.file(SOURCE), SOURCE.content, SOURCE.flipped(5).content),
        "the sdist of demo 1.0",
        "has other bytes than its index lists",
    ),
    "metadata altered": (
        lambda scene: _swap(_metadata(scene), b"Metadata-Version: 2.1", b"Metadata-Version: 2.0"),
        "the metadata of foo-bar 1.0",
        "has other bytes than its index lists",
    ),
    "a wheel without a listed hash altered": (
        lambda scene: _swap(scene.file(BARE), BARE.content, BARE.flipped().content),
        "the wheel of bare 2.0",
        "is damaged: bare.py does not match its checksum",
    ),
    "a wheel without a listed hash that is no zip": (
        lambda scene: _swap(scene.file(BARE), b"PK\x05\x06", b"PK\x05\x07"),
        "the wheel of bare 2.0",
        "is not a valid archive: ",
    ),
    "a body cut off": (_shorten, "", "is damaged: it "),
    "headers damaged": (
        lambda scene: caches.damage(scene.entry(scene.runner.index.page_url("demo")), offset=2),
        "",
        "is damaged: its headers are in no known format",
    ),
    "a page that is none": (
        lambda scene: _swap(scene.page("demo"), b'"files": ', b'"filed": '),
        "the page of demo",
        "is not a page that pip can read",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_found_moved_out_and_put_back(scene: Scene, kind: str) -> None:
    spoil, what, reason = WRONG[kind]
    spoil(scene)
    before = caches.snapshot(scene.cache)
    ended = scene.run("verify", "--evict")
    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    assert line.startswith(what)
    assert reason in line
    path = line.rpartition("(")[2].rstrip(")")
    assert path in before
    assert not (scene.cache / path).exists()
    assert own_lines(ended) == [
        "10 entries checked, 1 found wrong, 1 moved out of the cache (`pinstall undo` puts it back)"
    ]
    ended = scene.run("verify")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert own_lines(ended) == ["9 entries checked, 0 found wrong"]
    assert scene.runner.pinstall("undo").returncode == 0
    assert caches.snapshot(scene.cache) == before


def test_all_that_is_wrong_is_found_at_once_and_only_what_matches_is_looked_at(scene: Scene) -> None:
    caches.truncate(scene.built)
    _shorten(scene)
    caches.truncate(scene.file(BARE), 700)
    before = caches.snapshot(scene.cache)
    assert len(scene.run("verify").stdout.splitlines()) == 3
    ended = scene.run("verify", "Demo")
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1)
    assert own_lines(ended) == ["3 entries checked, 1 found wrong"]
    assert scene.run("verify", "moved").returncode == 0
    assert caches.snapshot(scene.cache) == before


def test_pip_succeeds_again_once_what_is_wrong_has_left(scene: Scene) -> None:
    _swap(scene.file(WHEEL), WHEEL.content, WHEEL.flipped().content)
    words = ("download", "--no-deps", "-d", "downloads", "foo-bar==1.0")
    assert scene.runner.pip(*words, check=False).returncode == 1
    assert scene.run("verify", "--evict").returncode == 1
    scene.runner.pip(*words)
    assert scene.run("verify").returncode == 0
    assert WHEEL.content in scene.file(WHEEL).read_bytes()


def test_what_matches_is_evicted_shelved_and_put_back(scene: Scene) -> None:
    before, listed = caches.snapshot(scene.cache), scene.told()
    ended = scene.run("evict", "FOO_bar")
    assert ended.returncode == 0
    assert own_lines(ended) == ["moved 3 entries out of pip's cache (`pinstall undo` puts it all back)"]
    assert scene.told() == [line for line in listed if not line.startswith("foo-bar")]
    shelved = scene.run("shelf").stdout.splitlines()
    reason = "0 days  `pinstall cache evict` asked for it"
    whats = ("the page of foo-bar", "the metadata of foo-bar 1.0", "the wheel of foo-bar 1.0")
    assert sorted(shelved) == sorted(f"{what}  {reason}" for what in whats)
    assert scene.runner.pinstall("undo").returncode == 0
    assert caches.snapshot(scene.cache) == before
    assert scene.run("shelf").stdout == ""


def test_what_cannot_leave_stays_and_is_named(scene: Scene) -> None:
    caches.truncate(scene.built)
    (scene.cache / "pinstall").write_bytes(b"")  # no shelf can be made
    before = caches.snapshot(scene.cache)
    for words, number, last in (
        (("evict", "foo-bar"), 3, None),
        (("verify", "--evict"), 1, "10 entries checked, 1 found wrong"),
    ):
        ended = scene.run(*words)
        assert ended.returncode == 1, ended.output
        told = own_lines(ended)
        stuck = [line for line in told if f"stays in pip's cache: `{scene.cache}/pinstall" in line]
        assert told == stuck + ([last] if last else [])
        assert len(stuck) == number
    assert caches.snapshot(scene.cache) == before


def test_what_cannot_return_stays_on_the_shelf_and_is_named(scene: Scene) -> None:
    path = scene.built.relative_to(scene.cache)
    scene.run("evict", "demo==1.0")
    shutil.move(scene.cache / "wheels", scene.cache / "other")
    (scene.cache / "wheels").write_bytes(b"")
    ended = scene.runner.pinstall("undo")
    assert ended.returncode == 1
    assert f"`{path}` stays on the shelf: its place cannot be written" in own_lines(ended)
    (scene.cache / "wheels").unlink()
    shutil.move(scene.cache / "other", scene.cache / "wheels")
    ended = scene.runner.pinstall("undo")
    assert (ended.returncode, scene.built.exists()) == (0, True), ended.output


def test_what_a_killed_run_has_left_in_both_places_is_put_back_as_one(scene: Scene) -> None:
    before, built = caches.snapshot(scene.cache), scene.built
    kept = shutil.copy2(built, scene.cache.parent)
    scene.run("evict", "demo==1.0")
    built.parent.mkdir(exist_ok=True)
    shutil.copy2(kept, built)  # as it is while a copy goes to another file system
    assert scene.runner.pinstall("undo").returncode == 0
    assert caches.snapshot(scene.cache) == before
    assert scene.run("shelf").stdout == ""


def test_the_files_of_one_version_are_evicted_and_pip_builds_anew(scene: Scene) -> None:
    assert scene.run("evict", "demo==1.0").returncode == 0
    assert scene.told("demo") == ["demo -  page"]
    assert "No locally built wheels cached" in scene.runner.pip("cache", "list").stdout
    scene.runner.pip("wheel", "--no-deps", "-w", "wheels", "demo==1.0")
    assert len(scene.told("demo")) == 3


@pytest.mark.parametrize("words", [("evict", "nothing"), ("evict", "demo==9")])
def test_to_evict_what_is_not_there_is_a_finding(scene: Scene, words: tuple[str, ...]) -> None:
    before = caches.snapshot(scene.cache.parent)
    ended = scene.run(*words)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert own_lines(ended) == [f"nothing in `{scene.cache}` is of `{words[1]}`"]
    assert caches.snapshot(scene.cache.parent) == before


@pytest.mark.parametrize(
    "words",
    [
        ("demo",),
        ("list", "a", "b"),
        ("evict",),
        ("list", "--evict"),
        ("evict", "demo", "--evict"),
        ("lists",),
        ("shelf", "a"),
    ],
)
def test_words_that_are_no_action_are_refused(scene: Scene, words: tuple[str, ...]) -> None:
    before = caches.snapshot(scene.cache.parent)
    ended = scene.run(*words)
    assert ended.returncode == 64
    assert "pinstall cache [list|verify [--evict]|evict|shelf] [PATTERN]" in ended.stderr
    assert caches.snapshot(scene.cache.parent) == before


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("list --frob", "--frob"),
        ("verify --evct", "--evct"),
        ("verify --evict --foo", "--foo"),
        ("verify --evict --dry-run", "--dry-run"),
        ("evict demo -r requirements.txt", "--requirement"),
        ("shelf -Z", "-Z"),
    ],
)
def test_an_option_that_is_not_about_the_cache_is_refused_before_anything_is_moved(
    scene: Scene, line: str, option: str
) -> None:
    caches.truncate(scene.built)
    before = caches.snapshot(scene.cache.parent)
    ended = scene.run(*line.split())
    assert (ended.returncode, ended.stdout) == (64, "")
    assert f"`{option}`" in own_lines(ended)[0]
    assert caches.snapshot(scene.cache.parent) == before


@pytest.mark.parametrize("words", [["demo"], ["--dry-run"], ["--frob"], ["-r", "requirements.txt"]])
def test_undo_refuses_arguments_before_anything_is_moved(scene: Scene, words: list[str]) -> None:
    scene.run("evict", "demo")
    before = caches.snapshot(scene.cache.parent)
    ended = scene.runner.pinstall("undo", *words)
    assert (ended.returncode, ended.stdout) == (64, "")
    assert caches.snapshot(scene.cache.parent) == before
    assert scene.runner.pinstall("undo", "-v", "--cache-dir", scene.cache).returncode == 0


def test_a_cache_that_is_not_there_yet_holds_nothing_and_is_not_made(original: Scene, tmp_path: Path) -> None:
    runner = replace(original.runner, home=tmp_path)
    for words in ([], ["list"], ["verify"], ["verify", "--evict"], ["shelf"]):
        ended = runner.pinstall("cache", *words)
        assert ended.returncode == 0
        assert ended.stdout.splitlines() == ([] if words else [str(runner.cache)])
    assert runner.pinstall("cache", "evict", "*").returncode == 1
    assert not runner.cache.exists()


@pytest.mark.parametrize(
    ("words", "environ", "config", "on"),
    [
        (["--no-cache-dir"], {}, "", False),
        (["--no-cache"], {}, "", False),
        ([], {"PIP_NO_CACHE_DIR": "1"}, "", False),
        ([], {"PIP_NO_CACHE_DIR": "off"}, "", False),
        ([], {"PIP_NO_CACHE_DIR": ""}, "", True),
        ([], {}, "no-cache-dir = true", False),
        ([], {}, "no-cache-dir = false", False),
        ([], {}, "cache-dir = false", True),
        (["--cache-dir", "there"], {"PIP_NO_CACHE_DIR": "1"}, "", True),
        (["--cache-dir", "there", "--no-cache-dir"], {}, "", False),
        (["--no-cache-dir", "--cache-dir", "there"], {}, "", True),
    ],
)
def test_the_cache_is_off_when_pip_says_so(
    original: Scene, tmp_path: Path, words: list[str], environ: dict[str, str], config: str, *, on: bool
) -> None:
    runner = replace(original.runner, home=tmp_path)
    (tmp_path / "pip.conf").write_text(f"[global]\n{config}\n", encoding="utf-8")
    environ = {**environ, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    alone = runner.pip("cache", "dir", *words, env=environ, check=False)
    assert alone.returncode == (0 if on else 1)
    for action in ([], ["list"], ["verify"], ["shelf"]):
        ended = runner.pinstall("cache", *action, *words, env=environ)
        assert ended.returncode == (0 if on else 1), ended.output
        if not on:
            assert ended.stdout == ""
            assert "pip's cache is off: `" in ended.stderr
    if on:
        assert runner.pinstall("cache", *words, env=environ).stdout.splitlines()[0] == alone.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_cache_of_somebody_else_is_off_as_pip_says_too(scene: Scene) -> None:
    os.chown(scene.cache, 12345, -1)
    assert scene.runner.pip("cache", "dir", check=False).returncode == 1
    ended = scene.run("list")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = own_lines(ended)
    assert line == f"pip's cache is off: `{scene.cache}` is not owned or not writable by the current user"


def test_a_cache_that_cannot_be_written_is_listed_and_the_command_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No read-only file system can be had here, so the question whether it is one is answered by the test."""
    allowed = os.access
    monkeypatch.setattr(locations, "is_usable", lambda _: True)
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(scene.cache) and allowed(path, mode))
    told: list[str] = []
    tell = SimpleNamespace(show=told.append, say=told.append, progress=lambda *_: None, detail=lambda _: None)
    python = ["--python", str(scene.runner.environment.python)]
    assert command.cache(python, sealed(scene.runner.home), tell) == 0
    assert told[:2] == [str(scene.cache), "it cannot be written: nothing can be moved out of it"]
    told.clear()
    assert command.cache(["list", *python], sealed(scene.runner.home), tell) == 0
    assert len(told) == 10


def test_a_file_is_what_its_bytes_are_whatever_its_server_calls_it(scene: Scene) -> None:
    listed = scene.told()
    for archive in (WHEEL, BARE):
        entry = scene.entry(scene.runner.index.file_url(archive.filename))
        _swap(entry, b"application/octet-stream", b"text/html;charset=utf-8 ")
    assert scene.told() == listed
    assert scene.run("verify").returncode == 0


def test_remains_and_strangers_in_the_cache_are_no_entries(scene: Scene) -> None:
    listed = scene.told()
    folder = scene.file(WHEEL).parent
    (folder / "tmpabc123").write_bytes(b"half")
    (folder / ("0" * 56)).mkdir()
    (scene.cache / "stranger").write_bytes(b"")
    (scene.built.parent / "demo-1.0-py3-none-any.whl.part").write_bytes(b"")
    assert scene.told() == listed
    assert scene.run("verify").returncode == 0
