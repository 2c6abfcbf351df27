"""In the place of `pip install`, wherever that is called: the same end and pip's own words, in odd surroundings too."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import tls
from tests.support.environments import Environment, copy, unpack
from tests.support.index import Index
from tests.support.pips import CHOSEN, OWN_PYTHON, SUPPORTED, pip_wheel
from tests.support.processes import sealed
from tests.support.proxy import proxy
from tests.support.runner import Runner, beside
from tests.support.scenes import RELEASE, cached, lame, own_lines, pinned, pinstall, place, shelved, written
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeEnvironment
    from tests.support.processes import Completed

BB: Final = wheel("bb", "1.0")
CC: Final = wheel("cc", "1.0")
CONSTRAINTS: Final = Archive("constraints-1.txt", b"bb==1.0\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Two equal scenes: one for pinstall, one for pip alone."""

    ours: Runner
    alone: Runner

    def __iter__(self) -> Iterator[Runner]:
        return iter((self.ours, self.alone))

    def run(self, *words: str | Path, **options: Any) -> tuple[Completed, Completed]:
        """Run both, which have to end alike and leave the same behind."""
        ours = self.ours.pinstall(*words, **options)
        alone = self.alone.pip("install", *words, check=False, **options)
        self.same(ours, alone)
        return ours, alone

    def shell(self, script: str, *words: str) -> tuple[Completed, Completed]:
        """Run both by a shell, with `"$@"` in the script."""
        ours, alone = (
            runner.run(["sh", "-c", script, "sh", *start, *runner.index_options, *words])
            for runner, start in (
                (self.ours, [*beside(), "--python", str(self.ours.environment.python)]),
                (self.alone, [str(self.alone.environment.python), "-m", "pip", "install"]),
            )
        )
        self.same(ours, alone)
        return ours, alone

    def same(self, ours: Completed, alone: Completed) -> None:
        """Assert that both ended alike and left the same behind."""
        assert ours.returncode == alone.returncode, ours.output + alone.output
        assert self.ours.environment.freeze() == self.alone.environment.freeze()

    def words(self, ours: Completed, alone: Completed) -> list[str]:
        """Assert that what pip says in both is the same, and return that."""
        said, told = (
            [line for line in _without_places(ended.stderr, runner).splitlines() if line]
            for ended, runner in ((ours, self.ours), (alone, self.alone))
        )
        assert [line for line in said if not line.startswith("pinstall: ")] == told
        return told


def _without_places(text: str, runner: Runner) -> str:
    return re.sub("at 0x[0-9a-f]+", "at ADDRESS", text.replace(str(runner.environment.root), "ROOT"))


@pytest.fixture
def twins(runner: Runner, make_environment: MakeEnvironment, tmp_path: Path) -> Twins:
    home = tmp_path / "alone"
    home.mkdir()
    for archive in (BB, CC, wheel("bb", "2.0"), wheel("cc", "2.0")):
        runner.index.add(archive)
    return Twins(ours=runner, alone=Runner(environment=make_environment(), home=home, index=runner.index))


# --- what pip alone has installed ------------------------------------------------------------------------------------

GROUP: Final = '[dependency-groups]\ntest = ["bb==1.0"]\n'


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (25, 1), reason="this pip has no `--group`")
def test_a_group_that_pip_alone_has_installed_holds(twins: Twins) -> None:
    pytest.importorskip("packaging.dependency_groups", reason="this packaging knows no groups")
    for runner in twins:
        written(runner, GROUP, "pyproject.toml")
        runner.pip("install", "--group", "test")
    lame(twins.ours.environment)
    ours, _ = twins.run("--group", "test")
    assert own_lines(ours)[-1] == "1 pin satisfied"


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (26, 1), reason="this pip takes no lock file")
def test_a_lock_file_that_pip_alone_has_installed_is_proven_once_and_then_holds(twins: Twins) -> None:
    pytest.importorskip("packaging.dependency_groups", reason="this packaging knows no locks")
    artifact = f'url = "{twins.ours.index.file_url(BB.filename)}", hashes = {{sha256 = "{BB.sha256}"}}'
    lines = ('lock-version = "1.0"', 'created-by = "test"', "[[packages]]", 'name = "bb"', 'version = "1.0"')
    for runner in twins:
        written(runner, "\n".join([*lines, f'wheels = [{{name = "{BB.filename}", {artifact}}}]\n']), "pylock.toml")
        runner.pip("install", "-r", "pylock.toml")
    twins.run("-r", "pylock.toml")
    lame(twins.ours.environment)
    ours, _ = twins.run("-r", "pylock.toml")
    assert own_lines(ours)[-1] == "1 pin satisfied"


# --- files by URL ----------------------------------------------------------------------------------------------------


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[str]:
    """Return the URL of constraints behind TLS; only 127.0.0.1 is trusted by all our runs, not `localhost`."""
    with Index() as files:
        tls.secure(files, tmp_path)
        yield files.add(CONSTRAINTS).replace("127.0.0.1", "localhost")


def _closed() -> str:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{bound.getsockname()[1]}/constraints.txt"


@pytest.mark.slow
@pytest.mark.parametrize("why", ["closed", "missing", "unverified"])
def test_constraints_that_cannot_be_fetched_fail_as_with_pip_though_all_holds(
    twins: Twins, secured: str, why: str
) -> None:
    url = {"closed": _closed(), "missing": twins.ours.index.file_url("constraints.txt"), "unverified": secured}[why]
    for runner in twins:
        place(runner.environment, BB)
    ours, alone = twins.run("bb==1.0", "-c", url, "--retries", "0")
    assert alone.returncode != 0
    twins.words(ours, alone)
    assert [line for line in own_lines(ours) if url in line and "left to pip" in line]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "way"),
    [("cert", "option"), ("cert", "variable"), ("cert", "file"), ("trusted-host", "variable"), ("proxy", "file")],
)
def test_a_file_by_url_is_fetched_as_pip_is_told_to(
    twins: Twins, secured: str, key: str, way: str, tmp_path: Path
) -> None:
    with proxy() as between:
        value = {"cert": str(tls.written(tmp_path)), "trusted-host": "localhost", "proxy": between.url}[key]
        url = twins.ours.index.add(CONSTRAINTS) if key == "proxy" else secured
        file = tmp_path / "pip.conf"
        file.write_text(f"[install]\n{key} = {value}\n", encoding="utf-8")
        environ = {"file": {"PIP_CONFIG_FILE": str(file)}, "variable": {f"PIP_{key.upper().replace('-', '_')}": value}}
        words = ("bb", "-c", url, *((f"--{key}", value) if way == "option" else ()))
        ours, _ = twins.run(*words, env=environ.get(way, {}))
        assert (ours.returncode, twins.ours.environment.freeze()) == (0, ["bb==1.0"])
        assert own_lines(ours)[1:] == ["1 pin satisfied"]
        assert "Insecure" not in ours.stderr
        assert (f"GET {url}" in between.asked) == (key == "proxy")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "code"), [(("--trusted-host localhost", "-c {}"), 0), (("-c {}", "--trusted-host localhost"), 1)]
)
def test_a_line_that_trusts_a_host_counts_from_there_on_as_for_pip(
    twins: Twins, secured: str, lines: tuple[str, ...], code: int
) -> None:
    for runner in twins:
        written(runner, "\n".join(["bb", *lines]).format(secured))
        place(runner.environment, BB)
    ours, _ = twins.run("-r", "requirements.txt", "--retries", "0", env={"PINSTALL_UNPINNED": "allow"})
    assert ours.returncode == code
    assert bool([line for line in own_lines(ours) if "left to pip" in line]) == bool(code)


# --- outside of virtual environments ---------------------------------------------------------------------------------


def _installation(root: Path) -> None:
    """Make an interpreter that is no virtual environment of the running one's own files, with the pip under test."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    packages = root / "lib" / stdlib.name / "site-packages"
    packages.mkdir(parents=True)
    (root / "bin").mkdir()
    shutil.copy2(os.path.realpath(sys.executable), root / "bin" / "python")
    for entry in stdlib.iterdir():
        if entry.name not in {"site-packages", "__pycache__", "EXTERNALLY-MANAGED"}:
            (packages.parent / entry.name).symlink_to(entry)
    unpack(pip_wheel(CHOSEN), packages)


@pytest.fixture
def bases(runner: Runner, tmp_path: Path) -> Twins:
    """Return twins that are no virtual environments, with what is asked for installed."""
    if OWN_PYTHON not in SUPPORTED[CHOSEN]:
        pytest.skip(f"pip {CHOSEN} does not run on Python {OWN_PYTHON}")
    runner.index.add(BB)
    made = []
    for name in ("base", "other base"):
        home = tmp_path / name / "home"
        home.mkdir(parents=True)
        _installation(tmp_path / name / "python")
        environment = Environment(root=tmp_path / name / "python", variables=sealed(home))
        if environment.run("import sys; print(sys.prefix == sys.base_prefix)") != "True":
            pytest.skip("this Python finds its prefix in another way")
        place(environment, BB)
        made.append(Runner(environment=environment, home=home, index=runner.index))
    return Twins(ours=made[0], alone=made[1])


MARK: Final = "[externally-managed]\nError=Ask your grandmother.\n"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("bb==1.0",), ("bb==1.0", "--dry-run"), ("bb==1.0", "--break-system-packages")])
def test_an_externally_managed_environment_is_pips_to_refuse(bases: Twins, words: tuple[str, ...]) -> None:
    if RELEASE < (23, 0, 1):
        words = words[:1]
    for runner in bases:
        (runner.environment.site_packages.parent / "EXTERNALLY-MANAGED").write_text(MARK, encoding="utf-8")
    ours, alone = bases.run(*words)
    if "--break-system-packages" in words:
        assert (ours.returncode, ours.stdout, own_lines(ours)[-1]) == (0, "", "1 pin satisfied")
    else:
        said = "".join(bases.words(ours, alone))
        assert (ours.returncode == 1) == ("Ask your grandmother." in said) == (RELEASE >= (23, 0))


@pytest.mark.slow
def test_what_is_put_into_its_packages_ends_a_stamp(bases: Twins) -> None:
    """They lie below the standard library, in which nothing is expected to change."""
    runner = bases.ours
    old, new = (
        wheel("deep", version, modules={"ns/cloud/deep.py": f"__version__ = {version!r}\n"})
        for version in ("1.0", "2.0")
    )
    place(runner.environment, old)
    runner.index.add(old)
    runner.index.add(new)
    for _ in range(2):
        time.sleep(0.2)
        assert own_lines(runner.pinstall("deep==1.0"))[-1] == "1 pin satisfied"
    assert list(runner.home.rglob("stamps/*"))
    runner.pip("install", "--ignore-installed", "deep==2.0")
    assert runner.pinstall("deep==1.0").returncode == 0
    assert runner.environment.module("ns.cloud.deep") == "1.0"


@pytest.mark.slow
def test_a_system_python_that_is_externally_managed_refuses_by_its_own_pip(runner: Runner) -> None:
    marks = sorted(Path("/usr/lib").glob("python3*/EXTERNALLY-MANAGED"))
    pythons = [Path("/usr/bin", mark.parent.name) for mark in marks]
    found = [python for python in pythons if (python.parent.parent / "lib/python3/dist-packages/pip").exists()]
    if not found:
        pytest.skip("no externally managed system Python with a pip")
    # nothing could be installed if it did not refuse
    words = ["--no-index", "no-such-project-at-all==1.0"]
    alone = runner.run([str(found[0]), "-m", "pip", "install", *words])
    ours = runner.pinstall(*words, python=found[0])
    assert ours.returncode == alone.returncode == 1
    assert "externally-managed-environment" in alone.stderr
    assert alone.stderr in ours.stderr


@pytest.mark.slow
@pytest.mark.parametrize("way", ["--require-virtualenv", "PIP_REQUIRE_VIRTUALENV"])
def test_a_virtual_environment_that_is_required_and_missing_is_pips_to_refuse(
    bases: Twins, twins: Twins, way: str
) -> None:
    words, environ = (("bb==1.0", way), {}) if way.startswith("-") else (("bb==1.0",), {way: "1"})
    ours, alone = bases.run(*words, env=environ)
    assert ours.returncode == 3
    bases.words(ours, alone)
    ours, _ = twins.run(*words, env=environ)
    assert ours.returncode == 0


# --- odd surroundings ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("words", [("bb==1.0",), ("-r", "/dev/stdin")])
def test_standard_input_is_closed(twins: Twins, words: tuple[str, ...]) -> None:
    for _ in range(2):
        ours, _ = twins.shell('exec "$@" <&-', *words)
        assert ours.returncode == (words[0] == "-r")
        assert "Traceback" not in ours.stderr


@pytest.mark.slow
def test_standard_output_is_closed(twins: Twins) -> None:
    for _ in range(2):
        twins.shell('exec "$@" >&-', "bb==1.0")


@pytest.mark.slow
@pytest.mark.parametrize("joined", ["", "2>&1"])
def test_whoever_reads_standard_output_has_gone(twins: Twins, joined: str) -> None:
    script = f'{{ "$@" {joined}; echo $? > code; }} | : ; exit $(cat code)'
    ours, alone = twins.shell(script, "bb==1.0", "cc==1.0")
    assert ours.returncode != 0
    twins.words(ours, alone)


@pytest.mark.parametrize("satisfied", [False, True])
def test_the_working_directory_has_gone(twins: Twins, satisfied: bool) -> None:
    for runner in twins if satisfied else ():
        place(runner.environment, BB)
    ours, _ = twins.shell('mkdir gone && cd gone && rmdir ../gone && exec "$@"', "bb==1.0")
    assert (ours.returncode, "working directory" in own_lines(ours)[0]) == (1, True)


@pytest.fixture
def abroad(twins: Twins, tmp_path: Path) -> Twins:
    """Return twins whose environments, homes and caches lie where no ASCII leads."""
    made = []
    for runner, name in zip(twins, ("Fülle", "Hülle"), strict=True):
        home = tmp_path / f"{name} 家"
        home.mkdir()
        root = copy(runner.environment.root, tmp_path / f"{name} →環境")
        environment = Environment(root=root, variables=sealed(home))
        made.append(Runner(environment=environment, home=home, index=runner.index))
    return Twins(ours=made[0], alone=made[1])


@pytest.mark.slow
@pytest.mark.parametrize("variables", [{}, {"LANG": "", "PYTHONIOENCODING": "ascii"}])
def test_paths_are_written_in_other_alphabets(abroad: Twins, variables: dict[str, str]) -> None:
    for runner in abroad:
        cached(runner, sdist("bb", "0.5"), wheel("bb", "0.5"))
        place(runner.environment, wheel("cc", "1.0", mark="other"))
        written(runner, f"# 必要\n-c größe.txt\n{pinned(BB, CC)}", "ü/прошу.txt")
        written(runner, "bb==1.0\n", "ü/größe.txt")
    ours, _ = abroad.run("-r", "ü/прошу.txt", "-v", env=variables)
    assert ours.returncode == 0
    assert shelved(abroad.ours.cache) == ["bb-0.5-py3-none-any.whl"]
    lame(abroad.ours.environment)
    told = pinstall(abroad.ours, "-r", "ü/прошу.txt", env=variables)
    assert (told.ended.returncode, told.purposes) == (0, [])
    assert {pin["origins"][0] for pin in told.document["pins"]} == {"ü/прошу.txt:3", "ü/прошу.txt:4"}
    ours, _ = abroad.run("-r", "ü/ничего.txt", env=variables)
    assert ours.returncode == 1


@pytest.mark.slow
@pytest.mark.skipif(RELEASE < (24, 0), reason="this pip itself fails on such a name")
def test_paths_are_no_text_at_all(twins: Twins) -> None:
    name = os.fsdecode(b"\xff.txt")
    for runner in twins:
        written(runner, "bb==1.0\n", name)
    # what they write is no text either
    script = 'exec "$@" > /dev/null 2>&1'
    assert twins.shell(script, "-r", name)[0].returncode == 0
    assert twins.ours.environment.freeze() == ["bb==1.0"]
    lame(twins.ours.environment)
    assert twins.shell(script, "-r", name)[0].returncode == 0
    assert twins.shell(script, "-r", f"no{name}")[0].returncode == 1
