"""A hash in the fragment of a URL is compared as it is written, and written as `--hash` only where pip takes that."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.scenes import RELEASE, own_lines, pinstall
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

pytestmark: Final = pytest.mark.skipif(RELEASE < (22, 3), reason="without reports no hash is verified")
lenient: Final = pytest.mark.skipif(RELEASE < (23, 1), reason="pip compares the case of the digits too")

WHEEL, OTHER, SOURCE = wheel("demo", "1.0", mark="wheel"), wheel("demo", "1.0", mark="other"), sdist("demo", "1.0")
WEAK: Final = ("md5", "sha1", "sha224")
STRONG: Final = ("sha256", "sha384", "sha512")


def slow(*values: object) -> list[object]:
    return [values[0], *(pytest.param(value, marks=pytest.mark.slow) for value in values[1:])]


def url(runner: Runner, algorithm: str, archive: Archive, of: Archive | None = None, *, local: bool = True) -> str:
    """Return a requirement of an archive with the hash of this or another one."""
    digest = hashlib.new(algorithm, (of or archive).content).hexdigest()
    place = f"file://{archive.write(runner.home / 'files')}" if local else runner.index.add(archive)
    return f"demo @ {place}#{algorithm}={digest}"


def satisfied(runner: Runner, *words: str) -> None:
    """Install, and see that the second run and `check` start no pip."""
    told = pinstall(runner, *words)
    assert (told.ended.returncode, told.states) == (0, {"demo": "satisfied"}), told.ended.output
    told = pinstall(runner, *words)
    assert (told.ended.returncode, told.purposes, told.states) == (0, [], {"demo": "satisfied"}), told.ended.output
    assert own_lines(runner.pinstall("check", *words))[-1] == "1 of 1 pin satisfied, 0 findings"


@pytest.mark.parametrize("algorithm", slow(*WEAK, *STRONG))
@pytest.mark.parametrize("archive", slow(WHEEL, SOURCE))
def test_a_local_file_over_an_installation_from_elsewhere(runner: Runner, algorithm: str, archive: Archive) -> None:
    runner.index.add(OTHER)
    runner.pip("install", "demo==1.0")
    line = url(runner, algorithm, archive)
    assert runner.pip("install", line).returncode == 0
    satisfied(runner, line)
    assert runner.environment.module("demo", "MARK") != "other"


@pytest.mark.parametrize("algorithm", slow(*WEAK, *STRONG))
def test_a_wrong_hash_fails_as_with_pip_though_it_is_installed(runner: Runner, algorithm: str) -> None:
    runner.pip("install", str(WHEEL.write(runner.home / "files")))
    line = url(runner, algorithm, WHEEL, OTHER)
    assert runner.pip("install", line, check=False).returncode == 1
    for _ in range(2):
        assert runner.pinstall(line).returncode == 1
    assert runner.pinstall("check", line).returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", [*WEAK[1:], *STRONG])
@pytest.mark.parametrize("archive", [WHEEL, SOURCE])
def test_a_remote_file_over_an_installation_from_elsewhere(runner: Runner, algorithm: str, archive: Archive) -> None:
    runner.pip("install", "--no-index", str(OTHER.write(runner.home / "elsewhere")))
    line = url(runner, algorithm, archive, local=False)
    satisfied(runner, line)
    assert runner.environment.module("demo", "MARK") != "other"
    assert pinstall(runner, url(runner, algorithm, archive, OTHER, local=False)).ended.returncode == 1


@lenient
@pytest.mark.slow
@pytest.mark.parametrize("algorithm", [*WEAK, *STRONG])
def test_digits_in_upper_case(runner: Runner, algorithm: str) -> None:
    line, sign, digest = url(runner, algorithm, WHEEL).rpartition("=")
    runner.pip("install", str(WHEEL.write(runner.home / "files")))
    satisfied(runner, f"{line}{sign}{digest.upper()}")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["md5", "sha1"])
def test_the_first_of_several_is_the_one_that_pip_reads(runner: Runner, first: str) -> None:
    right, wrong = (url(runner, "sha256", WHEEL, of).partition("#")[2] for of in (WHEEL, OTHER))
    runner.pip("install", str(WHEEL.write(runner.home / "files")))
    if RELEASE >= (23, 1):
        satisfied(runner, f"{url(runner, first, WHEEL)}&{right}")
    line = f"{url(runner, first, WHEEL, OTHER)}&{wrong}"
    assert (runner.pip("install", line, check=False).returncode, runner.pinstall(line).returncode) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", WEAK)
def test_what_pip_alone_has_installed_from_the_very_url(runner: Runner, algorithm: str) -> None:
    line = url(runner, algorithm, WHEEL)
    runner.pip("install", line)
    told = pinstall(runner, line)
    assert (told.ended.returncode, told.purposes) == (0, []), told.ended.output


@pytest.mark.slow
def test_md5_of_a_remote_file_is_not_a_pin(runner: Runner) -> None:
    line = url(runner, "md5", WHEEL, local=False)
    ended = runner.pinstall(line)
    assert (ended.returncode, "write `sha256=<digest of that file>` in place of `md5=`" in ended.stderr) == (65, True)
    for of, code in ((WHEEL, 0), (OTHER, 1), (OTHER, 1)):
        asked = url(runner, "md5", WHEEL, of, local=False)
        assert runner.pinstall(asked, "--pin", "unpinned=allow").returncode == code
