"""Imports run down only, and what decides does no I/O: the contracts of import-linter, in `pyproject.toml`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import ROOT
from tests.support.processes import run, sealed

if TYPE_CHECKING:
    from pathlib import Path

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def test_the_contracts_are_kept(home: Path) -> None:
    pytest.importorskip("importlinter", reason="import-linter is not installed")
    # in the top folder, so that the checkout is examined and not what may be installed
    linted = run([sys.executable, "-c", LINT], env=sealed(home), cwd=ROOT)
    assert linted.returncode == 0, linted.output
    assert " 0 broken" in linted.stdout
