"""The test support itself, against real pips: all other tests rest on what is shown here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import requests

from tests.support import caches
from tests.support.index import Fault
from tests.support.sdists import BUILD_LOG, builds, checkout, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.index import Index
    from tests.support.runner import Runner

BOTH_PIPS = pytest.mark.parametrize("environment", ["22.3.1", "26.3"], indirect=True)


@pytest.mark.slow
@BOTH_PIPS
def test_a_wheel_from_the_index_is_importable_and_its_body_lies_where_the_key_says(runner: Runner, cache: Path) -> None:
    archive = wheel("demo", "1.0", mark="A", requires=["other>=1"])
    url = runner.index.add(archive)
    runner.index.add(wheel("other", "2.0"))
    runner.pip("install", "demo==1.0")
    assert runner.environment.module("demo", "MARK") == "A"
    assert runner.environment.freeze() == ["demo==1.0", "other==2.0"]
    new = caches.body_of(caches.http_entry(cache, url))
    old = caches.body_of(caches.http_entry(cache, url, "http"))
    assert archive.content in (new if new.exists() else old).read_bytes()
    assert caches.http_bodies(cache)


@pytest.mark.slow
@BOTH_PIPS
def test_an_sdist_is_built_once_and_its_wheel_lies_where_the_key_says(
    runner: Runner, cache: Path, tmp_path: Path
) -> None:
    archive = sdist("Demo.Pkg", "1.0", mark="S")
    url = runner.index.add(archive)
    log = tmp_path / "builds"
    runner.variables.update({BUILD_LOG: str(log), "CFLAGS": "-O2"})
    for _ in range(2):
        runner.pip("install", "demo-pkg==1.0")
        assert runner.environment.module("demo_pkg", "BUILT_WITH") == "{'config': {}, 'environment': {'CFLAGS': '-O2'}}"
        runner.pip("uninstall", "-y", "demo-pkg")
    assert builds(log) == ["demo_pkg-1.0"]
    python = runner.environment.run("import sys; print('%d.%d' % sys.version_info[:2])")
    (built,) = caches.built_wheels(cache)
    hashed = "22.3.1" not in runner.pip("--version", index=False).stdout
    assert built.parent == caches.wheel_entry(cache, url, python=python, sha256=archive.sha256 if hashed else None)


@pytest.mark.slow
@BOTH_PIPS
def test_the_second_install_downloads_no_file(runner: Runner) -> None:
    runner.index.add(wheel("demo", "1.0"))
    runner.pip("install", "demo==1.0")
    runner.pip("uninstall", "-y", "demo")
    runner.index.requests.clear()
    runner.pip("install", "demo==1.0")
    assert not runner.index.asked("/files/")


@pytest.mark.slow
def test_a_poisoned_body_fails_and_a_poisoned_build_is_installed(runner: Runner, cache: Path) -> None:
    url = runner.index.add(wheel("demo", "1.0"))
    runner.index.add(sdist("built", "1.0"))
    runner.pip("install", "demo", "built")
    runner.pip("uninstall", "-y", "demo", "built")
    caches.damage(caches.body_of(caches.http_entry(cache, url)))
    assert "DO NOT MATCH THE HASHES" in runner.pip("install", "demo", check=False).stderr
    caches.poison(caches.built_wheels(cache)[0], wheel("built", "1.0", mark="poison"))
    runner.pip("install", "built")
    assert runner.environment.module("built", "MARK") == "poison"


@pytest.mark.slow
def test_config_settings_failing_builds_and_local_trees(runner: Runner, tmp_path: Path) -> None:
    runner.index.add(sdist("demo", "1.0"))
    runner.index.add(sdist("bad", "1.0", fail=True))
    runner.pip("install", "-C", "flavour=x", "demo")
    assert "{'flavour': 'x'}" in runner.environment.module("demo", "BUILT_WITH")
    assert "fails on purpose" in runner.pip("install", "bad", check=False).output
    runner.pip("install", "-e", checkout(tmp_path / "tree", sdist("tree", "3.0")))
    assert runner.environment.module("tree", "__file__") == str(tmp_path / "tree" / "tree.py")


@pytest.mark.parametrize(
    "fault", [Fault(status=404), Fault(content=b"PK wrong"), Fault(cut=100), Fault(status=500, times=20)], ids=str
)
def test_a_faulty_file_fails_and_heals(runner: Runner, fault: Fault) -> None:
    runner.index.fault(runner.index.add(wheel("demo", "1.0")), fault)
    options = ("--no-cache-dir", "--retries", "0", "demo")
    assert runner.pip("install", *options, check=False).returncode
    runner.index.faults.clear()
    runner.pip("install", *options)


@pytest.mark.slow
def test_wrong_wheels_are_wrong_in_the_way_that_was_asked_for(runner: Runner, tmp_path: Path) -> None:
    lying = wheel("demo", "1.0", metadata={"Version": "9.9"})
    runner.index.add(lying)
    assert "inconsistent version" in runner.pip("install", "demo", check=False).output
    for number, broken in enumerate((wheel("x", "1").truncated(), wheel("x", "1", record_is="missing"))):
        path = broken.write(tmp_path / str(number))
        assert runner.pip("install", path, check=False).returncode
    assert wheel("x", "1", record_is="lying") != wheel("x", "1") == wheel("x", "1").flipped().flipped()


def test_the_index_answers_conditions_ranges_and_both_kinds_of_pages(index: Index) -> None:
    archive = wheel("demo", "1.0+local", mark="<&>")
    url = index.add(archive, yanked="broken", requires_python=">=3.7")
    page = requests.get(index.page_url("Demo"), headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=5)
    (listed,) = page.json()["files"]
    assert listed["hashes"] == {"sha256": archive.sha256}
    assert (listed["yanked"], listed["url"], listed["requires-python"]) == ("broken", url, ">=3.7")
    assert b"Name: demo" in requests.get(f"{url}.metadata", timeout=5).content
    assert 'data-requires-python="&gt;=3.7"' in requests.get(index.page_url("demo"), timeout=5).text
    again = {"If-None-Match": page.headers["ETag"], "Accept": "application/vnd.pypi.simple.v1+json"}
    assert requests.get(page.url, headers=again, timeout=5).status_code == 304
    part = requests.get(url, headers={"Range": "bytes=2-5"}, timeout=5)
    assert (part.status_code, part.content) == (206, archive.content[2:6])
    assert [request.status for request in index.requests] == [200, 200, 200, 304, 206]


def test_the_index_lies_when_told_to(index: Index) -> None:
    page = index.page_url("demo")
    url = index.add(wheel("demo", "1.0"))
    etag = requests.get(page, timeout=5).headers["ETag"]
    index.freeze_page("demo")
    index.add(wheel("demo", "2.0"))
    assert "2.0" not in requests.get(page, timeout=5).text
    index.frozen.clear()
    assert "2.0" in requests.get(page, timeout=5).text
    index.fault(page, Fault(not_modified=True))
    assert requests.get(page, headers={"If-None-Match": etag}, timeout=5).status_code == 304
    index.fault(url, Fault(location=f"{index.root}/elsewhere"))
    assert requests.get(url, allow_redirects=False, timeout=5).status_code == 308
    index.credentials = ("user", "secret")
    assert requests.get(url, timeout=5).status_code == 401
    index.faults.clear()
    assert requests.get(url, auth=index.credentials, timeout=5).status_code == 200


def test_credentials_and_hashless_pages_work_with_pip(runner: Runner) -> None:
    runner.index.credentials = ("user", "secret")
    runner.index.add(wheel("demo", "1.0"), hashes=False, metadata=False)
    runner.pip("install", "demo")
    assert runner.environment.freeze() == ["demo==1.0"]


def test_children_know_nothing_of_this_machine(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://nowhere.invalid")
    monkeypatch.setenv("PYTHONPATH", os.sep)
    assert "nowhere" not in runner.pip("config", "list").output
    names = runner.environment.run("import os; print(*sorted(os.environ))").split()
    assert [name for name in names if name.startswith(("PIP_", "PYTHON"))] == [
        "PIP_CONFIG_FILE",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PIP_NO_INPUT",
    ]


@pytest.mark.slow
def test_an_environment_with_pinstall_inside_is_sound(inside: Runner) -> None:
    assert inside.pip("check").returncode == 0
    assert inside.environment.module("pinstall", "__file__").startswith(str(inside.environment.root))
    assert inside.environment.freeze() == []


def test_a_change_in_one_copy_is_not_seen_in_another(make_environment: MakeEnvironment) -> None:
    first, second = make_environment(), make_environment()
    first.pip("uninstall", "-y", "pip")
    assert "pip 26.3" in second.pip("--version").stdout
    assert not (first.site_packages / "pip").exists()


@pytest.mark.parametrize("environment", ["20.3.4", "21.3.1", "23.2.1", "24.3.1", "25.3"], indirect=True)
@pytest.mark.contract
def test_every_pip_of_the_table_installs_and_builds(runner: Runner) -> None:
    runner.index.add(wheel("demo", "1.0"))
    runner.index.add(sdist("built", "1.0"))
    runner.pip("install", "demo", "built")
    assert runner.environment.freeze() == ["built==1.0", "demo==1.0"]
