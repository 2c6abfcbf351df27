"""Every kind of input: the first run installs, the second says that it holds, and pip alone would change nothing."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.runner import beside
from tests.support.scenes import RELEASE, lame, own_lines, pinned, pinstall, place, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.processes import Completed
    from tests.support.runner import Runner

AA: Final = wheel("aa", "1.0", requires=["bb"], extras={"more": ["cc==1.0"]})
BB: Final = wheel("bb", "1.0")
CC: Final = wheel("cc", "1.0")
SOURCE: Final = sdist("src", "1.0")

needs_groups = pytest.mark.skipif(RELEASE < (25, 1), reason="this pip has no `--group`")
needs_scripts = pytest.mark.skipif(RELEASE < (26, 0), reason="this pip has no `--requirements-from-script`")
needs_locks = pytest.mark.skipif(RELEASE < (26, 1), reason="this pip takes no lock file")
needs_choices = pytest.mark.skipif(RELEASE < (26, 3), reason="this pip takes no extras and groups of a lock file")
needs_packaging = pytest.mark.usefixtures("packaging")


@pytest.fixture
def packaging() -> None:
    pytest.importorskip("packaging.dependency_groups", reason="this packaging knows neither groups nor locks")


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    for archive in (AA, BB, CC, SOURCE, *(wheel(name, "2.0") for name in ("aa", "bb", "cc"))):
        runner.index.add(archive)
    return runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked in what words, and what is to be installed; `holds` where a second run needs no pip for it."""

    words: tuple[str, ...]
    installed: tuple[str, ...]
    holds: bool = True


def _links(runner: Runner) -> Mapping[str, str]:
    for archive in (BB, SOURCE):
        archive.write(runner.home / "files")
    checkout(runner.home / "folder", sdist("local", "1.0"))
    return {
        "BB_URL": f"{runner.index.file_url(BB.filename)}#sha256={BB.sha256}",
        "SOURCE_URL": f"{runner.index.file_url(SOURCE.filename)}#sha256={SOURCE.sha256}",
        "FILES": f"{runner.home}/files",
        "HERE": str(runner.home),
    }


REQUIREMENTS: Final = {
    "extra": Case(words=("aa[more]==1.0", "bb==1.0"), installed=("aa==1.0", "bb==1.0", "cc==1.0")),
    "marker": Case(words=("bb==1.0 ; python_version > '3'", "cc==2.0 ; python_version < '3'"), installed=("bb==1.0",)),
    "wheel by path": Case(words=(f"./files/{BB.filename}",), installed=("bb==1.0",)),
    "wheel by file URL": Case(words=(f"file://{{FILES}}/{BB.filename}",), installed=("bb==1.0",)),
    "wheel by URL": Case(words=("{BB_URL}",), installed=("bb==1.0",)),
    "name at URL": Case(words=("bb @ {BB_URL}",), installed=("bb==1.0",)),
    "sdist by path": Case(words=(f"./files/{SOURCE.filename}",), installed=("src==1.0",)),
    "sdist by URL": Case(words=("{SOURCE_URL}",), installed=("src==1.0",)),
    "directory": Case(words=("./folder",), installed=("local==1.0",), holds=False),
    "directory by URL": Case(words=("file://{HERE}/folder",), installed=("local==1.0",), holds=False),
    "editable": Case(words=("-e", "./folder"), installed=("local==1.0",), holds=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", REQUIREMENTS)
def test_a_requirement_of_each_kind(stocked: Runner, kind: str) -> None:
    case = REQUIREMENTS[kind]
    words = tuple(word.format(**_links(stocked)) for word in case.words[:1])
    words += tuple(word.format(HERE=stocked.home) for word in case.words[1:])
    _installs_and_holds(stocked, *words, installed=case.installed, holds=case.holds)


def _installs_and_holds(runner: Runner, *words: str | Path, installed: tuple[str, ...], holds: bool = True) -> None:
    """Run twice, with what pip alone makes of the same words in between."""
    first = pinstall(runner, *words)
    assert (first.ended.returncode, first.purposes[:1]) == (0, ["install"]), first.ended.output
    assert runner.environment.freeze() == list(installed)
    runner.pip("install", *words)
    assert runner.environment.freeze() == list(installed)
    if holds:
        lame(runner.environment)
    again = pinstall(runner, "-v", *words)
    assert (again.ended.returncode, again.purposes) == (0, [] if holds else ["install"]), again.ended.output
    assert runner.environment.freeze() == list(installed)


# --- repositories ----------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(stocked: Runner) -> tuple[str, str]:
    """Return the URL of a repository with a tag `v1`, and its commit."""
    folder = checkout(stocked.home / "repository", sdist("vcs", "1.0"))
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", *words]
        return subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "v1")
    return f"git+file://{folder}", git("rev-parse", "HEAD").strip()


def test_a_full_commit_is_a_pin(stocked: Runner, repository: tuple[str, str]) -> None:
    url, commit = repository
    _installs_and_holds(stocked, f"{url}@{commit}#egg=vcs", installed=("vcs==1.0",))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["@v1", "@main", ""])
def test_a_tag_and_a_branch_are_none(stocked: Runner, repository: tuple[str, str], name: str) -> None:
    url, _ = repository
    refused = stocked.pinstall(f"{url}{name}#egg=vcs")
    assert (refused.returncode, stocked.environment.freeze()) == (65, [])
    words = ("--pin", "unpinned=allow", f"{url}{name}#egg=vcs")
    for _ in range(2):
        told = pinstall(stocked, *words)
        assert (told.ended.returncode, told.purposes) == (0, ["install"])
    assert stocked.environment.freeze() == ["vcs==1.0"]


# --- groups and scripts ----------------------------------------------------------------------------------------------

GROUPS: Final = """\
[dependency-groups]
base = ["bb==1.0"]
Test_It = [
    {include-group = "base"},
    "cc==1.0; python_version > '3'",
]
loose = [{include-group = "base"}, "cc>=1"]
"""


@needs_groups
@needs_packaging
@pytest.mark.parametrize(("value", "file"), [("test-it", "pyproject.toml"), ("sub/pyproject.toml:TEST.IT", None)])
def test_a_group(stocked: Runner, value: str, file: str | None) -> None:
    written(stocked, GROUPS, file or "sub/pyproject.toml")
    _installs_and_holds(stocked, "--group", value, installed=("bb==1.0", "cc==1.0"))


@pytest.mark.slow
@needs_groups
@needs_packaging
def test_a_group_by_variable_and_by_argument(stocked: Runner) -> None:
    written(stocked, GROUPS, "pyproject.toml")
    environ = {"PIP_GROUP": "test-it"}
    assert pinstall(stocked, "aa==1.0", env=environ).ended.returncode == 0
    assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0", "cc==1.0"]
    lame(stocked.environment)
    told = pinstall(stocked, "aa==1.0", env=environ)
    assert (told.ended.returncode, sorted(told.states)) == (0, ["aa", "bb", "cc"])


@pytest.mark.slow
@needs_groups
@needs_packaging
def test_what_a_group_does_not_pin_is_refused_unless_a_constraint_does(stocked: Runner) -> None:
    written(stocked, GROUPS, "pyproject.toml")
    refused = stocked.pinstall("--group", "loose")
    assert (refused.returncode, stocked.environment.freeze()) == (65, [])
    assert "pyproject.toml:7: `cc>=1`" in refused.stderr
    written(stocked, "cc==1.0\n", "constraints.txt")
    _installs_and_holds(stocked, "--group", "loose", "-c", "constraints.txt", installed=("bb==1.0", "cc==1.0"))


@pytest.mark.slow
@needs_groups
@needs_packaging
@pytest.mark.parametrize("value", ["absent", "missing/pyproject.toml:base", "other.toml:base"])
def test_a_group_that_pip_refuses(stocked: Runner, value: str) -> None:
    written(stocked, GROUPS, "pyproject.toml")
    written(stocked, GROUPS, "other.toml")
    place(stocked.environment, BB)
    alone = stocked.pip("install", "bb==1.0", "--group", value, check=False)
    ended = stocked.pinstall("bb==1.0", "--group", value)
    assert ended.returncode == alone.returncode != 0


SCRIPT: Final = """\
# /// script
# requires-python = "{python}"
# dependencies = [
#   "bb==1.0",
#   "{requirement}",
# ]
# ///
import bb
"""


@needs_scripts
def test_the_header_of_a_script(stocked: Runner) -> None:
    written(stocked, SCRIPT.format(python=">=3.8", requirement="cc==1.0"), "tool.py")
    _installs_and_holds(stocked, "--requirements-from-script", "tool.py", installed=("bb==1.0", "cc==1.0"))


@needs_scripts
def test_what_a_script_does_not_pin_is_refused(stocked: Runner) -> None:
    written(stocked, SCRIPT.format(python=">=3.8", requirement="cc"), "tool.py")
    refused = stocked.pinstall("--requirements-from-script", "tool.py")
    assert (refused.returncode, stocked.environment.freeze()) == (65, [])
    assert "tool.py:5: `cc`" in refused.stderr


@pytest.mark.slow
@needs_scripts
def test_a_script_for_another_python_fails_as_with_pip(stocked: Runner) -> None:
    written(stocked, SCRIPT.format(python="<3", requirement="cc==1.0"), "tool.py")
    place(stocked.environment, BB, CC)
    words = ("--requirements-from-script", "tool.py")
    assert stocked.pip("install", *words, check=False).returncode == stocked.pinstall(*words).returncode == 1
    assert stocked.pinstall(*words, "--ignore-requires-python").returncode == 0


# --- lock files ------------------------------------------------------------------------------------------------------


def _lock(runner: Runner, *packages: str, name: str = "pylock.toml", extra: str = "") -> Path:
    head = f'lock-version = "1.0"\ncreated-by = "test"\n{extra}\n'
    return written(runner, head + "\n".join(packages), name)


def _package(archive: Archive, location: str, *, marker: str = "") -> str:
    name, version = archive.filename.removesuffix(".tar.gz").split("-")[:2]
    artifact = f'{{name = "{archive.filename}", {location}, hashes = {{sha256 = "{archive.sha256}"}}}}'
    kind = f"wheels = [{artifact}]" if archive.filename.endswith(".whl") else f"sdist = {artifact}"
    condition = f'marker = "{marker}"\n' if marker else ""
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{condition}{kind}\n'


def _by_url(runner: Runner) -> Callable[[Archive], str]:
    return lambda archive: f'url = "{runner.index.file_url(archive.filename)}"'


@needs_locks
@needs_packaging
@pytest.mark.parametrize("name", ["pylock.toml", "sub/pylock.test.toml"])
def test_a_lock_file(stocked: Runner, name: str) -> None:
    url = _by_url(stocked)
    absent = _package(CC, url(CC), marker="python_version < '3'")
    _lock(stocked, *(_package(archive, url(archive)) for archive in (AA, BB, SOURCE)), absent, name=name)
    _installs_and_holds(stocked, "-r", name, installed=("aa==1.0", "bb==1.0", "src==1.0"))


@pytest.mark.slow
@needs_locks
@needs_packaging
def test_other_contents_than_the_locked_ones_are_replaced_from_where_the_lock_says(runner: Runner) -> None:
    # not on the index, but beside the lock
    BB.write(runner.home / "sub" / "files")
    _lock(runner, _package(BB, f'path = "files/{BB.filename}"'), name="sub/pylock.toml")
    place(runner.environment, wheel("bb", "1.0", mark="other"))
    told = pinstall(runner, "-r", "sub/pylock.toml")
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"]), told.ended.output
    assert runner.environment.module("bb", "MARK") == ""
    lame(runner.environment)
    assert pinstall(runner, "-r", "sub/pylock.toml").purposes == []


@pytest.mark.slow
@needs_choices
@needs_packaging
@pytest.mark.parametrize(
    ("words", "installed"),
    [
        (("-r", "pylock.toml"), ("bb==1.0", "dd==1.0")),
        (("-r", "pylock.toml[more]"), ("bb==1.0", "cc==1.0", "dd==1.0")),
        (("--group", "pylock.toml:test"), ("bb==1.0", "ee==1.0")),
        (("--group", "./pylock.toml:test", "-r", "pylock.toml"), ("bb==1.0", "dd==1.0", "ee==1.0")),
    ],
)
def test_extras_and_groups_of_a_lock_file(stocked: Runner, words: tuple[str, ...], installed: tuple[str, ...]) -> None:
    dd, ee = wheel("dd", "1.0"), wheel("ee", "1.0")
    for archive in (dd, ee):
        stocked.index.add(archive)
    url = _by_url(stocked)
    _lock(
        stocked,
        _package(BB, url(BB)),
        _package(CC, url(CC), marker="'more' in extras"),
        _package(dd, url(dd), marker="'usual' in dependency_groups"),
        _package(ee, url(ee), marker="'test' in dependency_groups"),
        extra='extras = ["more"]\ndependency-groups = ["usual", "test"]\ndefault-groups = ["usual"]',
    )
    _installs_and_holds(stocked, *words, installed=installed)


@pytest.mark.slow
@needs_locks
@needs_packaging
@pytest.mark.parametrize(("kind", "holds"), [("archive", True), ("vcs", True), ("directory", False)])
def test_a_direct_package_of_a_lock_file(
    stocked: Runner, repository: tuple[str, str], kind: str, *, holds: bool
) -> None:
    url, commit = repository
    archive = sdist("vcs", "1.0")
    archive.write(stocked.home / "files")
    contents = {
        "archive": f'path = "files/{archive.filename}", hashes = {{sha256 = "{archive.sha256}"}}',
        "vcs": f'type = "git", url = "{url.removeprefix("git+")}", commit-id = "{commit}"',
        "directory": 'path = "repository"',
    }
    _lock(stocked, f'[[packages]]\nname = "vcs"\n{kind} = {{{contents[kind]}}}\n')
    _installs_and_holds(stocked, "-r", "pylock.toml", installed=("vcs==1.0",), holds=holds)


@pytest.mark.slow
@needs_locks
@needs_packaging
@pytest.mark.parametrize(
    "text",
    [
        "lock-version = 1\n",
        "no toml\n",
        'lock-version = "1.0"\ncreated-by = "t"\nrequires-python = "<3"\npackages = []\n',
    ],
)
def test_a_lock_that_is_no_good_fails_as_with_pip(stocked: Runner, text: str) -> None:
    written(stocked, text, "pylock.toml")
    place(stocked.environment, BB)
    words = ("bb==1.0", "-r", "pylock.toml")
    assert stocked.pip("install", *words, check=False).returncode == stocked.pinstall(*words).returncode == 1


@pytest.mark.skipif(RELEASE >= (26, 1), reason="this pip takes lock files")
def test_a_pip_that_knows_no_locks_refuses_one(stocked: Runner) -> None:
    _lock(stocked)
    assert stocked.pinstall("-r", "pylock.toml").returncode == 1


# --- files by URL, and what can be read but once ---------------------------------------------------------------------


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def served(stocked: Runner) -> Iterator[str]:
    """Return the URL behind which the files of the working directory lie."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=stocked.home)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_requirement_and_constraint_files_by_url(stocked: Runner, served: str, scheme: str) -> None:
    written(stocked, "-c more.txt\nbb\ncc\n", "sub/requirements.txt")
    written(stocked, "cc==1.0\n", "sub/more.txt")
    written(stocked, "bb==1.0\n", "sub/constraints.txt")
    root = served if scheme == "http" else f"file://{stocked.home}"
    words = ("-r", f"{root}/sub/requirements.txt", "-c", f"{root}/sub/constraints.txt")
    _installs_and_holds(stocked, *words, installed=("bb==1.0", "cc==1.0"))
    assert stocked.pinstall(*words[:2]).returncode == 65


@pytest.mark.slow
def test_what_opens_a_url_is_kept_nowhere(stocked: Runner, served: str) -> None:
    written(stocked, "bb==1.0\n", "sub/requirements.txt")
    cc = f"cc @ {stocked.index.file_url(CC.filename)}?signature=canary#sha256={CC.sha256}"
    words = ("-r", f"{served}/sub/requirements.txt?token=canary", cc, "--pin", "report=report.json", "-v")
    ended = stocked.pinstall(*words)
    assert ended.returncode == 0, ended.output
    kept = [stocked.environment.site_packages / ".pinstall", stocked.home / ".local"]
    files = [path for folder in kept for path in folder.rglob("*") if path.is_file()]
    assert [path for path in (*files, stocked.home / "report.json") if b"canary" in path.read_bytes()] == []
    assert "canary" not in "".join(own_lines(ended))


@pytest.mark.slow
def test_the_pins_of_a_url_hold_until_it_is_installed_again_whatever_opens_it(stocked: Runner, served: str) -> None:
    path = stocked.home / written(stocked, "bb==1.0\ncc==1.0\n")
    ledger = stocked.environment.site_packages / ".pinstall" / "ledger.json"
    for number, text in enumerate(("bb==1.0\ncc==1.0\n", "cc==1.0\n")):
        path.write_text(text, encoding="utf-8")
        url = served.replace("://", f"://me:canary{number}@") + f"/requirements.txt?token=canary{number}"
        assert stocked.pinstall("-r", url).returncode == 0
        assert "canary" not in ledger.read_text(encoding="utf-8")
    assert list(json.loads(ledger.read_text(encoding="utf-8"))["holds"]) == ["cc"]


@pytest.mark.slow
@needs_locks
@needs_packaging
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_lock_file_by_url(stocked: Runner, served: str, scheme: str) -> None:
    BB.write(stocked.home / "files")
    _lock(stocked, _package(BB, f'path = "../files/{BB.filename}"'), name="sub/pylock.toml")
    root = served if scheme == "http" else f"file://{stocked.home}"
    _installs_and_holds(stocked, "-r", f"{root}/sub/pylock.toml", installed=("bb==1.0",))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="this system has no /dev/stdin")
@pytest.mark.parametrize("words", [("-r", "/dev/stdin"), ("-c", "/dev/fd/0", "bb"), ("-r", "through.txt")])
def test_standard_input_is_read_once_and_pip_reads_it_again(stocked: Runner, words: tuple[str, ...]) -> None:
    written(stocked, "-r /dev/stdin\n", "through.txt")
    told = pinstall(stocked, *words, input="bb==1.0\n")
    assert (told.ended.returncode, told.states) == (0, {"bb": "satisfied"}), told.ended.output
    assert stocked.environment.freeze() == ["bb==1.0"]
    lame(stocked.environment)
    again = pinstall(stocked, *words, input="bb==1.0\n")
    assert (again.ended.returncode, again.purposes) == (0, [])
    assert stocked.pinstall("-r", "/dev/stdin", input="bb\n").returncode == 65


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="this system has no /dev/stdin")
def test_standard_input_serves_every_pip_of_a_run(stocked: Runner) -> None:
    place(stocked.environment, wheel("bb", "1.0", mark="other"))
    told = pinstall(stocked, "bb", env={"PIP_CONSTRAINT": "/dev/stdin"}, input=pinned(BB))
    assert (told.ended.returncode, told.purposes) == (0, ["install", "force"]), told.ended.output
    assert stocked.environment.module("bb", "MARK") == ""


def _from_shell(runner: Runner, script: str, *words: str, text: str = "") -> Completed:
    argv = ["sh", "-c", script, "sh", *beside(), "--python", str(runner.environment.python), *runner.index_options]
    return runner.run([*argv, *words], input=text)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no /dev/fd")
@pytest.mark.parametrize(("text", "code", "freeze"), [("bb==1.0\n", 0, ["bb==1.0"]), ("bb\n", 65, [])])
def test_the_pipe_that_a_shell_puts_for_a_process_is_judged_too(
    stocked: Runner, text: str, code: int, freeze: list[str]
) -> None:
    ended = _from_shell(stocked, 'exec 9<&0 </dev/null; exec "$@"', "-r", "/dev/fd/9", text=text)
    assert (ended.returncode, stocked.environment.freeze()) == (code, freeze), ended.output


@pytest.mark.slow
def test_a_fifo_is_left_to_pip(stocked: Runner) -> None:
    os.mkfifo(stocked.home / "fifo")
    ended = _from_shell(stocked, 'printf "bb==1.0\\n" > fifo & exec "$@"', "-v", "-r", "fifo")
    assert (ended.returncode, stocked.environment.freeze()) == (0, ["bb==1.0"])
    assert [line for line in own_lines(ended) if "`fifo`" in line and "left to pip" in line]


def test_standard_input_that_nobody_names_is_pips(stocked: Runner) -> None:
    code = "import sys; print('READ', sys.stdin.read()); sys.exit(0)"
    lame(stocked.environment)
    (stocked.environment.site_packages / "pip" / "__main__.py").write_text(code, encoding="utf-8")
    ended = stocked.pinstall("bb>=1", "--pin", "unpinned=allow", input="an answer")
    assert "READ an answer" in ended.stdout
