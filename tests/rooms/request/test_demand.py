"""Lines and constraints become one pin per distribution, or a conflict that names both origins."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace

import pytest
from packaging.version import Version

from pinstall.model.inputs import Origin, RequirementLine
from pinstall.model.pins import Demand, Source
from pinstall.request import demand, requirements
from tests.support.values import COMMIT, conflict, demanded, lines, pin, sha256

A, B, C = (sha256(letter) for letter in "abc")
WHEEL = "https://files.example/demo-1.0-py3-none-any.whl"
SDIST = "https://files.example/demo-1.0.tar.gz"
NUMBER = "9" * 5000
"""More digits than Python makes a number of."""
OLD = Version(importlib.metadata.version("packaging")) < Version("26")


def hashed(text: str, *hashes: str) -> str:
    return " ".join((text, *(f"--hash={digest}" for digest in hashes))) + "\n"


def texts(found: tuple[RequirementLine, ...]) -> list[str]:
    return [line.text for line in found]


def local(text: str, *hashes: str, directory: bool = False) -> RequirementLine:
    (line,) = lines(text)
    return replace(line, directory=directory, hashes=frozenset(hashes))


def editable(text: str) -> RequirementLine:
    found = requirements.line(text, Origin(where="argument 2"), editable=True)
    assert isinstance(found, RequirementLine)
    return found


class TestVersions:
    @pytest.mark.parametrize(
        ("text", "version", "exact"),
        [
            ("demo==1.0", "1.0", None),
            ("demo == 1.0", "1.0", None),
            ("demo==1.0.0", "1.0.0", None),
            ("demo==1!2.0", "1!2.0", None),
            ("demo==2.0rc1", "2.0rc1", None),
            ("demo==2.0.RC.1", "2.0rc1", None),
            ("demo==2.0.post3", "2.0.post3", None),
            ("demo==2.0-3", "2.0.post3", None),
            ("demo==2.0.dev4", "2.0.dev4", None),
            ("demo==1.0+cu113", "1.0+cu113", None),
            ("demo==1.0+CU-113", "1.0+cu.113", None),
            ("demo===1.0", "1.0", "1.0"),
            ("demo===1.0RC1", "1.0rc1", "1.0RC1"),
            ("demo>=1,==1.5,<2", "1.5", None),
            ("demo==1.*,==1.5", "1.5", None),
            ("demo==1.0,==1.0+cu113", "1.0+cu113", None),
            ("demo===1.0,==1.0", "1.0", "1.0"),
            ("demo[x,y]==1.0", "1.0", None),
        ],
    )
    def test_one_line_pins(self, text: str, version: str, exact: str | None) -> None:
        found = pin(text)
        assert str(found.version) == version
        assert found.exact == exact
        assert found.expected == found.version
        assert (found.source, found.hashes) == (None, frozenset())

    def test_what_no_version_scheme_knows_is_pinned_as_text(self) -> None:
        found = pin("demo===april")
        assert (found.version, found.exact, found.expected) == (None, "april", None)
        assert found.wanted == "demo===april"

    @pytest.mark.parametrize(
        "text",
        ["demo", "demo>=1", "demo~=1.0", "demo==1.*", "demo!=1.0", "demo<2", "demo<=1.0", "demo[x]", "demo>1,<2"],
    )
    def test_ranges_are_no_pins(self, text: str) -> None:
        found = demanded(text)
        assert found.pins == ()
        assert texts(found.unpinned) == [text]

    def test_hashes_alone_pin_nothing(self) -> None:
        found = demanded(hashed("demo>=1", A))
        assert (found.pins, texts(found.unpinned)) == ((), ["demo>=1"])

    @pytest.mark.parametrize(
        "constraints", ["demo==1.0", "demo==1.0\ndemo>=0.5", "demo===1.0", "demo>=1\ndemo==1.0\ndemo<2"]
    )
    def test_a_constraint_pins_what_a_line_asks_for(self, constraints: str) -> None:
        found = pin("demo>=0.9", constraints)
        assert found.version == Version("1.0")
        assert found.requested
        assert found.origin.where == "c.txt"

    def test_a_constraint_alone_pins_but_requests_nothing(self) -> None:
        found = pin("", "demo==1.0")
        assert not found.requested
        assert found.version == Version("1.0")

    def test_a_constraint_that_is_no_pin_is_a_bound(self) -> None:
        found = demanded("other==1.0", "demo<2")
        assert [one.name for one in found.pins] == ["other"]
        assert texts(found.bounds) == ["demo<2"]
        assert found.unpinned == ()

    def test_an_unpinned_request_keeps_its_constraints_as_bounds(self) -> None:
        found = demanded("demo>=1", "demo<2")
        assert texts(found.unpinned) == ["demo>=1"]
        assert texts(found.bounds) == ["demo<2"]

    @pytest.mark.parametrize("text", ["demo==1.0\ndemo==1.0+cu113", "demo==1.0+cu113\ndemo==1.0"])
    def test_the_label_says_more_than_the_version(self, text: str) -> None:
        assert str(pin(text).version) == "1.0+cu113"

    @pytest.mark.parametrize("text", ["demo==1.0\ndemo===1.0", "demo===1.0\ndemo==1.0"])
    def test_the_exact_text_says_more_than_the_version(self, text: str) -> None:
        assert pin(text).exact == "1.0"

    @pytest.mark.parametrize("text", ["demo==1.0.0\ndemo==1.0", "demo==1.0\ndemo==1.0.0"])
    def test_of_two_spellings_the_order_does_not_choose(self, text: str) -> None:
        assert pin(text).wanted == "demo==1.0.0"

    def test_a_prerelease_is_allowed_by_a_range_beside_it(self) -> None:
        assert str(pin("demo==2.0rc1", "demo>=1").version) == "2.0rc1"

    def test_names_are_one_however_they_are_written(self) -> None:
        found = pin("Demo_Lib[a]==1.0\ndemo.lib>=0.5\n", "DEMO-LIB<2")
        assert found.name == "demo-lib"
        assert len(found.lines) == 3


class TestSeveralLines:
    def test_extras_of_one_and_hashes_of_another(self) -> None:
        found = pin("demo[Sound_X]==1.0\n" + hashed("demo[y]==1.0", A, B), hashed("demo==1.0", B, C))
        assert [line.extras for line in found.lines] == [{"sound-x"}, {"y"}, set()]
        assert found.hashes == {B}
        assert [str(line.origin) for line in found.lines] == ["r.txt:1", "r.txt:2", "c.txt:1"]

    def test_duplicates_change_nothing(self) -> None:
        once, twice = pin(hashed("demo==1.0", A)), pin(hashed("demo==1.0", A) * 2)
        assert replace(once, lines=()) == replace(twice, lines=())

    def test_a_marker_that_excludes_takes_its_line_away(self) -> None:
        text = 'demo==1.0 ; sys_platform == "win32"\ndemo==2.0 ; sys_platform == "linux"\n'
        found = pin(text + 'gone==1.0 ; python_version < "3"')
        assert (found.name, str(found.version)) == ("demo", "2.0")

    def test_a_marker_on_an_extra_is_false_for_a_line(self) -> None:
        assert demanded('demo ; extra == "x"') == Demand()

    def test_markers_that_make_no_sense_are_refused_together(self) -> None:
        found = demanded('demo==1.0 ; sys_platform ~= "linux"\nfine==1.0\nlib==1.0 ; os_name === "posix"\n')
        first, second = found.conflicts
        assert str(first.origin) == "r.txt:1"
        assert first.message.startswith('the marker of `demo==1.0 ; sys_platform ~= "linux"` cannot be evaluated: ')
        assert str(second.origin) == "r.txt:3"
        assert [pin.name for pin in found.pins] == ["fine"]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (f"demo==1.0 --hash={A}", None),
        (f"demo==1.0 --hash={A[:-1]}", 64),
        (f"demo==1.0 --hash={A}0", 64),
        (f"demo==1.0 --hash={A} --hash={B[:-1]}g", 64),
        (f"demo==1.0 --hash=sha384:{'a' * 64}", 96),
        (f"demo==1.0 --hash=sha384:{'a' * 96} --hash=sha512:{'A' * 128}", None),
        (f"demo==1.0 --hash=sha512:{'a' * 96}", 128),
        ("demo==1.0 --hash=sha256:", 64),
        ("demo>=1 --hash=sha256:ab", 64),
        (f"demo @ {WHEEL}#sha256=ab", 64),
        (f"demo @ {WHEEL}#sha1=ab", None),
    ],
)
def test_a_hash_that_no_file_can_have_is_told_with_its_line(text: str, digits: int | None) -> None:
    found = list(demand.malformed(lines(f"\n{text}\n")))
    assert [str(fault.origin) for fault in found] == ["r.txt:2"] * (digits is not None)
    assert all(f"hash has {digits} hexadecimal digits" in fault.message for fault in found)


class TestConflicts:
    @pytest.mark.parametrize(
        ("text", "constraints", "where", "message"),
        [
            (
                "demo==1.0\ndemo==2.0",
                "",
                "r.txt:1",
                "`demo==1.0` contradicts `demo==2.0` (r.txt:2)",
            ),
            ("demo==1.0", "demo<1", "r.txt:1", "`demo==1.0` contradicts `demo<1` (c.txt:1)"),
            ("demo<1", "demo==1.0", "c.txt:1", "`demo==1.0` contradicts `demo<1` (r.txt:1)"),
            (
                "demo==1.0+cu1\ndemo==1.0+cu2",
                "",
                "r.txt:1",
                "`demo==1.0+cu1` contradicts `demo==1.0+cu2` (r.txt:2)",
            ),
            (
                "demo===1.0\ndemo==1.0+cu2",
                "",
                "r.txt:1",
                "`demo===1.0` contradicts `demo==1.0+cu2` (r.txt:2)",
            ),
            (
                "demo===april\ndemo>=1",
                "",
                "r.txt:1",
                "`demo===april` contradicts `demo>=1` (r.txt:2)",
            ),
            (
                "demo==1.0,==1.0+cu1\ndemo==2.0",
                "",
                "r.txt:1",
                "`demo==1.0,==1.0+cu1` contradicts `demo==2.0` (r.txt:2)",
            ),
            ("demo==1.0,<1", "", "r.txt:1", "`demo==1.0,<1` can never be met"),
            ("demo===1.0,<1", "", "r.txt:1", "`demo===1.0,<1` can never be met"),
            pytest.param(
                *(f"demo=={NUMBER}", "", "r.txt:1", f"`demo=={NUMBER}` can never be met"),
                marks=pytest.mark.skipif(OLD, reason="packaging before 26 refuses the line itself"),
            ),
            (
                "demo===1.0-1",
                "",
                "r.txt:1",
                "`demo===1.0-1` can never be met: `===` compares text, and that version is written `1.0.post1`",
            ),
        ],
    )
    def test_versions(self, text: str, constraints: str, where: str, message: str) -> None:
        fault = conflict(text, constraints)
        assert (str(fault.origin), fault.message) == (where, message)

    def test_an_epoch_is_another_version(self) -> None:
        assert "`demo==1!1.0`" in conflict("demo==1.0\ndemo==1!1.0").message

    def test_hashes_without_anything_in_common(self) -> None:
        fault = conflict(hashed("demo==1.0", A) + hashed("demo==1.0", B))
        assert (str(fault.origin), fault.message) == ("r.txt:2", "`demo==1.0` has no hash in common with r.txt:1")

    def test_hashes_that_only_pairs_of_lines_have_in_common(self) -> None:
        fault = conflict(hashed("demo==1.0", A, B) + hashed("demo==1.0", B, C), hashed("demo==1.0", A, C))
        assert (str(fault.origin), fault.message) == (
            "c.txt:1",
            "`demo==1.0` has no hash in common with r.txt:1, r.txt:2",
        )

    def test_constraints_may_contradict_each_other_while_nobody_asks(self) -> None:
        found = demanded("", "demo==1.0\ndemo==2.0")
        assert (found.conflicts, found.pins) == ((), ())
        assert texts(found.bounds) == ["demo==1.0", "demo==2.0"]

    def test_all_conflicts_are_found(self) -> None:
        assert len(demanded("a==1\na==2\nb==1\nb==2\nc==1").conflicts) == 2

    def test_two_repositories(self) -> None:
        first, other = (f"demo @ git+https://host.example/{name}@{COMMIT}" for name in ("one", "two"))
        fault = conflict(f"{first}\n{other}")
        assert fault.message == f"`{first}` contradicts `{other}` (r.txt:2)"

    def test_two_commits(self) -> None:
        other = COMMIT[::-1]
        text = f"demo @ git+https://host.example/r@{COMMIT}\ndemo @ git+https://host.example/r@{other}"
        assert other in conflict(text).message

    def test_an_archive_and_a_repository(self) -> None:
        text = f"demo @ {WHEEL}#{A.replace(':', '=')}\ndemo @ git+https://host.example/r@{COMMIT}"
        assert "r.txt:2" in conflict(text).message


class TestLinks:
    @pytest.mark.parametrize(
        "text", [f"demo @ {WHEEL}#sha256={'a' * 64}", hashed(f"demo @ {WHEEL}", A), hashed(WHEEL, A)]
    )
    def test_an_archive_is_pinned_by_its_hash_wherever_it_stands(self, text: str) -> None:
        found = pin(text)
        assert (found.version, found.source, found.hashes) == (None, Source(url=""), frozenset({A}))
        assert found.expected == Version("1.0")

    def test_an_archive_may_have_either_of_two_hashes(self) -> None:
        assert pin(hashed(f"demo @ {WHEEL}#sha256={'a' * 64}", B)).hashes == {A, B}

    def test_what_a_link_is_called_is_no_version_that_is_demanded(self) -> None:
        found = pin(hashed(f"demo @ {SDIST}", A))
        assert (found.version, found.expected) == (None, Version("1.0"))
        assert found.wanted == f"demo @ {SDIST}"

    @pytest.mark.parametrize("file", ["other-1.0.tar.gz", "demo.tar.gz", "other-1.0-py3-none-any.whl", "download"])
    def test_a_file_name_that_does_not_tell_expects_nothing(self, file: str) -> None:
        assert pin(hashed(f"demo @ https://files.example/{file}", A)).expected is None

    def test_of_two_places_one_file_name_tells(self) -> None:
        text = hashed("demo @ https://files.example/latest", A) + hashed(f"demo @ {SDIST}", A)
        assert pin(text).expected == Version("1.0")

    @pytest.mark.parametrize("text", [f"demo @ {WHEEL}", WHEEL, f"demo @ {WHEEL}#md5={'a' * 32}"])
    def test_an_archive_without_hash_is_no_pin(self, text: str) -> None:
        assert texts(demanded(text).unpinned) == [text]

    def test_only_the_link_is_blamed_where_the_version_is_pinned(self) -> None:
        found = demanded(f"demo==1.0\ndemo @ {WHEEL}", "demo<2")
        assert texts(found.unpinned) == [f"demo @ {WHEEL}"]
        assert texts(found.bounds) == ["demo==1.0", "demo<2"]
        assert found.pins == ()

    def test_a_link_among_the_constraints_is_blamed_once_something_asks(self) -> None:
        assert texts(demanded("demo==1.0", f"demo @ {WHEEL}").unpinned) == [f"demo @ {WHEEL}"]
        alone = demanded("", f"demo @ {WHEEL}")
        assert (alone.unpinned, texts(alone.bounds)) == ((), [f"demo @ {WHEEL}"])

    def test_a_version_beside_a_link(self) -> None:
        found = pin("demo==1.0\n" + hashed(f"demo @ {WHEEL}", A))
        assert (found.version, found.hashes) == (Version("1.0"), frozenset({A}))

    def test_a_local_archive_is_a_pin_of_its_present_bytes(self) -> None:
        found = demanded(more=[local("./demo-1.0.tar.gz", A)])
        assert found.pins[0].hashes == {A}
        assert found.pins[0].expected == Version("1.0")

    @pytest.mark.parametrize("text", ["./demo", "demo @ file:///src/demo"])
    def test_a_local_directory_is_entrusted_to_pip(self, text: str) -> None:
        found = demanded(more=[local(text, directory=True)])
        assert texts(found.entrusted) == [text]
        assert (found.pins, found.unpinned) == ((), ())

    def test_an_editable_is_entrusted_to_pip_whatever_stands_beside_it(self) -> None:
        found = demanded("demo>=1", "demo==1.0", [editable(f"git+https://host.example/r@{COMMIT}#egg=demo")])
        assert len(found.entrusted) == 1
        assert (found.pins, found.unpinned) == ((), ())
        assert texts(found.bounds) == ["demo==1.0"]

    def test_an_unnamed_link_is_a_pin_only_with_fixed_contents(self) -> None:
        repository = "git+https://host.example/r"
        found = demanded(f"{repository}@{COMMIT}\n{repository}@main\n" + hashed("https://host.example/x.zip", A))
        assert [pin.name for pin in found.pins] == [f"{repository}@{COMMIT}", "https://host.example/x.zip"]
        assert [pin.wanted for pin in found.pins] == [pin.name for pin in found.pins]
        assert texts(found.unpinned) == [f"{repository}@main"]

    def test_a_name_that_a_file_lets_guess_does_not_meet_one_that_is_written(self) -> None:
        found = demanded("demo==2.0\n" + hashed(SDIST, A))
        assert [(pin.name, pin.hashes) for pin in found.pins] == [("demo", frozenset()), (SDIST, {A})]

    def test_unnamed_links_do_not_meet(self) -> None:
        assert len(demanded("git+https://host.example/a@x\ngit+https://host.example/b@y").unpinned) == 2


class TestRepositories:
    @pytest.mark.parametrize(
        ("link", "source"),
        [
            (f"git+https://host.example/r@{COMMIT}", Source(url="https://host.example/r", commit=COMMIT)),
            (f"git+https://me:secret@host.example/r@{COMMIT}", Source(url="https://host.example/r", commit=COMMIT)),
            (f"git+ssh://git@host.example/r.git@{COMMIT}", Source(url="ssh://host.example/r.git", commit=COMMIT)),
            (f"git+https://host.example/r@{COMMIT.upper()}", Source(url="https://host.example/r", commit=COMMIT)),
            (f"hg+https://host.example/r@{COMMIT}", Source(url="https://host.example/r", commit=COMMIT)),
            (
                f"git+https://host.example/r@{COMMIT}#egg=demo&subdirectory=python/lib",
                Source(url="https://host.example/r", commit=COMMIT, subdirectory="python/lib"),
            ),
        ],
    )
    def test_a_full_commit_is_a_pin(self, link: str, source: Source) -> None:
        found = pin(f"demo @ {link}")
        assert found.source == source
        assert (found.version, found.expected, found.hashes) == (None, None, frozenset())

    @pytest.mark.parametrize("revision", ["", "@main", "@v1.0", f"@{COMMIT[:7]}", f"@{COMMIT}0", "@refs/pull/1/head"])
    def test_what_moves_is_no_pin(self, revision: str) -> None:
        assert len(demanded(f"demo @ git+https://host.example/r{revision}").unpinned) == 1

    def test_a_hash_does_not_fix_a_branch(self) -> None:
        assert len(demanded(hashed("demo @ git+https://host.example/r@main", A)).unpinned) == 1

    def test_one_commit_written_with_and_without_credentials(self) -> None:
        text = f"demo @ git+https://me:x@host.example/r@{COMMIT}\ndemo[a] @ git+https://host.example/r@{COMMIT}"
        assert [line.extras for line in pin(text).lines] == [set(), {"a"}]
