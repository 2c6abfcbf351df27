"""A project comes from the index that pyproject.toml names and from no other, and two indexes are not mixed up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.index import Fault, Index
from tests.support.scenes import RELEASE, installed, lame, own_lines, pinned, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.runner import Runner
    from tests.support.scenes import Told

REPORTS = pytest.mark.skipif(RELEASE < (22, 2), reason="without reports nobody knows beforehand")
CHOOSES = pytest.mark.skipif(
    RELEASE < (23, 0), reason="pip 22 takes no digest from JSON pages, so it cannot choose by hash"
)
OURS, THEIRS = wheel("inner-core", "1.0", mark="ours"), wheel("inner-core", "1.0", mark="theirs")
NEEDY = wheel("needy", "1.0", requires=["inner-core"])


@pytest.fixture
def internal() -> Iterator[Index]:
    """A second index, whose files are those of the house."""
    with Index() as serving:
        serving.add(OURS)
        yield serving


@pytest.fixture
def both(runner: Runner, internal: Index) -> Runner:
    """The public index has another file of the same name, and a project that needs it."""
    runner.index.add(THEIRS)
    runner.index.add(NEEDY)
    return runner


def table(runner: Runner, index: Index | str, pattern: str = "inner-*") -> None:
    url = index if isinstance(index, str) else index.url
    written(runner, f"[tool.pinstall.sources]\n{json.dumps(pattern)} = {json.dumps(url)}\n", "pyproject.toml")


def run(runner: Runner, internal: Index, *words: str | Path) -> Told:
    return pinstall(runner, "--extra-index-url", internal.url, *words)


def mark(runner: Runner) -> str:
    code = "import inner_core; print(inner_core.MARK)"
    return runner.run([str(runner.environment.python), "-c", code], check=True).stdout.strip()


def refused(told: Told, runner: Runner) -> list[str]:
    assert told.ended.returncode == 65
    assert told.document["error"]["reference"] == "source"
    assert "install" not in told.purposes
    assert not (runner.environment.site_packages / "inner_core.py").exists()
    return [*told.document["error"]["context"], told.document["error"]["hint"] or ""]


def preferring(runner: Runner, internal: Index) -> None:
    """Let pip prefer the public index: a wheel with a build tag goes before one without."""
    runner.index.remove(THEIRS.filename)
    runner.index.add(THEIRS._replace(filename=THEIRS.filename.replace("-py3", "-9-py3")))


@REPORTS
def test_what_the_right_index_offers_is_installed_and_known_afterwards(both: Runner, internal: Index) -> None:
    table(both, internal)
    assert run(both, internal, "inner-core==1.0").ended.returncode == 0
    assert mark(both) == "ours"
    lame(both.environment)
    both.index.requests.clear()
    internal.requests.clear()
    for _ in range(2):
        assert run(both, internal, "inner-core==1.0").ended.returncode == 0
    assert [*both.index.requests, *internal.requests] == []


@REPORTS
@pytest.mark.parametrize("words", [["inner-core==1.0"], ["needy==1.0"]], ids=["asked for", "needed"])
def test_what_another_index_would_win_with_is_refused_before_it_is_installed(
    both: Runner, internal: Index, words: list[str]
) -> None:
    preferring(both, internal)
    table(both, internal)
    context, hint = refused(run(both, internal, *words), both)
    url = both.index.file_url(THEIRS.filename.replace("-py3", "-9-py3"))
    place_ = internal.url.rstrip("/")
    assert context == f"{both.home}/pyproject.toml:2: inner-core has to come from {place_}, where 1.0 is not at {url}"
    assert "take the other index out" in hint


@pytest.mark.slow
@REPORTS
def test_without_the_table_nobody_minds(both: Runner, internal: Index) -> None:
    preferring(both, internal)
    told = run(both, internal, "inner-core==1.0")
    assert (told.ended.returncode, mark(both)) == (0, "theirs")
    assert "resolve" not in told.purposes


@pytest.mark.slow
@REPORTS
def test_the_same_bytes_from_a_mirror_are_the_right_ones(both: Runner, internal: Index) -> None:
    both.index.remove(THEIRS.filename)
    both.index.add(OURS)
    table(both, internal)
    assert run(both, internal, "inner-core==1.0").ended.returncode == 0


@REPORTS
def test_an_index_that_pip_is_not_told_of_is_said(both: Runner) -> None:
    table(both, "https://user:secret@wheels.example.com/simple/")
    told = pinstall(both, "inner-core==1.0")
    context, hint = refused(told, both)
    assert context.endswith("pyproject.toml:2: inner-core has to come from https://wheels.example.com/simple")
    assert "--extra-index-url" in hint
    assert told.purposes == []
    assert "secret" not in told.ended.output
    assert "secret" not in pinstall(both, "-v", "inner-core==1.0").ended.output


@pytest.mark.slow
@REPORTS
def test_a_table_that_concerns_nothing_here_stops_nothing(both: Runner) -> None:
    table(both, "https://wheels.example.com/simple/", "torch*")
    assert pinstall(both, "inner-core==1.0").ended.returncode == 0


@REPORTS
def test_what_pip_alone_has_installed_is_proven_by_the_page_without_a_new_installation(
    both: Runner, internal: Index
) -> None:
    both.pip("install", "--index-url", internal.url, "inner-core==1.0")
    table(both, internal)
    ended = both.pinstall("check", "--extra-index-url", internal.url, "inner-core==1.0")
    assert ended.returncode == 1
    assert "without proof that it came from" in ended.stdout
    told = run(both, internal, "inner-core==1.0")
    assert (told.ended.returncode, told.purposes) == (0, [])
    internal.requests.clear()
    assert (run(both, internal, "inner-core==1.0").purposes, internal.requests) == ([], [])


@CHOOSES
@pytest.mark.parametrize("known", [True, False], ids=["by pinstall", "by pip"])
def test_what_came_from_the_other_index_is_replaced(both: Runner, internal: Index, known: bool) -> None:
    preferring(both, internal)
    (both.pinstall if known else both.pip)("install", "inner-core==1.0")
    assert mark(both) == "theirs"
    table(both, internal)
    told = run(both, internal, "inner-core==1.0")
    assert told.ended.returncode == 0, told.ended.output
    assert mark(both) == "ours"
    assert "force" in told.purposes
    assert run(both, internal, "inner-core==1.0").purposes == []


@pytest.mark.slow
@CHOOSES
def test_a_table_that_names_another_index_by_now_counts(both: Runner, internal: Index) -> None:
    table(both, internal)
    assert run(both, internal, "inner-core==1.0").ended.returncode == 0
    table(both, both.index)
    ended = both.pinstall("check", "--extra-index-url", internal.url, "inner-core==1.0")
    assert f"from {internal.url.rstrip('/')}, and has to come from {both.index.url.rstrip('/')}" in ended.stdout
    assert run(both, internal, "inner-core==1.0").ended.returncode == 0
    assert mark(both) == "theirs"


@REPORTS
def test_nothing_is_touched_where_the_right_index_does_not_have_it(both: Runner, internal: Index) -> None:
    both.pip("install", "inner-core==1.0")
    internal.remove(OURS.filename)
    table(both, internal)
    before = installed(both.environment)
    told = run(both, internal, "inner-core==1.0", "needy==1.0")
    assert (told.ended.returncode, told.purposes) == (65, [])
    assert "which does not list it" in told.document["error"]["context"][0]
    assert installed(both.environment) == before


@REPORTS
def test_an_index_that_cannot_be_asked_acquits_nobody(both: Runner, internal: Index) -> None:
    preferring(both, internal)
    internal.fault("/simple/inner-core/", Fault(status=403))
    table(both, internal)
    (context, _) = refused(run(both, internal, "inner-core==1.0"), both)
    assert "answers 403" in context


@pytest.mark.slow
@REPORTS
def test_a_folder_counts_from_the_file_that_names_it(runner: Runner) -> None:
    OURS.write(runner.home / "house")
    table(runner, "house")
    words = ("--find-links", "house", "inner-core==1.0")
    told = pinstall(runner, *words)
    assert (told.ended.returncode, mark(runner)) == (0, "ours"), told.ended.output
    lame(runner.environment)
    assert pinstall(runner, *words).purposes == []


@pytest.mark.slow
@REPORTS
def test_a_url_that_the_user_has_written_is_a_source_itself(both: Runner, internal: Index) -> None:
    table(both, internal)
    direct = f"inner-core @ {both.index.file_url(THEIRS.filename)}#sha256={THEIRS.sha256}"
    for _ in range(2):
        assert run(both, internal, direct).ended.returncode == 0
    assert mark(both) == "theirs"


@pytest.mark.slow
@REPORTS
def test_a_url_that_a_dependency_has_written_is_none(both: Runner, internal: Index) -> None:
    both.index.add(wheel("needy", "2.0", requires=[f"inner-core @ {both.index.file_url(THEIRS.filename)}"]))
    table(both, internal)
    refused(run(both, internal, "needy==2.0"), both)


@pytest.mark.slow
@REPORTS
def test_a_built_wheel_from_the_cache_came_from_where_its_archive_did(both: Runner, internal: Index) -> None:
    internal.add(sdist("inner-app", "2.0"))
    table(both, internal)
    for _ in range(2):
        assert run(both, internal, "--force-reinstall", "inner-app==2.0").ended.returncode == 0


@pytest.mark.skipif(RELEASE >= (22, 2), reason="newer pips can say it")
def test_an_old_pip_cannot_tell(both: Runner, internal: Index) -> None:
    table(both, internal)
    told = run(both, internal, "inner-core==1.0")
    refused(told, both)
    assert "this pip cannot say beforehand" in told.document["error"]["message"]


@pytest.mark.slow
def test_two_indexes_with_different_files_are_said(both: Runner, internal: Index) -> None:
    one, other = both.index.url.rstrip("/"), internal.url.rstrip("/")
    told = run(both, internal, "inner-core==1.0")
    assert told.ended.returncode == 0
    lines = own_lines(told.ended)
    assert f"warning: command line: inner-core==1.0 is something else on {one} than on {other}" in lines
    (hint,) = [line for line in lines if line.startswith("hint: ")]
    assert f'`inner-core = "{one}"` below `[tool.pinstall.sources]`' in hint


def test_refuse_starts_no_pip(both: Runner, internal: Index) -> None:
    told = run(both, internal, "inner-core==1.0", "--pin", "ambiguous=refuse")
    assert (told.ended.returncode, told.purposes) == (65, [])
    assert told.document["error"]["reference"] == "ambiguous"
    assert "--hash=sha256:" in told.document["error"]["hint"]


@pytest.mark.slow
@pytest.mark.parametrize("case", ["allowed", "hashed", "installed", "mirrored", "fewer files", "one index", "offline"])
def test_nothing_is_said_where_nothing_is_open(both: Runner, internal: Index, case: str) -> None:
    words = ["inner-core==1.0", "--pin", "ambiguous=refuse"]
    match case:
        case "allowed":
            words[-1] = "ambiguous=allow"
        case "hashed":
            words[0] = f"-r{written(both, pinned(OURS))}"
        case "installed":
            place(both.environment, OURS)
        case "mirrored":
            both.index.add(OURS)
        case "fewer files":
            both.index.add(OURS)
            both.index.add(sdist("inner-core", "1.0"))
        case "offline":
            internal.fault("/simple/inner-core/", Fault(status=500))
        case _:
            assert pinstall(both, *words).ended.returncode == 0
            return
    both.index.requests.clear()
    told = run(both, internal, *words)
    assert "something else" not in told.ended.output
    assert (told.document["error"] or {}).get("reference") != "ambiguous"
    if case == "installed":
        assert both.index.requests == []


def test_a_folder_beside_an_index_can_differ_too(both: Runner) -> None:
    OURS.write(both.home / "house")
    told = pinstall(both, "--find-links", "house", "inner-core==1.0", "--pin", "ambiguous=refuse")
    assert told.ended.returncode == 65
    assert "is something else on house than on" in told.document["error"]["context"][0]


@pytest.mark.slow
def test_a_slow_index_is_not_waited_for(both: Runner, internal: Index) -> None:
    internal.fault("/simple/inner-core/", Fault(seconds=5, times=1))
    told = run(both, internal, "inner-core==1.0", "--pin", "ambiguous=refuse")
    assert told.ended.returncode == 0
