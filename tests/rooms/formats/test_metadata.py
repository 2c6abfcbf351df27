"""What others have written as needs is read, or it is known why not: nothing but ValueError gets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from pinstall.formats import metadata
from tests.support.values import MARKERS

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_a_need_is_read() -> None:
    assert metadata.requirement("aa[x]>=1 ; os_name == 'posix'") == Requirement('aa[x]>=1; os_name == "posix"')


@pytest.mark.parametrize("text", ["", "aa >", "aa ; nonsense", "aa ; python_version == '\\N{x}'"])
def test_what_is_no_need_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        metadata.requirement(text)


@pytest.mark.parametrize(("extra", "holds"), [("", False), ("x", True)])
def test_a_marker_is_evaluated_for_an_extra(extra: str, *, holds: bool) -> None:
    assert metadata.applies(Marker('extra == "x"'), MARKERS, extra) is holds
    assert metadata.applies(None, MARKERS, extra)


@pytest.mark.parametrize("error", [ValueError("why"), KeyError("why"), SyntaxError("why"), RecursionError("why")])
def test_a_marker_that_cannot_be_evaluated_is_a_value_error(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(_: Marker, __: Mapping[str, str]) -> bool:
        raise error

    monkeypatch.setattr(Marker, "evaluate", evaluate)
    with pytest.raises(ValueError, match=r"^why$"):
        metadata.applies(Marker('os_name == "posix"'), MARKERS)
