"""Write requirements and options of several files as lines of one file in another folder, which only pip reads.

May not: decide what pip is asked, show a line: they hold credentials.
"""

import os
import re
import shlex
from collections.abc import Iterable
from urllib.parse import quote

from pinstall import files
from pinstall.formats import urls
from pinstall.index import client
from pinstall.model.inputs import Option, RequirementLine
from pinstall.request.demand import STRONG
from pinstall.request.lines import quoted

# What no quotes protect in a requirement file: a comment, a variable, the end of the line.
_READ_FIRST = re.compile(r"(^|\s)#|\$\{|[\r\n]")

# What a value needs quotes for; bots do not read those that it does not need.
_QUOTED = re.compile(r"[\s'\"\\]|\A\Z")


def requirement(line: RequirementLine, wanted: str, hashes: Iterable[str] = (), settings: Iterable[str] = ()) -> str:
    """Return a requirement: of a release as `wanted`, of a link as it stands there, with these hashes and options.

    A hash that pip does not take after `--hash` is in the URL's fragment, where pip compares it.
    """
    written = wanted if line.link is None else _linked(line, line.link)
    strong = sorted(text for text in hashes if text.partition(":")[0] in STRONG)
    marker = f" ; {line.marker}" if line.marker else ""
    return " ".join([f"{written}{marker}", *(f"--hash={digest}" for digest in strong), *quoted(settings)])


def _linked(line: RequirementLine, link: str) -> str:
    extras = f"[{','.join(sorted(line.extras))}]" if line.extras else ""
    path = files.path_of(link) if "://" not in link else None
    if line.editable:
        egg = f"#egg={line.name}" if urls.is_vcs(link) and urls.egg(link) is None else ""
        return f"-e {shlex.quote(link + (egg if path is None else extras))}"
    if path is not None and (line.name is None or line.anonymous) and extras:
        return f"{os.path.abspath(path)}{extras}"  # pip takes extras behind a path, not behind its URL
    # a path may hold what means something else in a file: ` -`, ` #`, `${HOME}`
    fragment = "".join(link.partition("#")[1:]) if link[:5].lower() == "file:" else ""
    place = link if path is None else f"file://{quote(os.path.abspath(path))}{fragment}"
    bare = line.anonymous or line.name is None or (urls.is_vcs(place) and not extras)
    return place if bare else f"{line.name}{extras} @ {place}"


def option(given: Option, folder: str = "") -> str:
    """Return an option as a line of a requirement file in this folder, or in any: places of links are paths."""
    value = given.value
    if value and given.dest == "find_links" and "://" not in value:
        path = os.path.abspath(client.found(given))
        near = os.path.relpath(path, folder) if folder else path
        value = f"file://{quote(path)}" if _READ_FIRST.search(near) else near
    if value is None:
        return given.name
    return f"{given.name} {shlex.quote(value) if _QUOTED.search(value) else value}"
