"""Find pins that leave open which of two indexes they mean, and these have different files.

May not: start pip, choose among indexes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

from pinstall.cache.downloads import of_release
from pinstall.index import places
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.model.inputs import Fault
from pinstall.report import phrases
from pinstall.request import policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pinstall.model.artifacts import Link, Page
    from pinstall.model.pins import Pin, Reporter
    from pinstall.request.call import Asked

SECONDS: Final = 2.0
"""How long a run may wait for all pages: what does not answer in time is not compared."""


def judge(asked: Asked, pins: Iterable[Pin], tell: Reporter) -> None:
    """Say, or raise PinstallError for, each of these pins that is something else on one index than on another."""
    settings = asked.settings
    unknown = (pin for pin in pins if not pin.hashes and not pin.direct)
    left_open = [pin for pin in unknown if policy.find_source(pin.name, settings) is None]
    if asked.policy.ambiguous == "allow" or not left_open or len(set(places.Places(asked.in_force))) < 2:  # noqa: PLR2004 - two may differ
        return
    found = tuple(_differing(asked, left_open, tell))
    if not found:
        return
    faults = tuple(
        Fault(origin=pin.origin, message=f"{pin.wanted} is something else on {one} than on {other}")
        for pin, one, other in found
    )
    first, index, _ = found[0]
    table = f'`{first.name} = "{index}"` below `[tool.pinstall.sources]` in pyproject.toml'
    hint = f"write the hash of the right file behind the pin (`--hash=sha256:DIGEST`), or its index: {table}"
    if asked.policy.ambiguous == "refuse":
        message = phrases.counted(len(faults), "pin leaves open", "pins leave open") + " which index is meant"
        raise PinstallError("ambiguous", message, context=faults, hint=hint, exit_code=NOT_PINNED)
    for fault in faults:
        tell.warn(fault)
    tell.say(f"hint: {hint}")


def _differing(asked: Asked, pins: Iterable[Pin], tell: Reporter) -> Iterator[tuple[Pin, str, str]]:
    """Yield each pin that two places offer with different files, and these places."""
    from pinstall.index.offers import Index  # noqa: PLC0415 - requests is dear, and most requests name one index

    by_name = {pin.name: pin for pin in pins}
    index = Index(asked.in_force)
    for name, some in index.pages(by_name, SECONDS).items():
        offers = {page.index: _files(by_name[name], page) for page in some}
        for one, other in combinations(offers, 2):
            if policy.differ(offers[one], offers[other]):
                yield by_name[name], one, other
                break
    for text in index.silent:
        tell.detail(text)


def _files(pin: Pin, page: Page) -> tuple[Link, ...]:
    listed = of_release(replace(pin, lines=()), page.links)
    return tuple(replace(link, hashes=places.hashes(link)) for link in listed)
