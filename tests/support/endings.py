"""How commands end: the situations whose printed lines the page of messages shows, and a test compares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.index import Fault
from tests.support.pages import JSON
from tests.support.scenes import cached, pinned, place, proven, written
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.processes import Completed
    from tests.support.runner import Runner

AA, BB = wheel("aa", "1.0"), wheel("bb", "1.0")
OTHER = wheel("aa", "1.0", modules={"aa.py": "x = 1"})
REQUIREMENTS = ("-r", "requirements.txt")
CLOSED = "http://127.0.0.1:9/simple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One way in which a command ends: what was so before, the words after `pinstall`, and the exit code.

    Of the index only what `index` says is added; `variables` are those of the command.
    """

    title: str
    scene: Callable[[Runner], object]
    words: tuple[str, ...]
    code: int
    index: bool = True
    target: bool = True
    variables: tuple[tuple[str, str], ...] = ()


def _file(text: str) -> Callable[[Runner], object]:
    return lambda runner: written(runner, text)


def _all(*steps: Callable[[Runner], object]) -> Callable[[Runner], object]:
    def scene(runner: Runner) -> None:
        for step in steps:
            step(runner)

    return scene


def _offer(*archives: object, **how: object) -> Callable[[Runner], object]:
    def scene(runner: Runner) -> None:
        for archive in archives:
            runner.index.add(archive, **how)  # type: ignore[arg-type]

    return scene


def _placed(*archives: object) -> Callable[[Runner], object]:
    return lambda runner: place(runner.environment, *archives)  # type: ignore[arg-type]


def _proven(*archives: object) -> Callable[[Runner], object]:
    return lambda runner: proven(runner.environment, *archives)  # type: ignore[arg-type]


def _site(name: str, content: str | None) -> Callable[[Runner], object]:
    """Change a file of the environment, or delete it."""

    def scene(runner: Runner) -> None:
        path = runner.environment.site_packages / name
        if content is None:
            path.unlink()
        else:
            path.write_text(content, encoding="utf-8")

    return scene


def _nothing(_: Runner) -> None: ...


def _cached(runner: Runner) -> None:
    source = sdist("aa", "1.0")
    cached(runner, source, AA)


def _corrupt(runner: Runner) -> None:
    cached(runner, sdist("aa", "1.0"), AA.flipped())


SATISFIED = _all(_offer(AA, BB), _placed(AA, BB), _file("aa==1.0\nbb==1.0\n"))
HASHED = _all(_offer(AA), _file(pinned(AA)))
NEEDY = wheel("needy", "1.0", requires=["aa<1"])

ENDINGS: dict[str, tuple[Ending, ...]] = {
    "install": (
        Ending(title="Every pin is satisfied already", scene=SATISFIED, words=REQUIREMENTS, code=0),
        Ending(
            title="pip installs what is missing",
            scene=_all(_offer(AA, BB), _placed(BB), _file("aa==1.0\nbb==1.0\n")),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(
            title="Another version is installed",
            scene=_all(_offer(AA), _placed(wheel("aa", "0.9")), _file("aa==1.0\n")),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(
            title="A file was modified",
            scene=_all(SATISFIED, _site("aa.py", "edited = True\n")),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(title="A file is missing", scene=_all(SATISFIED, _site("aa.py", None)), words=REQUIREMENTS, code=0),
        Ending(
            title="The metadata of a package is damaged",
            scene=_all(SATISFIED, _site("aa-1.0.dist-info/METADATA", "")),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(
            title="The hash of what is installed is not verified",
            scene=_all(HASHED, _placed(OTHER)),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(
            title="Another artifact of the same version is installed",
            scene=_all(HASHED, _proven(OTHER)),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(
            title="Another local version is installed",
            scene=_all(_offer(wheel("aa", "1.0+cu113")), _placed(wheel("aa", "1.0+cpu")), _file("aa==1.0+cu113\n")),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(
            title="A dependency is not pinned",
            scene=_all(_offer(wheel("cc", "1.0", requires=["aa"]), AA), _file("cc==1.0\n")),
            words=REQUIREMENTS,
            code=0,
        ),
        Ending(
            title="A dry run",
            scene=_all(_offer(AA), _file("aa==1.0\n")),
            words=("--dry-run", *REQUIREMENTS),
            code=0,
        ),
        Ending(
            title="pip installs into a folder",
            scene=_all(_offer(AA), _file("aa==1.0\n")),
            words=("--target", "here", *REQUIREMENTS),
            code=0,
        ),
        Ending(
            title="A requirement is not pinned",
            scene=_all(_offer(AA, wheel("aa", "1.1")), _file("aa>=1\nbb==1.0\n")),
            words=REQUIREMENTS,
            code=65,
        ),
        Ending(title="A word of the command line is not pinned", scene=_offer(AA), words=("aa",), code=65),
        Ending(
            title="An unpinned requirement is accepted with a warning",
            scene=_all(_offer(AA), _file("aa>=1\n")),
            words=("--pin", "unpinned=warn", *REQUIREMENTS),
            code=0,
        ),
        Ending(title="The word is a command of other tools", scene=_nothing, words=("doctor",), code=64),
        Ending(title="The word is nearly a command", scene=_nothing, words=("chekc",), code=64),
        Ending(title="The word is a command of pip", scene=_nothing, words=("freeze",), code=64),
        Ending(title="`pip install` was kept", scene=_nothing, words=("pip", "install", "aa==1.0"), code=64),
        Ending(title="A file without `-r`", scene=_file("aa==1.0\n"), words=("requirements.txt",), code=64),
        Ending(
            title="An option is mistyped",
            scene=_all(_offer(AA), _file("aa==1.0\n")),
            words=("--requirment", "requirements.txt"),
            code=2,
        ),
        Ending(
            title="A requirement file is missing",
            scene=_file("aa==1.0\n"),
            words=("-r", "requirments.txt"),
            code=1,
        ),
        Ending(
            title="A file that another one names is missing",
            scene=_file("aa==1.0\n-r more.txt\n"),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(title="A line is not a requirement", scene=_file("aa==1.0\n!!\n"), words=REQUIREMENTS, code=1),
        Ending(title="Two lines contradict each other", scene=_file("aa==1.0\naa==2.0\n"), words=REQUIREMENTS, code=1),
        Ending(title="A hash is malformed", scene=_file("aa==1.0 --hash=sha256:abc\n"), words=REQUIREMENTS, code=1),
        Ending(
            title="A pin contradicts what another one needs",
            scene=_all(_offer(AA, NEEDY), _file("aa==1.0\nneedy==1.0\n")),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(
            title="No index answers",
            scene=_file("aa==1.0\n"),
            words=("--index-url", CLOSED, "--retries", "0", *REQUIREMENTS),
            code=1,
            index=False,
        ),
        Ending(
            title="The name of the index does not resolve",
            scene=_file("aa==1.0\n"),
            words=("--index-url", "http://index.invalid/simple", "--retries", "0", *REQUIREMENTS),
            code=1,
            index=False,
        ),
        Ending(
            title="The index demands a login",
            scene=_all(_file("aa==1.0\n"), lambda runner: runner.index.fault("/simple/aa/", Fault(status=401))),
            words=("--no-input", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="The index fails",
            scene=_all(_file("aa==1.0\n"), lambda runner: runner.index.fault("/simple/aa/", Fault(status=503))),
            words=("--retries", "0", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="The page of the project is damaged",
            scene=_all(
                _offer(AA),
                _file("aa==1.0\n"),
                lambda runner: runner.index.fault("/simple/aa/", Fault(content=b'{"files": ', kind=JSON)),
            ),
            words=REQUIREMENTS,
            code=2,
        ),
        Ending(
            title="No index has the project",
            scene=_all(_placed(wheel("requests", "1.0")), _file("reqeusts==1.0\n")),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(
            title="No index has the version",
            scene=_all(_offer(AA, wheel("aa", "1.2")), _file("aa==1.1\n")),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(
            title="The version needs another Python",
            scene=_all(
                _offer(wheel("aa", "1.1", metadata={"Requires-Python": ">=4"}), requires_python=">=4"),
                _file("aa==1.1\n"),
            ),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(
            title="The version has wheels for other platforms only",
            scene=_all(_offer(wheel("aa", "1.1", tag="cp311-cp311-win_amd64")), _file("aa==1.1\n")),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(
            title="The hash is of none of the files",
            scene=_all(_offer(OTHER), _file(pinned(AA))),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(
            title="A build fails",
            scene=_all(_offer(sdist("aa", "1.0", fail=True)), _file("aa==1.0\n")),
            words=REQUIREMENTS,
            code=1,
        ),
        Ending(
            title="The hash is not verified and may not be reinstalled",
            scene=_all(HASHED, _placed(OTHER)),
            words=("--pin", "unproven=refuse", *REQUIREMENTS),
            code=65,
        ),
        Ending(
            title="Dependencies have to be pinned",
            scene=_all(_offer(wheel("cc", "1.0", requires=["aa"]), AA), _file("cc==1.0\n")),
            words=("--pin", "closure=refuse", *REQUIREMENTS),
            code=65,
        ),
        Ending(title="There is no such setting", scene=_nothing, words=("--pin", "closur=refuse", "aa==1.0"), code=64),
        Ending(title="A setting has no such value", scene=_nothing, words=("--pin", "closure=no", "aa==1.0"), code=64),
        Ending(
            title="A variable is nearly a setting",
            scene=_nothing,
            words=("aa==1.0",),
            code=64,
            variables=(("PINSTALL_CLOSUR", "refuse"),),
        ),
        Ending(
            title="The report has no folder",
            scene=_nothing,
            words=("--pin", "report=no/report.json", "aa==1.0"),
            code=64,
        ),
        Ending(
            title="There is no such interpreter",
            scene=_nothing,
            words=("--python", "no/python", "aa==1.0"),
            code=1,
        ),
    ),
    "check": (
        Ending(title="Every pin is satisfied", scene=SATISFIED, words=("check", *REQUIREMENTS), code=0),
        Ending(title="A pin is not installed", scene=_file("aa==1.0\n"), words=("check", *REQUIREMENTS), code=1),
        Ending(
            title="Another version is installed",
            scene=_all(_placed(wheel("aa", "0.9")), _file("aa==1.0\n")),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="A file was modified",
            scene=_all(SATISFIED, _site("aa.py", "edited = True\n")),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="A file is missing",
            scene=_all(SATISFIED, _site("aa.py", None)),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="The metadata of a package is damaged",
            scene=_all(SATISFIED, _site("aa-1.0.dist-info/METADATA", "")),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="The hash of what is installed is not verified",
            scene=_all(HASHED, _placed(OTHER)),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="Another artifact of the same version is installed",
            scene=_all(HASHED, _proven(OTHER)),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="Another local version is installed",
            scene=_all(_placed(wheel("aa", "1.0+cpu")), _file("aa==1.0+cu113\n")),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="A requirement is not pinned",
            scene=_all(_placed(AA), _file("aa>=1\n")),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="A dependency is missing",
            scene=_all(_placed(wheel("cc", "1.0", requires=["aa"])), _file("cc==1.0\n")),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="Two lines contradict each other",
            scene=_file("aa==1.0\naa==2.0\n"),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="A pin contradicts what another one needs",
            scene=_all(_placed(AA, NEEDY), _file("aa==1.0\nneedy==1.0\n")),
            words=("check", *REQUIREMENTS),
            code=1,
        ),
        Ending(
            title="A line is not a requirement", scene=_file("aa==1.0\n!!\n"), words=("check", *REQUIREMENTS), code=1
        ),
        Ending(
            title="A requirement file is missing",
            scene=_file("aa==1.0\n"),
            words=("check", "-r", "requirments.txt"),
            code=64,
        ),
        Ending(
            title="An option is mistyped",
            scene=_file("aa==1.0\n"),
            words=("check", "--requirment", "requirements.txt"),
            code=64,
        ),
        Ending(
            title="There is no such format",
            scene=_file("aa==1.0\n"),
            words=("check", "--format", "xml", *REQUIREMENTS),
            code=64,
        ),
        Ending(
            title="Each line of a file is a pin",
            scene=_file("aa==1.0\n"),
            words=("check", "--pinned", "requirements.txt"),
            code=0,
            index=False,
            target=False,
        ),
        Ending(
            title="Lines of a file are not pins",
            scene=_file("aa\nbb>=1\n"),
            words=("check", "--pinned", "requirements.txt"),
            code=1,
            index=False,
            target=False,
        ),
        Ending(
            title="No file is named", scene=_nothing, words=("check", "--pinned"), code=64, index=False, target=False
        ),
        Ending(
            title="The file is missing",
            scene=_file("aa==1.0\n"),
            words=("check", "--pinned", "requirments.txt"),
            code=64,
            index=False,
            target=False,
        ),
    ),
    "why": (
        Ending(title="The project is pinned", scene=SATISFIED, words=("why", "aa", *REQUIREMENTS), code=0),
        Ending(
            title="The pin is not satisfied",
            scene=_all(_placed(wheel("aa", "0.9")), _file("aa==1.0\n")),
            words=("why", "aa", *REQUIREMENTS),
            code=0,
        ),
        Ending(title="Nothing is known", scene=_file("aa==1.0\n"), words=("why", "zz", *REQUIREMENTS), code=1),
        Ending(title="No project is named", scene=_file("aa==1.0\n"), words=("why", *REQUIREMENTS), code=64),
    ),
    "cache and undo": (
        Ending(title="Where the cache is", scene=_cached, words=("cache",), code=0),
        Ending(title="What it holds", scene=_cached, words=("cache", "list"), code=0),
        Ending(title="No entry matches", scene=_cached, words=("cache", "list", "zz"), code=1),
        Ending(title="Every entry is right", scene=_cached, words=("cache", "verify"), code=0),
        Ending(title="An entry is corrupt", scene=_corrupt, words=("cache", "verify"), code=1),
        Ending(title="A corrupt entry leaves the cache", scene=_corrupt, words=("cache", "verify", "--evict"), code=1),
        Ending(title="An entry leaves the cache", scene=_cached, words=("cache", "evict", "aa"), code=0),
        Ending(title="The shelf is empty", scene=_cached, words=("cache", "shelf"), code=0),
        Ending(title="The action is mistyped", scene=_cached, words=("cache", "lst"), code=64),
        Ending(
            title="The cache is off",
            scene=_cached,
            words=("cache", "list"),
            code=1,
            variables=(("PIP_NO_CACHE_DIR", "1"),),
        ),
        Ending(title="Nothing can be put back", scene=_cached, words=("undo",), code=1),
    ),
    "lock": (
        Ending(
            title="A lock is written",
            scene=_all(_offer(AA, BB), _file("aa\nbb\n")),
            words=("lock", *REQUIREMENTS, "-o", "lock.txt"),
            code=0,
        ),
        Ending(
            title="The lock is not up to date",
            scene=_all(_offer(AA), _file("aa\n"), lambda runner: written(runner, "", "lock.txt")),
            words=("lock", "--check", *REQUIREMENTS, "-o", "lock.txt"),
            code=1,
        ),
        Ending(
            title="The input is missing",
            scene=_file("aa\n"),
            words=("lock", "-r", "requirments.txt"),
            code=64,
        ),
        Ending(
            title="The file is not a lock",
            scene=_all(_offer(AA), _file("aa\n"), lambda runner: written(runner, "my notes\n", "notes.txt")),
            words=("lock", *REQUIREMENTS, "-o", "notes.txt"),
            code=66,
        ),
        Ending(title="No index has the project", scene=_file("zz\n"), words=("lock", *REQUIREMENTS), code=1),
        Ending(
            title="No index answers",
            scene=_file("aa\n"),
            words=("lock", "--index-url", CLOSED, "--retries", "0", *REQUIREMENTS),
            code=1,
            index=False,
        ),
        Ending(title="An option is mistyped", scene=_file("aa\n"), words=("lock", "--upgrad", *REQUIREMENTS), code=64),
    ),
    "help": (Ending(title="There is no such topic", scene=_nothing, words=("help", "chekc"), code=64),),
}


def lines(runner: Runner, ended: Completed) -> list[str]:
    """Return what pinstall printed, without what differs between two machines: places, hashes, times, versions."""
    of_pip = bool(re.match(r"pinstall: (installing into|running the pip of)", ended.stderr))
    printed = [] if of_pip else ended.stdout.splitlines()
    text = "\n".join((*printed, *(line for line in ended.stderr.splitlines() if line.startswith("pinstall: "))))
    for place_, name in (
        (str(runner.environment.root), "VENV"),
        (str(runner.home), "HOME"),
        (runner.index.url.rstrip("/"), "http://INDEX/simple"),
        (runner.index.url.split("/simple")[0], "http://INDEX"),
    ):
        text = text.replace(place_, name)
    for pattern, name in _VARYING:
        text = re.sub(pattern, name, text)
    return text.splitlines()


_VARYING = (
    (r"sha256:[0-9a-f]{16,}", "sha256:..."),
    (r"in \d+\.\d s", "in 0.4 s"),
    (r"Python 3\.\d+", "Python 3.11"),
    (r"python3\.\d+", "python3.11"),
    (r"\b\d+ (bytes|KiB)", r"9 \1"),
    (r"(wheels|http-v2|http)/[0-9a-f/]+/", r"\1/.../"),
)
