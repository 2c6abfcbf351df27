"""The grammar of pip install's command line, and the table that it is read by."""

from __future__ import annotations

import pytest

from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Option, Origin, Request
from pinstall.request.arguments import carried, demands_pip, read, rules, without
from pinstall.request.options import FILE_ONLY, LINES, OPTIONS, PER_REQUIREMENT, VALUED

OLD = (20, 1)
NEW = (26, 3)


def options(line: str, pip: tuple[int, ...] = NEW) -> list[tuple[str, str | None]]:
    return [(option.name, option.value) for option in read(line.split(), pip).command_line]


def positionals(request: Request) -> list[str]:
    return [argument.text for argument in request.positionals]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-U", [("--upgrade", None)]),
        ("-Uq", [("--upgrade", None), ("--quiet", None)]),
        ("-Uqr file", [("--upgrade", None), ("--quiet", None), ("--requirement", "file")]),
        ("-rfile", [("--requirement", "file")]),
        ("-Urfile", [("--upgrade", None), ("--requirement", "file")]),
        ("-r=file", [("--requirement", "=file")]),
        ("-vvv", [("--verbose", None)] * 3),
        ("--requirement=file", [("--requirement", "file")]),
        ("--requirement file", [("--requirement", "file")]),
        ("--index-url=", [("--index-url", "")]),
        ("--index-url=a=b", [("--index-url", "a=b")]),
        ("-r --upgrade", [("--requirement", "--upgrade")]),
        ("-r --", [("--requirement", "--")]),
        ("-r -", [("--requirement", "-")]),
        ("-r --pin a", [("--requirement", "--pin")]),
        ("--pypi-url x", [("--index-url", "x")]),
        ("--dry", [("--dry-run", None)]),
        ("--no-cache", [("--no-cache-dir", None)]),
        ("--log x", [("--log", "x")]),
        ("--user --no-user", [("--user", None), ("--no-user", None)]),
    ],
)
def test_options_are_read_as_optparse_reads_them(line: str, expected: list[tuple[str, str | None]]) -> None:
    assert options(line) == expected
    assert read(line.split(), NEW).unknown == ()


def test_one_destination_has_several_options() -> None:
    request = read(["--cache-dir", "x", "--no-cache-dir"], NEW)
    assert [option.dest for option in request.command_line] == ["cache_dir", "cache_dir"]
    last = request.last("cache_dir")
    assert last is not None
    assert last.name == "--no-cache-dir"


def test_arguments_are_kept_verbatim_and_counted_from_one() -> None:
    argv = ["demo==1.0", "-qr", "a.txt", "--ind=https://x", "-", "--", "-U", "--pin", ""]
    request = read(argv, NEW)
    assert request.arguments == tuple(argv)
    assert positionals(request) == ["demo==1.0", "-", "-U", "--pin", ""]
    assert [option.origin.where for option in request.command_line] == ["argument 2", "argument 2", "argument 4"]
    assert [argument.origin for argument in request.positionals][:2] == [
        Origin(where="argument 1"),
        Origin(where="argument 5"),
    ]


@pytest.mark.parametrize("argv", [["--pin", "a=b=c"], ["--pin=a=b=c"]])
def test_settings_are_taken_out(argv: list[str]) -> None:
    request = read(["-U", *argv, "demo"], NEW)
    assert request.arguments == ("-U", "demo")
    (setting,) = request.settings
    assert (setting.name, setting.dest, setting.value) == ("a", "a", "b=c")
    assert setting.origin.where == "argument 2"
    assert request.unknown == ()


@pytest.mark.parametrize("argv", [["--pin"], ["--pin="], ["--pin", "key"], ["--pin==value"], ["--pin", "=value"]])
def test_a_setting_without_key_or_value_is_refused(argv: list[str]) -> None:
    with pytest.raises(PinstallError, match="KEY=VALUE") as caught:
        read(["demo", *argv], NEW)
    assert caught.value.reference == "pin-setting"
    assert caught.value.exit_code == 64
    assert caught.value.context == ("command line",)


@pytest.mark.parametrize("pip", [OLD, NEW])
@pytest.mark.parametrize("argv", [["--python", "a"], ["--python=a"], ["--python=b", "--python", "a"]])
def test_the_interpreter_is_taken_out(pip: tuple[int, ...], argv: list[str]) -> None:
    request = read([*argv, "demo"], pip)
    assert request.arguments == ("demo",)
    assert request.command_line == ()
    assert request.python is not None
    assert request.python.value == "a"


def test_the_interpreter_is_not_the_version() -> None:
    assert options("--python-version 3.9") == options("--python-v 3.9") == [("--python-version", "3.9")]
    assert options("--pytho 3.9", OLD) == [("--python-version", "3.9")]
    assert read(["--pytho", "3.9"], NEW).unknown == ("--pytho",)


@pytest.mark.parametrize("pip", [OLD, NEW])
def test_an_interpreter_without_value_is_left_to_pip(pip: tuple[int, ...]) -> None:
    request = read(["demo", "--python"], pip)
    assert request.python is None
    assert request.arguments == ("demo", "--python")
    assert request.unknown == ("--python",)


@pytest.mark.parametrize(
    ("line", "unknown", "rest"),
    [
        ("--bogus demo", "--bogus", []),
        ("--bogus=https://user:secret@host demo", "--bogus", ["demo"]),
        ("--req x demo", "--req", ["demo"]),
        ("--=x", "--", []),
        ("--no-dep demo", "--no-dep", []),
        ("--upgrade=yes demo", "--upgrade", ["demo"]),
        ("-Uzq demo", "-z", ["demo"]),
        ("-U- demo", "--", ["demo"]),
        ("-zhttps://user:secret@host demo", "-z", ["demo"]),
        ("demo -r", "-r", ["demo"]),
        ("demo -Ur", "-r", ["demo"]),
        ("demo --requirement", "--requirement", ["demo"]),
    ],
)
def test_what_pip_would_refuse_is_named_without_its_value_and_kept(line: str, unknown: str, rest: list[str]) -> None:
    request = read(line.split(), NEW)
    assert request.unknown == (unknown,)
    assert positionals(request) == rest
    assert request.arguments == tuple(line.split())


@pytest.mark.parametrize(
    ("line", "understood"),
    [
        ("--timeout 1.5", True),
        ("--timeout soon", False),
        ("--retries 0", True),
        ("--retries 5", True),
        ("--retries 05", False),
        ("--retries 1.5", False),
        ("--retries=", False),
        ("--progress-bar raw", True),
        ("--progress-bar emoji", False),
        ("--progress-bar=COUNT", False),
        ("--retries=COUNT", False),
        ("--config-settings a=b", True),
        ("-Ca", False),
        ("--no-binary :all:", True),
        ("--no-binary -x", False),
        ("--uploaded-prior-to P3D", True),
        ("--uploaded-prior-to=2026-01-31", True),
        ("--uploaded-prior-to 2026-02-31", False),
        ("--uploaded-prior-to PD", False),
        ("--uploaded-prior-to=", False),
        ("--use-feature fast-deps", True),
        ("--use-feature=magic", False),
    ],
)
def test_a_value_that_pip_would_refuse_is_not_understood(line: str, understood: bool) -> None:
    request = read(line.split(), NEW)
    assert (request.unknown == ()) is understood
    assert len(request.command_line) == 1


@pytest.mark.parametrize(
    ("spelling", "first", "last"),
    [
        ("--report", (22, 2), NEW),
        ("--build-dir", (20, 1), (21, 2, 4)),
        ("-C", (23, 1), NEW),
        ("--config-settings", (22, 1), NEW),
        ("--install-option", (20, 1), (23, 0, 1)),
        ("--only-dependencies", (26, 2), NEW),
        ("--index-url", (20, 1), NEW),
    ],
)
def test_a_spelling_lives_from_one_release_to_another(
    spelling: str, first: tuple[int, ...], last: tuple[int, ...]
) -> None:
    for pip in {rule.since for rule in OPTIONS} | {rule.removed for rule in OPTIONS} | {first, last}:
        if pip:
            alive = first <= pip <= last and not (spelling == "--build-dir" and pip == (20, 3))
            assert (spelling in rules(pip)) is alive, pip


def test_a_prefix_is_resolved_by_the_release() -> None:
    assert options("--only x", (25, 3)) == [("--only-binary", "x")]
    assert read(["--only", "x"], NEW).unknown == ("--only",)
    assert [option.dest for option in read(["--platform=x"], (20, 2, 4)).command_line] == ["platform"]
    assert [option.dest for option in read(["--platform=x"], (20, 3)).command_line] == ["platforms"]


def test_no_spelling_means_two_things_in_one_release() -> None:
    for pip in {rule.since for rule in OPTIONS} | {NEW, OLD}:
        alive = [rule for rule in OPTIONS if rule.since <= pip and (rule.removed is None or pip < rule.removed)]
        assert sum(len(rule.spellings) for rule in alive) == len(rules(pip))


def test_rows_of_one_name_agree_on_what_does_not_depend_on_the_release() -> None:
    assert len({(rule.name, rule.gate, rule.carry) for rule in OPTIONS}) == len({rule.name for rule in OPTIONS})
    assert all(rule.name.startswith("--") for rule in OPTIONS)


def test_the_options_of_files_are_in_the_tables() -> None:
    named = {rule.name for rule in (*OPTIONS, *FILE_ONLY)}
    assert named >= LINES | PER_REQUIREMENT
    assert all(rule.action in VALUED for rule in OPTIONS if rule.name in PER_REQUIREMENT)


def test_carried_options_keep_their_order_and_nothing_else_is_carried() -> None:
    line = (
        "-U demo --no-bin a -i https://x --only-binary=:all: --pre -r f -Ck=v -t out --no-index --cache-dir c --bogus"
    )
    request = read(line.split(), NEW)
    assert carried(request) == (
        "--no-binary=a",
        "--index-url=https://x",
        "--only-binary=:all:",
        "--pre",
        "--config-settings=k=v",
        "--no-index",
    )


def test_defaults_are_not_carried() -> None:
    request = read(["--pre"], NEW)
    assert carried(Request(arguments=(), defaults=request.command_line)) == ()


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        ("demo --report out.json -U", "demo -U"),
        ("demo --report=out.json -U", "demo -U"),
        ("--report - demo --report=b", "demo"),
        ("--repor x demo", "demo"),
        ("--report= demo", "demo"),
        ("demo -- --report x", "demo -- --report x"),
        ("-r --report demo", "-r --report demo"),
        ("demo -U", "demo -U"),
        ("", ""),
    ],
)
def test_an_option_can_be_taken_out_with_its_value(words: str, rest: str) -> None:
    assert without(words.split(), "json_report_file", NEW) == tuple(rest.split())


def test_an_option_that_this_pip_does_not_know_stays() -> None:
    assert without(["--report", "x", "demo"], "json_report_file", OLD) == ("--report", "x", "demo")


def test_a_second_command_is_as_loud_as_the_first_and_goes_where_it_goes() -> None:
    request = read(["-qv", "--log=l", "--user", "--no-compile", "--pre", "-U", "--progress-bar", "off", "demo"], NEW)
    loud = ("--quiet", "--verbose", "--log=l", "--pre", "--progress-bar=off")
    assert carried(request) == loud
    assert carried(request, into_environment=True) == (
        *loud[:3],
        "--user",
        "--no-compile",
        "--pre",
        "--progress-bar=off",
    )


def option(name: str, where: str, value: str | None = None) -> Option:
    return Option(name=f"--{name.replace('_', '-')}", dest=name, value=value, origin=Origin(where=where))


class TestDemandsPip:
    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            (Request(arguments=()), None),
            (Request(arguments=(), command_line=(option("quiet", "argument 1"), option("constraint", "x", "c"))), None),
            (Request(arguments=(), command_line=(option("upgrade", "argument 2"),)), "`--upgrade` (command line)"),
            (Request(arguments=(), defaults=(option("upgrade", "PIP_UPGRADE"),)), "`--upgrade` (PIP_UPGRADE)"),
            (Request(arguments=(), defaults=(option("future", "pip.conf:2"),)), "`--future` (pip.conf:2)"),
            (Request(arguments=(), defaults=(option("no_input", "PIP_NO_INPUT", "x"),)), "`--no-input` (PIP_NO_INPUT)"),
            (Request(arguments=(), defaults=(option("quiet", "PIP_QUIET", "x"),)), "`--quiet` (PIP_QUIET)"),
            (Request(arguments=("--bogus",), unknown=("--bogus",)), "`--bogus` is not understood"),
        ],
    )
    def test_what_only_pip_can_answer(self, asked: Request, reason: str | None) -> None:
        assert demands_pip(asked, rules((26, 3))) == reason
