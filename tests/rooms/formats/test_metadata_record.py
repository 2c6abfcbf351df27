"""The text of a RECORD: its rows, and what its paths begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pinstall.formats import metadata

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

WRITTEN = """\
aa/one.py,sha256=x_-,1
aa/two.py,sha256=y,2
bb.py,sha256=z,3
aa-1.0.dist-info/RECORD,,
../../../bin/aa,sha256=w,4
"""
TOPS = {"aa", "bb.py", "aa-1.0.dist-info", "../../../bin/aa"}
QUOTED = WRITTEN + '"a,b.py",sha256=v,5\n"c,d/e.py",sha256=u,6\n'


def tops(text: str) -> AbstractSet[str]:
    return metadata.top_levels(path for path, _, _ in metadata.record_rows(text.encode()))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_whoever_has_ended_the_lines(ending: str) -> None:
    rows = metadata.record_rows(WRITTEN.replace("\n", ending).encode())
    assert list(map(tuple, rows))[2:4] == [("bb.py", "sha256=z", "3"), ("aa-1.0.dist-info/RECORD", "", "")]
    assert {path for path, _, _ in rows} >= TOPS - {"aa", "aa-1.0.dist-info"}
    assert tops(WRITTEN) == TOPS


def test_what_is_quoted_has_a_comma() -> None:
    assert [row[0] for row in metadata.record_rows(QUOTED.encode())][-2:] == ["a,b.py", "c,d/e.py"]
    assert tops(QUOTED) == TOPS | {"a,b.py", "c,d"}


def test_what_lies_outside_counts_in_full() -> None:
    assert tops("/usr/share/man/aa.1,sha256=x,1\n..aa/b.py,,\n") == {"/usr/share/man/aa.1", "..aa"}


@pytest.mark.parametrize("written", ["", "\n", "aa.py\n", "aa.py,sha256=x,1\nbb.py,1\n", '"aa.py,,\n', '"a",b,c,d\n'])
def test_what_is_no_record_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        metadata.record_rows(written.encode())


def test_what_is_not_utf_8_is_read_as_the_name_of_a_file_is() -> None:
    assert metadata.record_rows(b"\xff,,\n") == [["\udcff", "", ""]]
