"""The tags of an interpreter are those that packaging finds when it runs there."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import packaging
import pytest
from packaging.tags import parse_tag

from pinstall.environment import interpreter
from pinstall.environment import interpreter as tags
from tests.support.pips import find_python

if TYPE_CHECKING:
    from packaging.tags import Tag

SYS_TAGS = "import sys; sys.path.insert(0, sys.argv[1]); from packaging.tags import sys_tags; print(*sys_tags())"


def sys_tags(python: str) -> frozenset[Tag]:
    """Return what packaging says inside an interpreter."""
    argv = [python, "-c", SYS_TAGS, str(Path(packaging.__file__).parents[1])]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True)
    return frozenset(tag for text in ended.stdout.split() for tag in parse_tag(text))


# what packaging itself still runs on
@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_an_interpreter_takes_what_packaging_says_inside_it(version: str, tmp_path: Path) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version}")
    assert tags.find_tags(interpreter.describe(str(python), dict(os.environ), str(tmp_path))) == sys_tags(str(python))


@pytest.mark.parametrize(
    ("implementation", "version", "abi", "first"),
    [
        ("cpython", "3.13.1", ".cpython-313t-x86_64-linux-gnu.so", "cp313-cp313t"),
        ("cpython", "3.12.1", ".cp312-win_amd64.pyd", "cp312-cp312"),
        ("pypy", "3.10.14", ".pypy310-pp73-x86_64-linux-gnu.so", "pp310-pypy310_pp73"),
    ],
)
def test_other_interpreters_are_known_by_the_suffix_of_their_extensions(
    implementation: str, version: str, abi: str, first: str, tmp_path: Path
) -> None:
    """No such interpreter can be expected on a machine."""
    running = interpreter.describe(None, dict(os.environ), str(tmp_path))
    other = replace(running, version=version, abi=abi, markers={"implementation_name": implementation})
    found = {f"{tag.interpreter}-{tag.abi}" for tag in tags.find_tags(other)}
    assert first in found
    assert "py3-none" in found
    assert ("cp313-abi3" in found) == (first == "cp313-cp313")
