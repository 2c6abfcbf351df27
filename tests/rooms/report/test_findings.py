"""What other programs read of findings: JSON, SARIF, GitLab's code quality, annotations of GitHub."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Fault, Origin
from pinstall.report.findings import SCHEMA, annotation, envelope, of_error, write

try:
    from sarif_pydantic import Sarif
except ImportError:
    Sarif = None

HERE = "/w/repo"


def annotated(where: str, line: int | None = 14, *, folder: str = HERE, workspace: str = HERE) -> str:
    fault = Fault(origin=Origin(where=where, line=line), message="`demo` is not a pin")
    return annotation("error", fault, (folder, workspace))


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
    told = annotation("warning", fault, (HERE, HERE), "a:b,c\n")
    assert told == "::warning file=r.txt,line=1,title=a%3Ab%2Cc%0A::50%25%0D%0A::stop-commands::x"


FOUND = (
    Fault("`demo` is not a pin", Origin(where="r.txt", line=1), "unpinned", "demo"),
    Fault("no https://me:secret@host.example/x", id="index-unreachable"),
)
ERROR = PinstallError("unpinned", "1 requirement is not pinned", context=FOUND, hint="pin it", exit_code=65)


def test_the_faults_of_an_error_have_its_reference_unless_they_have_an_id_of_their_own() -> None:
    assert of_error(ERROR) == list(FOUND)
    (told,) = of_error(PinstallError("held", "no", context=(Fault("a"),)))
    assert told.id == "held"
    (told,) = of_error(PinstallError("held", "no", context=("a", "b"), hint="do it"))
    assert (told.id, told.message) == ("held", "no\na\nb\ndo it")


def test_an_envelope_says_how_it_ended_and_holds_no_secret() -> None:
    document = envelope("check", 65, ERROR, FOUND)
    assert "secret" not in json.dumps(document)
    assert {name: document[name] for name in ("schema", "command", "outcome", "exit_code")} == {
        "schema": SCHEMA,
        "command": "check",
        "outcome": "unpinned",
        "exit_code": 65,
    }
    assert document["findings"][0] == {
        "id": "unpinned",
        "file": "r.txt",
        "line": 1,
        "package": "demo",
        "reason": "`demo` is not a pin",
    }
    ends = [envelope("check", code, None, ())["outcome"] for code in (0, 1, -2)]
    assert ends == ["ok", "findings", "interrupted"]


def test_sarif_names_rules_places_and_what_stays_the_same_when_a_line_moves() -> None:
    moved = (replace(FOUND[0], origin=Origin(where="r.txt", line=7)), FOUND[1])
    (run,), (other,) = (json.loads(write("sarif", {}, some, (HERE, HERE)))["runs"] for some in (FOUND, moved))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["index-unreachable", "unpinned"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("r.txt", 1)
    assert "locations" not in run["results"][1]
    prints = [[one["partialFingerprints"] for one in each["results"]] for each in (run, other)]
    assert prints[0] == prints[1]
    assert prints[0][0] != prints[0][1]


@pytest.mark.skipif(Sarif is None, reason="pydantic has no wheel for this Python")
def test_a_validator_of_sarif_accepts_the_log() -> None:
    document = json.loads(write("sarif", {}, FOUND, (HERE, HERE)))
    log = Sarif.model_validate(document)
    assert json.loads(log.model_dump_json(by_alias=True, exclude_none=True)) == document
    document["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(ValueError, match="level"):
        Sarif.model_validate(document)


def test_gitlab_gets_a_place_for_each() -> None:
    first, second = json.loads(write("gitlab", {}, FOUND, (f"{HERE}/sub", HERE)))
    assert first["location"] == {"path": "sub/r.txt", "lines": {"begin": 1}}
    assert (second["location"]["path"], second["check_name"]) == (".", "index-unreachable")
    assert first["fingerprint"] != second["fingerprint"]


def test_github_gets_an_annotation_for_each() -> None:
    first, second = write("github", {}, FOUND, (HERE, HERE)).splitlines()
    assert first == "::error file=r.txt,line=1,title=pinstall::`demo` is not a pin"
    assert second == "::error title=pinstall::no https://me:****@host.example/x"
