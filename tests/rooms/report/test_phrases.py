"""What was found and done, in words and as a document."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from pinstall.model.artifacts import Eviction, Plan, Shelved
from pinstall.model.errors import Command, Outcome
from pinstall.model.inputs import Origin
from pinstall.model.pins import Source, State, Verdict
from pinstall.report import phrases as report
from tests.support.values import COMMIT, identity, lines, pin, sha256

A, B = sha256("a"), sha256("b")
REPOSITORY = f"git+https://me:secret@host.example/r@{COMMIT}"


def verdict(state: State, text: str = "demo==1.0", version: str = "2.0") -> Verdict:
    return Verdict(pin=pin(text), state=state, found=report.found(state, version, identity("demo", version, B)))


def outcome(*states: State, exit_code: int = 0) -> Outcome:
    found = tuple(verdict(state, f"p{number}==1.0", "1.0") for number, state in enumerate(states))
    return Outcome(exit_code=exit_code, verdicts=found)


class TestVerdict:
    @pytest.mark.parametrize(
        ("state", "text"),
        [
            (State.ABSENT, "r.txt:1: demo==1.0, but it is not installed"),
            (State.WRONG_VERSION, "r.txt:1: demo==1.0, but 2.0 is installed"),
            (State.WRONG_LABEL, "r.txt:1: demo==1.0, but 2.0 is installed"),
            (State.WRONG_HASH, f"r.txt:1: demo==1.0, but another artifact of 2.0 is installed ({B})"),
            (
                State.UNPROVEN,
                "r.txt:1: demo==1.0, but the hash of the installed 2.0 is not verified",
            ),
        ],
    )
    def test_it_says_where_what_and_what_is_there_instead(self, state: State, text: str) -> None:
        assert str(report.verdict(verdict(state))) == text

    def test_damage(self) -> None:
        damaged = Verdict(pin=pin("demo==1.0"), state=State.DAMAGED, found="it is installed 2 times: a, b")
        assert str(report.verdict(damaged)) == "r.txt:1: demo==1.0, but it is installed 2 times: a, b"

    @pytest.mark.parametrize(
        ("source", "text"),
        [
            (Source(url="https://host.example/r", commit="ab"), "1.0 is installed from https://host.example/r at ab"),
            (
                Source(url="https://host.example/r", commit="ab", subdirectory="lib"),
                "1.0 is installed from https://host.example/r at ab, folder lib",
            ),
            (Source(url="https://host.example/a.whl"), "1.0 is installed from https://host.example/a.whl"),
            (None, "1.0 is installed from somewhere else"),
        ],
    )
    def test_another_source(self, source: Source | None, text: str) -> None:
        assert report.found(State.WRONG_SOURCE, "1.0", identity("demo", "1.0", source=source)) == text

    def test_a_repository_is_shown_without_its_password(self) -> None:
        fault = report.verdict(verdict(State.WRONG_VERSION, f"demo @ {REPOSITORY}"))
        assert str(fault) == f"r.txt:1: demo @ git+https://me:****@host.example/r@{COMMIT}, but 2.0 is installed"

    def test_what_holds(self) -> None:
        assert report.found(State.HOLDS, "1.0", None) == "1.0 is installed"


class TestPlace:
    @pytest.mark.parametrize(
        ("origin", "text"),
        [
            (Origin(where="argument 3"), "command line"),
            (Origin(where="requirements.txt", line=14), "requirements.txt:14"),
            (Origin(where="PIP_CONSTRAINT"), "PIP_CONSTRAINT"),
            (Origin(where="https://me:secret@host.example/r.txt", line=1), "https://me:****@host.example/r.txt:1"),
        ],
    )
    def test_it_reads_well_before_a_message(self, origin: Origin, text: str) -> None:
        assert report.place(origin) == text


class TestUnpinned:
    @pytest.mark.parametrize(
        ("text", "remedy"),
        [
            ("demo", "write `PIN`"),
            ("demo @ https://host.example/x.zip", "add `#sha256=<digest of that file>` to the URL"),
            ("https://host.example/x.zip#egg=demo", "add `&sha256=<digest of that file>` to the URL"),
            ("demo @ git+https://host.example/r@main", "write the full commit id after `@`"),
            ("hg+https://host.example/r#egg=demo", "write the full commit id after `@`"),
            (
                "demo @ svn+https://host.example/r@15",
                "a revision number does not fix contents: use git, hg, or an archive with its hash",
            ),
        ],
    )
    def test_it_says_what_to_write_instead(self, text: str, remedy: str) -> None:
        (line,) = lines(text)
        assert str(report.unpinned(line, "PIN")) == f"r.txt:1: `{text}` is not a pin; {remedy}"

    def test_what_is_installed_is_said_to_be(self) -> None:
        (line,) = lines("demo")
        said = report.unpinned(line, "demo==1.5", installed=True)
        assert said.message.endswith("; write `demo==1.5`, which is installed")

    def test_an_argument_is_not_counted(self) -> None:
        (line,) = lines("demo>=2")
        fault = report.unpinned(replace(line, origin=Origin(where="argument 3")), "demo==VERSION")
        assert str(fault) == "command line: `demo>=2` is not a pin; write `demo==VERSION`"


class TestEviction:
    @pytest.mark.parametrize(
        ("reason", "contradiction", "version", "text"),
        [
            ("r.txt:1 pins demo==1.0", False, "2.0", "demo 2.0 out of pip's cache: r.txt:1 pins demo==1.0 ("),
            ("it is no valid zip", True, "2.0", "demo 2.0 out of pip's cache: it is no valid zip ("),
            (
                "it does not have a valid wheel file name",
                True,
                None,
                "demo out of pip's cache: it does not have a valid wheel file name (",
            ),
        ],
    )
    def test_it_says_why_and_how_to_undo_it(
        self, reason: str, version: str | None, text: str, *, contradiction: bool
    ) -> None:
        evicted = Eviction(
            what=f"the wheel of demo {version or ''}".rstrip(),
            identity=identity("demo", version),
            paths=("x.whl",),
            reason=reason,
            contradiction=contradiction,
        )
        assert report.eviction(evicted) == f"moved the wheel of {text}`pinstall undo` puts it back)"


class TestConclusion:
    def test_what_is_left_to_pip_is_said_beside_the_pins_and_alone(self) -> None:
        assert report.summary(replace(outcome(), left=1), 1.0) == "1 requirement is not a pin and was left to pip"
        found = report.summary(replace(outcome(State.HOLDS), left=2, rehearsed=True), 1.0)
        assert found == "1 pin would be satisfied; 2 requirements are not pins and were left to pip"

    @pytest.mark.parametrize(
        ("states", "text"),
        [
            ([State.HOLDS], "1 pin satisfied"),
            ([State.HOLDS] * 2, "2 pins satisfied"),
            ([State.HOLDS, State.UNPROVEN], "1 pin satisfied, 1 of the right version with a hash that is not verified"),
            ([State.UNPROVEN] * 2, "0 pins satisfied, 2 of the right version with a hash that is not verified"),
        ],
    )
    def test_a_run_that_ends_well_says_one_line(self, states: list[State], text: str) -> None:
        assert report.summary(outcome(*states), 1.0) == text
        assert report.failure(outcome(*states)) is None

    def test_where_pip_ran_it_says_what_changed_and_how_long_that_took(self) -> None:
        ran = (Command(purpose="install", arguments=("install",), exit_code=0),)
        changes = {"p0": "+ p0 1.0", "p1": "~ p1 1.0 (x.py is missing)", "other": "- other 1"}
        done = replace(outcome(*[State.HOLDS] * 4), commands=ran, changes=changes)
        told = "4 pins satisfied (1 installed, 1 repaired, 2 already there) in 4.1 s"
        assert report.summary(done, 4.08) == told
        assert report.summary(replace(done, rehearsed=True), 4.08) == "4 pins would be satisfied"

    def test_the_gravest_comes_first_and_what_holds_is_left_out(self) -> None:
        error = report.failure(outcome(State.ABSENT, State.HOLDS, State.WRONG_HASH, State.WRONG_VERSION, exit_code=65))
        assert error is not None
        assert (error.message, error.exit_code) == ("3 pins are not satisfied", 65)
        assert [str(line).split(",")[0] for line in error.context] == [
            "r.txt:1: p2==1.0",
            "r.txt:1: p3==1.0",
            "r.txt:1: p0==1.0",
        ]

    def test_what_merely_lacks_proof_is_counted_beside_what_is_wrong(self) -> None:
        error = report.failure(outcome(State.UNPROVEN, State.ABSENT, exit_code=65))
        assert error is not None
        assert error.message == "1 pin is not satisfied, 1 of the right version with a hash that is not verified"
        assert [str(line) for line in error.context] == ["r.txt:1: p1==1.0, but it is not installed"]

    def test_what_merely_lacks_proof_is_listed_with_the_way_out(self) -> None:
        error = report.failure(outcome(State.UNPROVEN, exit_code=65))
        assert error is not None
        assert error.message == "1 pin is not verified"
        assert str(error.context[0]).startswith("r.txt:1: p0==1.0, but the hash of the installed 1.0 is")
        assert (error.hint or "").startswith("`--pin unproven=accept` ")


class TestDocument:
    def test_it_says_everything_and_is_json(self) -> None:
        one = Eviction(
            what="the wheel of demo 2.0",
            identity=identity("demo", "2.0"),
            paths=("wheels/a/x.whl",),
            reason="r.txt:1 pins demo==1.0",
            contradiction=False,
        )
        page = Eviction(
            what="the cached page of demo",
            identity=identity("demo"),
            paths=("http-v2/x", "http-v2/x.body"),
            reason="it is damaged",
            contradiction=True,
        )
        back = Shelved(
            receipt="7",
            what="the wheel of demo 1.0",
            identity=identity("demo", "1.0"),
            stored=("0",),
            paths=("wheels/c",),
            reason="a reason",
            contradiction=False,
        )
        demanded = pin(f"demo[x]==1.0 --hash={A}\ndemo==1.0 --hash={A} --hash={B}")
        done = Outcome(
            exit_code=65,
            verdicts=(Verdict(pin=demanded, state=State.WRONG_VERSION, found="2.0 is installed"),),
            plan=Plan(
                evictions=(one, page),
                returns=(back,),
                remakes=(demanded,),
            ),
            commands=(Command(purpose="install", arguments=("install", "-i", "https://me:x@h.example"), exit_code=0),),
            target="/venv/bin/python",
        )
        assert json.loads(json.dumps(report.details(done))) == {
            "changes": {},
            "target": "/venv/bin/python",
            "environment": {},
            "pins": [
                {
                    "name": "demo",
                    "wanted": "demo==1.0",
                    "hashes": [A],
                    "origins": ["r.txt:1", "r.txt:2"],
                    "state": "wrong-version",
                    "found": "2.0 is installed",
                    "remarks": [],
                }
            ],
            "evictions": [
                {
                    "what": "the wheel of demo 2.0",
                    "paths": ["wheels/a/x.whl"],
                    "name": "demo",
                    "version": "2.0",
                    "reason": "r.txt:1 pins demo==1.0",
                    "contradiction": False,
                },
                {
                    "what": "the cached page of demo",
                    "paths": ["http-v2/x", "http-v2/x.body"],
                    "name": "demo",
                    "version": "",
                    "reason": "it is damaged",
                    "contradiction": True,
                },
            ],
            "returned": [{"paths": ["wheels/c"], "receipt": "7"}],
            "rebuilt": ["demo==1.0"],
            "unpinned": [],
            "commands": [
                {"purpose": "install", "arguments": ["install", "-i", "https://me:****@h.example"], "exit_code": 0}
            ],
        }


class TestCommand:
    def test_a_shell_takes_it(self) -> None:
        words = ["/a b/python", "install", "-r", "my file.txt", "demo>=1", "--config-settings=a=$b"]
        assert shlex.split(shlex.join(map(report.redact_argument, words))) == words

    @pytest.mark.parametrize(
        ("argument", "shown"),
        [
            ("https://me:secret@host.example/simple", "https://me:****@host.example/simple"),
            ("--index-url=https://secret@host.example/simple", "--index-url=https://****@host.example/simple"),
            ("-ihttps://me:se@cret@host.example/simple", "-ihttps://me:****@host.example/simple"),
            ("--proxy=me:secret@proxy.example:3128", "--proxy=me:****@proxy.example:3128"),
            ("me:secret@proxy.example:3128", "me:****@proxy.example:3128"),
            ("https://host.example:8080/r@v1", "https://host.example:8080/r@v1"),
            ("git+ssh://host.example/r@v1:x", "git+ssh://host.example/r@v1:x"),
            ("demo @ file:///src/a@b", "demo @ file:///src/a@b"),
            ("demo==1.0", "demo==1.0"),
        ],
    )
    def test_it_shows_no_secret(self, argument: str, shown: str) -> None:
        assert report.redact_argument(argument) == shown
