"""Read pip's HTTP cache, the answers of servers by URL, in both its layouts.

May not: write, judge, hold a body in memory that is not asked for.

`http-v2` (pip 23.3 and newer) has one file for headers and one for the body, `http` (10.0 to 23.2) one for both;
entries of pip 6 to 9 are damaged. Headers are `cc=4,` and a msgpack map; the msgpack library would load the body in it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from pinstall.files import list_names
from pinstall.model.artifacts import Entry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


FOLDERS = ("http-v2", "http")
# How many bytes `content` returns unless its caller sets another limit.
MOST = 1 << 26
OK = 200
REDIRECTS = (301, 308)
BODY = ".body"
_PREFIX = b"cc=4,"
# How many bytes an entry may have in addition to its body: a server's headers have some thousand.
_HEADERS = 1 << 20
# How deep the maps of an entry are nested: the entry, its response, the headers of that.
_DEPTH = 3
_BLOCK = 1 << 20
_KEY = re.compile(r"[0-9a-f]{56}")
_URL = re.compile(r"([^:/?#]+)://(?:[^/?#]*@)?([^/?#]+)([^?#]*)(\?[^#]+)?")


def find(cache: str, url: str) -> Iterator[Entry]:
    """Yield what pip has stored for a URL, one entry for each layout that has one."""
    return filter(None, (read_entry(cache, path) for path in places(url)))


def places(url: str) -> tuple[str, ...]:
    """Return where pip would store the answer of a URL, by `cachecontrol.controller`, one path for each layout."""
    parts = _URL.match(url)
    if parts is None:
        return ()
    scheme, authority, path, query = parts.groups("")
    key = f"{scheme.lower()}://{authority.lower()}{path or '/'}{query}"
    name = hashlib.sha224(key.encode("utf-8", "surrogatepass")).hexdigest()
    return tuple(os.path.join(folder, *name[:5], name) for folder in FOLDERS)


def list_paths(cache: str) -> Iterator[str]:
    """Yield the path of each entry, sorted in each layout; opens nothing."""
    paths = (path for folder in FOLDERS for path in list_below(cache, folder, 5))
    # neither a body nor the remains of a killed pip
    return (path for path in paths if _KEY.fullmatch(path, path.rindex(os.sep) + 1))


def list_below(cache: str, folder: str, depth: int) -> list[str]:
    """Return the paths that are so many folders below a folder of the cache, sorted, relative to the cache."""
    paths = [f"{folder}{os.sep}{name}" for name in list_names(f"{cache}{os.sep}{folder}")]
    return [path for inner in paths for path in list_below(cache, inner, depth - 1)] if depth else paths


def matches(cache: str, entry: Entry, demanded: frozenset[str]) -> bool:
    """Check whether a body has one of these hashes, or cannot be read."""
    with contextlib.suppress(OSError, ValueError):  # deleted since, or an algorithm that this Python does not have
        return bool(hashes(cache, entry, demanded) & demanded)
    return True


def files(path: str) -> tuple[str, ...]:
    """Return the files of the entry at a path; in `http-v2` the body is the second."""
    return (path, path + BODY) if path.startswith(FOLDERS[0]) else (path,)


def read_entry(cache: str, path: str) -> Entry | None:
    """Return the entry at a path; pip ignores headers without a body."""
    paths = files(path)
    place = os.path.join(cache, path)
    with contextlib.suppress(OSError), open(place, "rb") as file:  # deleted since, or pip cannot read it either
        body = os.stat(place + BODY) if paths[1:] else None
        if body is None or stat.S_ISREG(body.st_mode):
            return _described(paths, file, None if body is None else body.st_size)
    return None


def _described(paths: tuple[str, ...], file: BinaryIO, length: int | None) -> Entry:
    try:
        status, headers, (_, inside) = _answer(file)
    except ValueError as error:
        return Entry(paths=paths, headers={}, length=length or 0, damage=f"is damaged: {error}")
    length = inside if length is None else length
    said = headers.get("content-length", "")
    # pip stores a permanent redirect without its body, and what was transferred in an encoding as it was transferred
    wrong = said.isdecimal() and said != str(length) and status not in REDIRECTS
    damage = f"is damaged: it has {length} bytes where the server sent {said}" if wrong else None
    return Entry(paths=paths, status=status, headers=headers, length=length, damage=damage)


def hashes(cache: str, entry: Entry, demanded: Iterable[str]) -> frozenset[str]:
    """Return the hashes of the stored body in the demanded algorithms; raise OSError or ValueError."""
    found = {name: hashlib.new(name) for name in {text.partition(":")[0] for text in demanded}}
    with open_body(cache, entry) as body:
        while block := body.read(_BLOCK):
            for one in found.values():
                one.update(block)
    return frozenset(f"{name}:{one.hexdigest()}" for name, one in found.items())


def content(cache: str, entry: Entry, limit: int = MOST) -> bytes:
    """Return the body without its `Content-Encoding`; raise OSError or ValueError, also beyond `limit` bytes."""
    with open_body(cache, entry) as body:
        found = _decoded(body, entry.headers.get("content-encoding", "").strip().lower(), limit + 1)
    if len(found) > limit:
        raise ValueError(f"has more than {limit} bytes")
    return found


def _decoded(body: BinaryIO, encoding: str, most: int) -> bytes:
    """Return at most so many decoded bytes, and unpack no more of a bomb."""
    if encoding in ("", "identity"):
        return body.read(most)
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"is in the encoding `{encoding}`")
    try:
        if encoding != "deflate":
            return gzip.GzipFile(fileobj=body).read(most)
        stored = body.read(most + _BLOCK)  # what cannot be made smaller gets a little larger
        # RFC 9110 means the format with zlib's header; some servers leave it out, as urllib3 knows
        bare = not stored or stored[0] & 0x0F != zlib.DEFLATED
        decoder = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS)
        found = decoder.decompress(stored, most)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"is not valid {encoding} data: {error}") from None
    if stored and len(found) < most and not decoder.eof:
        raise ValueError("is not valid deflate data: it is cut off")
    return found


def open_body(cache: str, entry: Entry) -> BinaryIO:
    """Return the stored body as an open file; raise OSError or, where the old layout is damaged, ValueError."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(os.path.join(cache, entry.paths[-1]), "rb"))
        body = file if entry.paths[1:] else io.BufferedReader(_Window(file, *_answer(file)[2]))
        stack.pop_all()
    return body


class _Window(io.RawIOBase):
    def __init__(self, file: io.BufferedReader, start: int, length: int) -> None:
        self._file = file
        self._start = start
        self._end = start + length
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = (self._start, self._file.tell(), self._end)[whence]
        return self._file.seek(base + offset) - self._start

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        left = max(0, self._end - self._file.tell())
        return self._file.readinto(memoryview(buffer)[:left])

    def close(self) -> None:
        self._file.close()
        super().close()


def _answer(file: BinaryIO) -> tuple[int, dict[str, str], tuple[int, int]]:
    """Return status, headers and the span of the body inside the file; raise ValueError for anything else."""
    if file.read(len(_PREFIX)) != _PREFIX:
        raise ValueError("its headers are in no known format")
    found = _Decoder(file).value(_DEPTH)
    if file.tell() != file.seek(0, os.SEEK_END):
        raise ValueError("it is not as long as it says")
    match found:
        case {"response": {"status": int(status), "headers": dict(headers), "body": (int(start), int(length))}} if all(
            isinstance(text, str) for text in headers.values()
        ):
            return status, {name.lower(): text for name, text in headers.items()}, (start, length)
    raise ValueError("it lacks what an answer has")


class _Decoder:
    """The part of msgpack that pip writes: maps by text, text, bytes, small numbers; truth values and nil are numbers.

    It never goes back in the file and reads little of it, whatever lengths the file claims.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _HEADERS

    def value(self, depth: int) -> object:
        """Return the next value, bytes as their place and length; raise ValueError for anything else."""
        kind, width, number = _KINDS.get(self._take(1)[0], ("", 0, 0))
        number += int.from_bytes(self._take(width), "big")
        if kind == "number":
            return number
        if kind == "text":
            return self._take(number).decode()
        if kind == "bytes":
            start = self._file.tell()
            self._file.seek(number, os.SEEK_CUR)
            return start, number
        if kind == "map" and depth:
            return {self._name(): self.value(depth - 1) for _ in range(number)}
        raise ValueError("its headers hold what pip does not write")

    def _name(self) -> str:
        match self.value(0):
            case str(name):
                return name
            case _:
                raise ValueError("its headers have no names")

    def _take(self, count: int) -> bytes:
        self._left -= count
        if self._left < 0:
            raise ValueError("its headers are too long")
        found = self._file.read(count)
        if len(found) < count:
            raise ValueError("it is cut off")
        return found


# By a value's first byte: the kind, how many bytes of length (or number) follow, and what to add to these.
_KINDS = {
    **{code: ("number", 0, code) for code in range(0x80)},
    **{0x80 + count: ("map", 0, count) for count in range(16)},
    **{0xA0 + count: ("text", 0, count) for count in range(32)},
    **{0xC4 + power: ("bytes", 1 << power, 0) for power in range(3)},
    **{0xCC + power: ("number", 1 << power, 0) for power in range(2)},
    **{0xD9 + power: ("text", 1 << power, 0) for power in range(3)},
    **dict.fromkeys((0xC0, 0xC2), ("number", 0, 0)),
    0xC3: ("number", 0, 1),
    0xDE: ("map", 2, 0),
}
