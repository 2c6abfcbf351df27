"""Fixtures: an index, an environment with a chosen pip, and a runner that ties them to a cache of their own."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings
from packaging.version import Version

from tests.support.caches import http_bodies
from tests.support.environments import Environment, copy, template
from tests.support.file_systems import Mounts, mounts
from tests.support.index import Index
from tests.support.pips import CHOSEN, OWN_PYTHON, SUPPORTED, python_for
from tests.support.processes import sealed
from tests.support.promises import EDITABLE, FULL_PROMISE, REPORTS
from tests.support.runner import Runner
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator


RELEASE = Version(CHOSEN).release
TESTS = Path(__file__).parent
CASE_BY_CASE = ("faults", "functional", "rooms", "support")
"""Folders of tests: of those there that start processes in a home of their own a quick look tries one case each."""
TRIED = pytest.StashKey[set[tuple[Path, str]]]()


class MakeEnvironment(Protocol):
    """Makes one more environment, with a chosen pip, with or without pinstall inside."""

    def __call__(self, pip_version: str = CHOSEN, *, inside: bool = False) -> Environment: ...


def pytest_configure() -> None:
    """Let Ctrl-C be heard where the tests run in the background of a script, which ignores it for its children.

    What hypothesis tries may take as long as a busy machine needs: how fast something is, benchmarks tell.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("pinstall", deadline=None)
    settings.load_profile("pinstall")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave all but the first case of what starts processes for each to the slow run.

    Here, as pytest-randomly has not changed their order yet: it is to be the same case each time.
    """
    case = (item.path, item.nodeid.partition("[")[0])
    tried = item.session.stash.setdefault(TRIED, set())
    if (
        case in tried
        and item.path.relative_to(TESTS).parts[0] in CASE_BY_CASE
        and "home" in getattr(item, "fixturenames", ())
    ):
        item.add_marker(pytest.mark.slow)
    tried.add(case)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, for a pip without reports, what is only promised for one with them."""
    beyond = (FULL_PROMISE if RELEASE < REPORTS else frozenset()) | (EDITABLE if RELEASE < (21, 3) else frozenset())
    if beyond:
        for item in items:
            if {item.name, item.name.partition("[")[0]} & beyond:
                item.add_marker(pytest.mark.skip(reason=f"beyond the reduced promise for pip {CHOSEN}"))


def pytest_collection_finish() -> None:
    """Take what collection left behind out of the garbage collector's rounds."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of environment templates, one for all xdist workers."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "templates"


@pytest.fixture
def index() -> Iterator[Index]:
    """Serve an empty index."""
    with Index() as serving:
        yield serving


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the home directory and working directory of all children."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def cache(home: Path) -> Path:
    """Return pip's cache directory of this test, which does not exist yet."""
    return home / ".cache" / "pip"


@pytest.fixture
def make_environment(templates: Path, tmp_path: Path, home: Path) -> MakeEnvironment:
    """Return what makes environments, for tests that need more than one."""
    made: list[Environment] = []

    def make(pip_version: str = CHOSEN, *, inside: bool = False) -> Environment:
        python = python_for(pip_version)
        if python is None:
            pytest.skip(f"pip {pip_version} needs one of the Pythons {', '.join(SUPPORTED[pip_version])}")
        if inside and python != Path(sys.executable):
            pytest.skip(f"pip {pip_version} is to run on another Python than {OWN_PYTHON}, which runs pinstall")
        root = tmp_path / f"environment{len(made) or ''}"
        copy(template(templates, python, pip_version, inside=inside), root)
        made.append(Environment(root=root, variables=sealed(home), inside=inside))
        return made[-1]

    return make


@pytest.fixture
def environment(make_environment: MakeEnvironment, request: pytest.FixtureRequest) -> Environment:
    """Return an environment with the pip under test, or with the one that an indirect parameter names."""
    return make_environment(getattr(request, "param", CHOSEN))


@pytest.fixture(scope="session")
def trusted_cache(templates: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Assert once that an install from the local index fills pip's HTTP cache: all later tests rest on it."""
    python = python_for(CHOSEN)
    if python is None:
        pytest.skip(f"pip {CHOSEN} needs one of the Pythons {', '.join(SUPPORTED[CHOSEN])}")
    folder = tmp_path_factory.mktemp("trusted")
    root = copy(template(templates, python, CHOSEN), folder / "environment")
    with Index() as index:
        index.add(wheel("demo", "1.0"))
        environment = Environment(root=root, variables=sealed(folder))
        runner = Runner(environment=environment, home=folder, index=index)
        runner.pip("install", "demo==1.0")
    # before 21.3 pip caches nothing that comes over plain http, trusted or not
    if RELEASE >= (21, 3):
        assert http_bodies(runner.cache), "pip cached nothing: is the host trusted?"


@pytest.fixture
def runner(environment: Environment, home: Path, index: Index, trusted_cache: None) -> Runner:
    """Return the runner of the test's environment, pinstall standing beside it."""
    return Runner(environment=environment, home=home, index=index)


@pytest.fixture
def layers(tmp_path: Path) -> Iterator[Mounts]:
    """Return what mounts file systems for one test."""
    made = mounts(tmp_path / "layers")
    yield made
    made.clear()


@pytest.fixture
def inside(
    make_environment: MakeEnvironment,
    home: Path,
    index: Index,
    trusted_cache: None,
    request: pytest.FixtureRequest,
) -> Runner:
    """Return a runner of an environment that pinstall itself is installed in."""
    environment = make_environment(getattr(request, "param", CHOSEN), inside=True)
    return Runner(environment=environment, home=home, index=index)
