"""Read the text of a requirement or constraint file into requirements, nested files, options, and all its faults.

May not: open a file, follow a nested one, evaluate a marker.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name, parse_sdist_filename, parse_wheel_filename

from pinstall import formats, request
from pinstall.formats import urls
from pinstall.model.inputs import Fault, Nested, Option, Origin, RequirementFile, RequirementLine

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.requirements import Requirement

_Extras = frozenset[NormalizedName]
_Given = Iterable[tuple[Option, tuple[str, ...]]]
_Maker = partial[RequirementLine]

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    *((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF32_LE, "utf-32-le")),
    *((codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le")),
)
_COMMENT = re.compile(r"(^|\s)#.*$")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")

_HASHES = re.compile(r"(?:--hash=sha(?:256|384|512):[0-9a-f]+(?:[ \t]+|\Z))+")
_PIN = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \t]*==[ \t]*[0-9][A-Za-z0-9.!+]*")
_SINGLE = r"[A-Za-z0-9][\w.-]*[ \t]*(?:\[[^\]]*\][ \t]*)?=(?![=>])"  # compiled only for what is refused
# Old pip releases accept such wheel names; the current one refuses some of them.
_LOOSE_WHEEL = re.compile(r"[^\s-]+-[^\s-]*(-\d[^-]*)?(-[^\s-]+){3}\.whl")
_UTF16 = "this is not UTF-8 text; if it is UTF-16, it needs a byte order mark"
_STRAY = "`--hash` belongs to no requirement; is a `\\` missing above it, or a comment between?"
_UNNAMED = partial(RequirementLine, name=None, specifier=SpecifierSet())
_CONTROLS = frozenset({"format_control", "release_control"})
_FOR_ONE = frozenset({"config_settings", "global_options", "install_options"})


def read(content: bytes, *, file: str, constraint: bool, environ: Mapping[str, str]) -> RequirementFile:
    """Return what a requirement file says, with every fault in it, by the rules of pip 26.3."""
    try:
        text = decode(content)
    except (LookupError, ValueError) as error:
        number = error.object.count(b"\n", 0, error.start) + 1 if isinstance(error, UnicodeDecodeError) else None
        fault = Fault(origin=Origin(where=file, line=number), message=f"cannot decode the text: {error}")
        return RequirementFile(faults=(fault,))
    if "\0" in text[:2]:  # each line of it would be a fault
        return RequirementFile(faults=(Fault(origin=Origin(where=file), message=_UTF16),))
    found: list[RequirementLine | Nested | Option | Fault] = []
    for number, logical in logical_lines(text, environ):
        found += _statements(logical, Origin(where=file, line=number), constraint=constraint)
    return RequirementFile(
        lines=tuple(one for one in found if isinstance(one, RequirementLine)),
        nested=tuple(one for one in found if isinstance(one, Nested)),
        options=tuple(one for one in found if isinstance(one, Option)),
        faults=tuple(one for one in found if isinstance(one, Fault)),
    )


def line(text: str, origin: Origin, *, editable: bool = False, constraint: bool = False) -> RequirementLine | Fault:
    """Return one requirement, as pip's command line takes it, or what is wrong with it."""
    text = text.strip()
    shown = urls.redacted(text)
    make = partial(_UNNAMED, origin=origin, text=shown, editable=editable, constraint=constraint)
    try:
        found = _editable(text, make) if editable else _requirement(text, make)
    except ValueError as error:
        reason = urls.redacted(str(error).partition("\n")[0])
        if not editable and re.match(_SINGLE, text):
            reason = "`=` is not an operator; did you mean `==`?"
        return Fault(origin=origin, message=f"invalid requirement `{shown}`: {reason}")
    if constraint and (problem := _no_constraint(found)):
        return Fault(origin=origin, message=f"`{shown}` is not a constraint: {problem}")
    fragment = urls.digest(found.link) if found.link and urls.is_url(found.link) else None
    return replace(found, hashes=frozenset((fragment,))) if fragment else found


def decode(content: bytes) -> str:
    """Return the text by its byte order mark, a PEP 263 comment, or as UTF-8; raise UnicodeError or LookupError."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n", 2)[:2]:
        if line.startswith(b"#") and (coding := re.search(rb"coding[:=]\s*([-\w.]+)", line)):
            return content.decode(coding[1].decode("ascii"))
    return content.decode("utf-8")


def logical_lines(text: str, environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield each line that is not empty, with the number of its first physical line."""
    for number, joined in _joined(text):
        bare = (_COMMENT.sub("", joined) if "#" in joined else joined).strip()
        if bare:
            yield number, _expanded(bare, environ) if "${" in bare else bare


def _joined(text: str) -> Iterator[tuple[int, str]]:
    first = 0
    parts: list[str] = []
    for number, physical in enumerate(text.splitlines(), 1):
        comment = "#" in physical and physical.lstrip().startswith("#")
        first = first if parts else number
        if physical.endswith("\\") and not comment:
            parts.append(physical.strip("\\"))
        else:  # a comment ends the joining; the blank keeps it a comment after the joined lines
            yield first, "".join((*parts, f" {physical}" if comment else physical))
            parts = []
    if parts:
        yield first, "".join(parts)


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    for name in dict.fromkeys(VARIABLE.findall(text)):
        if value := environ.get(name):
            text = text.replace(f"${{{name}}}", value)
    return text


def _statements(text: str, origin: Origin, *, constraint: bool) -> Iterator[RequirementLine | Nested | Option | Fault]:
    # only a blank before the dash separates them, not a tab, as in pip
    demand, dash, rest = f" {text}".partition(" -")
    options = f"-{rest}" if dash else ""
    if demand and (not options or _HASHES.fullmatch(options)):
        found = line(demand, origin, constraint=constraint)
        hashes = frozenset(options.replace("--hash=", "").split())
        yield replace(found, hashes=found.hashes | hashes) if hashes and isinstance(found, RequirementLine) else found
        return
    given: _Given = ()
    try:
        given = tuple(request.lines.read(options, origin))
    except ValueError as error:
        yield Fault(origin=origin, message=urls.redacted(str(error)))
    editables = [one.value for one, _ in given if one.dest == "editables"]
    if demand or editables:
        found = line(demand or editables[0] or "", origin, editable=bool(editables), constraint=constraint)
        yield _with_options(found, given) if isinstance(found, RequirementLine) else found
    elif any(one.dest == "hashes" for one, _ in given):  # pip ignores it, whatever it was meant to protect
        yield Fault(origin=origin, message=_STRAY)
    yield from _directives([one for one, _ in given], origin, alone=not (demand or editables))


def _with_options(requirement: RequirementLine, given: _Given) -> RequirementLine:
    """Return the requirement with its options; pip ignores all but the settings of an editable one."""
    mine = {"config_settings"} if requirement.editable else _FOR_ONE
    hashes = () if requirement.editable else (one.value or "" for one, _ in given if one.dest == "hashes")
    return replace(
        requirement,
        hashes=requirement.hashes.union(digest.lower() for digest in hashes),
        options=tuple(word for one, words in given if one.dest in mine for word in words),
    )


def _directives(given: list[Option], origin: Origin, *, alone: bool) -> Iterator[Nested | Option]:
    """Yield the nested file and the options of a line: of several nested files or link folders pip sees the first.

    After a requirement or a nested file pip drops every option except the controls.
    """
    firsts = {one.dest: one for one in reversed(given)}
    nested = (firsts.get("requirements") or firsts.get("constraints")) if alone else None
    if nested:
        yield Nested(origin=origin, target=nested.value or "", constraint=nested.dest == "constraints")
    for one in given:
        free = alone and not nested and one.dest not in {*_FOR_ONE, "hashes"}
        hidden = one.dest == "find_links" and one is not firsts["find_links"]
        if one.dest in _CONTROLS or (free and not hidden):
            yield one


def _requirement(text: str, make: _Maker) -> RequirementLine:
    url = urls.is_url(text)
    text, _, condition = (part.strip() for part in text.partition("; " if url else ";"))
    marker = formats.metadata.marker(condition) if condition else None
    if url:
        return _linked(make, text, marker)
    if pin := _PIN.fullmatch(text):
        return make(name=canonicalize_name(pin[1]), specifier=SpecifierSet(text[pin.end(1) :]), marker=marker)
    path, extras = _unbracketed(text)
    if urls.is_archive(path) and not ("@" in text and not urls.looks_like_path(text.partition("@")[0])):
        return _linked(make, path, marker, extras)
    try:
        named = formats.metadata.requirement(text)
    except ValueError:
        if not urls.looks_like_path(text) or "://" in text:
            raise
        return _linked(make, path, marker, extras)
    return _named(make, named, marker, extras)


def _editable(text: str, make: _Maker) -> RequirementLine:
    named = None
    with suppress(ValueError):
        named = formats.metadata.requirement(text)
    if named and named.url:
        demand = _named(make, named, named.marker)
    else:
        link, extras = _unbracketed(text)
        if text.lower().startswith(("git:", "hg:", "svn:", "bzr:")):
            text = f"{text.partition(':')[0]}+{text}"
        demand = _linked(make, text) if urls.is_vcs(text) else _linked(make, link, None, extras)
    link = demand.link or ""
    local = urls.scheme(link) == "file" or not ("://" in link or urls.is_url(link) or (named and named.url))
    if not link or not (local or urls.is_vcs(link)):
        raise ValueError("an editable requirement is a local directory or a VCS URL")
    if demand.anonymous and urls.is_vcs(link):
        raise ValueError("an editable VCS requirement needs its name, as `NAME @ URL` or as `#egg=NAME`")
    return demand


def _named(make: _Maker, named: Requirement, marker: Marker | None, extras: _Extras = frozenset()) -> RequirementLine:
    if named.url:
        urls.file_name(named.url)
    extras = extras or frozenset(map(canonicalize_name, named.extras))
    name = canonicalize_name(named.name)
    return make(name=name, extras=extras, specifier=named.specifier, marker=marker, link=named.url)


def _linked(make: _Maker, link: str, marker: Marker | None = None, extras: _Extras = frozenset()) -> RequirementLine:
    """Return the demand of a bare URL or path; pip does not take a name from the file name of an sdist."""
    file = urls.file_name(link)
    if len(file) > formats.metadata.LONGEST_NAME and file.endswith(".whl"):
        raise ValueError("its file name is too long")
    name: NormalizedName | None = None
    anonymous = False
    if file.endswith(".whl"):
        try:
            name = parse_wheel_filename(file)[0]
        except ValueError:
            if not _LOOSE_WHEEL.fullmatch(file):
                raise
    elif urls.is_url(link) and (egg := urls.egg(link)) is not None:
        named = formats.metadata.requirement(egg)
        name, extras = canonicalize_name(named.name), extras or frozenset(map(canonicalize_name, named.extras))
    else:
        anonymous = True
        if not urls.is_vcs(link) and urls.is_archive(file):
            with suppress(ValueError):
                name = parse_sdist_filename(file)[0]
    return make(name=name, extras=extras, marker=marker, link=link, anonymous=anonymous)


def _no_constraint(line: RequirementLine) -> str | None:
    facts = ((line.editable, "it is editable"), (line.anonymous, "it names no project"), (line.extras, "it has extras"))
    return next((problem for applies, problem in facts if applies), None)


def _unbracketed(text: str) -> tuple[str, _Extras]:
    bare = text.rstrip("/")
    start = bare.rfind("[", 1, -2)  # pip's `(.+)(\[[^\]]+\])`, which takes hours for many brackets
    if start < 0 or not bare.endswith("]") or "]" in bare[start:-1]:
        return text, frozenset()
    extras = formats.metadata.requirement(f"placeholder{bare[start:].lower()}").extras
    return bare[:start].rstrip(), frozenset(map(canonicalize_name, extras))
