"""Look into a built wheel for what its extension modules need of this machine, and say what is missing.

May not: load or run a library, report a library that a loader could find where this module cannot.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from pinstall.formats import archives

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile


_Item = TypeVar("_Item")

# Bytes of a member; extension modules are smaller, and a bomb is larger.
_LARGEST = 512 << 20
# Sections, tags or versions; libraries have fewer, and a hostile count or a circle has more.
_MANY = 10_000
# Characters of a name or run path.
_LONGEST = 4096
# Not `libfoo.so.5.debug`, whose dynamic section is a hole.
_ELF = re.compile(r"\.so(\.\d\w*)*$|^[^/]+\.data/scripts/[^/]+$")
# A version, which system sonames have (`libpq.so.5`, `libdb-5.3.so`) and sonames inside packages rarely have.
_SYSTEM = re.compile(r"\.so\.|-\d+\.\d+")
_MAGIC = b"glibc-ld.so.cache1.1"
# The linker only warns where a version with this flag is missing.
_VER_FLG_WEAK = 2


def missing(wheel: str, search: Sequence[str] = ()) -> str | None:
    """Return what a wheel's ELF files need and this machine lacks, in words that follow `it `; none without proof.

    `search` are the site-packages folders of the target. Missing is a `DT_NEEDED` without a file in the wheel, below
    `search` (as torch loads them), or where `ld.so(8)` looks, or a symbol version that none of these files defines. An
    extension module for another machine counts only when the wheel's platform tag names this machine. A missing soname
    without a version (`libtorch.so`) proves nothing, as a package that is not installed yet may load it.

    Not seen are: a good library shadowed by a bad one, symbols without versions, the needs of the found libraries, and
    the environment of a later run. A wheel that imports is reported if it lacks a versioned library only in an optional
    part, or until a package is installed or `LD_PRELOAD` is set. Needs glibc and pyelftools (extra `abi`).
    """
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()):
        return None
    with contextlib.suppress(Exception):  # no pyelftools, not a zip, no /proc, an unknown cache: nothing is proven
        members = dict(_members(wheel))
        return _finding(os.path.basename(wheel), members, _Machine(members, search)) if members else None
    return None


class _Object(NamedTuple):
    """The part of one ELF file that the dynamic linker reads.

    `needs` has sonames with a symbol version, or with an empty one for the library itself. `defined` are such versions.
    """

    machine: str
    soname: str
    needs: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    defined: frozenset[str]


class _Machine:
    """All files that could be the library of a soname: too many rather than too few."""

    def __init__(self, members: Mapping[str, _Object | None], search: Sequence[str]) -> None:
        with open("/proc/self/exe", "rb") as interpreter:
            self.name = _read(interpreter).machine
        self._members = members
        self._search = search
        self._look = functools.cache(_look)
        self._cached = read_linker_cache()
        self._folders = tuple(dict.fromkeys(self._list_folders()))

    def has(self, soname: str, version: str = "") -> bool:
        """Check whether a library of the soname may exist, and may define the symbol version."""
        return any(
            found is None
            or (found.machine == self.name and (not version or not found.defined or version in found.defined))
            for found in self._candidates(soname)
        )

    def _candidates(self, soname: str) -> Iterator[_Object | None]:
        """Yield each file of that soname, cheap finds first; `None` for a file that cannot be read."""
        below = (os.path.join(folder, soname) for folder in self._folders)
        yield from map(self._look, filter(os.path.isfile, (*self._cached.get(soname, ()), *below)))
        file = os.path.basename(soname)
        for name, member in self._members.items():
            if os.path.basename(name) == file or (member is not None and member.soname == soname):
                yield member
        yield from map(self._look, self._installed.get(file, ()))

    @functools.cached_property
    def _installed(self) -> dict[str, list[str]]:
        """The libraries inside installed packages by file name; searched last, as it is slow."""
        paths: dict[str, list[str]] = {}
        walked = itertools.chain.from_iterable(map(os.walk, self._search))
        for folder, file in ((folder, file) for folder, _, files in walked for file in files if ".so" in file):
            paths.setdefault(file, []).append(os.path.join(folder, file))
        return paths

    def _list_folders(self) -> Iterator[str]:
        """Yield where the linker looks, where interpreters may have loaded libraries before, and all run paths."""
        yield from filter(None, re.split("[:;]", os.environ.get("LD_LIBRARY_PATH", "")))
        architecture = getattr(sys.implementation, "_multiarch", "")
        for folder in ("/lib", "/usr/lib", "/lib64", "/usr/lib64", os.path.join(sys.base_prefix, "lib")):
            yield from (folder, os.path.join(folder, architecture))
        for path in ("/proc/self/exe", *(os.path.join(folder, "../../../bin/python") for folder in self._search)):
            executable = os.path.realpath(path)
            interpreter, folder = self._look(executable), os.path.dirname(executable)
            yield from (os.path.join(os.path.dirname(folder), name) for name in ("lib", "lib64"))
            yield from (_expanded(each, folder) for each in (interpreter.folders if interpreter else ()))
        for name, member in self._members.items():
            for path in member.folders if member is not None else ():
                yield from (_expanded(path, os.path.join(top, os.path.dirname(name))) for top in self._search or ("",))


def _look(path: str) -> _Object | None:
    with contextlib.suppress(Exception), open(path, "rb") as file:  # hostile bytes raise nearly anything
        return _read(file)
    return None


def _expanded(path: str, origin: str) -> str:
    # `..` out of a folder that is not there yet leads nowhere
    return os.path.normpath(path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))


def read_linker_cache() -> dict[str, list[str]]:
    """Return the paths of each soname in the linker's cache; raise ValueError for an unknown format.

    The format is that of glibc since 2.2 (`dl-cache.h`): counts and offsets after a magic word, before it an older one.
    """
    try:
        with open("/etc/ld.so.cache", "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return {}
    content = content[content.index(_MAGIC) :]
    (count,) = struct.unpack_from("=I", content, len(_MAGIC))
    paths: dict[str, list[str]] = {}
    for _, *offsets, _, _ in struct.iter_unpack("=iIIIQ", content[48 : 48 + 24 * count]):
        soname, path = (os.fsdecode(content[offset : content.index(b"\0", offset)]) for offset in offsets)
        paths.setdefault(soname, []).append(path)
    return paths


def _finding(wheel: str, members: Mapping[str, _Object | None], machine: _Machine) -> str | None:
    for path, member in members.items():
        if member is not None and member.machine != machine.name and _claimed(wheel, path):
            return f"has {os.path.basename(path)} for {member.machine}, not for {machine.name}"
    own = (member for member in members.values() if member is not None and member.machine == machine.name)
    lacking = [need for member in own for need in member.needs if not machine.has(*need)]
    # a search that does not even find libc does not know how this machine is laid out
    if not lacking or not machine.has("libc.so.6"):
        return None
    brought = any(not version and not _SYSTEM.search(soname) for soname, version in lacking)
    needs = (
        f"needs {version} of {soname}, which has none" if version else f"needs {soname}, not found"
        for soname, version in lacking
        if (machine.has(soname) if version else not brought)
    )
    return next(needs, None)


def _claimed(wheel: str, path: str) -> bool:
    """Check whether tag and file name both name this machine; data may be for any machine."""
    here = os.uname().machine
    platforms = wheel.removesuffix(".whl").rpartition("-")[2].split(".")
    imported = path.endswith((".abi3.so", f"-{here}-linux-gnu.so"))
    return imported and all(platform.endswith(f"_{here}") for platform in platforms)


def _members(wheel: str) -> Iterator[tuple[str, _Object | None]]:
    with archives.opened(wheel) as archive:
        for member in archive.infolist():
            if _ELF.search(member.filename):
                found = None
                # to seek in a zip is to read it again; damaged bytes make zipfile and pyelftools raise nearly anything
                with contextlib.suppress(Exception), archive.open(member) as file, tempfile.TemporaryFile() as copy:
                    if member.file_size <= _LARGEST:
                        shutil.copyfileobj(file, copy)
                        found = _read(copy)
                yield member.filename, found


def _read(file: IO[bytes]) -> _Object:
    """Return what an ELF file says to the linker; raise nearly anything for other files and unknown contents."""
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(file)
    sections = list(_sections(elf))
    tags = [tag for section in _of(sections, "SHT_DYNAMIC") for tag in _bounded(section.iter_tags())]
    folders = [folder for path in _texts(tags, "rpath") + _texts(tags, "runpath") for folder in path.split(":")]
    if "<" in elf.get_machine_arch() or any("$" in _expanded(folder, "") for folder in folders):
        raise ValueError  # `<unknown>`, or `$LIB` and `$PLATFORM`, which only the linker knows
    order = "little" if elf.little_endian else "big"
    return _Object(
        machine=f"{elf.elfclass}-bit {order}-endian {elf.get_machine_arch()}",
        soname="".join(_texts(tags, "soname")),
        needs=(*((soname, "") for soname in _texts(tags, "needed")), *_demanded(sections)),
        folders=tuple(filter(None, folders)),
        defined=frozenset(_defined(sections)),
    )


def _sections(elf: ELFFile) -> Iterator[Any]:
    from elftools.common.utils import struct_parse

    for number in _bounded(range(elf.num_sections())):
        header = struct_parse(elf.structs.Elf_Shdr, elf.stream, elf["e_shoff"] + number * elf["e_shentsize"])
        if header["sh_type"] in ("SHT_DYNAMIC", "SHT_GNU_verneed", "SHT_GNU_verdef"):
            yield elf.get_section(number)  # it would read some others whole, such as tables of hashes


def _of(sections: Iterable[Any], kind: str) -> Iterator[Any]:
    return (section for section in sections if section["sh_type"] == kind)


def _texts(tags: Iterable[Any], name: str) -> list[str]:
    return [_text(getattr(tag, name)) for tag in tags if tag.entry.d_tag == f"DT_{name.upper()}"]


def _demanded(sections: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield soname and version of each demand without which the linker fails."""
    for section in _of(sections, "SHT_GNU_verneed"):
        for library, versions in _bounded(section.iter_versions()):
            for version in _bounded(versions):
                if not version["vna_flags"] & _VER_FLG_WEAK:
                    yield _text(library.name), _text(version.name)


def _defined(sections: Iterable[Any]) -> Iterator[str]:
    for section in _of(sections, "SHT_GNU_verdef"):
        for _, names in _bounded(section.iter_versions()):
            yield _text(next(names).name)  # the others are its parents


def _bounded(items: Iterable[_Item]) -> Iterator[_Item]:
    for number, item in enumerate(items):
        if number == _MANY:
            raise ValueError
        yield item


def _text(text: str | None) -> str:
    """Return a name as it is; raise ValueError for an empty one, or one that does not belong into a message."""
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise ValueError
    return text
