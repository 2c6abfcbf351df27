"""Run what a page of the documentation tells its reader to do, word for word, in a fresh folder and environment.

A comment before a fenced block says what the block is: `<!-- run -->` commands for bash, `<!-- run: 65 -->` commands of
which the last ends with that code, `<!-- file: NAME -->` the contents of a file, `<!-- append: NAME -->` more of them,
`<!-- illustrative -->` not to be run. In a `console` block lines that begin with `$ ` are commands, the others are what
they have to print, in that order; `...` stands for anything.
"""

from __future__ import annotations

import functools
import importlib.metadata
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.environments import DEPENDENCIES, ROOT
from tests.support.processes import run, sealed
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from tests.support.runner import Runner

DOCS: Final = ROOT / "docs"
_BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<mark>run|file|append|illustrative)(?:: (?P<value>.+?))? -->\n+)?"
    r"^(?P<fence>```+)(?P<language>\S*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page: what is to be done with it, with the name of a file or an exit code."""

    line: int
    mark: str
    value: str
    language: str
    text: str

    def commands(self) -> tuple[str, str, int]:
        """Return what bash runs, what that has to print, and the code that it ends with."""
        code = int(self.value or 0)
        if self.language != "console":
            return self.text, "", code
        said = re.findall(r"^(\$ )?((?:[^\n]*\\\n)*[^\n]*\n)", self.text, re.MULTILINE)
        commands, printed = ("".join(line for prompt, line in said if bool(prompt) is asked) for asked in (True, False))
        return commands, printed, code


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            line=text.count("\n", 0, found.start("fence")) + 1,
            mark=found["mark"] or "",
            value=found["value"] or "",
            language=found["language"],
            text=found["text"],
        )
        for found in _BLOCK.finditer(text)
    ]


def serve(runner: Runner) -> None:
    """Put onto the index what the pages install: small stand-ins by the names of real projects, and pinstall itself."""
    for archive in (
        sdist("docopt", "0.6.1"),
        sdist("docopt", "0.6.2"),
        wheel("idna", "3.10"),
        wheel("requests", "2.32.3", requires=["idna", "urllib3"]),
        wheel("python-dateutil", "2.9.0.post0", requires=["six>=1.5"]),
        wheel("six", "1.16.0"),
        wheel("torch", "1.11.0"),
        wheel("torch", "1.11.0+cu113"),
        wheel("urllib3", "2.2.3"),
        wheel("urllib3", "2.3.0"),
        released(),
        *map(_packed, [name for name in (*DEPENDENCIES, "tomli") if name in _INSTALLED]),
    ):
        runner.index.add(archive)


@functools.cache
def released() -> Archive:
    """Return the wheel of this checkout as a release has it, commands and manual page included."""
    code = "import sys; from flit_core import buildapi; buildapi.build_wheel(sys.argv[1])"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, check=True)
        (built,) = Path(folder).iterdir()
        return Archive(built.name, built.read_bytes())


_INSTALLED: Final = {one.metadata["Name"].lower().replace("_", "-") for one in importlib.metadata.distributions()}


def _packed(name: str) -> Archive:
    """Return a wheel of what is installed beside the tests, as good as its own for the interpreter that runs them."""
    found = importlib.metadata.distribution(name)
    kept = [file for file in found.files or () if file.parts[0] != ".." and not file.parts[0].endswith(".dist-info")]
    files = {file.as_posix(): file.read_binary() for file in kept if file.suffix != ".pyc"}
    return wheel(name, found.version, modules={}, files=files, requires=found.requires or [])


def follow(page: Path, runner: Runner) -> None:
    """Do what a page says, with pinstall and pip on the path and the local index as the one of pip's settings.

    Raises AssertionError with the line of the page at which something else came out.
    """
    _commands(runner)
    binaries = runner.environment.root / "bin"
    variables = {
        **sealed(runner.home),
        "PATH": f"{binaries}:{sealed(runner.home)['PATH']}",
        "PIP_INDEX_URL": runner.index.url,
        "PIP_TRUSTED_HOST": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",  # as on a terminal: what is printed comes in the order in which it is said
        **runner.variables,
    }
    exported = runner.home.parent / "exported"
    exported.touch()
    start = f". {exported}; trap 'export -p > {exported}' EXIT; exec 2>&1"  # one terminal, for the whole page
    for block in blocks(page):
        place = f"{page.relative_to(ROOT)}:{block.line}"
        if block.mark in ("file", "append"):
            file = runner.home / block.value
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w" if block.mark == "file" else "a", encoding="utf-8") as target:
                target.write(block.text)
        if block.mark == "run":
            command, printed, code = block.commands()
            ended = run(["bash", "-e", "-c", f"{start}\n{command}"], env=variables, cwd=runner.home)
            assert ended.returncode == code, f"{place} ended with {ended.returncode}\n{command}{ended.output}"
            assert _alike(printed, ended.output), f"{place} printed\n{ended.output}"


def _alike(expected: str, printed: str) -> bool:
    """Tell whether the expected lines stand in what was printed, in order."""
    lines = iter(printed.splitlines())
    patterns = (".*".join(map(re.escape, line.split("..."))) for line in expected.splitlines() if line != "...")
    return all(any(re.fullmatch(pattern, line) for line in lines) for pattern in patterns)


def _commands(runner: Runner) -> None:
    """Give the environment the commands that an installation of pip and pinstall leaves there."""
    python = runner.environment.python
    for name, module in (("pip", "pip._internal.cli.main"), ("pinstall", "pinstall.cli")):
        script = python.with_name(name)
        script.write_text(f"#!{python}\nimport sys\nfrom {module} import main\nsys.exit(main())\n", encoding="utf-8")
        script.chmod(0o755)
    version = f"python{sys.version_info.major}"
    if not python.with_name(version).exists():
        python.with_name(version).symlink_to("python")
