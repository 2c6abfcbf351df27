"""The laws of `judge`, of the reduction to pins, and of what may be shown."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pinstall.comparison import judge
from pinstall.model.artifacts import Eviction, Plan
from pinstall.model.errors import Command, Outcome
from pinstall.model.inputs import Origin, RequirementLine
from pinstall.model.pins import Identity, Pin, Source, State, Verdict
from pinstall.report import phrases as report
from pinstall.request import demand
from pinstall.request.requirements import line
from tests.support.values import COMMIT, MARKERS, lines, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinstall.model.pins import Demand

DEMO = canonicalize_name("demo")
KNOWN = (State.WRONG_VERSION, State.WRONG_LABEL, State.WRONG_SOURCE, State.WRONG_HASH)

# A small alphabet, so that two versions are often equal, or nearly so.
number = st.sampled_from(["0", "1", "2", "10"])
epoch = st.sampled_from(["", "", "", "1!"])
suffix = st.sampled_from(["", "", "a1", "rc1", "c1", ".post1", "-1", ".dev1", "rc1.dev1"])
label = st.sampled_from(["", "", "+a", "+A", "+a.1", "+a-1", "+cu113"])


@st.composite
def version_texts(draw: st.DrawFn) -> str:
    release = ".".join(draw(st.lists(number, min_size=1, max_size=3)))
    return f"{draw(epoch)}{release}{draw(suffix)}{draw(label)}"


versions = version_texts().map(Version)
hashes = st.frozensets(st.sampled_from([sha256("a"), sha256("b"), f"sha512:{'a' * 128}", f"sha512:{'b' * 128}"]))
sources = st.builds(
    Source,
    url=st.sampled_from(["https://host.example/r", "https://host.example/s"]),
    commit=st.sampled_from([COMMIT, COMMIT[::-1]]),
    subdirectory=st.sampled_from([None, "lib"]),
)
identities = st.builds(
    Identity,
    name=st.just(DEMO),
    version=st.none() | versions,
    source=st.none() | sources,
    hashes=hashes,
)


def facts(identity: Identity) -> bool:
    """Tell whether this can be: an artifact has one hash of each algorithm."""
    algorithms = [text.partition(":")[0] for text in identity.hashes]
    return len(algorithms) == len(set(algorithms))


known = identities.filter(facts)


@st.composite
def demanded(draw: st.DrawFn) -> Pin:
    version, exact = draw(st.none() | versions), draw(st.booleans())
    return Pin(
        name=DEMO,
        version=version,
        exact=str(version) if version is not None and exact else None,
        source=draw(st.none() | sources),
        hashes=draw(hashes),
    )


class TestJudge:
    @given(identity=known, exact=st.booleans())
    def test_what_is_holds_itself(self, identity: Identity, *, exact: bool) -> None:
        text = str(identity.version) if exact and identity.version is not None else None
        pin = Pin(
            name=DEMO, version=identity.version, exact=text, source=identity.source, hashes=frozenset(identity.hashes)
        )
        assert judge(pin, identity) is State.HOLDS

    @given(pin=demanded(), identity=known)
    def test_ignorance_never_accuses(self, pin: Pin, identity: Identity) -> None:
        """What is an accusation stays one, whatever is learnt; forgetting anything never makes one."""
        less = [
            replace(identity, version=None),
            replace(identity, source=None),
            *(replace(identity, hashes=identity.hashes - {one}) for one in identity.hashes),
        ]
        if judge(pin, identity) not in KNOWN:
            assert all(judge(pin, one) not in KNOWN for one in less)
        assert judge(pin, Identity(name=DEMO)) in (State.HOLDS, State.UNPROVEN)

    @given(pin=demanded(), identity=known)
    def test_ignorance_never_acquits(self, pin: Pin, identity: Identity) -> None:
        nothing = Identity(name=DEMO)
        assert (judge(pin, nothing) is State.HOLDS) is (pin == Pin(name=DEMO))
        if judge(pin, identity) is not State.HOLDS:
            assert judge(pin, replace(identity, hashes=frozenset())) is not State.HOLDS or pin.hashes == frozenset()

    @given(pin=demanded(), identity=known, more=hashes)
    def test_a_weaker_pin_is_never_stricter(self, pin: Pin, identity: Identity, more: frozenset[str]) -> None:
        version = pin.version
        weaker = [
            replace(pin, version=None, exact=None),
            replace(pin, exact=None),
            replace(pin, source=None),
            replace(pin, hashes=frozenset()),
            replace(pin, hashes=pin.hashes | more) if pin.hashes else pin,
            replace(pin, exact=None, version=None if version is None else Version(version.public)),
        ]
        state = judge(pin, identity)
        if state is State.HOLDS:
            assert all(judge(one, identity) is State.HOLDS for one in weaker)
        elif state not in KNOWN:
            assert all(judge(one, identity) not in KNOWN for one in weaker)

    @given(text=version_texts(), version=versions, operator=st.sampled_from(["==", "==="]))
    def test_versions_are_compared_as_packaging_compares_them(self, text: str, version: Version, operator: str) -> None:
        pin = Pin(name=DEMO, version=Version(text), exact=text if operator == "===" else None)
        holds = judge(pin, Identity(name=DEMO, version=version)) is State.HOLDS
        assert holds is SpecifierSet(f"{operator}{text}").contains(version, prereleases=True)


class TestReduce:
    texts = st.sampled_from(
        [
            "demo==1.0",
            "demo==1.0.0",
            "demo===1.0",
            "demo==1.0+a",
            "demo==2.0",
            "demo===1.0-1",
            "demo==1.0,==1.0+a",
            "demo[x]>=1",
            "demo<2",
            "demo",
            'demo==3 ; sys_platform == "win32"',
            f"demo==1.0 --hash={sha256('a')} --hash={sha256('b')}",
            f"demo==1.0 --hash={sha256('b')}",
            f"demo @ https://host.example/demo-1.0.tar.gz#sha256={'a' * 64}",
            "demo @ https://host.example/demo-1.0.tar.gz",
            f"demo @ git+https://host.example/r@{COMMIT}",
            "demo @ git+https://host.example/r@main",
            "lib==1.0",
            "lib~=1.0",
            f"git+https://host.example/unnamed@{COMMIT}",
        ]
    )
    written = st.lists(st.tuples(texts, st.booleans()), max_size=6)

    @staticmethod
    def read(written: Sequence[tuple[str, bool]]) -> list[RequirementLine]:
        found = []
        for place, (text, constraint) in enumerate(written):
            # what no constraint may say is a request
            (one,) = lines(text, constraint=constraint and text.startswith(("demo=", "demo<", "lib")))
            found.append(replace(one, origin=Origin(where="r.txt", line=place + 1)))
        return found

    @staticmethod
    def essence(demand: Demand) -> tuple[Any, ...]:
        """Return what a demand says, less the order in which it says it."""
        return (
            {replace(pin, lines=()) for pin in demand.pins},
            {(pin.name, one.text) for pin in demand.pins for one in pin.lines},
            {pin.exact for pin in demand.pins},
            {str(pin.version) for pin in demand.pins},
            {one.text for one in demand.unpinned},
            {one.text for one in demand.entrusted},
            {one.text for one in demand.bounds},
            bool(demand.conflicts),
        )

    @given(data=st.data(), written=written)
    def test_the_order_of_lines_does_not_matter(self, data: st.DataObject, written: list[tuple[str, bool]]) -> None:
        found = self.read(written)
        shuffled = data.draw(st.permutations(found))
        assert self.essence(demand.reduce(shuffled, MARKERS)) == self.essence(demand.reduce(found, MARKERS))

    @given(written=written)
    def test_duplicates_change_nothing(self, written: list[tuple[str, bool]]) -> None:
        once, twice = demand.reduce(self.read(written), MARKERS), demand.reduce(self.read(written * 2), MARKERS)
        assert self.essence(once) == self.essence(twice)

    @given(written=written)
    def test_no_line_is_lost(self, written: list[tuple[str, bool]]) -> None:
        found = [one for one in self.read(written) if "win32" not in one.text]
        reduced = demand.reduce(found, MARKERS)
        kept = [
            *reduced.unpinned,
            *reduced.entrusted,
            *reduced.bounds,
            *(one for pin in reduced.pins for one in pin.lines),
        ]
        # beside an unpinned or entrusted request of the same project nothing else is judged
        decided = {one.name for one in (*reduced.unpinned, *reduced.entrusted)}
        assert all(one in kept or one.name in decided for one in found)

    @given(written=written)
    def test_a_conflict_names_the_origins_of_both(self, written: list[tuple[str, bool]]) -> None:
        for fault in demand.reduce(self.read(written), MARKERS).conflicts:
            places = set(re.findall(r"r\.txt:\d+", fault.message))
            assert places - {str(fault.origin)} or "can never be met" in fault.message

    @given(written=written)
    def test_a_pin_is_met_by_what_meets_every_line(self, written: list[tuple[str, bool]]) -> None:
        for pin in demand.reduce(self.read(written), MARKERS).pins:
            if pin.version is not None:
                assert all(one.specifier.contains(pin.version, prereleases=True) for one in pin.lines)


# Unquoted, `/`, `?` and `#` make no URL, and `;` may start a marker.
secret = st.text("abcXYZ019$&+,=!*'().~%-_@:", min_size=6, max_size=12).map(lambda text: f"S{text}S")
user = st.sampled_from(["", "me", "me%40home"])


class TestSecrets:
    @given(secret=secret, user=user, version=st.sampled_from(["2.0", "secret"]))
    def test_no_text_shows_a_password(self, secret: str, user: str, version: str) -> None:
        base = f"https://{user}:{secret}@host.example"
        link = f"demo @ git+{base}/r@{COMMIT}"
        one = line(link, Origin(where=f"{base}/r.txt", line=3))
        assert isinstance(one, RequirementLine)
        pin = replace(demand.reduce([one], MARKERS).pins[0], lines=(replace(one, text=link),))
        source = Source(url=f"{base}/r", commit=COMMIT)
        found = report.found(State.WRONG_SOURCE, version, Identity(name=DEMO, source=source))
        verdict = Verdict(pin=pin, state=State.WRONG_SOURCE, found=found)
        eviction = Eviction(
            what="the wheel of demo",
            identity=Identity(name=DEMO),
            paths=("x",),
            reason=f"{pin.origin} pins {pin.wanted}",
            contradiction=False,
        )
        arguments = (
            "install",
            "-i",
            base,
            f"--extra-index-url={base}/simple",
            f"--proxy={user or 'me'}:{secret}@proxy:1",
        )
        done = Outcome(
            exit_code=65,
            verdicts=(verdict,),
            plan=Plan(evictions=(eviction,), remakes=(pin,)),
            commands=(Command(purpose="install", arguments=arguments, exit_code=1),),
        )
        error = report.failure(done)
        assert error is not None
        texts = (
            str(report.verdict(verdict)),
            report.eviction(eviction),
            str(report.unpinned(pin.lines[0], "")),
            *map(str, (error.message, *error.context, error.hint)),
            json.dumps(report.details(done), ensure_ascii=False),
            shlex.join(map(report.redact_argument, arguments)),
        )
        assert [text for text in texts if secret in text or shlex.quote(secret) in text] == []
        # what is left of it would be a part of it: none is
        assert [text for text in texts if secret[:5] in text or secret[-5:] in text] == []

    @given(token=secret.filter(lambda text: ":" not in text))
    def test_no_text_shows_a_token(self, token: str) -> None:
        arguments = ("install", f"git+https://{token}@host.example/r@v1")
        assert token not in shlex.join(map(report.redact_argument, arguments))
        assert token not in str(
            report.details(Outcome(exit_code=0, commands=(Command(purpose="x", arguments=arguments, exit_code=0),)))
        )
