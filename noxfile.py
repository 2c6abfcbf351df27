"""Run what a change has to pass: `nox` for lint, typing and tests, `nox --list` for the rest."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "typing", "tests"]
nox.options.error_on_missing_interpreters = True

TOP = Path(__file__).parent
PROJECT = nox.project.load_toml(TOP / "pyproject.toml")
sys.path.insert(0, str(TOP))
from tests.support.pips import SUPPORTED  # noqa: E402 - `nox` does not look where its file lies

PYTHONS = nox.project.python_versions(PROJECT)
OLDER = ("3.8", "3.9")  # as targets
PAIRS = [(pip, target) for pip, some in SUPPORTED.items() for target in some if target in (*OLDER, *PYTHONS)]
SLOW_TOO = ("-m", "not contract and not network")
MINIMUM = "tests/constraints-minimum.txt"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
LOAD = {"PINSTALL_TEST_INSTALLS": "200"}


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group, so that any pip can install them."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the direction of imports."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types."""
    session.install(".", *group("type"))
    session.run("mypy", "pinstall", "tests", "noxfile.py")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests but for slow ones, in less than three minutes on two cores."""
    session.install(".", *group("test"))
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the same tests with branch coverage, of the processes that they start too, and its gate."""
    session.install(".", *group("test"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-n", "2", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(default=False)
def slow(session: nox.Session) -> None:
    """Run the slow tests: every row of danger that pip leaves as it is, with many variations."""
    session.install(".", *group("test"))
    session.run("pytest", "-n", "2", "-m", "slow", *session.posargs)


@nox.session(default=False)
def contract(session: nox.Session) -> None:
    """Compare with several pip releases, fetched from the index, and run the functional tests with each as target."""
    session.install(".", *group("test"))
    session.run("pytest", "-n", "2", "-m", "contract", *session.posargs)
    for release in () if session.posargs else SUPPORTED:
        session.run("pytest", "-n", "2", *SLOW_TOO, "tests/functional", env={"PINSTALL_TEST_PIP": release})


@nox.session(default=False)
@nox.parametrize(
    ("python", "pip", "target"), [(target if target in PYTHONS else PYTHONS[0], pip, target) for pip, target in PAIRS]
)
def matrix(session: nox.Session, pip: str, target: str) -> None:
    """Run the functional tests with one pip on one Python as target; pinstall runs on that one too where it can."""
    session.install(".", *group("test"))
    environ = {"PINSTALL_TEST_PIP": pip, "PINSTALL_TEST_PYTHON": target}
    session.run("pytest", "-n", "2", *(session.posargs or ["tests/functional"]), env=environ)


@nox.session(default=False)
def pre(session: nox.Session) -> None:
    """Run the functional tests with pip's newest pre-release, if the index has one beyond its releases."""
    folder = Path(session.create_tmp(), "wheels")
    session.run("python", "-m", "pip", "download", "--quiet", "--pre", "--no-deps", "--dest", str(folder), "pip")
    (release,) = [wheel.name.split("-")[1] for wheel in folder.glob("pip-*.whl")]
    if release.replace(".", "").isdecimal():
        session.skip(f"the newest pip is the release {release}")
    session.install(".", *group("test"))
    environ = {"PINSTALL_TEST_PIP": release, "PINSTALL_TEST_WHEELS": str(folder)}
    session.run("pytest", "-n", "2", *SLOW_TOO, *(session.posargs or ["tests/functional"]), env=environ)


@nox.session(default=False)
def pips_own(session: nox.Session) -> None:
    """Run pip's own functional tests with pip, then with pinstall in its place: `-- CHECKOUT [PYTEST ARGUMENTS]`."""
    session.install(".", "nox")
    checkout, *words = session.posargs
    theirs = ("nox", "-f", str(TOP / checkout / "noxfile.py"), "-s", f"test-{session.python or OWN}", "--")
    environ = {
        "PYTHONPATH": str(TOP / "tests" / "support" / "pips_own"),
        "PINSTALL_TEST_FAILED": str(TOP / session.create_tmp() / "failed.txt"),
    }
    Path(environ["PINSTALL_TEST_FAILED"]).write_text("", encoding="utf-8")
    words = words or ["-n", "2", "tests/functional"]
    session.run(*theirs, *words, "-p", "in_pips_place", env=environ, success_codes=[0, 1])
    environ["PINSTALL_TEST_BESIDE"] = str(TOP / session.bin / "python")
    session.run(*theirs, *words, "-p", "in_pips_place", env=environ)


@nox.session(default=False)
def load(session: nox.Session) -> None:
    """Let eight workers install 200 times on one cache, ended at random: `PINSTALL_TEST_SEED` repeats a run."""
    session.install(".", *group("test"))
    session.run("pytest", "-s", "-m", "slow", "tests/faults/test_load.py", *session.posargs, env=LOAD)


@nox.session(default=False)
def guarantees(session: nox.Session) -> None:
    """Run every test that the page on guarantees names, and write their numbers into it."""
    session.install(".", *group("test"))
    report = str(Path(session.create_tmp(), "report.xml"))
    script = str(TOP / "docs" / "guarantees.py")
    named = (session.run("python", script, silent=True) or "").split()
    told = ("-o", "junit_family=xunit1", "--junit-xml", report)
    session.run("pytest", "-n", "2", "-m", "slow or not slow", *told, *named, env=LOAD)
    session.run("python", script, report)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Fuzz every reader of foreign bytes: `nox -s fuzz -- SECONDS [TARGET ...]`, ten minutes each without a number."""
    session.install(".[abi]", *group("test"))
    # it is not to be had for every Python; without it hypothesis has to do
    session.run("python", "-m", "pip", "install", "--quiet", "atheris", success_codes=[0, 1])
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session(default=False)
def minimum(session: nox.Session) -> None:
    """Run the tests with the lowest versions of the dependencies that pyproject.toml allows."""
    session.install(".", *group("test"), "--constraint", MINIMUM)
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure pinstall beside pip and uv, and write `docs/explanation/speed.md`; `-- --quick` only tries."""
    session.install(".", *group("test"))
    # without uv its rows say so
    session.run("python", "-m", "pip", "install", "--quiet", "uv", success_codes=[0, 1])
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation; every warning is an error."""
    session.install(".", *group("docs"))
    target = TOP / "docs" / "_build"
    shutil.rmtree(target, ignore_errors=True)
    session.run("sphinx-build", "-W", "-n", "--keep-going", "docs", str(target / "html"), *session.posargs)


@nox.session(default=False)
def man(session: nox.Session) -> None:
    """Write the manual page, and the tables of the documentation that the code knows better."""
    session.install(".")
    session.run("python", str(TOP / "docs" / "tables.py"))


@nox.session(default=False)
def pictures(session: nox.Session) -> None:
    """Draw the terminal pictures of the documentation anew, from the pages that the tests follow."""
    session.install("rich>=14")
    session.run("python", str(TOP / "docs" / "pictures.py"))


@nox.session(default=False)
def changelog(session: nox.Session) -> None:
    """Gather the fragments of the changelog for a release: `nox -s changelog -- VERSION`."""
    session.install("towncrier>=24.8")
    session.run("towncrier", "build", "--yes", "--version", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the sdist, the wheel from it, and the zipapp into dist/: the same bytes from the same commit."""
    session.install("build>=1.2,<2")
    committed = session.run("git", "log", "-1", "--format=%ct", external=True, silent=True, log=False)
    session.run("python", "-m", "build", env={"SOURCE_DATE_EPOCH": (committed or "").strip()})
    session.notify("zipapp")


@nox.session(default=False)
def zipapp(session: nox.Session) -> None:
    """Pack pinstall and its dependencies, pure Python only, into dist/pinstall.pyz; arguments go to pip."""
    folder = session.create_tmp()
    shutil.rmtree(folder)
    # no marker: what only Python 3.10 needs has to be there, whichever Python packs
    dependencies = [requirement.partition(";")[0] for requirement in PROJECT["project"]["dependencies"]]
    pure = ["--only-binary=:all:", "--implementation=py", "--abi=none", "--platform=any", "--python-version=3.10"]
    session.run("python", "-m", "pip", "install", "--quiet", "--target", folder, *pure, *dependencies, *session.posargs)
    session.run("python", "-m", "tests.support.zipapp", folder, str(TOP / "dist" / "pinstall.pyz"))
