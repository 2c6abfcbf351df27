"""Set up what is measured: environments, a local index, and a cache of pip that is warm and large."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.benchmarks import sets
from tests.benchmarks.clock import Cost, spend
from tests.support.caches import body_of, http_bodies, http_entry
from tests.support.environments import unpack
from tests.support.pips import NEWEST, pip_wheel
from tests.support.processes import sealed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.index import Index


CACHED: Final = 10_000
"""Entries of pip's HTTP cache."""
_HASHING: Final = """
import hashlib, os, resource, sys, time
workers, paths = int(sys.argv[1]), sys.stdin.read().split("\\0")
start = time.perf_counter()
for number in range(workers):
    if not os.fork():
        for path in paths[number::workers]:
            with open(path, "rb") as file:
                hashlib.sha256(file.read()).digest()
        os._exit(0)
for _ in range(workers):
    os.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, time.perf_counter() - start)
"""
"""Hashing alone, one process for each core: nothing is known of the files but their paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One interpreter's environments below a folder, which is also the home of all that is run."""

    home: Path
    python: Path
    own_wheel: Path
    index: Index

    @property
    def variables(self) -> dict[str, str]:
        """What the commands find in their environment."""
        return sealed(self.home)

    @property
    def options(self) -> list[str]:
        """What makes pip use the local index; over plain http it caches nothing unless the host is trusted."""
        return ["--index-url", self.index.url, "--trusted-host", "127.0.0.1"]

    @property
    def cache(self) -> Path:
        """Pip's cache directory."""
        return self.home / ".cache" / "pip"

    @property
    def stamps(self) -> Path:
        """Where pinstall leaves its stamps."""
        return self.home / ".local" / "state" / "pinstall" / "stamps"

    def environment(self, name: str) -> Path:
        """Make an environment with pip, and return its folder."""
        root = self.home / name
        subprocess.run([self.python, "-m", "venv", "--without-pip", root], check=True)
        site_packages = next(root.glob("lib/python*/site-packages"))
        unpack(pip_wheel(NEWEST), site_packages)
        compiling = [str(root / "bin" / "python"), "-m", "compileall", "-q", str(site_packages)]
        subprocess.run(compiling, check=False, stdout=subprocess.DEVNULL)
        return root

    def add_pinstall(self, root: Path) -> None:
        """Install pinstall, so that the environment's own pip writes its script, with what the machine is set up for.

        Of what it depends on, those versions are taken that the real sets pin.
        """
        known = [line.split(" ")[0] for line in sets.text(sets.REAL).splitlines() if line[:1] != "#"]
        wanted = self.home / "known.txt"
        wanted.write_text("\n".join(known), encoding="utf-8")
        self._prepare(root, "install", "--constraint", wanted, self.own_wheel)

    def fill_index(self, root: Path) -> None:
        """Have the real sets downloaded with what the machine is set up for, and serve them and the tiny wheels."""
        folder = self.home / "wheels"
        files = [part for number in (sets.SMALL, sets.REAL) for part in ("-r", sets.real(number))]
        self._prepare(root, "download", "--no-deps", "--dest", folder, *files)
        for path in folder.iterdir():
            self.index.add((path.name, path.read_bytes()))
        for archive in sets.tiny():
            self.index.add(archive)
        for number in (sets.SMALL, sets.REAL, sets.MANY):
            self.file(number).write_text(sets.text(number), encoding="utf-8")

    @staticmethod
    def _prepare(root: Path, *words: str | Path) -> None:
        command = [str(word) for word in (root / "bin" / "python", "-m", "pip", "--quiet", *words)]
        subprocess.run(command, check=True)

    def file(self, number: int) -> Path:
        """Return where the requirement file of a set lies."""
        return self.home / f"{number}-pins.txt"

    def requirements(self, number: int) -> list[str]:
        """Return the arguments that ask for a set."""
        return [*self.options, "-r", self.file(number).name]

    def spend(self, *argv: str | Path, says: str = "") -> Cost:
        """Run a command in the home, and return what it cost."""
        return spend([str(word) for word in argv], self.variables, self.home, says)

    def pip(self, root: Path, number: int) -> Cost:
        """Run pip for a set."""
        return self.spend(root / "bin" / "python", "-m", "pip", "install", *self.requirements(number))

    def pinstall(self, tool: Path, number: int, *words: str | Path) -> Cost:
        """Run pinstall for a set; each pin has to hold at the end."""
        script = tool / "bin" / "pinstall"
        return self.spend(script, *words, *self.requirements(number), says=f"{number} pins hold")

    def forget_stamps(self) -> None:
        """Remove all stamps."""
        shutil.rmtree(self.stamps, ignore_errors=True)

    def stamped(self) -> dict[str, int]:
        """Return when each stamp was written."""
        return {path.name: path.stat().st_mtime_ns for path in self.stamps.iterdir()}

    def crowd_cache(self) -> None:
        """Fill pip's cache up with copies of an entry, after it has been seen that pip does cache."""
        bodies = len(http_bodies(self.cache))
        if bodies < sets.REAL + sets.MANY:
            message = f"pip has cached {bodies} answers only"
            raise AssertionError(message)
        source = http_entry(self.cache, self.index.file_url(sets.tiny()[0].filename))
        for number in range(CACHED - bodies):
            target = http_entry(self.cache, self.index.file_url(f"other-{number}-py3-none-any.whl"))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            shutil.copyfile(body_of(source), body_of(target))

    def hashing(self, paths: Sequence[Path]) -> Cost:
        """Hash these files with hashlib on all cores, from the page cache; starting Python is not counted."""
        ended = subprocess.run(
            [self.python, "-c", _HASHING, str(os.cpu_count() or 1)],
            input="\0".join(map(str, paths)),
            capture_output=True,
            text=True,
            check=True,
        )
        cpu, wall = map(float, ended.stdout.split())
        return Cost(cpu=cpu, wall=wall)
