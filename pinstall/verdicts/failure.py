"""Say why pip failed, by what disks and servers have, never by what pip printed.

May not: start pip, write.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall import comparison, files, launcher
from pinstall.environment.interpreter import find_tags
from pinstall.formats import metadata, urls
from pinstall.index import client, offers
from pinstall.model.artifacts import Link
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Fault, RequirementLine
from pinstall.model.pins import Demand, State
from pinstall.report import phrases
from pinstall.request import arguments, policy
from pinstall.request.call import Asked, describe_nearest
from pinstall.request.options import FOREIGN

# How many seconds servers may take to tell why pip has failed, after those for conflicts; how many bytes are few.
_SECONDS, _FEW = 7.0, 1 << 20
# pip's exit code for options that it does not know.
_WRONG_WORDS = 2
# With these the target, or what an index lists, does not decide what fits.
_OTHERWISE = FOREIGN | {"uploaded_prior_to"}
_ABSENT = (" 404", " 410", " is not there")
# By id: words on what it is about, and what to do. The message of an error names the first of them that holds.
REASONS = {
    "disk-full": ("no space is left in {}", "free some space and run again"),
    "index-unreachable": ("{}", "check the network, the proxy and the URL; a login belongs in the URL or in `.netrc`"),
    "no-such-project": ("no index has {}", "correct the name, or add its index with `--extra-index-url`"),
    "no-such-version": ("no file fits {}", "choose another version; `pinstall lock` finds one that fits"),
    "no-such-hash": (
        "no file has the hash of {}",
        "compare the hashes: the file may have been replaced; `pinstall lock` writes the new hash",
    ),
    "no-such-file": ("there is no file for {}", "correct the URL or path, unless the file was deleted"),
    "build-failed": (
        "a build probably failed: {}",
        "the output of the build is above, or in the file of `--log`",
    ),
}


def list_lines(demand: Demand, lacking: Collection[str | None]) -> Iterator[RequirementLine]:
    """Yield a line for each pin and requirement that is lacking, and for all without a name or in a directory."""
    for pin in demand.pins:
        if pin.requested and pin.name in lacking:
            line = max(pin.lines, key=lambda one: (one.link is not None, one.origin == pin.origin))
            yield replace(line, text=pin.wanted, hashes=pin.hashes)
    yield from (line for line in demand.unpinned if line.name is None or line.name in lacking)
    yield from demand.entrusted


def explain(
    asked: Asked, lines: Iterable[RequirementLine], exit_code: int, end: str, known: Iterable[str] = ()
) -> PinstallError:
    """Return the error on a failure of pip, with a fault for each of these lines that cannot be had.

    `end` says what was changed. `known` are the names of other projects, one of which may have been meant.
    """
    unknown = [text for text in asked.request.unknown if text not in asked.request.doubted]
    if exit_code == _WRONG_WORDS and unknown:
        message = f"pip failed (exit {exit_code}): there is no option `{unknown[0]}`{end}"
        hint = describe_nearest(unknown[0], [*arguments.rules(asked.pip.release)])
        hint = hint or "`python -m pip install --help` lists the options"
        return PinstallError("usage", message, hint=hint, exit_code=exit_code)
    names = {*known, *(line.name for line in asked.lines if line.name)}
    found = _find(asked, [*lines], names) if exit_code > 0 else []
    ids = {fault.id for _, fault in found}
    kind = next(filter(ids.__contains__, REASONS), "pip-failed")
    words, remedy = REASONS.get(kind, ("", "pip printed the reason above"))
    subjects = phrases.listed([*dict.fromkeys(subject for subject, fault in found if fault.id == kind)])
    message = f"pip failed (exit {exit_code}){words and f': {words.format(subjects)}'}{end}"
    return PinstallError(kind, message, context=tuple(fault for _, fault in found), hint=remedy, exit_code=exit_code)


def _find(asked: Asked, lines: Sequence[RequirementLine], known: set[str]) -> list[tuple[str, Fault]]:
    """Return what each finding is about, and the finding."""
    found = [(name, Fault(message=f"less than 1 MiB is free in {name}", id="disk-full")) for name in _find_full(asked)]
    flags = {option.dest for option in asked.in_force}
    if flags & _OTHERWISE or launcher.find_broken("requests") is not None:
        return found
    until, tags, offered = time.monotonic() + _SECONDS, find_tags(asked.target), offers.Index(asked.in_force)
    pages = offered.pages({line.name for line in lines if line.name and not (line.link or line.locked)}, _SECONDS)
    looked = []
    for line in lines:
        url = (line.link or "").partition("#")[0]
        one = "" if url.endswith(".whl") else "build-failed", f"`{line.text}` has to be built", url
        if line.name is not None and not url:
            links = [link for page in pages.get(line.name, ()) for link in page.links]
            links += [Link(url=at.partition("#")[0], filename=urls.file_name(at)) for at in line.locked]
            terms = offers.terms(asked.in_force, line.name, asked.target.version, tags)
            one = find_obstacle(line, links, terms, known - {line.name})
        looked.append(one)
    ask = partial(_ask, None if "no_index" in flags else client.Client(asked.in_force))
    silent = client.at_once(ask, {url for *_, url in looked if url}, max(0.0, until - time.monotonic()))
    silent[""] = "".join(offered.silent[:1])
    for line, (reason, message, url) in zip(lines, looked, strict=True):
        silence = silent.get(url, "")
        kind = reason if not silence else "no-such-file" if silence.endswith(_ABSENT) else "index-unreachable"
        if kind:
            fault = phrases.fault(line.origin, silence or message, kind, line.name or "")
            found.append((fault.message if kind == "index-unreachable" else urls.redacted(line.text), fault))
    return [one for one in found if one[1].id != "build-failed"] or found


def _find_full(asked: Asked) -> Iterator[str]:
    """Yield the folders that pip writes to and that have no space."""
    temporary = asked.environ.get("TMPDIR") or tempfile.gettempdir()
    for path in (asked.target.purelib, temporary, asked.cache_directory.path):
        if path and os.path.isdir(path) and shutil.disk_usage(path).free < _FEW:
            yield "the temporary folder" if path == temporary else f"`{path}`"


def _ask(asking: client.Client | None, url: str) -> str:
    """Return a sentence on why a file cannot be had."""
    reason, path = "", files.path_of(url)
    if path is not None:
        reason = "" if os.path.exists(path) else "is not there"
    elif asking and url.startswith("http") and not (asking.ask(url, "HEAD") or asking.ask(url)):  # some take no HEAD
        reason = asking.failed[urls.without_login(url)]
    return reason and f"{urls.without_secrets(url)} {reason}"


def find_obstacle(
    line: RequirementLine, links: Iterable[Link], terms: offers.Terms, known: Collection[str]
) -> tuple[str, str, str]:
    """Return the id and a sentence on why none of the files of a project fits, or the URL of the newest that does.

    The id is `build-failed` where that is a source archive.
    """
    name, kind, text = line.name or line.text, "no-such-version", f"`{line.text}`"
    listed = [
        (version, link) for link in links if (version := metadata.release(link.filename, canonicalize_name(name)))
    ]
    listed.sort(key=lambda one: (one[0], one[1].filename.endswith(".whl")))
    there = [link for version, link in listed if metadata.admits(line.specifier, version)]
    anywhere = [*filter(partial(offers.fits, asked=terms._replace(python=None)), there)]
    here = [*filter(partial(offers.fits, asked=terms), there)]
    same = [link for link in here if comparison.judge_hashes(line.hashes, client.hashes(link)) is not State.WRONG_HASH]
    if not listed:
        meant = "".join(policy.nearest(name, known))
        kind, text = "no-such-project", f"no index has `{name}`{meant and f'; did you mean `{meant}`?'}"
    elif not there:
        text = f"no index has {text}: {_describe_versions(line, [version for version, _ in listed])}"
    elif not anywhere:
        text += f" has only {phrases.listed([link.filename for link in there], 2)}: none fits here"
    elif not here:
        text += f" needs Python {anywhere[-1].requires_python}, this is {terms.python}"
    elif not same:
        theirs = phrases.listed([f"{link.filename} with {min(client.hashes(link))[:19]}.." for link in here], 2)
        kind, text = "no-such-hash", f"{text} has the hash {min(line.hashes)[:19]}.., and there is only {theirs}"
    elif "==" not in line.text and all(link.yanked for link in same):
        text += f" fits only releases that were yanked, such as {same[-1].filename}"
    else:
        kind = "" if same[-1].filename.endswith(".whl") else "build-failed"
        return kind, f"{text} is built from {same[-1].filename}", same[-1].url
    return kind, text, ""


def _describe_versions(line: RequirementLine, versions: Sequence[Version]) -> str:
    """Return the newest version, and those next to the one that is pinned."""
    newest = max([one for one in versions if not one.is_prerelease] or versions)
    wanted = next(filter(None, (metadata.version(clause.version) for clause in line.specifier)), newest)
    near = {*[one for one in versions if one < wanted][-1:], *[one for one in versions if one > wanted][:1]} - {newest}
    return f"the newest is {newest}" + ", the nearest: " * bool(near) + " and ".join(map(str, sorted(near)))
