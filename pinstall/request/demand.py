"""Gather all that was asked: from arguments, pip's settings, and the files that they name.

May not: judge, print, touch the environment or the cache.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from pinstall.formats import archives
from pinstall.formats import urls as links
from pinstall.model.errors import PinstallError
from pinstall.model.request import Fault, Option
from pinstall.request import lockfile as locks
from pinstall.request import pins, requirements
from pinstall.request import reading as files
from pinstall.request.call import Call
from pinstall.request.options import ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pinstall.model.pins import Demand, Pin
    from pinstall.model.request import Argument, Nested, Origin, RequirementLine

_OLD_PACKAGING = "the packaging beside pinstall is older than 26.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Call):
    """All that a command line asks for, with what its files say.

    `options` are the global ones of the requirement files; `beyond` is what is left to pip because it cannot be read
    here; `files` are those that were read, absolute. `replays` are the bytes of open files, by number, that could be
    read but once: pip needs them again.
    """

    lines: tuple[RequirementLine, ...]
    options: tuple[Option, ...]
    demand: Demand
    beyond: tuple[str, ...]
    faults: tuple[Fault, ...]
    files: frozenset[str]
    replays: Mapping[int, bytes]

    @property
    def in_force(self) -> tuple[Option, ...]:
        """Return all options, those of requirement files last, the weakest first."""
        return (*self.request.options, *self.options)

    @property
    def elsewhere(self) -> bool:
        """Tell whether pip is to put what it installs elsewhere than into the environment, or nowhere at all."""
        return any(self.request.last(dest) is not None for dest in ELSEWHERE)

    @property
    def proves(self) -> bool:
        """Tell whether it has to be known which artifact is installed, and not only which version."""
        return any(pin.hashes or pin.source for pin in self.demand.pins)

    def build_settings(self, pin: Pin) -> tuple[str, ...]:
        """Return what pip gives the build of this pin alone, as options on a line of a requirement file.

        `--config-settings` counts for arguments, and for those alone. Source: `get_requirements` of pip 23.1 to 26.3.
        """
        if any(line.origin.where.startswith("argument ") for line in pin.lines):
            return tuple(f"--config-settings={option.value}" for option in self.request.every("config_settings"))
        return tuple(text for line in pin.lines for text in line.options)


def gather(call: Call) -> Asked:
    """Return what a call asks for, with all that is wrong with it."""
    reading = _Reading(call)
    lines = tuple(_looked_at(line, reading.faults) for line in reading.lines())
    return Asked(
        **{one.name: getattr(call, one.name) for one in fields(call)},
        lines=lines,
        options=tuple(reading.options),
        demand=pins.reduce(lines, call.target.markers),
        beyond=tuple(reading.beyond),
        faults=tuple(reading.faults),
        files=frozenset(reading.files),
        replays=reading.replays,
    )


def _looked_at(line: RequirementLine, faults: list[Fault]) -> RequirementLine:
    """Return the line with what the disk says of its local link: that it is a directory, or its present hash."""
    path = None if line.link is None else archives.path_of(line.link)
    if path is None:
        return line
    if os.path.isdir(path):
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


def _place(written: str) -> str:
    """Return where a file of the command line is: absolute, as nested files are, so that it is known again."""
    where = files.resolve(written, None)
    return where if "://" in where else os.path.abspath(where)


class _Reading:
    """One walk through everything that names requirements, with all that is wrong with it."""

    def __init__(self, call: Call) -> None:
        self._request = call.request
        self._target = call.target
        self._pip = call.pip
        self._environ = call.environ
        self.faults: list[Fault] = []
        self.options: list[Option] = []
        self.beyond: list[str] = []
        self.files: set[str] = set()
        self.replays: dict[int, bytes] = {}

    def lines(self) -> Iterator[RequirementLine]:
        """Yield each line, from the arguments and from every file that they and pip's settings name."""
        for argument in self._request.positionals:
            if argument.text.strip() or not self._pip.skips_blanks:
                yield from self._line(argument.text, argument.origin, editable=False)
        chosen: dict[str, tuple[locks.Choice, Origin]] = {}
        yield from self._groups(chosen)
        for option in self._request.every("editables"):
            yield from self._line(option.value or "", option.origin, editable=True)
        for option in self._request.every("constraints"):
            yield from self._top(option, constraint=True)
        for option in self._request.every("requirements"):
            choice = locks.choice(option.value or "", None, self._pip)
            if choice is None:
                yield from self._top(option, constraint=False)
            else:
                self._choose(choice, option.origin, chosen)
        for where, (choice, origin) in chosen.items():
            yield from self._lock(where, choice, origin)
        yield from self._scripts()

    def _line(self, text: str, origin: Origin, *, editable: bool) -> Iterator[RequirementLine]:
        found = requirements.line(text, origin, editable=editable)
        if isinstance(found, Fault):
            self.faults.append(found)
        else:
            yield found

    def _texts(self, found: Iterable[Argument | Fault]) -> Iterator[RequirementLine]:
        for one in found:
            if isinstance(one, Fault):
                self.faults.append(one)
            else:
                yield from self._line(one.text, one.origin, editable=False)

    def _groups(self, chosen: dict[str, tuple[locks.Choice, Origin]]) -> Iterator[RequirementLine]:
        """Yield the lines of groups of projects; those of lock files wait until all that is asked of these is known."""
        for option in self._request.every("dependency_groups"):
            from pinstall.request import pyproject as groups  # noqa: PLC0415 - few runs name a group

            path, name = groups.parted(option.value or "")
            choice = locks.choice(path, name, self._pip)
            if choice is not None and "://" not in path:
                self._choose(choice, option.origin, chosen)
            elif os.path.basename(path) != groups.PROJECT:
                self._leave(f"{option.name} {option.value}", option.origin, because="pip takes no such group")
            elif (content := self._content(os.path.abspath(path), option.origin)) is not None:
                found = groups.read_group(content, name, file=_shown(os.path.abspath(path)))
                if found is None:
                    self._leave(f"{option.name} {option.value}", option.origin, because=_OLD_PACKAGING)
                yield from self._texts(found or ())

    def _choose(self, choice: locks.Choice, origin: Origin, chosen: dict[str, tuple[locks.Choice, Origin]]) -> None:
        """Add to what is asked of one lock file, since pip weighs its markers once, with all of that."""
        where = _place(choice.path)
        first = chosen.get(where, (choice, origin))
        chosen[where] = (first[0] | choice, first[1])

    def _lock(self, where: str, choice: locks.Choice, origin: Origin) -> Iterator[RequirementLine]:
        content = self._content(where, origin)
        if content is None:
            return
        base = where if "://" in where else os.path.join(os.path.dirname(where), "")
        found = locks.read(content, choice, file=_shown(where), base=base, markers=self._target.markers)
        if found is None:
            self._leave(_shown(where), origin, because=_OLD_PACKAGING)
            return
        self.faults += found.faults
        yield from found.lines

    def _scripts(self) -> Iterator[RequirementLine]:
        options = self._request.every("requirements_from_scripts")
        free = self._request.last("ignore_requires_python") or self._request.last("python_version")
        for option in options:
            from pinstall.request import pyproject as scripts  # noqa: PLC0415 - few runs name a script

            if len(options) > 1:
                self._leave(f"{option.name} {option.value}", option.origin, because="pip takes one script")
            elif (content := self._content(os.path.abspath(option.value or ""), option.origin)) is not None:
                python = None if free else self._target.version
                yield from self._texts(scripts.read_script(content, file=_shown(option.value or ""), python=python))

    def _top(self, option: Option, *, constraint: bool) -> Iterator[RequirementLine]:
        yield from self._file(_place(option.value or ""), option.origin, (), constraint=constraint)

    def _file(
        self, where: str, origin: Origin, including: tuple[str, ...], *, constraint: bool
    ) -> Iterator[RequirementLine]:
        if locks.is_lock(where):
            self._leave(_shown(where), origin, because="this pip takes no lock file here")
            return
        if where in including:
            self.faults.append(Fault(origin=origin, message=f"`{_shown(where)}` includes itself"))
            return
        content = self._content(where, origin)
        if content is None:
            return
        shown = _shown(where)
        found = requirements.read(content, file=shown, constraint=constraint, environ=self._environ)
        self.faults += found.faults
        yield from found.lines
        # in the order of their lines, as pip does it: a host is trusted, an index the last, only from there on
        directives: list[Option | Nested] = [*found.options, *found.nested]
        for one in sorted(directives, key=lambda one: one.origin.line or 0):
            if isinstance(one, Option):
                self.options.append(one)
            else:
                yield from self._nested(one, where, (*including, where))

    def _nested(self, nested: Nested, where: str, including: tuple[str, ...]) -> Iterator[RequirementLine]:
        try:
            inner = files.resolve(nested.target, where)
        except PinstallError as error:
            self.faults.append(Fault(origin=nested.origin, message=error.message))
        else:
            yield from self._file(inner, nested.origin, including, constraint=nested.constraint)

    def _content(self, where: str, origin: Origin) -> bytes | None:
        """Return the bytes of a file, or none, with a fault or a word to pip, for what cannot be read here."""
        number = files.descriptor(where)
        if number in self.replays:
            return self.replays[number]
        if number is None and _is_transient(where):
            self._leave(_shown(where), origin)
            return None
        try:
            content = files.content(where, self._fetch)
        except PinstallError as error:
            if error.reference == "fetch":  # pip may know a proxy, a certificate or a password that we do not
                self._leave(_shown(where), origin, because=error.message)
                return None
            self.faults.append(Fault(origin=origin, message=error.message))
            return None
        if number is not None:
            self.replays[number] = content
        self.files.add(where)
        return content

    def _leave(self, what: str, origin: Origin, *, because: str = "it cannot be read twice") -> None:
        self.beyond.append(f"{origin}: `{what}` is left to pip and not verified: {because}")

    def _fetch(self, url: str) -> bytes:
        from pinstall.index import client as session  # noqa: PLC0415 - requests is dear, and files by URL are rare

        return session.fetch(url, (*self._request.options, *self.options))


def _is_transient(where: str) -> bool:
    """Tell whether a path is no file that can be read twice: what is read of a FIFO, only the first reader gets."""
    try:
        return "://" not in where and not stat.S_ISREG(os.stat(where).st_mode)
    except OSError:
        return False
