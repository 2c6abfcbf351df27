"""A file that was edited after its installation is never lost by a reinstallation that pinstall decides on."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, installed, lame, own_lines, pinned, pinstall, place, written
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < REPORTS, reason="without reports files are not verified")
ENTRY = {"certifi-1.0.dist-info/entry_points.txt": b"[console_scripts]\nwhere = certifi:where\n"}
CODE = {"certifi/__init__.py": "def where(): print('it runs')\n"}
BUNDLE = b"the bundle of the wheel\n"
CERTIFI = wheel("certifi", "1.0", modules=CODE, files={"certifi/cacert.pem": BUNDLE, **ENTRY})
MORE = {"certifi/cacert.pem": BUNDLE, "certifi/state.json": b"of the other wheel", **ENTRY}
OTHER = wheel("certifi", "1.0", modules=CODE, files=MORE)
MINE = b"the bundle of the wheel, and the one of the company\n"


@pytest.fixture
def scene(runner: Runner) -> Runner:
    """Return a runner whose environment has a package with data and a script, installed and satisfied."""
    runner.index.add(CERTIFI)
    written(runner, "certifi==1.0\n")
    assert runner.pinstall("-r", "requirements.txt").returncode == 0
    return runner


def bundle(runner: Runner) -> Path:
    return runner.environment.site_packages / "certifi" / "cacert.pem"


def shelf(runner: Runner) -> list[bytes]:
    """Return the contents of what is on the environment's shelf."""
    folder = runner.environment.site_packages / ".pinstall" / "shelf"
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]


@pytest.mark.parametrize("quiet", [(), ("-q",), ("-qq",)], ids=["", "-q", "-qq"])
def test_an_edited_file_is_kept_named_and_put_back(scene: Runner, quiet: tuple[str, ...]) -> None:
    bundle(scene).write_bytes(MINE)
    assert scene.pip("install", "-r", "requirements.txt").returncode == 0
    assert bundle(scene).read_bytes() == MINE  # pip alone leaves it
    ended = scene.pinstall(*quiet, "-r", "requirements.txt")
    assert (ended.returncode, bundle(scene).read_bytes(), shelf(scene)) == (0, BUNDLE, [MINE])
    line = "kept certifi/cacert.pem of certifi 1.0, which was edited (`pinstall undo` puts it back)"
    assert [one for one in own_lines(ended) if "which was edited" in one] == [line]
    undone = scene.pinstall("undo")
    assert (undone.returncode, bundle(scene).read_bytes(), shelf(scene)) == (0, MINE, [])
    back = "put certifi/cacert.pem of certifi 1.0 back: its pin is not satisfied now (see `unmanaged`)"
    assert own_lines(undone) == [back, "1 of 1 entry is back"]
    assert scene.pinstall("check", "-r", "requirements.txt").returncode == 1
    assert scene.pinstall("undo").returncode == 1


def digests(runner: Runner) -> set[bytes]:
    """Return what the environment is satisfied with its shelf, except byte code and pinstall's notes."""
    paths = (
        path for path in runner.environment.root.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".json")
    )
    return {path.read_bytes() for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["module", "script", "link", "metadata", "same size"])
def test_every_kind_of_file_is_kept(scene: Runner, kind: str) -> None:
    folder = scene.environment.site_packages
    paths = {
        "module": folder / "certifi" / "__init__.py",
        "script": scene.environment.root / "bin" / "where",
        "metadata": folder / "certifi-1.0.dist-info" / "METADATA",
    }
    path = paths.get(kind, bundle(scene))
    before = path.read_bytes()
    if kind == "link":
        path.unlink()
        path.symlink_to("/etc/hostname")
    else:
        path.write_bytes(before.swapcase() if kind == "same size" else before + b"# mine\n")
    mine, there = path.read_bytes(), digests(scene)
    ended = scene.pinstall("-q", "-r", "requirements.txt")
    assert kind == "link" or there <= digests(scene)
    assert (ended.returncode, path.read_bytes()) == (0, before), ended.output
    assert f"{os.path.relpath(path, folder)} of certifi 1.0 had been edited: kept" in ended.stderr
    assert scene.pinstall("undo").returncode == 0
    assert (path.read_bytes(), path.is_symlink()) == (mine, kind == "link")


@pytest.mark.slow
def test_where_the_dist_info_is_moved_the_edits_are_kept_too(scene: Runner) -> None:
    bundle(scene).write_bytes(MINE)
    (scene.environment.site_packages / "certifi-1.0.dist-info" / "METADATA").write_bytes(b"")
    ended = scene.pinstall("-q", "-r", "requirements.txt")
    assert (ended.returncode, bundle(scene).read_bytes()) == (0, BUNDLE)
    assert MINE in shelf(scene)
    assert "certifi/cacert.pem of certifi had been edited: kept" in ended.stderr
    assert scene.pinstall("undo").returncode == 0
    assert bundle(scene).read_bytes() == MINE


@pytest.mark.slow
def test_of_two_dist_infos_each_edit_is_kept(scene: Runner) -> None:
    folder = scene.environment.site_packages
    place(scene.environment, wheel("certifi", "0.9", modules={"old.py": "OLD = 1\n", **CODE}))
    (folder / "old.py").write_bytes(MINE)
    bundle(scene).write_bytes(MINE)
    ended = scene.pinstall("-q", "-r", "requirements.txt")
    assert (ended.returncode, bundle(scene).read_bytes()) == (0, BUNDLE), ended.output
    assert shelf(scene).count(MINE) >= 2
    (line,) = [one for one in own_lines(ended) if "been edited" in one]
    assert line.startswith("certifi/cacert.pem, old.py of certifi ")


@pytest.mark.slow
def test_an_added_file_is_kept_only_where_the_new_wheel_replaces_it(scene: Runner) -> None:
    added = bundle(scene).with_name("state.json")
    for number, archive in enumerate((CERTIFI, OTHER)):
        scene.index.add(archive)
        added.write_bytes(MINE)
        bundle(scene).write_bytes(MINE + b"%d" % number)
        written(scene, pinned(archive))
        ended = scene.pinstall("-q", "-r", "requirements.txt", "--no-cache-dir")
        assert ended.returncode == 0, ended.output
        assert ("state.json" in ended.stderr) == (archive is OTHER)
        assert added.read_bytes() == (MINE if archive is CERTIFI else MORE["certifi/state.json"])
    assert shelf(scene).count(MINE) == 1
    assert scene.pinstall("undo").returncode == 0
    assert added.read_bytes() == MINE


@pytest.mark.slow
def test_what_is_as_its_wheel_has_it_is_no_edit(scene: Runner) -> None:
    written(scene, pinned(OTHER))
    scene.index.add(OTHER)
    ended = scene.pinstall("-r", "requirements.txt", "--no-cache-dir")
    assert ended.returncode == 0, ended.output
    assert ("been edited" in ended.stderr, shelf(scene)) == (False, [])


@pytest.mark.slow
def test_a_file_larger_than_the_shelf_is_kept_as_the_latest(scene: Runner) -> None:
    size = (2048 << 20) + 1
    os.truncate(bundle(scene), size)  # it takes no room on the disk
    ended = scene.pinstall("-q", "-r", "requirements.txt")
    assert (ended.returncode, bundle(scene).read_bytes()) == (0, BUNDLE)
    assert "certifi/cacert.pem of certifi 1.0 had been edited: kept" in ended.stderr
    assert scene.pinstall("undo").returncode == 0
    assert bundle(scene).stat().st_size == size


@pytest.mark.slow
@pytest.mark.parametrize("broken", [b"", b"Name: another\nVersion: 1.0\n"])
def test_where_pip_fails_everything_is_in_its_place_again(scene: Runner, broken: bytes) -> None:
    bundle(scene).write_bytes(MINE)
    (scene.environment.site_packages / "certifi-1.0.dist-info" / "METADATA").write_bytes(broken)
    before = installed(scene.environment)
    shutil.rmtree(scene.cache)
    ended = scene.pinstall("-r", "requirements.txt", "--index-url", "http://127.0.0.1:9/simple/", "--retries", "0")
    assert ended.returncode != 0
    assert ("been edited" in ended.stderr, shelf(scene)) == (False, [])
    assert installed(scene.environment) == before


def settled(runner: Runner, *settings: str) -> None:
    """Look twice, the second time with a pip that cannot start."""
    lame(runner.environment)
    for _ in range(2):
        ended = runner.pinstall("-r", "requirements.txt", *settings)
        assert ended.returncode == 0, ended.output


@pytest.mark.parametrize(
    ("table", "words", "variables"),
    [
        ('unmanaged = ["certifi/cacert.pem", "*.none"]', (), {}),
        ("", ("--pin", "unmanaged=certifi/*.pem"), {}),
        ("", (), {"PINSTALL_UNMANAGED": "none *.pem"}),
    ],
)
def test_an_unmanaged_file_is_left_alone_by_every_check(
    scene: Runner, table: str, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    written(scene, f"[tool.pinstall]\n{table}\n", "pyproject.toml")
    bundle(scene).write_bytes(MINE)
    checked = scene.pinstall("check", "-r", "requirements.txt", "--pin", "unmanaged=another/*")
    assert checked.returncode == 1  # the command line goes first
    for deep in ((), ("--deep",)):
        checked = scene.pinstall("check", *deep, "-r", "requirements.txt", *words, env=variables)
        assert (checked.returncode, checked.stdout) == (0, ""), checked.output
        assert "certifi==1.0 is satisfied with certifi/cacert.pem left alone (`unmanaged`)" in checked.stderr
    lame(scene.environment)
    for content in (MINE, MINE + b"again", MINE):
        bundle(scene).write_bytes(content)
        for _ in range(2):
            ended = scene.pinstall("-r", "requirements.txt", *words, env=variables)
            assert ended.returncode == 0, ended.output
        assert bundle(scene).read_bytes() == content


@pytest.mark.slow
def test_an_unmanaged_file_is_put_back_where_another_file_is_the_cause(scene: Runner) -> None:
    bundle(scene).write_bytes(MINE)
    module = bundle(scene).with_name("__init__.py")
    module.write_text("broken", encoding="utf-8")
    words = ("-r", "requirements.txt", "--pin", "unmanaged=*/cacert.pem")
    told = pinstall(scene, "-q", *words)
    assert (told.ended.returncode, bundle(scene).read_bytes()) == (0, MINE), told.ended.output
    assert module.read_text(encoding="utf-8") == CODE["certifi/__init__.py"]
    assert shelf(scene) == [b"broken"]
    settled(scene, *words[2:])


@pytest.mark.slow
def test_a_proof_by_the_wheel_leaves_an_unmanaged_file_out(runner: Runner) -> None:
    runner.index.add(CERTIFI)
    written(runner, pinned(CERTIFI))
    runner.pip("install", "-r", "requirements.txt")
    bundle(runner).write_bytes(MINE)
    settled(runner, "--pin", "unmanaged=certifi/cacert.pem")
    assert bundle(runner).read_bytes() == MINE


@pytest.mark.slow
@pytest.mark.parametrize("value", ["[1]", "{ a = 1 }", '["a b"]', "1.5"], ids=["number", "table", "blank", "float"])
def test_a_value_of_another_type_is_refused(scene: Runner, value: str) -> None:
    written(scene, f"[tool.pinstall]\nunmanaged = {value}\n", "pyproject.toml")
    ended = scene.pinstall("-r", "requirements.txt")
    assert ended.returncode == 64
    written(scene, '[tool.pinstall]\nunpinned = ["warn"]\n', "pyproject.toml")
    assert scene.pinstall("-r", "requirements.txt").returncode == 64


EGG = {
    "demo-1.0.egg-info/PKG-INFO": b"Metadata-Version: 1.1\nName: demo\nVersion: 1.0\n",
    "demo-1.0.egg-info/top_level.txt": b"demo\n",
    "demo/__init__.py": b"MARK = 'egg'\n",
    "demo/data.txt": b"data",
}
"""What `setup.py install` leaves, without the list of its files."""


def laid(folder: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("alone", [False, True], ids=["flat", "folder"])
def test_of_an_egg_every_file_is_kept_that_is_not_the_same_again(runner: Runner, listed: bool, alone: bool) -> None:
    folder = runner.environment.site_packages
    if alone:  # as `easy_install` makes it
        laid(folder / "demo-1.0.egg", {path.replace("demo-1.0.egg-info", "EGG-INFO"): EGG[path] for path in EGG})
        (folder / "easy-install.pth").write_text("./demo-1.0.egg\n", encoding="utf-8")
    else:
        laid(folder, EGG)
        if listed:
            names = "".join(f"../{path}\n" for path in EGG if "egg-info" not in path)
            (folder / "demo-1.0.egg-info" / "installed-files.txt").write_text(names, encoding="utf-8")
    module = folder / ("demo-1.0.egg/demo" if alone else "demo") / "__init__.py"
    module.write_bytes(MINE)
    archive = wheel("demo", "1.0", modules={"demo/__init__.py": "MARK = 'wheel'\n"}, files={"demo/data.txt": b"data"})
    runner.index.add(archive)
    written(runner, pinned(archive))
    ended = runner.pinstall("-q", "-r", "requirements.txt")
    assert ended.returncode == 0, ended.output
    assert runner.environment.module("demo", "MARK") == "wheel"
    path = os.path.relpath(module, folder)
    assert f"{path}" in ended.stderr
    assert "may have been edited: kept" in ended.stderr
    assert MINE in shelf(runner)
    assert alone or b"data" not in shelf(runner)
    assert runner.pinstall("undo").returncode == 0
    assert module.read_bytes() == MINE


@pytest.mark.slow
@pytest.mark.parametrize("installer", ["conda", "poetry", ""])
def test_an_edit_of_what_another_installer_installed_is_kept(runner: Runner, installer: str) -> None:
    other = wheel("certifi", "1.0", modules=CODE, files={"certifi/cacert.pem": b"of conda", **ENTRY})
    place(runner.environment, other)
    (bundle(runner).parents[1] / "certifi-1.0.dist-info" / "INSTALLER").write_text(installer, encoding="utf-8")
    bundle(runner).write_bytes(MINE)
    runner.index.add(CERTIFI)
    written(runner, pinned(CERTIFI))
    ended = runner.pinstall("-q", "-r", "requirements.txt")
    assert (ended.returncode, bundle(runner).read_bytes()) == (0, BUNDLE), ended.output
    assert "certifi/cacert.pem of certifi 1.0 had been edited: kept" in ended.stderr
    assert runner.pinstall("undo").returncode == 0
    assert bundle(runner).read_bytes() == MINE


@pytest.mark.slow
def test_the_edits_of_two_packages_are_put_back_at_once(scene: Runner) -> None:
    scene.index.add(wheel("demo", "1.0"))
    written(scene, "certifi==1.0\ndemo==1.0\n")
    assert scene.pinstall("-r", "requirements.txt").returncode == 0
    module = scene.environment.site_packages / "demo.py"
    for path in (module, bundle(scene)):
        path.write_bytes(MINE)
    ended = scene.pinstall("-q", "-r", "requirements.txt")
    assert [line.partition(" had")[0] for line in own_lines(ended)] == [
        "certifi/cacert.pem of certifi 1.0",
        "demo.py of demo 1.0",
    ]
    assert scene.pinstall("undo").returncode == 0
    assert (module.read_bytes(), bundle(scene).read_bytes()) == (MINE, MINE)


@pytest.mark.slow
def test_what_the_ledger_knows_to_differ_since_the_installation_is_no_edit(runner: Runner) -> None:
    for mark in ("", "second"):
        archive = wheel(
            "certifi", "1.0", modules=CODE, files={"certifi/cacert.pem": BUNDLE}, record_is="lying", mark=mark
        )
        runner.index.add(archive)
        written(runner, pinned(archive))
        ended = runner.pinstall("-r", "requirements.txt", "--no-cache-dir")
        assert ended.returncode == 0, ended.output
        assert "been edited" not in ended.stderr


@pytest.mark.slow
def test_the_user_s_own_upgrade_replaces_an_edit_as_pip_does(scene: Runner) -> None:
    scene.index.add(wheel("certifi", "2.0", modules=CODE, files={"certifi/cacert.pem": b"new"}))
    bundle(scene).write_bytes(MINE)
    ended = scene.pinstall("certifi==2.0")
    assert (ended.returncode, bundle(scene).read_bytes()) == (0, b"new")
