"""Which pages a pip has read, as far as its cache tells: those are not asked for again, and all others are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name

from pinstall.cache.cache import Cache
from pinstall.commands.lock import command
from pinstall.request import call
from tests.support.caches import body_of, http_entry
from tests.support.index import Fault, Index
from tests.support.processes import sealed
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

DEMO = canonicalize_name("demo")
GOOD = wheel("demo", "1.0")
NOW = 0.0
"""A moment before all that this pip has written."""
LATER = math.inf

both_layouts = pytest.mark.parametrize("environment", ["23.2.1", "26.3"], indirect=True)
trusting = pytest.mark.parametrize("environment", ["26.3"], indirect=True)
asking = pytest.mark.parametrize("environment", ["25.3"], indirect=True)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this machine's proxies out."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def filled(runner: Runner) -> Runner:
    runner.index.page_max_age = 0
    for archive in (GOOD, wheel("demo", "2.0")):
        runner.index.add(archive)
    return runner


def fill(runner: Runner) -> None:
    """Have pip read the page of the project."""
    runner.pip("download", "--no-deps", "-d", "downloads", "demo==1.0")
    runner.index.requests.clear()


def cached(runner: Runner) -> Path:
    """Return the file with the headers of the page in pip's cache."""
    url = runner.index.page_url("demo")
    (page,) = filter(Path.exists, (http_entry(runner.cache, url, "http"), http_entry(runner.cache, url)))
    return page


def asked(runner: Runner, since: float, *words: str) -> int:
    """Return how often the index is asked for what a pip was to find out since, whose answer is the same each time."""
    environ = sealed(runner.home)
    argv = ["--python", str(runner.environment.python), *runner.index_options, *words, "demo"]
    given = call.gather(call.read_call(argv, environ))
    ((page,),) = command.make_index(given, Cache(given), {DEMO: "1.0"}, since).pages([DEMO]).values()
    assert [link.hashes for link in page.links] == [frozenset({f"sha256:{GOOD.sha256}"})]
    assert page.index == runner.index.url.rstrip("/")
    return len(runner.index.asked("/simple/demo/"))


@pytest.mark.slow
@both_layouts
def test_what_pip_has_written_since_is_what_it_has_read(filled: Runner) -> None:
    fill(filled)
    assert asked(filled, NOW) == 0
    assert asked(filled, LATER) == 1
    assert asked(filled, NOW, "--no-cache-dir") == 2


@trusting
def test_what_the_index_lets_this_pip_keep_it_has_read_again(filled: Runner) -> None:
    filled.index.page_max_age = 600
    fill(filled)
    assert asked(filled, LATER) == 0


@pytest.mark.slow
@asking
def test_what_the_index_lets_it_keep_an_older_pip_asks_for(filled: Runner) -> None:
    filled.index.page_max_age = 600
    fill(filled)
    assert asked(filled, LATER) == 1


@both_layouts
def test_what_the_index_calls_unchanged_pip_has_read(filled: Runner) -> None:
    fill(filled)
    written = cached(filled).stat().st_mtime
    filled.pip("download", "--no-deps", "-d", "downloads", "demo==1.0")
    assert [one.status for one in filled.index.asked("/simple/demo/")] == [304]
    filled.index.requests.clear()
    assert asked(filled, math.nextafter(written, LATER)) == 0


@trusting
def test_a_redirect_that_pip_follows_leads_there(filled: Runner) -> None:
    with Index() as other:
        other.add(GOOD)
        filled.index.fault(filled.index.page_url("demo"), Fault(location=other.page_url("demo")))
        fill(filled)
        assert len(other.asked("/simple/demo/")) == 1
        assert asked(filled, NOW) == 0
        assert len(other.asked("/simple/demo/")) == 1


@both_layouts
def test_a_damaged_page_is_asked_for(filled: Runner) -> None:
    fill(filled)
    body = body_of(cached(filled))
    body.write_bytes(body.read_bytes()[:-9])
    assert asked(filled, NOW) == 1
