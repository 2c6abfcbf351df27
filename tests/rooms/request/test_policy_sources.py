"""The table of sources: which entry counts for a project, and when two indexes offer something else."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from pinstall.model.artifacts import Link
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Option, Origin
from pinstall.request import policy as sources
from pinstall.request.policy import decide


def entry(pattern: str, value: str = "") -> Option:
    where = Origin(where="/src/pyproject.toml")
    return Option(name=f"sources.{pattern}", dest="sources", value=value or pattern, origin=where)


def link(filename: str, digest: str = "", host: str = "a") -> Link:
    return Link(url=f"https://{host}/{filename}", filename=filename, hashes=frozenset({digest} if digest else ()))


@pytest.mark.parametrize(
    ("patterns", "name", "wins"),
    [
        (["inner-*"], "inner-core", "inner-*"),
        (["inner-*"], "outer", None),
        (["Inner_*"], "inner-core", "Inner_*"),
        (["zope.*"], "zope-interface", "zope.*"),
        (["*", "inner-*", "inner-c*"], "inner-core", "inner-c*"),
        (["inner-core*", "inner-core"], "inner-core", "inner-core"),
        (["*[abc]*", "i*"], "inner-core", "i*"),
        (["i*", "*e"], "inner-core", "i*"),
        (["torch"], "torchvision", None),
        ([], "inner-core", None),
    ],
)
def test_the_most_specific_entry_counts(patterns: list[str], name: str, wins: str | None) -> None:
    found = sources.find_source(canonicalize_name(name), [entry(pattern) for pattern in patterns])
    assert (found and found.value) == wins


def test_other_settings_are_no_entries() -> None:
    other = Option(name="evict", dest="evict", value="never", origin=Origin(where="x"))
    assert sources.find_source(canonicalize_name("evict"), [other]) is None


def test_the_table_is_none_of_the_settings_and_nothing_else_is_the_table() -> None:
    assert decide([entry("inner-*")]) == decide([])
    for name, dest in (("sources", "sources"), ("sources.a", "sources.a"), ("evict.a", "evict")):
        with pytest.raises(PinstallError) as caught:
            decide([Option(name=name, dest=dest, value="x", origin=Origin(where="argument 1"))])
        assert f"there is no setting `{name}`" in str(*caught.value.context)


def test_an_index_is_named_without_credentials_and_without_its_slash() -> None:
    assert sources.index(entry("a", "https://user:secret@host:8080/simple/")) == "https://host:8080/simple"
    assert sources.index(entry("a", "/src/wheels")) == "/src/wheels"


A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
WHEEL, SDIST = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([link(WHEEL, A)], [link(WHEEL, B, "b")], True),
        ([link(WHEEL, A)], [link(WHEEL, A, "b")], False),
        ([link(WHEEL, A)], [link("Demo-1.0-py3-none-any.whl", A, "b")], False),
        ([link(WHEEL, A), link(SDIST, C)], [link(WHEEL, A, "b")], False),
        ([link(WHEEL, A)], [link(SDIST, C, "b")], True),
        ([link(WHEEL, A), link(SDIST, B)], [link(WHEEL, A, "b"), link(SDIST, C, "b")], True),
        ([link(WHEEL, A)], [link(WHEEL, "", "b")], False),
        ([link(WHEEL, A)], [link(WHEEL, "md5:" + "d" * 32, "b")], False),
        ([link(WHEEL)], [link(SDIST, "", "b")], True),
        ([link(WHEEL, A)], [], False),
    ],
)
def test_two_indexes_differ_where_each_has_what_the_other_has_not(
    one: list[Link], other: list[Link], expected: bool
) -> None:
    assert sources.differ(one, other) is expected
    assert sources.differ(other, one) is expected
