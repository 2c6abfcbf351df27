"""Pip's reports and streams are pip's, ours are few and apart, and neither tells a secret."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import sealed
from tests.support.runner import Runner, beside
from tests.support.scenes import BUILDS_AGAIN, RELEASE, cached, own_lines, pinned, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.started import started
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.processes import Completed
    from tests.support.wheels import Archive

PASSWORD = "s3cr3t-Pa55"


@pytest.fixture
def mismatch(runner: Runner) -> Runner:
    """aa 2.0 is to be built in place of a cached 1.0; bb is a wheel that needs it."""
    old = sdist("aa", "1.0")
    for archive in (old, sdist("aa", "2.0"), wheel("bb", "1.0", requires=["aa"]), wheel("cc", "1.0")):
        runner.index.add(archive)
    cached(runner, old, wheel("aa", "1.0"))
    return runner


@pytest.fixture
def alone(mismatch: Runner, make_environment: MakeEnvironment, tmp_path: Path) -> Runner:
    """The same scene for pip alone."""
    home = tmp_path / "alone"
    home.mkdir()
    runner = Runner(environment=make_environment(), home=home, index=mismatch.index)
    cached(runner, sdist("aa", "1.0"), wheel("aa", "1.0"))
    return runner


def _report(text: str) -> Any:
    """Return pip's report without what differs between two environments."""
    document = json.loads(text)
    document["install"].sort(key=lambda item: item["metadata"]["name"])
    return document


WANTED = ("bb==1.0", "aa==2.0")


@pytest.mark.parametrize("way", ["option", "abbreviated", "variable", "twice"])
def test_the_users_report_is_what_pip_alone_writes(mismatch: Runner, alone: Runner, way: str) -> None:
    words: list[str] = {
        "option": ["--report", "r.json"],
        "abbreviated": ["--repor=r.json"],
        "variable": [],
        "twice": ["--report", "other.json", "--report", "r.json"],
    }[way]
    variables = {"PIP_REPORT": "r.json"} if way == "variable" else {}
    told = pinstall(mismatch, *WANTED, *words, env=variables)
    assert (told.ended.returncode, told.purposes) == (0, ["remake", "install"])
    assert set(told.states.values()) == {"satisfied"}
    alone.pip("install", *WANTED, *words, env=variables)
    ours, theirs = ((one.home / "r.json").read_text(encoding="utf-8") for one in (mismatch, alone))
    assert _report(ours) == _report(theirs)
    assert {item["metadata"]["name"] for item in _report(ours)["install"]} == {"aa", "bb"}
    assert not (mismatch.home / "other.json").exists()


@pytest.mark.slow
def test_a_report_to_standard_output_is_what_pip_alone_prints(mismatch: Runner, alone: Runner) -> None:
    ours = mismatch.pinstall("-q", "--report", "-", *WANTED)
    theirs = alone.pip("install", "-q", "--report", "-", *WANTED)
    assert ours.returncode == 0
    assert _report(ours.stdout) == _report(theirs.stdout)
    # a hash demanded then is one that was proven by it
    assert mismatch.pinstall("-q", "--report=-", *WANTED).returncode == 0


@pytest.mark.slow
def test_a_report_to_a_fifo_arrives_whole(mismatch: Runner, alone: Runner) -> None:
    texts: dict[str, str] = {}
    for runner in (mismatch, alone):
        fifo = runner.home / "fifo"
        os.mkfifo(fifo)

        def read(fifo: Path = fifo) -> None:
            texts[fifo.parent.name] = fifo.read_text(encoding="utf-8")

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        if runner is mismatch:
            assert runner.pinstall("--report", fifo, *WANTED).returncode == 0
        else:
            runner.pip("install", "--report", fifo, *WANTED)
        reader.join(20)
        assert not reader.is_alive()
    ours, theirs = (_report(text) for text in texts.values())
    assert ours == theirs


@pytest.mark.slow
def test_a_users_report_also_proves_hashes(runner: Runner) -> None:
    archive = wheel("aa", "1.0")
    runner.index.add(archive)
    written(runner, pinned(archive))
    told = pinstall(runner, "--report", "r.json", "-r", "requirements.txt")
    assert (told.ended.returncode, told.purposes, told.states) == (0, ["install"], {"aa": "satisfied"})
    assert pinstall(runner, "-r", "requirements.txt").purposes == []


def test_a_satisfied_report_is_empty_and_written_by_pip(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    assert runner.pinstall("--report", "r.json", "aa==1.0").returncode == 0
    assert json.loads((runner.home / "r.json").read_text(encoding="utf-8"))["install"] == []


# --- our own JSON report ---------------------------------------------------------------------------------------------


def test_our_report_has_a_schema_and_tells_pins_verdicts_evictions_commands_and_outcome(mismatch: Runner) -> None:
    written(mismatch, "\naa==2.0\n")
    told = pinstall(mismatch, "-r", "requirements.txt", "bb==1.0")
    document = told.document
    assert document["schema"] == 2
    assert document["exit_code"] == 0
    assert document["target"] == str(mismatch.environment.python)
    (first, second) = sorted(document["pins"], key=lambda pin: str(pin["name"]))
    assert (first["name"], first["wanted"], first["state"]) == ("aa", "aa==2.0", "satisfied")
    assert first["origins"] == ["requirements.txt:2"]
    assert len(second["origins"]) == 1
    (evicted,) = document["evictions"]
    assert (evicted["name"], evicted["version"], evicted["contradiction"]) == ("aa", "1.0", False)
    assert "requirements.txt:2" in evicted["reason"]
    assert [command["exit_code"] for command in document["commands"]] == [0, 0]
    assert told.purposes == ["remake", "install"]


@pytest.mark.slow
def test_our_report_goes_to_standard_output(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    ended = runner.pinstall("aa==1.0", "--pin", "report=-")
    assert json.loads(ended.stdout)["pins"][0]["state"] == "satisfied"
    runner.index.add(wheel("bb", "1.0"))
    quiet = runner.pinstall("-q", "bb==1.0", "--pin=report=-")
    assert json.loads(quiet.stdout)["pins"][0]["state"] == "satisfied"


@pytest.mark.slow
def test_our_report_and_a_lock_go_into_a_pipe_which_stays_one(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    fifo = runner.home / "fifo"
    os.mkfifo(fifo)
    said: list[str] = []
    for words in (("aa==1.0", "--pin", f"report={fifo}"), ("lock", "aa==1.0", "-o", fifo)):
        runner.index.add(wheel("aa", "1.0"))
        reader = threading.Thread(target=lambda: said.append(fifo.read_text(encoding="utf-8")), daemon=True)
        reader.start()
        assert runner.pinstall(*words).returncode == 0
        reader.join(20)
        assert fifo.is_fifo()
    assert json.loads(said[0])["pins"][0]["state"] == "satisfied"
    assert "aa==1.0" in said[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "exit_code", "state"), [("aa==9.9", 1, "not-installed"), ("cc==1.0 --hash", 65, "not-verified")]
)
def test_our_report_is_there_when_the_run_fails(mismatch: Runner, wanted: str, exit_code: int, state: str) -> None:
    if wanted.endswith("--hash"):
        place(mismatch.environment, wheel("cc", "1.0"))
        written(mismatch, pinned(wheel("cc", "1.0", mark="never made")))
        told = pinstall(mismatch, "-r", "requirements.txt")
    else:
        told = pinstall(mismatch, wanted)
    assert told.ended.returncode == told.document["exit_code"] == exit_code
    assert list(told.states.values()) == [state]


def test_our_report_is_there_when_the_request_is_refused(runner: Runner) -> None:
    told = pinstall(runner, "aa")
    assert told.ended.returncode == told.document["exit_code"] == 65


# --- streams ---------------------------------------------------------------------------------------------------------


def _normalised(text: str, runner: Runner) -> str:
    return text.replace(str(runner.environment.root), "<root>").replace(str(runner.home), "<home>")


@pytest.mark.slow
def test_pips_standard_output_is_untouched(mismatch: Runner, alone: Runner) -> None:
    words = ("cc==1.0", "bb==1.0", "aa==1.0")
    ours, theirs = mismatch.pinstall(*words), alone.pip("install", *words)
    assert ours.returncode == 0
    assert "Successfully installed" in ours.stdout
    assert _normalised(ours.stdout, mismatch) == _normalised(theirs.stdout, alone)
    assert [
        line for line in ours.stderr.splitlines() if not line.startswith("pinstall: ")
    ] == theirs.stderr.splitlines()


def test_pips_errors_are_untouched(mismatch: Runner, alone: Runner) -> None:
    words = ("cc==9.9",)
    ours, theirs = mismatch.pinstall(*words), alone.pip("install", *words, check=False)
    assert ours.returncode == theirs.returncode
    assert _normalised(ours.stdout, mismatch) == _normalised(theirs.stdout, alone)
    assert [
        line for line in ours.stderr.splitlines() if not line.startswith("pinstall: ")
    ] == theirs.stderr.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("option", ["-q", "-Uqq"])
def test_quiet_is_silent(mismatch: Runner, option: str) -> None:
    for words in (WANTED, WANTED, ("aa==1.0",)):
        ended = mismatch.pinstall(option, *words)
        assert (ended.returncode, ended.output) == (0, "")


@pytest.mark.slow
def test_quiet_does_not_hide_what_is_wrong(runner: Runner) -> None:
    ended = runner.pinstall("-q", "aa>=1")
    assert ended.returncode == 65
    assert "`aa>=1`" in ended.stderr
    place(runner.environment, wheel("aa", "1.0"))
    runner.index.add(wheel("aa", "1.0"))
    written(runner, pinned(wheel("aa", "1.0", mark="never made")))
    ended = runner.pinstall("-q", "-r", "requirements.txt")
    assert ended.returncode == 65
    assert [line for line in own_lines(ended) if "requirements.txt:1" in line]


@pytest.mark.slow
def test_verbose_gives_the_reason_of_every_decision(mismatch: Runner) -> None:
    place(mismatch.environment, wheel("bb", "0.9"))
    lines = own_lines(mismatch.pinstall("-v", *WANTED))
    assert [line for line in lines if "bb==1.0" in line and "0.9 is installed" in line]
    assert [line for line in lines if "aa==2.0" in line and "not installed" in line]
    assert [line for line in lines if "pip is started" in line and "2 pins" in line]
    assert [line for line in lines if "aa 1.0" in line and "aa==2.0" in line]
    assert len([line for line in lines if " -m pip install " in line]) == 2
    assert [line for line in lines if "aa-2.0-py3-none-any.whl" in line and "fresh" in line]
    assert lines[-1] == "2 pins satisfied"


def test_verbose_says_what_is_not_understood_and_pip_gets_it(runner: Runner) -> None:
    runner.index.add(wheel("aa", "1.0"))
    place(runner.environment, wheel("aa", "1.0"))
    ended = runner.pinstall("-v", "aa==1.0", "--no-such-option")
    assert [line for line in own_lines(ended) if "--no-such-option" in line and "not understood" in line]
    assert ended.returncode == 2


@pytest.mark.slow
def test_on_a_terminal_pip_shows_what_it_always_shows_and_we_stay_plain(runner: Runner) -> None:
    """Pip inherits the terminal itself: its progress bar is drawn only there."""
    blob = {"blob.bin": os.urandom(600_000)}
    runner.index.add(wheel("aa", "1.0", files=blob))
    argv = [*beside(), "--python", str(runner.environment.python), *runner.index_options, "aa==1.0"]
    variables = {key: value for key, value in sealed(runner.home).items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    with_colour = _on_a_terminal(argv, variables, runner.home)
    assert "\x1b[" in with_colour
    assert "1 pin satisfied" in with_colour
    runner.pip("uninstall", "-y", "aa")
    without = _on_a_terminal(argv, {**variables, "NO_COLOR": "1"}, runner.home)
    for text in (with_colour, without):
        ours = [line for line in text.splitlines() if "pinstall: " in line]
        assert len(ours) == 2
        assert not [line for line in ours if re.search(r"pinstall: .*\x1b\[\d+m", line)]
    assert not re.search(r"\x1b\[3\dm", without)


def _on_a_terminal(argv: list[str], variables: dict[str, str], cwd: Path) -> str:
    master, slave = pty.openpty()
    chunks: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # how Linux says that nobody has the terminal open any more
            while chunk := os.read(master, 65536):
                chunks.append(chunk)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        with started(argv, env=variables, cwd=cwd, terminal=slave) as child:
            os.close(slave)
            assert child.process.wait(60) == 0
        reader.join(20)
    finally:
        os.close(master)
    return b"".join(chunks).decode()


def test_help_and_version_go_to_standard_output(runner: Runner) -> None:
    for words in (("--help",), ("help",), ("help", "settings"), ("--version",)):
        ended = runner.pinstall(*words)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "pinstall" in ended.stdout or "--pin" in ended.stdout


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(runner: Runner) -> Runner:
    """An index that demands a password; the cache holds a mismatch of what is pinned."""
    runner.index.credentials = ("user", PASSWORD)
    old = sdist("aa", "1.0")
    runner.index.add(old)
    runner.index.add(_spying("aa", "2.0"))
    runner.index.add(wheel("bb", "1.0"))
    cached(runner, old, wheel("aa", "1.0"))
    runner.variables["PINSTALL_TEST_SPY"] = str(runner.home / "spied")
    return runner


def _spying(name: str, version: str) -> Archive:
    """Return an sdist whose build notes the command line of the pip that builds it."""
    code = """
_build_wheel = build_wheel

def build_wheel(*arguments):
    with open("/proc/%d/cmdline" % os.getppid()) as command, open(os.environ["PINSTALL_TEST_SPY"], "a") as notes:
        notes.write(command.read() + "\\n")
    return _build_wheel(*arguments)
"""
    return sdist(name, version, backend=code)


def _by_option(runner: Runner) -> tuple[list[str], dict[str, str]]:
    written(runner, pinned(_spying("aa", "2.0"), wheel("bb", "1.0")))
    return ["--index-url", runner.index.url_with_credentials, "-r", "requirements.txt"], {}


def _by_variable(runner: Runner) -> tuple[list[str], dict[str, str]]:
    return ["aa==2.0", "bb==1.0"], {"PIP_INDEX_URL": runner.index.url_with_credentials}


def _by_pip_conf(runner: Runner) -> tuple[list[str], dict[str, str]]:
    written(runner, f"[global]\nindex-url = {runner.index.url_with_credentials}\n", "pip.conf")
    return ["aa==2.0", "bb==1.0"], {"PIP_CONFIG_FILE": str(runner.home / "pip.conf")}


def _by_file(runner: Runner) -> tuple[list[str], dict[str, str]]:
    written(runner, f"--index-url {runner.index.url_with_credentials}\naa==2.0\nbb==1.0\n")
    return ["-r", "requirements.txt"], {}


def _by_direct_url(runner: Runner) -> tuple[list[str], dict[str, str]]:
    lines = []
    for archive in (_spying("aa", "2.0"), wheel("bb", "1.0")):
        url = runner.index.file_url(archive.filename).replace("://", f"://user:{PASSWORD}@")
        lines.append(f"{archive.filename[:2]} @ {url}#sha256={archive.sha256}\n")
    written(runner, "".join(lines))
    return ["-r", "requirements.txt"], {"PIP_INDEX_URL": runner.index.url}


WAYS = {
    "option": _by_option,
    "variable": _by_variable,
    "pip.conf": _by_pip_conf,
    "file": _by_file,
    "direct URL": _by_direct_url,
}


def _kept_secret(ended: Completed) -> None:
    assert PASSWORD not in "".join(own_lines(ended))
    # pip before 24 shows the credentials of a direct URL itself, in its `Collecting` line
    assert RELEASE < (24,) or PASSWORD not in ended.output


def _told_the_secret(folder: Path) -> list[str]:
    inputs = {"requirements.txt", "pip.conf"}
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in inputs)
    return [str(path) for path in found if PASSWORD.encode() in path.read_bytes()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to see the command line")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_password_is_told_to_nobody(
    guarded: Runner, way: Callable[[Runner], tuple[list[str], dict[str, str]]]
) -> None:
    words, variables = way(guarded)
    trusting = ["--trusted-host", "127.0.0.1"]
    told = pinstall(guarded, "-v", *trusting, *words, index=False, env=variables)
    assert told.ended.returncode == 0
    assert told.purposes == ["remake", "install"]
    assert told.evicted == {"aa 1.0": False}
    assert guarded.environment.freeze() == ["aa==2.0", "bb==1.0"]
    _kept_secret(told.ended)
    spied = (guarded.home / "spied").read_text(encoding="utf-8")
    assert spied.count("--no-cache-dir") == 1
    assert spied.count("\n") == (2 if BUILDS_AGAIN and way is _by_option else 1)
    # nothing secret stands on our command line that did not stand on the user's
    assert (PASSWORD in spied) <= any(PASSWORD in word for word in words)
    assert _told_the_secret(guarded.home) == ([str(guarded.home / "spied")] if PASSWORD in spied else [])
    assert _told_the_secret(guarded.environment.root) == []
    again = pinstall(guarded, "-v", *trusting, *words, index=False, env=variables)
    assert (again.ended.returncode, again.purposes) == (0, [])
    _kept_secret(again.ended)
    assert PASSWORD not in json.dumps(again.document)


def test_a_password_is_not_in_refusals(guarded: Runner) -> None:
    url = guarded.index.file_url("aa-2.0.tar.gz").replace("://", f"://user:{PASSWORD}@")
    token = guarded.index.file_url("bb-1.0.tar.gz").replace("://", f"://{PASSWORD}@")
    written(guarded, f"aa @ {url}\n{token}\ngit+https://user:{PASSWORD}@example.invalid/cc.git@main\n")
    refused = guarded.pinstall("-v", "-r", "requirements.txt", index=False)
    assert refused.returncode == 65
    assert PASSWORD not in refused.output
    digest = "#sha256=" + "0" * 64
    written(guarded, f"aa @ {url}{digest}\naa @ {url.replace('2.0', '1.0')}{digest[:-1]}1\n")
    fighting = guarded.pinstall("-v", "-r", "requirements.txt", index=False)
    assert fighting.returncode == 1
    assert PASSWORD not in fighting.output
    written(guarded, f"aa @ {url} --no-such-option\nbb == == 1 @ {token}\n-r http://u:{PASSWORD}@127.0.0.1:1/x.txt\n")
    broken = guarded.pinstall("-v", "-r", "requirements.txt", index=False)
    assert broken.returncode == 1
    assert PASSWORD not in broken.output


def test_in_one_log_everything_stands_in_its_order(runner: Runner) -> None:
    command = [*beside(), "check", "--python", str(runner.environment.python), "aa==1.0"]
    log = runner.home / "log"
    with log.open("w", encoding="utf-8") as file:
        subprocess.run(command, env=sealed(runner.home), cwd=runner.home, stdout=file, stderr=file, check=False)
    finding, total = log.read_text(encoding="utf-8").splitlines()[-2:]
    assert finding.startswith("command line: aa==1.0, but it is not installed")
    assert total == "pinstall: 0 of 1 pin satisfied, 1 finding"
