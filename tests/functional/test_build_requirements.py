"""What builds a pinned sdist, and is not pinned itself, is named by `check` and with `-v`, with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import RELEASE, own_lines, written
from tests.support.sdists import sdist, tarball
from tests.support.wheels import Archive, core_metadata, wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < (23, 3), reason="older pips tell less of what they have built")
SOURCE = sdist("demo", "1.0", build_requires=["tool>=1", "other[x]; python_version > '3'", "never; os_name == 'no'"])
SAID = (
    "requirements.txt:1: demo==1.0 is built with what is not pinned: tool>=1, other[x]; python_version > '3' (pin it "
)
WAY_OUT = "`--build-constraint`" if RELEASE >= (25, 3) else "`PIP_CONSTRAINT`"


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    """The index has an sdist, and two wheels that it is built with."""
    for archive in (SOURCE, wheel("tool", "1.5"), wheel("other", "2.0")):
        runner.index.add(archive)
    written(runner, "demo==1.0\n")
    return runner


def said(runner: Runner, *words: str, env: dict[str, str] | None = None) -> list[str]:
    """Check, without anybody being asked, and return what is said of builds."""
    runner.index.requests.clear()
    ended = runner.pinstall("check", *(words or ("-r", "requirements.txt")), env=env)
    assert ended.returncode in (0, 1), ended.output
    assert runner.index.requests == []
    return [line for line in own_lines(ended) if "built with what is not pinned" in line]


def constrained(runner: Runner, text: str) -> tuple[list[str], dict[str, str]]:
    """Return the words and the variables that make a file of build constraints known."""
    file = written(runner, text, "build.txt")
    words = ["-r", "requirements.txt"]
    return (
        ([*words, "--build-constraint", str(file)], {})
        if RELEASE >= (25, 3)
        else (words, {"PIP_CONSTRAINT": str(file)})
    )


@pytest.mark.slow
@pytest.mark.parametrize("by", ["pinstall", "pip", "cache alone"])
def test_what_was_built_is_named(stocked: Runner, by: str) -> None:
    if by == "cache alone":
        stocked.pip("install", "--target", "elsewhere", "-r", "requirements.txt")
    else:
        (stocked.pinstall if by == "pinstall" else stocked.pip)("install", "-r", "requirements.txt")
    (line,) = said(stocked)
    assert line.startswith(SAID)
    assert WAY_OUT in line


@pytest.mark.slow
def test_what_would_be_built_is_named_too(stocked: Runner) -> None:
    stocked.pip("download", "--no-deps", "--no-build-isolation", "-r", "requirements.txt")
    (line,) = said(stocked)
    assert line.startswith(SAID)


@pytest.mark.slow
def test_v_names_it_after_the_installation_and_again_where_all_holds(stocked: Runner) -> None:
    for _ in range(2):
        assert any(line.startswith(SAID) for line in own_lines(stocked.pinstall("-v", "-r", "requirements.txt")))
    assert not any("built with" in line for line in own_lines(stocked.pinstall("-r", "requirements.txt")))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("tool==1.5\nother==2.0\n", None),
        ("-r nested.txt\nother===2.0\n", None),
        ("tool==1.5\nother>=2\n", "other[x]; python_version > '3'"),
    ],
)
def test_build_constraints_pin(stocked: Runner, text: str, left: str | None) -> None:
    stocked.pinstall("install", "-r", "requirements.txt")
    written(stocked, "tool==1.5\n", "nested.txt")
    words, variables = constrained(stocked, text)
    lines = said(stocked, *words, env=variables)
    assert [line.partition("not pinned: ")[2].partition(" (")[0] for line in lines] == ([left] if left else [])


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (26, 2), reason="builds of older pips see it")
def test_a_variable_that_does_not_reach_builds_pins_nothing(stocked: Runner) -> None:
    stocked.pinstall("install", "-r", "requirements.txt")
    file = written(stocked, "tool==1.5\nother==2.0\n", "build.txt")
    assert len(said(stocked, env={"PIP_CONSTRAINT": str(file)})) == 1


@pytest.mark.slow
def test_without_isolation_nothing_is_fetched_to_build_with(stocked: Runner) -> None:
    stocked.pinstall("install", "-r", "requirements.txt")
    assert said(stocked, "--no-build-isolation", "-r", "requirements.txt") == []


@pytest.mark.slow
def test_a_wheel_is_not_built(stocked: Runner) -> None:
    stocked.index.add(wheel("demo", "1.0"))
    stocked.pinstall("install", "-r", "requirements.txt")
    assert said(stocked) == []


@pytest.mark.slow
@pytest.mark.parametrize("requires", [[], ["tool==1.5", "other @ https://example.com/other-1.0.whl"]])
def test_what_pins_all_of_it_itself_is_not_named(stocked: Runner, requires: list[str]) -> None:
    stocked.index.add(sdist("demo", "1.0", build_requires=requires))
    stocked.pip("download", "--no-deps", "--no-build-isolation", "-r", "requirements.txt")
    assert said(stocked) == []


@pytest.mark.parametrize("text", [None, "[tool.x]\na = 1\n"], ids=["no file", "no table"])
def test_where_nothing_is_said_setuptools_builds(stocked: Runner, text: str | None) -> None:
    files = {"PKG-INFO": core_metadata("demo", "1.0").decode(), "tests/pyproject.toml": "[build-system]\nrequires=[]\n"}
    archive = tarball("demo-1.0", files if text is None else {**files, "pyproject.toml": text})
    path = archive.write(stocked.home)
    (line,) = said(stocked, f"demo @ {path.as_uri()}#sha256={archive.sha256}")
    assert "not pinned: setuptools (" in line


def test_an_archive_that_cannot_be_read_says_nothing(stocked: Runner) -> None:
    archive = Archive("demo-1.0.tar.gz", b"no archive")
    path = archive.write(stocked.home)
    assert said(stocked, f"demo @ {path.as_uri()}#sha256={archive.sha256}") == []
