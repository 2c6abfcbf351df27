"""What a pin is told by pip's HTTP cache, and by servers past it, without any pip but the one that filled the cache."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from pinstall import comparison
from pinstall.cache import downloads as served
from pinstall.index.client import Client
from pinstall.model.artifacts import Link
from pinstall.request import call
from tests.support.caches import body_of, http_entry
from tests.support.index import Fault, Index
from tests.support.processes import sealed
from tests.support.sdists import sdist
from tests.support.values import pin
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.version import Version

    from pinstall.model.artifacts import Answer
    from pinstall.model.pins import Identity, Pin, State
    from tests.support.runner import Runner
    from tests.support.wheels import Archive

GOOD = wheel("demo", "1.0")
SOURCE = sdist("demo", "1.0")
CLOSED = "http://127.0.0.1:9/simple/"


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this machine's proxies out."""
    monkeypatch.setenv("NO_PROXY", "*")


class Asking:
    """Asks real servers, and notes what."""

    def __init__(self, runner: Runner) -> None:
        self._ask = Client(asked(runner).request.options).ask
        self.asked: list[tuple[str, str]] = []

    def __call__(self, url: str, method: str) -> Answer | None:
        self.asked.append((method, url))
        return self._ask(url, method)


def asked(runner: Runner, *words: str) -> call.Asked:
    """Return what a command line asks for."""
    environ = sealed(runner.home)
    argv = ["--python", str(runner.environment.python), *runner.index_options, *words]
    return call.gather(call.read_call(argv, environ))


def outdated(runner: Runner, *words: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Return what servers contradict, and what they were asked."""
    asking = Asking(runner)
    given = asked(runner, *words)
    found = served.Downloads(given, str(runner.cache))
    evictions = [eviction for pin in given.demand.pins for eviction in found.outdated(pin, asking)]
    return [f"{one.what}: {one.reason}" for one in evictions], asking.asked


def hidden(runner: Runner, *words: str) -> list[str]:
    """Return the pins that no cached page lists."""
    given = asked(runner, *words)
    found = served.Downloads(given, str(runner.cache))
    return [pin.name for pin in given.demand.pins if served.is_hidden(pin, found.pages(pin), found.files(pin))]


def fill(runner: Runner, *pins: str) -> None:
    """Have pip fill its cache."""
    runner.pip("download", "--no-deps", "-d", "downloads", *pins)
    runner.index.requests.clear()


def test_where_all_is_as_it_was_nothing_is_outdated(runner: Runner) -> None:
    runner.index.add(GOOD)
    fill(runner, "demo==1.0")
    # a hash proves the file, so that only the page is asked for
    assert outdated(runner, "demo==1.0") == ([], [("GET", runner.index.page_url("demo"))])


def test_without_a_hash_the_file_is_asked_about_and_not_fetched(runner: Runner) -> None:
    url = runner.index.add(GOOD, hashes=False, metadata=False)
    fill(runner, "demo==1.0")
    expected = [("GET", runner.index.page_url("demo")), ("HEAD", url)]
    assert outdated(runner, "demo==1.0") == ([], expected)
    runner.index.add(wheel("demo", "1.0", mark="other"), hashes=False, metadata=False)
    said = [f"the download of {GOOD.filename}: the index says something else by now"]
    assert outdated(runner, "demo==1.0") == (said, expected)


def test_a_page_that_differs_in_other_releases_is_not_outdated(runner: Runner) -> None:
    runner.index.add(GOOD)
    fill(runner, "demo==1.0")
    runner.index.add(wheel("demo", "2.0"))
    assert outdated(runner, "demo==1.0")[0] == []
    assert outdated(runner, "demo==2.0")[0] == ["the cached page of demo: the index says something else by now"]


def test_a_redirect_that_is_still_there_is_not_outdated(runner: Runner) -> None:
    url = runner.index.add(GOOD, hashes=False, metadata=False)
    with Index() as other:
        there = other.add(GOOD)
        runner.index.fault(url, Fault(location=there))
        fill(runner, "demo==1.0")
        assert outdated(runner, "demo==1.0")[0] == []
        # nor is it because what it leads to is not cached
        body_of(http_entry(runner.cache, there)).unlink()
        assert outdated(runner, "demo==1.0")[0] == []
        runner.index.faults.clear()
        (said,) = outdated(runner, "demo==1.0")[0]
        assert said == f"a cached redirect to the download of {GOOD.filename}: the server does not redirect so any more"


def test_a_page_that_is_not_cached_is_asked_for_too_because_files_of_it_may_be(runner: Runner) -> None:
    url = runner.index.add(GOOD)
    fill(runner, "demo==1.0")
    body_of(http_entry(runner.cache, runner.index.page_url("demo"))).unlink()
    body = body_of(http_entry(runner.cache, url))
    body.write_bytes(GOOD.flipped().content)
    said = f"the download of {GOOD.filename}: its bytes are not those that the index lists"
    assert outdated(runner, "demo==1.0")[0] == [said]


def test_a_server_that_is_down_is_asked_once_and_the_next_one_all_the_same(runner: Runner) -> None:
    for archive in (GOOD, wheel("other", "1.0")):
        runner.index.add(archive)
    fill(runner, "demo==1.0", "other==1.0")
    runner.index.add(wheel("demo", "1.0", mark="new"))
    words = ["--index-url", CLOSED, "--extra-index-url", runner.index.url]
    said, _ = outdated(runner, *words, "demo==1.0", "other==1.0")
    assert "the cached page of demo: the index says something else by now" in said
    ask = Client(asked(runner).request.options).ask
    assert ask(f"{CLOSED}demo/", "GET") is None
    assert ask(runner.index.page_url("demo"), "GET") is not None


def test_a_project_that_a_url_names_is_looked_for_nowhere_else(runner: Runner) -> None:
    url = runner.index.add(GOOD)
    fill(runner, "demo==1.0")
    assert outdated(runner, f"demo @ {url}#sha256={GOOD.sha256}") == ([], [])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["demo==1.0"], []),
        (["demo==2.0"], ["demo"]),
        (["demo==1.0", "--no-index"], []),
        (["absent==1.0"], []),
        (["demo @ http://127.0.0.1/demo-2.0.tar.gz#sha256=" + 64 * "0"], []),
    ],
)
def test_a_version_is_hidden_where_pages_are_cached_and_none_lists_it(
    runner: Runner, words: Sequence[str], expected: list[str]
) -> None:
    runner.index.add(GOOD)
    fill(runner, "demo==1.0")
    assert hidden(runner, *words) == expected


def test_a_page_of_another_index_that_is_cached_counts(runner: Runner) -> None:
    runner.index.add(GOOD)
    with Index() as other:
        other.add(wheel("demo", "2.0"))
        extra = ["--extra-index-url", other.url]
        fill(runner, "demo==1.0", *extra)
        assert hidden(runner, *extra, "demo==2.0") == []
        assert hidden(runner, "demo==2.0") == ["demo"]


@pytest.mark.parametrize("archive", [GOOD, SOURCE], ids=["wheel", "sdist"])
@pytest.mark.parametrize("offset", [None, -5], ids=["inside", "at the end"])
def test_without_any_hash_a_files_own_checksums_speak(runner: Runner, archive: Archive, offset: int | None) -> None:
    url = runner.index.add(archive, hashes=False, metadata=False)
    fill(runner, "demo==1.0")
    body_of(http_entry(runner.cache, url)).write_bytes(archive.flipped(offset).content)
    given = asked(runner, "demo==1.0")
    found = served.Downloads(given, str(runner.cache))
    (pin,) = given.demand.pins
    links = found.files(pin)
    (eviction,) = found.faults(pin, (), links)
    assert eviction.contradiction
    assert eviction.what == f"the download of {archive.filename}"


def test_each_version_on_a_long_page_is_judged_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Version | None] = []

    def judge(demanded: Pin, identity: Identity) -> State:
        judged.append(identity.version)
        return comparison.judge(demanded, identity)

    monkeypatch.setattr(served, "comparison", SimpleNamespace(judge=judge))
    texts = ("1.0", "1.0.0", "v1.0", "1.0+cu", "1.1", "2.0", "x")
    names = [f"demo-{text}-cp3{minor}-none-any.whl" for text in texts for minor in range(50)]
    links = tuple(Link(url=f"https://host.example/{name}", filename=name) for name in [*names, "demo-1.0.tar.gz"])
    found = served.of_release(pin("demo==1.0"), links)
    assert {link.filename.split("-")[1] for link in found} == {"1.0", "1.0.0", "v1.0", "1.0+cu", "1.0.tar.gz"}
    assert len(found) == 4 * 50 + 1
    assert sorted(map(str, judged)) == ["1.0", "1.0+cu", "1.1", "2.0"]
