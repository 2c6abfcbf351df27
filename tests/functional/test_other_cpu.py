"""A wheel that was built for another CPU is built again.

There is one CPU here, so the other one is written into the record of the build, as that machine would have written it.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from pinstall.cache import build_records
from tests.support.runner import Runner
from tests.support.scenes import RELEASE, own_lines, pinstall
from tests.support.sdists import BUILD_LOG, builds, sdist, tarball

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.wheels import Archive

pytestmark = pytest.mark.skipif(RELEASE < (23, 1), reason="older pips build again")
OTHER = "Other CPU"
NATIVE = {"CFLAGS": "-O2 -march=native"}
HERE = build_records.describe_cpu().partition(": ")[2]
FEWER = " ".join(HERE.split()[1:])
MORE = f"{HERE} avx1024f"


def _tag(runner: Runner) -> str:
    python = runner.environment.site_packages.parent.name.removeprefix("python").replace(".", "")
    return f"cp{python}-cp{python}-linux_{os.uname().machine}"


def _record(runner: Runner, edit: dict[str, str | None]) -> dict[str, str]:
    """Return what is on record of the build, after this change of it."""
    (path,) = runner.cache.glob("pinstall/builds/**/*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    before = dict(document["inputs"])
    document["inputs"] = {name: text for name, text in {**before, **edit}.items() if text is not None}
    path.write_text(json.dumps(document), encoding="utf-8")
    return before


def _runs(
    runner: Runner, make: MakeEnvironment, log: Path, cpu_text: str | None, env: dict[str, str]
) -> tuple[int, str]:
    """Build, change the record, install into another environment; return the number of builds and the line about it."""
    runner.variables[BUILD_LOG] = str(log)
    assert pinstall(runner, "demo==1.0", env=env).ended.returncode == 0
    recorded = _record(runner, {"CPU": cpu_text})
    assert recorded["CPU"] == build_records.describe_cpu()
    twin = Runner(environment=make(), home=runner.home, index=runner.index, variables=runner.variables)
    twin.pip("install", "demo==1.0", env=env)
    assert len(builds(log)) == 1  # pip takes what is in its cache
    fresh = Runner(environment=make(), home=runner.home, index=runner.index, variables=runner.variables)
    told = pinstall(fresh, "demo==1.0", env=env)
    assert told.ended.returncode == 0, told.ended.output
    number = len(builds(log))
    last = Runner(environment=make(), home=runner.home, index=runner.index, variables=runner.variables)
    assert pinstall(last, "demo==1.0", env=env).ended.returncode == 0
    assert len(builds(log)) == number  # what was built again stays
    return number, next((line for line in own_lines(told.ended) if line.startswith("moved the wheel of demo")), "")


LACKING = "it was built for another CPU: avx1024f is missing here"
CASES: dict[str, tuple[str | None, dict[str, str], bool, str]] = {
    "it had more": (f"{OTHER}: {MORE}", {}, True, LACKING),
    "it had more, and the flags say native": (f"{OTHER}: {MORE}", NATIVE, True, LACKING),
    "another model, and the flags say native": (
        f"{OTHER}: {FEWER}",
        NATIVE,
        True,
        f"another CPU: its flags say `native`, and that was {OTHER}",
    ),
    "rust, and the flags say native": (f"{OTHER}: {FEWER}", {"RUSTFLAGS": "-C target-cpu=native"}, True, OTHER),
    "another model": (f"{OTHER}: {FEWER}", {}, True, ""),
    "only tuned": (f"{OTHER}: {FEWER}", {"CFLAGS": "-mtune=native"}, True, ""),
    "a pure wheel": (f"{OTHER}: {MORE}", NATIVE, False, ""),
    "not on record": (None, NATIVE, True, ""),
    "the same": (build_records.describe_cpu(), NATIVE, True, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_build_of_another_cpu(runner: Runner, make_environment: MakeEnvironment, tmp_path: Path, case: str) -> None:
    text, env, compiled, why = CASES[case]
    runner.index.add(sdist("demo", "1.0", tag=_tag(runner) if compiled else "py3-none-any"))
    number, line = _runs(runner, make_environment, tmp_path / "builds", text, env)
    assert (number, why in line) == (2 if why else 1, True), line
    assert bool(line) is bool(why)


def _with(archive: Archive, name: str, text: str) -> Archive:
    """Return an sdist with one more file."""
    with tarfile.open(fileobj=io.BytesIO(archive.content)) as packed:
        files = {one.name.partition("/")[2]: packed.extractfile(one).read().decode() for one in packed}  # type: ignore[union-attr]
    return tarball("demo-1.0", {**files, name: text})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["setup.py", "meson.build", "src/CMakeLists.txt"])
@pytest.mark.parametrize("comment", ["", "# "])
def test_a_build_file_that_says_native(
    runner: Runner, make_environment: MakeEnvironment, tmp_path: Path, name: str, comment: str
) -> None:
    source = sdist("demo", "1.0", tag=_tag(runner))
    runner.index.add(_with(source, name, f"{comment}flags = ['-O3', '-march=native']\n"))
    number, line = _runs(runner, make_environment, tmp_path / "builds", f"{OTHER}: {FEWER}", {})
    assert (number, OTHER in line) == ((1, False) if comment else (2, True)), line


def test_what_linux_says_of_a_cpu(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(
        "processor\t: 0\nmodel name\t: Big CPU\nflags\t\t: fpu sse2 avx2 hypervisor\n\n"
        "processor\t: 1\nmodel name\t: Small CPU\nflags\t\t: sse2\n",
        encoding="utf-8",
    )
    assert build_records.describe_cpu(str(file)) == "Big CPU: avx2 sse2"
    file.write_text("processor\t: 0\nFeatures\t: fp sve\nCPU part\t: 0xd40\n\nHardware\t: x\n", encoding="utf-8")
    assert build_records.describe_cpu(str(file)) == "0xd40: fp sve"
    assert build_records.describe_cpu(str(tmp_path / "missing")).endswith(": ")


def test_an_unknown_cpu_proves_nothing() -> None:
    assert build_records.find_cpu_difference("a: avx sse2", "b: ", native=False) is None
    assert build_records.differences({"CPU": "a: avx"}, {}, pure=False) == ()
    assert build_records.differences({}, {"CPU": "a: avx", "native": "yes"}, pure=False) == ()
    text = build_records.find_cpu_difference("a: 1 2 3 4 5", "b: 5", native=False)
    assert text == "1, 2, 3 and 1 more are missing here"
