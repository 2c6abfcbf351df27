"""Write a lock as the text of a requirement file, or of a lock file (PEP 751); what is the same has the same text.

May not: open a file, decide what is locked, write credentials.
"""

from __future__ import annotations

import difflib
import json
import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from packaging.markers import Marker
from packaging.version import Version

from pinstall.formats import metadata, urls
from pinstall.index import client
from pinstall.model.errors import NOT_PINNED, UNREADABLE, PinstallError
from pinstall.request import reading
from pinstall.request.requirements import VARIABLE, decode, logical_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from packaging.pylock import Package

    from pinstall.commands.lock.locked import Locked
    from pinstall.model.artifacts import Link
    from pinstall.request.call import Asked

_CONTINUED: Final = " \\\n    "
# The markers that say for which interpreter and platform a lock is.
_ENVIRONMENT: Final = ("platform_machine", "platform_python_implementation", "python_version", "sys_platform")


def requirements(locked: Iterable[Locked], heading: Iterable[str], options: Iterable[str]) -> str:
    """Return the text of a requirement file that demands exactly this; `options` are lines to find it by."""
    parts = [*(f"# {line}" for line in heading), *options, *(_requirement(one) for one in locked)]
    return "".join(f"{part}\n" for part in parts)


def _requirement(one: Locked) -> str:
    if one.directory:
        return f"# {one.name} is left out: it is a directory, which has no hash"
    extras = f"[{','.join(one.extras)}]" if one.extras else ""
    if one.url:
        at = f"{one.vcs}+{one.url}@{one.commit}" if one.vcs else one.url
        fragments = [f"subdirectory={one.subdirectory}"] if one.subdirectory else []
        fragments += [f"sha256={digest}" for digest in _digests(one.files)]
        text = f"{one.name}{extras} @ {at}{'#' if fragments else ''}{'&'.join(fragments)}"
    else:
        hashes = (f"--hash=sha256:{digest}" for digest in _digests(one.files))
        text = _CONTINUED.join((f"{one.name}{extras}=={one.version}", *hashes))
    return f"{text}\n    # via {', '.join(one.askers)}" if one.askers else text


def _digests(files: Iterable[Link]) -> list[str]:
    return sorted({_digest(link) for link in files})


def _digest(link: Link) -> str:
    return next(digest[7:] for digest in link.hashes if digest.startswith("sha256:"))


def lock(locked: Iterable[Locked], heading: Iterable[str], markers: Mapping[str, str] | None) -> str:
    """Return the text of a lock file for these markers, or any; raise (`old-packaging`) if it cannot be validated."""
    try:
        from packaging.pylock import Pylock
    except ImportError:
        message = "lock files need packaging 26.0 or newer beside pinstall"
        hint = "upgrade packaging, or write a requirement file: `-o requirements.txt`"
        raise PinstallError("old-packaging", message, hint=hint, exit_code=UNREADABLE) from None
    named = " and ".join(f"{name} == '{markers[name]}'" for name in _ENVIRONMENT) if markers else ""
    document = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(named)] if named else None,
        created_by="pinstall",
        packages=[_package(one) for one in locked if not one.directory],
    )
    document.validate()
    return "\n".join((*(f"# {line}" for line in heading), *_toml(document.to_dict()), ""))


def _package(one: Locked) -> Package:
    from packaging.pylock import Package, PackageArchive, PackageSdist, PackageVcs, PackageWheel

    common: dict[str, Any] = {"name": one.name, "requires_python": metadata.specifiers(one.requires_python)}
    inside = one.subdirectory or None
    if one.vcs:
        vcs = PackageVcs(type=one.vcs, url=one.url, commit_id=one.commit, subdirectory=inside)
        return Package(**common, vcs=vcs)
    if one.url:
        archive = PackageArchive(url=one.url, hashes={"sha256": _digest(one.files[0])}, subdirectory=inside)
        return Package(**common, version=metadata.version(one.version), archive=archive)
    wheels = [link for link in one.files if link.filename.endswith(".whl")]
    sources = [link for link in one.files if link.filename.endswith((".tar.gz", ".zip"))]
    sdist = next((PackageSdist(**_file(link)) for link in sorted(sources, key=lambda link: link.filename)), None)
    return Package(
        **common,
        version=metadata.version(one.version),
        index=one.index or None,
        sdist=sdist,
        wheels=[PackageWheel(**_file(link)) for link in sorted(wheels, key=lambda link: link.filename)] or None,
    )


def _file(link: Link) -> dict[str, Any]:
    said = {"name": link.filename, "url": link.url, "hashes": {"sha256": _digest(link)}}
    return {**said, "size": link.size, "upload_time": _time(link.uploaded)}


def _time(uploaded: str) -> datetime | None:
    """Return the time that an index gives, which is in UTC (PEP 700); none where it gives none that can be read."""
    with suppress(ValueError):
        return datetime.fromisoformat(uploaded.removesuffix("Z") + "+00:00")
    return None


def _toml(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a document: its own values, then those of each package, one file a line."""
    for key, value in document.items():
        if key != "packages":
            yield f"{key} = {_value(value)}"
    for package in document["packages"]:
        yield from ("", "[[packages]]")
        for key, value in package.items():
            if isinstance(value, list):
                yield from (f"{key} = [", *(f"    {_value(one)}," for one in value), "]")
            else:
                yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)  # whatever JSON calls a string, a number or a truth value, TOML does


def options(given: Iterable[tuple[str, str | None]]) -> tuple[str, ...]:
    """Return options as lines of a requirement file, each once, URLs without their credentials."""
    lines = (name if value is None else f"{name} {urls.without_secrets(value)}" for name, value in given)
    return tuple(dict.fromkeys(lines))


def difference(old: str, new: str) -> tuple[str, ...]:
    """Return what would change, line by line; lines with hashes only where nothing else does."""
    every = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    changed = [line for line in every if not line.startswith(("---", "+++", "@@"))]
    return tuple(line for line in changed if "sha256" not in line) or tuple(changed)


def make_restorer(asked: Asked) -> Callable[[str], str]:
    """Return what writes in a URL the names of variables for what they hold, of those that the files read there."""
    names = dict(_held(asked))
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
    return lambda url: pattern.sub(lambda found: f"${{{names[found[0]]}}}", url)


def _held(asked: Asked) -> Iterator[tuple[str, str]]:
    for where in asked.files:
        number = reading.descriptor(where)
        replayed = None if number is None else asked.replays.get(number)
        content = replayed or reading.content(where, lambda url: client.fetch(url, asked.in_force))
        with suppress(LookupError, ValueError):  # a script need not be text to the end
            lines = (line for _, line in logical_lines(decode(content), {}))
            held = ((line, name, asked.environ.get(name)) for line in lines for name in VARIABLE.findall(line))
            yield from ((value, name) for line, name, value in held if value and ("://" in line or "://" in value))


def refuse(locked: Iterable[Locked], restore: Callable[[str], str]) -> None:
    """Raise PinstallError (`variable`) where a URL has a variable's value; hosts and local paths are not secret."""
    for one in locked:
        for url in (one.url, one.index, *(link.url for link in one.files)):
            whole = restore(url)
            told = VARIABLE.search(restore(url.partition("://")[2].partition("/")[2]))
            if told is None and whole.count("/") < url.count("/"):
                told = VARIABLE.search(whole)
            if told and urls.scheme(url) != "file":
                what = f"the URL of `{one.name}` holds what `{told[0]}` stands for"
                message = f"{what}, and a lock file takes no variables"
                hint = "write a requirement file: `-o requirements.txt`; or what it stands for, if that is no secret"
                raise PinstallError("variable", message, hint=hint, exit_code=NOT_PINNED)
