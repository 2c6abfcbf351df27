"""Read what others write about a distribution: heads of metadata files, versions, needs, RECORDs, TOML, PEP 610.

May not: open a file, say what a field means.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pinstall.formats import urls
from pinstall.model.pins import Source

# A row of RECORD: path, hash, size, as written.
Row = Sequence[str]

# The folder of byte code, which any Python may write or remove; pip overwrites even that of a wheel.
CACHED = "__pycache__/"
# The size of a file when RECORD does not say it.
UNKNOWN = -1
# How many characters a file name can have: pip cannot store longer ones, and the tags in them may be billions.
LONGEST_NAME = 255
_SDIST = re.compile(r"(.+)\.(?:zip|tgz|tbz|txz|tlz|tar(?:\.(?:gz|bz2|xz|lz|lzma))?)")
# No limit of Python for the digits of a number is smaller.
_MOST_DIGITS = 640
# No size has so many digits.
_DIGITS = 19
# Comparisons that releases of packaging make in different ways, unless the value in the group is a version.
_UNSURE = re.compile(
    r"(platform_(?:release|version))|(?:_machine|_name|_platform|_system|_python_implementation) (?:[<>~]|===)"
)
# The most characters of a row with quotes; `csv`, with which pip reads it, takes no longer field.
_LONGEST = 131_072
# A row whose path has a comma or a quote. `csv` reads it too, and takes longer to import than all other rows.
_QUOTED = re.compile(r'"((?:[^"]|"")*)","?([^,"]*)"?,"?([^,"]*)"?')


def fields(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the header fields by lower-case name, which end at the first blank line."""
    found: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in lines:
        if line[:1] in (" ", "\t"):  # also a line of nothing but blanks, as in a licence's text
            if last:
                last[-1] += f" {line.strip()}"
            continue
        key, colon, value = line.partition(":")
        if not colon or " " in key:  # the blank line, or a text that begins without one
            break
        last = found.setdefault(key.lower(), [])
        last.append(value.strip())
    return found


def named(fields: Mapping[str, list[str]]) -> tuple[str, str]:
    """Return name and version as the fields of a metadata file say them, each empty where they do not."""
    return fields.get("name", [""])[0], fields.get("version", [""])[0]


def needs(text: str) -> tuple[str, ...]:
    """Return what setuptools' `requires.txt` lists as `Requires-Dist` would say it: sections are extras and markers."""
    found = []
    for section, line in sections(text):
        extra, _, marker = section.partition(":")
        conditions = [*([f"({marker})"] if marker else []), *([f"extra == '{extra}'"] if extra else [])]
        found.append(" ; ".join([line, *([" and ".join(conditions)] if conditions else [])]))
    return tuple(found)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line that is not empty, with the name of its section before it, which is empty at the beginning."""
    section = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            section = line.strip("[] ")
        else:
            yield section, line


@functools.cache
def release(filename: str, name: NormalizedName) -> Version | None:
    """Return the version of a wheel or sdist of the project, by its file name.

    An sdist may spell the name in any way: pip splits at the first `-` that has the project's name before it.
    """
    if len(filename) > LONGEST_NAME:
        return None
    with suppress(ValueError):  # not a version, or not a wheel
        if filename.endswith(".whl"):
            project, found, _, _ = parse_wheel_filename(filename)
            return found if project == name else None
        sdist = _SDIST.fullmatch(filename)
        stem = sdist[1] if sdist else ""
        dash = next((dash for dash in re.finditer("-", stem) if canonicalize_name(stem[: dash.start()]) == name), None)
        return dash and Version(stem[dash.end() :])
    return None


def version(text: str) -> Version | None:
    """Return the version, none for what is none."""
    with suppress(ValueError):  # InvalidVersion is one, and what a number of too many digits raises
        return Version(text)
    return None


def is_same(one: str, other: str) -> bool:
    """Tell whether two texts name one version."""
    return one == other or (version(one) is not None and version(one) == version(other))


def specifiers(text: str) -> SpecifierSet | None:
    """Return the specifiers, none where there are none or they cannot be read."""
    with suppress(ValueError):
        return SpecifierSet(text) if text else None
    return None


def requirement(text: str) -> Requirement:
    """Return what a `Requires-Dist` asks for; raises ValueError where it cannot be read."""
    try:
        found = Requirement(text)
    except (SyntaxError, RecursionError) as error:  # packaging lets through what `ast` raises for a marker
        raise ValueError(str(error)) from error
    if len(text) > _MOST_DIGITS:
        hash(found.specifier)  # packaging 26 parses its versions only here
    return found


@functools.lru_cache(maxsize=256)
def marker(text: str) -> Marker:
    """Return a marker (PEP 508); raises ValueError where it cannot be read."""
    try:
        return Marker(text)
    except (SyntaxError, RecursionError) as error:
        raise ValueError(str(error)) from error


def is_sure(marker: Marker, markers: Mapping[str, str]) -> bool:
    """Check whether every release of packaging evaluates a marker in the same way."""
    with suppress(ValueError):
        applies(marker, markers)
        return all(version(markers.get(name, "")) for name in _UNSURE.findall(str(marker)))
    return False


def admits(specifier: SpecifierSet, version: Version | str) -> bool:
    """Check whether a specifier allows a version, pre-releases too; what cannot be compared is not allowed."""
    with suppress(ValueError):  # an old version, or a number of too many digits, which new releases parse only here
        return specifier.contains(version, prereleases=True)
    return False


def applies(marker: Marker | None, markers: Mapping[str, str], extra: str = "") -> bool:
    """Tell whether a marker holds in an environment (PEP 508); raises ValueError where it cannot be evaluated."""
    try:
        return marker is None or marker.evaluate({**markers, "extra": extra})
    except (KeyError, SyntaxError, RecursionError) as error:  # an undefined name was a KeyError at times
        raise ValueError(*error.args) from error


def source(document: dict[str, Any]) -> Source:
    """Return the source that a PEP 610 document names, without credentials.

    Another document raises KeyError, TypeError, ValueError or AttributeError, here as in `hashes`.
    """
    vcs, subdirectory = document.get("vcs_info") or {}, document.get("subdirectory")
    commit, revision = vcs.get("commit_id"), vcs.get("requested_revision")
    if not all(text is None or isinstance(text, str) for text in (commit, revision, subdirectory)):
        raise TypeError(document)
    urls.split(document["url"])  # raises where it is not a URL
    url = urls.without_secrets(document["url"])
    return Source(url=url, commit=commit, subdirectory=subdirectory, revision=revision and revision.lower())


def hashes(document: dict[str, Any]) -> frozenset[str]:
    """Return the hashes of the archive that a PEP 610 document names, as `algorithm:hexdigest`."""
    archive = document.get("archive_info") or {}
    found = {f"{algorithm}:{digest.lower()}" for algorithm, digest in (archive.get("hashes") or {}).items()}
    if "=" in (archive.get("hash") or ""):  # the spelling before PEP 610 got `hashes`, all that pip 22 writes
        found.add(archive["hash"].replace("=", ":", 1).lower())
    return frozenset(found)


def parse_toml(content: bytes) -> dict[str, Any]:
    """Return a TOML document; raise ValueError, with a message for the user, for other bytes."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - most runs read no such file
    else:
        import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - the same
    try:
        document: dict[str, Any] = tomllib.loads(content.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return document


def record_rows(content: bytes) -> Sequence[Row]:
    """Return the rows of a RECORD; raise ValueError without rows, or for a row that is not in three parts.

    pip writes carriage returns on Windows. Bytes that are not UTF-8 are as in `os.fsdecode`.
    Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
    """
    lines = filter(None, content.translate(None, b"\r").decode("utf-8", "surrogateescape").split("\n"))
    found = [_quoted_row(line) if line[0] == '"' else line.rsplit(",", 2) for line in lines]
    if set(map(len, found)) != {3}:
        raise ValueError("not every row has a path, a hash and a size")
    return found


def _quoted_row(line: str) -> list[str]:
    if len(line) > _LONGEST:
        raise ValueError("a row is longer than the path of a file can be")
    path, *others = match.groups() if (match := _QUOTED.fullmatch(line)) else (line,)
    return [path.replace('""', '"'), *others]


def is_bytecode(path: str) -> bool:
    """Tell whether a path is of byte code that no wheel has, or of its folder, which virtualenv lists too."""
    if not path.endswith(".pyc"):
        return path.endswith("__pycache__")
    # Python imports `demo.pyc` without a source, and never `demo.cpython-311.pyc`
    return "." in path[:-4].rpartition("/")[2] or CACHED in path


def top_levels(paths: Iterable[str]) -> set[str]:
    """Return the first part of each path, and the whole path of a file outside of the folder."""
    return {path if path.startswith(("../", "/")) else path.partition("/")[0] for path in paths} - {"..", ""}


def parse_size(text: str) -> int:
    """Return the size in a row as a number; UNKNOWN where the text is not a number, such as `4 bytes`."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else UNKNOWN
