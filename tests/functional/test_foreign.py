"""Code that no RECORD lists is found: what Python runs when it starts, and modules among those of packages."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from pinstall.environment.foreign import Foreign
from pinstall.model.inputs import Interpreter
from tests.support.documents import validated
from tests.support.promises import REPORTS
from tests.support.scenes import RELEASE, lame, own_lines, pinstall, place, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Runner

PACKAGE = {"demo/__init__.py": "", "demo/inner/__init__.py": "", "demo/data/text.txt": ""}
DEMO = wheel("demo", "1.0", modules=PACKAGE)
SPACES = "import os; print('a hook ran')\n"
DISTUTILS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim(); \n"
)
HOOKS = {
    "evil.pth": SPACES,
    "tab.pth": "# a comment\n\nimport\tos\n",
    "late.pth": f"/nowhere\n{DISTUTILS}{SPACES}",
    "evil.start": "# 3.15\n\ndemo:main\n",
    "sitecustomize.py": "",
    "usercustomize/__init__.py": "",
    "sitecustomize.cpython-311-x86_64-linux-gnu.so": "",
}
HARMLESS = {
    "path.pth": "/nowhere\nimportant\n# import os\n",
    "empty.start": "\n# nothing\n",
    "_virtualenv.pth": "import _virtualenv",
    "distutils-precedence.pth": DISTUTILS,
    "unrelated.py": "",
    "demo/data/more.txt": "",
    "demo/__pycache__/gone.cpython-311.pyc": "",
    "demo/__init__.pyc": "",
    "demo/not-a-package/run.py": "",
    "sitecustomize/readme.txt": "",
}
UNOWNED = ["demo/evil.py", "demo/data/evil.so", "demo/new", "demo/bare.pyc", "demo.py"]


@pytest.fixture
def full(runner: Runner) -> Runner:
    """Return a runner with an installed pin, whose environment lets pip only run where a test says so."""
    place(runner.environment, DEMO)
    written(runner, "demo==1.0\n")
    return runner


def put(runner: Runner, path: str, text: str = "") -> Path:
    file = runner.environment.site_packages / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def identified(runner: Runner, *words: str, env: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """Return id and place, below site-packages, of each finding that has an id."""
    ended = runner.pinstall("check", "--json", "-r", "requirements.txt", *words, env=env)
    findings = validated(json.loads(ended.stdout))["findings"]
    assert ended.returncode == (1 if findings else 0), ended.output
    named = ((one["reason"].partition(": ")[0], one["id"]) for one in findings)
    return [(kind, place.partition("site-packages/")[2] or place) for place, kind in named]


@pytest.mark.parametrize("path", HOOKS)
def test_what_runs_when_python_starts_is_a_finding(full: Runner, path: str) -> None:
    put(full, path, HOOKS[path])
    assert full.pip("check").returncode == 0  # pip sees nothing
    assert identified(full) == [("startup-hook", path)]
    assert identified(full, "--deep") == [("startup-hook", path)]
    assert full.pinstall("check", "-r", "requirements.txt").stdout.endswith("no RECORD lists it\n")
    assert identified(full, "--pin", "unowned=allow") == []


def test_known_hooks_data_and_byte_code_are_no_findings(full: Runner) -> None:
    for path, text in HARMLESS.items():
        put(full, path, text)
    assert identified(full) == []
    assert full.pinstall("-r", "requirements.txt", "--pin", "unowned=refuse").returncode == 0


def test_a_hook_that_its_package_lists_is_no_finding(full: Runner) -> None:
    modules = {"hook.pth": SPACES.replace("print", "str"), "sitecustomize.py": "", "zope/late.py": ""}
    place(full.environment, wheel("hook", "1.0", modules=modules))
    assert identified(full) == []
    assert [line for line in own_lines(full.pinstall("-r", "requirements.txt")) if "RECORD" in line] == []


@pytest.mark.slow
def test_a_hook_in_a_folder_of_pythonpath_is_found_but_no_pth_there(full: Runner) -> None:
    folder = full.home / "more"
    folder.mkdir()
    (folder / "sitecustomize.py").touch()
    (folder / "other.pth").write_text(SPACES, encoding="utf-8")
    found = identified(full, env={"PYTHONPATH": str(folder)})
    assert found == [("startup-hook", str(folder.resolve() / "sitecustomize.py"))]


@pytest.mark.slow
def test_the_list_of_an_egg_counts(full: Runner) -> None:
    hook = put(full, "listed.pth", SPACES.replace("print", "str"))
    put(full, "listed-1.0.egg-info/PKG-INFO", "Metadata-Version: 1.0\nName: listed\nVersion: 1.0\n")
    put(full, "listed-1.0.egg-info/installed-files.txt", f"../{hook.name}\n")
    assert identified(full) == []


@pytest.mark.slow
def test_the_list_of_conda_counts(full: Runner) -> None:
    put(full, "listed.pth", SPACES.replace("print", "str"))
    root = full.environment.root
    target = Interpreter(
        **dict.fromkeys(("executable", "version", "abi"), ""),
        **dict.fromkeys(("purelib", "platlib"), str(full.environment.site_packages)),
        **dict.fromkeys(("prefix", "base_prefix", "stdlib"), str(root)),
        paths=(str(full.environment.site_packages),),
        markers={},
        pip=None,
        externally_managed=False,
        own=False,
    )
    place = (full.environment.site_packages / "listed.pth").relative_to(root)
    assert Foreign(target, {}).hooks == (str(place),)
    (root / "conda-meta").mkdir()
    (root / "conda-meta" / "listed-1.0-0.json").write_text(
        json.dumps({"files": [str(place)]}, indent=1), encoding="utf-8"
    )
    assert Foreign(target, {}).hooks == ()


def test_an_installation_warns_once_or_refuses_before_pip(full: Runner) -> None:
    put(full, "evil.pth", SPACES)
    put(full, "sitecustomize.py")
    full.index.add(wheel("other", "1.0"))
    (warning,) = [line for line in own_lines(full.pinstall("demo==1.0", "other==1.0")) if "RECORD" in line]
    assert warning.startswith("warning: 2 files that no RECORD lists run when Python starts: ")
    assert full.pinstall("demo==1.0", "--pin", "unowned=allow").stderr.count("RECORD") == 0
    lame(full.environment)
    refused = pinstall(full, "demo==1.0", "absent==1.0", "--pin", "unowned=refuse")
    assert (refused.ended.returncode, refused.document["error"]["reference"]) == (65, "unowned")
    assert len(refused.document["error"]["context"]) == 2


@pytest.mark.parametrize("unowned", ["refuse", "warn"])
def test_a_hook_that_a_build_has_planted_is_seen_after_pip(full: Runner, unowned: str) -> None:
    if RELEASE < REPORTS:
        pytest.skip("pip cannot build this")
    evil = full.environment.site_packages / "evil.pth"
    full.index.add(sdist("planting", "1.0", backend=f"\nPath({str(evil)!r}).write_text('import os\\n')\n"))
    ended = full.pinstall("planting==1.0", "--pin", f"unowned={unowned}")
    assert ended.returncode == (65 if unowned == "refuse" else 0), ended.output
    assert any("in no RECORD" in line or "no RECORD lists" in line for line in own_lines(ended))
    assert str(evil.name) in ended.stderr


@pytest.mark.parametrize("change", ["new", "edited"])
def test_a_stamp_does_not_hide_a_hook(full: Runner, change: str) -> None:
    file = put(full, "path.pth", "#import os\n")
    for _ in range(3):
        time.sleep(0.2)
        assert own_lines(full.pinstall("-r", "requirements.txt"))[-1] == "1 pin satisfied"
    status = file.stat()
    if change == "edited":  # neither size nor time show it
        file.write_text("import os \n", encoding="utf-8")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        put(full, "evil.start", "demo:main\n")
    warned = own_lines(full.pinstall("-r", "requirements.txt"))
    assert any(line.startswith("warning: 1 file that no RECORD lists") for line in warned), warned


@pytest.mark.slow
def test_under_refuse_a_stamp_sees_a_new_module_of_a_package(full: Runner) -> None:
    words = ("-r", "requirements.txt", "--pin", "unowned=refuse")
    for _ in range(3):
        time.sleep(0.2)
        assert full.pinstall(*words).returncode == 0
    put(full, "demo/inner/evil.py")
    assert full.pinstall(*words).returncode == 65


@pytest.mark.parametrize("path", UNOWNED)
def test_a_module_among_those_of_a_pinned_package_is_a_finding(full: Runner, path: str) -> None:
    put(full, path if "." in path else f"{path}/module.py")
    assert identified(full) == [("unowned", path)]


@pytest.mark.slow
def test_a_package_before_a_pinned_one_is_a_finding(full: Runner) -> None:
    folder = full.home / "front"
    for name in ("demo", "tests", "unrelated"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    place(full.environment, wheel("careless", "1.0", modules={"tests/__init__.py": ""}))
    written(full, "demo==1.0\ncareless==1.0\n")
    found = identified(full, env={"PYTHONPATH": str(folder)})
    assert found == [("unowned", str(folder.resolve() / "demo"))]
    (folder / "demo" / "__init__.py").unlink()  # such a folder comes after every package
    assert identified(full, env={"PYTHONPATH": str(folder)}) == []


def test_exact_names_what_nothing_explains(inside: Runner) -> None:
    top = wheel("top", "1.0", requires=["dep"])
    for archive in (wheel("held", "1.0", requires=["needed"]), wheel("needed", "1.0")):
        inside.index.add(archive)
    inside.pinstall("held==1.0")
    place(inside.environment, top, wheel("dep", "1.0"), wheel("stray", "2.0"))
    written(inside, "top==1.0\n")
    assert identified(inside) == []
    assert identified(inside, "--exact") == [("unexplained", "stray 2.0")]
