"""Compare the contents of installed files with RECORD's sha256 on all cores, or with the members of a wheel.

May not: write, take a size or a hash in RECORD for the contents of a file.
"""

import base64
import os
import posixpath
import re
import zipfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, groupby
from operator import itemgetter
from threading import Lock
from typing import BinaryIO

from pinstall.environment.file_list import FileList, Listed, locate
from pinstall.files import sha256
from pinstall.formats import archives, metadata
from pinstall.formats.metadata import UNKNOWN, is_bytecode
from pinstall.model.pins import Distribution

_BATCH = 1 << 22
# The bytes that could be hashed while a file is opened, about.
_OPENING = 12_000
_BLOCK = 1 << 20
# The files that pip and uv write into a dist-info, also over those of the wheel.
_INSTALLERS_OWN = (
    *("INSTALLER", "RECORD", "RECORD.jws", "RECORD.p7s", "REQUESTED"),
    *("direct_url.json", "uv_build.json", "uv_cache.json"),
)
# Paths in RECORD for each folder of `*.data`, in any scheme. Scripts are the last: a path is found by its end, and
# `share/bash-completion/completions/demo` ends like the script `demo`.
_BASES = {
    **dict.fromkeys(("purelib", "platlib"), re.compile(r"|(\.\./)+(.*/)?(site|dist)-packages/")),
    "data": re.compile(r"(\.\./)+"),
    "headers": re.compile(r"(\.\./)+(.*/)?include/(.*/)?", re.IGNORECASE),
    "scripts": re.compile(r"(\.\./)+(.*/)?(bin|Scripts)/"),
}
# The file names of a command for an entry point.
_WRAPPER = re.compile(r"(.*?)(\.exe|-script\.py|\.pya)?", re.IGNORECASE)


def find_altered(
    lists: Iterable[FileList], workers: int, progress: Callable[[int, int], None] = lambda _, __: None
) -> Iterator[tuple[Distribution, str]]:
    """Yield each file, by its path in RECORD, that is missing or has another sha256, in no order.

    `progress` gets the number of compared files and of all. Without a readable RECORD nothing is compared.
    """
    files = sorted((file for one in lists for file in one.hashed), key=itemgetter(0))
    batches = _batches(files)
    done = 0
    small = Lock()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for number, found in pool.map(lambda _: _hash_next(batches, small), range(len(batches))):
                done += number
                progress(done, len(files))
                yield from found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def find_edited(lists: Sequence[FileList], others: Collection[str], known: Collection[str]) -> Iterator[str]:
    """Yield the places of files that pip may replace and that no list proves to be what was installed.

    Those are edited files, files without a hash, and files in the packages' folders that neither these lists nor
    `others` have. Byte code, empty files and the paths that are `known` to differ do not count.
    """
    tops = [top for one in lists for top in one.top_level]
    location, own = os.path.join(lists[0].distribution.location, ""), {one.distribution.path for one in lists}
    # RECORD may name a folder outside, which is not a package
    walked = (found for top in tops if top.startswith(location) and top not in own for found in os.walk(top))
    inside = (os.path.join(folder, name) for folder, _, names in walked for name in names)
    hashes: dict[str, list[str]] = {one: [] for one in (*tops, *inside) if one not in others and not is_bytecode(one)}
    for one in lists:
        for path, digest, _ in one.rows:
            place = one.place(path)
            if not is_bytecode(path) and path not in known and (digest or os.path.dirname(place) not in own):
                hashes.setdefault(place, []).append(digest)
    for place, digests in sorted(hashes.items()):
        is_file = os.path.islink(place) or (os.path.isfile(place) and os.path.getsize(place))
        if is_file and all(is_altered(place, UNKNOWN, one) for one in digests if one.startswith("sha256=")):
            yield place


def is_altered(path: str, size: int, digest: str) -> bool:
    """Tell whether a file is missing or has not the sha256 that a row of RECORD says."""
    try:
        spelled = f"sha256={base64.urlsafe_b64encode(sha256(path, size)).decode()}"
        return spelled.rstrip("=") != digest.rstrip("=")
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # a file that may not be read proves nothing
        return False


def _batches(files: Sequence[Listed]) -> deque[Sequence[Listed]]:
    """Cut the files into parts that take about the same time."""
    costs = accumulate(size + _OPENING for size, *_ in files)
    parts = groupby(zip(files, costs, strict=True), key=lambda costed: costed[1] // _BATCH)
    return deque([file for file, _ in part] for _, part in parts)


def _hash_next(batches: deque[Sequence[Listed]], small: Lock) -> tuple[int, list[tuple[Distribution, str]]]:
    """Hash the next part of small files, or of big ones while another thread hashes small ones.

    Opening a file holds the interpreter's lock, hashing does not: two threads with small files hinder each other.
    """
    at_small = small.acquire(blocking=False)
    try:
        batch = batches.popleft() if at_small else batches.pop()
        return len(batch), [
            (distribution, path) for size, place, digest, distribution, path in batch if is_altered(place, size, digest)
        ]
    finally:
        if at_small:
            small.release()


def find_foreign(files: FileList) -> str | None:
    """Return the first path that is missing or has another sha256, or RECORD itself where it is unreadable."""
    return min((path for _, path in find_altered((files,), 1)), default=None) if files.is_removable else "its RECORD"


def equals(wheel: str | BinaryIO, files: FileList) -> bool:
    """Tell whether all installed files are proven to be those of a wheel, byte by byte.

    Files that pip adds (byte code, commands for entry points, its own in the dist-info) do not count, nor does the
    first line of a script and unmanaged files. Any other file in RECORD that is not in the wheel prevents a proof.

    Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    folder = os.path.basename(files.distribution.path)
    try:
        # RECORD may have rows of folders, which pip keeps
        listed = {posixpath.normpath(path) for path, *_ in files.rows if not path.endswith("/")}
        with archives.opened(wheel) as archive:
            places = _places(archive, folder, listed)
            return f"{folder}/METADATA" in listed & places.keys() and _same(archive, places, files)
    except Exception:  # noqa: BLE001 - damaged bytes make zipfile raise nearly anything
        return False


def _places(archive: zipfile.ZipFile, folder: str, listed: AbstractSet[str]) -> Mapping[str, str]:
    """Return the members by path in RECORD; raise ValueError where that is not certain."""
    # pip compiles again, also over the byte code of a wheel
    files = [name for name in archive.namelist() if not (name.endswith("/") or is_bytecode(name))]
    own = {f"{folder}/{name}" for name in _INSTALLERS_OWN}
    names = {posixpath.normpath(name): name for name in files}
    commands = _commands(archive, f"{folder}/entry_points.txt")
    wrappers = {path for path, name in names.items() if _is_script(name) and _is_command(path, commands)}
    places: dict[str, str] = {}
    below: dict[str, dict[str, str]] = {key: {} for key in _BASES}
    for path, name in names.items():
        if path.partition("/")[0].endswith(".data"):
            _, key, rest = path.split("/", 2)
            below[key] |= {} if path in wrappers else {rest: name}
        elif path not in own:
            places[path] = name
    for key, moved in below.items():
        base = _base(_BASES[key], moved, listed - places.keys()) if moved else ""
        places |= {base + rest: name for rest, name in moved.items()}
    # pip ignores a wrapper that a build made for an entry point, and keeps its row
    rest_of_rows = listed - places.keys() - own - wrappers
    if len(names) != len(files) or not all(_is_added(row, commands) for row in rest_of_rows):
        raise ValueError(rest_of_rows)
    return places


def _base(pattern: re.Pattern[str], below: Collection[str], rows: AbstractSet[str]) -> str:
    """Return the one folder in which RECORD lists all of these paths, also with `--user`, `--prefix` or `--target`."""
    last = max(below, key=len)
    bases = {row.removesuffix(last) for row in rows if row.endswith(last)}
    (base,) = (one for one in bases if pattern.fullmatch(one) and all(one + path in rows for path in below))
    return base


def _commands(archive: zipfile.ZipFile, entry_points: str) -> AbstractSet[str]:
    """Return the names of the commands that pip makes."""
    text = archives.content(archive, entry_points).decode() if entry_points in archive.NameToInfo else ""
    commands = (line for section, line in metadata.sections(text) if section in ("console_scripts", "gui_scripts"))
    return {line.partition("=")[0].strip() for line in commands} - {""}


def _is_command(path: str, commands: AbstractSet[str]) -> bool:
    match = _WRAPPER.fullmatch(posixpath.basename(path))
    return match is not None and match[1] in commands


def _is_added(row: str, commands: AbstractSet[str]) -> bool:
    is_script = _BASES["scripts"].fullmatch(f"{posixpath.dirname(row)}/") is not None
    return is_bytecode(row) or (is_script and _is_command(row, commands))


def _same(archive: zipfile.ZipFile, places: Mapping[str, str], listed: FileList) -> bool:
    """Compare sizes, which are cheap, then bytes, up to the first difference."""
    compared = ((row, archive.getinfo(name)) for row, name in places.items() if not listed.is_unmanaged(row))
    files = [(member, locate(listed.distribution.location, row)) for row, member in compared]
    sized = ((member, path) for member, path in files if not _is_script(member.filename))
    if not all(os.path.isfile(path) for _, path in files):  # a device, which a hostile RECORD names, may never end
        return False
    is_sized = all(os.stat(path).st_size == member.file_size for member, path in sized)
    return is_sized and all(_alike(archive, member, path) for member, path in files)


def _is_script(name: str) -> bool:
    parts = name.split("/")
    return parts[0].endswith(".data") and parts[1:2] == ["scripts"]


def _alike(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str) -> bool:
    with archive.open(member) as packed, open(path, "rb") as file:
        if _is_script(member.filename) and packed.read(8) == b"#!python":
            packed.readline()
            if not file.readline().startswith(b"#!"):
                return False
        else:
            packed.seek(0)
        blocks = iter(lambda: packed.read(_BLOCK), b"")
        return all(block == file.read(_BLOCK) for block in blocks) and not file.read(1)
