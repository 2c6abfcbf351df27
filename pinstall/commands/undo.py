"""Put back into pip's cache what the latest run moved out of it.

May not: parse text, print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinstall.cache.shelf import Shelf
from pinstall.model.errors import FINDING, HOLDS, USAGE, PinstallError
from pinstall.request.call import read_call, refuse_beyond_cache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pinstall.model.pins import Reporter


def undo(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Undo the latest eviction, and return the exit code: 1 where there is nothing to put back.

    Raises PinstallError (64) for arguments: all of it is put back, whatever they say.
    """
    call = read_call(argv, environ)
    refuse_beyond_cache(call, "undo")
    if call.request.positionals:
        hint = "write `pinstall undo`; `pinstall cache shelf` lists what lies there"
        raise PinstallError("usage", "`pinstall undo` takes no names", hint=hint, exit_code=USAGE)
    cache = call.cache_directory
    if cache.path is None:
        tell.say(f"pip's cache is off: {cache.reason}")
        return FINDING
    shelf = Shelf(cache.path)
    shelved = list(shelf.shelved())
    latest = [item for item in shelved if item.receipt == shelved[0].receipt]
    returned = shelf.put_back(latest)
    for item in returned:
        tell.say(f"put {item.what} back into pip's cache")
    if not latest:
        tell.say(f"nothing lies on the shelf of `{cache.path}`")
    for item in latest:
        if item not in returned:
            tell.say(f"`{item.paths[0]}` stays on the shelf: its place in pip's cache is taken")
    return HOLDS if returned and len(returned) == len(latest) else FINDING
