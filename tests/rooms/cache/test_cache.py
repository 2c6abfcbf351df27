"""The cache of one run reads each thing once until it has to forget, and finds nothing where it is off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pinstall.cache import wheels
from pinstall.cache.cache import Cache
from pinstall.index import pages
from pinstall.request import call
from tests.support.caches import built_wheels
from tests.support.processes import sealed
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from types import ModuleType

    from tests.support.runner import Runner


def asked(runner: Runner, *words: str) -> call.Asked:
    """Return what a command line asks for."""
    argv = ["--python", str(runner.environment.python), *runner.index_options, *words]
    return call.gather(call.read_call(argv, sealed(runner.home)))


class Calls:
    """Counts the calls of functions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.names: list[str] = []

    def watch(self, module: ModuleType, name: str) -> None:
        """Count from now on."""
        function = getattr(module, name)

        def counted(*args: Any, **options: Any) -> Any:
            self.names.append(name)
            return function(*args, **options)

        self._monkeypatch.setattr(module, name, counted)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


def test_pages_and_wheels_are_read_once_until_it_forgets(runner: Runner, calls: Calls) -> None:
    runner.index.add(wheel("other", "2.0"))
    runner.index.add(sdist("demo", "1.0"))
    runner.pip("wheel", "--no-deps", "-w", "wheels", "demo==1.0", "other==2.0")
    given = asked(runner, "demo==1.0", "other==2.0")
    calls.watch(pages, "read")
    calls.watch(wheels, "find_wheels")
    calls.watch(wheels, "examine")
    cache = Cache(given)
    demo, other = given.demand.pins
    first = cache.cases([demo])
    assert [len(one.cached) for one in first] == [1]
    both = cache.cases([demo, other])
    assert both[0] is first[0]
    cache.builds.find_wheels([demo, other])
    cache.downloads.files(demo)
    assert sorted(calls.names) == ["examine", "find_wheels", "read", "read"]
    calls.names.clear()
    (built,) = built_wheels(runner.cache)
    built.unlink()
    assert cache.cases([demo]) == first
    cache.forget()
    assert [len(one.cached) for one in cache.cases([demo])] == [0]
    assert sorted(calls.names) == ["find_wheels", "read"]


def test_a_cache_that_is_off_has_nothing(runner: Runner) -> None:
    url = runner.index.add(wheel("demo", "1.0"))
    runner.pip("download", "--no-deps", "-d", "downloads", "demo==1.0")
    given = asked(runner, "demo==1.0", "--no-cache-dir")
    cache = Cache(given)
    (demo,) = given.demand.pins
    assert not cache.is_on
    assert cache.directory.reason
    assert cache.cases([demo]) == []
    assert cache.planned(()).evictions == ()
    assert cache.downloads.files(demo) == ()
    assert cache.downloads.answers(url) == []
    assert cache.builds.find_wheels([demo]) == {"demo": []}
    assert list(cache.shelf.shelved()) == []
    cache.forget()
