"""Read everything that names requirements: arguments, requirement files, lock files, groups and scripts.

May not: judge, print.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from pinstall import environment, files, formats
from pinstall.formats import metadata, urls
from pinstall.model.errors import UNREADABLE, PinstallError
from pinstall.model.inputs import Argument, Fault, Interpreter, Nested, Option, Origin, Request, RequirementLine
from pinstall.request import demand, lockfile, policy, pyproject, requirements
from pinstall.request.options import Pip

_OLD_PACKAGING = "the packaging beside pinstall is older than 26.1"
_NAME = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE)
_URL = re.compile(r"(https?|file):", re.IGNORECASE)
_DESCRIPTOR = re.compile(r"/dev/stdin|/(?:dev|proc/self)/fd/(\d+)")


class Reading:
    """One walk through everything that names requirements, with all faults.

    For a lock, which pip gets another file for, locks may constrain: lock files, and lines with extras.
    """

    def __init__(
        self, request: Request, target: Interpreter, pip: Pip, environ: Mapping[str, str], *, for_lock: bool = False
    ) -> None:
        self._request = request
        self._target = target
        self._pip = pip
        self._environ = environ
        self._for_lock = for_lock
        self.faults: list[Fault] = []
        self.options: list[Option] = []
        self.beyond: list[str] = []
        self.files: set[str] = set()
        self.replays: dict[int, bytes] = {}
        self._evaluate = functools.cache(
            lambda marker: environment.probe.evaluate(pip.command[0], marker, target.markers, environ)
        )
        self._chosen: dict[str, tuple[lockfile.Choice, Origin]] = {}

    def lines(self) -> Iterator[RequirementLine]:
        """Yield each line, from the arguments and from every file that they and pip's settings name."""
        for line in map(self._look_at, self._lines()):
            egg = urls.egg(line.link or "")
            if egg is not None and self._pip.refuses_eggs and not _NAME.fullmatch(egg):
                self._leave(line.text, line.origin, because="this pip refuses its `#egg=`")
            elif not (line.marker and self._pip.command) or metadata.is_sure(line.marker, self._target.markers):
                yield line
            elif (applies := self._evaluate(str(line.marker))) is None:
                self._leave(line.text, line.origin, because="this pip cannot evaluate its marker")
            elif applies:
                yield replace(line, marker=None)

    def _lines(self) -> Iterator[RequirementLine]:
        given = self._request.positionals
        yield from self._texts(one for one in given if one.text.strip() or not self._pip.skips_blanks)
        yield from self._groups()
        editables = self._request.every("editables")
        yield from self._texts((Argument(text=one.value or "", origin=one.origin) for one in editables), editable=True)
        for option in self._request.every("constraints"):
            yield from self._file(_place(option.value or ""), option.origin, (), constraint=True)
        for option in self._request.every("requirements"):
            if choice := lockfile.choice(option.value or "", None, self._pip):
                self._choose(choice, option.origin)
            else:
                yield from self._file(_place(option.value or ""), option.origin, (), constraint=False)
        for where, (choice, origin) in self._chosen.items():
            yield from self._lock(where, choice, origin)
        yield from self._scripts()

    def _texts(self, given: Iterable[Argument | Fault], *, editable: bool = False) -> Iterator[RequirementLine]:
        for one in given:
            found = one if isinstance(one, Fault) else requirements.line(one.text, one.origin, editable=editable)
            if isinstance(found, Fault):
                self.faults.append(found)
            else:
                yield found

    def _groups(self) -> Iterator[RequirementLine]:
        """Yield the lines of groups of projects; those of lock files wait for the other choices from the same file."""
        for option in self._request.every("dependency_groups"):
            path, name = pyproject.split_group(option.value or "")
            choice = lockfile.choice(path, name, self._pip)
            if choice is not None and "://" not in path:
                self._choose(choice, option.origin)
            elif os.path.basename(path) != pyproject.PROJECT:
                self._leave(f"{option.name} {option.value}", option.origin, because="pip takes no such group")
            elif (content := self._content(os.path.abspath(path), option.origin)) is not None:
                found = pyproject.read_group(content, name, file=shown(os.path.abspath(path)))
                if found is None:
                    self._leave(f"{option.name} {option.value}", option.origin, because=_OLD_PACKAGING)
                yield from self._texts(found or ())

    def _choose(self, choice: lockfile.Choice, origin: Origin) -> None:
        """Add to the choice from one lock file, since pip evaluates its markers once, for the whole choice."""
        where = _place(choice.path)
        before, first = self._chosen.get(where, (choice, origin))
        self._chosen[where] = (before | choice, first)

    def _lock(self, where: str, choice: lockfile.Choice, origin: Origin) -> Iterator[RequirementLine]:
        content = self._content(where, origin)
        if content is None:
            return
        base = where if "://" in where else os.path.join(os.path.dirname(where), "")
        found = lockfile.read(content, choice, file=shown(where), base=base, markers=self._target.markers)
        if found is None:
            self._leave(shown(where), origin, because=_OLD_PACKAGING)
            return
        self.faults += found.faults
        yield from found.lines

    def _scripts(self) -> Iterator[RequirementLine]:
        options = self._request.every("requirements_from_scripts")
        free = self._request.last("ignore_requires_python") or self._request.last("python_version")
        for option in options:
            if len(options) > 1:
                self._leave(f"{option.name} {option.value}", option.origin, because="pip takes one script")
            elif (content := self._content(os.path.abspath(option.value or ""), option.origin)) is not None:
                python = None if free else self._target.version
                yield from self._texts(pyproject.read_script(content, file=shown(option.value or ""), python=python))

    def _file(
        self, where: str, origin: Origin, including: tuple[str, ...], *, constraint: bool
    ) -> Iterator[RequirementLine]:
        if lockfile.is_lock(where):
            if self._for_lock:
                locked = self._lock(where, lockfile.Choice(where, default=True), origin)
                yield from (replace(line, constraint=constraint) for line in locked)
            else:
                self._leave(shown(where), origin, because="this pip takes no lock file here")
            return
        if where in including:
            self.faults.append(Fault(origin=origin, message=f"`{shown(where)}` includes itself"))
            return
        content = self._content(where, origin)
        if content is None:
            return
        strictly = constraint and not self._for_lock
        found = requirements.read(content, file=shown(where), constraint=strictly, environ=self._environ)
        self.faults += found.faults
        yield from (replace(line, constraint=True, extras=frozenset()) if constraint else line for line in found.lines)
        # in the order of their lines, as pip does it: an option counts only from its line on
        directives: list[Option | Nested] = [*found.options, *found.nested]
        for one in sorted(directives, key=lambda one: one.origin.line or 0):
            if isinstance(one, Option):
                self.options.append(one)
            else:
                yield from self._nested(one, where, (*including, where))

    def _nested(self, nested: Nested, where: str, including: tuple[str, ...]) -> Iterator[RequirementLine]:
        try:
            inner = resolve(nested.target, where)
        except PinstallError as error:
            self.faults.append(Fault(origin=nested.origin, message=error.message))
        else:
            yield from self._file(inner, nested.origin, including, constraint=nested.constraint)

    def _content(self, where: str, origin: Origin) -> bytes | None:
        """Return the bytes of a file; none, with a fault or left to pip, where pinstall cannot read it."""
        number = descriptor(where)
        if number in self.replays:
            return self.replays[number]
        gone_once_read = "://" not in where and os.path.exists(where) and not os.path.isfile(where)
        if number is None and gone_once_read:
            self._leave(shown(where), origin)
            return None
        try:
            found = content(where, self._fetch)
        except PinstallError as error:
            if error.reference == "fetch":  # pip may know a proxy, a certificate or a password that we do not
                self._leave(shown(where), origin, because=error.message)
            else:
                self.faults.append(Fault(error.message, origin, error.reference))
            return None
        if number is not None:
            self.replays[number] = found
        self.files.add(where)
        return found

    def _leave(self, what: str, origin: Origin, *, because: str = "it cannot be read twice") -> None:
        self.beyond.append(f"{origin}: `{what}` is left to pip and not verified: {because}")

    def _fetch(self, url: str) -> bytes:
        from pinstall.index import client  # noqa: PLC0415 - requests is slow to import, and few files have a URL

        return client.fetch(url, (*self._request.options, *self.options))

    def _look_at(self, line: RequirementLine) -> RequirementLine:
        """Return a line with the facts of its local link: that it is a directory, or its present hash."""
        path = None if line.link is None else files.path_of(line.link)
        if path is None:
            return line
        if os.path.isdir(path):
            return replace(line, directory=True)
        algorithms = {text.partition(":")[0] for text in line.hashes}
        if not algorithms.isdisjoint(demand.STRONG):
            return line
        try:
            present = files.hashes(path, {"sha256", *algorithms})
        except OSError as error:
            self.faults.append(Fault(origin=line.origin, message=f"cannot read `{line.text}`: {error.strerror}"))
            return line
        # a written hash is the demand, whatever the file has now
        return line if line.hashes and not line.hashes & present else replace(line, hashes=present)


def shown(where: str) -> str:
    """Return a file's place for messages: relative if it is below the working directory."""
    if "://" in where:
        return urls.redacted(where)
    inside = where.startswith(os.path.join(os.getcwd(), ""))
    return os.path.relpath(where) if inside else where


def _place(written: str) -> str:
    """Return the absolute place of a file of the command line, as for nested files."""
    where = resolve(written, None)
    return where if "://" in where else os.path.abspath(where)


def resolve(target: str, including: str | None) -> str:
    """Return the place of a file that the command line (no `including`) or another file names, as in pip.

    A relative path starts at the including file and becomes absolute; one of the command line stays as it is. A `file:`
    URL becomes a path. Raises PinstallError (`requirements-file`) for a `file:` URL of another host.
    """
    if including is not None and _URL.match(including):
        target = formats.parse.urljoin(including, target)
    elif including is not None and not _URL.match(target):
        return os.path.abspath(os.path.join(os.path.dirname(including), target))
    return _path(target) if target[:5].lower() == "file:" else target


def descriptor(where: str) -> int | None:
    """Return the number of the open file that a path names, such as /dev/stdin or `<(...)` of a shell."""
    match = _DESCRIPTOR.fullmatch(where)
    return int(match[1] or 0) if match else None


def content(where: str, fetch: Callable[[str], bytes]) -> bytes:
    """Return the bytes of a place that `resolve` returned; raise PinstallError (`requirements-file`).

    `fetch` gets http and https URLs. A pipe gives its bytes once, so pip needs them from pinstall afterwards.
    """
    where = _path(where) if where[:5].lower() == "file:" else where
    if _URL.match(where):
        return fetch(where)
    try:
        with open(where, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise PinstallError("no-such-file", describe_missing(where), hint=_hint(where), exit_code=1) from error
    except (OSError, ValueError) as error:
        raise _unreadable(where, getattr(error, "strerror", None) or str(error)) from error


def describe_missing(where: str) -> str:
    """Return that there is no such file, with the nearest one in its folder."""
    folder, name = os.path.split(where)
    near = [shown(os.path.join(folder, one)) for one in policy.nearest(name, files.list_names(folder or os.curdir))]
    return f"there is no file `{shown(where)}`{f'; did you mean `{near[0]}`?' if near else ''}"


def _path(url: str) -> str:
    try:
        parts = urls.split(url)
    except ValueError as error:
        raise _unreadable(url, str(error)) from error
    elsewhere = parts.netloc not in {"", "localhost"}
    if elsewhere and os.name != "nt":
        raise _unreadable(url, f"it is on another host, `{urls.netloc(url)[1]}`")
    return files.path_of(f"file:////{parts.netloc}{parts.path}" if elsewhere else url) or ""


def _unreadable(where: str, reason: str) -> PinstallError:
    message = f"cannot read requirement file `{urls.without_login(where)}`: {reason}"
    return PinstallError("requirements-file", message, hint=_hint(where), exit_code=1)


def _hint(where: str) -> str:
    if where == "-":
        return "`-` is a file name to pip; standard input is `/dev/stdin`"
    return "a path in a file counts from that file's folder, one on the command line from the working directory"


def text(path: str) -> str:
    """Return a file's text with its line ends, empty for a device or a new file; raise PinstallError `output`."""
    is_new = not os.path.exists(path) and os.path.isdir(os.path.dirname(os.path.abspath(path)))
    if is_new or files.is_device(path):
        return ""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from error


def write(path: str, text: str) -> None:
    """Write a text as `files.replace` does; raise PinstallError `output` for an error."""
    try:
        files.replace(path, text)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: str, error: Exception) -> PinstallError:
    reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
    return PinstallError("output", f"cannot use `{path}` for the lock: {reason}", exit_code=UNREADABLE)
