"""Refuse, all at once and before anything is touched, what cannot be enforced.

May not: start pip, look for what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from pinstall.formats import metadata
from pinstall.model.errors import FINDING, NOT_PINNED, Outcome, PinstallError
from pinstall.model.inputs import Fault
from pinstall.model.pins import Dependency, Distribution, Reporter
from pinstall.report import phrases
from pinstall.request import demand
from pinstall.request.call import Asked
from pinstall.verdicts import closure
from pinstall.verdicts.evidence import Evidence

DISTRIBUTION = canonicalize_name("pip-pinstall")
# Another tool, with the same command and the same import name.
NAMESAKE = canonicalize_name("pinstall")
_CONFLICT = ("pin contradicts another", "pins contradict others")
_CORRECT = "correct the requirements and run again; nothing was changed"
_ACCEPT = "`pinstall check` names the reason for each; delete them, or accept them with `--pin unowned=allow`"
_WAYS_OUT = "add these lines, or let `pinstall lock` write a file that is complete"


def refuse_request(evidence: Evidence, tell: Reporter) -> None:
    """Raise PinstallError for what pip would refuse too, and for pins that would break pinstall itself."""
    asked, malformed = evidence.asked, tuple(demand.malformed(evidence.asked.lines))
    refuse(_error("requirements", asked.faults, ("line cannot be used", "lines cannot be used"), _CORRECT), asked, tell)
    refuse(_error("conflict", asked.demand.conflicts, _CONFLICT, "keep one of the two lines"), asked, tell)
    refuse(_error("hash", malformed, ("hash is malformed", "hashes are malformed"), _CORRECT), asked, tell)
    _refuse_floors(evidence)
    if asked.target.own and evidence.find(NAMESAKE) is not None:
        tell.say(
            f"`{NAMESAKE}` in this environment is another tool with the same command; this one is `{DISTRIBUTION}`"
        )


def refuse(error: PinstallError | None, asked: Asked, tell: Reporter) -> None:
    """Raise the error; under `unpinned=warn` or `allow` pip decides, and only its details are told."""
    if error is not None and asked.policy.unpinned == "refuse":
        raise error
    for fault in () if error is None else error.context:
        tell.detail(fault)


def conflict(faults: Sequence[Fault], exit_code: int = FINDING, way_out: str | None = None) -> PinstallError | None:
    """Return the error for pins that contradict each other, if there are any."""
    return _error("conflict", faults, _CONFLICT, way_out or "change one of the two lines", exit_code)


def _error(
    reference: str, faults: Sequence[Fault], counted: tuple[str, str], hint: str, exit_code: int = FINDING
) -> PinstallError | None:
    message = str(faults[0]) if len(faults) == 1 else phrases.counted(len(faults), *counted)
    error = PinstallError(reference, message, context=tuple(faults), hint=hint, exit_code=exit_code)
    return error if faults else None


def find_own(evidence: Evidence) -> Distribution | None:
    """Return pinstall's own distribution, if it is in the environment whose pins it enforces."""
    return evidence.find(DISTRIBUTION) if evidence.asked.target.own else None


def _refuse_floors(evidence: Evidence) -> None:
    own = find_own(evidence)
    needs = () if own is None else closure.dependencies(own, None, evidence.asked.target.markers)
    floors = {need.name: need.specifier for need in needs}
    needed = (pin for pin in evidence.asked.demand.pins if pin.requested and pin.name in floors)
    broken = tuple(
        Fault(origin=pin.origin, message=f"{pin.wanted}, but pinstall itself needs {pin.name}{floors[pin.name]}")
        for pin in needed
        if pin.version is not None and not metadata.admits(floors[pin.name], pin.version)
    )
    hint = "give pinstall an environment of its own: `pipx install pip-pinstall`"
    counted = ("pin would break pinstall", "pins would break pinstall")
    if (error := _error("own-floor", broken, counted, hint, NOT_PINNED)) is not None:
        raise error


def refuse_dependencies(found: Sequence[Dependency], asked: Asked, tell: Reporter, *, late: bool = False) -> None:
    """Raise PinstallError for what is not pinned under `closure=refuse`; list it under `warn`.

    It is `late` where what needs it is installed already: only a reinstalled artifact says what it needs.
    """
    if asked.policy.closure == "warn":
        show_dependencies(found, tell)
    if found and asked.policy.closure == "refuse":
        hint = f"{_WAYS_OUT}; {'the pins were' if late else 'nothing was'} installed"
        raise PinstallError(
            "unpinned-dependency", _counted(found), context=_lines(found), hint=hint, exit_code=NOT_PINNED
        )


def refuse_outcome(outcome: Outcome, evidence: Evidence, tell: Reporter, known: Sequence[str]) -> Outcome:
    """Return the outcome, with an error for its unpinned dependencies unless something else may pin them.

    So it does for code that no RECORD lists and that was not `known` before.
    """
    asked = evidence.asked
    try:
        refuse_foreign(evidence, tell, known)
        if not asked.beyond or asked.policy.closure == "warn":
            refuse_dependencies(outcome.unpinned, asked, tell, late=True)
    except PinstallError as error:
        return replace(outcome, exit_code=error.exit_code, error=error)
    return outcome


def refuse_foreign(evidence: Evidence, tell: Reporter, known: Sequence[str] = ()) -> None:
    """Raise PinstallError (`unowned`) for what no RECORD lists, or name what of it is not `known` before."""
    choice, foreign = evidence.asked.policy.unowned, evidence.installed.foreign
    found = [place for place in foreign.hooks if place not in known] if choice != "allow" else []
    if choice == "refuse":
        found += dict.fromkeys(place for place, _ in foreign.find_unowned(evidence.lists()))
        if found:
            message = phrases.counted(len(found), "file is in no RECORD", "files are in no RECORD")
            raise PinstallError("unowned", message, context=tuple(found), hint=_ACCEPT, exit_code=NOT_PINNED)
    elif found:
        counted = phrases.counted(len(found), "file that no RECORD lists runs", "files that no RECORD lists run")
        tell.say(f"warning: {counted} when Python starts: {', '.join(found)}")


def show_dependencies(found: Sequence[Dependency], tell: Reporter) -> None:
    """List what is not pinned, as the lines to add."""
    if found:
        tell.say(f"{_counted(found)}; {_WAYS_OUT}:")
    for line in _lines(found):
        tell.say(f"  {line}")


def resolves_first(asked: Asked) -> bool:
    """Check whether pip has to resolve before it may install; raise PinstallError where it cannot."""
    if asked.policy.closure != "refuse":
        return False
    asked.pip.need_reports("closure", "`closure=refuse` cannot be kept")
    return True


def _counted(found: Sequence[Dependency]) -> str:
    return phrases.counted(len(found), "dependency is not pinned", "dependencies are not pinned")


def _lines(found: Sequence[Dependency]) -> tuple[str, ...]:
    width = max((len(f"{one.name}=={one.version}") for one in found), default=0)
    return tuple(f"{f'{one.name}=={one.version}':{width}}  # {one.by} needs it" for one in found)
