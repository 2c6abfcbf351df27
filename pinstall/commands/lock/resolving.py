"""Have pip resolve what is asked, by one file of all lines as pinstall read them.

May not: choose a version.
"""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import NormalizedName

from pinstall import files, pip
from pinstall.commands.lock.locked import Kept
from pinstall.formats import metadata, urls
from pinstall.index.offers import Index
from pinstall.model.errors import FINDING, USAGE, PinstallError
from pinstall.model.inputs import Fault, Origin, RequirementLine
from pinstall.model.pins import Reporter
from pinstall.report.terminal import write_error
from pinstall.request import restated, settings
from pinstall.request.call import Asked
from pinstall.request.options import LATER
from pinstall.verdicts import closure, failure

Report = Mapping[str, Any]
Lines = Sequence[tuple[str, Origin]]
Pins = Mapping[NormalizedName, Kept]

_UNAVAILABLE = 69
# What is in the file that pip gets, or what keeps pip from resolving.
_WRITTEN = (
    *("constraints", "dependency_groups", "editables", "require_hashes", "requirements", "requirements_from_scripts"),
    *("dry_run", "ignore_installed"),
)


def resolve(asked: Asked, kept: Pins, extra: Lines, tell: Reporter) -> Report:
    """Return pip's report on an empty environment; `extra` are more constraints. Raise PinstallError where pip fails.

    It names kept pins that make it impossible.
    """
    asking = [(_text(line, kept, asked), line.origin) for line in asked.lines if not line.constraint]
    bounds = [(_text(line, kept, asked), line.origin) for line in asked.lines if line.constraint]
    held = [(one.constraint(name), one.origin) for name, one in kept.items() if one.version]
    code, report, out, err = _run(asked, asking, [*bounds, *extra, *held], tell)
    write_error((err if code == 0 else out + err).decode(errors="replace"))
    if code == 0 and not report:
        raise PinstallError("report", "pip wrote no report", hint="leave out `--report`", exit_code=USAGE)
    if code > 0 and held and (freed := _run(asked, asking, [*bounds, *extra], tell))[0] == 0:
        raise _held(kept, freed[1])
    if code != 0:
        lines = failure.list_lines(asked.demand, {line.name for line in asked.lines})
        lines = (replace(line, hashes=frozenset()) for line in lines)
        raise failure.explain(asked, lines, code, "; nothing is written")
    return report


def _text(line: RequirementLine, kept: Pins, asked: Asked) -> str:
    """Return a line as pip gets it: without hashes, which would demand some of all, and at the kept commit."""
    one = kept.get(line.name) if line.name and line.link else None
    if one is not None and line.link and urls.is_vcs(line.link):
        line = replace(line, link=_at_commit(line.link, one))
    extras = f"[{','.join(sorted(line.extras))}]" if line.extras else ""
    return restated.requirement(line, f"{line.name}{extras}{line.specifier}", (), find_settings(line, asked))


def _at_commit(link: str, kept: Kept) -> str:
    """Return the link to a repository with the kept commit for the revision."""
    return re.sub(r"^([^:]+://[^/]*/[^@#]*)(@[^#]*)?", rf"\1@{urls.commit(kept.link)}", link)


def find_settings(line: RequirementLine, asked: Asked) -> tuple[str, ...]:
    """Return the options of one line's build, for an argument those of the command line."""
    if not line.origin.where.startswith("argument ") or asked.pip.release < LATER["--config-settings"]:
        return line.options
    return tuple(f"--config-settings={option.value}" for option in asked.request.every("config_settings"))


def _run(asked: Asked, asking: Lines, bounds: Lines, tell: Reporter) -> tuple[int, Report, bytes, bytes]:
    """Return pip's exit code, its report, and both streams, which name places of the user's files."""
    options = (option for option in asked.options if option.dest not in _WRITTEN)
    rows = [*((restated.option(option), option.origin) for option in options), *asking]
    with pip.make_folder() as folder, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        path = os.path.join(folder, "report.json")
        requirement = pip.write_requirements(folder, [text for text, _ in rows])
        constraint = pip.write_requirements(folder, [text for text, _ in bounds], "constraints.txt")
        given = (option for option in asked.request.command_line if option.dest not in _WRITTEN)
        words = [one.name if one.value is None else f"{one.name}={one.value}" for one in given]
        ours = ("install", "--dry-run", "--ignore-installed", "--report", path)
        command = (*asked.pip.command, *ours, *words, "-r", requirement, "-c", constraint)
        streams = (2, 2) if tell.detailed else (out.fileno(), err.fileno())
        ended = pip.run(command, _environ(asked, constraint), streams=streams)
        if ended.interrupted and ended.exit_code > 0:
            raise KeyboardInterrupt
        for stream in (out, err):
            stream.seek(0)
        printed, warned = (_named(stream.read(), {requirement: rows, constraint: bounds}) for stream in (out, err))
        return ended.exit_code, files.recall(path), printed, warned


def _environ(asked: Asked, constraint: str) -> dict[str, str]:
    """Return the variables under which pip reads no line from its settings, but from the files that it is given."""
    changes = {**(settings.neutral(asked.request.defaults, os.devnull) or {}), "PIP_REQUIRE_HASHES": "0"}
    if any(option.dest == "constraints" for option in asked.request.defaults):
        changes["PIP_CONSTRAINT"] = constraint
    changed = {**asked.environ, "PIP_PYTHON": None, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def _named(said: bytes, given: Mapping[str, Lines]) -> bytes:
    """Return what pip has said with the places of the user's lines for those of the files that it was given."""
    for path, rows in given.items():

        def place(found: re.Match[bytes], rows: Lines = rows) -> bytes:
            return str(rows[int(found[1] or found[2]) - 1][1]).encode()

        file = re.escape(path.encode())
        said = re.sub(rb"-[rc] %b \(line (\d+)\)|line (\d+) of %b" % (file, file), place, said)
    return said


def _held(kept: Pins, freed: Report) -> PinstallError:
    """Return the error on kept pins that what is asked does not allow, by the release that needs another version."""
    faults: dict[NormalizedName, Fault] = {}
    for one in map(pip.read_chosen, freed["install"]):
        release = closure.release(one.name, one.version, one.requires)
        for extra in (None, *sorted(one.extras)):
            for need in closure.dependencies(release, extra, freed["environment"]):
                held = kept.get(need.name)
                if held and held.version and not metadata.admits(need.specifier, held.version):
                    message = f"{need.name}=={held.version} is kept, but {need}"
                    faults[need.name] = Fault(origin=held.origin, message=message)
    words = " ".join(f"--upgrade-package {name}" for name in faults) or "--upgrade"
    message, hint = "pins that are kept do not fit what is asked", f"`{words}` lets them go"
    return PinstallError("kept-pins", message, context=tuple(faults.values()), hint=hint, exit_code=FINDING)


def describe_silence(message: str, index: Index) -> PinstallError:
    """Return the error on an index that does not answer."""
    hint = "try again; what only pip can log in to needs its password in the URL or in `.netrc`"
    return PinstallError("index", message, context=index.silent, hint=hint, exit_code=_UNAVAILABLE)
