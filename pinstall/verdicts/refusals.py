"""Say, or refuse, what the pins need and nobody has pinned.

May not: start pip, look for it.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.report import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinstall.model.errors import Outcome
    from pinstall.model.pins import Dependency, Reporter
    from pinstall.request.call import Asked

_WAYS_OUT = "add these lines, or let `pinstall lock` write a file that is complete"


def judge(found: Sequence[Dependency], asked: Asked, tell: Reporter, *, late: bool = False) -> None:
    """Raise PinstallError for what is not pinned under `closure=refuse`, with the lines to add.

    It is `late` where what needs it is installed already: only a reinstalled artifact says what it needs.
    """
    if not found or asked.policy.closure != "refuse":
        mention(found, asked, tell)
        return
    raise PinstallError(
        "closure",
        _counted(found),
        context=_lines(found),
        hint=f"{_WAYS_OUT}; {'what is pinned' if late else 'nothing'} has been installed",
        exit_code=NOT_PINNED,
    )


def end(outcome: Outcome, asked: Asked, tell: Reporter) -> Outcome:
    """Return the outcome, with what is refused of it; where something is left to pip, that may pin the rest."""
    try:
        (mention if asked.beyond else functools.partial(judge, late=True))(outcome.unpinned, asked, tell)
    except PinstallError as error:
        return replace(outcome, exit_code=error.exit_code, error=error)
    return outcome


def mention(found: Sequence[Dependency], asked: Asked, tell: Reporter) -> None:
    """List what is not pinned under `closure=warn`."""
    if asked.policy.closure == "warn":
        show(found, tell)


def show(found: Sequence[Dependency], tell: Reporter) -> None:
    """List what is not pinned, as the lines to add."""
    if found:
        tell.say(f"{_counted(found)}; {_WAYS_OUT}:")
    for line in _lines(found):
        tell.say(f"  {line}")


def resolves_first(asked: Asked) -> bool:
    """Tell whether pip has to say what it would install before it may; raise PinstallError where it cannot."""
    if asked.policy.closure != "refuse":
        return False
    asked.pip.need_reports("closure", "`closure=refuse` cannot be kept")
    return True


def _counted(found: Sequence[Dependency]) -> str:
    return phrases.counted(len(found), "dependency is not pinned", "dependencies are not pinned")


def _lines(found: Sequence[Dependency]) -> tuple[str, ...]:
    width = max((len(f"{one.name}=={one.version}") for one in found), default=0)
    return tuple(f"{f'{one.name}=={one.version}':{width}}  # {one.by} needs it" for one in found)
