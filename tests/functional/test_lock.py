"""`pinstall lock` writes down exactly what pip would install, and what it wrote installs that and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from pinstall.formats import metadata
from tests.support.index import Fault
from tests.support.pages import UPLOADED
from tests.support.scenes import RELEASE, own_lines, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < (22, 3), reason="older pips write no report, or not for a dry run")

AA: Final = wheel("aa", "1.0", requires=["bb>=1"], extras={"more": ["cc[x]"]})
NEWER: Final = wheel("aa", "2.0", requires=["bb>=1"], extras={"more": ["cc[x]"]})
BB: Final = wheel("bb", "1.0")
SOURCE: Final = sdist("bb", "1.0")
OTHER: Final = wheel("bb", "1.0", mark="other", tag="cp36-cp36m-win32")
CC: Final = wheel("cc", "1.0")
SOME: Final = sdist("src", "1.0")
PAGES_STAY: Final = (26, 2)
"""The first pip that does not ask again for a page that an index lets it keep."""
FROM_THE_SECOND_ON: Final = 0
"""For `times` of a fault: pip is answered, and who asks after it is not."""


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    for archive in (AA, BB, SOURCE, OTHER, CC, SOME):
        runner.index.add(archive)
    return runner


def locked(runner: Runner, *words: str | Path, code: int = 0, **options: Any) -> Completed:
    ended = runner.pinstall("lock", *words, **options)
    assert ended.returncode == code, ended.output
    assert "Traceback" not in ended.output
    return ended


def text(runner: Runner, name: str = "requirements.txt") -> str:
    return (runner.home / name).read_text(encoding="utf-8")


def test_all_that_pip_would_install_is_there_with_every_hash_and_who_asks_for_it(stocked: Runner) -> None:
    written(stocked, "# roots\naa[more]\n", "requirements.in")
    locked(stocked, "-r", "requirements.in", "-o", "requirements.txt", index=True)
    hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted((BB.sha256, SOURCE.sha256, OTHER.sha256)))
    heading, *_, rest = text(stocked).split("\n", 3)
    assert heading.startswith("# locked by pinstall for CPython ")
    assert rest == (
        f"aa[more]==1.0 \\\n    --hash=sha256:{AA.sha256}\n    # via -r requirements.in:2\n"
        f"bb==1.0{hashes}\n    # via aa\n"
        f"cc[x]==1.0 \\\n    --hash=sha256:{CC.sha256}\n    # via aa\n"
    )


def test_the_lock_installs_what_pip_alone_installs_and_nothing_else(stocked: Runner) -> None:
    locked(stocked, "aa[more]", "src", "-o", "requirements.txt")
    stocked.index.add(NEWER)
    stocked.index.add(wheel("bb", "3.0"))
    ended = stocked.pinstall("--require-hashes", "-r", "requirements.txt")
    assert ended.returncode == 0, ended.output
    assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0", "cc==1.0", "src==1.0"]


@pytest.mark.slow
def test_it_is_for_an_empty_environment_and_changes_none(stocked: Runner) -> None:
    stocked.pip("install", "bb==1.0")
    stocked.index.add(wheel("bb", "2.0"))
    locked(stocked, "aa", "-o", "requirements.txt", "--no-cache-dir")
    assert "bb==2.0" in text(stocked)
    assert stocked.environment.freeze() == ["bb==1.0"]


@pytest.mark.parametrize("loud", [[], ["-v"], ["-q"]])
def test_without_a_file_it_goes_to_standard_output_alone(stocked: Runner, loud: list[str]) -> None:
    ended = locked(stocked, *loud, "bb")
    lines = [line for line in ended.stdout.splitlines() if not line.startswith((" ", "#", "--"))]
    assert lines == ["bb==1.0 \\"]


@pytest.mark.slow
def test_what_has_not_changed_is_not_written(stocked: Runner) -> None:
    locked(stocked, "aa", "-o", "requirements.txt")
    path = stocked.home / "requirements.txt"
    os.utime(path, (1, 1))
    ended = locked(stocked, "aa", "-o", "requirements.txt")
    assert (path.stat().st_mtime, own_lines(ended)[-1]) == (1, "`requirements.txt` is up to date")


@pytest.mark.slow
def test_what_is_to_be_locked_is_not_overwritten_unless_it_is_a_lock_itself(stocked: Runner) -> None:
    mine = "bb==1.0  # precious\n"
    file = written(stocked, mine)
    (stocked.home / "link.txt").symlink_to(file)
    for words in ("-r {0} -o link.txt", "{0} -o {0} --check", "aa -c {0} -o {0}"):
        ended = locked(stocked, *words.format(file).split(), code=64)
        assert own_lines(ended)[-1] == "hint: name another file behind `-o`; nothing has been changed"
    assert text(stocked) == mine
    assert stocked.index.requests == []
    locked(stocked, file, "-o", "lock.txt")
    locked(stocked, "lock.txt", "-o", "lock.txt")


def test_values_may_be_glued_on_and_only_a_project_can_be_upgraded(stocked: Runner) -> None:
    locked(stocked, "bb", "-olock.txt", "-Pbb")
    assert "bb==1.0" in text(stocked, "lock.txt")
    for words in ("-P bb==1.0", "-Pbb>=1", "--upgrade-package=bb[x]", "-P"):
        ended = locked(stocked, "bb", "-olock.txt", *words.split(" ", 1), code=64)
        assert "takes the name of a project, and nothing else" in ended.stderr


def test_mode_and_symbolic_link_of_the_file_stay(stocked: Runner) -> None:
    path = stocked.home / "requirements.txt"
    real = written(stocked, "bb==0.9\n", "real/lock.txt")
    (stocked.home / real).chmod(0o640)
    path.symlink_to(real)
    locked(stocked, "--upgrade", "bb", "-o", "requirements.txt")
    assert path.is_symlink()
    assert "bb==1.0" in text(stocked)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in (stocked.home / "real").iterdir()] == ["lock.txt"]


class TestCheck:
    def test_what_would_change_is_shown_and_not_written(self, stocked: Runner) -> None:
        locked(stocked, "aa", "-o", "requirements.txt")
        before = text(stocked)
        assert locked(stocked, "--check", "aa", "-o", "requirements.txt").stdout == ""
        stocked.index.add(NEWER)
        ended = locked(stocked, "--check", "-U", "aa", "-o", "requirements.txt", "--no-cache-dir", code=1)
        assert ended.stdout.splitlines() == ["-aa==1.0 \\", "+aa==2.0 \\"]
        assert text(stocked) == before

    def test_it_needs_a_file(self, stocked: Runner) -> None:
        assert "-o FILE" in locked(stocked, "--check", "aa", code=64).stderr


class TestKept:
    @pytest.fixture
    def older(self, stocked: Runner) -> Runner:
        locked(stocked, "aa", "cc", "-o", "requirements.txt")
        for archive in (NEWER, wheel("cc", "2.0")):
            stocked.index.add(archive)
        return stocked

    def versions(self, runner: Runner, *words: str) -> list[str]:
        locked(runner, *words, "-o", "requirements.txt", "--no-cache-dir")
        return [line.split(" ")[0] for line in text(runner).splitlines() if "==" in line]

    def test_pins_stay(self, older: Runner) -> None:
        assert self.versions(older, "aa", "cc") == ["aa==1.0", "bb==1.0", "cc==1.0"]

    @pytest.mark.slow
    def test_all_are_upgraded(self, older: Runner) -> None:
        assert self.versions(older, "-U", "aa", "cc") == ["aa==2.0", "bb==1.0", "cc==2.0"]

    def test_one_is_upgraded(self, older: Runner) -> None:
        assert self.versions(older, "aa", "cc", "--upgrade-package", "CC") == ["aa==1.0", "bb==1.0", "cc==2.0"]

    @pytest.mark.slow
    def test_a_name_that_nothing_needs_is_said_to_be_upgraded_in_vain(self, older: Runner) -> None:
        ended = locked(older, "aa", "cc", "-P", "Ccc", "-P", "bb", "-o", "requirements.txt", "--no-cache-dir")
        (told,) = (line for line in own_lines(ended) if "--upgrade-package" in line)
        assert told == "`--upgrade-package ccc` changes nothing: nothing that is asked for needs ccc"

    @pytest.mark.slow
    def test_a_pin_that_is_not_asked_for_any_more_goes(self, older: Runner) -> None:
        assert self.versions(older, "aa") == ["aa==1.0", "bb==1.0"]

    @pytest.mark.slow
    def test_a_pin_that_a_line_does_not_allow_any_more_gives_way_and_that_is_said(self, older: Runner) -> None:
        written(older, "aa>1\ncc\n", "requirements.in")
        ended = locked(older, "-o", "requirements.txt", "--no-cache-dir")
        assert "aa==1.0 gives way: requirements.in:1 asks for `aa>1`" in own_lines(ended)
        assert "aa==2.0" in text(older)
        assert "cc==1.0" in text(older)

    @pytest.mark.slow
    def test_a_pin_that_makes_it_impossible_is_not_dropped_and_the_way_out_is_said(self, older: Runner) -> None:
        before = text(older)
        older.index.add(wheel("dd", "1.0", requires=["cc>=2"]))
        ended = locked(older, "dd", "-o", "requirements.txt", "--no-cache-dir", code=1)
        assert "--upgrade-package NAME" in own_lines(ended)[-1]
        assert "cc==1.0" in ended.output
        assert text(older) == before
        locked(older, "dd", "-P", "cc", "-o", "requirements.txt", "--no-cache-dir")
        assert "cc==2.0" in text(older)

    def test_a_file_that_is_no_lock_is_left_alone(self, older: Runner) -> None:
        written(older, "dear diary\n")
        assert "requirements.txt:1" in locked(older, "aa", "-o", "requirements.txt", code=66).stderr
        assert text(older) == "dear diary\n"


class TestInputs:
    @pytest.mark.slow
    def test_the_nearest_file_of_requirements_is_taken(self, stocked: Runner) -> None:
        written(stocked, "bb\n", "requirements.in")
        written(stocked, '[project]\nname = "x"\ndependencies = ["cc"]\n', "sub/pyproject.toml")
        written(stocked, "", "sub/folder/file")
        assert "\nbb==1.0" in locked(stocked).stdout
        ended = locked(stocked, cwd=stocked.home / "sub" / "folder")
        assert "\ncc==1.0" in ended.stdout
        assert "# via ../pyproject.toml\n" in ended.stdout
        written(stocked, "aa\n", "sub/requirements.in")
        assert "# via -r ../requirements.in:1\n" in locked(stocked, cwd=stocked.home / "sub" / "folder").stdout

    def test_a_file_of_requirements_may_stand_as_an_argument(self, stocked: Runner) -> None:
        written(stocked, "bb\n", "some.in")
        assert "# via -r some.in:1\n" in locked(stocked, "cc", "some.in").stdout

    def test_where_there_is_nothing_to_lock_that_is_said(self, stocked: Runner) -> None:
        (stocked.home / ".git").mkdir()
        assert "there is nothing to lock" in locked(stocked, code=64).stderr

    def test_what_pip_refuses_pip_refuses_with_its_own_code(self, stocked: Runner) -> None:
        ended = locked(stocked, "nowhere==1", "-o", "requirements.txt", code=1)
        assert "No matching distribution found for nowhere==1" in ended.stderr
        assert not (stocked.home / "requirements.txt").exists()


class TestDirect:
    @pytest.mark.slow
    def test_an_archive_has_its_hash_and_keeps_its_extras(self, stocked: Runner) -> None:
        url = stocked.index.file_url(AA.filename)
        locked(stocked, f"aa[more] @ {url}", "-o", "requirements.txt")
        assert f"\naa[more] @ {url}#sha256={AA.sha256}\n" in text(stocked)
        assert stocked.pinstall("--require-hashes", "-r", "requirements.txt").returncode == 0
        assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0", "cc==1.0"]

    @pytest.mark.slow
    @pytest.mark.skipif(RELEASE < (24, 1), reason="this pip takes no repository of this machine behind an `@`")
    def test_a_repository_is_locked_to_its_commit(self, stocked: Runner) -> None:
        folder = checkout(stocked.home / "repository", sdist("vcs", "1.0"))
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.invalid")
        for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "first")):
            subprocess.run([*git, *words], cwd=folder, env=environ, check=True)
        commit = subprocess.run([*git, "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
        locked(stocked, f"vcs @ git+file://{folder}@main", "-o", "requirements.txt")
        assert f"\nvcs @ git+file://{folder}@{commit.stdout.strip()}\n" in text(stocked)
        assert stocked.pinstall("-r", "requirements.txt").returncode == 0

    @pytest.mark.slow
    def test_a_directory_is_left_out_and_that_is_said_but_what_it_needs_is_there(self, stocked: Runner) -> None:
        checkout(stocked.home / "project", sdist("local", "1.0", requires=["bb"]))
        ended = locked(stocked, "./project", "-o", "requirements.txt")
        assert "`local` is left out: it is a directory, which has no hash" in own_lines(ended)
        assert "# local is left out" in text(stocked)
        assert "    # via local\n" in text(stocked)
        assert stocked.pinstall("--require-hashes", "-r", "requirements.txt").returncode == 0
        assert stocked.environment.freeze() == ["bb==1.0"]


class TestIndex:
    @pytest.mark.skipif(RELEASE < (23,), reason="this pip does not log in for a file")
    def test_what_is_needed_to_find_the_files_again_is_there_without_secrets(self, stocked: Runner) -> None:
        stocked.index.credentials = ("me", "hunter2")
        AA.write(stocked.home / "sub" / "files")
        written(stocked, "--find-links files\naa\n", "sub/requirements.in")
        locked(stocked, "-r", "sub/requirements.in", "-o", "out.txt")
        lines = text(stocked, "out.txt").splitlines()
        assert lines[1:4] == [f"--index-url {stocked.index.url}", "--trusted-host 127.0.0.1", "--find-links sub/files"]
        assert "hunter2" not in text(stocked, "out.txt")
        locked(stocked, "aa", "-o", "pylock.toml")
        assert "hunter2" not in text(stocked, "pylock.toml")

    @pytest.mark.slow
    def test_variables_stay_variables_in_a_requirement_file(self, stocked: Runner) -> None:
        place = f"{stocked.index.root}/${{PLACE}}"
        written(stocked, f"--extra-index-url {place}/extra/\ncc @ {place}/{CC.filename}?token=${{TOKEN}}\n")
        stocked.variables.update({"PLACE": "files", "TOKEN": "hunter2"})
        locked(stocked, "-r", "requirements.txt", "-o", "lock.txt")
        lines = text(stocked, "lock.txt").splitlines()
        assert f"--extra-index-url {place}/extra/" in lines
        assert f"cc @ {place}/{CC.filename}?token=${{TOKEN}}#sha256={CC.sha256}" in lines
        assert "is up to date" in locked(stocked, "-r", "requirements.txt", "-o", "lock.txt").stderr
        assert stocked.pinstall("--require-hashes", "-r", "lock.txt").returncode == 0

    def test_what_a_variable_holds_is_refused_in_a_lock_file_but_for_the_host(self, stocked: Runner) -> None:
        url = stocked.index.file_url(CC.filename)
        stocked.variables.update({"HOST": "127.0.0.1", "TOKEN": "hunter2", "URL": f"{url}?hunter2"})
        hosted = url.replace("127.0.0.1", "${HOST}")
        for link, name, code in ((f"{hosted}?${{TOKEN}}", "TOKEN", 65), ("${URL}", "URL", 65), (hosted, "", 0)):
            written(stocked, f"cc @ {link}\n")
            ended = locked(stocked, "-r", "requirements.txt", "-o", "pylock.toml", code=code)
            assert (f"holds what `${{{name}}}` stands for" in ended.stderr) is bool(code)
            assert "hunter2" not in ended.output
            assert (stocked.home / "pylock.toml").exists() is not bool(code)

    @pytest.mark.slow
    def test_the_pages_that_pip_has_read_are_not_asked_for_again(self, stocked: Runner) -> None:
        for count in (1, 1 if RELEASE >= PAGES_STAY else 2):
            locked(stocked, "bb", "-o", "requirements.txt")
            assert len(stocked.index.asked("/simple/bb/")) == count
        locked(stocked, "bb", "-o", "requirements.txt", "--no-cache-dir")
        assert len(stocked.index.asked("/simple/bb/")) == count + 2

    def test_an_index_that_does_not_answer_is_said_so(self, stocked: Runner) -> None:
        stocked.index.fault(stocked.index.page_url("bb"), Fault(status=500, times=FROM_THE_SECOND_ON))
        ended = locked(stocked, "bb", "-o", "requirements.txt", "--no-cache-dir", code=69)
        assert f"{stocked.index.url.rstrip('/')} answers 500" in ended.stderr
        assert not (stocked.home / "requirements.txt").exists()

    def test_an_index_that_lists_other_contents_than_pip_got_is_refused(self, stocked: Runner) -> None:
        forged = wheel("cc", "1.0", mark="forged")
        page = f'<a href="{stocked.index.file_url(CC.filename)}#sha256={forged.sha256}">cc</a>'.encode()
        fault = Fault(content=page, kind="text/html", times=FROM_THE_SECOND_ON)
        stocked.index.fault(stocked.index.page_url("cc"), fault)
        ended = locked(stocked, "cc", "-o", "requirements.txt", "--no-cache-dir", code=65)
        assert CC.sha256 in ended.stderr
        assert forged.sha256 in ended.stderr

    @pytest.mark.slow
    def test_a_local_index_that_lacks_a_project_is_no_silent_one(self, stocked: Runner) -> None:
        (stocked.home / "simple" / "cc").mkdir(parents=True)
        CC.write(stocked.home / "simple" / "cc")
        # without a hash on its page, what pip took is all that is known
        link = '<a href="cc-1.0-py3-none-any.whl">cc</a>'
        (stocked.home / "simple" / "cc" / "index.html").write_text(link, encoding="utf-8")
        stocked.index.remove(CC.filename)
        words = ("--extra-index-url", (stocked.home / "simple").as_uri())
        ended = locked(stocked, "aa[more]", *words, "-o", "requirements.txt")
        assert "no index lists the files of `cc`: locked is the one that pip took" in own_lines(ended)

    @pytest.mark.slow
    @pytest.mark.parametrize("as_json", [True, False])
    def test_each_kind_of_page_gives_the_same(self, stocked: Runner, as_json: bool) -> None:
        stocked.index.json = as_json
        assert all(archive.sha256 in locked(stocked, "aa").stdout for archive in (AA, BB, SOURCE, OTHER))


class TestLockFiles:
    pytestmark = pytest.mark.usefixtures("pylock")

    @pytest.fixture
    def pylock(self) -> None:
        pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")

    def test_what_is_read_is_what_was_resolved(self, stocked: Runner) -> None:
        pylock = pytest.importorskip("packaging.pylock")
        locked(stocked, "aa[more]", "src", "-o", "pylock.toml")
        read = pylock.Pylock.from_dict(metadata.parse_toml(text(stocked, "pylock.toml").encode()))
        assert [f"{one.name}=={one.version}" for one in read.packages] == ["aa==1.0", "bb==1.0", "cc==1.0", "src==1.0"]
        bb = read.packages[1]
        assert bb.sdist is not None
        assert bb.sdist.hashes == {"sha256": SOURCE.sha256}
        assert {one.hashes["sha256"] for one in bb.wheels or ()} == {BB.sha256, OTHER.sha256}
        assert bb.index == stocked.index.url.rstrip("/")
        assert bb.sdist.size == len(SOURCE.content)
        assert bb.sdist.upload_time == datetime.fromisoformat(UPLOADED.replace("Z", "+00:00"))
        assert {one.size for one in bb.wheels or ()} == {len(BB.content), len(OTHER.content)}

    @pytest.mark.slow
    @pytest.mark.skipif(RELEASE < (26, 1), reason="this pip takes no lock file")
    def test_pip_and_pinstall_read_it(self, stocked: Runner) -> None:
        locked(stocked, "aa[more]", "src", "-o", "pylock.some.toml")
        ended = stocked.pinstall("-r", "pylock.some.toml")
        assert ended.returncode == 0, ended.output
        assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0", "cc==1.0", "src==1.0"]

    @pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
    def test_uv_installs_from_it(self, stocked: Runner) -> None:
        locked(stocked, "aa[more]", "-o", "pylock.toml")
        command = ["uv", "pip", "install", "--python", str(stocked.environment.python), "-r", "pylock.toml"]
        stocked.run(command, env={"PATH": os.environ["PATH"]}, check=True)
        assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0", "cc==1.0"]

    @pytest.mark.slow
    def test_pins_stay_and_what_has_not_changed_is_not_written(self, stocked: Runner) -> None:
        locked(stocked, "aa", "-o", "pylock.toml")
        stocked.index.add(NEWER)
        ended = locked(stocked, "aa", "-o", "pylock.toml", "--no-cache-dir")
        assert own_lines(ended)[-1] == "`pylock.toml` is up to date"
        locked(stocked, "-U", "aa", "-o", "pylock.toml", "--no-cache-dir")
        assert 'version = "2.0"' in text(stocked, "pylock.toml")

    @pytest.mark.slow
    def test_another_platform_is_named_and_no_environment_claimed(self, stocked: Runner) -> None:
        words = ("--only-binary=:all:", "--platform", "win32", "--python-version", "3.6", "--abi", "cp36m")
        locked(stocked, *words, "bb", "-o", "pylock.toml", "--target", "there")
        assert "--platform win32 --python-version 3.6 --abi cp36m" in text(stocked, "pylock.toml").splitlines()[0]
        assert "environments" not in text(stocked, "pylock.toml")


@pytest.mark.slow
def test_the_report_and_the_lock_agree(stocked: Runner) -> None:
    stocked.pip("install", "--dry-run", "--ignore-installed", "--quiet", "--report", "report.json", "aa[more]", "src")
    report = json.loads((stocked.home / "report.json").read_text(encoding="utf-8"))
    expected = {f"{one['metadata']['name']}=={one['metadata']['version']}" for one in report["install"]}
    locked(stocked, "aa[more]", "src", "-o", "requirements.txt")
    found = {line.split(" ")[0] for line in text(stocked).replace("[more]", "").replace("[x]", "").splitlines()}
    assert expected == {line for line in found if "==" in line}
