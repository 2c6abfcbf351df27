"""`pinstall check --pinned`, which is the pre-commit hook: files alone, no network, no environment, no time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import ROOT
from tests.support.processes import run, sealed
from tests.support.runner import beside
from tests.support.values import COMMIT, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Completed

HOOKS = ROOT / ".pre-commit-hooks.yaml"
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.invalid")
PINNED = f"""\
--index-url http://127.0.0.1:9/simple
-c constraints.txt
demo==1.0 --hash={sha256("a")}
extra[more]==1.0 ; python_version < "3"
extra==2.0 ; python_version >= "3"
bound
direct @ https://127.0.0.1:9/direct-1.0.zip#sha256={"b" * 64}
vcs @ git+https://127.0.0.1:9/repo@{COMMIT}
"""


def pinned(home: Path, *files: str) -> Completed:
    return run([*beside(), "check", "--pinned", *files], env=sealed(home), cwd=home)


@pytest.fixture
def folder(home: Path) -> Path:
    (home / "constraints.txt").write_text("bound==1.0\nunused>=1\n")
    (home / "requirements.txt").write_text(PINNED)
    return home


def test_what_is_pinned_is_pinned_for_every_platform(folder: Path) -> None:
    ended = pinned(folder, "requirements.txt")
    assert (ended.returncode, ended.output) == (0, "pinstall: each line is a pin\n")


def test_each_line_that_is_no_pin_is_named_with_what_to_write(folder: Path) -> None:
    (folder / "inner.txt").write_text("inner>=1\n")
    never, branch = "never[x]>=1 ; python_version < '3'", "vcs @ git+https://h.invalid/repo@main"
    (folder / "requirements-dev.txt").write_text(f"-r inner.txt\ndemo==1.*\n{never}\nbound\n{branch}\n???\n")
    ended = pinned(folder, "requirements.txt", "requirements-dev.txt")
    assert ended.returncode == 1
    assert sorted(ended.stdout.splitlines()) == [
        "inner.txt:1: `inner>=1` is not a pin; write `inner==VERSION`",
        "requirements-dev.txt:2: `demo==1.*` is not a pin; write `demo==VERSION`",
        f"requirements-dev.txt:3: `{never}` is not a pin; write `{never.replace('>=1', '==VERSION')}`",
        "requirements-dev.txt:4: `bound` is not a pin; write `bound==VERSION`",
        f"requirements-dev.txt:5: `{branch}` is not a pin; write the full commit id after `@`",
        "requirements-dev.txt:6: invalid requirement `???`: Expected package name at the start of dependency specifier",
    ]
    assert ended.stderr == "pinstall: 6 lines are not pinned; `pinstall lock` writes pins with their hashes\n"


def test_a_lock_is_pinned_unless_it_is_none(folder: Path) -> None:
    pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")
    lock = 'lock-version = "1.0"\ncreated-by = "x"\nenvironments = ["python_version == \'2.7\'"]\npackages = []\n'
    (folder / "pylock.toml").write_text(lock)
    (folder / "pylock.bad.toml").write_text(lock.replace("packages", "package"))
    assert pinned(folder, "pylock.toml").returncode == 0
    ended = pinned(folder, "pylock.toml", "pylock.bad.toml")
    assert (ended.returncode, ended.stdout.count("\n")) == (1, 1)
    assert ended.stdout.startswith("pylock.bad.toml: the lock file is not valid: ")


def test_an_option_is_refused(folder: Path) -> None:
    assert pinned(folder, "-r", "requirements.txt").returncode == 64


def test_a_file_that_is_not_there_is_found(folder: Path) -> None:
    ended = pinned(folder, "nowhere.txt")
    assert (ended.returncode, ended.stderr.splitlines()[0]) == (64, "pinstall: error: there is no file `nowhere.txt`")


def cpu(command: list[str], folder: Path) -> float:
    """Return the CPU seconds of the best of five runs."""
    spent = []
    for _ in range(5):
        before = os.times()
        assert run(command, env=sealed(folder), cwd=folder).returncode == 0
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(spent)


def test_ten_files_take_little_more_than_to_start(folder: Path) -> None:
    names = [f"requirements-{number}.txt" for number in range(10)]
    for name in names:
        many = "".join(f"p{number}==1.0 --hash={sha256('a')}\n" for number in range(40))
        (folder / name).write_text(PINNED + many)
    least = cpu([sys.executable, "-c", "import packaging.requirements"], folder)
    assert cpu([*beside(), "check", "--pinned", *names], folder) < 4 * least


def test_no_environment_is_looked_at_and_nothing_is_connected_to(folder: Path) -> None:
    forbidden = "import sys; sys.addaudithook(lambda name, _: name == 'socket.connect' and sys.exit('connected')); "
    code = f"{forbidden}sys.path.insert(1, {str(ROOT)!r}); sys.argv = ['pinstall', 'check', '--pinned', *sys.argv[1:]]"
    code += "; import atexit, os; os._exit = sys.exit; atexit.register(lambda: print(*sorted(sys.modules)))"
    code += "; from pinstall.cli import main; main()"
    ended = run([sys.executable, "-c", code, "requirements.txt"], env=sealed(folder), cwd=folder)
    assert ended.returncode == 0, ended.output
    dear = {"requests", "pinstall.environment.distributions", "pinstall.verdicts.evidence"}
    assert "pinstall.commands.pinned" in ended.stdout
    assert dear & set(ended.stdout.split()) == set()


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("requirements.txt", True),
        ("sub/requirements-dev.txt", True),
        ("pylock.toml", True),
        ("sub/pylock.some.toml", True),
        ("requirements.in", False),
        ("myrequirements.txt", False),
        ("requirements/folder/readme.md", False),
    ],
)
def test_the_hook_takes_these_files(path: str, matches: bool) -> None:
    (pattern,) = re.findall(r"^  files: (.+)$", HOOKS.read_text(encoding="utf-8"), re.MULTILINE)
    assert (re.search(pattern, path) is not None) is matches


@pytest.mark.network
@pytest.mark.skipif(shutil.which("pre-commit") is None, reason="pre-commit is not installed")
def test_pre_commit_itself_runs_the_hook(folder: Path, tmp_path: Path) -> None:
    """The hook's repository is a copy of this checkout; pre-commit installs it, with its dependencies."""
    repository = tmp_path / "repository"
    ignored = shutil.ignore_patterns(".git", "__pycache__", ".nox", ".*_cache", "_build")
    shutil.copytree(ROOT, repository, ignore=ignored)
    for place in (repository, folder):
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
            subprocess.run([*GIT, *words], cwd=place, check=True)
    (folder / "requirements.txt").write_text("demo>=1\n")
    environ = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["pre-commit", "try-repo", str(repository), "pinstall-pinned", "--all-files"]
    ended = subprocess.run(command, cwd=folder, env=environ, check=False, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "requirements.txt:1: `demo>=1` is not a pin; write `demo==VERSION`" in ended.stdout
