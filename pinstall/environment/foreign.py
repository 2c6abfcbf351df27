"""Find files that no installer lists: code that Python runs when it starts, and modules among those of packages.

May not: know what is asked, write.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from packaging.utils import NormalizedName

from pinstall.environment.file_list import FileList
from pinstall.files import list_names, read
from pinstall.model.inputs import Interpreter
from pinstall.model.pins import Distribution, Identity

_HOOKS = (".pth", ".start")
_MODULES = ("sitecustomize", "usercustomize")
_SHIM = (
    rb"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, '(local|stdlib)'\) == 'local'; "
)
# Harmless lines of files that no RECORD lists, with the reason for each.
_KNOWN = (
    rb"import _virtualenv",  # virtualenv and uv: the configuration of distutils moves no installation
    _SHIM + rb"enabled and __import__\('_distutils_hack'\)(\.add_shim\(\))?;? ?",  # setuptools of Fedora has no RECORD
)
# Folders of which nothing can change: the `sitecustomize` of Nix is in one.
_STORES = ("/nix/store/", "/gnu/store/")
# Names in a project's folder on PYTHONPATH that careless wheels have at their top too.
_COMMON = frozenset({"conftest", "docs", "examples", "scripts", "setup", "test", "tests", "tools"})
# Packages that write modules into their own folder when they are used.
_GENERATED = ("comtypes/gen", "win32com/gen_py")


def list_hooks(folder: str) -> list[str]:
    """Return the paths, below a folder of the import path, of all that Python may run when it starts."""
    names = list_names(folder)
    inside = (f"{name}/{one}" for name in _MODULES if name in names for one in list_names(os.path.join(folder, name)))
    modules = (name for name in names if name.partition(".")[0] in _MODULES and _is_module(name))
    hooks = (name for name in names if name.endswith(_HOOKS))
    return [*hooks, *modules, *(one for one in inside if "/__init__." in one)]


def _is_module(name: str) -> bool:
    return re.fullmatch(r"[^\W\d]\w*\.(pyc?|([\w-]+\.)?(so|pyd))", name) is not None


def _runs(place: str) -> bool:
    """Check whether Python runs code of this file: of a `.pth`, of a `.start` (PEP 829), or a module."""
    lines = (read(place) or b"").removeprefix(b"\xef\xbb\xbf").splitlines()
    if place.endswith(".start"):
        return any(line.strip() and not line.startswith(b"#") for line in lines)
    code = (line for line in lines if line.startswith((b"import ", b"import\t")))
    return not place.endswith(".pth") or not all(any(re.fullmatch(known, line) for known in _KNOWN) for line in code)


class Foreign:
    """Files of the import path that no installer lists: in a RECORD, in pip's list of an egg, for conda or dpkg."""

    def __init__(self, target: Interpreter, metadata: Mapping[str, NormalizedName]) -> None:
        """Take the dist-infos and egg-infos of the target, by path."""
        self._target, self._metadata = target, metadata
        own = {os.path.realpath(path) for path in (target.stdlib, os.path.join(target.stdlib, "lib-dynload"))}
        self._folders = [one for one in dict.fromkeys(map(os.path.realpath, target.paths)) if one not in own]

    @cached_property
    def _listed(self) -> frozenset[str]:
        """Return each place that is listed, with the folders above, also for what another copy hides."""
        found: set[str] = set()
        for path, name in self._metadata.items():
            folder, entry = os.path.split(path)
            location = os.path.realpath(folder)
            own = Distribution(identity=Identity(name=name), text="", location=location, path=f"{location}/{entry}")
            for place in FileList(own).places:
                above = place
                while above not in found:
                    found.add(above)
                    above = os.path.dirname(above)
        return frozenset(found)

    def _is_listed(self, place: str) -> bool:
        """Check whether an installer lists a file, or files of a folder; the nearest and cheapest lists come first."""
        folder, name = os.path.split(place)
        near = (one for one in self._metadata if os.path.realpath(os.path.dirname(one)) == folder)
        records = (b"\n" + (read(f"{one}/RECORD") or b"") for one in near)
        if any(f"\n{name},".encode() in record for record in records) or place in self._listed:
            return True
        prefix = os.path.realpath(self._target.base_prefix)
        lists = [(f"{prefix}/conda-meta", f'"{os.path.relpath(place, prefix)}')]
        lists += [("/var/lib/dpkg/info", f"\n{place}")] if place.startswith("/usr/lib/") else []
        return any(
            re.search(re.escape(os.fsencode(text)) + rb'["\n/]', read(f"{where}/{one}") or b"")
            for where, text in lists
            for one in list_names(where)
            if one.endswith((".json", ".list"))
        )

    def _show(self, place: str) -> str:
        return place.removeprefix(os.path.join(os.path.realpath(self._target.prefix), ""))

    @cached_property
    def hooks(self) -> tuple[str, ...]:
        """Return what Python runs when it starts; `.pth` files count only in folders for packages."""
        found = ((folder, path) for folder in self._folders for path in list_hooks(folder))
        places = (os.path.join(*one) for one in found if one[0].endswith("-packages") or not one[1].endswith(_HOOKS))
        running = (place for place in places if _runs(place) and not place.startswith(_STORES))
        return tuple(self._show(place) for place in running if not self._is_listed(place))

    def find_unowned(self, lists: Iterable[FileList]) -> Iterator[tuple[str, Distribution]]:
        """Yield each module, and folder of modules, that Python may import as part of the distributions.

        That is what lies in their packages, and what has their names there or in folders that are searched before.
        """
        for files in (one for one in lists if one.is_held):
            root = os.path.realpath(files.distribution.location)
            paths = [path for path, _, _ in files.rows if _is_module(path.rpartition("/")[2])]
            tops = {path.partition("/")[0].partition(".")[0] for path in paths}
            heads = {path.rpartition("/")[0] for path, _, _ in files.rows if path.partition("/")[0] in tops}
            inside = {head[:at] for head in heads for at in range(1, len(head) + 1) if head[at : at + 1] in ("", "/")}
            found = [(f"{root}/{head}", name) for head in inside for name in list_names(f"{root}/{head}")]
            for folder in self._folders[: self._folders.index(root) + 1] if root in self._folders else ():
                wanted = tops if folder.endswith("-packages") else tops - _COMMON
                found += [(folder, name) for name in list_names(folder) if name.partition(".")[0] in wanted]
            for folder, name in sorted(found):
                if self._is_unowned(folder, name):
                    yield self._show(os.path.join(folder, name)), files.distribution

    def _is_unowned(self, folder: str, name: str) -> bool:
        place, first = os.path.join(folder, name), "__init__." if folder in self._folders else ""
        is_word = name.partition(".")[0].isidentifier() and name != "__pycache__"
        if place in self._listed or folder.endswith(_GENERATED) or not is_word:
            return False
        # a package with `__init__` is imported before a folder without
        imported = _is_module(name) or any(_is_module(one) and one.startswith(first) for one in list_names(place))
        is_bytecode = name.endswith(".pyc") and os.path.exists(place[:-1])
        return imported and not is_bytecode and not self._is_listed(place)
