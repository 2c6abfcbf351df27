"""Tell whether every line of requirement files is a pin, from the files alone, as `pinstall check --pinned`.

May not: look at an environment, ask an index, start pip, parse text, print.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pinstall.environment import interpreter
from pinstall.model.errors import FINDING, HOLDS, misuse
from pinstall.model.inputs import Fault, Interpreter, Option, Origin, Request
from pinstall.model.pins import Reporter
from pinstall.report import phrases
from pinstall.request import demand, lines, lockfile, policy, pyproject, reading
from pinstall.request.options import NEWEST, Pip
from pinstall.stamp import state_directory


def pinned(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Show every line of these files that is not a pin; return 1 if there is any, raise (64) for options."""
    for word in argv:
        if word.startswith("-"):
            raise misuse(f"`--pinned` takes files only, not `{word}`", "write `pinstall check --pinned FILE...`")
    missing = [file for file in argv if "://" not in file and not os.path.exists(file)]
    if missing or not argv:
        message = reading.describe_missing(missing[0]) if missing else "`--pinned` takes at least one file"
        raise misuse(message, "write `pinstall check --pinned FILE...`")
    own = (*pyproject.project_settings(os.getcwd(), environ), *pyproject.environment_settings(environ))
    policy.decide(own)  # none counts here, and what cannot be used is refused all the same
    target = interpreter.describe(None, environ, state_directory(environ))
    found = dict.fromkeys(text for file in argv for text in _loose(file, target, environ))
    for text in found:
        tell.show(text)
    number = phrases.counted(len(found), "line is not pinned", "lines are not pinned")
    tell.say(f"{number}; `pinstall lock` writes pins with their hashes" if found else "each line is a pin")
    return FINDING if found else HOLDS


def _loose(file: str, target: Interpreter, environ: Mapping[str, str]) -> Iterator[str | Fault]:
    if lockfile.is_lock(file):
        flaw = lockfile.flaw(reading.text(file))
        if flaw is not None:
            yield Fault(f"the lock file is not valid: {flaw}", Origin(where=file), "lock")
        return
    option = Option(name="--requirement", dest="requirements", value=file, origin=Origin(where="argument 1"))
    asked = reading.Reading(Request(arguments=(), command_line=(option,)), target, Pip(NEWEST), environ)
    found = tuple(asked.lines())
    yield from (*asked.faults, *demand.malformed(found))
    yield from asked.beyond
    bounds = [line for line in found if line.constraint]
    for line in found:
        # markers are for those who install: here each line counts
        alone = [replace(one, marker=None) for one in (line, *bounds) if one.name == line.name]
        if not line.constraint and demand.reduce(alone, {}).unpinned:
            yield phrases.unpinned(line, "" if line.name is None else lines.written(line, "VERSION", line.hashes))
