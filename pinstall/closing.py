"""Say, or refuse, what the pins need and nobody has pinned.

May not: start pip, look for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinstall.call import REPORTS
from pinstall.core import report
from pinstall.errors import NOT_PINNED, PinstallError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinstall.demand import Asked
    from pinstall.model import Dependency, Reporter


def judge(found: Sequence[Dependency], asked: Asked, tell: Reporter) -> None:
    """Raise PinstallError for what is not pinned under `closure=refuse`, with the lines to add."""
    if not found or asked.call.policy.closure != "refuse":
        mention(found, asked, tell)
        return
    width = max(len(f"{one.name}=={one.version}") for one in found)
    raise PinstallError(
        "closure",
        report.counted(len(found), "dependency is not pinned", "dependencies are not pinned"),
        context=tuple(f"{f'{one.name}=={one.version}':{width}}  # {one.by} needs it" for one in found),
        hint="add these lines, or let `pinstall lock` write a file that is complete; nothing has been installed",
        exit_code=NOT_PINNED,
    )


def mention(found: Sequence[Dependency], asked: Asked, tell: Reporter) -> None:
    """List what is not pinned under `closure=warn`."""
    for one in found if asked.call.policy.closure == "warn" else ():
        tell.say(f"not pinned: {one}")


def resolves_first(asked: Asked) -> bool:
    """Tell whether pip has to say what it would install before it may; raise PinstallError where it cannot."""
    if asked.call.policy.closure != "refuse":
        return False
    if (asked.call.target.pip or ()) < REPORTS:
        raise PinstallError(
            "closure",
            "this pip cannot say beforehand what it would install, so `closure=refuse` cannot be kept",
            hint=f"run `{asked.call.target.executable} -m pip install --upgrade pip`, which needs 22.2 or newer",
            exit_code=NOT_PINNED,
        )
    return True
