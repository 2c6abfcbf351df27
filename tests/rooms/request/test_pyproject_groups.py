from __future__ import annotations

import pytest

from pinstall.model.inputs import Argument, Fault
from pinstall.request.pyproject import read_group, split_group

pytest.importorskip("packaging.dependency_groups", reason="this packaging knows no groups")

PROJECT = b"""\
[dependency-groups]
Base_One = ["demo==1.0"]
all = [
    {include-group = "base.one"},
    "other >=2",
]
circle = [{include-group = "back"}]
back = [{include-group = "circle"}]
broken = ["demo ==", 1]
"""


def told(group: str, content: bytes = PROJECT) -> list[str]:
    found = read_group(content, group, file="pyproject.toml")
    assert found is not None
    return [
        f"{one.origin}: {one.text}" if isinstance(one, Argument) else f"{one.origin} fault: {one.message}"
        for one in found
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("test", ("pyproject.toml", "test")),
        ("sub/pyproject.toml:test", ("sub/pyproject.toml", "test")),
        ("C:/x/pyproject.toml:test", ("C:/x/pyproject.toml", "test")),
        (":test", ("", "test")),
    ],
)
def test_path_and_name(value: str, expected: tuple[str, str]) -> None:
    assert split_group(value) == expected


def test_includes_are_followed_and_names_normalised() -> None:
    assert told("base-one") == told("BASE.one") == ["pyproject.toml:2: demo==1.0"]
    # what packaging writes in another way than the file is found nowhere in it
    assert told("all") == ["pyproject.toml:2: demo==1.0", "pyproject.toml: other>=2"]


@pytest.mark.parametrize(
    ("group", "words"), [("absent", "absent"), ("circle", "yclic"), ("broken", "demo =="), ("broken", "item: 1")]
)
def test_faults_of_a_group(group: str, words: str) -> None:
    found = told(group)
    assert all(" fault: " in text for text in found)
    assert [text for text in found if words in text]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"dependency-groups = 1",
        b"[dependency-groups",
        b"\xff",
        b"[dependency-groups]\ntest = 1\n",
        b"[dependency-groups]\ntest = 'demo'\n",
        b"[dependency-groups]\ntest = []\nTEST = []\n",
    ],
)
def test_faults_of_a_file(content: bytes) -> None:
    found = read_group(content, "test", file="pyproject.toml")
    assert found
    assert all(isinstance(one, Fault) for one in found)
