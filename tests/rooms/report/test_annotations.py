"""What GitHub Actions reads of a run: annotations with places, and a job summary."""

from __future__ import annotations

import pytest

from pinstall.model.errors import Outcome, PinstallError
from pinstall.model.inputs import Fault, Origin
from pinstall.model.pins import State, Verdict
from pinstall.report.annotations import annotation, failure, pip_failure, summary
from tests.support.values import pin

HERE = "/w/repo"


def annotated(where: str, line: int | None = 14, *, folder: str = HERE, workspace: str = HERE) -> str:
    fault = Fault(origin=Origin(where=where, line=line), message="`demo` is not a pin")
    return annotation("error", fault, folder, workspace)


@pytest.mark.parametrize(
    ("where", "folder", "workspace", "file"),
    [
        ("requirements.txt", HERE, HERE, "requirements.txt"),
        ("deep/r.txt", HERE, HERE, "deep/r.txt"),
        ("r.txt", f"{HERE}/sub", HERE, "sub/r.txt"),
        ("../r.txt", f"{HERE}/sub", HERE, "r.txt"),
        ("/w/repo/a/r.txt", f"{HERE}/sub", HERE, "a/r.txt"),
        ("..txt", HERE, HERE, "..txt"),
        ("a,b:c%.txt", HERE, HERE, "a%2Cb%3Ac%25.txt"),
        (r"requirements\dev.txt", r"D:\a\repo", r"D:\a\repo", "requirements/dev.txt"),
        (r"D:\a\repo\requirements\dev.txt", r"D:\a\repo\sub", r"d:\a\repo", "requirements/dev.txt"),
        (r"\\host\share\repo\r.txt", r"\\host\share\repo\x", r"\\host\share\repo", "r.txt"),
        (r"odd\name.txt", HERE, HERE, r"odd\name.txt"),
    ],
)
def test_a_place_is_told_as_the_workspace_has_it(where: str, folder: str, workspace: str, file: str) -> None:
    told = annotated(where, folder=folder, workspace=workspace)
    assert told == f"::error file={file},line=14,title=pinstall::`demo` is not a pin"


def test_a_file_without_a_line_is_told_alone() -> None:
    for where in ("pylock.toml", "/w/repo/pyproject.toml", "./requirements"):
        told = annotated(where, None)
        assert told.startswith("::error file="), where
        assert told.endswith(",title=pinstall::`demo` is not a pin")
        assert "line=" not in told


@pytest.mark.parametrize(
    ("where", "line", "folder", "workspace"),
    [
        ("argument 2", None, HERE, HERE),
        ("PIP_CONSTRAINT", None, HERE, HERE),
        ("requirements.txt:14", None, HERE, HERE),
        ("https://host.example/r.txt", None, HERE, HERE),
        ("https://host.example/r.txt", 14, HERE, HERE),
        ("/etc/pip.conf", 14, HERE, HERE),
        ("../r.txt", 14, HERE, HERE),
        (r"E:\r.txt", 14, r"D:\a", r"D:\a"),
    ],
)
def test_what_is_no_file_of_the_workspace_is_told_in_words(
    where: str, line: int | None, folder: str, workspace: str
) -> None:
    told = annotated(where, line, folder=folder, workspace=workspace)
    origin = Origin(where=where, line=line)
    assert told == f"::error title=pinstall::{origin}: `demo` is not a pin"


def test_no_text_from_outside_is_a_command() -> None:
    fault = Fault(origin=Origin(where="r.txt", line=1), message="50%\r\n::stop-commands::x")
    told = annotation("warning", fault, HERE, HERE, "a:b,c\n")
    assert told == "::warning file=r.txt,line=1,title=a%3Ab%2Cc%0A::50%25%0D%0A::stop-commands::x"


def test_each_fault_of_an_error_has_its_place_and_the_error_is_the_title() -> None:
    faults = tuple(Fault(origin=Origin(where="r.txt", line=line), message=f"m{line}") for line in (1, 2))
    error = PinstallError("unpinned", "2 requirements are not pinned", context=faults, hint="pin them")
    assert list(failure(error, HERE, HERE)) == [
        "::error file=r.txt,line=1,title=2 requirements are not pinned::m1",
        "::error file=r.txt,line=2,title=2 requirements are not pinned::m2",
    ]


def test_an_error_without_places_is_one_annotation() -> None:
    error = PinstallError("held", "no", context=("a", "b"), hint="see https://me:secret@host.example/x")
    (told,) = failure(error, HERE, HERE)
    assert told == "::error title=pinstall::no%0Aa%0Ab%0Asee https://me:****@host.example/x"


def failed(*states: State, exit_code: int = 1) -> Outcome:
    found = (Verdict(pin=pin(f"p{n}==1.0"), state=state, found="x") for n, state in enumerate(states))
    return Outcome(exit_code=exit_code, verdicts=tuple(found))


def test_where_pip_failed_the_one_pin_that_does_not_hold_is_named() -> None:
    told = pip_failure(failed(State.HOLDS, State.ABSENT), HERE, HERE)
    title = "pip ended with exit code 1; its own lines say why"
    assert told == f"::error file=r.txt,line=1,title={title}::p1==1.0 was not installed"
    many = pip_failure(failed(*[State.ABSENT] * 7), HERE, HERE) or ""
    assert "p0==1.0 (r.txt:1), p1" in many
    assert many.endswith(", ...")
    assert "p5" not in many
    assert pip_failure(failed(State.ABSENT, exit_code=65), HERE, HERE) is None
    assert pip_failure(failed(State.HOLDS, exit_code=0), HERE, HERE) is None


def test_nothing_in_a_summary_is_markup_or_a_secret() -> None:
    found = "1 | 2 <img src=x> [a](b) `c`\n# d https://me:secret@host.example/x"
    hostile = Verdict(pin=pin("demo==1.0"), state=State.WRONG_SOURCE, found=found)
    text = summary(Outcome(exit_code=65, verdicts=(hostile,)))
    (row,) = (line for line in text.splitlines() if "demo" in line)
    assert row.count("|") == 4
    assert "secret" not in text
    for piece in ("<img", "[a]", "`", "\n# d"):
        assert piece not in text
