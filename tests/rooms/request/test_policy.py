"""Pinstall's own settings."""

from __future__ import annotations

import pytest

from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Option, Origin
from pinstall.request.policy import KEYS, Policy, decide, find_strange


def setting(name: str, value: str | None, where: str = "argument 1") -> Option:
    return Option(name=name, dest=name, value=value, origin=Origin(where=where))


def test_the_defaults_enforce() -> None:
    assert decide([]) == Policy(
        unpinned="refuse",
        evict="mismatched",
        builds="any",
        unproven="reinstall",
        origin="any",
        location="any",
        hold="keep",
        closure="allow",
        ambiguous="warn",
        unowned="warn",
        bytecode="parallel",
        stamp="full",
        report="",
    )


@pytest.mark.parametrize(("name", "value"), [(key.name, value) for key in KEYS for value in key.values])
def test_every_value_of_the_table_is_taken(name: str, value: str) -> None:
    assert getattr(decide([setting(name, value)]), name) == value


def test_the_table_is_complete() -> None:
    assert [key.name.replace("-", "_") for key in KEYS] == list(Policy.__dataclass_fields__)
    for key in KEYS:
        assert key.default in key.values or not key.values


def test_the_last_setting_wins() -> None:
    settings = [setting("evict", "never", "pyproject.toml"), setting("evict", "contradicting", "PINSTALL_EVICT")]
    assert decide(settings).evict == "contradicting"


def test_a_report_goes_wherever_it_is_told() -> None:
    assert decide([setting("report", "-")]).report == "-"
    assert decide([setting("report", "out/x y.json")]).report == "out/x y.json"


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        (
            "evcit",
            "never",
            "command line: there is no setting `evcit`",
            "did you mean `evict`?",
        ),
        (
            "nonsense",
            "1",
            "command line: there is no setting `nonsense`",
            f"the settings are {', '.join(key.name for key in KEYS)}",
        ),
        (
            "evict",
            "always",
            "command line: `evict` cannot be `always`",
            "it can be mismatched, contradicting, never",
        ),
        ("unpinned", None, "command line: `unpinned` cannot be ``", "it can be refuse, warn, allow"),
        ("unproven", "Accept", "command line: `unproven` cannot be `Accept`", "it can be reinstall, accept, refuse"),
    ],
)
def test_what_is_not_in_the_table_is_refused(name: str, value: str | None, message: str, hint: str) -> None:
    with pytest.raises(PinstallError) as caught:
        decide([setting(name, value)])
    (fault,) = caught.value.context
    assert (caught.value.reference, str(fault), caught.value.hint) == ("setting", message, hint)


def test_an_unknown_variable_is_named_and_a_misspelt_one_refused() -> None:
    version = setting("version", "1.0", "PINSTALL_VERSION")
    assert decide([version]) == decide([])
    assert list(find_strange([version, setting("hold", "keep", "PINSTALL_HOLD")])) == [
        "the variable `PINSTALL_VERSION` is not a setting of pinstall, and has no effect"
    ]
    misspelt = setting("closur", "refuse", "PINSTALL_CLOSUR")
    assert list(find_strange([misspelt])) == []
    with pytest.raises(PinstallError) as caught:
        decide([misspelt])
    assert caught.value.hint == "did you mean `PINSTALL_CLOSURE`?"
    with pytest.raises(PinstallError) as caught:
        decide([setting("python", "x", "/src/pyproject.toml")])
    assert list(map(str, caught.value.context)) == ["/src/pyproject.toml: there is no setting `python`"]


def test_capitals_and_dashes_do_not_matter() -> None:
    assert decide([setting("CLOSURE", "refuse")]).closure == "refuse"


@pytest.mark.parametrize("where", ["argument 3", "PINSTALL_EVICT", "/src/pyproject.toml"])
def test_a_wrong_word_is_an_error_of_usage_wherever_it_is_written(where: str) -> None:
    with pytest.raises(PinstallError) as caught:
        decide([setting("evict", "x", where)])
    assert caught.value.exit_code == 64
    assert str(*caught.value.context).startswith(f"{Origin(where=where)}: `evict` cannot be `x`")
