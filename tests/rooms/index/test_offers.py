"""Which release a pin would name, and how it is written in place of the line."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.formats import metadata
from pinstall.index import offers as candidates
from pinstall.model.artifacts import Link
from pinstall.request import arguments
from pinstall.request import lines as line_options
from tests.support.values import lines

DEMO = canonicalize_name("demo")
TAGS = frozenset((*parse_tag("py3-none-any"), *parse_tag("cp311-cp311-manylinux_2_17_x86_64")))


def link(name: str, *, yanked: bool = False, requires_python: str = "") -> Link:
    return Link(url=f"https://host/{name}", filename=name, yanked=yanked, requires_python=requires_python)


def chosen(wanted: str, *found: Link | str, options: str = "", python: str = "3.11.4") -> str | None:
    """Return the version that is chosen with these options of pip's command line."""
    links = [link(one) if isinstance(one, str) else one for one in found]
    offered = [(version, one) for one in links if (version := metadata.release(one.filename, DEMO)) is not None]
    terms = candidates.terms(arguments.read(options.split(), (26, 3)).options, DEMO, python, TAGS)
    newest = candidates.newest(offered, SpecifierSet(wanted), terms)
    return None if newest is None else str(newest[0])


OLD, NEW = "demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"


def test_the_newest_that_meets_the_demand_is_taken() -> None:
    assert chosen("", OLD, NEW) == "2.0"
    assert chosen("", NEW, OLD) == "2.0"
    assert chosen("<2", NEW, OLD) == "1.0"
    assert chosen(">2", NEW, OLD) is None
    assert chosen("") is None


def test_what_no_python_and_no_tag_fits_is_passed_over() -> None:
    assert chosen("", OLD, "demo-2.0-cp312-cp312-manylinux_2_17_x86_64.whl") == "1.0"
    assert chosen("", OLD, "demo-2.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl") == "2.0"
    newer = link(NEW, requires_python=">=3.12")
    assert chosen("", OLD, newer) == "1.0"
    assert chosen("", OLD, newer, python="3.12.0rc1") == "2.0"
    assert chosen("", OLD, newer, options="--ignore-requires-python") == "2.0"
    assert chosen("", OLD, link(NEW, requires_python="whatever")) == "2.0"


@pytest.mark.parametrize(
    ("options", "version"),
    [
        ("", "2.0"),
        ("--only-binary :all:", "1.0"),
        ("--only-binary other,Demo", "1.0"),
        ("--only-binary other", "2.0"),
        ("--only-binary :all: --no-binary demo", "2.0"),
        ("--no-binary :all: --only-binary demo", "1.0"),
        ("--no-binary :all:", "2.0"),
        ("--only-binary :all: --only-binary :none:", "2.0"),
        ("--only-binary demo --no-binary :all:", "2.0"),
        ("--only-binary demo --no-binary demo", "2.0"),
    ],
)
def test_a_source_counts_unless_only_binaries_do(options: str, version: str) -> None:
    assert chosen("", OLD, "demo-2.0.tar.gz", options=options) == version


@pytest.mark.parametrize("options", ["--no-binary :all:", "--no-binary demo", "--only-binary demo --no-binary :all:"])
def test_a_wheel_counts_unless_no_binary_does(options: str) -> None:
    assert chosen("", "demo-1.0.zip", NEW, options=options) == "1.0"


def test_yanked_ones_are_taken_only_where_all_are() -> None:
    assert chosen("", OLD, link(NEW, yanked=True)) == "1.0"
    assert chosen(">=2", OLD, link(NEW, yanked=True)) == "2.0"
    # of one release a single file can be yanked
    assert chosen("", OLD, link(NEW, yanked=True), "demo-2.0.tar.gz") == "2.0"


def test_pre_releases_are_taken_where_pep_440_does() -> None:
    rc = "demo-3.0rc1-py3-none-any.whl"
    assert chosen("", OLD, rc) == "1.0"
    assert chosen("", rc) == "3.0rc1"
    assert chosen(">=3.0rc0", OLD, rc) == "3.0rc1"
    assert chosen("", OLD, rc, options="--pre") == "3.0rc1"


def test_its_files_that_fit_come_with_it() -> None:
    files = [link(NEW), link("demo-2.0-cp312-cp312-win32.whl"), link("demo-2.0.tar.gz"), link(OLD)]
    offered = [(Version(one.filename.split("-")[1].removesuffix(".tar.gz")), one) for one in files]
    newest = candidates.newest(offered, SpecifierSet(), candidates.terms([], DEMO, "3.11.4", TAGS))
    assert newest == (Version("2.0"), (files[0], files[2]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demo", "demo==2.0"),
        ("Demo_Lib[b, A] >= 1, < 3", "Demo_Lib[b, A]==2.0"),
        ("demo==1.*", "demo==2.0"),
        ("demo (>=1)", "demo==2.0"),
        ("demo~=1.0;python_version>'3'", "demo==2.0;python_version>'3'"),
        (
            'demo[x]>=1   ;  python_version > "3" and os_name != ";"',
            'demo[x]==2.0 ;  python_version > "3" and os_name != ";"',
        ),
        ("demo>=1 --hash=sha256:" + 64 * "0", "demo==2.0 --hash=sha256:ab --hash=sha256:cd"),
        ('demo --config-settings="a=b c"', "demo==2.0 --config-settings='a=b c' --hash=sha256:ab --hash=sha256:cd"),
    ],
)
def test_the_pin_is_written_as_its_line_is(text: str, expected: str) -> None:
    (line,) = lines(text)
    hashes = ("sha256:cd", "sha256:ab") if "--" in text else ()
    written = line_options.written(line, "2.0", hashes)
    assert written == expected
    (again,) = lines(written.partition(" --hash")[0])
    assert (again.name, again.extras, again.marker) == (line.name, line.extras, line.marker)
