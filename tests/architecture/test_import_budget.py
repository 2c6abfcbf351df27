"""A run in which everything holds imports next to nothing, so that it takes hardly longer than an interpreter does."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import ROOT
from tests.support.scenes import place
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

START = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
PACKAGING = "import packaging.requirements, packaging.specifiers, packaging.utils\n"
"""It drags in `subprocess`, by `packaging.tags`: what comes with it is no part of our budget."""
PINSTALL = """\
import os
from pinstall import cli
os._exit = sys.exit
sys.argv = ["pinstall", *sys.argv[1:]]
try:
    cli.main()
except SystemExit as ended:
    assert ended.code == 0, ended.code
"""
TELL = "print(*sorted(sys.modules))\n"

ALLOWED = {"gc", "hashlib", "json", "packaging", "pinstall"}
"""The ledger is JSON, and a RECORD is known by its digest."""
DEAR = {
    *(
        "certifi",
        "email",
        "http",
        "importlib.metadata",
        "requests",
        "resolvelib",
        "shutil",
        "ssl",
        "tempfile",
        "tomllib",
    ),
    *("configparser", "pip", "shlex", "socket", "urllib.request", "urllib3", "zipfile"),
    *(
        f"pinstall.cache.{one}"
        for one in ("abi", "builds", "build_records", "cache", "downloads", "http", "inventory", "shelf", "wheels")
    ),
    *(
        "pinstall.index.client",
        "pinstall.index.offers",
        "pinstall.pip",
        "pinstall.commands.lock",
        "pinstall.commands.install.act",
    ),
    *("pinstall.commands.check", "pinstall.commands.install.runs", "pinstall.commands.install.rebuild"),
    *(f"pinstall.commands.{one}" for one in ("cache", "pinned", "why")),
    *(f"pinstall.commands.install.{one}" for one in ("advise", "clear", "command")),
    "pinstall.index",
    *("pinstall.environment.contents", "pinstall.environment.probe"),
}
"""What a run that starts pip, or fetches or unpacks anything, may cost."""


def modules(runner: Runner, python: str, code: str, *words: str) -> set[str]:
    """Return what is imported beside what the bare interpreter imports."""
    bare, ended = (
        runner.run([python, "-c", f"{START}{part}{TELL}", *words], check=True) for part in ("", PACKAGING + code)
    )
    assert "sys" in ended.stdout.split()
    return set(ended.stdout.split()) - set(bare.stdout.split())


def over_budget(runner: Runner, python: str, *words: str) -> set[str]:
    """Return what a satisfied run imports that it need not."""
    before = modules(runner, python, "")
    added = modules(runner, python, PINSTALL, *words) - before
    public = {name for name in added if not name.startswith("_")}
    dear = {name for name in added if any(f"{name}.".startswith(f"{one}.") for one in DEAR)}
    return dear | {name for name in public if name.partition(".")[0] not in ALLOWED}


def test_in_its_own_environment(inside: Runner) -> None:
    place(inside.environment, wheel("aa", "1.0", requires=["bb>=1"]), wheel("bb", "1.0"))
    file = inside.home / "requirements.txt"
    file.write_text("aa==1.0\nbb[x]==1.0 ; python_version >= '3'\n", encoding="utf-8")
    assert over_budget(inside, str(inside.environment.python), "-r", str(file)) == set()


def test_for_another_interpreter_that_is_known(runner: Runner) -> None:
    place(runner.environment, wheel("aa", "1.0"))
    words = ("--python", str(runner.environment.python), "aa==1.0")
    modules(runner, sys.executable, PINSTALL, *words)  # the first run asks it what it is, and remembers
    assert over_budget(runner, sys.executable, *words) == set()


def test_the_budget_is_measured(runner: Runner) -> None:
    found = modules(runner, sys.executable, "import zipfile, pinstall.commands.install.act\n")
    assert {"zipfile", "pinstall.commands.install.act", "subprocess"} <= found


@pytest.mark.parametrize("module", ["shlex", "packaging.requirements", "packaging.markers", "urllib.request"])
def test_plain_pins_import_nothing_dear(module: str) -> None:
    program = (
        "import sys; from pinstall.request.requirements import read;"
        f"read(b'demo==1.0 --hash=sha256:{'a' * 64}', file='', constraint=False, environ={{}});"
        f"sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
