"""Find the pins that are built from source in an environment whose contents nobody has pinned.

May not: write, start pip, ask a server.
"""

from __future__ import annotations

import tarfile
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pinstall import files
from pinstall.cache import build_records, builds, http
from pinstall.cache.downloads import Served, of_release
from pinstall.formats import archives, toml, urls
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Fault
from pinstall.model.pins import State
from pinstall.request import demand, reading, requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.utils import NormalizedName

    from pinstall.model.inputs import RequirementLine
    from pinstall.model.pins import Verdict
    from pinstall.request.call import Asked
    from pinstall.verdicts.evidence import Evidence

_HAS_OPTION: Final = (25, 3)
"""The first pip with `--build-constraint`."""
_DEFAULT: Final = ("setuptools",)
"""What pip builds with where nothing says so (PEP 518)."""
_FITTING: Final = (State.HOLDS, State.UNPROVEN)
_MOST: Final = 1 << 20
"""How many bytes a `pyproject.toml` may have."""


def unpinned(asked: Asked, evidence: Evidence, found: Iterable[Verdict]) -> Iterator[Fault]:
    """Yield each pin that is, was or would be built from source with requirements that nothing pins."""
    if asked.request.last("build_isolation") is None:
        isolation = _Isolation(asked, evidence)
        for verdict in found:
            if loose := isolation.loose(verdict):
                message = f"{verdict.pin.wanted} is built with what is not pinned: {', '.join(loose)}"
                yield Fault(origin=verdict.pin.origin, message=f"{message} ({isolation.remedy})")


class _Isolation:
    def __init__(self, asked: Asked, evidence: Evidence) -> None:
        self._asked = asked
        self._evidence = evidence
        self._cache = asked.cache_directory.path
        self._served = None if self._cache is None else Served(asked, self._cache)
        self._pip = asked.pip

    @property
    def remedy(self) -> str:
        if self._pip.release >= _HAS_OPTION:
            return "pin it in a file for `--build-constraint`"
        return "pin it in a file that the variable `PIP_CONSTRAINT` names"

    def loose(self, verdict: Verdict) -> list[str]:
        """Return what the build of a pin needs and nothing pins, as its source says it."""
        for url in () if self._constrained is None else dict.fromkeys(self._archives(verdict)):
            for body in self._opened(url):
                with body:
                    return list(filter(self._is_loose, _needs(body, url)))
        return []

    def _is_loose(self, need: str) -> bool:
        try:
            read = Requirement(need)
            applies = read.marker is None or read.marker.evaluate({**self._asked.target.markers, "extra": ""})
        except (InvalidRequirement, ValueError):
            return False
        pinned = any(
            clause.operator == "===" or (clause.operator == "==" and not clause.version.endswith(".*"))
            for clause in read.specifier
        )
        pinned = pinned or read.url is not None or canonicalize_name(read.name) in (self._constrained or ())
        return applies and not pinned

    def _archives(self, verdict: Verdict) -> Iterator[str]:
        """Yield where the source lies that a pin came from, or that pip would build."""
        pin = verdict.pin
        installed = self._evidence.find(pin.name) if verdict.state in _FITTING else None
        row = None if installed is None else self._evidence.ledger.row(installed)
        if row is not None:
            yield from () if row.url.endswith(".whl") else (row.url,)
            return
        direct = [line.link for line in pin.lines if line.link is not None and not urls.is_vcs(line.link)]
        yield from (link for link in direct if not urls.file_name(link).partition("#")[0].endswith(".whl"))
        if self._cache is None or self._served is None or direct:
            return
        for artifact, state in builds.judged(pin, builds.Built(self._asked, self._cache).of((pin,))[pin.name]):
            if artifact.url and state in _FITTING:
                yield artifact.url
        listed = of_release(pin, list(self._served.pages(pin)))
        if not any(link.filename.endswith(".whl") for link in listed):
            yield from (link.url for link in listed)

    def _opened(self, url: str) -> Iterator[BinaryIO]:
        path = files.path_of(url)
        try:
            if path is not None:
                yield open(path, "rb")  # noqa: SIM115 - whoever asks closes it
            elif self._served is not None and self._cache is not None:
                for _, entry in self._served.chain(url.partition("#")[0]):
                    if entry.status not in http.REDIRECTS:
                        yield http.opened(self._cache, entry)
        except (OSError, ValueError):  # gone by now, or no such entry any more
            return

    @cached_property
    def _constrained(self) -> frozenset[NormalizedName] | None:
        """Return the projects that build constraints pin, none at all where one of their files cannot be read."""
        request = self._asked.request
        options = build_records.constraints(request, self._pip)
        try:
            lines = [line for option in options for line in self._lines(reading.resolve(option.value or "", None), ())]
        except PinstallError:  # without a look at it nobody is accused
            return None
        return frozenset(pin.name for pin in demand.reduce(lines, self._asked.target.markers).pins)

    def _lines(self, where: str, including: tuple[str, ...]) -> Iterator[RequirementLine]:
        read = requirements.read(
            reading.content(where, _refuse), file=where, constraint=True, environ=self._asked.environ
        )
        yield from read.lines
        for nested in read.nested if where not in including else ():
            yield from self._lines(reading.resolve(nested.target, where), (*including, where))


def _refuse(url: str) -> bytes:
    raise PinstallError("fetch", f"`{urls.redacted(url)}` is not asked for")


def _needs(archive: BinaryIO, url: str) -> tuple[str, ...]:
    """Return what an sdist says that it is built with; what cannot be read says nothing."""
    try:
        text = _project(archive, zipped=url.endswith(".zip"))
        system = {} if text is None else toml.parse(text).get("build-system", {})
        return tuple(map(str, system.get("requires", ()))) if system else _DEFAULT
    except Exception:  # noqa: BLE001 - damaged bytes make zipfile and tarfile raise nearly anything
        return ()


def _project(archive: BinaryIO, *, zipped: bool) -> bytes | None:
    """Return the `pyproject.toml` at the top of an sdist, none where there is none."""
    if zipped:
        with archives.opened(archive) as packed:
            found = next(filter(_is_project, packed.namelist()), None)
            return None if found is None else archives.content(packed, found)
    with tarfile.open(fileobj=archive) as unpacked:
        member = next((one for one in archives.members(unpacked) if _is_project(one.name)), None)
        body = None if member is None else unpacked.extractfile(member)
        return None if body is None else body.read(_MOST)


def _is_project(path: str) -> bool:
    return path.removeprefix("./").split("/")[1:] == ["pyproject.toml"]
