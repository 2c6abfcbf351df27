"""Tell what is known of one project: who pins it, what is installed, what is cached, what would be done.

May not: write, start pip, parse text, print.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName, canonicalize_name

from pinstall.cache.inventory import everything
from pinstall.formats import urls
from pinstall.model.artifacts import Plan
from pinstall.model.errors import FINDING, HOLDS, misuse
from pinstall.model.inputs import Fault
from pinstall.model.pins import Distribution, Reporter, State, Verdict
from pinstall.report import phrases
from pinstall.request.call import Asked, gather, read_call, refuse
from pinstall.verdicts.evidence import Evidence
from pinstall.verdicts.proof import gather_evidence


def why(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Show what is known of the first argument, a project; return 1 for nothing, raise (64) without a name."""
    call = read_call(argv, environ)
    refuse(call, "why")
    if not call.request.positionals:
        hint = "write `pinstall why NAME -r requirements.txt`"
        raise misuse("`pinstall why` takes the name of a project first", hint)
    first, *others = call.request.positionals
    name = canonicalize_name(first.text.partition("==")[0])
    request = replace(call.request, positionals=tuple(others))
    evidence, cache, judged = gather_evidence(gather(replace(call, request=request)))
    installed, found = evidence.find(name), [verdict for verdict in judged if verdict.pin.name == name]
    texts = [
        *_asked_for(evidence.asked, name),
        *(() if installed is None else _installed(installed, evidence)),
        *evidence.requirers(name),
        *_held(cache.path, name),
        *_next(found, cache.planned(cache.cases([verdict.pin for verdict in found]))),
    ]
    for text in texts:
        tell.show(Fault(text, id="fact", project=name))
    if not texts:
        tell.say(f"`{name}` is not in the files, not installed, and not in pip's cache")
        return FINDING
    wrong = sum(verdict.state is not State.HOLDS for verdict in found)
    tell.say(f"`{name}` is {'not satisfied' if wrong else 'satisfied' if found else 'not pinned'}")
    return HOLDS


def _asked_for(asked: Asked, name: NormalizedName) -> Iterator[str]:
    for line in asked.lines:
        if line.name == name:
            kind = "constrains it" if line.constraint else "asks for it"
            yield f"{phrases.place(line.origin)} {kind}: {line.text}"


def _installed(found: Distribution, evidence: Evidence) -> Iterator[str]:
    yield f"{found.text} is installed in {found.location}"
    row = evidence.installed.row(found)
    damage = found.damage or evidence.installed.files(found).damage(row.flaws if row else ())
    if damage is not None:
        yield damage
    if found.identity.source is not None:
        kind = " as an editable" if found.editable else ""
        yield f"it came from {urls.redacted(found.identity.source.url)}{kind} (direct_url.json)"
    if row is not None:
        yield f"its install record: from {row.url or 'an unknown place'} ({', '.join(sorted(row.hashes))})"


def _held(cache: str, name: NormalizedName) -> Iterator[str]:
    for held in everything(cache):
        if held.name == name:
            origin = f" of {held.origin}" if held.origin else ""
            yield f"pip's cache has {held.what}{origin} ({held.paths[0]})"


def _next(found: Sequence[Verdict], planned: Plan) -> Iterator[str]:
    for eviction in planned.evictions:
        yield f"`install` would move {eviction.what} out of pip's cache: {eviction.reason}"
    for verdict in found:
        if verdict.state is State.HOLDS:
            yield f"{verdict.pin.wanted} is satisfied"
            yield from (str(phrases.remark(verdict, text)) for text in (*verdict.warnings, *verdict.notes))
        else:
            yield str(phrases.verdict(verdict, f"; {phrases.remedy(verdict)}"))
