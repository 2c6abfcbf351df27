"""What resolvelib makes of several candidates for a project, and of needs that cannot be met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolvelib import BaseReporter, Resolver

from pinstall.verdicts import closure, resolution
from tests.support.values import MARKERS, distribution, lines

if TYPE_CHECKING:
    from pinstall.model.pins import Distribution


def roots(text: str) -> list[closure.Need]:
    return [closure.of_line(line, line.name) for line in lines(text) if line.name is not None]


def among(*releases: Distribution) -> resolution.Candidates:
    return lambda name: [one for one in releases if one.identity.name == name]


def chosen(text: str, *releases: Distribution) -> dict[str, str]:
    """Return what is chosen among these releases, the preferred of each project first."""
    provider = resolution.Provider(among(*releases), MARKERS, lambda _: False)
    mapping = Resolver(provider, BaseReporter()).resolve(roots(text)).mapping
    return {name: candidate.distribution.text for (name, _), candidate in mapping.items()}


def unmet(text: str, *releases: Distribution) -> list[str]:
    return [str(need) for need in resolution.unmet(roots(text), among(*releases), MARKERS)]


NEW, OLD = distribution("bb", "2.0"), distribution("bb", "1.0")


def test_the_preferred_candidate_is_chosen() -> None:
    assert chosen("bb", NEW, OLD) == {"bb": "2.0"}
    assert chosen("bb", OLD, NEW) == {"bb": "1.0"}


def test_the_preferred_candidate_that_fits_is_chosen() -> None:
    assert chosen("aa\nbb", distribution("aa", requires=["bb<2"]), NEW, OLD) == {"aa": "1.0", "bb": "1.0"}


def test_a_candidate_whose_needs_cannot_be_met_gives_way_to_the_next() -> None:
    newer, older = distribution("aa", "2.0", ["bb>2"]), distribution("aa", "1.0", ["bb<2"])
    assert chosen("aa\nbb", newer, older, NEW, OLD) == {"aa": "1.0", "bb": "1.0"}


def test_one_release_has_all_extras_that_are_asked_of_it() -> None:
    newer = distribution("aa", "2.0", ['bb>2 ; extra == "x"'])
    older = distribution("aa", "1.0", ['bb>1 ; extra == "x"'])
    other = distribution("cc", requires=["aa[x]"])
    assert chosen("aa\ncc", newer, older, other, NEW, OLD) == {"aa": "1.0", "bb": "2.0", "cc": "1.0"}


def test_all_needs_that_no_candidate_meets_are_found() -> None:
    aa, cc = distribution("aa", requires=["bb>2", "dd"]), distribution("cc", requires=["bb<1", "bb"])
    assert unmet("aa\nbb\ncc", aa, cc, NEW, OLD) == ["aa 1.0 needs bb>2", "cc 1.0 needs bb<1"]


def test_needs_are_found_that_no_candidate_meets_together() -> None:
    aa, cc = distribution("aa", requires=["bb<2"]), distribution("cc", requires=["bb>1"])
    assert unmet("aa\nbb\ncc", aa, cc, NEW, OLD) == ["aa 1.0 needs bb<2", "cc 1.0 needs bb>1"]
    assert unmet("aa\nbb", aa, NEW, OLD) == []


def test_what_a_release_needs_for_an_extra_asked_for_later_counts() -> None:
    aa = distribution("aa", requires=['bb>2 ; extra == "x"'])
    assert unmet("aa\nbb\ncc", aa, distribution("cc", requires=["aa[x]"]), NEW) == ["aa 1.0 needs bb>2"]


def test_a_project_without_candidates_is_ignored() -> None:
    assert unmet("aa\nzz", distribution("aa", requires=["yy>1"])) == []


def test_the_search_for_more_ends() -> None:
    many = [distribution(f"p{number}", requires=["bb>2"]) for number in range(150)]
    text = "".join(f"p{number}\n" for number in range(150))
    assert len(unmet(f"{text}bb", *many, NEW)) == 100
