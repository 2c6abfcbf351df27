"""pip's defaults under files and variables must equal what it makes of our options on a bare command line."""

from __future__ import annotations

import json
import os
import random
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pinstall.environment.interpreter import describe
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Interpreter, Option, Origin
from pinstall.request.arguments import rules
from pinstall.request.locations import cache_directory, config_files
from pinstall.request.options import Pip as Release
from pinstall.request.settings import defaults
from tests.support.pips import pip_wheel, python_for
from tests.support.processes import sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pinstall.request.options import Rule

pytestmark = pytest.mark.contract

PIPS = ("22.3.1", "25.3", "26.3")

# One process answers many questions: each line asks for the parsed options under variables and arguments.
ASK_PIP = """
import json, os, sys
from pip._internal.commands import create_command

def plain(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    slots = getattr(type(value), "__slots__", None) or vars(value)
    return {name: plain(getattr(value, name)) for name in slots}

# pip 22.3 prints an error in the configuration to standard output, which is ours.
answers, sys.stdout = sys.stdout, sys.stderr
# What pip imports late is imported once.
create_command("install", isolated=True).parser.parse_args([])
for line in sys.stdin:
    question = json.loads(line)
    # Each question goes to a child: pip's defaults are lists that a run may write to.
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    os.environ.clear()
    os.environ.update(question["environ"])
    try:
        command = create_command("install", isolated=question["isolated"])
        found = plain(vars(command.parser.parse_args(question["arguments"])[0]))
    except SystemExit as end:
        found = end.code
    except Exception as error:
        found = repr(error)
    print(json.dumps(found), file=answers, flush=True)
    os._exit(0)
"""


@dataclass(frozen=True)
class Pip:
    """A pip of one release in an environment of its own, open for questions."""

    root: Path
    variables: Mapping[str, str]
    interpreter: Interpreter
    process: subprocess.Popen[str]

    @property
    def rules(self) -> Mapping[str, Rule]:
        return rules(self.interpreter.pip or ())

    def parsed(self, environ: Mapping[str, str], arguments: list[str], *, isolated: bool = False) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        question = {"environ": environ, "arguments": arguments, "isolated": isolated}
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def cache_dir(self, environ: Mapping[str, str], arguments: list[str], cwd: Path) -> str | None:
        command = [self.interpreter.executable, "-m", "pip", "cache", "dir", *arguments]
        found = subprocess.run(command, env={**environ}, cwd=cwd, capture_output=True, text=True, check=False)
        return found.stdout.strip() if found.returncode == 0 else None


@pytest.fixture(scope="module", params=PIPS)
def pip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pip]:
    version = request.param
    python = python_for(version)
    if python is None:
        pytest.skip(f"no Python for pip {version}")
    folder = tmp_path_factory.mktemp(f"pip-{version}")
    variables = sealed(folder / "home")
    for name in [name for name in variables if name.startswith(("PIP_", "XDG_"))]:
        del variables[name]
    root = folder / "venv"
    subprocess.run([python, "-m", "venv", "--without-pip", root], check=True, env=variables)
    site_packages = next(root.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(pip_wheel(version)) as archive:
        archive.extractall(site_packages)
    for name in ("setuptools", "wheel"):
        # Up to 25.2 pip refuses `--no-use-pep517` where these cannot be imported.
        (site_packages / f"{name}.py").touch()
    executable = str(root / "bin" / "python")
    with subprocess.Popen(
        [executable, "-c", ASK_PIP],
        env=variables,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        interpreter = describe(executable, variables, str(folder / "state"))
        assert interpreter.pip == tuple(map(int, version.split(".")))
        yield Pip(root=root, variables=variables, interpreter=interpreter, process=process)
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def clean(pip: Pip, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the variables of a user who has nothing set; the environment's own file goes at the end."""
    home = tmp_path / "home"
    home.mkdir()
    yield {**pip.variables, "HOME": str(home), "XDG_CONFIG_DIRS": str(tmp_path / "etc")}
    (pip.root / "pip.conf").unlink(missing_ok=True)


def ours(pip: Pip, environ: Mapping[str, str], *, isolated: bool = False) -> tuple[Option, ...]:
    files = config_files(environ, pip.interpreter, isolated=isolated)
    return defaults(environ, files, pip.rules, pip=Release(pip.interpreter.pip or ()), isolated=isolated)


def agree(pip: Pip, environ: Mapping[str, str], *, isolated: bool = False) -> None:
    expected = pip.parsed(environ, [], isolated=isolated)
    try:
        options = ours(pip, environ, isolated=isolated)
    except PinstallError as error:
        assert expected == error.exit_code  # noqa: PT017  # Whether it is raised depends on the case.
        return
    arguments = [each.name if each.value is None else f"{each.name}={each.value}" for each in options]
    bare = {name: value for name, value in environ.items() if not name.startswith("PIP_")}
    found = pip.parsed({**bare, "PIP_CONFIG_FILE": os.devnull}, arguments)
    if not isinstance(expected, dict):
        # A refusal, or a crash, is pip's to word; ours is to hand on what makes it refuse.
        assert not isinstance(found, dict), (expected, arguments)
        return
    assert isinstance(found, dict), arguments
    # A `help` in a file is read and has no effect; on the command line it would have.
    found["help"] = expected["help"]
    if pip.interpreter.pip and pip.interpreter.pip >= (25, 3):
        # Known: `PIP_USE_PEP517=0` has no spelling on the command line since it has no effect either.
        found["use_pep517"] = expected["use_pep517"]
    assert found == expected, arguments


NEGATIVE = [
    "NO_USER",
    "NO_COMPILE",
    "NO_BUILD_ISOLATION",
    "NO_WARN_SCRIPT_LOCATION",
    "NO_WARN_CONFLICTS",
    "NO_USE_PEP517",
    "NO_CACHE_DIR",
    "NO_DEPS",
    "NO_INDEX",
    "NO_CLEAN",
    "NO_INPUT",
    "NO_COLOR",
    "NO_REQUIRE_HASHES",
    "NO_PYTHON_VERSION_WARNING",
    "NO_PROXY_ENV",
]


@pytest.mark.parametrize("value", ["0", "YES", "bla", ""])
@pytest.mark.parametrize("name", [*NEGATIVE, "USER", "COMPILE", "USE_PEP517", "REQUIRE_HASHES", "PRE", "QUIET"])
def test_flags(pip: Pip, clean: dict[str, str], name: str, value: str) -> None:
    agree(pip, clean | {f"PIP_{name}": value})


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_TIMEOUT": "9", "PIP_DEFAULT_TIMEOUT": "8"},
        {"PIP_DEFAULT_TIMEOUT": "8", "PIP_TIMEOUT": "9"},
        {"PIP_CONSTRAINT": "a.txt  b.txt", "PIP_REQUIREMENT": "c.txt"},
        {"PIP_FIND_LINKS": " "},
        {"PIP_NO_BINARY": "a,b", "PIP_ONLY_BINARY": "b,c"},
        {"PIP_ONLY_BINARY": ":all:", "PIP_NO_BINARY": "x"},
        {"PIP_CONFIG_SETTINGS": "a=1 b=2"},
        {"PIP_GROUP": "x y"},
        {"PIP_REFRESH_PACKAGE": "a,b c"},
        {"PIP_ALL_RELEASES": "a", "PIP_ONLY_FINAL": ":all:"},
        {"PIP_QUIET": "2", "PIP_VERBOSE": "on"},
        {"PIP_QUIET": "-1"},
        {"PIP_CACHE_DIR": "~/x", "PIP_NO_CACHE_DIR": "0"},
        {"PIP_NO_CACHE_DIR": "1", "PIP_CACHE_DIR": "~/x"},
        {"PIP_PYTHON_VERSION": "3.9", "PIP_SRC": "~/u", "PIP_CERT": "~/c"},
        {"PIP_HELP": "1", "PIP_VERSION": "1", "PIP_ISOLATED": "1", "PIP_R": "x", "PIP_REQ": "y", "PIP___PRE": "1"},
        {"PIP_TIMEOUT": "abc"},
        {"PIP_NO_DEPS": "1", "PIP_NO_DEPENDENCIES": "0"},
        {"PIP_CONFIG_FILE": ""},
    ],
    ids=str,
)
def test_variables(pip: Pip, clean: dict[str, str], variables: dict[str, str]) -> None:
    agree(pip, clean | variables)


CONTENTS = [
    ("[global]\n", "[install]\n"),
    ("timeout = 7\n", "default-timeout = 8\n", "timeout = 9\n"),
    ("no-deps = 1\n", "no_deps = false\n"),
    ("constraint =\n    a.txt\n    b.txt\n", "constraint = c.txt\n"),
    ("no-binary = a\n", "only-binary = b\n", "no-binary = c,:none:\n"),
    ("config-settings = k=1\n",),
    ("cache-dir = ~/one\n", "no-cache-dir = off\n"),
    ("quiet = 2\n", "quiet = no\n"),
    ("no-compile = 0\n", "compile = yes\n", "compile = 0\n"),
    ("user = 0\n", "no-user = yes\n"),
    ("index-url = https://i\n", "pypi-url = https://p\n"),
    ("# a comment = 1\n", "unknown = 1\n", "help = 1\n"),
]
VARIABLES = {
    "PIP_TIMEOUT": ("3", ""),
    "PIP_NO_DEPS": ("1", "0"),
    "PIP_CONSTRAINT": ("v.txt w.txt",),
    "PIP_NO_BINARY": ("v",),
    "PIP_QUIET": ("1", "0"),
    "PIP_COMPILE": ("1", "0"),
    "PIP_CACHE_DIR": ("/c",),
}


def text(dice: random.Random) -> str:
    parts = []
    for section in dice.sample(["[global]\n", "[install]\n", "[list]\n"], k=dice.randint(1, 3)):
        parts += [section, *(dice.choice(group) for group in CONTENTS[1:] if dice.random() < 0.4)]
    return "".join(parts)


@pytest.mark.parametrize("seed", range(60))
def test_files_and_variables_together(pip: Pip, clean: dict[str, str], tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    environ = dict(clean)
    home = tmp_path / "home"
    files = [
        tmp_path / "etc/pip/pip.conf",
        home / ".pip/pip.conf",
        home / ".config/pip/pip.conf",
        pip.root / "pip.conf",
        tmp_path / "named.conf",
    ]
    for file in files:
        if dice.random() < 0.6:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text(dice), encoding="utf-8")
    if dice.random() < 0.5:
        environ["PIP_CONFIG_FILE"] = dice.choice([str(files[-1]), str(files[-1]), os.devnull, ""])
    names = dice.sample(sorted(VARIABLES), k=dice.randint(0, 4))
    environ |= {name: dice.choice(VARIABLES[name]) for name in names}
    agree(pip, environ, isolated=dice.random() < 0.2)


@pytest.mark.parametrize(
    "content",
    [
        b"[global\nx = 1\n",
        b"timeout = 1\n",
        b"[global]\ntimeout = \xff\n",
        b"[global]\nno separator\n",
        b"[global]\ntimeout = 1\ntimeout = 2\n",
        b"[DEFAULT]\ntimeout = 4\n[install]\n",
        b"[:env:]\ntimeout = 4\n[install]\ntimeout = 5\n",
        b"[global]\n--timeout = 4\nTimeOut_ = 3\n",
    ],
)
def test_odd_files(pip: Pip, clean: dict[str, str], tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "named.conf"
    file.write_bytes(content)
    agree(pip, clean | {"PIP_CONFIG_FILE": str(file)})


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        ({}, []),
        ({"XDG_CACHE_HOME": "{tmp}/xdg"}, []),
        ({"XDG_CACHE_HOME": "rel"}, []),
        ({"XDG_CACHE_HOME": " "}, []),
        ({"PIP_CACHE_DIR": "~/c"}, []),
        ({"PIP_CACHE_DIR": "rel/c"}, []),
        ({"PIP_CACHE_DIR": "{tmp}/link/c"}, []),
        ({"PIP_CACHE_DIR": "{tmp}/foreign/c"}, []),
        ({"PIP_NO_CACHE_DIR": "0"}, []),
        ({"PIP_NO_CACHE_DIR": "1", "PIP_CACHE_DIR": "{tmp}/c"}, []),
        ({"PIP_NO_CACHE_DIR": "1"}, ["--cache-dir", "{tmp}/d"]),
        ({}, ["--no-cache-dir", "--cache-dir", "{tmp}/d"]),
        ({}, ["--cache-dir", "{tmp}/d", "--no-cache-dir"]),
        ({}, ["--cache-dir", ""]),
    ],
    ids=str,
)
def test_the_cache_directory(
    pip: Pip,
    clean: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    arguments: list[str],
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    foreign = tmp_path / "foreign"
    foreign.mkdir(mode=0o555)
    if os.geteuid() == 0:
        os.chown(foreign, 4711, -1)
    environ = clean | {name: value.format(tmp=tmp_path) for name, value in variables.items()}
    arguments = [argument.format(tmp=tmp_path) for argument in arguments]
    monkeypatch.chdir(tmp_path)
    found = cache_directory((*ours(pip, environ), *written(arguments)), environ, pip.interpreter)
    assert found.path == pip.cache_dir(environ, arguments, tmp_path)
    assert (found.path is None) is (found.reason is not None)


def written(arguments: list[str]) -> Iterator[Option]:
    words = iter(arguments)
    for word in words:
        value = next(words) if word == "--cache-dir" else None
        yield Option(name=word, dest="cache_dir", value=value, origin=Origin(where="argument"))
