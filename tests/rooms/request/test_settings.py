"""pip's settings from files and variables, against pip.conf files on disk; `tests/contract` holds them against pip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Option, Origin
from pinstall.request.arguments import rules
from pinstall.request.options import NEWEST, Pip
from pinstall.request.settings import defaults, neutral

if TYPE_CHECKING:
    from pathlib import Path


RULES = rules((25, 2))
"""The last release that has all options of these tests."""


def said(options: tuple[Option, ...]) -> list[str]:
    return [option.name if option.value is None else f"{option.name}={option.value}" for option in options]


def of(**variables: str) -> list[str]:
    return said(defaults(variables, (), RULES, pip=Pip(NEWEST), isolated=False))


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("PIP_NO_DEPS", "Yes", ["--no-deps"]),
        ("PIP_NO_DEPS", "0", []),
        ("PIP_NO_DEPS", "perhaps", ["--no-deps=perhaps"]),
        ("PIP_NO_DEPS", "", []),
        ("PIP_NO_COMPILE", "0", ["--no-compile"]),
        ("PIP_NO_COMPILE", "1", ["--compile"]),
        ("PIP_COMPILE", "off", ["--no-compile"]),
        ("PIP_NO_USER", "1", ["--user"]),
        ("PIP_USER", "0", ["--no-user"]),
        ("PIP_NO_BUILD_ISOLATION", "0", ["--no-build-isolation"]),
        ("PIP_NO_BUILD_ISOLATION", "1", []),
        ("PIP_NO_CACHE_DIR", "false", ["--no-cache-dir"]),
        ("PIP_NO_CACHE_DIR", "2", ["--no-cache-dir=2"]),
        ("PIP_NO_USE_PEP517", "1", ["--no-use-pep517=1"]),
        ("PIP_QUIET", "2", ["--quiet", "--quiet"]),
        ("PIP_QUIET", "true", ["--quiet"]),
        ("PIP_QUIET", "no", []),
        ("PIP_QUIET", "-1", ["--quiet=-1"]),
        ("PIP_QUIET", "x", ["--quiet=x"]),
        ("PIP_CONSTRAINT", "a.txt  b.txt", ["--constraint=a.txt", "--constraint=b.txt"]),
        ("PIP_NO_BINARY", "a,b c", ["--no-binary=a,b c"]),
        ("PIP_CONFIG_SETTINGS", "a=1 b=2", ["--config-settings=a=1 b=2"]),
        ("PIP_DEFAULT_TIMEOUT", "8", ["--timeout=8"]),
        ("PIP___TIMEOUT", "8", ["--timeout=8"]),
        ("PIP_TIME", "8", []),
        ("PIP_HELP", "1", []),
        ("PIP_VERSION", "1", []),
        ("pip_timeout", "8", []),
    ],
)
def test_a_variable_says_what_the_command_line_would(variable: str, value: str, expected: list[str]) -> None:
    assert of(**{variable: value}) == expected


def test_the_later_alias_wins() -> None:
    assert of(PIP_TIMEOUT="9", PIP_DEFAULT_TIMEOUT="8") == ["--timeout=8"]
    assert of(PIP_DEFAULT_TIMEOUT="8", PIP_TIMEOUT="9") == ["--timeout=9"]


def test_no_cache_dir_beats_cache_dir_in_any_order() -> None:
    assert of(PIP_NO_CACHE_DIR="1", PIP_CACHE_DIR="/x") == ["--no-cache-dir"]


def test_a_refused_value_is_told_even_where_a_stronger_one_follows(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[global]\nno-deps = perhaps\n")
    assert said(defaults({"PIP_NO_DEPS": "1"}, (low,), RULES, pip=Pip(NEWEST), isolated=False)) == [
        "--no-deps=perhaps",
        "--no-deps",
    ]


def conf(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_install_in_a_weak_file_beats_global_in_a_strong_one(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[install]\ntimeout = 7\n[global]\nindex-url = https://low\n")
    high = conf(tmp_path / "high.conf", "[global]\ntimeout = 1\nindex_url = https://high\n[list]\nquiet = 3\n")
    options = defaults({}, (low, high), RULES, pip=Pip(NEWEST), isolated=False)
    assert said(options) == ["--index-url=https://high", "--timeout=7"]
    assert [str(option.origin) for option in options] == [f"{high}:3", f"{low}:2"]


def test_a_stronger_level_replaces_a_list_and_cancels_a_flag(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[install]\nconstraint =\n    a.txt\n    b.txt\nno-deps = true\n")
    assert said(defaults({}, (low,), RULES, pip=Pip(NEWEST), isolated=False)) == [
        "--constraint=a.txt",
        "--constraint=b.txt",
        "--no-deps",
    ]
    variables = {"PIP_CONSTRAINT": "c.txt", "PIP_NO_DEPS": "no"}
    options = defaults(variables, (low,), RULES, pip=Pip(NEWEST), isolated=False)
    assert said(options) == ["--constraint=c.txt"]
    assert str(options[0].origin) == "PIP_CONSTRAINT"


def test_an_empty_value_in_a_stronger_file_cancels_a_weaker_one(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[global]\ntimeout = 7\n")
    high = conf(tmp_path / "high.conf", "[global]\ntimeout =\n")
    assert defaults({}, (low, high), RULES, pip=Pip(NEWEST), isolated=False) == ()


def test_what_a_callback_reads_adds_up_over_the_sections(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[global]\nno-binary = a\n[install]\nonly-binary = b\nno-binary = c\n")
    assert said(defaults({"PIP_NO_BINARY": "d"}, (low,), RULES, pip=Pip(NEWEST), isolated=False)) == [
        "--no-binary=a",
        "--only-binary=b",
        "--no-binary=c",
        "--no-binary=d",
    ]


def test_pip_25_2_to_25_3_take_their_files_one_by_one(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[global]\ntimeout = 7\nno-binary = a\n")
    high = conf(tmp_path / "high.conf", "[global]\ntimeout =\nno-binary = b\n")
    found = {
        release: said(defaults({}, (low, high), RULES, pip=Pip(release), isolated=False))
        for release in ((25, 1, 1), (25, 2), (25, 3), (26, 0))
    }
    apart, merged = ["--timeout=7", "--no-binary=a", "--no-binary=b"], ["--no-binary=b"]
    assert list(found.values()) == [merged, apart, apart, merged]


def test_isolated_reads_no_variable(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[global]\ntimeout = 7\n")
    assert said(defaults({"PIP_NO_DEPS": "1"}, (low,), RULES, pip=Pip(NEWEST), isolated=True)) == ["--timeout=7"]


def test_help_in_a_file_and_missing_files_say_nothing(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[global]\nhelp = 1\n")
    assert defaults({}, (low, str(tmp_path / "none.conf"), str(tmp_path)), RULES, pip=Pip(NEWEST), isolated=False) == ()


def test_a_key_of_the_default_section_has_no_line(tmp_path: Path) -> None:
    low = conf(tmp_path / "low.conf", "[DEFAULT]\ntimeout = 7\n[global]\n")
    (option,) = defaults({}, (low,), RULES, pip=Pip(NEWEST), isolated=False)
    assert (option.value, option.origin.where, option.origin.line) == ("7", low, None)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"[global]\ntimeout = 3\na secret\n", ":3"),
        (b"timeout = secret\n", ":1"),
        (b"[global]\ntimeout = 3\ntimeout = secret\n", ":3"),
        (b"[global]\ntimeout = \xff\n", ""),
    ],
)
def test_a_broken_file_ends_as_pip_ends_and_is_not_quoted(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "pip.conf"
    path.write_bytes(content)
    with pytest.raises(PinstallError) as caught:
        defaults({}, (os.fspath(path),), RULES, pip=Pip(NEWEST), isolated=False)
    assert (caught.value.reference, caught.value.exit_code) == ("pip-configuration", 2)
    assert str(caught.value.context[0]).startswith(f"{path}{line}: ")
    assert "secret" not in str(caught.value.context)


def option(name: str, where: str, value: str | None = None) -> Option:
    return Option(name=f"--{name.replace('_', '-')}", dest=name, value=value, origin=Origin(where=where))


class TestNeutral:
    ALWAYS = {"PIP_REQUIREMENT": "nul", "PIP_REPORT": None}  # noqa: RUF012 - a constant

    @pytest.mark.parametrize(
        "dest", ["dry_run", "force_reinstall", "ignore_installed", "only_dependencies", "upgrade", "use_user_site"]
    )
    @pytest.mark.parametrize("where", ["PIP_X", "/etc/pip.conf:3"])
    def test_a_flag_is_switched_off_wherever_it_comes_from(self, dest: str, where: str) -> None:
        found = neutral([option(dest, where)], "nul")
        renamed = {"use_user_site": "PIP_USER", "only_dependencies": "PIP_ONLY_DEPS"}
        variable = renamed.get(dest, f"PIP_{dest.upper()}")
        assert found == {**self.ALWAYS, variable: "0"}

    @pytest.mark.parametrize(
        "dest",
        ["dependency_groups", "editables", "prefix_path", "requirements_from_scripts", "root_path", "target_dir"],
    )
    def test_a_place_is_taken_back_from_a_variable_and_never_from_a_file(self, dest: str) -> None:
        assert neutral([option(dest, "PIP_PLACE")], "nul") == {**self.ALWAYS, "PIP_PLACE": None}
        assert neutral([option(dest, "/etc/pip.conf:3")], "nul") is None

    def test_everything_else_stays(self) -> None:
        assert neutral([option("index_url", "PIP_INDEX_URL"), option("proxy", "pip.conf:1")], "nul") == self.ALWAYS
