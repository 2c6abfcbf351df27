"""Each kind of line that `pinstall lock` writes is read again by pip, by pinstall and by uv, and installs the same."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

import pytest

from pinstall.formats import metadata
from tests.support.index import Fault, Index
from tests.support.scenes import RELEASE, own_lines, requirement, written
from tests.support.sdists import repacked, sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.environments import Environment
    from tests.support.runner import Runner
    from tests.support.wheels import Archive

pytestmark = pytest.mark.skipif(RELEASE < (22, 3), reason="older pips write no report, or not for a dry run")

AA: Final = wheel("aa", "1.0", requires=["bb>=1"], extras={"more": ["cc[x]"]})
BB: Final = wheel("bb", "1.0")
OTHER: Final = wheel("bb", "1.0", mark="other", tag="cp36-cp36m-win32")
CC: Final = wheel("cc", "1.0")
VERSIONS: Final = ("1!2.0", "1.0+local.1", "3.0rc1", "2024.1", "1.0.post1", "1.0.dev1")
SUFFIXES: Final = (".tar.bz2", ".tgz", ".tar.xz", ".zip")
FORMS: Final = ("requirements.txt", "pylock.toml")
PLAIN: Final = ("plain", "a -b", "it's so", "ü,~x", "100%25")
ODD: Final = ("a;b", "[a]", '"so"', "back\\slash", "x #y", "${HOME}")
"""Names of folders, the odd ones of which mean something else to who reads them as text."""

UV: Final = shutil.which("uv")


class Trip(NamedTuple):
    """Locks something twice, has others read the lock, and compares what each of them installs."""

    runner: Runner
    make: MakeEnvironment
    name: str

    @property
    def is_text(self) -> bool:
        """Whether the lock is a requirement file."""
        return self.name.endswith(".txt")

    def lock(self, *words: str | Path, **options: Any) -> list[Any]:
        """Return what a lock consists of: lines of requirements without hashes, or tables of packages."""
        path = self.runner.home / self.name
        path.parent.mkdir(exist_ok=True)
        ended = self.runner.pinstall("lock", *words, "-o", self.name, **options)
        assert ended.returncode == 0, ended.output
        again = self.runner.pinstall("lock", *words, "-o", self.name, **options)
        assert own_lines(again)[-1].startswith(f"`{self.name}` is up to date: "), again.output
        assert "gives way" not in again.stderr
        text = path.read_text(encoding="utf-8")
        return rows(text) if self.is_text else packages(text)

    def read(self, *installed: str, uv: bool = True) -> Environment:
        """Assert that all who read the lock install this; return the environment that pip has installed into.

        They get nothing but the lock, which says where the files are.
        """
        wanted = ["--require-hashes", "-r", self.name]
        first = self.make()
        if self.is_text or RELEASE >= (26, 1):
            ended = self.runner.run([str(first.python), "-m", "pip", "install", *wanted])
            assert ended.returncode == 0, ended.output
            assert first.freeze() == sorted(installed)
        ended = self.runner.pinstall(*wanted, index=False, python=first.python)
        assert ended.returncode == 0, ended.output
        assert first.freeze() == sorted(installed)
        if not uv:
            return first
        if UV is None:
            pytest.skip("uv is not installed: only pip and pinstall have read the lock")
        second = self.make()
        ended = self.runner.run([UV, "pip", "install", "--python", str(second.python), *wanted])
        assert ended.returncode == 0, ended.output
        assert second.freeze() == sorted(installed)
        return first


@pytest.fixture(params=FORMS)
def trip(runner: Runner, make_environment: MakeEnvironment, request: pytest.FixtureRequest) -> Trip:
    if request.param == "pylock.toml":
        pytest.importorskip("packaging.pylock", reason="this packaging knows no locks")
    for archive in (AA, BB, OTHER, CC):
        runner.index.add(archive)
    # in a folder of its own, so that each path in it has to be found from there
    return Trip(runner, make_environment, f"locks/{request.param}")


def rows(text: str) -> list[str]:
    """Return the lines of requirements without their hashes."""
    found = (line.removesuffix(" \\") for line in text.splitlines())
    return [line for line in found if line and not line.startswith((" ", "#", "-"))]


def packages(text: str) -> list[dict[str, Any]]:
    """Return the packages of a lock file that `packaging` takes for a valid one."""
    pylock = pytest.importorskip("packaging.pylock")
    document = metadata.parse_toml(text.encode())
    pylock.Pylock.from_dict(document)
    return list(document["packages"])


def serve(trip: Trip, *archives: Archive) -> list[str]:
    """Add archives to the index, and return what installs them."""
    for archive in archives:
        trip.runner.index.add(archive)
    return [requirement(archive) for archive in archives]


def placed(trip: Trip, houses: Sequence[str]) -> list[Path]:
    """Return a wheel in each of these folders, one project in each."""
    home = trip.runner.home / "project"
    return [wheel(f"in{number:02}", "1.0").write(home / house) for number, house in enumerate(houses)]


def test_each_kind_of_line_is_read_again(trip: Trip) -> None:
    root = trip.runner.index.root
    serve(trip, sdist("src", "1.0"), *(wheel(f"v{number}", one) for number, one in enumerate(VERSIONS)))
    serve(trip, wheel("linked", "1.0"), sdist("sourced", "1.0"), wheel("marked", "1.0"), wheel("Odd.Name", "1.0"))
    versions = [f"v{number}=={one}" for number, one in enumerate(VERSIONS)]
    lines = [
        *("aa[More]", "src", "marked ; python_version>='3'", "cc ; python_version<'3'", "odd-_NAME==1"),
        *(f"linked @ {root}/files/linked-1.0-py3-none-any.whl", f"{root}/files/sourced-1.0.tar.gz"),
    ]
    written(trip.runner, "".join(f"{line}\n" for line in (*lines, *versions)), "some.in")
    found = trip.lock("-r", "some.in")
    if trip.is_text:
        assert found == [
            *("aa[more]==1.0", "bb==1.0", "cc[x]==1.0", f"linked @ {root}/files/linked-1.0-py3-none-any.whl"),
            *('marked==1.0 ; python_version >= "3"', "odd-name==1.0", f"sourced @ {root}/files/sourced-1.0.tar.gz"),
            *("src==1.0", *versions),
        ]
    others = ("aa", "bb", "cc", "linked", "marked", "Odd.Name", "sourced", "src")
    trip.read(*versions, *(f"{name}==1.0" for name in others))


SETTINGS: Final = ("flavour=plain", "flavour=a b", 'flavour=it\'s "so"', "flavour=-e", "a=b=c", "a=", "flavour=\\")


@pytest.mark.skipif(RELEASE < (23, 1), reason="this pip takes no settings for one line")
class TestSettings:
    pytestmark = pytest.mark.parametrize("trip", FORMS[:1], indirect=True)  # a lock file takes none

    def test_those_of_a_line_stay(self, trip: Trip) -> None:
        archives = [sdist(f"src{number}", "1.0") for number, _ in enumerate(SETTINGS)]
        some = zip(serve(trip, *archives), SETTINGS, strict=True)
        lines = [f"{name} --config-settings={shlex.quote(one)}\n" for name, one in some]
        written(trip.runner, "".join(lines), "some.in")
        found = trip.lock("-r", "some.in")
        assert [shlex.split(row)[1:] for row in found] == [[f"--config-settings={one}"] for one in SETTINGS]
        environment = trip.read(*map(requirement, archives), uv=False)
        for number, (key, _, value) in enumerate(one.partition("=") for one in SETTINGS):
            assert f"'config': { ({key: value}) }" in environment.module(f"src{number}", "BUILT_WITH")
        assert trip.lock("-r", trip.name, "--upgrade") == found

    def test_those_of_the_command_line_stay(self, trip: Trip) -> None:
        (name,) = serve(trip, sdist("src", "1.0"))
        assert trip.lock("src", "--config-settings=flavour=a 'b'") == [
            """src==1.0 --config-settings='flavour=a '"'"'b'"'"''"""
        ]
        environment = trip.read(name, uv=False)
        assert environment.module("src", "BUILT_WITH").startswith("{'config': {'flavour': \"a 'b'\"}")


class TestPlaces:
    @pytest.mark.parametrize("houses", [PLAIN, ODD], ids=["plain", "odd"])
    def test_a_folder_of_any_name_is_found_again(self, trip: Trip, houses: Sequence[str]) -> None:
        paths = placed(trip, houses)
        names = [path.name.partition("-")[0] for path in paths]
        finds = (word for path in paths for word in ("--find-links", f"{path.parent}"))
        found = trip.lock("--no-index", *finds, *names, index=False)
        if not trip.is_text:
            expected = [f"../project/{house}/{path.name}" for house, path in zip(houses, paths, strict=True)]
            assert [one["wheels"][0]["path"] for one in found] == expected
        trip.read(*(f"{name}==1.0" for name in names), uv=houses is PLAIN or not trip.is_text)

    def test_a_folder_in_a_file_counts_from_that_file(self, trip: Trip) -> None:
        home = trip.runner.home
        folders = {"~/one": home / "one", "two": home / "sub" / "two", "../three": home / "three"}
        folders[(home / "four").as_uri()] = home / "four"
        archives = [wheel(folder.name, "1.0") for folder in folders.values()]
        for folder, archive in zip(folders.values(), archives, strict=True):
            archive.write(folder)
        lines = [*(f"--find-links {place}" for place in folders), "--no-index", *map(requirement, archives)]
        written(trip.runner, "".join(f"{line}\n" for line in lines), "sub/some.in")
        found = trip.lock("-r", "sub/some.in", index=False)
        if not trip.is_text:
            paths = sorted(f"../{folder.relative_to(home)}" for folder in folders.values())
            assert sorted(one["wheels"][0]["path"].rpartition("/")[0] for one in found) == paths
        trip.read(*map(requirement, archives))

    @pytest.mark.parametrize("house", [*PLAIN, *ODD])
    def test_an_index_with_any_url_is_found_again(self, trip: Trip, house: str) -> None:
        folder = trip.runner.home / house
        CC.write(folder / "cc")
        page = f'<a href="{CC.filename}#sha256={CC.sha256}">cc</a>'
        (folder / "cc" / "index.html").write_text(page, encoding="utf-8")
        (found,) = trip.lock("--index-url", folder.as_uri(), "cc", index=False)
        if not trip.is_text:
            assert found["wheels"][0]["path"] == f"../{house}/cc/{CC.filename}"
        trip.read("cc==1.0")

    def test_a_file_is_named_by_its_url(self, trip: Trip) -> None:
        houses = (*PLAIN, *ODD)
        paths = placed(trip, houses)
        home = trip.runner.home
        inside = repacked(sdist("zz", "1.0"), ".tar.gz", below="sub/folder")
        direct = inside.write(home / "project")
        names = [path.name.partition("-")[0] for path in paths]
        local = [f"./{path.relative_to(home)}" for path in paths]
        local[houses.index("a;b")] = f"in05 @ {paths[5].as_uri()}"  # as a path it would end there
        found = trip.lock(*local, f"zz @ {direct.as_uri()}#subdirectory=sub/folder")
        if trip.is_text:
            urls = [f"file://{quote(str(path))}" for path in paths]
            assert found[:-1] == [f"{name} @ {url}" for name, url in zip(names, urls, strict=True)]
        else:
            expected = [f"../project/{house}/{path.name}" for house, path in zip(houses, paths, strict=True)]
            assert [one["archive"]["path"] for one in found[:-1]] == expected
            assert found[-1]["archive"]["subdirectory"] == "sub/folder"
        # uv looks for no part of an archive on this machine
        trip.read(*(f"{name}==1.0" for name in (*names, "zz")), uv=False)

    def test_a_part_of_an_archive_behind_a_url_stays(self, trip: Trip) -> None:
        for name in ("one", "two"):
            serve(trip, repacked(sdist(name, "1.0"), ".tar.gz", below=f"sub/{name}"))
        root = trip.runner.index.root
        words = [f"{name} @ {root}/files/{name}-1.0.tar.gz#subdirectory=sub/{name}" for name in ("one", "two")]
        found = trip.lock(*words)
        if trip.is_text:
            assert found == words
        trip.read("one==1.0", "two==1.0")


@pytest.mark.parametrize("where", ["index", "folder", "url", "file"])
def test_an_sdist_of_each_kind_is_read_again(trip: Trip, where: str) -> None:
    archives = {f"rare{number}": repacked(sdist(f"rare{number}", "1.0"), one) for number, one in enumerate(SUFFIXES)}
    urls = {name: trip.runner.index.add(archive) for name, archive in archives.items()}
    paths = {name: archive.write(trip.runner.home / "files") for name, archive in archives.items()}
    words = {
        "index": [*archives],
        "folder": ["--no-index", "--find-links", "files", "rare3"],  # pip finds no others there
        "url": [f"{name} @ {url}" for name, url in urls.items()],
        "file": [f"{name} @ {path.as_uri()}" for name, path in paths.items()],
    }
    found = trip.lock(*words[where])
    text = (trip.runner.home / trip.name).read_text(encoding="utf-8")
    installed = ["rare3"] if where == "folder" else [*archives]
    assert len(found) == len(installed)
    assert all(archives[name].sha256 in text for name in installed)
    trip.read(*(f"{name}==1.0" for name in installed), uv=where == "folder")  # it takes `.zip` alone


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
def test_whatever_an_index_gives_the_lock_has_a_hash_that_counts(trip: Trip, as_json: bool) -> None:
    trip.runner.index.json = as_json
    given: dict[str, str | bool] = {"h1": "sha512", "h2": "sha384", "h3": "md5", "h4": "sha1", "h5": False}
    for name, algorithm in given.items():
        trip.runner.index.add(wheel(name, "1.0"), hashes=algorithm)
    trip.lock(*given)
    text = (trip.runner.home / trip.name).read_text(encoding="utf-8")
    for algorithm, count in (("sha512", 1), ("sha384", 1), ("sha256", 3)):
        assert text.count(f"--hash={algorithm}:" if trip.is_text else f"hashes = {{{algorithm} = ") == count
    # uv takes no page in HTML that names sha1
    trip.read(*(f"{name}==1.0" for name in given), uv=as_json)


def test_a_demand_of_a_python_that_means_nothing(trip: Trip) -> None:
    given = {"p1": "banana", "p2": ">=3.x", "p3": "", "p4": ">=3.6.*"}
    for name, python in given.items():
        trip.runner.index.add(wheel(name, "1.0", metadata={"Requires-Python": python}), requires_python=python)
    found = trip.lock(*given)
    assert trip.is_text or not any("requires-python" in one for one in found)
    trip.read(*(f"{name}==1.0" for name in given), uv=False)  # uv refuses the metadata


@pytest.mark.parametrize("main", [True, False], ids=["main", "extra"])
def test_an_index_that_refuses_what_another_lists(trip: Trip, main: bool) -> None:
    with Index() as other:
        other.add(wheel("there", "1.0"))
        for name, status in (("aa", 401), ("bb", 403), ("cc", 500)):
            other.fault(other.page_url(name), Fault(status=status))
        first, second = (other.url, trip.runner.index.url) if main else (trip.runner.index.url, other.url)
        words = ["--index-url", first, "--extra-index-url", second, "--retries", "0"]
        trip.lock(*words, "aa[more]", "there", index=False)
        text = (trip.runner.home / trip.name).read_text(encoding="utf-8")
        assert OTHER.sha256 in text
        # uv asks the extra index first, and takes each of these answers for an error
        trip.runner.variables["PIP_RETRIES"] = "0"
        trip.read("aa==1.0", "bb==1.0", "cc==1.0", "there==1.0", uv=not trip.is_text)


@pytest.mark.parametrize("trip", FORMS[:1], indirect=True)  # pip takes no lock file for another platform
def test_a_lock_for_another_platform(trip: Trip) -> None:
    words = ["--only-binary=:all:", "--platform", "win32", "--python-version", "3.6", "--abi", "cp36m"]
    trip.runner.index.remove(BB.filename)
    trip.lock(*words, "bb", "--target", "there")
    assert OTHER.sha256 in (trip.runner.home / trip.name).read_text(encoding="utf-8")
    wanted = ["--require-hashes", *words, "--target", "there", "-r", trip.name]
    ended = trip.runner.pinstall(*wanted, index=False)
    assert ended.returncode == 0, ended.output
    assert (trip.runner.home / "there" / "bb.py").exists()
