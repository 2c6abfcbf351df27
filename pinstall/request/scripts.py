"""Read the requirements in the header of a script (PEP 723).

May not: open a file, read a requirement.
"""

from __future__ import annotations

import re
from typing import Any, Final

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pinstall.formats import toml
from pinstall.model.request import Argument, Fault, Origin

# The expression that PEP 723 itself gives.
_BLOCK: Final = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def read(content: bytes, *, file: str, python: str | None) -> tuple[Argument | Fault, ...]:
    """Return the requirements of a script, or what is wrong with it.

    `python` is the full version of the interpreter that has to be good enough for it, none for any.
    """
    try:
        header = _header(content.decode().replace("\r\n", "\n").replace("\r", "\n"))
        _check_python(str(header.get("requires-python", "")), python)
        texts = [_requirement(text) for text in header.get("dependencies", ())]
    except (ValueError, TypeError) as error:
        return (Fault(origin=Origin(where=file), message=str(error)),)
    return tuple(Argument(text=text, origin=Origin(where=file, line=toml.line_of(text, content))) for text in texts)


def _header(script: str) -> dict[str, Any]:
    blocks = [match["content"] for match in _BLOCK.finditer(script) if match["type"] == "script"]
    if len(blocks) != 1:
        raise ValueError("several blocks `# /// script`" if blocks else "no block `# /// script`")
    lines = (line[2:] if line.startswith("# ") else line[1:] for line in blocks[0].splitlines(keepends=True))
    return toml.parse("".join(lines).encode())


def _check_python(required: str, python: str | None) -> None:
    if python is None or not required:
        return
    # pip compares the release alone, so a release candidate counts as what it will be
    if not SpecifierSet(required).contains(Version(python).base_version):
        raise ValueError(f"it needs Python {required}, and this is {python}")


def _requirement(text: str) -> str:
    """Return the text; raise ValueError where it is none of PEP 508, such as a path."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - few runs name a script

    Requirement(text)
    return text
