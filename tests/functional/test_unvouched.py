"""What a RECORD does not vouch for is missed all the same, and what moved metadata list hides nothing."""

from __future__ import annotations

import io
import shutil
import zipfile
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, pinned, pinstall, place, written
from tests.support.wheels import Archive, wheel, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.environments import Environment
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < REPORTS, reason="without reports nothing is proven (differences-from-pip.md)")

WHOLE: Final = wheel("demo", "1.0", mark="B", modules={"demo/__init__.py": "__version__ = '1.0'\nMARK = 'B'\n"})


def _module(environment: Environment) -> Path:
    return environment.site_packages / "demo" / "__init__.py"


def _asked(runner: Runner, text: str) -> list[str]:
    written(runner, text)
    return ["-r", "requirements.txt"]


def _recorded(archive: Archive, row: Callable[[str, str], str]) -> Archive:
    """Return a wheel whose RECORD says of the package's `__init__.py` what `row` makes of its digest and its size."""
    with zipfile.ZipFile(io.BytesIO(archive.content)) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    (record,) = [name for name in members if name.endswith("/RECORD")]
    rows = [line.rsplit(",", 2) for line in members[record].decode().splitlines()]
    rows = [[path, *(row(*said).split(",") if path.endswith("__init__.py") else said)] for path, *said in rows]
    members[record] = "".join(f"{','.join(one)}\n" for one in rows).encode()
    return archive._replace(content=zipped(members))


UNVOUCHED: Final = {
    "no size": _recorded(WHOLE, lambda digest, _: f"{digest},"),
    "wrong size": _recorded(WHOLE, lambda digest, size: f"{digest},{int(size) + 5}"),
    "nothing": _recorded(WHOLE, lambda *_: ","),
}


@pytest.mark.slow
@pytest.mark.parametrize("hashed", [False, True], ids=["version", "hash"])
@pytest.mark.parametrize("said", UNVOUCHED)
def test_a_file_is_missed_whatever_its_wheel_said_of_it(runner: Runner, said: str, *, hashed: bool) -> None:
    archive = UNVOUCHED[said]
    runner.index.add(archive)
    words = _asked(runner, pinned(archive) if hashed else "demo==1.0\n")
    assert pinstall(runner, *words).ended.returncode == 0
    for _ in range(2):
        told = pinstall(runner, *words)
        assert (told.ended.returncode, told.purposes) == (0, []), told.ended.output
    whole = _module(runner.environment).read_bytes()
    _module(runner.environment).unlink()
    assert pinstall(runner, *words).ended.returncode == 0
    assert _module(runner.environment).read_bytes() == whole
    if hashed or said == "wrong size":  # where only a version is pinned, and no size is known, nobody compares contents
        _module(runner.environment).write_bytes(b"MARK = 'X'\n")
        assert pinstall(runner, *words).ended.returncode == 0
        assert _module(runner.environment).read_bytes() == whole


@pytest.mark.slow
def test_a_file_of_two_projects_that_one_has_no_hash_of_is_not_fought_over(runner: Runner) -> None:
    first = wheel("first", "1.0", files={"demo/__init__.py": b"MARK = 'first'\n"})
    pair = (_recorded(first, lambda *_: ","), wheel("other", "1.0", files={"demo/__init__.py": b"MARK = 'other 1'\n"}))
    for archive in pair:
        runner.index.add(archive)
        written(runner, pinned(archive))
        assert pinstall(runner, "-r", "requirements.txt").ended.returncode == 0
    written(runner, pinned(*pair))
    told = [pinstall(runner, "-r", "requirements.txt") for _ in range(3)]
    assert [one.ended.returncode for one in told] == [0, 0, 0], told[-1].ended.output
    assert told[-1].purposes == []


def test_byte_code_that_virtualenv_lists_is_not_missed(runner: Runner) -> None:
    runner.index.add(WHOLE)
    place(runner.environment, WHOLE)
    with (runner.environment.site_packages / "demo-1.0.dist-info" / "RECORD").open("a", encoding="utf-8") as record:
        record.write("demo/__init__.cpython-311.pyc,,\ndemo/gone/__pycache__,,\ndemo-1.0.dist-info/__pycache__,,\n")
    assert pinstall(runner, "demo==1.0").purposes == []


@pytest.mark.slow
def test_a_reinstallation_writes_through_no_link_that_leads_nowhere(runner: Runner) -> None:
    runner.index.add(WHOLE)
    assert pinstall(runner, "demo==1.0").ended.returncode == 0
    _module(runner.environment).unlink()
    _module(runner.environment).symlink_to(runner.home / "nowhere")
    assert pinstall(runner, "demo==1.0").ended.returncode == 0
    assert not (runner.home / "nowhere").exists()
    assert not _module(runner.environment).is_symlink()
    assert runner.environment.module("demo", "MARK") == "B"


# -- what the moved metadata leave behind -----------------------------------------------------------------------------

PACKAGE: Final = wheel(
    "shape", "1.0", modules={"shape/__init__.py": "MARK = 'old'\n"}, files={"shape/origin.json": b""}
)
MODULE: Final = wheel("shape", "2.0", modules={"shape.py": "MARK = 'new'\n"})


@pytest.mark.slow
@pytest.mark.parametrize("how", ["METADATA empty", "METADATA missing", "0.9 beside it", "--ignore-installed"])
def test_what_only_the_moved_metadata_list_does_not_hide_what_is_pinned(runner: Runner, how: str) -> None:
    for archive in (PACKAGE, MODULE):
        runner.index.add(archive)
    runner.pip("install", "shape==1.0")
    old = runner.environment.site_packages / "shape-1.0.dist-info"
    if how == "0.9 beside it":
        shutil.copytree(old, old.with_name("shape-0.9.dist-info"))
    elif how.startswith("METADATA"):
        (old / "METADATA").unlink() if how.endswith("missing") else (old / "METADATA").write_bytes(b"")
    told = pinstall(runner, *([how] if how.startswith("--") else []), "shape==2.0")
    assert told.ended.returncode == 0, told.ended.output
    assert runner.environment.module("shape", "MARK") == "new"
    assert "such as shape/__init__.py" in told.ended.stderr
    assert len(list(runner.environment.site_packages.glob(".pinstall/shelf/*/*-__init__.py"))) == 1
    assert pinstall(runner, "shape==2.0").purposes == []


@pytest.mark.slow
def test_what_nobody_knows_the_files_of_is_said(runner: Runner) -> None:
    runner.index.add(MODULE)
    place(runner.environment, PACKAGE)
    (runner.environment.site_packages / "shape-1.0.dist-info" / "RECORD").unlink()
    assert "nobody knows its files" in pinstall(runner, "shape==2.0").ended.stderr
