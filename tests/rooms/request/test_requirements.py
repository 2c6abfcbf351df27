from __future__ import annotations

import pytest

from pinstall.model.inputs import Fault, Option, Origin, RequirementFile, RequirementLine
from pinstall.request.requirements import decode, line, read

HERE = Origin(where="argument 1")
A, B = (f"sha256:{digit * 64}" for digit in "ab")


def file(text: str | bytes, *, constraint: bool = False, **environ: str) -> RequirementFile:
    content = text if isinstance(text, bytes) else text.encode()
    return read(content, file="r.txt", constraint=constraint, environ=environ)


def one(text: str, *, editable: bool = False, constraint: bool = False) -> RequirementLine:
    found = line(text, HERE, editable=editable, constraint=constraint)
    assert isinstance(found, RequirementLine), found
    return found


def refused(text: str, *, editable: bool = False, constraint: bool = False) -> str:
    found = line(text, HERE, editable=editable, constraint=constraint)
    assert isinstance(found, Fault), found
    return found.message


def options(text: str) -> list[tuple[str, str, str | None]]:
    found = file(text)
    assert not found.faults
    return [(option.name, option.dest, option.value) for option in found.options]


class TestOneRequirement:
    def test_a_pin(self) -> None:
        found = one("Demo.Name_X==1.0+Local")
        assert (found.name, str(found.specifier), found.link) == ("demo-name-x", "==1.0+Local", None)
        assert found.text == "Demo.Name_X==1.0+Local"

    @pytest.mark.parametrize("text", ["demo ==1.0", "demo== 1.0", "demo (==1.0)", " demo==1.0 ;", "demo == 1.0 ; "])
    def test_a_pin_in_other_spellings(self, text: str) -> None:
        found = one(text)
        assert (found.name, str(found.specifier), found.marker) == ("demo", "==1.0", None)

    def test_a_marker_with_and_without_a_blank(self) -> None:
        for text in (
            'demo==1.0;python_version>"3"',
            'demo>=1 ; python_version > "3"',
            'demo @ https://h/x;python_version>"3"',
        ):
            assert str(one(text).marker) == 'python_version > "3"'

    @pytest.mark.parametrize(
        "text", ["six=1.16.0", "six = 1.16.0", "six[a, b]=1.16.0", "six=1.16.0 ; os_name == 'posix'"]
    )
    def test_a_single_equals_sign_is_named(self, text: str) -> None:
        assert refused(text) == f"invalid requirement `{text}`: `=` is not an operator; did you mean `==`?"
        assert file(text).faults[0].message == refused(text)

    @pytest.mark.parametrize("text", ["six==", "six=>1", "six>=1,=2", "=1.0", "six 1=2"])
    def test_another_fault_is_not_taken_for_it(self, text: str) -> None:
        assert "no operator" not in refused(text)

    def test_extras_are_canonical(self) -> None:
        assert one("demo[A.b,c_D]>=1").extras == {"a-b", "c-d"}

    @pytest.mark.parametrize(
        "text", ["demo @ https://h/x.zip", "demo@https://h/x.zip", "demo @ https://h/x.zip ; os_name"]
    )
    def test_a_direct_reference(self, text: str) -> None:
        if text.endswith("os_name"):
            assert "invalid requirement" in refused(text)
        else:
            assert (one(text).name, one(text).link, str(one(text).specifier)) == ("demo", "https://h/x.zip", "")

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("https://h/De_mo-1.0-py3-none-any.whl", "de-mo"),
            ("https://h/demo-1.0.tar.gz", "demo"),
            ("https://h/demo-1.0.zip#egg=Other_One&subdirectory=x", "other-one"),
            ("https://h/demo-1.0-py3-none-any.whl#egg=other", "demo"),
            ("https://h/download", None),
            ("https://h/v1.0.zip", None),
            ("git+https://h/r-1.0.tar.gz", None),
            ("git+https://h/r@v1#egg=demo[a]", "demo"),
            ("./demo-1.0-py3-none-any.whl", "demo"),
            ("demo-1.0.tar.gz", "demo"),
            ("demo-one-py3-none-any.whl", None),
            ("./demo", None),
            ("demo/#egg=x", None),
        ],
    )
    def test_the_name_of_a_link(self, text: str, name: str | None) -> None:
        found = one(text)
        assert (found.name, found.link) == (name, text)

    def test_markers_of_urls_need_a_blank(self) -> None:
        assert one("https://h/x.zip;a").link == "https://h/x.zip;a"
        assert str(one('https://h/x.zip ; python_version>"3"').marker) == 'python_version > "3"'

    @pytest.mark.parametrize("text", ["./demo[A,b]", "demo-1.0.tar.gz[A,b]", "./demo [A,b]", "./demo[A,b]/"])
    def test_a_path_with_extras(self, text: str) -> None:
        found = one(text)
        assert found.extras == {"a", "b"}
        assert found.link == text.partition("[")[0].rstrip()

    @pytest.mark.parametrize("text", [".", "..", "pkg/", "/pkg", "./pkg ; os_name == 'x'", "demo.tgz", "./a@b.zip"])
    def test_what_looks_like_a_path(self, text: str) -> None:
        assert one(text).link == text.partition(" ;")[0]

    @pytest.mark.parametrize(
        "text",
        ["", "=1", "demo=1.0", "demo==", "demo 1.0", "demo==1.0 2", "demo==one", "demo[a", "-demo", "demo ; bogus",
         "demo==1.0[a]", "./p[a b]", "demo==1.0 @ https://h/x.zip", "gopher://h/x", "http://[h/x", "demo @ http://[h/x",
         "https://h/x.whl",
         "https://h/x#egg=", "git+ftp://h/r#egg=x", "demo ; os_name == '\\x'", "demo ; " + "(" * 2000],
    )  # fmt: skip
    def test_what_no_pip_takes(self, text: str) -> None:
        assert refused(text)

    def test_a_hash_in_the_fragment_counts(self) -> None:
        assert one("demo @ https://h/x#sha256=AB&egg=x").hashes == {"sha256:ab"}
        assert one("https://h/x#sha512=00").hashes == {"sha512:00"}
        assert one("./x.zip#sha256=ab/").hashes == frozenset()
        assert one("https://h/x#md5=00").hashes == {"md5:00"}

    def test_secrets_stay_in_the_link_and_out_of_the_rest(self) -> None:
        found = one("demo @ git+https://me:se-cret@h/r@v1")
        assert found.link == "git+https://me:se-cret@h/r@v1"
        assert found.text == "demo @ git+https://me:****@h/r@v1"
        assert "se-cret" not in refused("demo==1 @ https://me:se-cret@h/r")
        assert "se-cret" not in refused("https://me:se-cret@h/x.whl")


class TestEditables:
    @pytest.mark.parametrize("text", [".", "pkg", "./pkg", "file:///pkg"])
    def test_directories(self, text: str) -> None:
        found = one(text, editable=True)
        assert (found.editable, found.link, found.name) == (True, text, None)

    def test_a_directory_with_extras(self) -> None:
        found = one("./pkg[A,b]", editable=True)
        assert found.link == "./pkg"
        assert found.extras == {"a", "b"}

    def test_repositories(self) -> None:
        assert one("git+https://h/r#egg=demo", editable=True).name == "demo"
        assert one("file:///pkg#egg=demo", editable=True).name == "demo"
        found = one('demo[a] @ git+https://h/r ; python_version > "3"', editable=True)
        assert (found.name, str(found.marker)) == ("demo", 'python_version > "3"')
        assert found.extras == {"a"}
        assert one("git://h/r#egg=demo", editable=True).link == "git+git://h/r#egg=demo"

    @pytest.mark.parametrize(
        "text",
        ["", "https://h/x.zip#egg=demo", "demo @ https://h/x.zip", "git+https://h/r", "hg://h/r#egg=x"],
    )
    def test_what_cannot_be_editable(self, text: str) -> None:
        assert "editable" in refused(text, editable=True)


class TestConstraints:
    @pytest.mark.parametrize(
        "text", ["demo==1.0", "demo>1 ; os_name == 'x'", "demo @ https://h/x", "https://h/x#egg=demo", "git+https://h/r#egg=x",
                 "https://h/demo-1.0-py3-none-any.whl", "./demo-1.0-py3-none-any.whl", "./demo-one-py3-none-any.whl"]
    )  # fmt: skip
    def test_named_ones(self, text: str) -> None:
        assert one(text, constraint=True).constraint

    @pytest.mark.parametrize(
        ("text", "editable", "reason"),
        [
            ("demo[a]==1.0", False, "extras"),
            ("git+https://h/r#egg=demo[a]", False, "extras"),
            ("https://h/demo-1.0.tar.gz", False, "names no project"),  # nor does pip ask the file name
            ("./demo", False, "names no project"),
            ("git+https://h/r#egg=demo", True, "editable"),
        ],
    )
    def test_others(self, text: str, reason: str, *, editable: bool) -> None:
        assert reason in refused(text, editable=editable, constraint=True)


class TestLines:
    def test_joined_lines_count_from_their_first(self) -> None:
        found = file(f"# head\n\na==1 \\\n  --hash={A} \\\n  --hash={B}\nb==2 --hash={A}\n")
        assert [(str(one.origin), one.name) for one in found.lines] == [("r.txt:3", "a"), ("r.txt:6", "b")]
        assert [one.hashes for one in found.lines] == [{A, B}, {A}]

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("a\r\nb\rc\x0cd\x85e\u2028f", "abcdef"),
            ("a # c\nb\t#c", "ab"),
            ("a \\\n# c\nb", "ab"),
            ("a # c \\\nb", "a"),
            ("# c \\\nb", "b"),
            ("a\\\n# c\nb", "ab"),
            ("\\\na", "a"),
            ("a\\", "a"),
            ("", ""),
        ],
    )
    def test_ends_and_comments(self, text: str, names: str) -> None:
        found = file(text)
        assert "".join(one.name or "?" for one in found.lines) == names
        assert not found.faults

    def test_a_comment_needs_a_blank(self) -> None:
        assert file("demo==1.0#c").faults

    def test_variables(self) -> None:
        found = file("${A_1}==${B}\n", A_1="demo", B="1.0")
        assert [one.text for one in found.lines] == ["demo==1.0"]

    @pytest.mark.parametrize("text", ["${a}", "$A", "${UNSET}", "${EMPTY}"])
    def test_variables_that_stay_text(self, text: str) -> None:
        assert text in file(text, A="x", a="x", EMPTY="").faults[0].message

    def test_a_variable_may_bring_options_and_secrets(self) -> None:
        found = file("${X}\n-i https://${T}@h/\n", X=f"a==1 --hash={A}", T="se-cret")
        assert found.lines[0].hashes == {A}
        assert found.options[0].value == "https://se-cret@h/"

    def test_all_faults_are_told(self) -> None:
        found = file("a==\nb\n--bogus\nc --hash=md5:0 \\\n  -x\nd=1 --bogus\n")
        assert [fault.origin.line for fault in found.faults] == [1, 3, 4, 6, 6]
        assert [one.name for one in found.lines] == ["b", "c"]

    def test_no_fault_tells_a_secret(self) -> None:
        found = file(
            "-i https://u:se-cret@h --bogus=https://u:se-cret@h\n-f 'https://u:se-cret@h\n-C https://u:se-cret@h"
        )
        assert len(found.faults) == 3
        assert not any("se-cret" in fault.message for fault in found.faults)


class TestEncodings:
    @pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32", "utf-8"])
    def test_marks(self, codec: str) -> None:
        assert decode("# é\ndemo".encode(codec)) == "# é\ndemo"

    @pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
    def test_either_end_first(self, mark: str) -> None:
        assert decode("\ufeffdemo".encode(mark)) == "demo"

    @pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
    def test_without_a_mark_the_file_is_named_as_what_it_may_be(self, codec: str) -> None:
        (fault,) = file("# c\nsix==1.0\n-r x\n".encode(codec)).faults
        assert "UTF-16" in fault.message
        assert fault.origin.line is None
        assert "\0" not in fault.message

    def test_a_comment_in_the_first_two_lines(self) -> None:
        assert decode(b"\n# -*- coding: latin-1 -*-\n# \xe9") == "\n# -*- coding: latin-1 -*-\n# é"
        assert [fault.origin.line for fault in file(b"a\nb\n# coding: latin-1\n# \xe9").faults] == [4]

    @pytest.mark.parametrize("coding", [b"no-such", b"rot13", b"undefined", b"hex"])
    def test_codecs_that_are_none(self, coding: bytes) -> None:
        assert "cannot decode" in file(b"# coding: " + coding + b"\ndemo").faults[0].message


class TestOptions:
    @pytest.mark.parametrize(
        "text",
        ["-i U", "-iU", "--index-url U", "--index-url=U", "--ind=U", "--pypi-url U", "--in U", "-i 'U'", "x -i U"],
    )
    def test_every_spelling(self, text: str) -> None:
        expected = [("--index-url", "index_url", "U")]
        assert options(text) == ([] if text.startswith("x") else expected)

    def test_an_empty_value_is_one(self) -> None:
        assert options("--index-url= x\n-i ''") == [("--index-url", "index_url", "")] * 2

    def test_the_rest_of_them(self) -> None:
        text = (
            "--extra-index-url a --no-index --no-binary b --only-binary c --prefer-binary --require-hashes "
            "--no-require-hashes --pre --all-releases d --only-final e --trusted-host f --use-feature g -f h -Z"
        )
        assert [name for name, _, _ in options(text)] == [word for word in text.split() if word[:2] == "--"] + [
            "--find-links",
            "--always-unzip",
        ]

    @pytest.mark.parametrize(
        "text",
        ["--req x", "--no-", "--=", "-i", "--pre=1", "-U", "--no-deps", "-x", "--no-binary=-x", "-C x", "--hash sha256",
         "--hash=sha1:0", "--only-final=-", "--p", "-i 'x", "-i x\\"],
    )  # fmt: skip
    def test_what_no_pip_takes(self, text: str) -> None:
        assert len(file(text).faults) == (text != "-i x\\")

    @pytest.mark.parametrize(("text", "name"), [("--only x", "--only-binary"), ("--glo x", None), ("--con x", None)])
    def test_what_another_release_takes_is_left_to_pip(self, text: str, name: str | None) -> None:
        assert not file(text).faults
        assert [option.name for option in file(text).options] == ([name] if name else [])

    def test_words_between_and_behind(self) -> None:
        assert options("--pre word - --no-index -- --bogus") == [
            ("--pre", "pre", None),
            ("--no-index", "no_index", None),
        ]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("-r a b", ("a", False)),
            ("-ra", ("a", False)),
            ("--requirement='a b'", ("a b", False)),
            ("-r a -r b -c d --pre", ("a", False)),
            ("-c d -r a", ("a", False)),
            ("-c d --no-index", ("d", True)),
            ("--con=d", ("d", True)),
        ],
    )
    def test_nested_files(self, text: str, expected: tuple[str, bool]) -> None:
        for constraint in (False, True):
            found = file(text, constraint=constraint)
            assert [(one.target, one.constraint) for one in found.nested] == [expected]
            assert found == RequirementFile(nested=found.nested)

    def test_what_counts_wherever_it_stands(self) -> None:
        expected = [("--no-binary", "format_control", "x"), ("--only-final", "release_control", "y")]
        for before in ("", "demo ", "-r a ", "-e . "):
            assert options(f"{before}--no-binary x --only-final y") == expected
            assert options(f"{before}--no-binary x --only-final y --pre")[2:] == (
                [("--pre", "pre", None)] if not before else []
            )

    def test_of_several_link_folders_the_first(self) -> None:
        assert options("-f a -f b\n-f c") == [("--find-links", "find_links", "a"), ("--find-links", "find_links", "c")]

    def test_the_origin(self) -> None:
        assert file("\n--pre").options == (Option(name="--pre", dest="pre", origin=Origin(where="r.txt", line=2)),)


class TestOptionsOfARequirement:
    def test_hashes_in_every_spelling(self) -> None:
        for tail in (
            f"--hash={A} --hash={B}",
            f"--hash {A} --has {B}",
            f"--hash='{A}' '--hash={B}' --hash={B.upper().replace('SHA', 'sha')}",
        ):
            assert file(f"demo==1.0 {tail}").lines[0].hashes == {A, B}

    def test_hashes_join_that_of_the_fragment(self) -> None:
        assert file(f"demo @ https://h/x#sha512=00 --hash={A}").lines[0].hashes == {A, "sha512:00"}

    def test_only_a_blank_parts_them_from_the_requirement(self) -> None:
        assert file(f"demo==1.0\t--hash={A}").faults
        assert file(f"demo==1.0 --hash={A}\t--hash={B}").lines[0].hashes == {A, B}
        assert file(f"demo==1.0 --hash={A}--hash={B}").lines[0].hashes == {f"{A}--hash={B}"}
        assert file(f"demo==1.0 --hash={A}\x1f--hash={B}").lines[0].hashes == {f"{A}\x1f--hash={B}"}

    def test_the_others_stay_as_written(self) -> None:
        found = file(f"demo --config-settings 'a=b c' -Cd=e --hash={A} --global-option=-x --pre --install-option y")
        assert found.lines[0].options == (
            "--config-settings", "a=b c", "-Cd=e", "--global-option=-x", "--install-option", "y",
        )  # fmt: skip

    def test_an_editable_keeps_its_settings_alone(self) -> None:
        (found,) = file(f"-e ./pkg --hash={A} -C a=b --global-option=x -e ./other").lines
        assert (found.link, found.editable, found.options, found.hashes) == ("./pkg", True, ("-C", "a=b"), frozenset())

    def test_alone_on_a_line_they_say_nothing(self) -> None:
        assert file("-C a=b") == RequirementFile()

    @pytest.mark.parametrize(
        "text",
        [
            f"demo==1.0\n  --hash={A} \\\n  --hash={B}",
            f"demo==1.0 \\\n  # why\n  --hash={A}",
        ],
    )
    def test_a_hash_alone_on_a_line_is_a_fault_of_that_line(self, text: str) -> None:
        found = file(text)
        (fault,) = found.faults
        assert fault.origin.line == 1 + text[: text.index("  --hash")].count("\n")
        assert fault.message.startswith("`--hash` belongs to no requirement")
        assert [str(one.specifier) for one in found.lines] == ["==1.0"]
