"""What is requested and not pinned is refused before anything is touched; what makes pins, and pins that fight."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.caches import snapshot
from tests.support.pips import OWN_PYTHON, SUPPORTED, python_for
from tests.support.runner import Runner
from tests.support.scenes import RELEASE, cached, files, lame, own_lines, pinstall, place, written
from tests.support.sdists import checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from tests.conftest import MakeEnvironment
    from tests.support.processes import Completed

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def stocked(runner: Runner) -> Runner:
    """The index has two versions of three projects, and the cache a built wheel that a run could evict."""
    for name in ("aa", "bb", "cc"):
        for version in ("1.0", "2.0"):
            runner.index.add(wheel(name, version))
    source = sdist("aa", "1.5")
    runner.index.add(source)
    cached(runner, source, wheel("aa", "1.5"))
    return runner


def test_everything_unpinned_in_nested_files_is_one_message_and_nothing_is_touched(
    stocked: Runner, cache: Path
) -> None:
    url = stocked.index.file_url("dd-1.0.tar.gz")
    written(stocked, "requests>=2\n-r more/inner.txt\naa==1.0\n")
    written(
        stocked,
        f"# a comment\nflask\npkg~=1.0 \\\n  ; python_version > '3'\n-r inner2.txt\ndd @ {url}\n",
        "more/inner.txt",
    )
    written(
        stocked,
        "wild==1.*\n"
        f"{url.replace('dd', 'ee')}\n"
        "git+https://example.invalid/gg.git@main#egg=gg\n"
        "hh @ git+https://example.invalid/hh.git@0123456\n"
        "ii @ git+https://example.invalid/ii.git@v1.0\n"
        "jj[extra]!=2\n",
        "more/inner2.txt",
    )
    environment = files(stocked.environment.root)
    before = snapshot(cache)
    ended = stocked.pinstall("-r", "requirements.txt", "kk")
    assert ended.returncode == 65
    assert ended.stdout == ""
    lines = own_lines(ended)
    assert "error: 11 requirements are not pinned" in lines
    for origin, requirement, remedy in (
        ("requirements.txt:1", "requests>=2", "`requests==VERSION`"),
        ("more/inner.txt:2", "flask", "flask==VERSION"),
        ("more/inner.txt:3", "pkg~=1.0", "`pkg==VERSION ; python_version > '3'`"),
        ("more/inner.txt:6", "dd @", "#sha256="),
        ("more/inner2.txt:1", "wild==1.*", "wild==VERSION"),
        ("more/inner2.txt:2", "ee-1.0.tar.gz", "#sha256="),
        ("more/inner2.txt:3", "gg.git@main", "commit"),
        ("more/inner2.txt:4", "hh.git@0123456", "commit"),
        ("more/inner2.txt:5", "ii.git@v1.0", "commit"),
        ("more/inner2.txt:6", "jj[extra]!=2", "jj[extra]==VERSION"),
        ("command line", "`kk`", "kk==VERSION"),
    ):
        (line,) = [line for line in lines if requirement in line]
        assert origin in line
        assert remedy in line
    assert lines[-1].startswith("hint: ")
    assert files(stocked.environment.root) == environment
    assert snapshot(cache) == before
    assert not (cache / "pinstall").exists()
    assert stocked.index.asked("/files/") == []


def test_requests_next_to_four_more_unpinned_lines_are_five_lines(stocked: Runner, cache: Path) -> None:
    written(stocked, "requests>=2\nbb==1.0\n-r a.txt\n-r b.txt\n")
    written(stocked, "w\nx<2\n", "a.txt")
    written(stocked, "-r c.txt\ny>1\n", "b.txt")
    written(stocked, "z\n", "c.txt")
    environment, before = files(stocked.environment.root), snapshot(cache)
    ended = stocked.pinstall("-r", "requirements.txt")
    assert ended.returncode == 65
    lines = [line.strip() for line in own_lines(ended) if "is not a pin" in line]
    places = [line.partition(": ")[0].rpartition("/")[2] for line in lines]
    assert sorted(places) == ["a.txt:1", "a.txt:2", "b.txt:2", "c.txt:1", "requirements.txt:1"]
    assert len([line for line in own_lines(ended) if line.startswith("error")]) == 1
    assert (files(stocked.environment.root), snapshot(cache)) == (environment, before)


def test_the_way_out_names_what_is_installed_where_that_would_do(stocked: Runner) -> None:
    place(stocked.environment, wheel("aa", "1.5"), wheel("bb", "1.5"))
    ended = stocked.pinstall("aa>=1", "bb>=2,<3", "aa[x]", "dd>=0")
    (first, second) = [line for line in own_lines(ended) if "`aa" in line]
    assert "`aa==1.5`, which is installed" in first
    assert "`aa[x]==1.5`, which is installed" in second
    (other,) = [line for line in own_lines(ended) if "`bb>=2,<3`" in line]
    assert other.endswith("write `bb==2.0`")
    (unknown,) = [line for line in own_lines(ended) if "`dd>=0`" in line]
    assert unknown.endswith("write `dd==VERSION`")
    # what is installed is no question for an index
    assert sorted(request.path for request in stocked.index.requests) == ["/simple/bb/", "/simple/dd/"]


def proposed(ended: Completed) -> dict[str, str]:
    """Return what is to be written, by what stands there."""
    said = (line.split("`") for line in own_lines(ended) if " is not a pin; write `" in line)
    return {parts[1]: parts[3] for parts in said}


def test_what_is_to_be_written_does_as_it_stands(stocked: Runner) -> None:
    stocked.index.add(wheel("aa", "3.0"), requires_python=">=99")
    stocked.index.add(wheel("bb", "3.0"), yanked="broken")
    stocked.index.add(wheel("cc", "3.0rc1"))
    stocked.index.add(wheel("cc", "4.0", tag="cp99-cp99-win32"))
    written(stocked, "cc<4\n", "constraints.txt")
    text = "# ours\naa[x]>=1 ; python_version > '3'\nBB\ncc>=1 \\\n  # why\n"
    written(stocked, text)
    words = ("-r", "requirements.txt", "-c", "constraints.txt")
    found = proposed(stocked.pinstall(*words))
    assert found == {
        "aa[x]>=1 ; python_version > '3'": "aa[x]==2.0 ; python_version > '3'",
        "BB": "BB==2.0",
        "cc>=1": "cc==2.0",
    }
    for old, new in found.items():
        text = text.replace(old, new, 1)
    written(stocked, text)
    assert stocked.pinstall(*words).returncode == 0
    assert stocked.environment.freeze() == ["aa==2.0", "bb==2.0", "cc==2.0"]


@pytest.mark.slow
def test_where_hashes_are_wanted_they_are_to_be_written_too(stocked: Runner) -> None:
    pinned = f"bb==1.0 --hash=sha256:{wheel('bb', '1.0').sha256}"
    old = wheel("cc", "1.0").sha256
    place(stocked.environment, wheel("aa", "1.0"))
    written(stocked, f"{pinned}\naa\ncc --hash=sha256:{old}\n")
    found = proposed(stocked.pinstall("-r", "requirements.txt"))
    # the hash that is written down says which release is meant
    assert found == {
        "aa": f"aa==1.0 --hash=sha256:{wheel('aa', '1.0').sha256}",
        "cc": f"cc==1.0 --hash=sha256:{old}",
    }
    written(stocked, "\n".join([pinned, *found.values()]))
    assert stocked.pinstall("-r", "requirements.txt").returncode == 0
    assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0", "cc==1.0"]


def test_find_links_are_looked_into_as_well(stocked: Runner, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    for archive in (wheel("aa", "5.0"), wheel("dd", "1.0")):
        (tmp_path / "wheels" / archive.filename).write_bytes(archive.content)
    link = f'<a href="{stocked.index.add(wheel("ee", "1.0"))}">ee</a>'
    (tmp_path / "page.html").write_text(link, encoding="utf-8")
    words = ("-f", tmp_path / "wheels", "-f", tmp_path / "page.html", "--no-index", "aa>=1", "dd>=1", "ee>=1")
    assert proposed(stocked.pinstall(*words)) == {
        "aa>=1": "aa==5.0",
        "dd>=1": "dd==1.0",
        "ee>=1": "ee==1.0",
    }
    assert stocked.index.requests == []


@pytest.mark.parametrize("way", ["warn", "allow"])
def test_what_is_not_refused_is_no_question_for_us(stocked: Runner, way: str) -> None:
    ended = stocked.pinstall("bb", "--pin", f"unpinned={way}")
    assert "write `bb==1" not in ended.stderr
    assert len(stocked.index.asked("/simple/bb/")) == 1  # by pip


@pytest.mark.slow
def test_warn_says_it_and_pip_decides_each_time(stocked: Runner) -> None:
    for _ in range(2):
        told = pinstall(stocked, "aa>=1", "bb==1.0", "--pin", "unpinned=warn")
        assert told.ended.returncode == 0
        assert [line for line in own_lines(told.ended) if line.startswith("warning: ") and "`aa>=1`" in line]
        # an unpinned request always goes to pip
        assert told.purposes == ["install"]
    assert stocked.environment.freeze() == ["aa==2.0", "bb==1.0"]


@pytest.mark.slow
def test_allow_says_nothing_of_it_and_the_pins_beside_it_are_still_held(stocked: Runner, cache: Path) -> None:
    told = pinstall(stocked, "bb", "aa==1.0", "--pin", "unpinned=allow")
    assert told.ended.returncode == 0
    assert not [line for line in own_lines(told.ended) if "bb" in line]
    assert told.evicted == {"aa 1.5": False}
    assert stocked.environment.freeze() == ["aa==1.0", "bb==2.0"]


@pytest.mark.parametrize("way", ["option", "variable", "file"])
def test_the_setting_comes_by_option_variable_or_file(stocked: Runner, way: str) -> None:
    if way == "variable":
        stocked.variables["PINSTALL_UNPINNED"] = "allow"
    elif way == "file":
        written(stocked, '[tool.pinstall]\nunpinned = "allow"\n', "pyproject.toml")
    option = ["--pin", "unpinned=allow"] if way == "option" else []
    assert stocked.pinstall("bb", *option).returncode == 0
    assert stocked.environment.freeze() == ["bb==2.0"]


@pytest.mark.slow
def test_the_option_beats_the_variable_and_that_beats_the_file(stocked: Runner) -> None:
    written(stocked, '[tool.pinstall]\nunpinned = "allow"\n', "pyproject.toml")
    refusing = {"PINSTALL_UNPINNED": "refuse"}
    assert stocked.pinstall("bb", env=refusing).returncode == 65
    assert stocked.pinstall("bb", "--pin", "unpinned=refuse").returncode == 65
    assert stocked.pinstall("bb", "--pin=unpinned=allow", env=refusing).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        '[tool]\npinstall = {unpinned = "allow"}\n',
        '[tool]\npinstall.unpinned = "allow"\n',
        '[ tool . pinstall ]\nunpinned = "allow"\n',
        '[tool."pinstall"]\nunpinned = "allow"\n',
    ],
)
def test_the_table_may_be_written_in_any_way_of_toml(stocked: Runner, text: str) -> None:
    written(stocked, text, "pyproject.toml")
    assert stocked.pinstall("bb").returncode == 0


def test_a_file_that_everybody_may_write_does_not_count(stocked: Runner) -> None:
    written(stocked, '[tool.pinstall]\nunpinned = "allow"\n', "pyproject.toml")
    (stocked.home / "pyproject.toml").chmod(0o666)
    assert stocked.pinstall("bb").returncode == 65


@pytest.mark.slow
def test_what_has_no_pin_of_contents_but_is_allowed_always_goes_to_pip(stocked: Runner, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "local", sdist("local", "1.0"))
    editable = checkout(tmp_path / "editable", sdist("editable", "1.0"))
    for _ in range(2):
        told = pinstall(stocked, folder, "-e", editable, "bb==1.0")
        assert (told.ended.returncode, told.purposes) == (0, ["install"])
        left = "requirements are left to pip: a local directory or editable install is not a pin"
        assert own_lines(told.ended)[-1] == f"1 pin satisfied; 2 {left}"
    assert stocked.environment.freeze() == ["bb==1.0", "editable==1.0", "local==1.0"]


@pytest.mark.slow
@pytest.mark.parametrize("words", [["."], ["-e", "."]])
def test_a_directory_alone_is_said_to_be_no_pin(stocked: Runner, tmp_path: Path, words: list[str]) -> None:
    folder = checkout(tmp_path / "local", sdist("local", "1.0"))
    ended = stocked.pinstall(*words, cwd=folder)
    assert ended.returncode == 0
    assert own_lines(ended)[1:] == ["1 requirement is left to pip: a local directory or editable install is not a pin"]
    summary = stocked.home / "summary.md"
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    assert stocked.pinstall(*words, cwd=folder, env=actions).returncode == 0
    assert "0 of 0" not in summary.read_text(encoding="utf-8")


# --- constraints -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_constraint_makes_the_pin_of_a_bare_name(stocked: Runner) -> None:
    written(stocked, "aa==1.0\nbb==1.0\n", "constraints.txt")
    told = pinstall(stocked, "aa", "-c", "constraints.txt")
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert stocked.environment.freeze() == ["aa==1.0"]
    lame(stocked.environment)
    assert pinstall(stocked, "aa", "-c", "constraints.txt").purposes == []


def test_a_constraint_also_pins_what_is_only_a_dependency(stocked: Runner) -> None:
    stocked.index.add(wheel("top", "1.0", requires=["aa"]))
    written(stocked, "aa==1.0\n", "constraints.txt")
    place(stocked.environment, wheel("top", "1.0", requires=["aa"]), wheel("aa", "2.0"))
    told = pinstall(stocked, "top==1.0", "-c", "constraints.txt")
    assert (told.ended.returncode, told.states) == (0, {"top": "satisfied", "aa": "satisfied"})
    assert stocked.environment.module("aa") == "1.0"


@pytest.mark.parametrize("words", [["./local"], pytest.param(["-e", "./local"], marks=pytest.mark.slow)])
def test_a_constraint_also_pins_what_a_local_directory_needs(stocked: Runner, words: list[str]) -> None:
    checkout(stocked.home / "local", sdist("local", "1.0", requires=["bb"]))
    written(stocked, "bb==1.0\ncc==1.0\n", "constraints.txt")
    place(stocked.environment, wheel("bb", "1.0"), wheel("cc", "2.0"))
    (stocked.environment.site_packages / "bb.py").unlink()
    told = pinstall(stocked, *words, "-c", "constraints.txt")
    assert (told.ended.returncode, told.states) == (0, {"bb": "satisfied"}), told.ended.output
    assert stocked.environment.module("bb") == "1.0"
    assert stocked.environment.module("cc") == "2.0"  # nobody needs it, so the constraint demands nothing


@pytest.mark.slow
def test_what_is_installed_from_a_local_directory_is_known_before_pip_runs(stocked: Runner) -> None:
    checkout(stocked.home / "local", sdist("local", "1.0", requires=["bb"]))
    written(stocked, "bb==1.0\n", "constraints.txt")
    assert pinstall(stocked, "./local", "-c", "constraints.txt").states == {"bb": "satisfied"}
    (stocked.environment.site_packages / "bb.py").unlink()
    ended = stocked.pinstall("check", f"file://{stocked.home}/local", "-c", "constraints.txt")
    assert ended.returncode == 1
    assert "bb.py is missing" in ended.stdout
    place(stocked.environment, wheel("bb", "2.0"))  # beside the other: pip removes but one of them
    told = pinstall(stocked, "./local", "-c", "constraints.txt")
    assert (told.ended.returncode, told.states, told.purposes) == (0, {"bb": "satisfied"}, ["install"]), (
        told.ended.output
    )
    assert stocked.environment.freeze() == ["bb==1.0", "local==1.0"]


def test_a_constraint_with_a_range_pins_nothing(stocked: Runner) -> None:
    written(stocked, "aa<2\n", "constraints.txt")
    ended = stocked.pinstall("aa", "-c", "constraints.txt")
    assert ended.returncode == 65
    assert "`aa`" in ended.stderr


# --- pins that fight -------------------------------------------------------------------------------------------------


def test_pins_that_fight_are_one_error_that_names_both_origins(stocked: Runner, cache: Path) -> None:
    written(stocked, "aa==1.0\nbb==1.0\n-r b.txt\n")
    written(stocked, "\naa==2.0\n", "b.txt")
    written(stocked, "bb==2.0\n", "constraints.txt")
    environment, before = files(stocked.environment.root), snapshot(cache)
    ended = stocked.pinstall("-r", "requirements.txt", "-c", "constraints.txt")
    assert ended.returncode == 1
    lines = own_lines(ended)
    (first,) = [line for line in lines if "aa==1.0" in line]
    assert "requirements.txt:1" in first
    assert "b.txt:2" in first
    (second,) = [line for line in lines if "bb==" in line]
    assert "requirements.txt:2" in second
    assert "constraints.txt:1" in second
    assert (files(stocked.environment.root), snapshot(cache)) == (environment, before)
    assert stocked.pip("install", "-r", "requirements.txt", "-c", "constraints.txt", check=False).returncode == 1


def test_two_hashes_without_a_common_one_fight(stocked: Runner) -> None:
    written(stocked, f"aa==1.0 --hash=sha256:{'0' * 64}\n")
    written(stocked, f"aa==1.0 --hash=sha256:{'1' * 64}\n", "constraints.txt")
    ended = stocked.pinstall("-r", "requirements.txt", "-c", "constraints.txt")
    assert ended.returncode == 1
    assert "requirements.txt:1" in ended.stderr
    assert "constraints.txt:1" in ended.stderr


@pytest.mark.skipif(RELEASE < (20, 3), reason="the older resolver takes no requirement twice")
def test_the_same_pin_twice_does_not_fight(stocked: Runner) -> None:
    written(stocked, "aa==1.0\nAA == 1.0\naa>=1\n")
    assert stocked.pinstall("-r", "requirements.txt", "aa==1").returncode == 0
    assert stocked.environment.freeze() == ["aa==1.0"]


# --- markers ---------------------------------------------------------------------------------------------------------

MARKED = "aa==1.0; python_version == '{0}'\naa==2.0; python_version != '{0}'\nbb; python_version != '{0}'\n"


@pytest.mark.slow
def test_markers_of_the_running_interpreter_choose_the_lines_that_count(stocked: Runner) -> None:
    version = stocked.environment.site_packages.parent.name.removeprefix("python")
    written(stocked, MARKED.format(version))
    assert stocked.pinstall("-r", "requirements.txt").returncode == 0
    assert stocked.environment.freeze() == ["aa==1.0"]


@pytest.mark.slow
def test_markers_are_the_targets_and_not_those_of_the_interpreter_that_runs_pinstall(
    make_environment: MakeEnvironment, stocked: Runner
) -> None:
    release = next((pip for pip, pythons in SUPPORTED.items() if OWN_PYTHON not in pythons and python_for(pip)), None)
    if release is None:
        pytest.skip(f"there is no interpreter beside Python {OWN_PYTHON}")
    other = Runner(environment=make_environment(release), home=stocked.home, index=stocked.index)
    version = other.environment.site_packages.parent.name.removeprefix("python")
    assert version != OWN_PYTHON
    written(other, MARKED.format(version))
    assert other.pinstall("-r", "requirements.txt").returncode == 0
    assert other.environment.freeze() == ["aa==1.0"]


# --- inputs that the argument list does not show ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("section", ["install", "global"])
def test_pip_conf_names_inputs_too(stocked: Runner, section: str) -> None:
    written(stocked, "bb>=1\n", "extra.txt")
    conf = written(stocked, f"[{section}]\nrequirement = {stocked.home}/extra.txt\n", "pip.conf")
    configured = {"PIP_CONFIG_FILE": str(stocked.home / conf)}
    ended = stocked.pinstall("aa==1.0", env=configured)
    assert ended.returncode == 65
    assert "extra.txt:1" in ended.stderr
    written(stocked, "bb==1.0\n", "extra.txt")
    told = pinstall(stocked, "aa==1.0", env=configured)
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied", "bb": "satisfied"})
    assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0"]
    lame(stocked.environment)
    assert pinstall(stocked, "aa==1.0", env=configured).purposes == []


@pytest.mark.slow
def test_pip_conf_names_constraints_too(stocked: Runner) -> None:
    written(stocked, "aa==1.0\n", "constraints.txt")
    conf = written(stocked, f"[install]\nconstraint = {stocked.home}/constraints.txt\n", "pip.conf")
    told = pinstall(stocked, "aa", env={"PIP_CONFIG_FILE": str(stocked.home / conf)})
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert stocked.environment.freeze() == ["aa==1.0"]


@pytest.mark.slow
def test_pip_requirement_is_an_input(stocked: Runner) -> None:
    written(stocked, "bb\n", "extra.txt")
    ended = stocked.pinstall("aa==1.0", env={"PIP_REQUIREMENT": "extra.txt"})
    assert ended.returncode == 65
    assert "extra.txt:1" in ended.stderr
    written(stocked, "bb==1.0\n", "extra.txt")
    told = pinstall(stocked, env={"PIP_REQUIREMENT": "extra.txt"})
    assert (told.ended.returncode, told.states) == (0, {"bb": "satisfied"})
    assert stocked.environment.freeze() == ["bb==1.0"]


@pytest.mark.slow
def test_pip_constraint_holds_several_files_and_makes_pins(stocked: Runner) -> None:
    written(stocked, "aa==1.0\n", "one.txt")
    written(stocked, "bb==1.0\n", "two.txt")
    told = pinstall(stocked, "aa", "bb", env={"PIP_CONSTRAINT": "one.txt two.txt"})
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied", "bb": "satisfied"})
    assert stocked.environment.freeze() == ["aa==1.0", "bb==1.0"]


@pytest.mark.slow
def test_isolated_hides_variables_from_us_as_from_pip(stocked: Runner) -> None:
    written(stocked, "bb\n", "extra.txt")
    told = pinstall(stocked, "--isolated", "aa==1.0", env={"PIP_REQUIREMENT": "extra.txt"})
    assert (told.ended.returncode, told.states) == (0, {"aa": "satisfied"})
    assert stocked.environment.freeze() == ["aa==1.0"]


def test_standard_input_is_handed_to_pip_whole(stocked: Runner) -> None:
    if not Path("/dev/stdin").exists():
        pytest.skip("this system has no /dev/stdin")
    ended = stocked.pinstall("-r", "/dev/stdin", input="aa==1.0\n")
    assert ended.returncode == 0
    assert stocked.environment.freeze() == ["aa==1.0"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("show aa", "use `python -m pip show`; to install a project named `show`, pin it: `show==VERSION`"),
        ("pip install aa", "use `pinstall aa`; to install a project named `pip`, pin it: `pip==VERSION`"),
        ("aa==1.0 more.txt", "write `-r more.txt`"),
        ("chek", "use `pinstall check`; to install a project named `chek`, pin it: `chek==VERSION`"),
    ],
)
def test_what_is_hardly_meant_as_a_project_is_told_as_what_it_may_be(stocked: Runner, words: str, hint: str) -> None:
    ended = stocked.pinstall(*words.split())
    assert ended.returncode == 64
    assert own_lines(ended)[-1] == f"hint: {hint}"
