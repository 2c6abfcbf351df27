"""Read the text of a RECORD, in which an installer has listed the files that it put in place.

May not: open a file, look at what is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from collections.abc import Set as AbstractSet

    Row = Sequence[str]
    """Path, hash, size, as written."""

CACHED: Final = "__pycache__/"
"""Where byte code is that anybody may remake or remove; pip overwrites even what a wheel brings along."""
UNKNOWN: Final = -1
"""The size of a file that cannot be told."""
_DIGITS: Final = 19
"""How many digits no size has."""


def text(content: bytes) -> str:
    """Return a RECORD's text without the carriage returns that pip writes; raise ValueError for what is not UTF-8."""
    return content.translate(None, b"\r").decode()


def rows(written: str) -> Sequence[Row]:
    """Return the rows; raise ValueError where there are none, or such as have not all three parts.

    Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
    """
    if '"' in written:
        import csv  # noqa: PLC0415 - twice as slow as splitting, and few paths have a comma or a quote

        try:
            found: Sequence[Row] = list(filter(None, csv.reader(written.split("\n"))))
        except csv.Error as error:
            raise ValueError(error) from error
    else:
        found = [line.rsplit(",", 2) for line in written.split("\n") if line]
    if set(map(len, found)) != {3}:
        raise ValueError("not every row has a path, a hash and a size")
    return found


def is_bytecode(path: str) -> bool:
    """Tell whether a path is of byte code that no wheel has, or of its folder: virtualenv lists both, there or not."""
    stem, _, suffix = path.rpartition(".")
    # Python imports `demo.pyc` without a source, and never `demo.cpython-311.pyc`
    tagged = "." in stem.rpartition("/")[2]
    return path.endswith("__pycache__") or (suffix == "pyc" and (tagged or "__pycache__/" in path))


def tops(paths: Collection[str]) -> AbstractSet[str]:
    """Return the first part of each path, and in full what is outside of the folder."""
    found = {path.partition("/")[0] for path in paths}
    if not found.isdisjoint(("..", "")):
        found |= {path for path in paths if path.startswith(("../", "/"))}
    return found - {"..", ""}


def length(size: str) -> int:
    """Return the size of a row as a number; UNKNOWN where the text is not a number, such as `4 bytes`."""
    return int(size) if size.isascii() and size.isdecimal() and len(size) < _DIGITS else UNKNOWN
