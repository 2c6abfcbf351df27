"""Understand a command line: its request, its target, the settings in force, and the contents of its files.

May not: judge, print, touch the environment or the cache.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from pinstall import launcher
from pinstall.environment import choice, interpreter
from pinstall.model.errors import FINDING, NOT_PINNED, USAGE, PinstallError, misuse
from pinstall.model.inputs import Fault, Interpreter, Option, Request, RequirementLine
from pinstall.model.pins import Demand, Pin
from pinstall.request import arguments, demand, locations, policy, pyproject, settings
from pinstall.request.options import ELSEWHERE, NEWEST, OF_CACHES, Pip
from pinstall.request.policy import Policy
from pinstall.request.reading import Reading
from pinstall.stamp import state_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One command line, understood; `chosen_by` is the origin of the target, empty for the running interpreter."""

    request: Request
    target: Interpreter
    pip: Pip
    chosen_by: str
    policy: Policy
    settings: tuple[Option, ...]
    environ: Mapping[str, str] = field(repr=False)

    @property
    def elsewhere(self) -> bool:
        """Return whether pip changes nothing in the environment."""
        return self.request.has(*ELSEWHERE)

    @property
    def cache_directory(self) -> locations.CacheDirectory:
        """Return pip's cache, and whether it is on."""
        return locations.cache_directory(self.request.options, self.environ, self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Call):
    """A call with the contents of its files.

    `options` are the global ones of the requirement files; `beyond` names the files that only pip can read; `files` are
    the absolute paths that pinstall has read. pip needs the `replays` again: bytes of open files, by number, that can
    be read only once.
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
    def proves(self) -> bool:
        """Return whether a pin demands an artifact, and not only a version."""
        return any(pin.hashes or pin.source for pin in self.demand.pins)

    def build_settings(self, pin: Pin) -> tuple[str, ...]:
        """Return the options of the build of this pin alone, as `get_requirements` of pip 23.1 to 26.3."""
        if any(line.origin.where.startswith("argument ") for line in pin.lines):
            return tuple(f"--config-settings={option.value}" for option in self.request.every("config_settings"))
        return tuple(text for line in pin.lines for text in line.options)


def read_call(argv: Sequence[str], environ: Mapping[str, str], *, installs: bool = True, afresh: bool = False) -> Call:
    """Return the call of a command line, its target asked `afresh`; raise PinstallError for a bad target or setting.

    A command that neither installs nor judges needs no target: the environment that runs pinstall serves it.
    """
    folder = _working_directory()
    written = arguments.read(argv, NEWEST).python
    near = pyproject.environments(folder, environ)
    chosen = choice.choose(written.value if written else None, environ, near, needed=installs)
    request, found, pip = _described(argv, environ, chosen, afresh=afresh)
    configured = request.last("python")
    if not chosen.explicit and configured is not None and configured.value:
        # pip installs for the interpreter that its configuration names
        chosen = choice.choose(configured.value, environ)._replace(origin=configured.origin)
        request, found, pip = _described(argv, environ, chosen, afresh=afresh)
    own = (*pyproject.project_settings(folder, environ), *pyproject.environment_settings(environ), *request.settings)
    return Call(
        request=request,
        target=found,
        pip=pip,
        chosen_by="" if found.own else str(chosen.origin),
        policy=_in_force(own, pip),
        settings=own,
        environ=environ,
    )


def gather(call: Call, *, for_lock: bool = False) -> Asked:
    """Return a call with the contents of its files, and all faults; `for_lock` as for `Reading`."""
    reading = Reading(call.request, call.target, call.pip, call.environ, for_lock=for_lock)
    lines = tuple(reading.lines())
    return Asked(
        **{one.name: getattr(call, one.name) for one in fields(call)},
        lines=lines,
        options=tuple(reading.options),
        demand=demand.reduce(lines, call.target.markers),
        beyond=tuple(reading.beyond),
        faults=tuple(reading.faults),
        files=frozenset(reading.files),
        replays=reading.replays,
    )


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError as error:  # it was deleted, and pip does not start there
        message, hint = f"the working directory cannot be used: {error.strerror}", "change to a folder that exists"
        raise PinstallError("working-directory", message, hint=hint, exit_code=FINDING) from error


def _in_force(own: Sequence[Option], pip: Pip) -> Policy:
    decided = policy.decide(own)
    folder = os.path.dirname(os.path.abspath(decided.report))
    if decided.report not in ("", "-") and not os.access(folder, os.W_OK):
        message = f"cannot write the report to `{decided.report}`: no such folder, or not writable"
        hint = "name another file with `--pin report=FILE`; nothing was changed"
        raise PinstallError("report", message, hint=hint, exit_code=USAGE)
    # only a report shows the hash of an artifact
    return decided if pip.reports else replace(decided, unproven="accept")


def _described(
    argv: Sequence[str], environ: Mapping[str, str], chosen: choice.Target, *, afresh: bool
) -> tuple[Request, Interpreter, Pip]:
    """Return the request as read by the pip of one interpreter, the interpreter, and this pip."""
    try:
        found = interpreter.describe(chosen.python, environ, state_directory(environ), afresh=afresh)
    except PinstallError as error:
        if chosen.origin.where == "PINSTALL_PYTHON":  # pip does not know this variable, so the exit code is pinstall's
            error.exit_code = NOT_PINNED
        raise
    found, pip = _with_pip(found, environ)
    request = arguments.read(argv, pip.release)
    isolated = "--isolated" in request.arguments  # pip searches the full spelling before it parses anything
    candidates = locations.config_files(environ, found, isolated=isolated)
    inherited = settings.defaults(environ, candidates, arguments.rules(pip.release), pip=pip, isolated=isolated)
    return replace(request, defaults=inherited), found, pip


def find_serving_pip(found: Interpreter, environ: Mapping[str, str]) -> Pip | None:
    """Return the pip next to pinstall as it serves another interpreter, None without one that can."""
    own = None if found.own else interpreter.describe(None, environ, state_directory(environ))
    if own is None or own.pip is None or not Pip(own.pip).serves_others:
        return None
    return Pip(own.pip, (own.executable, "-m", "pip", "--python", found.executable))


def _with_pip(found: Interpreter, environ: Mapping[str, str]) -> tuple[Interpreter, Pip]:
    """Return the target with its own pip, else with the launcher's; raise PinstallError without a usable one."""
    if found.pip is None and (serving := find_serving_pip(found, environ)) is not None:
        return replace(found, pip=serving.release), serving
    if found.pip is None:
        hint = f"run `{found.executable} -m ensurepip --upgrade`"
        if launcher.is_tool():
            hint = f"run `uv pip install --python {found.executable} pip`, or reinstall pinstall together with pip"
        raise PinstallError("no-pip", f"`{found.executable}` has no pip", hint=hint, exit_code=FINDING)
    pip = Pip(found.pip, (found.executable, "-m", "pip"))
    if not pip.is_supported:
        message = f"pip {pip} of `{found.executable}` is older than 20.1: pins cannot be enforced"
        hint = f"run `{found.executable} -m pip install --upgrade pip`"
        raise PinstallError("old-pip", message, hint=hint, exit_code=NOT_PINNED)
    return found, pip


def refuse(call: Call, command: str, *own: str, written: Sequence[str] = ()) -> None:
    """Raise PinstallError (64) for an option that is neither one of pip nor the command's `own`.

    In the words as they are `written`, a beginning of an option of pip is none.
    """
    known = arguments.rules(call.pip.release)
    words = [written[int(one.origin.where.rpartition(" ")[2]) - 1] for one in call.request.command_line if written]
    short = [word.partition("=")[0] for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    for text in (*call.request.unknown, *short):
        if text in call.request.doubted:  # pip judges the value
            continue
        if text in known:
            message, hint = f"`{text}` has no value, or one that it does not take", _help(command)
        else:
            message = f"there is no option `{text}`"
            hint = describe_nearest(text, [*known, "--pin", "--python", *own]) or _help(command)
        raise misuse(message, hint)


def refuse_missing(asked: Asked) -> None:
    """Raise PinstallError (64) for a missing file of the command line; `install` leaves that to pip's exit code."""
    for fault in asked.faults:
        if fault.id == "no-such-file" and fault.origin.where.startswith("argument "):
            raise misuse(fault.message)


def refuse_beyond_cache(call: Call, command: str, *own: str) -> None:
    """Raise PinstallError (64) also for an option on what to install and how, such as `--dry-run`."""
    refuse(call, command, *own)
    for option in call.request.command_line:
        if option.dest not in OF_CACHES:
            raise misuse(f"`pinstall {command}` does not take `{option.name}`", _help(command))


def describe_nearest(text: str, known: list[str]) -> str:
    """Return which of the known options was probably meant."""
    meant = [one for one in known if one.startswith(text)] or policy.nearest(text, known)
    return f"did you mean {' or '.join(f'`{one}`' for one in dict.fromkeys(meant))}?" if meant else ""


def _help(command: str) -> str:
    return f"`pinstall help {command}` shows its options"
