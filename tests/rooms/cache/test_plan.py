"""What leaves pip's cache, what comes back, what is remade, and what only pip can answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.version import Version

from pinstall.cache import plan
from pinstall.model.artifacts import Artifact, Case, Eviction, Plan, Shelved
from pinstall.model.pins import State
from pinstall.request.policy import Policy, decide
from tests.support.values import identity, pin

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
