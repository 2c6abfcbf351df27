"""What must be, compared with what is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pinstall.comparison import accepts, find_forced, is_suspicious, judge, judge_hashes, prove
from pinstall.model.pins import Source, State, Verdict
from tests.support.values import COMMIT, identity, pin, sha256

A, B = sha256("a"), sha256("b")
LONG_A, LONG_B = f"sha512:{'a' * 128}", f"sha512:{'b' * 128}"
HOME = Source(url="https://host.example/r", commit=COMMIT)
H, V, L = State.HOLDS, State.WRONG_VERSION, State.WRONG_LABEL


@pytest.mark.parametrize(
    ("wanted", "found", "state"),
    [
        ("==1.0", "1.0", H),
        ("==1.0", "1", H),
        ("==1.0", "1.0.0", H),
        ("==1.0", "1.0+cu113", H),
        ("==1.0", "1.0.1", V),
        ("==1.0", "1!1.0", V),
        ("==1!1.0", "1!1", H),
        ("==1.0", "1.0rc1", V),
        ("==1.0rc1", "1.0c1", H),
        ("==1.0", "1.0.post1", V),
        ("==1.0.post1", "1.0-1", H),
        ("==1.0", "1.0.dev1", V),
        ("==1.0+cu113", "1.0+cu113", H),
        ("==1.0+cu113", "1.0+CU113", H),
        ("==1.0+cu113", "1.0.0+cu113", H),
        ("==1.0+cu113", "1.0", L),
        ("==1.0+cu113", "1.0+cu114", L),
        ("==1.0+cu113", "1.1+cu113", V),
        ("===1.0", "1.0", H),
        ("===1.0", "1.0.0", V),
        ("===1.0", "1.0+cu113", L),
        ("===1.0+cu113", "1.0", L),
        ("===1.0RC1", "1.0rc1", H),
        ("===april", "1.0", V),
    ],
)
def test_versions(wanted: str, found: str, state: State) -> None:
    assert judge(pin(f"demo{wanted}"), identity("demo", found)) is state


@pytest.mark.parametrize("wanted", ["==1.0", "===1.0"])
def test_a_version_that_is_not_known_accuses_nobody(wanted: str) -> None:
    assert judge(pin(f"demo{wanted}"), identity("demo")) is State.UNPROVEN


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (HOME, State.HOLDS),
        (None, State.UNPROVEN),
        (replace(HOME, commit=COMMIT[::-1]), State.WRONG_SOURCE),
        (replace(HOME, url="https://host.example/fork"), State.WRONG_SOURCE),
        (replace(HOME, subdirectory="lib"), State.WRONG_SOURCE),
        (replace(HOME, commit=COMMIT[::-1], revision=COMMIT), State.HOLDS),  # of an annotated tag
        (replace(HOME, commit=COMMIT[::-1], revision="v1"), State.WRONG_SOURCE),
        (replace(HOME, commit=COMMIT[::-1], revision=COMMIT, subdirectory="lib"), State.WRONG_SOURCE),
    ],
)
def test_sources(known: Source | None, state: State) -> None:
    demanded = pin(f"demo @ git+{HOME.url}@{COMMIT}")
    assert judge(demanded, identity("demo", "1.0", source=known)) is state


@pytest.mark.parametrize(
    ("folder", "known", "state"),
    [
        ("", None, State.HOLDS),
        ("", Source(url="https://mirror.example/mono.zip"), State.HOLDS),
        ("", Source(url="https://mirror.example/mono.zip", subdirectory="lib"), State.WRONG_SOURCE),
        ("&subdirectory=lib", Source(url="https://mirror.example/mono.zip", subdirectory="lib"), State.HOLDS),
        ("&subdirectory=lib", Source(url="https://mirror.example/mono.zip"), State.WRONG_SOURCE),
        ("&subdirectory=lib", None, State.UNPROVEN),
    ],
)
def test_of_an_archive_from_anywhere_the_folder_counts(folder: str, known: Source | None, state: State) -> None:
    demanded = pin(f"demo @ https://host.example/mono.zip#{A.replace(':', '=')}{folder}")
    assert judge(demanded, identity("demo", "1.0", A, source=known)) is state


def test_a_pin_that_names_no_source_is_content_with_any() -> None:
    assert judge(pin("demo==1.0"), identity("demo", "1.0", source=HOME)) is State.HOLDS


@pytest.mark.parametrize(
    ("demanded", "known", "state"),
    [
        ([], [], State.HOLDS),
        ([], [A], State.HOLDS),
        ([A], [A], State.HOLDS),
        ([A, B], [B], State.HOLDS),
        ([A], [B, A], State.HOLDS),
        ([A], [], State.UNPROVEN),
        ([A], [B], State.WRONG_HASH),
        ([A], [LONG_B], State.UNPROVEN),
        ([A], [B, LONG_B], State.WRONG_HASH),
        ([A, LONG_A], [B, LONG_B], State.WRONG_HASH),
        # the artifact whose sha256 is another one may well be that of the demanded sha512
        ([A, LONG_A], [B], State.UNPROVEN),
    ],
)
def test_hashes(demanded: list[str], known: list[str], state: State) -> None:
    assert judge_hashes(frozenset(demanded), frozenset(known)) is state
    assert judge(replace(pin("demo==1.0"), hashes=frozenset(demanded)), identity("demo", "1.0", *known)) is state


def test_a_proven_difference_speaks_before_a_missing_proof() -> None:
    demanded = replace(pin("demo==1.0"), hashes=frozenset({A}), source=HOME)
    elsewhere = replace(HOME, commit=COMMIT[::-1])
    assert judge(demanded, identity("demo", "2.0")) is State.WRONG_VERSION
    assert judge(demanded, identity("demo", "2.0", B, source=elsewhere)) is State.WRONG_VERSION
    assert judge(demanded, identity("demo", "1.0", B, source=elsewhere)) is State.WRONG_SOURCE
    assert judge(demanded, identity("demo", "1.0", B)) is State.WRONG_HASH
    assert judge(demanded, identity("demo", None, B)) is State.WRONG_HASH
    assert judge(demanded, identity("demo", "1.0", A)) is State.UNPROVEN
    assert judge(demanded, identity("demo", "1.0", A, source=HOME)) is State.HOLDS


@pytest.mark.parametrize(
    ("demanded", "known", "result"),
    [
        ([LONG_A], [B], [LONG_A, B]),
        ([LONG_A], [], [LONG_A]),
        ([A, LONG_A], [B], [LONG_A, B]),
        ([A, LONG_A], [A], [A]),
        ([LONG_A, LONG_B], [A], [A, f"any:{LONG_A}|{LONG_B}"]),
        ([A], [B], [B]),
        ([], [A], [A]),
    ],
)
def test_what_pip_has_enforced_is_proven_where_only_one_hash_is_left(
    demanded: list[str], known: list[str], result: list[str]
) -> None:
    assert prove(frozenset(demanded), frozenset(known)) == frozenset(result)


def test_one_of_several_proves_the_same_demand_and_every_wider_one() -> None:
    known = prove(frozenset([LONG_A, LONG_B]), frozenset([A]))
    assert judge_hashes(frozenset([LONG_A, LONG_B]), known) is State.HOLDS
    assert judge_hashes(frozenset([LONG_A, LONG_B, B]), known) is State.HOLDS
    assert judge_hashes(frozenset([LONG_A]), known) is State.UNPROVEN


@pytest.mark.parametrize(
    ("text", "version", "suspicious"),
    [
        ("demo @ https://x.example/demo-1.0.tar.gz", "1.0", False),
        ("demo @ https://x.example/demo-1.0.tar.gz", "1.0+gpu", False),
        ("demo @ https://x.example/demo-1.0.tar.gz", "2.0", True),
        ("demo @ https://x.example/demo-1.0.tar.gz", None, False),
        ("demo @ https://x.example/latest.tar.gz", "2.0", False),
        ("demo==1.0", "2.0", False),
    ],
)
def test_a_version_that_the_archive_does_not_promise_is_suspicious(
    text: str, version: str | None, *, suspicious: bool
) -> None:
    assert is_suspicious(pin(f"{text} --hash={A}"), identity("demo", version)) is suspicious


def verdict(state: State, name: str = "demo") -> Verdict:
    return Verdict(pin=pin(f"{name}==1.0"), state=state, found="")


REINSTALLED = {State.WRONG_SOURCE, State.WRONG_HASH, State.DAMAGED}


class TestForced:
    @pytest.mark.parametrize("state", State)
    @pytest.mark.parametrize("unproven", ["reinstall", "accept", "refuse"])
    def test_only_contents_are_forced(self, state: State, unproven: str) -> None:
        expected = state in REINSTALLED or (state is State.UNPROVEN and unproven == "reinstall")
        assert bool(find_forced([verdict(state)], unproven)) is expected

    @pytest.mark.parametrize("name", ["pip", "pip-pinstall"])
    def test_what_is_running_is_not_reinstalled_for_want_of_proof(self, name: str) -> None:
        assert find_forced([verdict(State.UNPROVEN, name)], "reinstall") == ()
        assert accepts(verdict(State.UNPROVEN, name), "reinstall")
        assert not accepts(verdict(State.UNPROVEN, name), "refuse")
        assert len(find_forced([verdict(State.WRONG_HASH, name)], "reinstall")) == 1

    @pytest.mark.parametrize("state", State)
    @pytest.mark.parametrize("unproven", ["reinstall", "accept", "refuse"])
    def test_a_run_ends_well_with_what_holds_or_is_accepted(self, state: State, unproven: str) -> None:
        expected = state is State.HOLDS or (state is State.UNPROVEN and unproven == "accept")
        assert accepts(verdict(state), unproven) is expected
