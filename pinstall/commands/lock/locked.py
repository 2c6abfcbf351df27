"""Tell what exactly is locked, with the hashes of all its files and who asks for it, from what pip would install.

May not: resolve, fetch, write; choose among releases: pip has chosen.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName, canonicalize_name

from pinstall.formats import metadata, urls
from pinstall.model.artifacts import Link, Page
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.verdicts import closure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pinstall.model.inputs import RequirementLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One distribution of a lock.

    `files` are those of its release, the hashes of each known; of a direct URL there is one, of a repository at a
    `commit` none, and a local `directory` cannot be locked at all. `index` is empty where no index lists them, and
    `alone` tells that only the file is known that pip took. `askers` say who asks for it: places and projects.
    """

    name: NormalizedName
    version: str
    extras: tuple[str, ...] = ()
    requires_python: str = ""
    askers: tuple[str, ...] = ()
    index: str = ""
    files: tuple[Link, ...] = ()
    alone: bool = False
    url: str = ""
    subdirectory: str = ""
    vcs: str = ""
    commit: str = ""
    directory: bool = False


def list_releases(report: Mapping[str, Any]) -> dict[NormalizedName, str]:
    """Return the releases of pip's report whose files an index, or a place of `--find-links`, lists."""
    return {_name(item): item["metadata"]["version"] for item in report["install"] if not item["is_direct"]}


def thin_page(content: bytes, content_type: str, version: str) -> bytes:
    """Return an index page without most files of other releases, unparsed, since parsing is slow."""
    likely = _likely(version)
    if likely is None:
        return content
    if "json" not in content_type:
        head, *anchors = re.split(rb"(?i)<a\b", content)
        return b"<a".join((head, *(anchor for anchor in anchors if likely.search(anchor))))
    try:
        document = json.loads(content)
        document["files"] = [file for file in document["files"] if likely.search(file["url"].encode())]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return content
    return json.dumps(document).encode()


def locked(
    report: Mapping[str, Any], roots: Iterable[RequirementLine], offered: Mapping[NormalizedName, Sequence[Page]]
) -> tuple[Locked, ...]:
    """Return what pip's report would install, by name; `roots` are the lines that ask for something.

    Raises PinstallError (`lying-index`, `no-hash`). Source: https://pip.pypa.io/en/stable/reference/installation-report/
    """
    items = {_name(item): item for item in report["install"]}
    extras, askers = _asked(items, roots, report["environment"])
    return tuple(
        Locked(
            name=name,
            version=item["metadata"]["version"],
            extras=tuple(sorted(extras[name])),
            requires_python=item["metadata"].get("requires_python") or "",
            askers=tuple(sorted(askers[name], key=lambda asker: (asker[0] == "-", asker))),
            **_contents(name, item, offered.get(name, ())),
        )
        for name, item in sorted(items.items())
    )


def platform(report: Mapping[str, Any]) -> str:
    """Return for which interpreter and platform pip's report was made, in words."""
    markers = report["environment"]
    return "{platform_python_implementation} {python_version} on {sys_platform} {platform_machine}".format(**markers)


def find_pins(lines: Iterable[RequirementLine]) -> Iterator[tuple[NormalizedName, str]]:
    """Yield the versions that the lines of an older lock pin."""
    for line in lines:
        for clause in line.specifier:
            if line.name is not None and clause.operator == "==":
                yield line.name, clause.version


def find_outgrown(
    versions: Mapping[NormalizedName, str], lines: Iterable[RequirementLine], markers: Mapping[str, str]
) -> dict[NormalizedName, RequirementLine]:
    """Return which of these versions a line does not allow any more, with that line."""
    return {
        line.name: line
        for line in lines
        if line.name is not None
        and line.name in versions
        and metadata.applies(line.marker, markers)
        and (line.link is not None or not metadata.admits(line.specifier, versions[line.name]))
    }


def _name(item: Mapping[str, Any]) -> NormalizedName:
    return canonicalize_name(item["metadata"]["name"])


def _asked(
    items: Mapping[NormalizedName, Mapping[str, Any]], roots: Iterable[RequirementLine], markers: Mapping[str, str]
) -> tuple[dict[NormalizedName, set[NormalizedName]], dict[NormalizedName, set[str]]]:
    """Return the extras asked of each project, with those that extras ask for, and its askers."""
    extras: dict[NormalizedName, set[NormalizedName]] = {name: set() for name in items}
    askers: dict[NormalizedName, set[str]] = {name: set() for name in items}
    for line in roots:
        if line.name is not None and line.name in items and metadata.applies(line.marker, markers):
            extras[line.name] |= line.extras
            askers[line.name].add(str(line.origin))
    pending = [(name, extra) for name in items for extra in (None, *sorted(extras[name]))]
    for asking, extra in pending:
        said = items[asking]["metadata"]
        release = closure.release(asking, said["version"], tuple(said.get("requires_dist") or ()))
        for need in closure.dependencies(release, extra, markers):
            if need.name in items:
                askers[need.name] |= {asking} - {need.name}
                pending += [(need.name, more) for more in sorted(need.extras - extras[need.name])]
                extras[need.name] |= need.extras
    return extras, askers


def _contents(name: NormalizedName, item: Mapping[str, Any], offered: Sequence[Page]) -> dict[str, Any]:
    """Return what of a `Locked` says what it consists of."""
    document = item["download_info"]
    url = document["url"]
    place = {"url": url, "subdirectory": document.get("subdirectory") or ""}
    if "dir_info" in document:
        return {**place, "directory": True}
    if "vcs_info" in document:
        return {**place, "vcs": document["vcs_info"]["vcs"], "commit": document["vcs_info"]["commit_id"]}
    taken = frozenset(digest for digest in metadata.hashes(document) if digest.startswith("sha256:"))
    own = Link(url=url, filename=urls.file_name(url), hashes=taken)
    if item["is_direct"]:
        return {**place, "files": (_proven(own, name),)}
    releases = [(page.index, _release(page, name, item["metadata"]["version"])) for page in offered]
    for index, files in releases:
        if any(link.hashes & taken or (not taken and link.url == url) for link in files):
            return {"index": index, "files": tuple(link for link in files if _sha256(link)) or (_proven(own, name),)}
    for index, files in releases:
        _refuse_other(own, index, files)
    return {"files": (_proven(own, name),), "alone": True}


def _release(page: Page, name: NormalizedName, version: str) -> tuple[Link, ...]:
    wanted = metadata.version(version)
    return tuple(one for one in page.links if wanted is not None and metadata.release(one.filename, name) == wanted)


def _likely(version: str) -> re.Pattern[bytes] | None:
    """Return what the names of all files of a release have in common, and few others: its first numbers."""
    parsed = metadata.version(version)
    if parsed is None:
        return None
    # `1.0` may be written `1`
    end = next((place for place in range(len(parsed.release), 1, -1) if parsed.release[place - 1]), 1)
    digits = b"[._]0*".join(b"%d" % number for number in parsed.release[:end])
    return re.compile(rb"-v?(?:\d+(?:[!_]|%21))?0*" + digits + rb"(?!\d)", re.IGNORECASE)


def _sha256(link: Link) -> list[str]:
    return sorted(digest for digest in link.hashes if digest.startswith("sha256:"))


def _proven(own: Link, name: NormalizedName) -> Link:
    if own.hashes:
        return own
    message = f"nothing gives a sha256 of `{own.filename}`, so `{name}` cannot be locked"
    raise PinstallError("no-hash", message, hint="take it from an index that gives hashes", exit_code=NOT_PINNED)


def _refuse_other(own: Link, index: str, files: Iterable[Link]) -> None:
    """Refuse an index that lists other contents under the name of the file that pip got."""
    for link in files:
        if link.filename == own.filename and _sha256(link):
            raise PinstallError(
                "lying-index",
                f"pip got another `{own.filename}` than `{index}` lists",
                context=(f"pip got {min(own.hashes, default='no hash')}", f"listed is {_sha256(link)[0]}"),
                hint="ask again with `--no-cache-dir`; if it stays so, do not trust that index",
                exit_code=NOT_PINNED,
            )
