"""A lock may stand on another one, `-c base.txt` or `-r base.txt`, and both then demand the same files."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from pinstall.formats import metadata
from tests.support.scenes import RELEASE, own_lines, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import MakeEnvironment
    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < (22, 3), reason="older pips write no report, or not for a dry run")

AA: Final = wheel("aa", "1.0", requires=["bb>=1"], extras={"more": ["cc[x]"]})
BB: Final = wheel("bb", "1.0")
SOURCE: Final = sdist("bb", "1.0")
LATER: Final = wheel("bb", "1.0", mark="later", tag="cp36-cp36m-win32")
CC: Final = wheel("cc", "1.0")
DD: Final = wheel("dd", "1.0", requires=["aa"])
NOWHERE: Final = "0" * 64
"""The hash of no file."""


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    for archive in (AA, BB, SOURCE, CC, DD):
        runner.index.add(archive)
    return runner


@pytest.fixture(params=["base.txt", "pylock.toml"])
def base(stocked: Runner, request: pytest.FixtureRequest) -> str:
    """Return the name of a lock that has newer releases than its own by now, and whose release has one file more."""
    if request.param == "pylock.toml":
        pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")
    locked(stocked, "aa[more]", "-o", request.param)
    for name in ("aa", "bb", "cc"):
        stocked.index.add(wheel(name, "2.0"))
    stocked.index.add(LATER)
    return str(request.param)


def locked(runner: Runner, *words: str, code: int = 0, **options: Any) -> Completed:
    ended = runner.pinstall("lock", "--no-cache-dir", *words, **options)
    assert ended.returncode == code, ended.output
    assert "Traceback" not in ended.output
    return ended


def pins(runner: Runner, name: str) -> dict[str, frozenset[str]]:
    """Return the hashes by pin of a lock."""
    text = (runner.home / name).read_text(encoding="utf-8")
    if name.endswith(".toml"):
        files = {
            f"{one['name']}=={one['version']}": [*one.get("wheels", ()), *([one["sdist"]] if "sdist" in one else ())]
            for one in metadata.parse_toml(text.encode())["packages"]
        }
        return {pin: frozenset(f"sha256:{one['hashes']['sha256']}" for one in some) for pin, some in files.items()}
    lines = [line for line in text.replace(" \\\n", "").splitlines() if "==" in line and line[0] != "#"]
    return {line.split()[0]: frozenset(re.findall(r"--hash=(\S+)", line)) for line in lines}


def bare(found: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the same pins without extras."""
    return {re.sub(r"\[.*\]", "", pin): digests for pin, digests in found.items()}


SHARED: Final = {
    "aa==1.0": frozenset((f"sha256:{AA.sha256}",)),
    "bb==1.0": frozenset((f"sha256:{BB.sha256}", f"sha256:{SOURCE.sha256}")),
    "cc==1.0": frozenset((f"sha256:{CC.sha256}",)),
}
OWN: Final = {"dd==1.0": frozenset((f"sha256:{DD.sha256}",))}


class TestBase:
    @pytest.mark.parametrize(
        ("words", "file"),
        [
            (["-c", "{}", "dd"], ""),
            (["-r", "dev.in"], "-c {}\ndd\n"),
            (["dev.in"], "--constraint={}\ndd\n"),
            (["dev.in", "-c", "{}"], "dd\n"),
        ],
        ids=["option", "line", "positional", "both"],
    )
    def test_one_that_constrains_gives_versions_and_hashes(
        self, stocked: Runner, base: str, words: Sequence[str], file: str
    ) -> None:
        assert bare(pins(stocked, base)) == SHARED
        written(stocked, file.format(base), "dev.in")
        locked(stocked, *(word.format(base) for word in words), "-o", "dev.txt")
        asked = {pin: digests for pin, digests in SHARED.items() if pin != "cc==1.0"}  # `dd` asks for no extra
        assert pins(stocked, "dev.txt") == asked | OWN

    @pytest.mark.parametrize(
        ("words", "file"),
        [(["-r", "{}", "dd"], ""), (["-r", "dev.in"], "-r {}\ndd\n"), (["{}", "dd"], "")],
        ids=["option", "line", "positional"],
    )
    def test_one_that_is_asked_for_is_in_the_lock(
        self, stocked: Runner, base: str, words: Sequence[str], file: str
    ) -> None:
        written(stocked, file.format(base), "dev.in")
        locked(stocked, *(word.format(base) for word in words), "-o", "dev.txt")
        assert bare(pins(stocked, "dev.txt")) == SHARED | OWN
        assert ("aa[more]==1.0" in pins(stocked, "dev.txt")) is base.endswith(".txt")  # a lock file has no extras

    @pytest.mark.parametrize("how", ["-c", "-r"])
    def test_a_lock_file_may_be_made_from_it(self, stocked: Runner, base: str, how: str) -> None:
        locked(stocked, how, base, "dd", "-o", "pylock.dev.toml")
        found = pins(stocked, "pylock.dev.toml")
        assert found.items() <= (SHARED | OWN).items()
        assert len(found) == {"-c": 3, "-r": 4}[how]

    @pytest.mark.parametrize("how", ["-c", "-r"])
    def test_both_install_together(
        self, stocked: Runner, how: str, make_environment: MakeEnvironment, base: str
    ) -> None:
        if base.endswith(".toml") and RELEASE < (26, 1):
            pytest.skip("this pip takes no lock file")
        written(stocked, f"{how} {base}\ndd\n", "dev.in")
        locked(stocked, "dev.in", "-o", "dev.txt")
        words = ("--require-hashes", "-r", base, "-r", "dev.txt")
        everything = ["aa==1.0", "bb==1.0", "cc==1.0", "dd==1.0"]
        ended = stocked.pinstall(*words)
        assert ended.returncode == 0, ended.output
        assert stocked.environment.freeze() == everything
        other = make_environment()
        stocked.run([str(other.python), "-m", "pip", "install", *stocked.index_options, *words], check=True)
        assert other.freeze() == everything

    @pytest.mark.parametrize("base", ["base.txt"], indirect=True)
    def test_pips_own_settings_may_name_it(self, stocked: Runner, base: str) -> None:
        locked(stocked, "dd", "-o", "dev.txt", env={"PIP_CONSTRAINT": base})
        assert pins(stocked, "dev.txt") == {pin: SHARED[pin] for pin in ("aa==1.0", "bb==1.0")} | OWN

    @pytest.mark.parametrize("base", ["base.txt"], indirect=True)
    def test_what_contradicts_it_is_refused(self, stocked: Runner, base: str) -> None:
        ended = locked(stocked, "aa>1", "-c", base, "-o", "dev.txt", code=1)
        assert "The user requested (constraint) aa==1.0" in ended.stderr
        # pip names the lines of the user's files, not those of the one that it was given
        assert f"(from {base}:" in ended.stderr
        assert str(stocked.home / "tmp") not in ended.stderr
        assert not (stocked.home / "dev.txt").exists()


class TestRequireHashes:
    """`--require-hashes` is for those who install: the lock of a line without hashes is what gives them."""

    @pytest.mark.parametrize("inside", [True, False], ids=["install", "global"])
    def test_a_configuration_file_does_not_stop_it(self, stocked: Runner, inside: bool) -> None:
        section = "install" if inside else "global"
        written(stocked, f"[{section}]\nrequire-hashes = true\n", "pip.conf")
        stocked.variables["PIP_CONFIG_FILE"] = str(stocked.home / "pip.conf")
        assert stocked.pip("install", "bb", check=False).returncode == 1
        locked(stocked, "bb", "-o", "requirements.txt")
        assert pins(stocked, "requirements.txt") == {"bb==1.0": SHARED["bb==1.0"]}

    def test_a_variable_does_not_stop_it(self, stocked: Runner) -> None:
        locked(stocked, "bb", "-o", "requirements.txt", env={"PIP_REQUIRE_HASHES": "1"})
        assert pins(stocked, "requirements.txt") == {"bb==1.0": SHARED["bb==1.0"]}

    @pytest.mark.parametrize("words", [["--require-hashes", "bb"], ["-r", "some.in"]], ids=["option", "line"])
    def test_the_option_does_not_stop_it(self, stocked: Runner, words: Sequence[str]) -> None:
        written(stocked, "--require-hashes\nbb\n", "some.in")
        locked(stocked, *words, "-o", "requirements.txt")
        assert pins(stocked, "requirements.txt") == {"bb==1.0": SHARED["bb==1.0"]}


class TestOwnHashes:
    @pytest.mark.parametrize("name", ["requirements.txt", "pylock.toml"])
    @pytest.mark.parametrize("constrains", [False, True], ids=["line", "constraint"])
    def test_one_on_a_line_stays_the_only_one(self, stocked: Runner, name: str, constrains: bool) -> None:
        written(stocked, f"bb==1.0 --hash=sha256:{BB.sha256}\n", "own.txt")
        written(stocked, "-c own.txt\naa\n" if constrains else "-r own.txt\naa\n", "some.in")
        locked(stocked, "-r", "some.in", "-o", name)
        assert pins(stocked, name) == {"aa==1.0": SHARED["aa==1.0"], "bb==1.0": {f"sha256:{BB.sha256}"}}

    def test_one_of_another_algorithm_stays(self, stocked: Runner) -> None:
        digest = f"sha512:{hashlib.sha512(BB.content).hexdigest()}"
        written(stocked, f"bb==1.0 --hash={digest}\n", "some.in")
        locked(stocked, "-r", "some.in", "-o", "requirements.txt")
        assert pins(stocked, "requirements.txt") == {"bb==1.0": {digest}}

    @pytest.mark.parametrize("name", ["requirements.txt", "pylock.toml"])
    @pytest.mark.parametrize("constrains", [False, True], ids=["line", "constraint"])
    def test_one_that_no_file_has_is_an_error(self, stocked: Runner, name: str, constrains: bool) -> None:
        line = f"cc==1.0 --hash=sha256:{NOWHERE}\n"
        written(stocked, line, "own.txt")
        written(stocked, "-c own.txt\ncc\n" if constrains else line, "some.in")
        ended = locked(stocked, "-r", "some.in", "-o", name, code=65)
        said = "\n".join(own_lines(ended))
        assert f"sha256:{NOWHERE}" in said
        assert f"sha256:{CC.sha256}" in said
        assert not (stocked.home / name).exists()

    def test_one_that_no_file_of_a_url_has_is_an_error(self, stocked: Runner) -> None:
        written(stocked, f"cc @ {stocked.index.file_url(CC.filename)} --hash=sha256:{NOWHERE}\n", "some.in")
        said = "\n".join(own_lines(locked(stocked, "-r", "some.in", "-o", "requirements.txt", code=65)))
        assert f"sha256:{NOWHERE}" in said
        assert f"sha256:{CC.sha256}" in said
