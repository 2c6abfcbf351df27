"""Tell the tags of the wheels that an interpreter takes.

May not: start it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from packaging.tags import Tag

    from pinstall.model.request import Interpreter

_SUFFIX: Final = re.compile(r"\.(?:cpython-|cp|pypy)(\d+[a-z]*)(?:-(pp\d+))?")


def of(target: Interpreter) -> frozenset[Tag]:
    """Return the tags of an interpreter, on the platforms of the running one, as both are of one machine.

    Source: `packaging.tags.sys_tags`, which knows the running interpreter alone.
    """
    from packaging import tags  # noqa: PLC0415 - dear, and only what chooses among wheels needs it

    major, minor = (int(part) for part in target.version.split(".")[:2])
    platforms = tuple(tags.platform_tags())
    said = _SUFFIX.match(target.abi)
    number = said[1] if said else f"{major}{minor}"
    if target.markers.get("implementation_name") == "pypy":
        name = f"pp{major}{minor}"
        own = tags.generic_tags(name, (f"pypy{number}_{said[2]}",) if said else (), platforms)
    else:
        name = f"cp{major}{minor}"
        own = tags.cpython_tags((major, minor), (f"cp{number}",), platforms)
    return frozenset((*own, *tags.compatible_tags((major, minor), name, platforms)))
