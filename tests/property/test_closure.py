"""The plain walk and the resolver that explains its no are of one opinion."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pinstall.model.pins import Distribution, Source
from pinstall.verdicts.closure import Need, walk
from pinstall.verdicts.resolution import explain
from tests.support.values import MARKERS, distribution


def mostly(common: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw what is common nearly always: else the first misfit in a universe would hide all others."""
    # hypothesis likes the ends of a range, and draws what `one_of` is given twice no more often
    return st.integers(0, 40).flatmap(lambda number: rare if number == 23 else common)


NAMES = ("aa", "bb", "cc", "dd", "ee")
name = st.sampled_from(NAMES)
extra = st.sampled_from(["", "", "", "[x]", "[y]", "[x,y]", "[Z]"])
specifier = mostly(st.sampled_from(["", ">=1", "<2", "==1.*"]), st.sampled_from(["!=1.0", ">1"]))
markers = [
    "",
    ' ; extra == "x"',
    ' ; extra=="y"',
    ' ; extra == "z" and python_version >= "3"',
    ' ; extra == "x" or extra == "y"',
    ' ; extra != "x"',
    ' ; sys_platform == "win32"',
    ' ; sys_platform == "linux"',
]
marker = mostly(st.sampled_from(markers), st.just(' ; sys_platform ~= "linux"'))
link = st.builds(
    lambda name, extra, marker: f"{name}{extra} @ https://host.example/{name}.zip{marker}", name, extra, marker
)
named = st.builds(lambda *parts: "".join(parts), name, extra, specifier, marker)
requirement = mostly(named, link | st.just("bb junk"))
version = mostly(st.sampled_from(["1.0", "1.5", "1.0+local"]), st.sampled_from(["2.0rc1", "2.0", None]))
needs = mostly(st.lists(requirement, max_size=4), st.none())
source = st.sampled_from([None, None, "bb", "cc"]).map(
    lambda name: None if name is None else Source(url=f"https://host.example/{name}.zip")
)
project = mostly(st.tuples(version, needs, source), st.none())
universes = st.fixed_dictionaries({canonicalize_name(name): project for name in NAMES}).map(
    lambda drawn: {name: distribution(name, *parts) for name, parts in drawn.items() if parts is not None}
)
roots = st.lists(
    st.builds(
        lambda name, versions, extras: Need(
            name=canonicalize_name(name), specifier=SpecifierSet(versions), extras=frozenset(extras), by="r.txt:1"
        ),
        name,
        specifier,
        st.sets(st.sampled_from(["x", "y", "z"]).map(canonicalize_name), max_size=2),
    ),
    max_size=4,
)

Universe = dict[object, Distribution]


@settings(max_examples=500)
@given(universe=universes, roots=roots)
def test_there_is_something_to_explain_exactly_when_something_is_not_met(universe: Universe, roots: list[Need]) -> None:
    _, unmet = walk(roots, universe.get, MARKERS)
    causes = explain(roots, universe.get, MARKERS)
    assert bool(causes) is bool(unmet), (unmet, causes)


@given(universe=universes, roots=roots)
def test_an_explanation_names_a_need_that_is_not_met(universe: Universe, roots: list[Need]) -> None:
    _, unmet = walk(roots, universe.get, MARKERS)
    for text in explain(roots, universe.get, MARKERS):
        assert any(str(need) in text for need in unmet)


@given(data=st.data(), universe=universes, roots=roots)
def test_the_order_of_the_roots_does_not_matter(data: st.DataObject, universe: Universe, roots: list[Need]) -> None:
    shuffled = data.draw(st.permutations(roots))
    first, other = walk(roots, universe.get, MARKERS), walk(shuffled, universe.get, MARKERS)
    assert set(first[0]) == set(other[0])
    assert {str(need) for need in first[1]} == {str(need) for need in other[1]}


@given(universe=universes, roots=roots, more=name)
def test_what_is_installed_besides_does_not_matter(universe: Universe, roots: list[Need], more: str) -> None:
    reached, unmet = walk(roots, universe.get, MARKERS)
    without = {name: found for name, found in universe.items() if name in reached or name != more}
    assert walk(roots, without.get, MARKERS) == (reached, unmet)
