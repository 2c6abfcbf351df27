"""What is said of any pins in the universes of others is what trying every way says, and what resolvelib says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from pinstall.verdicts import closure, resolution
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.values import MARKERS, lines

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    Pins = dict[NormalizedName, str]

LABELLED = {name for name, scenario in SCENARIOS.items() if any("+" in str(one) for one in scenario.projects.values())}
names = st.sampled_from(sorted(SCENARIOS))


@st.composite
def pinned(draw: st.DrawFn, name: str, *, whole: bool) -> Pins:
    """Draw a release for each project of a universe, or leave out some."""
    projects = SCENARIOS[name].projects
    some = sorted(projects) if whole else draw(st.lists(st.sampled_from(sorted(projects)), min_size=1, unique=True))
    return {project: draw(st.sampled_from(sorted(projects[project]))) for project in some}


def possible(scenario: Scenario, pins: Pins) -> bool:
    return any(scenario.works(pins, choice) for choice in scenario.choices(pins))


@settings(max_examples=1000)
@given(data=st.data(), name=names, whole=st.booleans())
def test_a_conflict_is_said_exactly_where_no_way_works(data: st.DataObject, name: str, *, whole: bool) -> None:
    scenario = SCENARIOS[name]
    pins = data.draw(pinned(name, whole=whole))
    said = scenario.conflicts(pins)
    event("conflict" if said else "none")
    if said or name not in LABELLED:
        assert bool(said) is not possible(scenario, pins), [str(fault) for fault in said]


@settings(max_examples=500)
@given(data=st.data(), name=names, whole=st.booleans())
def test_the_resolver_finds_what_a_plain_walk_finds(data: st.DataObject, name: str, *, whole: bool) -> None:
    scenario = SCENARIOS[name]
    pins = data.draw(pinned(name, whole=whole))
    roots = [closure.of_line(line, line.name) for line in lines(scenario.text(pins)) if line.name is not None]
    known = {project: scenario.known(project, version) for project, version in pins.items()}
    candidates = {project: (one,) for project, one in known.items()}
    _, expected = closure.walk(roots, known.get, MARKERS)
    found = resolution.unmet(roots, lambda project: candidates.get(project, ()), MARKERS)
    assert found == [need for need in dict.fromkeys(expected) if need.name in known]


@settings(max_examples=300)
@given(data=st.data(), name=names)
def test_resolvelib_is_of_the_same_opinion(data: st.DataObject, name: str) -> None:
    assume(name not in LABELLED)
    scenario = SCENARIOS[name]
    pins = data.draw(pinned(name, whole=True))
    roots = [closure.of_line(line, line.name) for line in lines(scenario.text(pins)) if line.name is not None]
    known = {project: scenario.known(project, version) for project, version in pins.items()}
    assume(closure.walk(roots, known.get, MARKERS)[0].keys() <= known.keys())
    assert bool(scenario.conflicts(pins)) is bool(resolution.explain(roots, known.get, MARKERS))
