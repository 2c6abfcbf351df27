"""The steps of `action.yml`, run as a runner of GitHub does; restoring a cache is GitHub's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pinstall import __version__
from tests.support.caches import http_bodies
from tests.support.environments import ROOT
from tests.support.recipes import serve
from tests.support.wheels import flip

if TYPE_CHECKING:
    from tests.support.processes import Completed
    from tests.support.runner import Runner

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
HOSTILE = '"; touch owned; echo "$(touch owned)`touch owned`'


class Job:
    """One job: its inputs and what earlier steps have put out."""

    def __init__(self, runner: Runner, **inputs: str) -> None:
        defaults = {name: about.get("default", "") for name, about in ACTION["inputs"].items()}
        self.runner = runner
        self.values = {f"inputs.{name}": value for name, value in (defaults | inputs).items()}
        (runner.home / "runner").mkdir(exist_ok=True)

    def step(self, name: str) -> Completed:
        """Run a step with the variables that it would have, and take its outputs."""
        (step,) = (step for step in STEPS if step["name"] == name)
        output = self.runner.home / "output"
        output.write_text("", encoding="utf-8")
        env = {
            key: re.sub(r"\$\{\{ (.+?) \}\}", lambda m: self.values[m[1]], text) for key, text in step["env"].items()
        }
        env |= {"GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(self.runner.home / "runner"), "GITHUB_ACTIONS": "true"}
        env |= {"PIP_INDEX_URL": self.runner.index.url, "PIP_TRUSTED_HOST": "127.0.0.1"}
        file = self.runner.home / "runner" / "step.sh"
        file.write_text(step["run"], encoding="utf-8")
        # what `shell: bash` stands for
        ended = self.runner.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)], env=env)
        for line in output.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            self.values[f"steps.{step['id']}.outputs.{key}"] = value
        return ended


def test_its_version_is_this_one_and_nothing_of_the_job_is_part_of_a_script() -> None:
    assert ACTION["inputs"]["version"]["default"] == __version__
    for step in STEPS:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"[\w/]+@[0-9a-f]{40}", step.get("uses", f"a/b@{'0' * 40}"))
        assert step.get("shell", "bash") == "bash"


@pytest.mark.slow
def test_it_installs_pinstall_checks_the_cache_and_installs_what_is_pinned(runner: Runner) -> None:
    serve(runner)
    (runner.home / "my requirements.txt").write_text("six==1.16.0\n", encoding="utf-8")
    job = Job(runner, python=str(runner.environment.python), args="-r 'my requirements.txt' docopt==0.6.2")
    prepared = job.step("Install pinstall")
    assert prepared.returncode == 0, prepared.output
    assert job.values["steps.prepare.outputs.cache-dir"] == str(runner.cache)
    installed = job.step("Install what is pinned")
    assert installed.returncode == 0, installed.output
    assert runner.environment.freeze() == ["docopt==0.6.2", "six==1.16.0"]
    assert job.step("Check the restored cache").returncode == 0
    for path in http_bodies(runner.cache):
        if path.read_bytes().startswith(b"PK"):
            path.write_bytes(flip(path.read_bytes()))
    checked = job.step("Check the restored cache")
    assert checked.returncode == 0, checked.output
    assert "::warning title=pinstall::" in checked.stdout
    job.values["inputs.args"] = "six"
    assert job.step("Install what is pinned").returncode == 65
    job.values["inputs.args"] = HOSTILE
    assert job.step("Install what is pinned").returncode != 0
    assert not (runner.home / "owned").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("version", value) for value in ("", "latest", ">=1", "1.0 --index-url=http://h.example", HOSTILE)),
        *(("cache", value) for value in ("", "yes", HOSTILE)),
        *(("python", value) for value in ("", "no-such-python", HOSTILE)),
    ],
)
def test_an_input_that_is_wrong_ends_it_before_anything_is_done(runner: Runner, name: str, value: str) -> None:
    ended = Job(runner, **{"python": str(runner.environment.python), name: value}).step("Install pinstall")
    assert ended.returncode == 64, ended.output
    assert f"::error title=pinstall::the input `{name}`" in ended.stdout
    assert not (runner.home / "runner" / "pinstall").exists()
    assert not (runner.home / "owned").exists()
