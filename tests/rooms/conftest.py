"""The marker `pure`: the tests of a file that may touch nothing may touch nothing themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from pinstall.formats import metadata
from tests.support.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOORS: Final = ("builtins.open", "io.open", "os.open", "socket.socket", "subprocess.Popen")
"""How Python code reaches files, servers and processes. Imports do not go this way: pure code may import late."""


def _pure() -> tuple[str, ...]:
    """Return the modules in the contract "what decides touches nothing"."""
    document = metadata.parse_toml((ROOT / "pyproject.toml").read_bytes())
    contracts = document["tool"]["importlinter"]["contracts"]
    (modules,) = (contract["source_modules"] for contract in contracts if contract["id"] == "pure")
    return tuple(modules)


PURE: Final = _pure()


def _module(test: Path) -> str:
    """Return the module that a test file is named after: words at the end of its name may say which part it tests."""
    folder = ROOT / "pinstall" / test.parent.relative_to(ROOT / "tests" / "rooms")
    words = test.stem.split("_")[1:]
    for length in range(len(words), 0, -1):
        path = folder / "_".join(words[:length])
        if path.with_suffix(".py").exists():
            return ".".join(path.relative_to(ROOT).parts)
    raise pytest.UsageError(f"{test} is not named after a module of pinstall")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of pure modules."""
    module = _module(item.path)
    if any(module == one or module.startswith(f"{one}.") for one in PURE):
        item.add_marker(pytest.mark.pure)


def _refused(*_: object, **__: object) -> NoReturn:
    pytest.fail("a test that is marked `pure` opens a file, a process or a socket", pytrace=True)


@pytest.fixture(autouse=True)
def _touch_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse files, processes and sockets to tests that are marked `pure`."""
    if request.node.get_closest_marker("pure"):
        for door in DOORS:
            monkeypatch.setattr(door, _refused)
