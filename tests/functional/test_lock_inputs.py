"""What `pinstall lock` takes for what: files, projects, options of pip-compile and uv; and which file it replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.scenes import RELEASE, own_lines, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Completed
    from tests.support.runner import Runner

pytestmark = pytest.mark.skipif(RELEASE < (22, 3), reason="older pips write no report, or not for a dry run")

PROJECT: Final = """
[project]
name = "My_App"
version = "1"
dependencies = ["aa"]
[project.optional-dependencies]
More = ["bb"]
all = ["my-app[more]", "cc"]
"""
OF_EXTRAS: Final = PROJECT.replace('"my-app[more]", "cc"', "\"my-app[more] ; python_version > '3'\"")
DYNAMIC: Final = '[project]\nname = "x"\nversion = "1"\ndynamic = ["dependencies"]\n'
SCRIPT: Final = '# /// script\n# dependencies = ["cc"]\n# ///\n'


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    for name in ("aa", "bb", "cc"):
        runner.index.add(wheel(name, "1.0"))
    return runner


def locked(runner: Runner, *words: str | Path, code: int = 0, **options: Any) -> Completed:
    ended = runner.pinstall("lock", *words, **options)
    assert ended.returncode == code, ended.output
    assert "Traceback" not in ended.output
    return ended


def pins(ended: Completed) -> dict[str, str]:
    """Return who asks for each pin."""
    found, name = {}, ""
    for line in ended.stdout.splitlines():
        if "==" in line and not line.startswith("#"):
            name = line.partition("=")[0]
        elif line.startswith("    # via "):
            found[name] = line.removeprefix("    # via ")
    return found


def project(runner: Runner, text: str, folder: str) -> None:
    """Write a project whose metadata its own backend builds, and which needs `aa` then."""
    checkout(runner.home / folder, sdist("x", "1", requires=["aa"]))
    file = runner.home / folder / "pyproject.toml"
    file.write_text(text + file.read_text(encoding="utf-8"), encoding="utf-8")


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "text"), [("some.in", "bb\n"), ("some.txt", "bb\n"), ("requirements", "bb\n"), ("bb", "cc\n")]
    )
    def test_a_file_is_that_file_and_never_a_project(self, stocked: Runner, name: str, text: str) -> None:
        written(stocked, text, name)
        assert pins(locked(stocked, name)) == {text.strip(): f"-r {name}"}

    @pytest.mark.slow
    def test_standard_input_and_a_script_are_files_too(self, stocked: Runner) -> None:
        assert list(pins(locked(stocked, "-", input="bb\n"))) == ["bb"]
        written(stocked, SCRIPT, "tool.py")
        assert pins(locked(stocked, "tool.py")) == {"cc": "tool.py"}

    def test_a_file_that_is_not_there_is_no_project(self, stocked: Runner) -> None:
        assert "there is no file `nowhere.in`" in locked(stocked, "nowhere.in", code=64).stderr
        assert stocked.index.requests == []

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ([], ["aa"]),
            (["--extra", "more"], ["aa", "bb"]),
            (["--extra=all"], ["aa", "bb", "cc"]),
            (["--all-extras"], ["aa", "bb", "cc"]),
        ],
    )
    def test_a_project_is_read_with_its_extras(self, stocked: Runner, words: list[str], expected: list[str]) -> None:
        written(stocked, PROJECT, "sub/pyproject.toml")
        ended = locked(stocked, "sub/pyproject.toml", *words)
        assert pins(ended) == dict.fromkeys(expected, "My_App (pyproject.toml)")

    @pytest.mark.parametrize("file", ["pyproject.toml", "setup.py", "setup.cfg"])
    def test_what_only_a_build_can_tell_is_built_and_that_is_said(self, stocked: Runner, file: str) -> None:
        project(stocked, DYNAMIC if file == "pyproject.toml" else "", "sub")
        if file != "pyproject.toml":
            written(stocked, "", f"sub/{file}")
        ended = locked(stocked, f"sub/{file}")
        assert f"`sub/{file}` does not list all that it needs: pip builds the metadata of `sub`" in own_lines(ended)
        assert pins(ended) == {"aa": "x (pyproject.toml)" if file == "pyproject.toml" else file}
        assert "left out" not in ended.output

    @pytest.mark.slow
    def test_an_extra_that_has_others_by_marker_is_built(self, stocked: Runner) -> None:
        project(stocked, OF_EXTRAS, "sub")
        ended = locked(stocked, "sub/pyproject.toml", "--extra", "all")
        assert "pip builds the metadata of `sub`" in ended.stderr
        assert pins(ended)["aa"] == "My_App (pyproject.toml)"

    @pytest.mark.slow
    @pytest.mark.skipif(RELEASE < (25, 1), reason="this pip knows no groups")
    def test_a_group_alone_is_locked_without_the_project(self, stocked: Runner) -> None:
        written(stocked, f'{PROJECT}[dependency-groups]\ndev = ["cc"]\n', "pyproject.toml")
        assert pins(locked(stocked, "--group", "dev")) == {"cc": "pyproject.toml"}
        ended = locked(stocked, "--group", "dev", "--extra", "more")
        assert list(pins(ended)) == ["aa", "bb", "cc"]


class TestOptions:
    @pytest.mark.parametrize(
        "words",
        [
            ["--generate-hashes", "--allow-unsafe", "--resolver=backtracking", "--no-strip-extras", "--annotate"],
            ["-n"],
        ],
    )
    def test_what_is_done_anyway_is_taken(self, stocked: Runner, words: list[str]) -> None:
        assert "--hash=" in locked(stocked, "aa", *words).stdout

    @pytest.mark.slow
    def test_what_is_to_be_left_out_is_left_out(self, stocked: Runner) -> None:
        stocked.index.add(wheel("dd", "1.0", extras={"some": ["aa"]}))
        words = ("--no-hashes", "--no-header", "--no-annotate", "--strip-extras", "--no-emit-index-url")
        ended = locked(stocked, "dd[some]", *words)
        assert ended.stdout == "--trusted-host 127.0.0.1\n\naa==1.0\ndd==1.0\n"

    @pytest.mark.parametrize(
        ("word", "meant"),
        [
            ("--extra-index", "--extra-index-url"),  # pip takes the beginning of an option
            ("--req", "--requirement"),
            ("--upgrad", "--upgrade"),
            ("--no-annotat", "--no-annotate"),
            ("--generate-hash", "--generate-hashes"),
        ],
    )
    def test_no_beginning_of_an_option_is_one_and_the_nearest_is_named(
        self, stocked: Runner, word: str, meant: str
    ) -> None:
        ended = locked(stocked, "aa", word, "bb", code=64)
        assert f"there is no option `{word}`" in ended.stderr
        assert f"`{meant}`" in own_lines(ended)[-1]
        assert stocked.index.requests == []

    @pytest.mark.slow
    def test_a_dry_run_shows_the_difference_and_writes_nothing(self, stocked: Runner) -> None:
        ended = locked(stocked, "aa", "-o", "out.txt", "--dry-run", code=1)
        assert "+aa==1.0 \\" in ended.stdout.splitlines()
        assert not (stocked.home / "out.txt").exists()
        assert "aa==1.0" in locked(stocked, "aa", "-o", "-", "--dry-run").stdout

    def test_an_extra_that_the_project_does_not_have_is_named(self, stocked: Runner) -> None:
        written(stocked, PROJECT, "pyproject.toml")
        ended = locked(stocked, "--extra", "none", code=64)
        assert own_lines(ended)[-2:] == [
            "error: `pyproject.toml` has no extra `none`",
            "hint: it has more, all",
        ]

    @pytest.mark.slow
    def test_one_version_may_be_asked_for(self, stocked: Runner) -> None:
        locked(stocked, "aa", "-o", "out.txt")
        for version in ("2.0", "3.0"):
            stocked.index.add(wheel("aa", version))
        locked(stocked, "aa", "-o", "out.txt", "-P", "aa<3", "--no-cache-dir")
        assert "\naa==2.0 " in (stocked.home / "out.txt").read_text()


class TestTheProjectsFile:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (DYNAMIC, "`pyproject.toml` lists no dependencies, or says that they are dynamic"),
            ('[project]\nname = "x"\n', "`pyproject.toml` lists no dependencies, or says that they are dynamic"),
            ('[project]\ndependencies = "aa"\nname = 1\n', "the dependencies cannot be read"),
        ],
    )
    def test_a_project_without_a_list_is_named_and_its_parent_not_taken(
        self, stocked: Runner, text: str, said: str
    ) -> None:
        written(stocked, PROJECT, "pyproject.toml")
        written(stocked, text, "sub/pyproject.toml")
        ended = locked(stocked, code=66 if "read" in said else 64, cwd=stocked.home / "sub")
        assert said in ended.stderr
        assert stocked.index.requests == []

    @pytest.mark.slow
    def test_a_file_without_a_project_is_passed_over(self, stocked: Runner) -> None:
        written(stocked, PROJECT, "pyproject.toml")
        written(stocked, "[tool.other]\n", "sub/pyproject.toml")
        assert list(pins(locked(stocked, cwd=stocked.home / "sub"))) == ["aa"]

    @pytest.mark.parametrize("name", ["pyproject.toml", "requirements.in"])
    def test_the_climb_stops_at_what_others_may_write(self, stocked: Runner, name: str) -> None:
        written(stocked, PROJECT if name.endswith("toml") else "aa\n", name)
        (stocked.home / name).chmod(0o666)
        (stocked.home / "sub").mkdir()
        ended = locked(stocked, code=64, cwd=stocked.home / "sub")
        assert f"`../{name}` belongs to another user, or everybody may write it" in ended.stderr


class TestReplaced:
    BY_HAND: Final = "aa==0.1\n"

    @pytest.mark.parametrize("words", [["some.in", "-o", "some.txt"], ["aa", "--check", "-o", "some.txt"]])
    def test_what_is_no_lock_is_not_replaced(self, stocked: Runner, words: list[str]) -> None:
        written(stocked, "aa\n", "some.in")
        written(stocked, self.BY_HAND, "some.txt")
        ended = locked(stocked, *words, code=66)
        assert own_lines(ended) == [
            "error: `some.txt` was not written by pinstall, pip-compile or uv",
            "hint: name another file after `-o`, or replace it with `--force`; nothing was changed",
        ]
        assert (stocked.home / "some.txt").read_text() == self.BY_HAND

    @pytest.mark.slow
    def test_unless_it_is_forced(self, stocked: Runner) -> None:
        written(stocked, self.BY_HAND, "some.txt")
        locked(stocked, "aa", "-o", "some.txt", "--force")
        assert "\naa==1.0 " in (stocked.home / "some.txt").read_text()

    @pytest.mark.parametrize(
        "header",
        [
            "#\n# This file is autogenerated by pip-compile with Python 3.11\n# by the following command:\n#\n",
            "# This file was autogenerated by uv via the following command:\n#    uv pip compile some.in\n",
            "# locked by pinstall for CPython 3.11 on linux x86_64\n",
        ],
    )
    def test_a_lock_of_another_tool_is_taken_over_with_its_pins(self, stocked: Runner, header: str) -> None:
        stocked.index.add(wheel("aa", "0.1"))
        written(stocked, header + self.BY_HAND, "some.txt")
        locked(stocked, "aa", "-o", "some.txt")
        assert "\naa==0.1 \\\n    --hash=" in (stocked.home / "some.txt").read_text()

    @pytest.mark.slow
    def test_a_lock_file_is_known_by_its_version_and_another_toml_is_none(self, stocked: Runner) -> None:
        pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")
        written(stocked, 'x = "lock-version"\n', "pylock.toml")
        locked(stocked, "aa", "-o", "pylock.toml", code=66)
        locked(stocked, "aa", "-o", "pylock.toml", "--force")
        assert "is up to date" in locked(stocked, "aa", "-o", "pylock.toml").stderr
