"""Set the scene of a functional test without starting pip, and see afterwards what was really done."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.environment.distributions import Environment as Installed
from pinstall.environment.file_list import FileList
from pinstall.environment.ledger import Ledger, Row
from tests.support.caches import snapshot, wheel_entry
from tests.support.documents import validated
from tests.support.environments import unpack
from tests.support.pips import CHOSEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.environments import Environment
    from tests.support.processes import Completed
    from tests.support.runner import Runner
    from tests.support.wheels import Archive

RELEASE: Final = Version(CHOSEN).release
"""The pip release under test."""
BUILDS_AGAIN: Final = RELEASE < (23, 1)
"""Older pips pass over their own wheel cache where hashes are demanded or wheels are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a run of pinstall ended, and its JSON report."""

    ended: Completed
    document: dict[str, Any]

    @property
    def purposes(self) -> list[str]:
        """Why each pip command was run, in order; empty where no pip was started."""
        return [command["purpose"] for command in self.document["commands"]]

    def arguments(self, purpose: str) -> list[str]:
        """Return the arguments of the one command with this purpose."""
        (found,) = [command["arguments"] for command in self.document["commands"] if command["purpose"] == purpose]
        return list(found)

    @property
    def evicted(self) -> dict[str, bool]:
        """What left pip's cache, as `name version`, and whether that was for a contradiction."""
        return {f"{one['name']} {one['version']}": one["contradiction"] for one in self.document["evictions"]}

    @property
    def states(self) -> dict[str, str]:
        """How each pin stands at the end, by name."""
        return {pin["name"]: pin["state"] for pin in self.document["pins"]}


def pinstall(runner: Runner, *args: str | Path, **options: Any) -> Told:
    """Run pinstall with a JSON report, and return both."""
    file = runner.home / "pinstall-report.json"
    file.unlink(missing_ok=True)
    ended = runner.pinstall("install", *args, "--pin", f"report={file}", **options)
    if not file.exists():
        message = f"pinstall ended with {ended.returncode} and wrote no report\n{ended.output}"
        raise AssertionError(message)
    return Told(ended=ended, document=validated(json.loads(file.read_text(encoding="utf-8"))))


# What the last line of a run says of changes and time, which `tests/functional/test_endings.py` holds.
_CHANGED = re.compile(r"( \([^()]*(installed|repaired|already there)\))? in [\d.]+ s(?=;|$)")


def own_lines(ended: Completed) -> list[str]:
    """Return what pinstall itself said on standard error, without its name, and without changes and time at the end."""
    lines = [line.removeprefix("pinstall: ") for line in ended.stderr.splitlines() if line.startswith("pinstall: ")]
    return [_CHANGED.sub("", line) for line in lines]


def place(environment: Environment, *archives: Archive) -> None:
    """Install wheels as pip does from an index, without pip."""
    for archive in archives:
        unpack(archive.write(environment.root / "placed"), environment.site_packages)


def proven(environment: Environment, *archives: Archive) -> None:
    """Install wheels as a run of pinstall does that proved what they are."""
    place(environment, *archives)
    rows = {}
    for archive in archives:
        name, version = requirement(archive).split("==")
        found = Installed([str(environment.site_packages)]).find(canonicalize_name(name))
        assert found is not None
        hashes = frozenset((f"sha256:{archive.sha256}",))
        rows[found.identity.name] = Row(version=version, hashes=hashes, url="", record=FileList(found).digest())
    Ledger(str(environment.site_packages), os.devnull).write(rows, print)


def entry(runner: Runner, source: Archive, *, direct: bool = False) -> Path:
    """Return where pip keeps what it builds from an sdist of the index, or behind a direct URL with its digest."""
    python = runner.environment.site_packages.parent.name.removeprefix("python")
    url = runner.index.file_url(source.filename)
    # pip 22.2 and 22.3 take no digest from JSON pages
    digest = None if RELEASE[:2] in {(22, 2), (22, 3)} and not direct else source.sha256
    return wheel_entry(runner.cache, url, python=python, sha256=digest)


def cached(runner: Runner, source: Archive, built: Archive, *, direct: bool = False) -> Path:
    """Put a wheel where pip keeps what it built from this sdist of the index, with its `origin.json`."""
    folder = entry(runner, source, direct=direct)
    path = built.write(folder)
    archive = {"hash": f"sha256={source.sha256}", "hashes": {"sha256": source.sha256}}
    origin = {"archive_info": archive, "url": runner.index.file_url(source.filename)}
    (folder / "origin.json").write_text(json.dumps(origin), encoding="utf-8")
    return path


def in_place(cache: Path, before: dict[str, str]) -> bool:
    """Tell whether each entry of before is still there, built wheels unchanged; a page may be newer."""
    now = snapshot(cache)
    return all(path in now and (now[path] == digest or path.startswith("http")) for path, digest in before.items())


def shelved(cache: Path) -> list[str]:
    """Return the file names of the wheels on the shelf."""
    return sorted(path.name.partition("-")[2] for path in cache.glob("pinstall/shelf/*/*.whl"))


def pinned(*archives: Archive) -> str:
    """Return the lines of a requirement file that pin each artifact by version and hash."""
    return "".join(f"{requirement(archive)} --hash=sha256:{archive.sha256}\n" for archive in archives)


def requirement(archive: Archive) -> str:
    """Return `name==version` of an artifact."""
    wheel = archive.filename.endswith(".whl")
    stem = archive.filename if wheel else archive.filename.removesuffix(".tar.gz")
    name, version = stem.split("-")[:2]
    return f"{name}=={version}"


def written(runner: Runner, text: str, name: str = "requirements.txt") -> Path:
    """Write a file into the working directory of the children, and return its relative path."""
    path = runner.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path.relative_to(runner.home)


def files(folder: Path) -> dict[str, str]:
    """Return the digest of each file below a folder by its path, byte code left out."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def installed(environment: Environment) -> dict[str, str]:
    """Return the digest of each installed file, pip's own and pinstall's notes left out."""
    found = files(environment.site_packages)
    return {path: digest for path, digest in found.items() if not path.startswith(("pip/", ".pinstall/"))}


def untouched(environment: Environment, *mine: str) -> dict[str, tuple[int, int]]:
    """Return inode and time of each installed file that does not start with one of these."""
    found = {}
    for path in environment.site_packages.rglob("*"):
        name = path.relative_to(environment.site_packages).as_posix()
        if (
            path.is_file()
            and "__pycache__" not in name
            and not name.startswith((*mine, "__editable__", "~", ".pinstall", "pip/"))
        ):
            found[name] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return found


def lame(environment: Environment) -> None:
    """Make it impossible to start the environment's pip, so that a run which ends well has started none."""
    # an unlinked hard link changes no other environment
    (environment.site_packages / "pip" / "__main__.py").unlink()
