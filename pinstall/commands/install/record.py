"""Put on record which artifacts pip has installed, and what it has built.

May not: start pip, judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinstall import comparison
from pinstall.environment.distributions import is_younger
from pinstall.environment.ledger import Row
from pinstall.model.pins import Pin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.commands.install.evict import Clearing
    from pinstall.model.pins import Identity, Reporter
    from pinstall.request.call import Asked
    from pinstall.verdicts.evidence import Evidence
    from pinstall.verdicts.sources import Sourcing


class Recording:
    """What is put on record during one call; `labels` are what indexes offer beside what pip took."""

    def __init__(self, clearing: Clearing, sourcing: Sourcing, tell: Reporter) -> None:
        """Write nothing yet."""
        self._clearing = clearing
        self._sourcing = sourcing
        self._tell = tell
        self.labels: dict[NormalizedName, tuple[Version, ...]] = {}

    def write(
        self,
        asked: Asked,
        after: Evidence,
        reported: Mapping[NormalizedName, tuple[Identity, str]],
        since: int,
        *,
        alone: bool = False,
    ) -> None:
        """Write what pip has built since (ns), and which artifact each distribution came from that it installed.

        Of what it was asked for by us `alone`, each once, it has enforced all that is demanded.
        """
        pins = {name: Pin(name=name) for name in reported} | {pin.name: pin for pin in asked.demand.pins}
        self._clearing.record(pins, since)
        if asked.elsewhere:
            return
        self.labels |= self._clearing.cache.labels({name: identity for name, (identity, _) in reported.items()})
        rows = {}
        for name, (identity, url) in reported.items():
            found = after.find(name)
            if found is not None and found.damage is None and is_younger(found.record, since):
                flaws = after.installed.flaws(found)
                rows[name] = Row(
                    version=found.text,
                    hashes=comparison.proven(pins[name].hashes if alone else pins[name].enforced, identity.hashes),
                    url=url,
                    record=after.installed.files(found).digest(flaws),
                    inputs=self._clearing.find_inputs(pins[name], identity, url),
                    flaws=flaws,
                    index=self._sourcing.index(name, identity, url),
                )
        if rows:
            after.installed.ledger.write(rows, self._tell.say)
