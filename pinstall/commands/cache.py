"""Look after pip's cache: where it is, what it holds, what is wrong in it, what was moved out of it and back.

May not: parse text, print.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial

from packaging.utils import canonicalize_name

from pinstall.cache import builds, inventory, wheels
from pinstall.cache.inventory import Held
from pinstall.cache.shelf import Shelf, age
from pinstall.environment.ledger import list_shelves
from pinstall.formats import metadata, urls
from pinstall.model.artifacts import Eviction
from pinstall.model.errors import FINDING, HOLDS, misuse
from pinstall.model.inputs import Fault
from pinstall.model.pins import Identity, Reporter
from pinstall.report import phrases
from pinstall.request import policy
from pinstall.request.call import Call, read_call, refuse_beyond_cache
from pinstall.stamp import state_directory

_DAY = 24 * 60 * 60
_KIBI = 1024
_ACTIONS = ("list", "verify", "evict", "shelf")


def cache(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Carry out one action on pip's cache, and return the exit code: 1 for a finding, or where there is no cache.

    Raises PinstallError (64) for words that are no action, and for options that are not about the cache.
    """
    action = next((word for word in argv if word in _ACTIONS), "")
    evicting = "--evict" in argv
    call = read_call([word for word in argv if word not in (action, "--evict")], environ, installs=False)
    refuse_beyond_cache(call, "cache", "--evict")
    words = [argument.text for argument in call.request.positionals]
    most, least = action not in ("", "shelf"), action == "evict"
    if not least <= len(words) <= most or (evicting and action != "verify"):
        meant = "" if action or not words else "".join(policy.nearest(words[0], _ACTIONS))
        hint = f"did you mean `pinstall cache {meant}`?" if meant else "`pinstall help cache` shows each command"
        raise misuse(f"there is no command `{' '.join(filter(None, ('cache', action, *words)))}`", hint)
    found = call.cache_directory
    if found.path is None:
        tell.say(f"pip's cache is off: {found.reason}")
        return FINDING
    matching = list(_matching(found.path, words[0] if words else "*"))
    if words and not matching:
        tell.say(f"nothing in `{found.path}` matches `{words[0]}`")
        return FINDING
    verify = partial(_verify, evicting=evicting)
    actions: dict[str, Callable[[str, Sequence[Held], Call, Reporter], int]]
    actions = {"": _describe, "list": _list, "verify": verify, "evict": _evict, "shelf": _shelf}
    return actions[action](found.path, matching, call, tell)


def undo(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Put back what the latest run moved out of pip's cache, or the edited files that pip replaced in the environment.

    Returns 1 where that is nothing, raises for arguments.
    """
    call = read_call(argv, environ, installs=False)
    refuse_beyond_cache(call, "undo")
    if call.request.positionals:
        hint = "write `pinstall undo`; `pinstall cache shelf` lists what is on the shelf"
        raise misuse("`pinstall undo` takes no names", hint)
    path, reason, target = call.cache_directory.path, call.cache_directory.reason, call.target
    folders = {target.purelib, target.platlib, *(one for one in target.paths if one.endswith("-packages"))}
    shelved = [] if path is None else [(item, Shelf(path)) for item in Shelf(path).shelved()]
    state = state_directory(environ)
    for shelf in (Shelf(folder, place) for folder in folders for place in list_shelves(folder, state)):
        shelved += [(item, shelf) for item in shelf.shelved() if item.copied]  # the rest is broken metadata
    if not shelved:
        tell.say(f"the shelf of `{path}` is empty" if path else f"pip's cache is off: {reason}")
        return FINDING
    newest, shelf = max(shelved, key=lambda each: each[0].receipt)
    latest = [item for item in shelf.shelved() if item.receipt == newest.receipt]
    returned = shelf.put_back(latest)
    for item in latest:
        if item in returned:
            now = ": its pin is not satisfied now (see `unmanaged`)" if item.copied else " into pip's cache"
            tell.say(f"put {item.what} back{now}")
        else:
            why = "is taken" if os.path.lexists(shelf.origin(item)) else "cannot be written"
            tell.show(Fault(f"`{item.paths[0]}` stays on the shelf: its place {why}", id="stuck"))
    tell.say(f"{len(returned)} of {phrases.counted(len(latest), 'entry is', 'entries are')} back")
    return HOLDS if len(returned) == len(latest) else FINDING


def _describe(path: str, matching: Sequence[Held], call: Call, tell: Reporter) -> int:
    """Say where the cache is, what is peculiar about it, and how much it holds."""
    texts = [path] + ["it cannot be written: nothing can be moved out of it"] * (not call.cache_directory.writable)
    if chosen := call.request.last("cache_dir"):
        texts.append(f"`{chosen.name}` ({chosen.origin}) names it")
        if not os.path.isabs(os.path.expanduser(chosen.value or "")):
            texts.append(f"`{chosen.value}` is relative: in another working directory it is another cache")
    for url in _uncached(call):
        texts.append(f"nothing of {url} is cached: pip caches plain http only from trusted hosts (`--trusted-host`)")
    sizes: dict[str, list[int]] = {}
    for held in matching:
        sizes.setdefault(held.kind, []).append(_weight(path, held.paths)[0])
    texts += (f"{kind}: {len(found)}, {_readable(sum(found))}" for kind, found in sorted(sizes.items()))
    for text in texts:
        tell.show(Fault(text, id="fact"))
    _total([size for some in sizes.values() for size in some], tell)
    return HOLDS


def _total(sizes: Sequence[int], tell: Reporter) -> None:
    tell.say(f"{phrases.counted(len(sizes), 'entry', 'entries')}, {_readable(sum(sizes))}")


def _uncached(call: Call) -> Iterator[str]:
    trusted = {option.value for option in call.request.every("trusted_hosts")}
    for option in (*call.request.every("index_url"), *call.request.every("extra_index_urls")):
        url = option.value or ""
        host = urls.netloc(url)[1]
        if url.startswith("http://") and not {host, host.partition(":")[0]} & trusted:
            yield urls.redacted(url)


def _matching(path: str, pattern: str) -> Iterator[Held]:
    """Yield what is of a project, `NAME` or `NAME==VERSION`; a name may hold `*` and `?`."""
    name, _, version = pattern.partition("==")
    wanted = canonicalize_name(name)
    for held in inventory.everything(path):
        if fnmatchcase(held.name, wanted) and (not version or metadata.is_same(held.version, version)):
            yield held


def _list(path: str, matching: Sequence[Held], _: Call, tell: Reporter) -> int:
    rows = sorted((held.name, held.version, held.kind, held.paths, held.origin) for held in matching)
    sizes = []
    for name, version, kind, paths, origin in rows:
        size, written = _weight(path, paths)
        sizes.append(size)
        days = (time.time() - written) / _DAY
        text = f"{name or '?'} {version or '-'}  {kind}  {_readable(size)}  {days:.0f} days  {origin}".rstrip()
        tell.show(Fault(text, id="entry", project=name))
    _total(sizes, tell)
    return HOLDS


def _verify(path: str, matching: Sequence[Held], call: Call, tell: Reporter, *, evicting: bool) -> int:
    """Check everything that matches against what is known of it, and say what is wrong."""
    listed = inventory.list_hashes(path, matching)
    wrong = []
    for number, held in enumerate(matching, 1):
        tell.progress(number, len(matching))
        if reason := inventory.find_fault(path, held, listed, call.target.paths):
            wrong.append(_eviction(held, reason))
            tell.show(Fault(f"{held.what} {reason} ({held.paths[0]})", id="corrupt-entry", project=held.name))
        elif doubt := next(builds.suspicions(path, wheels.artifact(path, held.paths[0])), None):
            tell.say(doubt)
    moved = _shelve(path, wrong, tell) if evicting and wrong else 0
    end = f", {moved} moved to the shelf (`pinstall undo` puts {'it' if moved == 1 else 'them'} back)" if moved else ""
    tell.say(f"{phrases.counted(len(matching), 'entry', 'entries')} checked, {len(wrong)} corrupt{end}")
    return FINDING if wrong else HOLDS


def _evict(path: str, matching: Sequence[Held], _: Call, tell: Reporter) -> int:
    found = [_eviction(held, "`pinstall cache evict` asked for it") for held in matching]
    moved = _shelve(path, found, tell)
    number = phrases.counted(moved, "entry", "entries")
    tell.say(f"moved {number} to the shelf (`pinstall undo` puts {'it' if moved == 1 else 'them'} back)")
    return HOLDS if moved == len(found) else FINDING


def _shelve(path: str, evictions: Sequence[Eviction], tell: Reporter) -> int:
    """Move entries out of pip's cache, say which cannot be moved, and return how many have moved."""
    _, stuck = Shelf(path).evict(evictions)
    for eviction, why in stuck.items():
        tell.show(Fault(phrases.stuck(eviction, why), id="stuck", project=eviction.identity.name))
    return len(evictions) - len(stuck)


def _shelf(path: str, _: object, __: Call, tell: Reporter) -> int:
    shelved = list(Shelf(path).shelved())
    for item in shelved:
        text = f"{item.what}  {age(item.receipt) / _DAY:.0f} days  {item.reason}"
        tell.show(Fault(text, id="shelved", project=item.identity.name))
    tell.say(f"{phrases.counted(len(shelved), 'entry', 'entries')} on the shelf")
    return HOLDS


def _eviction(held: Held, reason: str) -> Eviction:
    identity = Identity(name=canonicalize_name(held.name), version=metadata.version(held.version))
    return Eviction(what=held.what, identity=identity, paths=held.paths, reason=reason, contradiction=True)


def _weight(path: str, paths: Iterable[str]) -> tuple[int, float]:
    """Return how many bytes files have together, and when the last of them was written."""
    size, written = 0, 0.0
    for part in paths:
        with contextlib.suppress(OSError):  # gone in this moment
            status = os.stat(f"{path}{os.sep}{part}")
            size, written = size + status.st_size, max(written, status.st_mtime)
    return size, written


def _readable(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < _KIBI:
            return f"{size:.0f} {unit}"
        size /= _KIBI
    return f"{size:.1f} GiB"
