"""An index that is down, slow, lying or locked: a refusal, and a run that fails, are no worse for it than pip alone."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import ROOT
from tests.support.index import Fault
from tests.support.pages import HTML, JSON
from tests.support.scenes import files, own_lines
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import Completed
    from tests.support.runner import Runner

SECRET = "swordfish"
OTHERS = f'<a href="/files/{wheel("other", "9.0").filename}">9.0</a>'.encode()
HUGE = b'{"files": []' + b" " * 50_000_000 + b"}"
FAULTS = {
    **{str(status): Fault(status=status) for status in (401, 403, 404, 429, 500, 503)},
    "no JSON": Fault(content=b'{"files": ', kind=JSON),
    "JSON of something else": Fault(content=b'{"files": [1, {"url": 2}, {"url": "http://[", "hashes": 3}]}', kind=JSON),
    "JSON without files": Fault(content=b"[]", kind=JSON),
    "deep JSON": Fault(content=b"[" * 100_000, kind=JSON),
    "HTML nonsense": Fault(content=b"\xff<a href='http://[/x' <<<!doctype<![x", kind=HTML),
    "no encoding": Fault(content=OTHERS, kind="text/html; charset=nonsense"),
    "another type": Fault(content=b"%PDF", kind="application/pdf"),
    "files of another project": Fault(content=OTHERS, kind=HTML),
    "a page of 50 MB": Fault(content=HUGE, kind=JSON),
    "a redirect to itself": Fault(location="."),
    "a redirect to nowhere": Fault(location="http://127.0.0.1:9/"),
    "a cut connection": Fault(cut=20),
    "slow": Fault(seconds=20),
    "byte by byte": Fault(content=b" " * 30, kind=JSON, pause=0.2),
}


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    """The index has two projects."""
    for name in ("aa", "bb"):
        runner.index.add(wheel(name, "1.0"))
    return runner


@pytest.fixture
def hole() -> Iterator[str]:
    """Return an index that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as bound:
        yield f"http://me:{SECRET}@127.0.0.1:{bound.getsockname()[1]}/simple/"


def refused(runner: Runner, *words: str) -> list[str]:
    """Return what a refusal says, which is clear and comes soon."""
    before = files(runner.environment.root)
    started = time.monotonic()
    ended = runner.pinstall(*words)
    took = time.monotonic() - started
    assert ended.returncode == 65
    assert took < 8, "two seconds for the index, the rest for a machine that is busy"
    assert_clear(ended)
    assert files(runner.environment.root) == before
    return own_lines(ended)


def assert_clear(ended: Completed) -> None:
    """Pip shows tracebacks of its own."""
    assert f'"{ROOT}' not in ended.stderr
    assert SECRET not in ended.stdout + ended.stderr


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_refusal_goes_without_what_an_index_does_not_tell(stocked: Runner, fault: Fault) -> None:
    stocked.index.fault(stocked.index.page_url("aa"), fault)
    said = refused(stocked, "aa>=1", "bb>=1")
    assert [line for line in said if line.endswith("`aa>=1` is not a pin; write `aa==VERSION`")]
    # one page that is bad makes no other bad
    assert [line for line in said if line.endswith("`bb>=1` is not a pin; write `bb==1.0`")]
    assert not [line for line in said if stocked.index.root in line]


@pytest.mark.parametrize("down", [True, False], ids=["down", "mute"])
def test_a_refusal_does_not_wait_for_a_server_that_is_not_there(stocked: Runner, hole: str, *, down: bool) -> None:
    there = f"http://me:{SECRET}@127.0.0.1:9/simple/" if down else hole
    said = refused(stocked, "--extra-index-url", there, *(f"pp{number}" for number in range(40)), "bb>=1", "-v")
    assert [line for line in said if line.endswith("`bb>=1` is not a pin; write `bb==1.0`")] or not down
    (why,) = [
        line for line in said if "does not answer: connection refused" in line or "does not answer in time" in line
    ]
    assert why.startswith(f"http://127.0.0.1:{'9' if down else ''}")


@pytest.mark.slow
def test_what_wants_a_password_is_left_to_pip_and_said_only_with_details(stocked: Runner) -> None:
    stocked.index.credentials = ("me", SECRET)
    assert [line for line in refused(stocked, "aa") if line.endswith("write `aa==1.0`")]
    open_url = ("--index-url", stocked.index.url)
    said = refused(stocked, "aa", *open_url, "-v")
    assert f"{stocked.index.url.rstrip('/')} answers 401: it requires a login" in said
    assert not [line for line in refused(stocked, "aa", *open_url) if "401" in line]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_run_that_fails_fails_as_pip_alone_does(stocked: Runner, fault: Fault) -> None:
    stocked.index.fault(stocked.index.page_url("aa"), fault)
    before = stocked.environment.freeze()
    words = ("install", "--retries", "0", "--timeout", "2", "aa==2.0", "bb==1.0")
    started = time.monotonic()
    alone = stocked.pip(*words, check=False)
    between = time.monotonic()
    ended = stocked.pinstall(*words)
    assert ended.returncode == alone.returncode
    assert ended.returncode in (1, 2)
    assert time.monotonic() - between < between - started + 40, "what servers may take after a failure, and some"
    assert_clear(ended)
    assert stocked.environment.freeze() == before


def test_after_a_failure_many_pages_are_asked_for_at_once(stocked: Runner) -> None:
    pins = [f"pp{number}==2.0" for number in range(32)]
    for pin in pins:
        stocked.index.add(wheel(pin.partition("=")[0], "1.0"))
    stocked.index.latency = 0.4
    ended = stocked.pinstall(*pins)
    assert ended.returncode == 1
    past = [one for one in stocked.index.requests if one.headers.get("Cache-Control") == "no-cache"]
    assert len({one.path for one in past}) == len(pins)
    # one after the other they would take twelve seconds
    assert max(one.at for one in past) - min(one.at for one in past) < 6
