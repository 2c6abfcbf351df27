"""Whether what is installed satisfies a request with its dependencies, and who is to blame when not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet

from pinstall.model.pins import Source
from pinstall.verdicts.closure import Need, dependencies, of_line, walk
from pinstall.verdicts.resolution import explain
from tests.support.values import MARKERS, distribution, lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from packaging.utils import NormalizedName

    from pinstall.model.pins import Distribution


def find(*installed: Distribution) -> Callable[[NormalizedName], Distribution | None]:
    return {one.identity.name: one for one in installed}.get


def roots(text: str, *, constraint: bool = False) -> list[Need]:
    return [of_line(line, line.name) for line in lines(text, constraint=constraint) if line.name is not None]


def unmet(text: str, *installed: Distribution) -> list[str]:
    return [str(need) for need in walk(roots(text), find(*installed), MARKERS)[1]]


def explained(text: str, *installed: Distribution) -> tuple[str, ...]:
    return explain(roots(text), find(*installed), MARKERS)


class TestWalk:
    def test_a_closed_set(self) -> None:
        aa, bb = distribution("aa", requires=["bb>=1,<2", "AA"]), distribution("bb", "1.5", ["aa"])
        reached, missing = walk(roots("aa==1.0"), find(aa, bb, distribution("stranger")), MARKERS)
        assert list(reached) == ["aa", "bb"]
        assert missing == []

    def test_nothing_asked(self) -> None:
        assert walk([], find(), MARKERS) == ({}, [])

    @pytest.mark.parametrize(
        ("installed", "expected"),
        [
            ([], ["r.txt:1 needs aa==1.0"]),
            ([distribution("aa", "2.0")], ["r.txt:1 needs aa==1.0"]),
            ([distribution("aa", requires=["bb<2"])], ["aa 1.0 needs bb<2"]),
            ([distribution("aa", requires=["bb<2"]), distribution("bb", "2.0")], ["aa 1.0 needs bb<2"]),
            ([distribution("aa", requires=["bb"]), distribution("bb", None)], ["aa 1.0 needs bb"]),
            ([distribution("aa", requires=["bb", "cc>1"])], ["aa 1.0 needs bb", "aa 1.0 needs cc>1"]),
        ],
    )
    def test_what_is_not_met(self, installed: list[Distribution], expected: list[str]) -> None:
        assert unmet("aa==1.0", *installed) == expected

    def test_a_distribution_that_cannot_tell_its_needs_meets_nothing(self) -> None:
        assert unmet("aa", distribution("aa", requires=None)) == ["r.txt:1 needs aa"]

    def test_what_is_not_met_is_reached_all_the_same(self) -> None:
        reached, _ = walk(roots("aa"), find(distribution("aa", requires=["bb"])), MARKERS)
        assert list(reached) == ["aa", "bb"]

    @pytest.mark.parametrize(("version", "specifier"), [("2.0rc1", ">=1"), ("1.0+cu1", "==1.0"), ("1!1.0", ">2")])
    def test_what_is_there_counts_whatever_release_it_is(self, version: str, specifier: str) -> None:
        assert unmet(f"aa{specifier}", distribution("aa", version)) == []


class TestExtras:
    LOUD = distribution("aa", requires=['bb ; extra == "loud"', "cc>=1;extra=='loud'", 'dd ; extra == "quiet"'])

    def test_an_extra_that_nobody_asks_for_needs_nothing(self) -> None:
        assert unmet("aa", self.LOUD) == []

    def test_an_extra_that_somebody_asks_for(self) -> None:
        assert unmet("aa[loud]", self.LOUD) == ["aa 1.0 needs bb", "aa 1.0 needs cc>=1"]

    def test_extras_of_all_who_ask_are_merged(self) -> None:
        other = distribution("zz", requires=["aa[quiet]"])
        assert unmet("aa[loud]\nzz", self.LOUD, other)[-1] == "aa 1.0 needs dd"

    def test_an_extra_asked_for_later_is_walked_then(self) -> None:
        installed = [self.LOUD, distribution("zz", requires=["aa[quiet]"]), distribution("dd", "0.5", requires=["ee"])]
        assert unmet("aa\nzz", *installed) == ["dd 0.5 needs ee"]

    def test_an_extra_may_name_other_extras_of_itself(self) -> None:
        aa = distribution("aa", requires=['aa[one] ; extra == "all"', 'bb ; extra == "one"'])
        assert unmet("aa[all]", aa) == ["aa 1.0 needs bb"]

    def test_names_of_extras_are_one_however_they_are_written(self) -> None:
        assert unmet("aa[Very.Loud]", distribution("aa", requires=['bb ; extra == "very_loud"'])) == ["aa 1.0 needs bb"]

    def test_an_extra_that_is_not_provided_needs_nothing(self) -> None:
        assert unmet("aa[none]", self.LOUD) == []

    @pytest.mark.parametrize(
        "marker",
        [
            'extra == "x" or sys_platform == "linux"',
            'sys_platform=="linux"or extra == "x"',
            '(extra == "x")or(os_name == "posix")',
            'extra != "x"',
        ],
    )
    def test_an_extra_in_a_marker_is_not_always_a_condition(self, marker: str) -> None:
        assert unmet("aa", distribution("aa", requires=[f"bb ; {marker}"])) == ["aa 1.0 needs bb"]

    @pytest.mark.parametrize("marker", ['extra  ==  "x"', '"x" == extra', 'extra == "x" and os_name == "posix"'])
    def test_however_a_condition_on_an_extra_is_written(self, marker: str) -> None:
        aa = distribution("aa", requires=[f"bb ; {marker}"])
        assert unmet("aa", aa) == []
        assert unmet("aa[x]", aa) == ["aa 1.0 needs bb"]


class TestMarkers:
    @pytest.mark.parametrize(
        ("marker", "applies"),
        [
            ('sys_platform == "linux"', True),
            ('sys_platform == "win32"', False),
            ('python_version < "3"', False),
            ('python_version >= "3.12" and extra == "x"', False),
        ],
    )
    def test_they_are_those_of_the_target(self, marker: str, *, applies: bool) -> None:
        assert bool(unmet("aa", distribution("aa", requires=[f"bb ; {marker}"]))) is applies

    @pytest.mark.parametrize(
        "text", ["bb>=1.*", "bb >", 'bb ; sys_platform ~= "linux"', "bb ; nonsense", "bb ; python_version == '\\N{x}'"]
    )
    def test_what_cannot_be_read_is_not_met(self, text: str) -> None:
        aa, bb = distribution("aa", requires=[text]), distribution("bb")
        assert unmet("aa", aa, bb) == [f"aa 1.0 needs {text}"]

    def test_what_cannot_be_read_shows_no_password(self) -> None:
        aa = distribution("aa", requires=["bb @ https://me:secret@host.example/bb.zip ; junk"])
        assert "secret" not in unmet("aa", aa)[0]


class TestLinks:
    URL = "https://host.example/bb-1.0.tar.gz"

    @pytest.mark.parametrize(
        ("source", "met"), [(URL, True), ("https://host.example/other-1.0.tar.gz", False), (None, False)]
    )
    def test_a_dependency_on_a_url_is_met_from_there_alone(self, source: str | None, *, met: bool) -> None:
        aa = distribution("aa", requires=[f"bb @ https://me:secret@host.example/bb-1.0.tar.gz#sha256={'a' * 64}"])
        bb = distribution("bb", source=None if source is None else Source(url=source))
        assert unmet("aa", aa, bb) == ([] if met else [f"aa 1.0 needs bb @ {self.URL}"])
        assert bool(explained("aa", aa, bb)) is not met

    def test_where_a_requested_link_leads_to_is_for_its_pin_to_say(self) -> None:
        assert unmet(f"bb @ {self.URL}", distribution("bb")) == []

    def test_a_constraint_to_a_link_is_met_from_there_alone(self) -> None:
        (need,) = roots(f"bb @ {self.URL}", constraint=True)
        assert walk([need], find(distribution("bb")), MARKERS)[1] == [need]
        assert walk([need], find(distribution("bb", source=Source(url=self.URL))), MARKERS)[1] == []


class TestExplain:
    def test_a_closed_set_needs_no_words(self) -> None:
        assert explained("aa[x]==1.0", distribution("aa", requires=["aa", 'bb;extra=="x"']), distribution("bb")) == ()

    def test_both_who_disagree_are_named(self) -> None:
        aa, bb = distribution("aa", requires=["bb<2"]), distribution("bb", "2.0")
        (text,) = explained("aa==1.0\nbb==2.0", aa, bb)
        assert text == "r.txt:2 needs bb==2.0; aa 1.0 needs bb<2; bb 2.0 is installed"

    def test_what_is_missing(self) -> None:
        assert explained("aa", distribution("aa", requires=["bb[x]>1"])) == (
            "aa 1.0 needs bb[x]>1; bb is not installed",
        )

    def test_what_only_an_extra_misses(self) -> None:
        aa = distribution("aa", requires=['bb ; extra == "x"'])
        assert explained("aa", aa) == ()
        assert explained("aa[x]", aa) == ("aa 1.0 needs bb; bb is not installed",)

    def test_what_cannot_tell(self) -> None:
        (text,) = explained("aa", distribution("aa", requires=None))
        assert text == "r.txt:1 needs aa; aa 1.0 is installed, but its own needs cannot be read"

    def test_a_set_larger_than_resolvelib_takes_by_default(self) -> None:
        chain = [distribution(f"p{number}", requires=[f"p{number + 1}"]) for number in range(150)]
        assert explained("p0", *chain, distribution("p150")) == ()
        assert explained("p0", *chain) == ("p149 1.0 needs p150; p150 is not installed",)


def test_a_need_reads_as_a_sentence() -> None:
    need = Need(
        name=distribution("aa").identity.name,
        specifier=SpecifierSet(">=1"),
        extras=frozenset(distribution(name).identity.name for name in ("y", "x")),
        by="r.txt:1",
    )
    assert str(need) == "r.txt:1 needs aa[x,y]>=1"


def test_a_distribution_that_cannot_tell_yields_no_needs() -> None:
    assert list(dependencies(distribution("aa", requires=None), None, MARKERS)) == []
