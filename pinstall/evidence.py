"""Gather what is known of the target environment, and judge the pins by it.

May not: write, start pip, decide what follows from a verdict.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall.adapters.environment import Environment, altered
from pinstall.adapters.ledger import Ledger
from pinstall.core import closure, report, verdicts
from pinstall.model import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.demand import Asked
    from pinstall.model import Distribution, Identity, Pin


class Evidence:
    """What is known of the target environment at one moment."""

    def __init__(self, asked: Asked) -> None:
        """Read nothing yet."""
        self._asked = asked
        self._environment = Environment(asked.call.target.paths)
        aim = asked.call.request.last("target_dir")
        rehearsed = asked.call.request.last("dry_run") is not None
        self._destination = None if aim is None or not aim.value or rehearsed else Environment((aim.value,))
        self.ledger = Ledger(asked.call.target.purelib)
        self.reached, self.unmet = self._walk()

    def find(self, name: NormalizedName) -> Distribution | None:
        """Return the installed distribution of this name."""
        return self._environment.find(name)

    def judge(self, reported: Mapping[NormalizedName, Identity] | None = None) -> tuple[Verdict, ...]:
        """Return a verdict on each pin that counts: what is requested, and constraints on what is reached.

        `reported` is what pip says it put elsewhere than into the environment; it stands for what is installed.
        """
        # under `--only-deps` pip leaves alone what is named, so only constraints on the rest demand anything
        requested = self._asked.call.request.last("only_dependencies") is None
        return tuple(
            self._verdict(pin, (reported or {}).get(pin.name))
            for pin in self._asked.demand.pins
            if (pin.requested and requested)
            or (not pin.requested and pin.name in self.reached and self.find(pin.name) is not None)
        )

    def _missed(self, reported: Identity) -> str | None:
        """Return what `--target` has not put in place: without `-U` pip leaves there what is there, and ends well."""
        if self._destination is None:
            return None
        found = self._destination.release(reported.name, reported.version)
        wrong = "its dist-info" if found is None else altered(found)
        if wrong is None:
            return None
        return f"is not what pip was to put there: {wrong} is of something else (`--upgrade` replaces it)"

    def explanation(self) -> tuple[str, ...]:
        """Return who asks for what where the installed set is not closed."""
        return closure.explain(self._roots(), self.find, self._asked.call.target.markers)

    def _walk(self) -> tuple[Mapping[NormalizedName, None], Sequence[closure.Need]]:
        roots = self._roots()
        if self._asked.call.request.last("ignore_dependencies") is not None:
            return {need.name: None for need in roots}, ()
        reached, unmet = closure.walk(roots, self.find, self._asked.call.target.markers)
        for line in self._asked.demand.bounds:
            found = None if line.name is None or line.name not in reached else self.find(line.name)
            need = None if line.name is None else closure.of_line(line, line.name)
            if found is not None and need is not None and not closure.meets(found, need):
                unmet.append(need)
        return reached, unmet

    def _roots(self) -> list[closure.Need]:
        pinned = (line for pin in self._asked.demand.pins for line in pin.lines if not line.constraint)
        return [
            closure.of_line(line, line.name)
            for line in (*pinned, *self._asked.demand.unpinned, *self._asked.demand.entrusted)
            if line.name is not None
        ]

    def _verdict(self, pin: Pin, reported: Identity | None) -> Verdict:
        if reported is not None:
            missed = self._missed(reported)
            if missed is not None:
                return Verdict(pin=pin, state=State.DAMAGED, found=missed)
            state = verdicts.judge(pin, reported)
            return Verdict(pin=pin, state=state, found=report.found(state, str(reported.version), reported))
        found = self.find(pin.name)
        if found is None:
            return Verdict(pin=pin, state=State.ABSENT, found=report.found(State.ABSENT, "", None))
        if found.damage is not None:
            return Verdict(pin=pin, state=State.DAMAGED, found=found.damage)
        known = found.identity
        if pin.hashes:
            # pip writes the archive's hash into direct_url.json even when it took a foreign wheel from its cache for it
            own = frozenset[str]() if verdicts.is_suspicious(pin, known) else known.hashes
            known = replace(known, hashes=own | self.ledger.hashes(found))
        state = verdicts.judge(pin, known)
        return Verdict(pin=pin, state=state, found=report.found(state, found.text, known))
