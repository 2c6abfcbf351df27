"""Start pip: its exit code or signal, the terminal's signals, its report, and the file that nobody else may read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall import pip
from pinstall.model.pins import Identity, Source
from tests.support.environments import ROOT

DEMO = canonicalize_name("demo")

RUN = """
import json, os, sys
from pinstall import pip
before = {number: pip.signal.getsignal(number) for number in (2, 15)}
ended = pip.run((sys.argv[1], "-m", "pip", *sys.argv[2:]), os.environ)
restored = before == {number: pip.signal.getsignal(number) for number in (2, 15)}
print(json.dumps([ended.exit_code, ended.interrupted, restored]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    exit_code: int
    interrupted: bool
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pip:
    """Runs `pip.run` in a process of its own, with code of the test in the place of pip."""

    folder: Path

    def interpreter(self, code: str) -> Path:
        """Make a `python` that runs the code whatever it is asked for."""
        (self.folder / "code.py").write_text(code, encoding="utf-8")
        path = self.folder / "python"
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {self.folder}/code.py "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return path

    def run(self, code: str, *arguments: str, send: int | None = None, to_all: bool = False, **options: Any) -> Ended:
        """Run the code as pip; once it has said `ready`, send a signal, to pinstall alone or to pip as well."""
        argv = [sys.executable, "-c", RUN, str(self.interpreter(code)), *arguments]
        process = subprocess.Popen(
            argv, cwd=ROOT, stdin=-1, stdout=-1, text=True, encoding="utf-8", start_new_session=True, **options
        )
        assert process.stdin is not None
        assert process.stdout is not None
        lines = ""
        if send is not None:
            lines = process.stdout.readline()
            assert lines == "ready\n"
            (os.killpg if to_all else os.kill)(process.pid, send)
        output, _ = process.communicate("typed\n", timeout=30)
        *said, last = (lines + output).splitlines()
        exit_code, interrupted, restored = json.loads(last)
        assert restored, "the signals' handlers are those of before"
        return Ended(exit_code=exit_code, interrupted=interrupted, output="\n".join(said))


@pytest.fixture
def fake(tmp_path: Path) -> Pip:
    return Pip(folder=tmp_path)


@pytest.mark.parametrize("exit_code", [0, 1, 2, 3, 23, 120])
def test_the_exit_code_is_pips(fake: Pip, exit_code: int) -> None:
    ended = fake.run(f"raise SystemExit({exit_code})")
    assert (ended.exit_code, ended.interrupted) == (exit_code, False)


def test_pip_is_started_as_a_module_with_the_arguments_as_they_are_on_our_own_streams(fake: Pip) -> None:
    code = "import sys; print(sys.argv[1:], sys.stdin.read().strip(), flush=True)"
    assert fake.run(code, "install", "a b", "*", "").output == "['-m', 'pip', 'install', 'a b', '*', ''] typed"


def test_the_environment_is_the_given_one(fake: Pip) -> None:
    python = fake.interpreter("import os, sys; sys.exit(os.environ['NUMBER'] == '5' and 'HOME' not in os.environ)")
    assert pip.run([str(python), "-m", "pip"], {"NUMBER": "5"}).exit_code == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_death_by_a_signal_is_told_as_such(fake: Pip, number: int) -> None:
    ended = fake.run(f"import os; os.kill(os.getpid(), {int(number)})")
    assert (ended.exit_code, ended.interrupted) == (-number, False)


SLEEP = "import time\nprint('ready', flush=True)\ntime.sleep(30)"


def test_sigterm_is_sent_on_to_pip(fake: Pip) -> None:
    started = time.monotonic()
    ended = fake.run(SLEEP, send=signal.SIGTERM)
    assert (ended.exit_code, ended.interrupted) == (-signal.SIGTERM, True)
    assert time.monotonic() - started < 20


def test_ctrl_c_is_pips_to_answer_and_ours_to_wait_for(fake: Pip) -> None:
    code = (
        "import time\ntry:\n print('ready', flush=True)\n time.sleep(30)\n"
        "except KeyboardInterrupt:\n time.sleep(0.2)\n print('cleaned up')\n raise SystemExit(1)"
    )
    ended = fake.run(code, send=signal.SIGINT, to_all=True)
    assert (ended.exit_code, ended.interrupted) == (1, True)
    assert ended.output.endswith("cleaned up")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_is_ignored_stays_ignored_by_pip_too(fake: Pip, number: int) -> None:
    code = "import time\nprint('ready', flush=True)\ntime.sleep(0.3)\nraise SystemExit(5)"
    ended = fake.run(code, send=number, to_all=True, preexec_fn=lambda: signal.signal(number, signal.SIG_IGN))
    assert (ended.exit_code, ended.interrupted) == (5, False)


def item(**changes: Any) -> dict[str, Any]:
    """Return an item of pip's report as 26.3 writes it for a wheel from an index."""
    return {
        "download_info": {
            "url": "https://me:secret@host/files/demo-1.0-py3-none-any.whl",
            "archive_info": {"hash": "sha256=" + "a" * 64, "hashes": {"sha256": "a" * 64}},
        },
        "is_direct": False,
        "is_yanked": False,
        "requested": True,
        "metadata": {"metadata_version": "2.1", "name": "Demo", "version": "1.0+L"},
        **changes,
    }


def report(folder: Path, *items: Any) -> dict[Any, tuple[Identity, str]]:
    """Write a report with these items, and return what is read of it."""
    path = folder / "report.json"
    path.write_text(json.dumps({"version": "1", "install": items}), encoding="utf-8")
    return {one.name: (one.identity, one.url) for one in pip.read_report(str(path))}


def test_a_report_tells_what_was_installed_and_from_where_without_credentials(tmp_path: Path) -> None:
    identity = Identity(name=DEMO, version=Version("1.0+l"), hashes=frozenset({"sha256:" + "a" * 64}))
    assert report(tmp_path, item()) == {DEMO: (identity, "https://host/files/demo-1.0-py3-none-any.whl")}
    assert report(tmp_path) == {}


def test_only_what_was_asked_for_by_url_has_a_source(tmp_path: Path) -> None:
    download = {"url": "ssh://git@host/x.git", "vcs_info": {"vcs": "git", "commit_id": "0123"}, "subdirectory": "s"}
    ((identity, url),) = report(tmp_path, item(download_info=download, is_direct=True)).values()
    assert identity.source == Source(url="ssh://host/x.git", commit="0123", subdirectory="s")
    assert (identity.hashes, url) == (frozenset(), "ssh://host/x.git")


def test_a_version_that_is_none_is_not_known(tmp_path: Path) -> None:
    ((identity, _),) = report(tmp_path, item(metadata={"name": "demo", "version": "unknown"})).values()
    assert identity.version is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"install": 5}',
        b'{"install": [5]}',
        b'{"install": [{}]}',
        b'{"install": null}',
    ],
)
def test_a_broken_report_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.json").write_bytes(content)
    assert pip.read_report(str(tmp_path / "report.json")) == ()
    assert pip.read_report(str(tmp_path / "missing.json")) == ()


@pytest.mark.parametrize(
    "changes",
    [{"metadata": {}}, {"metadata": {"name": 5}}, {"download_info": {}}, {"download_info": {"url": "http://["}}],
)
def test_a_broken_item_is_no_proof_of_anything(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert report(tmp_path, item(**changes)) == {}


def test_a_requirements_file_is_for_its_owner_only_and_is_written_anew(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = Path(pip.write_requirements(str(tmp_path), ["--index-url https://me:secret@host/", "demo==1.0"]))
        assert pip.write_requirements(str(tmp_path), ["demo==2.0"]) == str(path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8") == "demo==2.0\n"
