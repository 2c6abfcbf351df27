from __future__ import annotations

import pytest

from pinstall.model.inputs import Argument, Fault
from pinstall.request.pyproject import read_script

SCRIPT = """\
#!/usr/bin/env python
# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "demo==1.0",
#
#   'other>=2; python_version > "3"',
# ]
# ///
import demo
"""


def refused(text: str, python: str | None = "3.11.2") -> str:
    (found,) = read_script(text.encode(), file="tool.py", python=python)
    assert isinstance(found, Fault)
    return found.message


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_requirements_and_their_lines(ending: str) -> None:
    found = read_script(SCRIPT.replace("\n", ending).encode(), file="tool.py", python="3.11.2")
    assert [(one.text, one.origin.line) for one in found if isinstance(one, Argument)] == [
        ("demo==1.0", 5),
        ('other>=2; python_version > "3"', 7),
    ]


def test_none_are_asked_for() -> None:
    assert read_script(b"# /// script\n#\n# ///\n", file="tool.py", python="3.11.2") == ()


def test_the_python_that_it_needs() -> None:
    assert ">=3.10" in refused(SCRIPT, "3.9.1")
    assert read_script(SCRIPT.encode(), file="tool.py", python=None)
    # as pip compares it
    assert isinstance(read_script(SCRIPT.encode(), file="tool.py", python="3.10.0rc1")[0], Argument)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import demo\n", "no block"),
        ("# /// other\n# x = 1\n# ///\n", "no block"),
        ("# /// script\n# x = 1\n# ///\n\n# /// script\n# x = 1\n# ///\n", "several"),
        ("# /// script\n# x = \n# ///\n", "alue"),
        ("# /// script\n# dependencies = 1\n# ///\n", "iter"),
        ("# /// script\n# dependencies = ['./demo.whl']\n# ///\n", "demo"),
        ("# /// script\n# requires-python = 'x'\n# ///\n", "x"),
    ],
)
def test_faults(text: str, words: str) -> None:
    assert words in refused(text)
