"""Say which pins cannot stand together, by what the pinned releases themselves need.

May not: consult environment, index or cache; accuse without proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinstall.model.request import Fault
from pinstall.verdicts import closure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from packaging.utils import NormalizedName

    from pinstall.model.pins import Distribution, Pin
    from pinstall.verdicts.closure import Need

    Find = Callable[[NormalizedName], Distribution | None]


def conflicts(roots: Iterable[Need], pins: Sequence[Pin], find: Find, markers: Mapping[str, str]) -> tuple[Fault, ...]:
    """Return a fault for each pin that something else which is pinned, and asked for, cannot stand beside.

    `find` gives what a pin stands for: one release, with what it needs as far as that is known for certain. There is
    nothing to choose, so a plain walk finds what a resolver would, and all of it at once. What is not pinned is for pip
    to choose, and is never to blame.
    """
    pinned = {pin.name: pin for pin in pins}
    found = ((name, find(name)) for name in pinned)
    stand_ins = {name: one for name, one in found if one is not None}
    by = {f"{one.identity.name} {one.text}": pinned[name] for name, one in stand_ins.items()}
    _, unmet = closure.walk(roots, stand_ins.get, markers)
    disagreeing = (need for need in dict.fromkeys(unmet) if need.name in stand_ins and need.by in by)
    return tuple(
        _fault(pinned[need.name], by[need.by], need) for need in disagreeing if _is_certain(need, pinned[need.name])
    )


def _fault(pin: Pin, other: Pin, need: Need) -> Fault:
    """Return `r.txt:14: pins numpy==1.26.4, but scipy==1.15.0 (r.txt:20) needs numpy>=2`."""
    needs = str(need).removeprefix(f"{need.by} ")
    return Fault(origin=pin.origin, message=f"pins {pin.wanted}, but {other.wanted} ({other.origin}) {needs}")


def _is_certain(need: Need, pin: Pin) -> bool:
    """Tell whether no file that the pin allows can meet a need: `==1.0` is met by 1.0+cu, and `===` compares texts."""
    open_label = pin.exact is None and (pin.version is None or pin.version.local is None)
    labelled = any("+" in clause.version for clause in need.specifier)
    return (
        need.url is None
        and not any(clause.operator == "===" for clause in need.specifier)
        and not (open_label and labelled)
    )
