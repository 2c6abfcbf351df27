"""Have pip resolve what is asked, and write down what it chose, with the hashes of every file of each release.

May not: resolve, parse text, print.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import NormalizedName

from pinstall import files
from pinstall.cache.cache import Cache
from pinstall.commands.lock import earlier, resolving, texts, wanted
from pinstall.commands.lock import locked as locking
from pinstall.commands.lock.earlier import Earlier
from pinstall.commands.lock.locked import Locked
from pinstall.commands.lock.wanted import Wanted
from pinstall.formats import metadata, urls
from pinstall.index import client
from pinstall.index.offers import Ask, Index
from pinstall.model.artifacts import Answer
from pinstall.model.errors import FINDING, HOLDS, INTERNAL, NOT_PINNED, UNREADABLE, PinstallError, misuse
from pinstall.model.inputs import Fault, Option, Origin, RequirementLine
from pinstall.model.pins import Reporter
from pinstall.report import phrases
from pinstall.request import demand, lockfile, reading, requirements, restated
from pinstall.request.call import Asked, gather, read_call, refuse, refuse_missing
from pinstall.request.options import FOREIGN

Report = Mapping[str, Any]

# What a reader of the lock needs to find the same files.
_FINDING = (*client.OPTIONS, "format_control", "trusted_hosts")


def lock(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Write what pip would install for these arguments, read back before it counts; with `--check` only compare.

    Raises PinstallError: pip cannot resolve (its code), an index does not answer (69), or contradicts pip (65).
    """
    asks, words = wanted.read(argv, environ, tell)
    call = read_call(words, environ)
    refuse(call, "lock", *wanted.NAMES, written=words)
    asked = gather(call, for_lock=True)
    asked.pip.need_reports("old-pip", "`pinstall lock` cannot know what to pin")
    refuse_missing(asked)
    _refuse_unread(asked)
    old = reading.text(asks.output) if asks.output else ""
    known = _earlier(old, asks, asked, tell)
    since = files.read_clock(asked.cache_directory.path or os.devnull) / 1e9
    extra = [(text, Origin(where="--upgrade-package")) for name, text in asks.upgrades.items() if text != name]
    found = resolving.resolve(asked, known.pins, extra, tell)
    locked = _locked(asked, asks, found, known, since)
    for name in sorted(asks.upgrades.keys() - {one.name for one in locked}):
        tell.say(f"`--upgrade-package {name}` changes nothing: no requirement needs {name}")
    text = _text(locked, found, asked, asks, known)
    _tell_gaps(locked, tell)
    return _delivered(old, text, asks, tell, phrases.counted(len(locked), "pin", "pins"))


def _refuse_unread(asked: Asked) -> None:
    """Refuse what cannot be read: pip gets a file of what could."""
    faults: tuple[str | Fault, ...] = (*asked.faults, *demand.malformed(asked.lines), *asked.beyond)
    if faults:
        message = phrases.counted(len(faults), "line cannot be locked", "lines cannot be locked")
        hint = "correct them and run again; nothing was written"
        raise PinstallError("requirements", message, context=faults, hint=hint, exit_code=UNREADABLE)
    if not any(not line.constraint for line in asked.lines):
        raise misuse("there is nothing to lock", "the named files hold no requirements")


def _earlier(old: str, asks: Wanted, asked: Asked, tell: Reporter) -> Earlier:
    """Return of the file to write what stays; refuse to replace one that is no lock."""
    if old and "--force" not in asks.flags and not earlier.is_lock(old, asks.output):
        message = f"`{asks.output}` was not written by pinstall, pip-compile or uv"
        hint = "name another file after `-o`, or replace it with `--force`; nothing was changed"
        raise PinstallError("no-lock", message, hint=hint, exit_code=UNREADABLE)
    if not old or not earlier.is_lock(old, asks.output):
        return earlier.Earlier()
    known = earlier.read(old, asks.output, asks.folder, asked.target.markers, asked.environ)
    going = known.pins if "--upgrade" in asks.flags else asks.upgrades
    pins = {name: one for name, one in known.pins.items() if name not in going}
    outgrown = earlier.find_outgrown(pins, asked.lines, asked.target.markers)
    for name, line in sorted(outgrown.items()):
        was = f"=={pins[name].version}" if pins[name].version else " @ its link"
        tell.say(f"{name}{was} is not kept: {phrases.place(line.origin)} asks for `{line.text}`")
    for name in dict(known.others):
        tell.say(f"what `{asks.output}` has of {name} for other environments stays")
    return known._replace(pins={name: one for name, one in pins.items() if name not in outgrown})


def _placed(line: RequirementLine, asks: Wanted) -> RequirementLine:
    """Return the line with its origin in the words of a comment, those of pip-compile, from the working directory."""
    where = line.origin.where
    if where.startswith("argument "):
        where = asks.places.get(where, "command line")
    elif os.path.exists(where):
        kind = "" if where.endswith((".toml", ".py")) else "-c " if line.constraint else "-r "
        where = kind + os.path.relpath(where)
    return replace(line, origin=Origin(where=where))


def _find_bounds(lines: Iterable[RequirementLine], asked: Asked, asks: Wanted) -> dict[str | None, set[str]]:
    """Return by project the constraint files that bound it, without those of pip's settings."""
    settled = {os.path.abspath(option.value or "") for option in asked.request.defaults}
    bounds: dict[str | None, set[str]] = {}
    for line in lines:
        if line.constraint and os.path.abspath(line.origin.where) not in settled:
            bounds.setdefault(line.name, set()).add(_placed(line, asks).origin.where)
    return bounds


def _locked(asked: Asked, asks: Wanted, found: Report, known: Earlier, since: float) -> tuple[Locked, ...]:
    """Return what is locked, the files of each release as its index lists them, or as the earlier lock does."""
    cache = Cache(asked)
    for item in found["install"]:
        _complete(item, asked, cache)
    kept = locking.find_kept(found, known.pins)
    listed = locking.list_releases(found, kept)
    index = make_index(asked, cache, listed, since)
    lines = [line for line in asked.lines if metadata.applies(line.marker, found["environment"])]
    roots = [_placed(line, asks) for line in lines if not line.constraint]
    locked = locking.locked(found, roots, index.pages(listed), locking.demanded(lines), kept)
    unlisted = [one for one in locked if one.alone and urls.scheme(one.files[0].url) != "file"]
    if index.silent and any(one.alone == locking.UNLISTED for one in unlisted):
        names = ", ".join(f"`{one.name}`" for one in unlisted)
        raise resolving.describe_silence(f"the index does not say which files {names} has", index)
    projects: dict[str, str] = {
        locking.name(item): asks.folders[path]
        for item in found["install"]
        if (path := os.path.realpath(files.path_of(item["download_info"]["url"]) or "")) in asks.folders
    }
    settings = {line.name: resolving.find_settings(line, asked) for line in lines if line.name is not None}
    others, bounds = dict(known.others), _find_bounds(lines, asked, asks)
    return tuple(
        replace(
            one,
            askers=tuple(sorted({*(projects.get(asker, asker) for asker in one.askers), *bounds.get(one.name, ())})),
            settings=settings.get(one.name, ()),
            marker=kept[one.name].marker if one.name in others and one.name in kept else one.marker,
        )
        for one in locked
        if one.name not in projects
    )


def _complete(item: dict[str, Any], asked: Asked, cache: Cache) -> None:
    """Add a hash of the file that pip took, where its index gives none that pip takes after `--hash`."""
    archive, url = item["download_info"].get("archive_info"), item["download_info"]["url"]
    digests = metadata.hashes(item["download_info"])
    if archive is None or any(digest.partition(":")[0] in demand.STRONG for digest in digests):
        return
    bodies = (cache.downloads.content(entry) for _, entry in cache.downloads.answers(url))
    content = next(filter(None, bodies), None) or client.fetch(url, asked.in_force)
    algorithms = {digest.partition(":")[0] for digest in digests}
    if digests != {f"{name}:{hashlib.new(name, content).hexdigest()}" for name in algorithms}:
        raise PinstallError("lying-index", f"`{urls.redacted(url)}` is another file by now", exit_code=NOT_PINNED)
    archive["hashes"] = {**archive.get("hashes", {}), "sha256": hashlib.sha256(content).hexdigest()}


def make_index(asked: Asked, cache: Cache, versions: Mapping[NormalizedName, str], since: float) -> Index:
    """Return the index for these releases, by the pages that pip has read since then, else by those of now."""
    known = {str(name): version for name, version in versions.items()}

    def through(url: str, ask: Ask) -> Answer | None:
        answer = cache.downloads.recent(url, since) or ask(url)
        version = known.get(url.rstrip("/").rpartition("/")[2])
        if answer is None or version is None:
            return answer
        kind = answer.headers.get("content-type", "")
        return replace(answer, content=locking.thin_page(answer.content, kind, version))

    return Index(asked.in_force, through)


def _tell_gaps(locked: Iterable[Locked], tell: Reporter) -> None:
    for one in locked:
        if one.alone:
            tell.say(f"{one.alone} `{one.name}`: locked is the one that pip took")
        elif one.directory:
            tell.say(f"`{one.name}` is left out: it is a directory, which has no hash")
        elif one.vcs:
            tell.say(f"`{one.name}` is locked to a commit, which pip refuses under `--require-hashes`")


def _text(locked: Sequence[Locked], found: Report, asked: Asked, asks: Wanted, known: Earlier) -> str:
    """Return the text of the lock; raise PinstallError (70) if it would be read as something else."""
    request, restore, markers = asked.request, texts.make_restorer(asked), found["environment"]
    foreign = [f"{one.name} {one.value}" for one in request.options if one.dest in FOREIGN]
    heading = [] if "--no-header" in asks.flags else texts.header(markers, foreign, asks.command)
    if lockfile.is_lock(asks.output):
        texts.refuse(locked, restore)
        text = texts.lock(locked, heading, None if foreign else markers, asks.folder, known.others)
        choice, base = lockfile.Choice(asks.output, default=True), os.path.join(asks.folder, "")
        read = lockfile.read(text.encode(), choice, file=asks.output, base=base, markers=asked.target.markers)
        if read is None:
            hint = "upgrade packaging, or write a requirement file: `-o requirements.txt`"
            message = "lock files need packaging 26.1 or newer beside pinstall"
            raise PinstallError("old-packaging", message, hint=hint, exit_code=UNREADABLE)
        fault = texts.find_fault(read, locked, asked.target.markers, whole=False)
    else:
        locked = [replace(one, url=restore(one.url)) for one in locked]
        locked = [replace(one, extras=()) for one in locked] if "--strip-extras" in asks.flags else locked
        locked = [replace(one, hashes=()) for one in locked] if "--no-hashes" in asks.flags else locked
        unsaid = ("index_url", "extra_index_urls") if "--no-emit-index-url" in asks.flags else ()
        given = [*request.command_line, *asked.options]
        options = [_option(one, restore, asks) for one in given if one.dest in _FINDING and one.dest not in unsaid]
        text = texts.requirements(locked, heading, options, known.others, annotated="--no-annotate" not in asks.flags)
        read = requirements.read(text.encode(), file=asks.output, constraint=False, environ={})
        fault = texts.find_fault(read, locked, asked.target.markers, whole=True)
    if fault:
        raise PinstallError("read-back", f"what would be written is not what was resolved: {fault}", exit_code=INTERNAL)
    return text


def _option(option: Option, restore: Callable[[str], str], asks: Wanted) -> str:
    value = option.value
    if value and "://" in value:
        option = replace(option, value=urls.without_secrets(restore(value)))
    return restated.option(option, asks.folder)


def _delivered(old: str, text: str, asks: Wanted, tell: Reporter, pins: str) -> int:
    if not asks.output:
        tell.page(text)
        tell.say(f"{pins} written")
    elif texts.is_same(old, text):
        tell.say(f"`{asks.output}` is up to date: {pins}")
    elif {"--check", "--dry-run"} & {*asks.flags}:
        for line in texts.difference(old, text):
            tell.show(Fault(line, id="outdated-lock"))
        tell.say(f"`{asks.output}` is not up to date; `pinstall lock` without `--check` writes it")
        return FINDING
    else:
        reading.write(asks.output, text)
        tell.say(f"`{asks.output}` is written: {pins}")
    return HOLDS
