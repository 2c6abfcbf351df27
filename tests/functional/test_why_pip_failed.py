"""Why pip failed is in the last lines, by what servers and disks have: one test for each reason."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import tls
from tests.support.index import Fault
from tests.support.proxy import proxy
from tests.support.scenes import own_lines, pinned, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.file_systems import Mounts
    from tests.support.runner import Runner

NOTHING = "; nothing was changed"
TRY = "hint: check the network, the proxy and the URL; a login belongs in the URL or in `.netrc`"
QUICK = ("--retries", "0", "--timeout", "2")


def failed(runner: Runner, *words: str, index: bool = True, code: int = 1) -> list[str]:
    """Return the last lines of a run in which pip failed, without the place of each finding."""
    ended = runner.pinstall(*words, index=index)
    assert ended.returncode == code, ended.output
    said = own_lines(ended)
    assert str(runner.home / "tmp") not in "\n".join(said)
    return said[next(number for number, line in enumerate(said) if line.startswith("error: ")) :]


def stocked(runner: Runner, *lines: str) -> Runner:
    runner.index.add(wheel("aa", "1.0"))
    written(runner, "\n".join(lines))
    return runner


def closed() -> str:
    """Return an address at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{bound.getsockname()[1]}"


# --- an index does not answer ----------------------------------------------------------------------------------------


def unreachable(runner: Runner, place: str, why: str, *words: str, asked: str = "") -> None:
    sentence = f"{place} {why}"
    given = ("--index-url", asked or place)
    assert failed(runner, *given, *QUICK, *words, "aa==1.0", index=False) == [
        f"error: pip failed (exit 1): {sentence}{NOTHING}",
        TRY,
    ]


def test_a_refused_connection(runner: Runner) -> None:
    there = closed()
    why = "does not answer: connection refused"
    unreachable(runner, f"http://{there}/simple", why, asked=f"http://me:swordfish@{there}/simple")


def test_a_name_that_does_not_resolve(runner: Runner) -> None:
    unreachable(runner, "http://index.invalid/simple", "does not answer: its host name does not resolve (DNS)")


def test_a_certificate_that_is_not_accepted(runner: Runner, tmp_path: Path) -> None:
    tls.secure(runner.index, tmp_path)
    unreachable(runner, runner.index.url.rstrip("/"), "has a TLS certificate that is not accepted")


def test_a_proxy_that_is_not_there(runner: Runner) -> None:
    unreachable(stocked(runner), runner.index.url.rstrip("/"), "is not reached through the proxy", "--proxy", closed())


def test_a_proxy_that_wants_a_login(runner: Runner) -> None:
    with proxy() as between:
        between.refuses = True
        why = "answers 407: the proxy requires a login"
        unreachable(stocked(runner), runner.index.url.rstrip("/"), why, "--proxy", between.url)


@pytest.mark.parametrize(
    ("status", "why"), [(401, "401: it requires a login"), (403, "403: it forbids this"), (503, "503")]
)
def test_a_status(runner: Runner, status: int, why: str) -> None:
    runner.index.fault(runner.index.page_url("aa"), Fault(status=status))
    unreachable(runner, runner.index.url.rstrip("/"), f"answers {why}")


def test_a_server_that_is_mute(runner: Runner) -> None:
    runner.index.fault(runner.index.page_url("aa"), Fault(seconds=20))
    unreachable(runner, runner.index.url.rstrip("/"), "does not answer in time")


# --- it answers, and does not have that ------------------------------------------------------------------------------


def test_a_project_that_is_not_there(runner: Runner) -> None:
    assert failed(stocked(runner, "aaa==1.0", "zz==1.0", "pop==1.0"), "-r", "requirements.txt", "aa==1.0") == [
        f"error: pip failed (exit 1): no index has aaa==1.0, zz==1.0, pop==1.0{NOTHING}",
        "  requirements.txt:1: no index has `aaa`; did you mean `aa`?",
        "  requirements.txt:2: no index has `zz`",
        "  requirements.txt:3: no index has `pop`; did you mean `pip`?",
        "hint: correct the name, or add its index with `--extra-index-url`",
    ]


def test_a_version_that_is_not_there(runner: Runner) -> None:
    for archive in (*(wheel("bb", f"{number}.0") for number in (1, 2, 3)), wheel("cc", "1.0", tag="cp32-cp32m-win32")):
        runner.index.add(archive)
    runner.index.add(wheel("dd", "1.0"), requires_python=">=4")
    runner.index.add(wheel("ee", "1.0"), yanked="bad")
    written(runner, "bb==1.5\ncc==1.0\ndd==1.0\nee>=1\n")
    python = ".".join(map(str, sys.version_info[:3]))
    assert failed(runner, "-r", "requirements.txt", "--pin", "unpinned=allow") == [
        f"error: pip failed (exit 1): no file fits bb==1.5, cc==1.0, dd==1.0, ee>=1{NOTHING}",
        "  requirements.txt:1: no index has `bb==1.5`: the newest is 3.0, the nearest: 1.0 and 2.0",
        "  requirements.txt:2: `cc==1.0` has only cc-1.0-cp32-cp32m-win32.whl: none fits here",
        f"  requirements.txt:3: `dd==1.0` needs Python >=4, this is {python}",
        "  requirements.txt:4: `ee>=1` fits only releases that were yanked, such as ee-1.0-py3-none-any.whl",
        "hint: choose another version; `pinstall lock` finds one that fits",
    ]


def test_a_hash_that_is_of_no_file(runner: Runner) -> None:
    there, other = wheel("aa", "1.0"), wheel("aa", "1.0", mark="other")
    runner.index.add(there)
    written(runner, pinned(other))
    theirs = f"{there.filename} with sha256:{there.sha256[:12]}.."
    why = f"has the hash sha256:{other.sha256[:12]}.., and there is only {theirs}"
    assert failed(runner, "-r", "requirements.txt") == [
        f"error: pip failed (exit 1): no file has the hash of aa==1.0{NOTHING}",
        f"  requirements.txt:1: `aa==1.0` {why}",
        "hint: compare the hashes: the file may have been replaced; `pinstall lock` writes the new hash",
    ]


def test_a_build_that_fails(runner: Runner, tmp_path: Path) -> None:
    runner.index.add(wheel("bb", "1.0"))
    runner.index.add(sdist("aa", "1.0", fail=True))
    tree = checkout(tmp_path / "tree", sdist("cc", "1.0"))
    assert failed(runner, "aa==1.0", "bb==1.0", str(tree)) == [
        f"error: pip failed (exit 1): a build probably failed: aa==1.0, {tree}{NOTHING}",
        "  command line: `aa==1.0` is built from aa-1.0.tar.gz",
        f"  command line: `{tree}` has to be built",
        "hint: the output of the build is above, or in the file of `--log`",
    ]


def test_a_file_that_is_not_there(runner: Runner) -> None:
    url = runner.index.add(wheel("aa", "1.0"))
    runner.index.fault(url, Fault(status=404))
    runner.index.add(wheel("bb", "1.0"))
    gone, down = f"{runner.index.root}/files/cc-1.0-py3-none-any.whl", f"http://{closed()}/dd-1.0-py3-none-any.whl"
    digest = f"#sha256={'0' * 64}"
    written(runner, f"cc @ {gone}{digest}\ndd @ {down}{digest}\naa==1.0\nbb==1.0\n")
    assert failed(runner, *QUICK, "-r", "requirements.txt") == [
        f"error: pip failed (exit 1): {down} does not answer: connection refused{NOTHING}",
        f"  requirements.txt:1: {gone} answers 404",
        f"  requirements.txt:3: {url} answers 404",
        TRY,
    ]


def test_a_disk_that_is_full(runner: Runner, layers: Mounts) -> None:
    runner.index.add(wheel("aa", "1.0", files={"aa.bin": os.urandom(1 << 18)}))
    layers.small(runner.home / "tmp")
    assert failed(runner, "aa==1.0") == [
        f"error: pip failed (exit 1): no space is left in the temporary folder{NOTHING}",
        "  less than 1 MiB is free in the temporary folder",
        "hint: free some space and run again",
    ]


def test_no_reason_and_no_question(runner: Runner) -> None:
    """pip refuses its own option; and under `--no-index` no server is asked."""
    stocked(runner)
    said = [f"error: pip failed (exit 2){NOTHING}", "hint: pip printed the reason above"]
    assert failed(runner, "--config-settings", "x", "aa==1.0", code=2) == said
    runner.index.requests.clear()
    assert failed(runner, "--no-index", "aa==1.0")[0] == f"error: pip failed (exit 1): no index has aa==1.0{NOTHING}"
    assert runner.index.requests == []


def test_what_pip_has_changed_before_it_failed_is_not_denied(runner: Runner) -> None:
    """Its second wheel cannot be installed over a folder."""
    runner.index.add(wheel("aa", "1.0"))
    runner.index.add(wheel("bb", "1.0", files={"bb_folder": b"x"}))
    (runner.environment.site_packages / "bb_folder").mkdir()
    (runner.environment.site_packages / "bb_folder" / "x").write_text("")
    assert failed(runner, "aa==1.0", "bb==1.0") == ["error: pip failed (exit 1)", "hint: pip printed the reason above"]
    assert runner.environment.freeze()  # what pip had installed by then


def test_a_lock_says_the_same(runner: Runner) -> None:
    stocked(runner, "aa==2.0", "aaa")
    assert failed(runner, "lock", "requirements.txt", "-o", "out.txt") == [
        "error: pip failed (exit 1): no index has aaa; nothing is written",
        "  requirements.txt:1: no index has `aa==2.0`: the newest is 1.0",
        "  requirements.txt:2: no index has `aaa`; did you mean `aa`?",
        "hint: correct the name, or add its index with `--extra-index-url`",
    ]


def test_an_option_that_pip_does_not_know(runner: Runner) -> None:
    assert failed(stocked(runner), "--requirment", "requirements.txt", code=2) == [
        f"error: pip failed (exit 2): there is no option `--requirment`{NOTHING}",
        "hint: did you mean `--requirement`?",
    ]
