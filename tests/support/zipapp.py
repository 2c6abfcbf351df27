"""Pack pinstall and installed dependencies into one file that a Python runs: `nox -s zipapp` and the tests share it."""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
SHEBANG: Final = b"#!/usr/bin/env python3\n"

MAIN: Final = b"""\
import sys

if sys.version_info < (3, 10):
    sys.stderr.write("pinstall: error: Python 3.10 or newer is needed, this is %d.%d\\n" % sys.version_info[:2])
    sys.exit(65)

from pinstall.cli import main

main()
"""
"""Older Pythons have to understand it: pinstall's own modules are syntax errors to them."""

_SUFFIXES: Final = (".py", ".pem")
"""Modules and certificates; compiled extensions stay out, each of the modules here exists in pure Python."""
_DOCUMENTS: Final = ("METADATA", "LICENSE", "LICENCE", "COPYING", "NOTICE")
_PLAIN_FILE: Final = 0o100644 << 16
_UNIX: Final = 3


def write(target: Path, distributions: Iterable[importlib.metadata.Distribution]) -> Path:
    """Write the zipapp; the same files make the same bytes, whenever and wherever they were installed."""
    members = {"__main__.py": MAIN, "LICENSE": (ROOT / "LICENSE").read_bytes(), **_own()}
    for distribution in distributions:
        members.update(_members(distribution))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(SHEBANG)
        with zipfile.ZipFile(file, "w") as archive:
            _add(archive, members)
    target.chmod(0o755)
    return target


def _own() -> dict[str, bytes]:
    sources = (ROOT / "pinstall").rglob("*.py")
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sources}


def _members(distribution: importlib.metadata.Distribution) -> dict[str, bytes]:
    """Return modules, data and licences of a distribution; its RECORD and the like tell of one installation only."""
    members = {}
    for file in distribution.files or ():
        name = file.as_posix()
        documents = file.parts[0].endswith(".dist-info") and file.name.startswith(_DOCUMENTS)
        if documents or (file.parts[0] not in ("..", "bin") and file.suffix in _SUFFIXES):
            members[name] = Path(str(distribution.locate_file(file))).read_bytes()
    return members


def _add(archive: zipfile.ZipFile, members: Mapping[str, bytes]) -> None:
    for name in sorted(members):
        member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        member.create_system = _UNIX
        member.external_attr = _PLAIN_FILE
        archive.writestr(member, members[name], zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    folder, wanted = sys.argv[1:]
    print(write(Path(wanted), importlib.metadata.distributions(path=[folder])))
