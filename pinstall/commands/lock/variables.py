"""Write the variables of requirement files again where what they hold stands in the URL of a lock.

May not: decide what is locked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pinstall.formats import urls as links
from pinstall.index import session
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.request import reading as files
from pinstall.request.logical_lines import VARIABLE, decode, logical_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pinstall.commands.lock.locked import Locked
    from pinstall.request.demand import Asked


def restoring(asked: Asked) -> Callable[[str], str]:
    """Return what writes in a URL the names of variables for what they hold, of those that the files read there."""
    names = dict(_held(asked))
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
    return lambda url: pattern.sub(lambda found: f"${{{names[found[0]]}}}", url)


def _held(asked: Asked) -> Iterator[tuple[str, str]]:
    for where in asked.files:
        number = files.descriptor(where)
        replayed = None if number is None else asked.replays.get(number)
        content = replayed or files.content(where, lambda url: session.fetch(url, asked.in_force))
        try:
            text = decode(content)
        except (LookupError, ValueError):  # a script need not be text to the end
            continue
        for _, line in logical_lines(text, {}):
            for name in VARIABLE.findall(line):
                value = asked.environ.get(name)
                if value and ("://" in line or "://" in value):
                    yield value, name


def refuse(locked: Iterable[Locked], restore: Callable[[str], str]) -> None:
    """Raise PinstallError (`variable`) where a lock file, which takes no variables, would tell what one holds.

    The host is no secret, and neither is where something lies on this machine.
    """
    for one in locked:
        for url in (one.url, one.index, *(link.url for link in one.files)):
            whole = restore(url)
            told = VARIABLE.search(restore(url.partition("://")[2].partition("/")[2]))
            if told is None and whole.count("/") < url.count("/"):
                told = VARIABLE.search(whole)
            if told and links.scheme(url) != "file":
                raise PinstallError(
                    "variable",
                    f"the URL of `{one.name}` holds what `{told[0]}` stands for, and a lock file takes no variables",
                    hint="write a requirement file: `-o requirements.txt`; or what it stands for, if that is no secret",
                    exit_code=NOT_PINNED,
                )
