"""Gather all that was asked: from arguments, pip's settings, and the files that they name.

May not: judge, print, touch the environment or the cache.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pinstall.adapters import archives, files
from pinstall.core import links, pins, requirements
from pinstall.errors import PinstallError
from pinstall.request import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pinstall.call import Call
    from pinstall.model import Demand
    from pinstall.request import Nested, Option, Origin, Request, RequirementLine

SKIPS_BLANKS = (26, 3)
"""The first pip that takes no notice of an empty argument, as scripts leave one behind for an unset variable."""
_LOCK_FILES = ("pylock.", ".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a call asks for, in full.

    `options` are the global ones of the requirement files; `beyond` is what is left to pip because it cannot be read
    here.
    """

    call: Call
    lines: tuple[RequirementLine, ...]
    options: tuple[Option, ...]
    demand: Demand
    beyond: tuple[str, ...]
    faults: tuple[Fault, ...]


def gather(call: Call, environ: Mapping[str, str]) -> Asked:
    """Return what a call asks for, with all that is wrong with it."""
    reading = _Reading(environ, skips_blanks=(call.target.pip or ()) >= SKIPS_BLANKS)
    lines = tuple(_looked_at(line, reading.faults) for line in reading.lines(call.request))
    return Asked(
        call=call,
        lines=lines,
        options=tuple(reading.options),
        demand=pins.reduce(lines, call.target.markers),
        beyond=tuple(reading.beyond),
        faults=tuple(reading.faults),
    )


def _looked_at(line: RequirementLine, faults: list[Fault]) -> RequirementLine:
    """Return the line with what the disk says of its local link: that it is a directory, or its present hash."""
    path = None if line.link is None else archives.path_of(line.link)
    if path is None:
        return line
    if archives.is_directory(path):
        return replace(line, directory=True)
    try:
        # a hash that is written is the demand, whatever lies there now
        return replace(line, hashes=line.hashes or frozenset((archives.sha256(path),)))
    except OSError as error:
        faults.append(Fault(origin=line.origin, message=f"cannot read `{line.text}`: {error.strerror}"))
        return line


def _shown(where: str) -> str:
    """Return a file's place as a reader would look for it: from the working directory where it lies below that."""
    if "://" in where:
        return links.redacted(where)
    inside = where.startswith(os.path.join(os.getcwd(), ""))
    return os.path.relpath(where) if inside else where


class _Reading:
    """One walk through everything that names requirements, with all that is wrong with it."""

    def __init__(self, environ: Mapping[str, str], *, skips_blanks: bool) -> None:
        self._environ = environ
        self._skips_blanks = skips_blanks
        self.faults: list[Fault] = []
        self.options: list[Option] = []
        self.beyond: list[str] = []

    def lines(self, request: Request) -> Iterator[RequirementLine]:
        """Yield each line, from the arguments and from every file that they and pip's settings name."""
        for argument in request.positionals:
            if not argument.text.strip() and self._skips_blanks:
                continue
            yield from self._line(argument.text, argument.origin, editable=False)
        for option in request.every("editables"):
            yield from self._line(option.value or "", option.origin, editable=True)
        for dest, constraint in (("constraints", True), ("requirements", False)):
            for option in request.every(dest):
                where = files.resolve(option.value or "", None)
                # absolute, as nested files are, so that a file which includes itself is known again
                where = where if "://" in where else os.path.abspath(where)
                yield from self._file(where, option.origin, (), constraint=constraint)

    def _line(self, text: str, origin: Origin, *, editable: bool) -> Iterator[RequirementLine]:
        found = requirements.line(text, origin, editable=editable)
        if isinstance(found, Fault):
            self.faults.append(found)
        else:
            yield found

    def _file(
        self, where: str, origin: Origin, including: tuple[str, ...], *, constraint: bool
    ) -> Iterator[RequirementLine]:
        if self._is_beyond(where):
            self.beyond.append(f"`{_shown(where)}` ({origin})")
            return
        if where in including:
            self.faults.append(Fault(origin=origin, message=f"`{_shown(where)}` includes itself"))
            return
        try:
            content = files.content(where, self._fetch)
        except PinstallError as error:
            self.faults.append(Fault(origin=origin, message=error.message))
            return
        shown = _shown(where)
        found = requirements.read(content, file=shown, constraint=constraint, environ=self._environ)
        self.faults += found.faults
        self.options += found.options
        yield from found.lines
        for nested in found.nested:
            yield from self._nested(nested, where, (*including, where))

    def _nested(self, nested: Nested, where: str, including: tuple[str, ...]) -> Iterator[RequirementLine]:
        try:
            inner = files.resolve(nested.target, where)
        except PinstallError as error:
            self.faults.append(Fault(origin=nested.origin, message=error.message))
        else:
            yield from self._file(inner, nested.origin, including, constraint=nested.constraint)

    @staticmethod
    def _is_beyond(where: str) -> bool:
        """Tell whether only pip may read it: a lock file, or what can be read but once, such as standard input."""
        head, tail = _LOCK_FILES
        name = os.path.basename(where)
        if name.startswith(head) and name.endswith(tail):
            return True
        try:
            return "://" not in where and not stat.S_ISREG(os.stat(where).st_mode)
        except OSError:
            return False

    def _fetch(self, url: str) -> bytes:
        from pinstall.adapters import index  # noqa: PLC0415 - requests is dear, and files by URL are rare

        return index.fetch(url, self._environ)
