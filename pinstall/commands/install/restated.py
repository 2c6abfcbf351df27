"""Restate pins and global options as the lines of a requirements file that lies elsewhere.

May not: write the file, start pip.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from pinstall.formats import archives
from pinstall.request.lines import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinstall.model.pins import Pin
    from pinstall.model.request import Option
    from pinstall.request.demand import Asked


def lines(pins: Sequence[Pin], asked: Asked) -> list[str]:
    """Return the lines of a requirements file that asks for exactly these pins from the user's own indexes."""
    locked = {f"--find-links {shlex.quote(place)}" for pin in pins for line in pin.lines for place in line.locked}
    return [
        *map(_option_line, asked.options),
        *sorted(locked),
        *(_pin_line(pin, asked.build_settings(pin)) for pin in pins),
    ]


def _pin_line(pin: Pin, settings: Sequence[str]) -> str:
    direct = next((line for line in pin.lines if line.link is not None), None)
    if direct is None or direct.link is None:
        written = pin.wanted
    else:
        path = archives.path_of(direct.link) if "://" not in direct.link else None
        # a path may hold what means something else in a file: ` -`, ` #`, `${HOME}`
        link = direct.link if path is None else f"file://{quote(os.path.abspath(path))}"
        bare = direct.anonymous or "+" in link.partition(":")[0]
        written = link if bare else f"{pin.name} @ {link}"
    return " ".join([written, *(f"--hash={digest}" for digest in sorted(pin.hashes)), *quoted(settings)])


def _option_line(option: Option) -> str:
    """Return a global option of a requirements file, for a file that lies elsewhere."""
    if option.value is None:
        return option.name
    value = option.value
    if option.dest == "find_links":
        beside = os.path.join(os.path.dirname(option.origin.where), value)
        value = os.path.abspath(beside) if os.path.exists(beside) else value
    return f"{option.name} {shlex.quote(value)}"
