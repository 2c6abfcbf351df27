"""What leaves pip's cache, what comes back, what is remade, and what only pip can answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.version import Version

from pinstall.cache import plan
from pinstall.model.artifacts import Artifact, Case, Eviction, Plan, Shelved
from pinstall.model.inputs import Option, Origin, Request
from pinstall.model.pins import Pin, State, Verdict
from pinstall.request.arguments import rules
from pinstall.request.policy import Policy, decide
from tests.support.values import identity, pin, sha256

DEMO = pin("demo==1.0")
DIRECT = f"demo @ https://files.example/demo-1.0.tar.gz#sha256={'a' * 64}"
OTHER = Artifact(identity=identity("demo", "2.0"), path="wheels/other.whl")
SAME = Artifact(identity=identity("demo", "1.0"), path="wheels/same.whl")
BROKEN = Artifact(identity=identity("demo", "1.0"), path="wheels/broken.whl", damage="is no valid zip")
AWAY = Shelved(
    receipt="r",
    what="the wheel of demo 1.0",
    identity=identity("demo", "1.0"),
    stored=("0-same.whl",),
    paths=("wheels/away.whl",),
    reason="a reason",
    contradiction=False,
)
HOLDS, UNPROVEN, VERSION, LABEL = State.HOLDS, State.UNPROVEN, State.WRONG_VERSION, State.WRONG_LABEL


def made(
    *cached: tuple[Artifact, State], shelved: tuple[tuple[Shelved, State], ...] = (), evict: str = "mismatched"
) -> Plan:
    return plan.make([Case(pin=DEMO, cached=cached, shelved=shelved)], policy(evict=evict))


def policy(**values: str) -> Policy:
    return replace(decide([]), **values)


def gone(artifact: Artifact, reason: str, *, contradiction: bool) -> Eviction:
    return Eviction(
        what=f"the wheel of {artifact.identity.name} {artifact.identity.version or ''}".rstrip(),
        identity=artifact.identity,
        paths=(artifact.path,),
        reason=reason,
        contradiction=contradiction,
    )


def option(name: str, where: str, value: str | None = None) -> Option:
    return Option(name=f"--{name.replace('_', '-')}", dest=name, value=value, origin=Origin(where=where))


class TestMake:
    def test_nothing_cached(self) -> None:
        assert made() == Plan()

    @pytest.mark.parametrize("state", [VERSION, LABEL])
    def test_a_wheel_of_another_version_goes_and_the_pin_is_remade(self, state: State) -> None:
        found = made((OTHER, state))
        assert found.evictions == (gone(OTHER, "r.txt:1 pins demo==1.0", contradiction=False),)
        assert found.remakes == (DEMO,)
        assert found.returns == ()

    def test_a_damaged_wheel_goes_for_good(self) -> None:
        found = made((BROKEN, HOLDS))
        assert found.evictions == (gone(BROKEN, "it is no valid zip", contradiction=True),)
        assert found.remakes == (DEMO,)

    @pytest.mark.parametrize("state", [HOLDS, UNPROVEN])
    def test_a_wheel_that_may_be_the_pinned_one_stays_and_saves_the_remake(self, state: State) -> None:
        found = made((OTHER, VERSION), (SAME, state))
        assert [one.paths for one in found.evictions] == [(OTHER.path,)]
        assert found.remakes == ()

    def test_a_wheel_of_another_archive_stays_but_saves_nothing(self) -> None:
        found = made((OTHER, VERSION), (SAME, State.WRONG_HASH))
        assert [one.paths for one in found.evictions] == [(OTHER.path,)]
        assert found.remakes == (DEMO,)

    def test_without_a_mismatch_nothing_is_remade(self) -> None:
        assert made((SAME, HOLDS)) == Plan()
        assert made((SAME, State.WRONG_HASH)) == Plan()

    @pytest.mark.parametrize("state", [HOLDS, UNPROVEN])
    def test_the_pinned_wheel_comes_back_from_the_shelf_and_saves_the_remake(self, state: State) -> None:
        found = made((OTHER, VERSION), shelved=((AWAY, state),))
        assert found.returns == (AWAY,)
        assert found.remakes == ()

    def test_another_version_stays_on_the_shelf(self) -> None:
        assert made(shelved=((AWAY, VERSION),)) == Plan()

    def test_it_comes_back_even_where_nothing_leaves(self) -> None:
        assert made(shelved=((AWAY, HOLDS),)).returns == (AWAY,)

    def test_it_does_not_come_back_onto_a_wheel_that_stays(self) -> None:
        back = replace(AWAY, paths=(SAME.path,))
        assert made((SAME, HOLDS), shelved=((back, HOLDS),)).returns == ()

    def test_it_comes_back_where_a_broken_wheel_was(self) -> None:
        back = replace(AWAY, paths=(BROKEN.path,))
        found = made((BROKEN, HOLDS), shelved=((back, HOLDS),))
        assert (found.returns, found.remakes) == ((back,), ())

    @pytest.mark.parametrize(
        ("evict", "leaving"),
        [("mismatched", [OTHER, BROKEN]), ("contradicting", [BROKEN]), ("never", [])],
    )
    def test_what_leaves_is_the_users_choice(self, evict: str, leaving: list[Artifact]) -> None:
        found = made((OTHER, VERSION), (BROKEN, VERSION), evict=evict)
        assert [one.paths for one in found.evictions] == [(one.path,) for one in leaving]
        assert found.remakes == ((DEMO,) if leaving else ())

    @pytest.mark.parametrize(
        ("archive", "version", "text", "stranger"),
        [
            ("1.0", "1.0", "demo==1.0", False),
            ("2.0", "1.0", "demo==1.0", True),
            ("1.0", "1.0+gpu", "demo==1.0", True),
            (None, "1.0", "demo==1.0", False),
            ("1.0", None, "demo==1.0", False),
            ("1.0", "1.0+gpu", DIRECT, False),
            ("1.0", "1.0.0", DIRECT, False),
            ("1.0", "2.0", DIRECT, True),
        ],
    )
    def test_a_wheel_of_another_release_than_its_entry_goes_for_good(
        self, archive: str | None, version: str | None, text: str, *, stranger: bool
    ) -> None:
        found = Artifact(
            identity=identity("demo", version), path="x.whl", archive=None if archive is None else Version(archive)
        )
        evictions = plan.make([Case(pin=pin(text), cached=((found, HOLDS),))], policy(evict="contradicting")).evictions
        reason = f"it lies where pip looks for the wheel of demo {archive}"
        assert evictions == ((gone(found, reason, contradiction=True),) if stranger else ())

    def test_one_pin_does_not_speak_for_another(self) -> None:
        case = Case(pin=pin("lib==3.0"), cached=((replace(OTHER, path="wheels/lib.whl"), HOLDS),))
        found = plan.make([Case(pin=DEMO, cached=((OTHER, VERSION),)), case], policy())
        assert [one.paths for one in found.evictions] == [(OTHER.path,)]
        assert found.remakes == (DEMO,)


def verdict(state: State, name: str = "demo") -> Verdict:
    return Verdict(pin=pin(f"{name}==1.0"), state=state, found="")


REINSTALLED = {State.WRONG_SOURCE, State.WRONG_HASH, State.DAMAGED}


class TestForced:
    @pytest.mark.parametrize("state", State)
    @pytest.mark.parametrize("unproven", ["reinstall", "accept", "refuse"])
    def test_only_contents_are_forced(self, state: State, unproven: str) -> None:
        expected = state in REINSTALLED or (state is State.UNPROVEN and unproven == "reinstall")
        assert bool(plan.forced([verdict(state)], unproven)) is expected

    @pytest.mark.parametrize("name", ["pip", "pip-pinstall"])
    def test_what_is_running_is_not_reinstalled_for_want_of_proof(self, name: str) -> None:
        assert plan.forced([verdict(State.UNPROVEN, name)], "reinstall") == ()
        assert plan.accepts(verdict(State.UNPROVEN, name), "reinstall")
        assert not plan.accepts(verdict(State.UNPROVEN, name), "refuse")
        assert len(plan.forced([verdict(State.WRONG_HASH, name)], "reinstall")) == 1

    @pytest.mark.parametrize("state", State)
    @pytest.mark.parametrize("unproven", ["reinstall", "accept", "refuse"])
    def test_a_run_ends_well_with_what_holds_or_is_accepted(self, state: State, unproven: str) -> None:
        expected = state is State.HOLDS or (state is State.UNPROVEN and unproven == "accept")
        assert plan.accepts(verdict(state), unproven) is expected


class TestNeutral:
    ALWAYS = {"PIP_REQUIREMENT": "nul", "PIP_REPORT": None}  # noqa: RUF012 - a constant

    @pytest.mark.parametrize(
        "dest", ["dry_run", "force_reinstall", "ignore_installed", "only_dependencies", "upgrade", "use_user_site"]
    )
    @pytest.mark.parametrize("where", ["PIP_X", "/etc/pip.conf:3"])
    def test_a_flag_is_switched_off_wherever_it_comes_from(self, dest: str, where: str) -> None:
        found = plan.neutral([option(dest, where)], "nul")
        renamed = {"use_user_site": "PIP_USER", "only_dependencies": "PIP_ONLY_DEPS"}
        variable = renamed.get(dest, f"PIP_{dest.upper()}")
        assert found == {**self.ALWAYS, variable: "0"}

    @pytest.mark.parametrize(
        "dest",
        ["dependency_groups", "editables", "prefix_path", "requirements_from_scripts", "root_path", "target_dir"],
    )
    def test_a_place_is_taken_back_from_a_variable_and_never_from_a_file(self, dest: str) -> None:
        assert plan.neutral([option(dest, "PIP_PLACE")], "nul") == {**self.ALWAYS, "PIP_PLACE": None}
        assert plan.neutral([option(dest, "/etc/pip.conf:3")], "nul") is None

    def test_everything_else_stays(self) -> None:
        assert plan.neutral([option("index_url", "PIP_INDEX_URL"), option("proxy", "pip.conf:1")], "nul") == self.ALWAYS


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
        assert plan.demands_pip(asked, rules((26, 3))) == reason


class TestByHashes:
    PLAIN, HASHED = DEMO, replace(DEMO, hashes=frozenset({sha256("a")}))

    @pytest.mark.parametrize(
        ("given", "groups"),
        [
            ((), ()),
            ((PLAIN,), ((PLAIN,),)),
            ((HASHED,), ((HASHED,),)),
            ((PLAIN, HASHED, PLAIN), ((HASHED,), (PLAIN, PLAIN))),
        ],
    )
    def test_hashes_of_one_are_not_demanded_of_all(
        self, given: tuple[Pin, ...], groups: tuple[tuple[Pin, ...], ...]
    ) -> None:
        assert plan.by_hashes(iter(given)) == groups
