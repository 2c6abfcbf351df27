"""Tell what exactly is locked, with the hashes of all its files and who asks for it, from what pip would install.

May not: resolve, fetch, write; choose among releases: pip has chosen.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from packaging.markers import Marker
from packaging.utils import NormalizedName, canonicalize_name

from pinstall.formats import metadata, urls
from pinstall.model.artifacts import Link, Page
from pinstall.model.errors import NOT_PINNED, PinstallError
from pinstall.model.inputs import Origin, RequirementLine
from pinstall.request.demand import STRONG
from pinstall.verdicts import closure

_NONE: Mapping[NormalizedName, Any] = MappingProxyType({})
UNLISTED = "no index lists the files of"
_UNHASHED = "no index gives the hashes of the files of"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One distribution of a lock.

    `files` are those of its release, a hash of each known; of a direct URL there is one, of a repository at a `commit`
    none, and a local `directory` cannot be locked at all. `index` is empty where no index lists them, and `alone` says
    why only the file is known that pip took. `askers` say who asks for it: places and projects. `settings` are the
    options of its build, `raw` is what an earlier lock says of the same files.
    """

    name: NormalizedName
    version: str
    extras: tuple[str, ...] = ()
    requires_python: str = ""
    askers: tuple[str, ...] = ()
    index: str = ""
    files: tuple[Link, ...] = ()
    alone: str = ""
    url: str = ""
    subdirectory: str = ""
    vcs: str = ""
    commit: str = ""
    revision: str = ""
    directory: bool = False
    marker: Marker | None = None
    hashes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    raw: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One pin of an earlier lock, and how it stands there: a version, or a link with the revision asked for."""

    origin: Origin
    raw: Any
    version: str = ""
    hashes: frozenset[str] = frozenset()
    link: str = ""
    revision: str = ""
    marker: Marker | None = None

    def constraint(self, name: NormalizedName) -> str:
        """Return the line that keeps the version: `===` keeps out what has a local version besides."""
        parsed = metadata.version(self.version)
        return f"{name}==={parsed}" if parsed is not None and parsed.local is None else f"{name}=={self.version}"


def list_releases(report: Mapping[str, Any], kept: Mapping[NormalizedName, Kept]) -> dict[NormalizedName, str]:
    """Return the releases of pip's report whose files an index, or a place of `--find-links`, has to list.

    It has not where pip took a file that is locked already.
    """
    return {
        name(item): item["metadata"]["version"]
        for item in report["install"]
        if not item["is_direct"]
        and not (name(item) in kept and kept[name(item)].hashes & metadata.hashes(item["download_info"]))
    }


def find_kept(report: Mapping[str, Any], pins: Mapping[NormalizedName, Kept]) -> dict[NormalizedName, Kept]:
    """Return the pins of an earlier lock that pip has chosen again: the same release, or the same URL."""
    chosen = ((name(item), item) for item in report["install"])
    return {project: pins[project] for project, item in chosen if project in pins and _is_kept(item, pins[project])}


def _is_kept(item: Mapping[str, Any], kept: Kept) -> bool:
    document = item["download_info"]
    if vcs := document.get("vcs_info"):
        return bool(urls.commit(kept.link) == vcs["commit_id"])
    if item["is_direct"]:
        return urls.without_secrets(kept.link) == urls.without_secrets(document["url"])
    return metadata.is_same(kept.version, item["metadata"]["version"])


def demanded(lines: Iterable[RequirementLine]) -> dict[NormalizedName, frozenset[str]]:
    """Return the hashes that lines of files and constraints demand of each project."""
    found: dict[NormalizedName, frozenset[str]] = {}
    for line in lines:
        if line.name is not None and line.hashes and not line.directory:
            found[line.name] = found.get(line.name, line.hashes) & line.hashes
    return found


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
    report: Mapping[str, Any],
    roots: Iterable[RequirementLine],
    offered: Mapping[NormalizedName, Sequence[Page]],
    own: Mapping[NormalizedName, frozenset[str]] = _NONE,
    kept: Mapping[NormalizedName, Kept] = _NONE,
) -> tuple[Locked, ...]:
    """Return what pip's report would install, by name; `roots` are the lines that ask for something.

    Of a project with hashes of the user's `own`, or with `kept` ones, these stay the only ones. Raises PinstallError
    (`lying-index`, `no-hash`, `other-hash`). Source: https://pip.pypa.io/en/stable/reference/installation-report/
    """
    items = {name(item): item for item in report["install"]}
    applying = [one for one in roots if one.name in items and metadata.applies(one.marker, report["environment"])]
    extras, askers = _asked(items, applying, report["environment"])
    return tuple(
        Locked(
            name=project,
            version=item["metadata"]["version"],
            extras=tuple(sorted(extras[project])),
            requires_python=item["metadata"].get("requires_python") or "",
            askers=tuple(sorted(askers[project])),
            marker=_marker([one for one in applying if one.name == project], askers[project]),
            **_contents(project, item, offered.get(project, ()), own.get(project, frozenset()), kept.get(project)),
        )
        for project, item in sorted(items.items())
    )


def _marker(roots: Sequence[RequirementLine], askers: set[str]) -> Marker | None:
    """Return the marker of a requirement that one line alone asks for."""
    return roots[0].marker if len(roots) == 1 and askers == {roots[0].origin.where} else None


def name(item: Mapping[str, Any]) -> NormalizedName:
    """Return the name of a distribution in pip's report."""
    return canonicalize_name(item["metadata"]["name"])


def _asked(
    items: Mapping[NormalizedName, Mapping[str, Any]], roots: Iterable[RequirementLine], markers: Mapping[str, str]
) -> tuple[dict[NormalizedName, set[NormalizedName]], dict[NormalizedName, set[str]]]:
    """Return the extras asked of each project, with those that extras ask for, and its askers."""
    named = {name: map(canonicalize_name, item.get("requested_extras") or ()) for name, item in items.items()}
    extras: dict[NormalizedName, set[NormalizedName]] = {name: set(some) for name, some in named.items()}
    askers: dict[NormalizedName, set[str]] = {name: set() for name in items}
    for line in roots:
        if line.name is not None:
            extras[line.name] |= line.extras
            askers[line.name].add(line.origin.where)
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


def _contents(
    name: NormalizedName, item: Mapping[str, Any], offered: Sequence[Page], own: frozenset[str], kept: Kept | None
) -> dict[str, Any]:
    """Return what of a `Locked` says what it consists of."""
    document = item["download_info"]
    url = document["url"]
    place = {"url": url, "subdirectory": document.get("subdirectory") or ""}
    if "dir_info" in document:
        return {**place, "directory": True}
    if vcs := document.get("vcs_info"):
        revision = kept.revision if kept else vcs.get("requested_revision") or ""
        return {**place, "vcs": vcs["vcs"], "commit": vcs["commit_id"], "revision": revision}
    known, demanded = metadata.hashes(document), own or (kept.hashes if kept else frozenset())
    taken = Link(url=url, filename=urls.file_name(url), hashes=known)
    if item["is_direct"]:
        return {**place, **_hashed((taken,), taken, name, demanded)}
    if kept and kept.hashes & known:
        return {**_hashed((taken,), taken, name, demanded), "raw": kept.raw if demanded == kept.hashes else None}
    releases = [(page.index, _release(page, name, item["metadata"]["version"])) for page in offered]
    for index, links in releases:
        if any(link.hashes & known or (link.url == url and not _is_other(link, taken)) for link in links):
            hashed = tuple(filter(strongest, links))
            alone = {} if hashed else {"alone": _UNHASHED}
            return {"index": index, **alone, **_hashed(hashed or (taken,), taken, name, demanded)}
    for index, links in releases:
        _refuse_other(taken, index, links)
    return {"alone": UNLISTED, **_hashed((taken,), taken, name, demanded)}


def _hashed(links: tuple[Link, ...], taken: Link, name: NormalizedName, demanded: frozenset[str]) -> dict[str, Any]:
    """Return the files with a demanded hash, and the hashes to write: those, else the strongest of each file."""
    wanted = Link(url="", filename="", hashes=demanded)
    if demanded and all(_is_other(link, wanted) for link in links):
        found = min(digest for link in links for digest in link.hashes)
        message = f"no file of `{name}` has a hash that is demanded"
        context = (f"demanded is {min(demanded)}", f"found is {found}")
        hint = f"correct the hash, or take the files of today: `--upgrade-package {name}`"
        raise PinstallError("other-hash", message, context=context, hint=hint, exit_code=NOT_PINNED)
    if not (demanded or any(map(strongest, links))):
        message = f"nothing gives a sha256 of `{taken.filename}`, so `{name}` cannot be locked"
        raise PinstallError("no-hash", message, hint="take it from an index that gives hashes", exit_code=NOT_PINNED)
    if demanded:
        files = tuple(link for link in links if link.hashes & demanded) or links
        return {"files": files, "hashes": tuple(sorted(demanded))}
    return {"files": links, "hashes": tuple(sorted({strongest(link) for link in links}))}


def _is_other(one: Link, other: Link) -> bool:
    """Tell whether two files differ, by the algorithms that both have hashes of."""
    algorithms, others = ({digest.partition(":")[0] for digest in link.hashes} for link in (one, other))
    return not algorithms.isdisjoint(others) and not one.hashes & other.hashes


def strongest(link: Link) -> str:
    """Return the hash by which a lock names a file, empty where no algorithm that pip takes gives one."""
    order = (digest for name in STRONG for digest in link.hashes if digest.startswith(f"{name}:"))
    return next(order, "")


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


def _refuse_other(own: Link, index: str, files: Iterable[Link]) -> None:
    """Refuse an index that lists other contents under the name of the file that pip got."""
    for link in files:
        if link.filename == own.filename and _is_other(link, own):
            message = f"pip got another `{own.filename}` than `{index}` lists"
            context = (f"pip got {min(own.hashes, default='no hash')}", f"listed is {strongest(link)}")
            hint = "ask again with `--no-cache-dir`; if it stays so, do not trust that index"
            raise PinstallError("lying-index", message, context=context, hint=hint, exit_code=NOT_PINNED)
