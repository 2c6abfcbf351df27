"""Pip's own parser and pinstall's, side by side, release by release."""

from __future__ import annotations

import json
import os
import random
import subprocess
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from pinstall.request.arguments import read, rules
from pinstall.request.options import FILE_ONLY, LATER, LINES, PER_REQUIREMENT, VALUED
from tests.support.pips import pip_wheel, python_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pinstall.model.inputs import Request
    from pinstall.request.options import Rule

pytestmark = pytest.mark.contract

# Runs on Python 3.8. Each line gets defaults of its own, since pip appends to them in place.
PIP: Final = """
import contextlib, copy, json, optparse, sys
sys.path.insert(0, sys.argv[1])
from pip._internal.commands import create_command
from pip._internal.exceptions import PipError
from pip._internal.req import req_file

def row(option):
    return [option._short_opts + option._long_opts, option.dest, option.action, option.takes_value()]

process, seen = optparse.Option.process, []
def record(option, spelling, value, values, parser):
    seen.append([option._long_opts, option.dest, value])
    return process(option, spelling, value, values, parser)
optparse.Option.process = record

def parse(arguments):
    del seen[:]
    answer = {"error": False, "positionals": [], "values": {}}
    parser = create_command("install", isolated=True).parser
    parser.defaults = copy.deepcopy(parser.defaults)
    try:
        values, answer["positionals"] = parser.parse_args(arguments)
        answer["values"] = {key: value for key, value in vars(values).items() if plain(value)}
    except (SystemExit, PipError):
        answer["error"] = True
    return dict(answer, seen=list(seen))

def plain(value):
    return value is None or isinstance(value, (bool, int, float, str, list))

lines = json.load(sys.stdin)
with open(sys.argv[2], "w") as out, contextlib.redirect_stdout(sys.stderr):
    json.dump({
        "options": [row(option) for option in create_command("install", isolated=True).parser.option_list_all],
        "lines": [row(make()) for make in req_file.SUPPORTED_OPTIONS],
        "requirement": [row(make()) for make in req_file.SUPPORTED_OPTIONS_REQ],
        "answers": [parse(line) for line in lines],
    }, out, default=str)
"""

WRITTEN: Final = """
demo
demo==1.0 -U
-Uq demo
-Uqr file demo
-rfile -cfile2
-r -U demo
-r
--requirement
--requirement=
-r=file
--req x
--requirement=a=b
--require
--no-dep
--no-deps --no-dependencies
--no-cache
--no-cache-dir=1
--dry
--dry-run=no
--only :all:
--only-b a,b --no-bin :none:
--no-binary -x
--no-binary=-x
- demo
-- -U --bogus -
a -- b -- c
--=x
--bogus
--bogus=1
-z
-Uz
-U- x
-hU
--help
--version
-V demo
-vvv -q --quiet --verb
--log x --log-f y --local z
--lo x
--pypi-url x --index-url y -i z
--extra x --extra y
-f a -fb --find=c
--timeout 3 --timeout 1e3
--timeout x
--default-timeout=nan
--retries 3
--retries 3.5
--retries 010
--retries x
--resume-retries 3
--python-version 3.9
--python-v=3.9
--pyth 3.9
--pyth
--python
--python-version
--python x demo
--python=x --python-version 3.9
demo --pin a=b -U --pin=c=d
-r --pin a
--platform a --platform b --abi c --abi d --implementation e
--cache-dir a --no-cache-dir --cache-dir b
--compile --no-compile
--user --no-user
--use-pep517 --no-use-pep517
--no-use-pep517
--isol
--isolated=1
--no-build-isolation --check-build
-b x --build y --build-dir z
--build w
--src a --source b --source-d c
--source-dir d
--prefix a --prefe
--pre
--pref a
--pro x
--progress-bar on --progress-bar off
--progress-bar raw
--progress-bar ascii
--progress-bar bogus
--exists-action w --exists-action x
--upgrade-strategy eager
--upgrade-s lazy
--upgrade-
--upg
--up
--use-feature fast-deps
--use-feature truststore
--use-feature magic
--use-deprecated legacy-resolver
--use-deprecated magic
--unstable-feature resolver
--install-option a --global-option=b
--config-settings a=b -C c=d -Ce=f
--config-settings a
-C a
--report r --root s --root-user-action ignore
--root x
--ro x
--root-user-action bogus
--keyring-provider import
--keyring-provider bogus
--break
--group test --group x:y
--requirements-from-script a.py
--only-deps --only-dependencies
--uploaded-prior-to P3D
--uploaded-prior-to 2026-01-31
--uploaded-prior-to 2026-02-31
--refresh-package a,b --refresh-package :all:
--refresh-package -x
--all-releases a --only-final b
--all-releases -x
--require-hashes --no-require-hashes
--require-v --require-venv
--trusted-host a --cert b --client-cert c --proxy d --no-input --no-proxy-env --debug --no-color
-e . -e git+https://x#egg=y --editable=z
-t out --target=out2 -I --ignore-installed --force
"""

CAUTIOUS: Final = {"--retries 010"}
"""Lines that pip takes and pinstall, which then merely starts pip, does not claim to understand: octal numbers."""

VALUES: Final = (
    "x",
    "",
    "-x",
    "-",
    "--",
    "--upgrade",
    "3",
    "1.5",
    "a=b",
    "a,b",
    ":all:",
    "on",
    "fast-deps",
    "P3D",
    "w",
)
OTHERS: Final = ("demo==1.0", "./x", "", "-", "--", "--bogus", "--bogus=1", "-z", "--pin=a=b", "--python=x")


class Pip(NamedTuple):
    release: tuple[int, ...]
    requests: list[tuple[list[str], Request]]
    answer: dict[str, Any]


@pytest.fixture(scope="module", params=["20.3.4", "22.3.1", "24.3.1", "26.3"])
def pip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pip:
    """Return what one pip release makes of what pinstall would hand it, for all lines in one process."""
    version: str = request.param
    python = python_for(version)
    if python is None:
        pytest.skip(f"pip {version} runs on none of the interpreters here")
    release = tuple(int(part) for part in version.split("."))
    lines = [line.split() for line in WRITTEN.strip().splitlines()] + list(invented(release))
    requests = [(line, read(line, release)) for line in lines]
    answer = ask(python, pip_wheel(version), tmp_path_factory.mktemp("pip"), [list(r.arguments) for _, r in requests])
    return Pip(release, requests, answer)


def ask(python: Path, wheel: Path, folder: Path, lines: list[list[str]]) -> dict[str, Any]:
    out = folder / "answer.json"
    subprocess.run(
        [python, "-S", "-c", PIP, wheel, out],
        input=json.dumps(lines),
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull},
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(out.read_text())
    return answer


def invented(release: tuple[int, ...]) -> Iterator[list[str]]:
    """Yield lines of whole, cut and bundled options of this release, with good and bad values, mixed with others."""
    chance = random.Random(str(release))
    known = rules(release)
    for _ in range(600):
        line: list[str] = []
        for _ in range(chance.randint(1, 5)):
            line += chance.choice((one_long, one_long, one_bundle, one_other))(chance, known)
        yield line


def one_long(chance: random.Random, known: Mapping[str, Rule]) -> list[str]:
    spelling = chance.choice([spelling for spelling in known if spelling.startswith("--") and spelling != "--help"])
    if chance.random() < 0.5:
        spelling = spelling[: chance.randint(3, len(spelling))]
    form = chance.choice(("{}", "{} ", "{} ", "{}="))
    value = chance.choice(VALUES)
    return [spelling] if form == "{}" else [spelling, value] if form == "{} " else [f"{spelling}={value}"]


def one_bundle(chance: random.Random, known: Mapping[str, Rule]) -> list[str]:
    letters = [spelling[1] for spelling in known if spelling[1] != "-" and spelling != "-h"]
    return ["-" + "".join(chance.choices(letters, k=chance.randint(1, 3)))]


def one_other(chance: random.Random, known: Mapping[str, Rule]) -> list[str]:
    return [chance.choice(OTHERS)]


def test_the_table_is_that_of_pip(pip: Pip) -> None:
    expected = {
        spelling: (dest, takes_value)
        for spellings, dest, _, takes_value in pip.answer["options"]
        for spelling in spellings
    }
    assert {s: (rule.dest, rule.action in VALUED) for s, rule in rules(pip.release).items()} == expected


def test_the_actions_are_those_of_pip(pip: Pip) -> None:
    ours = {
        "store": {"store"},
        "append": {"append"},
        "count": {"count"},
        "callback": {"store", "append", "list", "flag"},
    }
    known = rules(pip.release)
    for spellings, _, action, _ in pip.answer["options"]:
        assert known[spellings[-1]].action in ours.get(action, {"flag"}), spellings


@pytest.mark.parametrize(("key", "names"), [("lines", LINES), ("requirement", PER_REQUIREMENT)])
def test_the_options_of_files_are_those_of_pip(pip: Pip, key: str, names: frozenset[str]) -> None:
    only = {spelling: rule for rule in FILE_ONLY if not rule.removed for spelling in rule.spellings}
    table = {**rules(pip.release), **only}
    ours = {
        spelling: rule.action in VALUED
        for spelling, rule in table.items()
        if rule.name in names and LATER.get(rule.name, ()) <= pip.release
    }
    assert ours == {spelling: value for spellings, _, _, value in pip.answer[key] for spelling in spellings}


def test_every_line_is_read_as_pip_reads_it(pip: Pip) -> None:
    for (line, request), answer in zip(pip.requests, pip.answer["answers"], strict=True):
        ours = [(option.dest, option.value) for option in request.command_line]
        theirs = [(dest, value) for _, dest, value in answer["seen"]]
        # Pip stops at the first fault.
        assert (ours[: len(theirs)] if answer["error"] else ours) == theirs, line
        for option, (spellings, *_) in zip(request.command_line, answer["seen"], strict=False):
            assert option.name in spellings, line
        if not answer["error"]:
            assert [argument.text for argument in request.positionals] == answer["positionals"], line


def test_the_values_are_those_of_pip(pip: Pip) -> None:
    actions = {spelling: action for spellings, _, action, _ in pip.answer["options"] for spelling in spellings}
    for (line, request), answer in zip(pip.requests, pip.answer["answers"], strict=True):
        for dest in () if answer["error"] else {option.dest for option in request.command_line}:
            every = request.every(dest)
            theirs = answer["values"].get(dest)
            match actions[every[-1].name]:
                case "store":
                    assert str(theirs) == str(type(theirs)(every[-1].value)) or " ".join(line) in CAUTIOUS, line
                case "append":
                    assert theirs == [option.value for option in every], line
                case "count":
                    assert theirs == len(every), line
                case "store_true" | "store_false" as action:
                    assert theirs is (action == "store_true"), line
                case _:  # a callback makes something else of the value
                    pass


def test_what_pip_refuses_makes_pip_run(pip: Pip) -> None:
    known = {rule.name: rule for rule in rules(pip.release).values()}
    for (line, request), answer in zip(pip.requests, pip.answer["answers"], strict=True):
        if answer["error"]:
            assert request.unknown or any(known[option.name].gate == "pip" for option in request.command_line), line
        elif " ".join(line) not in CAUTIOUS:
            assert not request.unknown, line


def test_only_what_is_our_own_is_taken_out(pip: Pip) -> None:
    for line, request in pip.requests:
        rest = iter(line)
        assert all(word in rest for word in request.arguments), line
        if not request.settings and not request.python:
            assert list(request.arguments) == line
