"""Say what is asked of `lock` alone, and turn its inputs, named as pip-compile and uv name them, into words of pip.

May not: resolve, write.
"""

import argparse
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from packaging.utils import NormalizedName, canonicalize_name

from pinstall import files
from pinstall.formats import metadata, urls
from pinstall.model.errors import UNREADABLE, PinstallError, misuse
from pinstall.model.inputs import Fault, Origin, Request
from pinstall.model.pins import Reporter
from pinstall.request import arguments, pyproject, reading
from pinstall.request.call import read_call
from pinstall.request.options import NEWEST, SPEECH

_FLAGS = (*("--all-extras", "--no-annotate", "--no-emit-index-url", "--no-hashes", "--no-header", "--strip-extras"),)
# Flags of one run, which the header of the lock does not have.
_ONCE = ("--check", "--dry-run", "--force", "--upgrade")
_SHORT = {"--upgrade": ("-U",), "--dry-run": ("-n",)}
# What pip-compile and uv call what is done anyway.
_ANYWAY = (
    *("--allow-unsafe", "--annotate", "--build-isolation", "--emit-find-links", "--emit-index-url", "--emit-options"),
    *("--emit-trusted-host", "--generate-hashes", "--header", "--no-strip-extras", "--reuse-hashes"),
)
# The long options of this command that a user may have meant.
NAMES = (*_ONCE, *_FLAGS, *_ANYWAY, "--extra", "--output-file", "--upgrade-package")
# What the header does not say: how much is printed, which cache it is; files stand there as words.
_UNSAID = SPEECH | {"cache_dir", "requirements"}
_ASKING = ("dependency_groups", "editables", "requirements", "requirements_from_scripts")
_PROJECTS = (pyproject.PROJECT, "setup.py", "setup.cfg")


class Wanted(argparse.Namespace):
    """What is asked of this command alone.

    `output` is empty for standard output. `command` is what the header of the lock says. `upgrades` are the texts
    behind `--upgrade-package` by name. `places` says by the origin of an argument which project's file it comes from,
    `folders` the same by the folder of a project.
    """

    output: str
    flags: list[str]
    extras: list[str]
    upgraded: list[tuple[NormalizedName, str]]
    upgrades: dict[NormalizedName, str]
    command: str
    places: dict[str, str]
    folders: dict[str, str]

    @property
    def folder(self) -> str:
        """Return the folder that paths in the lock count from."""
        return os.path.dirname(os.path.abspath(self.output or "-"))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        option, colon, reason = message.removeprefix("argument ").partition(": ")
        raise misuse(f"`{option}`{colon}{reason}", "`pinstall help lock` tells what it takes")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("-o", "--output-file", dest="output", default="")
    parser.add_argument("-P", "--upgrade-package", dest="upgraded", type=requirement, action="append", default=[])
    parser.add_argument("--extra", dest="extras", action="append", default=[])
    parser.add_argument("--resolver", choices=("backtracking",))
    for flag in (*_ONCE, *_FLAGS, *_ANYWAY):
        dest = "anyway" if flag in _ANYWAY else "flags"
        parser.add_argument(*_SHORT.get(flag, ()), flag, dest=dest, action="append_const", const=flag, default=[])
    return parser


def read(argv: Sequence[str], environ: Mapping[str, str], tell: Reporter) -> tuple[Wanted, list[str]]:
    """Return what is for this command alone, and the words for pip: files as it takes them, projects as their needs."""
    wanted, words = _parser().parse_known_args(argv, Wanted())
    wanted.output = "" if wanted.output == "-" else wanted.output
    wanted.upgrades, wanted.places, wanted.folders = dict(wanted.upgraded), {}, {}
    if "--check" in wanted.flags and not wanted.output:
        raise misuse("`--check` needs the file that it is about: `-o FILE`")
    wanted.command = _command(wanted, arguments.read(words, NEWEST), environ)
    positional = {one.origin.where for one in arguments.read(words, NEWEST).positionals}
    projects, left = [], []
    for number, word in enumerate(words, 1):
        if f"argument {number}" not in positional:
            left.append(word)
        elif os.path.basename(word) in _PROJECTS and os.path.isfile(word):
            projects.append(word)
        else:
            left += _input(word)
    request = read_call(left, environ).request
    extras = bool(wanted.extras) or "--all-extras" in wanted.flags
    if not projects and (extras or not (request.positionals or request.has(*_ASKING))):
        path = _nearest(environ, projects_alone=extras)
        tell.say(f"locking what `{path}` asks for")
        if path.endswith(".in"):
            left += ["-r", path]
        else:
            _add_project(path, left, wanted, tell, found=True)
    for path in projects:
        _add_project(path, left, wanted, tell, found=False)
    return wanted, left


def _command(wanted: Wanted, request: Request, environ: Mapping[str, str]) -> str:
    """Return the command that makes the lock again, as update bots read it: files as words, `--name=value`."""
    flags = [flag for flag in wanted.flags if flag not in _ONCE]
    flags += [f"--extra={extra}" for extra in wanted.extras]
    flags += [f"--output-file={wanted.output}"] if wanted.output else []
    given = [one for one in request.command_line if one.dest not in _UNSAID]
    flags += [one.name if one.value is None else f"{one.name}={one.value}" for one in given]
    inputs = [*(one.value or "" for one in request.every("requirements")), *(one.text for one in request.positionals)]
    words = ["pinstall", "lock", *sorted(flags), *inputs]
    return environ.get("CUSTOM_COMPILE_COMMAND") or shlex.join(map(urls.redacted, words))


def requirement(text: str) -> tuple[NormalizedName, str]:
    """Return a requirement with its name first; raise ValueError for what is none, which argparse says by our name."""
    return canonicalize_name(metadata.requirement(text).name), text


def _input(word: str) -> list[str]:
    """Return an argument as pip takes it: a file that is no archive is one of requirements."""
    if word == "-":
        return ["-r", "/dev/stdin"]
    if not os.path.isfile(word):
        if word.endswith((".in", ".txt", ".toml")):
            raise misuse(f"there is no file `{word}`")
        return [word]
    return [word] if urls.is_archive(word) else ["--requirements-from-script" if word.endswith(".py") else "-r", word]


def _nearest(environ: Mapping[str, str], *, projects_alone: bool) -> str:
    """Return the nearest file that says what to lock; raise PinstallError where others may have written it."""
    for path in pyproject.candidates(os.getcwd(), environ):
        beside = os.path.join(os.path.dirname(path), "requirements.in")
        for file in (path,) if projects_alone else (beside, path):
            shown = os.path.relpath(file)
            if os.path.isfile(file) and not files.is_trusted(os.stat(file)):
                message = f"`{shown}` belongs to another user, or everybody may write it"
                raise misuse(message, "name it if you trust it")
            if os.path.isfile(file) and (file == beside or _table(shown)):
                return shown
    raise misuse("there is nothing to lock", "name requirements or `-r FILE`, or write a `requirements.in`")


def _add_project(path: str, words: list[str], wanted: Wanted, tell: Reporter, *, found: bool) -> None:
    """Add what a project needs to the words: as its file lists it, else the folder, whose metadata pip builds."""
    folder, file = os.path.split(path)
    table = _table(path) if file == pyproject.PROJECT else {}
    place = f"{table['name']} ({file})" if "name" in table else file
    try:
        needs = _needs(path, table, wanted)
    except (ValueError, AttributeError, TypeError) as error:
        raise _unreadable(path, str(error)) from error
    if found and (needs is None or not (needs or "dependencies" in table)):
        message = f"`{path}` lists no dependencies, or says that they are dynamic"
        raise misuse(message, f"write them there, or have pip build them: `pinstall lock {path}`")
    if needs is None:
        optional = table.get("optional-dependencies", {}) if "--all-extras" in wanted.flags else wanted.extras
        if not optional and "--all-extras" in wanted.flags:
            raise misuse(f"only a build tells which extras `{path}` has", "name them: `--extra NAME`")
        tell.say(f"`{path}` does not list all that it needs: pip builds the metadata of `{folder or '.'}`")
        extras = f"[{','.join(optional)}]" if optional else ""
        needs = [f"{folder or '.'}{os.sep if folder else ''}{extras}"]
        wanted.folders[os.path.realpath(folder)] = place
    wanted.places |= {f"argument {len(words) + number}": place for number in range(1, len(needs) + 1)}
    words += needs


def _table(path: str) -> dict[str, Any]:
    """Return the `[project]` table of a file, empty without one."""
    try:
        return dict(metadata.parse_toml(reading.text(path).encode()).get("project", {}))
    except (ValueError, TypeError) as error:
        raise _unreadable(path, str(error)) from error


def _needs(path: str, table: Mapping[str, Any], wanted: Wanted) -> list[str] | None:
    """Return what a table lists, with extras; none where its build decides: for a dynamic list, an extra by marker."""
    if not table or not {"dependencies", "optional-dependencies"}.isdisjoint(table.get("dynamic", ())):
        return None
    own = canonicalize_name(table.get("name", ""))
    optional = {canonicalize_name(extra): some for extra, some in table.get("optional-dependencies", {}).items()}
    needs = [*table.get("dependencies", ())]
    extras = [*optional] if "--all-extras" in wanted.flags else [*map(canonicalize_name, wanted.extras)]
    for extra in extras:  # it grows
        if extra not in optional:
            raise misuse(f"`{path}` has no extra `{extra}`", f"it has {', '.join(optional) or 'none'}")
        parsed = {text: metadata.requirement(text) for text in optional[extra]}
        inner = [need for need in parsed.values() if canonicalize_name(need.name) == own]
        if any(need.marker for need in inner):
            return None
        extras += sorted({canonicalize_name(one) for need in inner for one in need.extras} - {*extras})
        needs += [text for text, need in parsed.items() if need not in inner]
    return needs


def _unreadable(path: str, reason: str) -> PinstallError:
    fault = Fault(origin=Origin(where=path), message=reason)
    return PinstallError("project", "the dependencies cannot be read", context=(fault,), exit_code=UNREADABLE)
