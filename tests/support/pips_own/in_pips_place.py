"""Let pip's own tests run pinstall in the place of `pip install`: a pytest plugin, for a checkout of pip.

Without `PINSTALL_TEST_BESIDE` pip runs as always, and the tests that fail are written into the file that
`PINSTALL_TEST_FAILED` names. With it these are skipped, and those that the page on differences lists have to fail.
"""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = os.environ.get("PINSTALL_TEST_BESIDE")
"""An interpreter that has pinstall."""
FAILED = Path(os.environ["PINSTALL_TEST_FAILED"])
LISTED = re.compile(r"^\| `(\w+\.py::[\w:]+)(?:\[[\w-]+\])?` \|", re.MULTILINE)
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "differences-from-pip.md"


def pytest_configure() -> None:
    """Replace `pip install`, where nothing stands before the word `install`."""
    environment = importlib.import_module("tests.lib").PipTestEnvironment
    pip = environment.pip

    def run(script: Any, *words: Any, **options: Any) -> Any:
        if PYTHON is None or script.zipapp or words[:1] != ("install",) or "--python" in words:
            return pip(script, *words, **options)
        options.pop("use_module", None)
        if script.pip_expect_warning:
            options["allow_stderr_warning"] = True
        target = str(Path(script.bin_path, "python"))
        ours = ("-m", "pinstall", "install", "--python", target, "--pin", "unpinned=allow")
        return script.run(PYTHON, *ours, *map(os.fspath, words[1:]), **options)

    environment.pip = run


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Skip what fails with pip too, and expect what is listed to fail."""
    listed = set(LISTED.findall(PAGE.read_text(encoding="utf-8")))
    failed = set(FAILED.read_text(encoding="utf-8").split("\n")) if PYTHON else set()
    for item in items if PYTHON else ():
        if item.nodeid in failed:
            item.add_marker(pytest.mark.skip(reason="it fails with pip, too"))
        elif item.nodeid.rpartition("/")[2].partition("[")[0] in listed:
            item.add_marker(pytest.mark.xfail(strict=False, reason="the page on differences lists it"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down what fails with pip."""
    if report.failed and PYTHON is None and "PYTEST_XDIST_WORKER" not in os.environ:
        with FAILED.open("a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\n")
