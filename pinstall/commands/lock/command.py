"""Have pip resolve what is asked, and write down what it chose, with the hashes of every file of each release.

May not: resolve, parse text, print.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

from pinstall import files, pip
from pinstall.cache.cache import Cache
from pinstall.commands.lock import locked as locking
from pinstall.commands.lock import texts
from pinstall.formats import metadata, urls
from pinstall.index import client
from pinstall.index.offers import Index
from pinstall.model.errors import FINDING, HOLDS, UNREADABLE, USAGE, PinstallError, misuse
from pinstall.model.inputs import Fault, Option, Origin, RequirementLine
from pinstall.report import phrases
from pinstall.request import arguments, lockfile, pyproject, reading, requirements
from pinstall.request.call import Asked, gather, read_call
from pinstall.request.options import FOREIGN, NEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pinstall.commands.lock.locked import Locked
    from pinstall.index.offers import Ask
    from pinstall.model.artifacts import Answer
    from pinstall.model.pins import Reporter

    Report = Mapping[str, Any]

UNAVAILABLE: Final = 69
_ASKING: Final = ("dependency_groups", "editables", "requirements", "requirements_from_scripts")
# What a reader of the lock needs to find the same files.
_FINDING: Final = (*client.OPTIONS, "format_control", "trusted_hosts")
_HEADING: Final = "locked by pinstall for"


class Wanted(NamedTuple):
    """What is asked of this command alone: the file, empty for standard output, and what of it is not to be kept."""

    output: str = ""
    check: bool = False
    everything: bool = False
    upgraded: frozenset[NormalizedName] = frozenset()

    @property
    def folder(self) -> str:
        """Return the folder that paths in the lock count from."""
        return os.path.dirname(os.path.abspath(self.output or "-"))


def lock(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> int:
    """Write what pip would install for these arguments, and return pip's exit code where it cannot tell.

    With `--check` nothing is written, and 1 returned where something would be. Raises PinstallError where an index
    does not answer (69), or contradicts what pip got from it (65).
    """
    wanted, words = _wanted(argv)
    words, source = _inputs(words, environ, tell)
    asked = gather(read_call(words, environ))
    asked.pip.need_reports("old-pip", "`pinstall lock` cannot know what to pin")
    old = reading.text(wanted.output) if wanted.output else ""
    _refuse_to_overwrite(old, wanted, asked)
    kept = _kept(old, wanted, asked, tell)
    since = files.read_clock(asked.cache_directory.path or os.devnull) / 1e9
    found = _resolved(asked, kept, tell)
    if isinstance(found, int):
        if kept:
            tell.say(f"the pins of `{wanted.output}` were kept; `--upgrade`, or `--upgrade-package NAME`, lets them go")
        return found
    roots = [_placed(line, wanted.folder, source) for line in asked.lines if not line.constraint]
    locked = _locked(asked, found, roots, since, tell)
    for name in sorted(wanted.upgraded - {one.name for one in locked}):
        tell.say(f"`--upgrade-package {name}` changes nothing: nothing that is asked for needs {name}")
    text = _text(locked, found, asked, wanted)
    return _delivered(old, text, wanted, tell)


def _wanted(argv: Sequence[str]) -> tuple[Wanted, list[str]]:
    """Return what is for this command alone, and what is left for `install`."""
    wanted, left, words = Wanted(), [], iter(argv)
    for word in words:
        short = word[:2] in ("-o", "-P") and word[2:3] != "="
        name, equals, glued = (word[:2], word[2:], word[2:]) if short else word.partition("=")
        if name in ("-o", "--output-file", "-P", "--upgrade-package"):
            value = glued if equals else next(words, "")
            file = "o" in name[:3]
            if not value or (not file and set(value) & set("<>=!~[;@ ")):
                takes = "a file" if file else "the name of a project, and nothing else"
                raise misuse(f"`{name}` takes {takes}")
            if file:
                wanted = wanted._replace(output=value)
            else:
                wanted = wanted._replace(upgraded=wanted.upgraded | {canonicalize_name(value)})
        elif word in ("-U", "--upgrade"):
            wanted = wanted._replace(everything=True)
        elif word == "--check":
            wanted = wanted._replace(check=True)
        else:
            left.append(word)
    if wanted.check and not wanted.output:
        raise misuse("`--check` needs the file that it is about: `-o FILE`")
    return wanted, left


def _inputs(words: list[str], environ: Mapping[str, str], tell: Reporter) -> tuple[list[str], str]:
    """Return the words with what is to be locked, a `.in` or `.txt` file as `-r`, and the project file found."""
    for argument in reversed(arguments.read(words, NEWEST).positionals):
        if argument.text.endswith((".in", ".txt")) and os.path.isfile(argument.text):
            number = int(argument.origin.where.rpartition(" ")[2])
            words[number - 1 : number] = ["-r", argument.text]
    request = read_call(words, environ).request
    if request.positionals or request.has(*_ASKING):
        return words, ""
    for path in pyproject.candidates(os.getcwd(), environ):
        beside = os.path.join(os.path.dirname(path), "requirements.in")
        if os.path.isfile(beside):
            tell.say(f"locking what `{os.path.relpath(beside)}` asks for")
            return [*words, "-r", os.path.relpath(beside)], ""
        if needs := _dependencies(path):
            tell.say(f"locking the dependencies of `{os.path.relpath(path)}`")
            return [*words, *needs], path
    raise misuse("there is nothing to lock", "name requirements or `-r FILE`, or write a `requirements.in`")


def _dependencies(path: str) -> list[str]:
    """Return the dependencies that a `pyproject.toml` lists, none where it has none of its own."""
    content = reading.text(path)
    try:
        listed = metadata.parse_toml(content.encode()).get("project", {}).get("dependencies", [])
        return [str(need) for need in listed]
    except (ValueError, AttributeError, TypeError) as error:
        fault = Fault(origin=Origin(where=path), message=str(error))
        message = "the dependencies cannot be read"
        raise PinstallError("project", message, context=(fault,), exit_code=UNREADABLE) from error


def _refuse_to_overwrite(old: str, wanted: Wanted, asked: Asked) -> None:
    """Refuse to replace a file that says what is to be locked, unless it is a lock of ours itself."""
    if old and _HEADING not in old[:40] and os.path.realpath(wanted.output) in map(os.path.realpath, asked.files):
        hint = "name another file behind `-o`; nothing has been changed"
        raise misuse(f"`{wanted.output}` says what is to be locked", hint)


def _kept(old: str, wanted: Wanted, asked: Asked, tell: Reporter) -> dict[NormalizedName, str]:
    """Return the old pins that stay, and say which of them what is asked now does not allow any more."""
    if wanted.everything or not old:
        return {}
    pinned = {name: version for name, version in _pinned(old, wanted.output) if name not in wanted.upgraded}
    outgrown = locking.find_outgrown(pinned, asked.lines, asked.target.markers)
    for name, line in sorted(outgrown.items()):
        tell.say(f"{name}=={pinned[name]} gives way: {phrases.place(line.origin)} asks for `{line.text}`")
    return {name: version for name, version in pinned.items() if name not in outgrown}


def _pinned(old: str, file: str) -> Iterator[tuple[NormalizedName, str]]:
    """Yield what an older lock pins; refuse a file that is something else."""
    if lockfile.is_lock(file):
        try:
            packages = metadata.parse_toml(old.encode())["packages"]
            yield from ((canonicalize_name(one["name"]), one["version"]) for one in packages if "version" in one)
        except (ValueError, LookupError, TypeError) as error:
            raise _no_lock(file, f"it is no lock: {error}") from error
        return
    read = requirements.read(old.encode(), file=file, constraint=False, environ={})
    for fault in read.faults:
        raise _no_lock(file, f"{fault.origin}: {fault.message}")
    yield from locking.find_pins(read.lines)


def _no_lock(file: str, reason: str) -> PinstallError:
    hint = "name another file behind `-o`, or delete this one"
    return PinstallError("no-lock", f"`{file}` cannot be kept: {reason}", hint=hint, exit_code=UNREADABLE)


def _resolved(asked: Asked, kept: Mapping[NormalizedName, str], tell: Reporter) -> Report | int:
    """Return the report on what pip would install into an empty environment, or the exit code with which it failed."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        words = ["--dry-run", "--ignore-installed", "--report", path]
        if kept:
            lines = [f"{name}=={version}" for name, version in kept.items()]
            words += ["--constraint", pip.write_requirements(folder, lines)]
        with tempfile.TemporaryFile() as said:
            with _redirected(2 if tell.detailed else said.fileno()):
                command = (*asked.pip.command, "install", *words, *asked.request.arguments)
                ended = pip.run(command, asked.environ, asked.replays)
            if ended.exit_code != 0:
                said.seek(0)
                os.write(2, said.read())  # why, pip tells in the same tone as how far it is
                return ended.exit_code
        found = files.recall(path)
    if not found:
        raise PinstallError("report", "pip wrote no report", hint="leave out `--report`", exit_code=USAGE)
    return found


@contextlib.contextmanager
def _redirected(place: int) -> Iterator[None]:
    """Have pip's standard output go to another open file: the lock goes to ours."""
    stdout = os.dup(1)
    os.dup2(place, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def _placed(line: RequirementLine, folder: str, source: str) -> RequirementLine:
    """Return the line with its origin in the words of a comment, paths relative to the lock."""
    where, number = line.origin.where, line.origin.line
    if where.startswith("argument "):
        where = os.path.relpath(source, folder) if source else where
    elif os.path.exists(where):
        kind = "" if where.endswith((".toml", ".py")) else "-r "
        where = kind + os.path.relpath(where, folder)
    return replace(line, origin=Origin(where=where, line=number))


def _locked(
    asked: Asked, found: Report, roots: Sequence[RequirementLine], since: float, tell: Reporter
) -> tuple[Locked, ...]:
    listed = locking.list_releases(found)
    index = make_index(asked, listed, since)
    locked = locking.locked(found, roots, index.pages(listed))
    alone = ", ".join(f"`{one.name}`" for one in locked if one.alone)
    if index.silent and any(one.alone and urls.scheme(one.files[0].url) != "file" for one in locked):
        raise PinstallError(
            "index",
            f"the index does not say which files {alone} has",
            context=tuple(map(urls.redacted, index.silent)),
            hint="try again; what only pip can log in to needs its password in the URL or in `.netrc`",
            exit_code=UNAVAILABLE,
        )
    if alone:
        tell.say(f"no index lists the files of {alone}: locked is the one that pip took")
    for one in locked:
        if one.directory:
            tell.say(f"`{one.name}` is left out: it is a directory, which has no hash")
        elif one.vcs:
            tell.say(f"`{one.name}` is locked to a commit, which pip refuses under `--require-hashes`")
    return locked


def make_index(asked: Asked, versions: Mapping[NormalizedName, str], since: float) -> Index:
    """Return the index for these releases, by the pages that pip has read since then, else by those of now."""
    cache = Cache(asked)
    known = {str(name): version for name, version in versions.items()}

    def through(url: str, ask: Ask) -> Answer | None:
        answer = cache.downloads.recent(url, since) or ask(url)
        version = known.get(url.rstrip("/").rpartition("/")[2])
        if answer is None or version is None:
            return answer
        kind = answer.headers.get("content-type", "")
        return replace(answer, content=locking.thin_page(answer.content, kind, version))

    return Index(asked.in_force, through)


def _text(locked: Sequence[Locked], found: Report, asked: Asked, wanted: Wanted) -> str:
    request, restore = asked.request, texts.make_restorer(asked)
    foreign = [f"{one.name} {one.value}" for one in request.options if one.dest in FOREIGN]
    heading = (" ".join((_HEADING, locking.platform(found), *foreign)),)
    if lockfile.is_lock(wanted.output):
        texts.refuse(locked, restore)
        return texts.lock(locked, heading, None if foreign else found["environment"])
    given = [*request.command_line, *asked.options]
    options = [(one.name, restore(_moved(one, wanted.folder) or "") or None) for one in given if one.dest in _FINDING]
    locked = [replace(one, url=restore(one.url)) for one in locked]
    return texts.requirements(locked, heading, texts.options(options))


def _moved(option: Option, folder: str) -> str | None:
    """Return the value of an option as a file in this folder has to write it: only places of links are paths."""
    value = option.value
    if option.dest != "find_links" or value is None or "://" in value:
        return value
    return os.path.relpath(client.found(option), folder)


def _delivered(old: str, text: str, wanted: Wanted, tell: Reporter) -> int:
    if not wanted.output:
        tell.page(text)
    elif text == old:
        tell.say(f"`{wanted.output}` is up to date")
    elif wanted.check:
        for line in texts.difference(old, text):
            tell.show(line)
        tell.say(f"`{wanted.output}` is not up to date")
        return FINDING
    else:
        reading.write(wanted.output, text)
        tell.say(f"`{wanted.output}` is written")
    return HOLDS
