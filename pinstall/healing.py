"""Move the metadata of damaged installations out of pip's way, so that it installs them anew, and put them back.

May not: start pip, judge.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pinstall.adapters import installed_files
from pinstall.adapters.environment import is_younger
from pinstall.adapters.ledger import FOLDER
from pinstall.adapters.shelf import Shelf
from pinstall.artifacts import Eviction
from pinstall.model import State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pinstall.core.policy import Policy
    from pinstall.demand import Asked
    from pinstall.evidence import Evidence
    from pinstall.model import Distribution, Pin, Reporter, Verdict


class Healing:
    """What leaves an environment for one run: pip stumbles over metadata that it can neither read nor remove."""

    def __init__(self, tell: Reporter) -> None:
        """Move nothing yet."""
        self._tell = tell
        self._receipts: list[tuple[Shelf, str]] = []

    def clear(self, found: Sequence[Verdict], forced: Collection[Pin], evidence: Evidence) -> None:
        """Move every dist-info that is damaged, or in the way of a force step, to a shelf in the environment itself.

        In the way is what pip cannot remove, as it does not know the files: by conda, or by `setup.py install`.

        Raises PinstallError (`shelf`) where that cannot be done; what was moved by then goes back with `put_back`.
        """
        names = {pin.name for pin in forced}
        for verdict in found:
            concerned = verdict.state is State.DAMAGED or verdict.pin.name in names
            damaged = evidence.find(verdict.pin.name) if concerned else None
            if damaged is None or evidence.is_outside(damaged):
                continue
            if damaged.damage is not None or not installed_files.is_removable(damaged):
                self._move(damaged, evidence.copies(verdict.pin.name))
                self._tell.say(f"{verdict.pin.name} {verdict.found}: that is moved aside, and it is installed anew")

    def settle(self, asked: Asked, evidence: Evidence, since: int) -> bool:
        """Move every other dist-info beside what pip has installed since then (ns), which `--ignore-installed` leaves.

        Tell whether there was any; raises as `clear` does.
        """
        settled = False
        for pin in () if asked.elsewhere else asked.demand.pins:
            copies = evidence.copies(pin.name)
            old = [path for path in copies if not is_younger(os.path.join(path, "RECORD"), since)]
            found = evidence.find(pin.name) if len(copies) - len(old) == 1 and old else None
            if found is not None:
                self._move(found, old)
                names = ", ".join(map(os.path.basename, old))
                self._tell.say(f"{names} is moved aside: pip has left it beside what it installed")
                settled = True
        return settled

    def _move(self, damaged: Distribution, copies: Sequence[str]) -> None:
        shelf = Shelf(damaged.location, os.path.join(FOLDER, "shelf"))
        moving = Eviction(
            what=f"the metadata of {damaged.identity.name}",
            identity=damaged.identity,
            paths=tuple(os.path.relpath(path, damaged.location) for path in copies),
            reason=damaged.damage or "",
            contradiction=False,
        )
        self._receipts.append((shelf, shelf.evict([moving])))

    def put_back(self) -> None:
        """Return the metadata, so that the environment is what it was."""
        for shelf, receipt in self._receipts:
            shelf.put_back(item for item in shelf.shelved() if item.receipt == receipt)
        self._receipts = []

    def end(self, policy: Policy) -> None:
        """End a run that went well: forget what has lain aside for too long."""
        for shelf, _ in self._receipts:
            shelf.forget(days=int(policy.shelf_days), mebibytes=int(policy.shelf_size))
