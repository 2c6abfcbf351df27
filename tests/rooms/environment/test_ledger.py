"""The ledger: believed only of the installation that it saw, never an error, and safe among several writers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pinstall.environment.file_list import FileList
from pinstall.environment.ledger import Ledger, Row
from pinstall.model.pins import Distribution, Hold, Identity
from tests.support.environments import ROOT

DEMO = canonicalize_name("demo")
NOWHERE = os.devnull
"""A state directory in which nothing can be kept."""
HASHES = frozenset({"sha256:" + "a" * 64})


@pytest.fixture
def installed(tmp_path: Path) -> Distribution:
    """Return a distribution that lies in the folder, with a RECORD."""
    folder = tmp_path / "demo-1.0.dist-info"
    folder.mkdir()
    (folder / "RECORD").write_text("demo.py,sha256=x,1\n", encoding="utf-8")
    identity = Identity(name=DEMO, version=Version("1.0"))
    return Distribution(identity=identity, text="1.0", location=str(tmp_path), path=str(folder))


def row(installed: Distribution) -> Row:
    return Row(version=installed.text, hashes=HASHES, url="https://host/demo.whl", record=FileList(installed).digest())


def file(site_packages: Path) -> Path:
    return site_packages / ".pinstall" / "ledger.json"


def remember(site_packages: Path, installed: Distribution, **changes: Any) -> Row:
    """Write one row the normal way, with fields replaced, and return it."""
    written = replace(row(installed), **changes)
    Ledger(str(site_packages), NOWHERE).write({DEMO: written}, print)
    return written


def known(ledger: Ledger, installed: Distribution) -> frozenset[str]:
    row = ledger.row(FileList(installed))
    return frozenset() if row is None else row.hashes


def hashes(site_packages: Path, installed: Distribution) -> frozenset[str]:
    return known(Ledger(str(site_packages), NOWHERE), installed)


def test_what_was_written_is_believed(tmp_path: Path, installed: Distribution) -> None:
    assert hashes(tmp_path, installed) == frozenset()
    remember(tmp_path, installed)
    assert hashes(tmp_path, installed) == HASHES
    other = replace(installed, identity=Identity(name=canonicalize_name("other")))
    assert hashes(tmp_path, other) == frozenset()


def test_it_is_believed_only_while_the_record_is_the_same(tmp_path: Path, installed: Distribution) -> None:
    remember(tmp_path, installed)
    record = Path(installed.path, "RECORD")
    before = record.read_bytes()
    record.write_bytes(before + b"more.py,,\n")
    assert hashes(tmp_path, installed) == frozenset()
    record.write_bytes(before)
    assert hashes(tmp_path, installed) == HASHES
    record.unlink()
    assert hashes(tmp_path, installed) == frozenset()


@pytest.mark.parametrize("listed", ["demo.py,,\n", "demo.py,,10\n", '"demo.py",,\n', "gone.py,,\ndemo.py,,\n"])
def test_what_record_has_no_hash_of_counts_itself(tmp_path: Path, installed: Distribution, listed: str) -> None:
    cached, own = "__pycache__/demo.cpython-311.pyc", "demo-1.0.dist-info/RECORD"
    Path(installed.path, "RECORD").write_text(f"{listed}{cached},,\n{own},,\n/dev/zero,,\n", encoding="utf-8")
    (tmp_path / "demo.py").write_bytes(b"WHO = 'A'\n")
    remember(tmp_path, installed)
    assert hashes(tmp_path, installed) == HASHES
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / cached).write_bytes(b"compiled")
    assert hashes(tmp_path, installed) == HASHES
    (tmp_path / "demo.py").write_bytes(b"WHO = 'B'\n")
    assert hashes(tmp_path, installed) == frozenset()


def test_what_record_has_a_hash_of_is_not_looked_at(tmp_path: Path, installed: Distribution) -> None:
    remember(tmp_path, installed)
    (tmp_path / "demo.py").write_bytes(b"WHO = 'B'\n")
    assert hashes(tmp_path, installed) == HASHES


def test_without_a_record_nothing_is_believed(tmp_path: Path, installed: Distribution) -> None:
    Path(installed.path, "RECORD").unlink()
    assert remember(tmp_path, installed).record == ""
    assert hashes(tmp_path, installed) == frozenset()


def test_another_version_is_not_believed(tmp_path: Path, installed: Distribution) -> None:
    remember(tmp_path, installed, version="1.0.0")
    assert hashes(tmp_path, installed) == frozenset()


def test_rows_are_added_to_what_stands_there(tmp_path: Path, installed: Distribution) -> None:
    first, second = Ledger(str(tmp_path), NOWHERE), Ledger(str(tmp_path), NOWHERE)
    assert known(first, installed) == known(second, installed) == frozenset()
    first.write({canonicalize_name("a"): row(installed)}, print)
    second.write({DEMO: row(installed)}, print)
    assert known(second, installed) == HASHES
    assert set(json.loads(file(tmp_path).read_text(encoding="utf-8"))["distributions"]) == {"a", "demo"}
    before = file(tmp_path).stat()
    first.write({DEMO: row(installed)}, print)
    after = file(tmp_path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns), "nothing new, nothing written"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"schema": 1}',
        b'{"schema": 1, "distributions": []}',
        b'{"schema": 1, "distributions": {"demo": 5}}',
        b'{"schema": 1, "distributions": {"demo": {"version": "1.0"}}}',
        b'{"schema": 1, "distributions": {"demo": {"version": "1", "hashes": 5, "url": "", "record": ""}}}',
        b'{"somebody": "else"}',
    ],
)
def test_a_broken_or_foreign_file_is_no_proof_and_no_error(
    tmp_path: Path, installed: Distribution, content: bytes
) -> None:
    file(tmp_path).parent.mkdir()
    file(tmp_path).write_bytes(content)
    assert hashes(tmp_path, installed) == frozenset()
    remember(tmp_path, installed)
    assert hashes(tmp_path, installed) == HASHES


def test_a_schema_of_the_future_is_not_believed(tmp_path: Path, installed: Distribution) -> None:
    remember(tmp_path, installed)
    document = json.loads(file(tmp_path).read_text(encoding="utf-8"))
    file(tmp_path).write_text(json.dumps({**document, "schema": 2}), encoding="utf-8")
    assert hashes(tmp_path, installed) == frozenset()
    remember(tmp_path, installed)
    assert hashes(tmp_path, installed) == HASHES


@pytest.mark.parametrize("obstacle", [".pinstall", ".pinstall/ledger.json.lock/x", ".pinstall/ledger.json.PID/x"])
def test_what_cannot_be_written_is_only_not_remembered(tmp_path: Path, installed: Distribution, obstacle: str) -> None:
    # a file where a folder should be, and the reverse: chmod does not stop root
    obstructing = tmp_path / obstacle.replace("PID", str(os.getpid()))
    obstructing.parent.mkdir(parents=True, exist_ok=True)
    obstructing.write_bytes(b"")
    remember(tmp_path, installed)
    assert hashes(tmp_path, installed) == frozenset()


def test_a_full_disk_leaves_the_old_rows(
    tmp_path: Path, installed: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(tmp_path, installed)
    before = file(tmp_path).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    remember(tmp_path, installed, version="2.0")
    assert file(tmp_path).read_bytes() == before
    assert {path.name for path in file(tmp_path).parent.iterdir()} == {"ledger.json", "ledger.json.lock"}
    assert hashes(tmp_path, installed) == HASHES


WRITER = """
import sys
from pinstall.environment.ledger import Ledger, Row
folder, start, count = sys.argv[1], *map(int, sys.argv[2:])
sys.stdin.read()
for number in range(start, start + count):
    row = Row(version="1", hashes=frozenset(), url="", record=str(number))
    Ledger(folder, folder).write({f"p{number}": row}, print)
"""


def test_concurrent_writers_lose_no_row_and_corrupt_nothing(tmp_path: Path) -> None:
    count, writers = 15, 4
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, str(one * count), str(count)], stdin=-1, cwd=ROOT)
        for one in range(writers)
    ]
    for process in processes:  # all have been started: go
        assert process.stdin is not None
        process.stdin.close()
    while any(process.poll() is None for process in processes):
        if file(tmp_path).exists():
            json.loads(file(tmp_path).read_text(encoding="utf-8"))
    assert [process.returncode for process in processes] == [0] * writers
    document = json.loads(file(tmp_path).read_text(encoding="utf-8"))
    expected: set[NormalizedName] = {canonicalize_name(f"p{number}") for number in range(count * writers)}
    assert set(document["distributions"]) == expected
    assert sorted(path.name for path in file(tmp_path).parent.iterdir()) == ["ledger.json", "ledger.json.lock"]


# root may write everywhere, so that a file in the place of the folder stands for one that may not be written
def test_where_the_environment_cannot_be_written_the_users_state_keeps_the_rows(
    tmp_path: Path, installed: Distribution
) -> None:
    state = tmp_path / "state"
    (tmp_path / ".pinstall").write_bytes(b"")
    Ledger(str(tmp_path), str(state)).write({DEMO: row(installed)}, print)
    assert known(Ledger(str(tmp_path), str(state)), installed) == HASHES
    elsewhere = tmp_path / "elsewhere"
    assert known(Ledger(str(elsewhere), str(state)), installed) == frozenset(), "each environment has its own"
    (tmp_path / ".pinstall").unlink()
    remember(tmp_path, installed, hashes=frozenset({"sha256:" + "b" * 64}))
    assert known(Ledger(str(tmp_path), str(state)), installed) == HASHES, "what is the user's own counts for more"
    record = Path(installed.path, "RECORD")
    record.write_bytes(record.read_bytes() + b"more.py,sha256=y,1\n")
    remember(tmp_path, installed)
    assert known(Ledger(str(tmp_path), str(state)), installed) == HASHES, "a row of what was there before hides none"


def test_what_the_state_has_kept_moves_to_where_it_can_be_written(tmp_path: Path, installed: Distribution) -> None:
    ledger = Ledger(str(tmp_path), str(tmp_path / "state"))
    held = {name: Hold(name=name, version="1", origins={"": "command line"}) for name in (DEMO, canonicalize_name("b"))}
    (tmp_path / ".pinstall").write_bytes(b"")
    ledger.write({DEMO: row(installed)}, print, lambda _: held)
    (tmp_path / ".pinstall").unlink()
    ledger.write({canonicalize_name("other"): row(installed)}, print, lambda before: {DEMO: before[DEMO]})
    assert not Path(ledger.paths[1]).exists()
    assert set(json.loads(file(tmp_path).read_text(encoding="utf-8"))["distributions"]) == {"demo", "other"}
    assert (known(ledger, installed), set(ledger.holds())) == (HASHES, {DEMO})
