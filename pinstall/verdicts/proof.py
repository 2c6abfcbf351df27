"""Prove from pip's cache that an installed distribution came from an artifact with a demanded hash.

May not: write into the cache, start pip, ask a server.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from packaging.utils import NormalizedName

from pinstall import comparison
from pinstall.cache.cache import Cache
from pinstall.environment.contents import equals
from pinstall.environment.distributions import list_folders, normalize_link
from pinstall.environment.file_list import FileList
from pinstall.environment.ledger import Row
from pinstall.formats.urls import without_secrets
from pinstall.model.inputs import RequirementLine
from pinstall.model.pins import Distribution, Identity, Pin, State, Verdict
from pinstall.request import demand
from pinstall.request.call import Asked, refuse_missing
from pinstall.verdicts import holds
from pinstall.verdicts.evidence import Evidence


def gather_evidence(asked: Asked) -> tuple[Evidence, Cache, tuple[Verdict, ...]]:
    """Return what a command that changes nothing reads: what is asked, else the held pins, and what is known of it.

    It looks where pip would install, and where pip would leave out what the environment has, into that too. Raises
    PinstallError (64) for a missing file of the command line.
    """
    refuse_missing(asked)
    if asked.request.has("target_dir", "prefix_path", "root_path"):
        folders = list_folders(asked.request, asked.target)
        paths = folders if asked.request.has("target_dir", "ignore_installed") else (*folders, *asked.target.paths)
        asked = replace(asked, target=replace(asked.target, purelib=folders[0], platlib=folders[-1], paths=paths))
    evidence = Evidence(asked)
    if not asked.lines:
        evidence = Evidence(holds.ask_for_holds(evidence), evidence.installed)
    evidence = learn_names(evidence)
    cache = Cache(evidence.asked)
    return evidence, cache, judge(cache, evidence)


def judge(
    cache: Cache, evidence: Evidence, reported: Mapping[NormalizedName, Identity] | None = None
) -> tuple[Verdict, ...]:
    """Judge as `Evidence.judge` does, also by what pip's cache proves; nothing is written down."""
    found = evidence.judge(reported)
    if proven := find_proofs(cache, evidence, found):
        evidence.proofs = proven
        found = evidence.judge(reported)
    return found


def find_proofs(cache: Cache, evidence: Evidence, found: Sequence[Verdict]) -> dict[NormalizedName, Row]:
    """Return what pip's cache proves of the pins that lack proof, as rows for the ledger.

    A cached artifact with a demanded hash, whose members equal the files on disk, is the one that was installed. For a
    wheel that pip built, the hash is that of the source archive, which pip stores next to it.
    """
    unproven = (verdict.pin for verdict in found if verdict.state is State.UNPROVEN and verdict.pin.hashes)
    open_ = ((pin, evidence.find_judged(pin.name)) for pin in unproven)
    wanting = ((pin, evidence.installed.files(one)) for pin, one in open_ if one is not None)
    rows = ((pin.name, next(_find_rows(cache, pin, installed), None)) for pin, installed in wanting)
    return {name: row for name, row in rows if row is not None}


def _find_rows(cache: Cache, pin: Pin, installed: FileList) -> Iterator[Row]:
    """Yield a row for each cached wheel that is what is installed: the downloads first, then what pip has built."""
    downloads, builds = cache.downloads, cache.builds
    for link in downloads.files(pin):
        if not link.filename.endswith(".whl") or (link.hashes and not link.hashes & pin.hashes):
            continue
        for _, entry in downloads.answers(link.url):
            with suppress(OSError, ValueError), downloads.open(entry) as body:  # deleted since, or no entry any more
                known = downloads.hash_as(entry, pin.hashes)
                if known and equals(body, installed):
                    yield _row(installed, known, link.url)
    for artifact in builds.find_wheels((pin,))[pin.name]:
        known = artifact.identity.hashes & pin.hashes
        if known and builds.is_accepted(artifact, pin) and equals(builds.locate(artifact), installed):
            yield _row(installed, known, artifact.url)


def _row(installed: FileList, known: frozenset[str], url: str) -> Row:
    return Row(version=installed.distribution.text, hashes=known, url=without_secrets(url), record=installed.digest())


def learn_names(evidence: Evidence, reported: Sequence[Identity] = ()) -> Evidence:
    """Return the evidence with the names of requests that do not say them: by pip's report, or by what is installed."""
    asked = evidence.asked
    lines = tuple(_named(line, evidence, reported) if line.anonymous else line for line in asked.lines)
    if lines == asked.lines:
        return evidence
    asked = replace(asked, lines=lines, demand=demand.reduce(lines, asked.target.markers))
    return Evidence(asked, evidence.installed)


def _named(line: RequirementLine, evidence: Evidence, reported: Sequence[Identity]) -> RequirementLine:
    for pin in demand.reduce((line,), evidence.asked.target.markers).pins:
        exact = (one for one in _known(pin, evidence, reported) if comparison.judge(pin, one) is State.HOLDS)
        ours = chain(exact, _from_there(pin, line, _known(pin, evidence, reported)))
        if (found := next(ours, None)) is not None:
            return replace(line, name=found.name, anonymous=False)
    return line


def _known(pin: Pin, evidence: Evidence, reported: Sequence[Identity]) -> Iterator[Identity]:
    """Yield what pip has reported, and what is installed, first of all what is named like the file."""
    yield from reported
    guessed = evidence.find(pin.name)
    if guessed is not None:
        yield _identity(guessed, evidence)
    for found in evidence.installed.every:
        yield _identity(found, evidence)


def _identity(found: Distribution, evidence: Evidence) -> Identity:
    return replace(found.identity, hashes=found.identity.hashes | evidence.installed.hashes(found))


def _from_there(pin: Pin, line: RequirementLine, known: Iterable[Identity]) -> Iterator[Identity]:
    """Yield what is from that very URL, and has no hash that could be compared."""
    wanted = normalize_link(line.link or "")
    same = (one for one in known if one.source is not None and normalize_link(one.source.url) == wanted)
    return (one for one in same if comparison.judge(pin, one) is State.UNPROVEN)
