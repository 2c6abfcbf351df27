"""What servers once answered, stored in pip's cache, damaged or outdated: pip alone, and pinstall in one run."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal

import pytest

from tests.support.caches import body_of, damage, entries, http_entry, snapshot, truncate
from tests.support.index import Fault, Index, Reply
from tests.support.pages import JSON
from tests.support.scenes import (
    RELEASE,
    Told,
    lame,
    own_lines,
    pinned,
    pinstall,
    requirement,
    written,
)
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import MakeEnvironment
    from tests.support.runner import Runner

LAYOUT: Final[Literal["http", "http-v2"]] = "http-v2" if RELEASE >= (23, 3) else "http"
TRUSTS_PAGES: Final = RELEASE >= (26, 2)
"""Since then pip asks for no page again that is fresh in its cache."""
METADATA: Final = pytest.mark.skipif(RELEASE < (23, 2), reason="this pip reads no metadata files that JSON pages list")
pytestmark = pytest.mark.slow
CLOSED: Final = "http://127.0.0.1:9/simple/"


def _sized(archive: Archive) -> Archive:
    """Return the wheel with a comment that makes it as long as any other of these."""
    comment = b" " * (2000 - len(archive.content))
    return archive._replace(content=archive.content[:-2] + len(comment).to_bytes(2, "little") + comment)


GOOD = _sized(wheel("demo", "1.0", mark="good"))
EVIL = _sized(wheel("demo", "1.0", mark="evil"))
EVEN = _sized(wheel("even", "1.0", mark="good"))
NEWER = _sized(wheel("demo", "2.0", mark="evil"))
OLDER = wheel("demo", "0.9")
SOURCE = sdist("demo", "1.0", mark="good")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A cache that pip has filled, and an equal one for pip alone."""

    ours: Runner
    make_environment: MakeEnvironment
    folder: Path

    @property
    def index(self) -> Index:
        """Return the index of both."""
        return self.ours.index

    def fill(self, *pins: str) -> None:
        """Have pip download, and so fill its cache."""
        self.ours.pip("download", "--no-deps", "-d", self.folder / "downloads", *pins)

    def entry(self, url: str) -> Path:
        """Return the entry of a URL, which has to be there."""
        found = http_entry(self.ours.cache, url, LAYOUT)
        assert found.exists(), f"pip has cached nothing for {url}"
        return found

    def alter(self, url: str, old: bytes, new: bytes) -> None:
        """Replace bytes of a stored body by as many others."""
        body = body_of(self.entry(url))
        assert len(old) == len(new)
        assert body.read_bytes().count(old) == 1
        body.write_bytes(body.read_bytes().replace(old, new))

    def alone(self, *pins: str | Path, index: bool = True) -> str:
        """Return what pip alone makes of it, twice the same: the mark of what is installed, or `stuck`."""
        home = self.folder / "alone"
        shutil.copytree(self.ours.home, home)
        ends = []
        for _ in range(2):
            twin = replace(self.ours, environment=self.make_environment(), home=home)
            ended = twin.pip("install", "--retries", "0", *pins, check=False, index=index)
            ends.append("stuck" if ended.returncode else twin.environment.module("demo", "MARK"))
        assert ends[0] == ends[1]
        return ends[0]

    def cure(self, *pins: str | Path, lines: int = 1, index: bool = True) -> Told:
        """Run pinstall once, and see that all is well, that nothing is lost, and that a second run starts no pip.

        `lines` is how many lines on standard error tell what left the cache. Nobody is asked for any file but demo's.
        """
        before = entries(self.ours.cache)
        self.index.requests.clear()
        told = pinstall(self.ours, "--retries", "0", *pins, index=index)
        assert told.ended.returncode == 0, told.ended.output
        assert set(told.states.values()) == {"satisfied"}
        assert self.ours.environment.module("demo", "MARK") == "good"
        moved = [line for line in own_lines(told.ended) if "out of pip's cache" in line]
        assert len(moved) == lines, told.ended.stderr
        assert set(before) <= {*entries(self.ours.cache), *on_shelf(self.ours.cache)}, "nothing is lost"
        assert {path for one in told.document["evictions"] for path in one["paths"]} == on_shelf(self.ours.cache)
        assert {request.path[:11] for request in self.index.asked("/files/")} <= {"/files/demo"}
        again = self.again(*pins, index=index)
        assert (again.ended.returncode, again.purposes, self.index.requests) == (0, [], [])
        return told

    def again(self, *pins: str | Path, index: bool = True) -> Told:
        """Run pinstall where no pip can start."""
        self.index.requests.clear()
        lame(self.ours.environment)
        return pinstall(self.ours, *pins, index=index)


def on_shelf(cache: Path) -> set[str]:
    """Return where in the cache the files that lie on the shelf came from."""
    found = set()
    for manifest in cache.glob("pinstall/shelf/*/manifest.json"):
        for one in json.loads(manifest.read_text(encoding="utf-8"))["entries"]:
            there = zip(one["paths"], one["stored"], strict=True)
            found |= {path for path, stored in there if manifest.with_name(stored).exists()}
    return found


@pytest.fixture
def scene(runner: Runner, make_environment: MakeEnvironment, tmp_path: Path) -> Scene:
    return Scene(ours=runner, make_environment=make_environment, folder=tmp_path)


def filled(scene: Scene, archive: Archive) -> str:
    """Have pip cache the artifact and return its URL."""
    url = scene.index.add(archive)
    scene.fill(requirement(archive))
    return url


def pins_of(scene: Scene, archive: Archive, *, hashed: bool) -> list[str | Path]:
    """Return arguments that pin the artifact, by its hash too or not."""
    return ["-r", written(scene.ours, pinned(archive))] if hashed else [requirement(archive)]


def served_by(scene: Scene, index: Index) -> Scene:
    """Return the scene with another index."""
    return replace(scene, ours=replace(scene.ours, index=index))


def tried_again(told: Told) -> bool:
    """Tell whether pip failed and was run once more, which is said."""
    said = [line for line in own_lines(told.ended) if line.startswith("pip failed: trying again")]
    assert told.purposes == ["install"] * (1 + len(said))
    return bool(said)


HASHED = pytest.mark.parametrize("hashed", [False, True], ids=["version", "hash"])


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("archive", "listed", "hashed"),
    [
        (GOOD, False, False),
        (GOOD, False, True),
        (GOOD, True, False),
        (GOOD, True, True),
        (SOURCE, False, False),
        (SOURCE, True, False),
    ],
    ids=["wheel", "wheel-pinned", "wheel-listed", "wheel-listed-pinned", "sdist", "sdist-listed"],
)
def test_a_file_that_is_altered_in_the_cache(scene: Scene, archive: Archive, listed: bool, hashed: bool) -> None:
    url = scene.index.add(archive, hashes=listed)
    scene.fill("demo==1.0")
    scene.alter(url, archive.content, archive.flipped().content)
    pins = pins_of(scene, archive, hashed=hashed)
    assert scene.alone(*pins) == "stuck"
    told = scene.cure(*pins)
    assert not tried_again(told)
    assert len(scene.ours.pinstall("undo").stderr.splitlines()) == 1


@pytest.mark.parametrize("archive", [GOOD, SOURCE], ids=["wheel", "sdist"])
def test_a_file_that_is_cut_off_in_the_cache(scene: Scene, archive: Archive) -> None:
    url = scene.index.add(archive, hashes=False)
    scene.fill("demo==1.0")
    truncate(body_of(scene.entry(url)))
    # older pips see in an entry of one file that it is cut off, newer ones fetch the rest
    stuck = archive is SOURCE and (23, 3) <= RELEASE < (25, 2)
    assert scene.alone("demo==1.0") == ("stuck" if stuck else "good")
    assert not tried_again(scene.cure("demo==1.0"))


@pytest.mark.parametrize("other", [EVEN, NEWER, SOURCE], ids=["project", "version", "kind"])
def test_a_body_that_belongs_to_another_file(scene: Scene, other: Archive) -> None:
    for archive in (GOOD, other):
        scene.index.add(archive, hashes=False)
    scene.fill("demo==1.0", "--only-binary", "demo")
    scene.fill(requirement(other), "--no-binary", "demo") if other is SOURCE else scene.fill(requirement(other))
    body, theirs = (body_of(scene.entry(scene.index.file_url(one.filename))) for one in (GOOD, other))
    shutil.copy2(theirs, body)
    pins = ["demo==1.0", "--only-binary", "demo"]
    # with a metadata file beside it nobody looked into the wheel for its version before 26.2
    silent = other is NEWER and (23, 2) <= RELEASE < (26, 2)
    assert scene.alone(*pins) == ("evil" if silent else "stuck")
    assert not tried_again(scene.cure(*pins))


def test_damaged_headers_are_no_obstacle_for_pip_either(scene: Scene) -> None:
    entry = scene.entry(filled(scene, GOOD))
    damage(entry, offset=0)
    assert scene.alone("demo==1.0") == "good"
    assert not tried_again(scene.cure("demo==1.0"))


@pytest.mark.parametrize("listed", [False, True], ids=["bare index", "index with hashes"])
def test_a_file_that_was_republished_under_its_name(scene: Scene, listed: bool) -> None:
    scene.index.add(EVIL, hashes=listed)
    scene.fill("demo==1.0")
    scene.index.add(GOOD, hashes=listed)
    pins = pins_of(scene, GOOD, hashed=True)
    assert scene.alone(*pins) == "stuck"
    scene.cure(*pins)


def test_a_file_that_was_republished_is_known_by_its_page_once_that_is_stale(scene: Scene) -> None:
    scene.index.page_max_age = 0
    scene.index.add(EVIL)
    scene.fill("demo==1.0")
    scene.index.add(GOOD)
    if RELEASE < (23, 0):  # which takes no hashes from JSON pages
        assert scene.alone("demo==1.0") == "evil"
    else:
        assert scene.alone("demo==1.0") == "stuck"
        assert tried_again(scene.cure("demo==1.0"))


def test_a_good_file_of_the_pinned_version_is_what_a_version_asks_for_republished_or_not(scene: Scene) -> None:
    """A known limit: nothing here says that it is not the right one."""
    scene.index.add(EVIL, hashes=False)
    scene.fill("demo==1.0")
    scene.index.add(GOOD, hashes=False)
    assert scene.alone("demo==1.0") == "evil"
    told = pinstall(scene.ours, "demo==1.0")
    assert (told.ended.returncode, told.evicted) == (0, {})
    assert scene.ours.environment.module("demo", "MARK") == "evil"


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_page_that_hides_a_version_published_since(scene: Scene) -> None:
    for archive in (OLDER, EVEN):
        scene.index.add(archive)
    scene.fill("demo==0.9", "even==1.0")
    scene.index.add(GOOD)
    assert scene.alone("demo==1.0") == ("stuck" if TRUSTS_PAGES else "good")
    told = scene.cure("demo==1.0", "even==1.0", lines=0)
    assert not tried_again(told)
    said = [line for line in own_lines(told.ended) if "does not list demo==1.0" in line]
    words = told.arguments("install")
    if TRUSTS_PAGES:
        assert (len(said), words[: words.index("demo") + 1]) == (1, ["install", "--refresh-package", "demo"])
    else:
        assert (said, "--refresh-package" in words) == ([], False)


def test_only_the_page_that_hides_the_version_is_asked_for_again(scene: Scene) -> None:
    for archive in (OLDER, EVEN):
        scene.index.add(archive)
    scene.fill("demo==0.9", "even==1.0")
    scene.index.add(GOOD)
    scene.index.requests.clear()
    assert pinstall(scene.ours, "demo==1.0", "even==1.0").ended.returncode == 0
    fetched = {one.path for one in scene.index.requests if one.status != HTTPStatus.NOT_MODIFIED}
    assert fetched - {f"/files/{GOOD.filename}.metadata"} == {"/simple/demo/", f"/files/{GOOD.filename}"}


def test_a_page_whose_server_lies_that_nothing_has_changed(scene: Scene) -> None:
    scene.index.add(OLDER)
    scene.fill("demo==0.9")
    scene.index.add(GOOD)
    scene.index.fault(scene.index.page_url("demo"), Fault(not_modified=True))
    assert scene.alone("demo==1.0") == "stuck"
    assert tried_again(scene.cure("demo==1.0"))


class OddIndex(Index):
    """An index whose pages are compressed, or list metadata files without their hashes."""

    zipped = False
    hashless = False

    def reply(self, path: str, accept: str) -> Reply:
        """Return what the index answers, its pages in their own way."""
        reply = super().reply(path, accept)
        if self.hashless and reply.kind == JSON:
            document = json.loads(reply.content)
            for file in document["files"]:
                file["core-metadata"] = file["data-dist-info-metadata"] = True
            reply = replace(reply, content=json.dumps(document).encode())
        if self.zipped and path.startswith("/simple/"):
            content = gzip.compress(reply.content, mtime=0)
            reply = replace(reply, content=content, headers={**reply.headers, "Content-Encoding": "gzip"})
        return reply


@pytest.fixture
def odd() -> Iterator[OddIndex]:
    serving = OddIndex()
    with serving:
        yield serving


@pytest.mark.parametrize("lying", [False, True], ids=["honest", "lying"])
@pytest.mark.parametrize(
    ("as_json", "zipped", "how"),
    [
        (True, False, "cut"),
        (True, False, "garbage"),
        (False, False, "longer"),
        (False, False, "garbage"),
        (True, True, "cut"),
        (False, True, "garbage"),
    ],
    ids=["JSON-cut", "JSON-garbage", "HTML-longer", "HTML-garbage", "gzip-cut", "gzip-garbage"],
)
def test_a_page_that_is_damaged(
    scene: Scene, odd: OddIndex, as_json: bool, zipped: bool, how: str, lying: bool
) -> None:
    odd.json, odd.zipped = as_json, zipped
    odd.add(GOOD)
    scene = served_by(scene, odd)
    scene.fill("demo==1.0")
    url = odd.page_url("demo")
    body = body_of(scene.entry(url))
    content = odd.reply("/simple/demo/", JSON).content
    if how == "garbage":
        scene.alter(url, content, b"x" * len(content))
    else:
        body.write_bytes(body.read_bytes() + b" ") if how == "longer" else truncate(body)
    if lying:
        odd.fault(url, Fault(not_modified=True))
    # where headers and body are one file pip sees that it is cut off
    harmless = (LAYOUT == "http" and how != "garbage") or (how == "longer" and not TRUSTS_PAGES)
    assert scene.alone("demo==1.0") == ("good" if harmless else "stuck")
    told = scene.cure("demo==1.0")
    # HTML is never so wrong that it is none
    assert tried_again(told) == (not as_json and not zipped and how == "garbage")


def test_a_page_that_names_a_file_that_is_gone(scene: Scene) -> None:
    gone = wheel("demo", "1.0", mark="evil", build="1")
    for archive in (OLDER, gone):
        scene.index.add(archive)
    scene.fill("demo==0.9")
    scene.index.remove(gone.filename)
    scene.index.add(wheel("demo", "1.0", mark="good", build="2"))
    assert scene.alone("demo==1.0") == ("stuck" if TRUSTS_PAGES else "good")
    assert tried_again(scene.cure("demo==1.0", lines=TRUSTS_PAGES)) == TRUSTS_PAGES


# --- permanent redirects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("open_", [False, True], ids=["to a closed port", "to an old index"])
def test_a_page_that_was_elsewhere_once(scene: Scene, open_: bool) -> None:
    with Index() as other:
        other.add(OLDER)
        scene.index.fault(scene.index.page_url("demo"), Fault(location=other.page_url("demo")))
        scene.fill("demo==0.9")
        scene.index.faults.clear()
        scene.index.add(GOOD)
        if open_:
            _page_that_was_elsewhere_once(scene)
    if not open_:
        _page_that_was_elsewhere_once(scene)


def _page_that_was_elsewhere_once(scene: Scene) -> None:
    assert scene.alone("demo==1.0") == ("stuck" if TRUSTS_PAGES else "good")
    # pip asks for a page anew without regard to redirects in its cache
    assert not tried_again(scene.cure("demo==1.0", lines=0))


def test_a_page_that_was_elsewhere_once_and_lists_the_version_there(scene: Scene) -> None:
    with Index() as other:
        for archive in (OLDER, GOOD):
            other.add(archive)
        scene.index.fault(scene.index.page_url("demo"), Fault(location=other.page_url("demo")))
        scene.fill("demo==0.9")
    scene.index.faults.clear()
    scene.index.add(GOOD)
    assert scene.alone("demo==1.0") == ("stuck" if TRUSTS_PAGES else "good")
    assert tried_again(scene.cure("demo==1.0", lines=TRUSTS_PAGES)) == TRUSTS_PAGES


@HASHED
@pytest.mark.parametrize("end", ["", pytest.param(".metadata", marks=METADATA)], ids=["file", "metadata"])
def test_a_file_that_was_elsewhere_once(scene: Scene, end: str, hashed: bool) -> None:
    url = scene.index.add(GOOD)
    with Index() as other:
        there = f"{other.add(GOOD)}{end}"
        scene.index.fault(f"{url}{end}", Fault(location=there))
        scene.fill("demo==1.0")
    scene.index.faults.clear()
    body_of(scene.entry(there)).unlink()
    pins = pins_of(scene, GOOD, hashed=hashed)
    used = not (end and hashed)  # pip reads no metadata where hashes are pinned
    assert scene.alone(*pins) == ("stuck" if used else "good")
    assert tried_again(scene.cure(*pins, lines=used)) == used


def test_a_file_that_another_server_once_had(scene: Scene) -> None:
    url = scene.index.add(GOOD, hashes=False)
    with Index() as other:
        scene.index.fault(url, Fault(location=other.add(EVIL)))
        scene.fill("demo==1.0")
        scene.index.faults.clear()
        pins = pins_of(scene, GOOD, hashed=True)
        assert scene.alone(*pins) == "stuck"
        # the wrong file before the first attempt, then what led to it, and the same file once more
        told = pinstall(scene.ours, *pins)
        assert (told.ended.returncode, len(told.document["evictions"]), tried_again(told)) == (0, 3, True)
        assert scene.ours.environment.module("demo", "MARK") == "good"


# --- metadata (PEP 658) ----------------------------------------------------------------------------------------------


@METADATA
@pytest.mark.parametrize("hashless", [False, True], ids=["with a hash", "without"])
def test_metadata_that_is_damaged(scene: Scene, odd: OddIndex, hashless: bool) -> None:
    odd.hashless = hashless
    scene = served_by(scene, odd)
    scene.alter(f"{filled(scene, GOOD)}.metadata", b"Name: demo", b"Name: mode")
    assert scene.alone("demo==1.0") == "stuck"
    assert not tried_again(scene.cure("demo==1.0"))


@METADATA
@pytest.mark.parametrize("hashless", [False, True], ids=["with a hash", "without"])
def test_metadata_that_is_out_of_date(scene: Scene, odd: OddIndex, hashless: bool) -> None:
    odd.hashless, odd.page_max_age = hashless, 0
    scene = served_by(scene, odd)
    url = filled(scene, wheel("demo", "1.0", requires=["absent"]))
    body_of(scene.entry(url)).unlink()
    odd.add(GOOD)
    assert scene.alone("demo==1.0") == "stuck"
    assert tried_again(scene.cure("demo==1.0"))


# --- several, and one among many -------------------------------------------------------------------------------------


def test_several_things_at_once_are_put_right_in_one_run(scene: Scene) -> None:
    late = wheel("demo-late", "1.0")
    moved = wheel("demo-moved", "1.0")
    for archive in (GOOD, SOURCE, OLDER, moved, wheel("demo-late", "0.9")):
        scene.index.add(archive)
    with Index() as other:
        there = other.add(moved)
        scene.index.fault(scene.index.file_url(moved.filename), Fault(location=there))
        scene.fill("demo==1.0", "demo-late==0.9", "demo-moved==1.0")
    scene.index.faults.clear()
    scene.index.add(late)
    scene.index.fault(scene.index.page_url("demo-late"), Fault(not_modified=True))
    body_of(scene.entry(there)).unlink()
    scene.alter(scene.index.file_url(GOOD.filename), GOOD.content, GOOD.flipped().content)
    pins = ("demo==1.0", "demo-late==1.0", "demo-moved==1.0")
    assert scene.alone(*pins) == "stuck"
    assert tried_again(scene.cure(*pins, lines=3))


def test_of_thirty_pins_only_the_one_with_a_bad_entry_is_fetched(scene: Scene) -> None:
    archives = [GOOD, *(wheel(f"project{number}", "1.0") for number in range(29))]
    for archive in archives:
        scene.index.add(archive)
    pins = ["-r", str(written(scene.ours, pinned(*archives)))]
    scene.fill(*pins)
    scene.alter(scene.index.file_url(GOOD.filename), GOOD.content, GOOD.flipped().content)
    told = scene.cure(*pins)
    assert not tried_again(told)
    assert len(told.states) == 30


def test_pages_of_thirty_pins_are_asked_for_where_pip_fails_but_no_file_of_the_others(scene: Scene) -> None:
    archives = [OLDER, *(wheel(f"project{number}", "1.0") for number in range(29))]
    for archive in archives:
        scene.index.add(archive)
    scene.fill(*map(requirement, archives))
    scene.index.add(GOOD)
    scene.index.fault(scene.index.page_url("demo"), Fault(not_modified=True))
    assert tried_again(scene.cure(*map(requirement, (GOOD, *archives[1:]))))


# --- indexes ---------------------------------------------------------------------------------------------------------


def test_a_page_of_one_index_that_lists_the_pin_suffices(scene: Scene) -> None:
    scene.index.add(OLDER)
    with Index() as other:
        other.add(GOOD)
        extra = ["--extra-index-url", other.url]
        scene.fill("demo==1.0", *extra)
        told = scene.cure("demo==1.0", *extra, lines=0)
        assert "--refresh-package" not in told.arguments("install")


def test_an_index_that_is_down_is_no_obstacle_to_asking_the_next(scene: Scene) -> None:
    scene.index.add(OLDER)
    scene.fill("demo==0.9")
    scene.index.add(GOOD)
    scene.index.fault(scene.index.page_url("demo"), Fault(not_modified=True))
    pins = ["--index-url", CLOSED, "--extra-index-url", scene.index.url, "demo==1.0"]
    assert scene.alone(*pins) == "stuck"
    assert tried_again(scene.cure(*pins))


def test_links_of_a_page_to_find_them_on(scene: Scene) -> None:
    places = ["--no-index", "--trusted-host", "127.0.0.1", "--find-links", scene.index.page_url("demo")]
    url = scene.index.add(GOOD, hashes=False)
    scene.ours.pip("download", *places, "-d", "downloads", "demo==1.0", index=False)
    scene.alter(url, GOOD.content, GOOD.flipped().content)
    assert scene.alone(*places, "demo==1.0", index=False) == "stuck"
    assert not tried_again(scene.cure(*places, "demo==1.0", index=False))


def test_an_index_that_a_requirement_file_names(scene: Scene) -> None:
    scene.index.add(OLDER)
    scene.fill("demo==0.9")
    scene.index.add(GOOD)
    scene.index.fault(scene.index.page_url("demo"), Fault(not_modified=True))
    text = f"--index-url {scene.index.url}\n--trusted-host 127.0.0.1\ndemo==1.0\n"
    path = written(scene.ours, text)
    assert scene.alone("-r", path, index=False) == "stuck"
    assert tried_again(scene.cure("-r", path, index=False))


def test_the_password_of_an_index_is_used_and_never_told(scene: Scene) -> None:
    scene.index.credentials = ("me", "swordfish")
    scene.index.add(OLDER)
    scene.fill("demo==0.9")
    scene.index.add(GOOD)
    scene.index.fault(scene.index.page_url("demo"), Fault(not_modified=True))
    told = scene.cure("demo==1.0", "-v")
    assert tried_again(told)
    manifests = [path.read_text(encoding="utf-8") for path in scene.ours.cache.glob("pinstall/shelf/*/manifest.json")]
    assert manifests
    assert "swordfish" not in "".join([told.ended.output, json.dumps(told.document), *manifests])


def test_an_index_that_is_gone_fails_as_with_pip_alone_and_no_later(scene: Scene) -> None:
    with Index() as index:
        index.add(GOOD)
        gone = served_by(scene, index)
        gone.fill("demo==1.0")
        body_of(gone.entry(index.file_url(GOOD.filename))).unlink()
    before = snapshot(scene.ours.cache)
    words = ["--retries", "0", "demo==1.0"]
    ours = pinstall(gone.ours, *words)
    alone = gone.ours.pip("install", *words, check=False)
    assert ours.ended.returncode == alone.returncode != 0
    assert (ours.purposes, ours.evicted) == (["install"], {})
    assert set(before) <= set(entries(scene.ours.cache))


def test_a_file_that_is_broken_on_the_index_fails_after_one_more_attempt_as_with_pip_alone(scene: Scene) -> None:
    url = scene.index.add(GOOD)
    scene.index.fault(url, Fault(content=GOOD.flipped().content))
    assert scene.alone("demo==1.0") == "stuck"
    told = pinstall(scene.ours, "demo==1.0")
    assert tried_again(told)
    assert told.ended.returncode == scene.ours.pip("install", "demo==1.0", check=False).returncode != 0
    assert scene.ours.environment.freeze() == []


# --- other pips, and what the user wants -----------------------------------------------------------------------------


@pytest.mark.skipif(LAYOUT == "http", reason="only a newer pip has left another layout behind")
def test_what_an_older_pip_has_left_behind_in_its_own_layout_is_in_nobodys_way(scene: Scene) -> None:
    older = replace(scene.ours, environment=scene.make_environment("23.2.1"))
    url = scene.index.add(OLDER, hashes=False)
    older.pip("download", "-d", "downloads", "demo==0.9")
    damage(http_entry(older.cache, url, "http"))
    damage(http_entry(older.cache, scene.index.page_url("demo"), "http"))
    scene.index.add(GOOD, hashes=False)
    told = scene.cure("demo==1.0", lines=0)
    assert "--refresh-package" not in told.arguments("install")


def test_where_nothing_may_leave_the_cache_pip_has_its_say(scene: Scene) -> None:
    scene.alter(filled(scene, GOOD), GOOD.content, GOOD.flipped().content)
    before = entries(scene.ours.cache)
    assert scene.alone("demo==1.0") == "stuck"
    told = pinstall(scene.ours, "demo==1.0", "--pin", "evict=never")
    assert (tried_again(told), told.evicted) == (False, {})
    assert told.ended.returncode == scene.ours.pip("install", "demo==1.0", check=False).returncode != 0
    assert set(before) <= set(entries(scene.ours.cache))
    assert on_shelf(scene.ours.cache) == set()


def test_quiet_is_quiet(scene: Scene) -> None:
    scene.alter(filled(scene, GOOD), GOOD.content, GOOD.flipped().content)
    ended = scene.ours.pinstall("-q", "demo==1.0")
    assert (ended.returncode, ended.output) == (0, "")
    assert scene.ours.environment.module("demo", "MARK") == "good"


@pytest.mark.parametrize("late", [False, True], ids=["seen at once", "seen past the cache"])
def test_a_cache_that_nothing_can_leave_is_passed_over(scene: Scene, late: bool) -> None:
    if late:
        scene.index.add(OLDER)
        scene.fill("demo==0.9")
        scene.index.add(GOOD)
        scene.index.fault(scene.index.page_url("demo"), Fault(not_modified=True))
    else:
        scene.alter(filled(scene, GOOD), GOOD.content, GOOD.flipped().content)
    (scene.ours.cache / "pinstall").write_bytes(b"")  # no shelf can be made
    before = entries(scene.ours.cache)
    told = pinstall(scene.ours, "demo==1.0")
    assert told.ended.returncode == 0, told.ended.output
    assert scene.ours.environment.module("demo", "MARK") == "good"
    words = [command["arguments"][:2] for command in told.document["commands"]]
    assert [one == ["install", "--no-cache-dir"] for one in words] == ([False, True] if late else [True])
    (line,) = (line for line in own_lines(told.ended) if line.startswith("pip runs without its cache: "))
    assert f"it cannot be moved (`{scene.ours.cache}/pinstall" in line
    assert entries(scene.ours.cache) == before
    assert on_shelf(scene.ours.cache) == set()
