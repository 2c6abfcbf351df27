"""Turn the bytes of a requirement file into logical lines: decoded, joined, without comments, variables filled in.

May not: know what stands on a line.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
_CODING: Final = re.compile(rb"coding[:=]\s*([-\w.]+)")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
VARIABLE: Final = re.compile(r"\$\{([A-Z0-9_]+)\}")


def decode(content: bytes) -> str:
    """Return the text by its byte order mark, else by a PEP 263 comment in its first two lines, else as UTF-8.

    Raises what `bytes.decode` raises: UnicodeError, or LookupError for an encoding that does not exist.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n", 2)[:2]:
        if line.startswith(b"#") and (coding := _CODING.search(line)):
            return content.decode(coding[1].decode("ascii"))
    return content.decode("utf-8")


def logical_lines(text: str, environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield each line that says anything, with the number of its first physical line."""
    for number, joined in _joined(text):
        bare = (_COMMENT.sub("", joined) if "#" in joined else joined).strip()
        if bare:
            yield number, _expanded(bare, environ) if "${" in bare else bare


def _joined(text: str) -> Iterator[tuple[int, str]]:
    first = 0
    parts: list[str] = []
    for number, physical in enumerate(text.splitlines(), 1):
        comment = "#" in physical and physical.lstrip().startswith("#")
        if physical.endswith("\\") and not comment:
            first = first if parts else number
            parts.append(physical.strip("\\"))
            continue
        # A comment ends the joining; the blank keeps it a comment behind what was joined.
        last = f" {physical}" if comment else physical
        if parts:
            yield first, "".join((*parts, last))
            parts = []
        else:
            yield number, last
    if parts:
        yield first, "".join(parts)


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    for name in dict.fromkeys(VARIABLE.findall(text)):
        if value := environ.get(name):
            text = text.replace(f"${{{name}}}", value)
    return text
