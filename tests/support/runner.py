"""Run pinstall and pip against one environment, one index and one cache."""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.support import secrets
from tests.support.environments import ROOT, Environment
from tests.support.processes import Completed, run, sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.index import Index

COMMANDS: Final = frozenset({"install", "check", "why", "lock", "cache", "undo", "help"})
WITHOUT_INDEX: Final = frozenset({"cache", "undo", "help", "--version", "--help", "-V", "-h"})
WITHOUT_TARGET: Final = frozenset({"help", "--version", "--help", "-V", "-h"})
PIP_WITH_INDEX: Final = frozenset({"install", "download", "wheel", "lock", "index"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs commands in a child environment that is built from nothing; `home` is also where they run."""

    environment: Environment
    home: Path
    index: Index
    variables: dict[str, str] = field(default_factory=dict)
    """More variables for every command."""

    @property
    def cache(self) -> Path:
        """Pip's cache directory: the default one, found by XDG_CACHE_HOME."""
        return self.home / ".cache" / "pip"

    @property
    def index_options(self) -> list[str]:
        """What makes pip use the local index; over plain http it caches nothing unless the host is trusted."""
        url = self.index.url_with_credentials if self.index.credentials else self.index.url
        return ["--index-url", url, "--trusted-host", "127.0.0.1"]

    def pinstall(
        self,
        *args: str | Path,
        python: Path | None = None,
        target: bool = True,
        index: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        input: str | None = None,  # noqa: A002 - subprocess's own name
    ) -> Completed:
        """Run pinstall, in `environment` itself when that has it inside, else beside it with `--python`.

        Index options and `--python` stand before the arguments, behind a command word; `index=False` and
        `target=False` leave them out, `python` names another target than the environment.
        """
        words = [str(arg) for arg in args]
        first = words[0] if words else "install"
        added = [] if first in WITHOUT_INDEX or not index else self.index_options
        inside = self.environment.inside and python is None
        if target and not inside and first not in WITHOUT_TARGET:
            added = ["--python", str(python or self.environment.python), *added]
        at = 1 if first in COMMANDS and words else 0
        # `cache list` has two command words.
        at += first == "cache" and len(words) > 1 and not words[1].startswith("-")
        start = [str(self.environment.python), "-m", "pinstall"] if inside else beside()
        ended = self.run([*start, *words[:at], *added, *words[at:]], env=env, cwd=cwd, input=input)
        places = (
            self.home / ".local" / "state" / "pinstall",
            self.home / "pinstall-report.json",
            self.cache / "pinstall",
            self.environment.site_packages / ".pinstall",
        )
        told = secrets.told(ended, places, (self.index.credentials or ())[1:])
        assert not told, told
        return ended

    def pip(
        self,
        *args: str | Path,
        index: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
    ) -> Completed:
        """Run the environment's own pip with the same index and cache."""
        words = [str(arg) for arg in args]
        added = self.index_options if index and words[0] in PIP_WITH_INDEX else []
        argv = [str(self.environment.python), "-m", "pip", words[0], *added, *words[1:]]
        return self.run(argv, env=env, cwd=cwd, check=check)

    def run(
        self,
        argv: list[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        input: str | None = None,  # noqa: A002 - subprocess's own name
        check: bool = False,
    ) -> Completed:
        """Run any command in the child environment, in `home` unless told otherwise."""
        variables = {**sealed(self.home), **secrets.variables(self.home), **self.variables, **(env or {})}
        return run(argv, env=variables, cwd=cwd or self.home, input=input, check=check)


def beside() -> list[str]:
    """Return how the running interpreter starts the pinstall of this checkout, installed or not."""
    try:
        importlib.metadata.distribution("pip-pinstall")
    except importlib.metadata.PackageNotFoundError:
        # Not by PYTHONPATH: the environment's pip would inherit it.
        path = f"import runpy, sys; sys.path.insert(1, {str(ROOT)!r})"
        code = f"{path}; runpy.run_module('pinstall', None, '__main__', True)"
        return [sys.executable, "-c", code]
    return [sys.executable, "-m", "pinstall"]
