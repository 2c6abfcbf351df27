"""Make virtual environments with a chosen pip in a fraction of a second."""

from __future__ import annotations

import ast
import csv
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.pips import pip_wheel
from tests.support.processes import Completed, run
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
DEPENDENCIES: Final = ("packaging", "resolvelib", "requests", "urllib3", "certifi", "idna", "charset-normalizer")
OWN: Final = frozenset({"pip", "pip-pinstall", "tomli", *DEPENDENCIES})
"""What a template brings along and `freeze` therefore leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment; `inside` says that pinstall and its dependencies are installed in it."""

    root: Path
    variables: Mapping[str, str]
    inside: bool = False

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where its distributions lie."""
        return next(self.root.glob("lib/py*/site-packages"))  # `pypy3.9` too

    def pip(self, *args: str, env: Mapping[str, str] | None = None, check: bool = True) -> Completed:
        """Run its pip with exactly these arguments."""
        argv = [str(self.python), "-m", "pip", *args]
        return run(argv, env={**self.variables, **(env or {})}, cwd=self.root, check=check)

    def run(self, code: str) -> str:
        """Run code in its interpreter and return what that prints."""
        return run([str(self.python), "-c", code], env=self.variables, cwd=self.root, check=True).stdout.strip()

    def module(self, name: str, attribute: str = "__version__") -> str:
        """Return what really is importable: an attribute of a module, as text."""
        return self.run(f"import {name}; print({name}.{attribute})")

    def freeze(self) -> list[str]:
        """Return `name==version` of what tests installed, sorted."""
        found = importlib.metadata.distributions(path=[str(self.site_packages)])
        named = [(one.metadata["Name"], one.version) for one in found]
        return sorted(f"{name}=={version}" for name, version in named if name not in OWN)


def copy(template: Path, root: Path) -> Path:
    """Copy a template in about a tenth of a second.

    Packages are hard links, as pip replaces files and never writes into them; do not edit *those* in place.
    """

    def linked(source: str, target: str) -> None:
        if "/site-packages/" in source and ".dist-info/" not in source:
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    shutil.copytree(template, root, symlinks=True, copy_function=linked)
    return root


def template(folder: Path, python: Path, pip_version: str, *, inside: bool = False) -> Path:
    """Return the template for this interpreter and pip, made at the first call; safe among parallel workers."""
    target = folder / f"{re.sub(r'[^a-z0-9.]+', '_', str(python))}-{pip_version}{'-inside' * inside}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as partial:
            made = Path(partial, "venv")
            _make(made, python, pip_version, inside=inside)
            try:
                made.rename(target)
            except OSError:  # another worker was faster, and its template is as good
                if not target.exists():
                    raise
    return target


def _make(root: Path, python: Path, pip_version: str, *, inside: bool) -> None:
    subprocess.run([python, "-m", "venv", "--without-pip", root], check=True)
    site_packages = next(root.glob("lib/python*/site-packages"))
    unpack(pip_wheel(pip_version), site_packages)
    if inside:
        for name in (*DEPENDENCIES, *(["tomli"] if sys.version_info < (3, 11) else [])):
            _transplant(name, site_packages)
        unpack(own_wheel().write(root), site_packages)
    compiled = [str(root / "bin" / "python"), "-m", "compileall", "-q", "-j", "2", str(site_packages)]
    # pip carries files for other Pythons that this one need not understand.
    subprocess.run(compiled, check=False, stdout=subprocess.DEVNULL)


def unpack(path: Path, site_packages: Path) -> None:
    """Install a pure wheel without scripts the way pip does, down to INSTALLER and RECORD."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(site_packages)
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    folder = record.rpartition("/")[0]
    (site_packages / folder / "INSTALLER").write_text("pip\n", encoding="utf-8")
    (site_packages / folder / "REQUESTED").touch()
    with (site_packages / record).open("a", encoding="utf-8") as lines:
        lines.write(f"{folder}/INSTALLER,,\n{folder}/REQUESTED,,\n")


def own_wheel() -> Archive:
    """Return a wheel of the pinstall of this checkout."""
    sources = [path for path in (ROOT / "pinstall").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    first = (ROOT / "pinstall" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'__version__[^=]*= *"([^"]+)"', first)
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sources}
    # the floors count: a pin below them is refused in the environment that pinstall lives in
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = (\[.*?^\])", text, re.MULTILINE | re.DOTALL)
    requires = ast.literal_eval(listed[1]) if listed else []
    return wheel("pip-pinstall", version[1] if version else "0", modules={}, files=files, requires=requires)


def _transplant(name: str, site_packages: Path) -> None:
    """Copy an installed distribution of the running interpreter, leaving out its scripts."""
    source = importlib.metadata.distribution(name)
    for file in source.files or ():
        if file.parts[0] != ".." and not file.is_absolute() and file.suffix != ".pyc":
            target = site_packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(source.locate_file(file)), target)
            if file.name == "RECORD":
                _without_scripts(target)


def _without_scripts(record: Path) -> None:
    with record.open(encoding="utf-8", newline="") as lines:
        kept = [row for row in csv.reader(lines) if not row[0].startswith("..")]
    with record.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows(kept)
