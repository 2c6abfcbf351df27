"""Many installs by eight workers on one cache, ended at random, beside plain pip and somebody who purges it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.processes import TIMEOUT, sealed
from tests.support.runner import Runner, beside
from tests.support.scenes import RELEASE, cached, entry
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import MakeEnvironment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(RELEASE < (24, 0), reason="one recent pip will do: the load is on what pinstall does"),
]
INSTALLS: Final = int(os.environ.get("PINSTALL_TEST_INSTALLS", "24"))
SEED: Final = int(os.environ.get("PINSTALL_TEST_SEED", time.time_ns() % 1_000_000))
WORKERS: Final = 8
VERSIONS: Final = ("1.0", "2.0", "3.0")
NAMES: Final = ("demo", "other")
FAULTS: Final = {"none": 5, "SIGKILL": 2, "SIGKILL to pinstall alone": 1, "SIGTERM": 1, "SIGINT": 1}
"""How a run is ended, and how often among so many."""
UNTIL: Final = 5.0
"""Seconds, up to which a run is ended; eight at once take longer than one."""


@dataclass(kw_only=True)
class Seen:
    """What has ever lain in the cache, by digest, and what purges said that they took."""

    cache: Path
    places: defaultdict[str, set[Path]] = field(default_factory=lambda: defaultdict(set))
    purged: set[Path] = field(default_factory=set)
    digests: dict[tuple[Path, int, int], str] = field(default_factory=dict)

    def look(self) -> set[str]:
        """Take note of every wheel, and of what says where it came from, in the cache and on the shelf."""
        found = set()
        # not by `Path.glob`, which fails where a folder goes in this moment
        walked = (os.walk(self.cache / folder) for folder in ("wheels", "pinstall/shelf"))
        for folder, _, names in itertools.chain.from_iterable(walked):
            for name in names if not Path(folder).name.startswith("tmp") else ():  # in which pip is just building
                if name.endswith((".whl", "origin.json")):
                    with contextlib.suppress(OSError):  # moved on in this moment
                        found.add(self._digest(Path(folder, name)))
        return found

    def _digest(self, path: Path) -> str:
        status = path.stat()
        key = (path, status.st_ino, status.st_mtime_ns)
        if key not in self.digests:
            self.digests[key] = hashlib.sha256(path.read_bytes()).hexdigest()
            self.places[self.digests[key]].add(path)
        return self.digests[key]

    def lost(self) -> list[set[Path]]:
        """Return the places of each file that is nowhere now, and was neither purged nor written anew by pip."""
        left = self.look()
        gone = [places for digest, places in self.places.items() if digest not in left]
        return [places for places in gone if not any(self._is_excused(path) for path in places)]

    def _is_excused(self, path: Path) -> bool:
        # of a folder without wheels pip tells that it is removed, and not what was in it
        return not self.purged.isdisjoint((path, path.parent)) or ("wheels" in path.parts and path.exists())


@dataclass(kw_only=True)
class Load:
    """One load: eight runners with environments of their own on one cache, and what became of their runs."""

    runners: list[Runner]
    plain: Runner
    seen: Seen
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(INSTALLS)))
    over: threading.Event = field(default_factory=threading.Event)

    def work(self, runner: Runner) -> None:
        """Run pinstall, again and again, until all have had their share."""
        for number in self.numbers:
            dice = random.Random(SEED * 1000 + number)
            pins = {name: dice.choice(VERSIONS) for name in NAMES[: dice.randint(1, 2)]}
            fault = dice.choices(list(FAULTS), list(FAULTS.values()))[0]
            code, said = self._run(runner, pins, fault, dice.uniform(0, UNTIL))
            self._judge(runner, pins, code, f"{number}, {fault}: exit code {code} for {pins}\n{said}")

    def _run(self, runner: Runner, pins: dict[str, str], fault: str, after: float) -> tuple[int, str]:
        words = [f"{name}=={version}" for name, version in pins.items()]
        argv = [*beside(), "--python", str(runner.environment.python), *runner.index_options, "-v", *words]
        with subprocess.Popen(
            argv, env=sealed(runner.home), cwd=runner.home, stdout=-1, stderr=-2, start_new_session=True, text=True
        ) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(after if fault != "none" else TIMEOUT)
            if process.poll() is None:
                self.counts[fault if fault != "none" else "hung"] += 1
                send = os.kill if fault in {"SIGKILL to pinstall alone", "SIGTERM"} else os.killpg
                send(process.pid, signal.Signals[fault.partition(" ")[0]] if fault != "none" else signal.SIGKILL)
            said, _ = process.communicate(timeout=TIMEOUT)  # ends when its pip has ended, too
        return process.returncode, said

    def _judge(self, runner: Runner, pins: dict[str, str], code: int, told: str) -> None:
        self.counts["installs"] += 1
        self.counts["left in place"] += told.count("another run is using it")
        self.counts["evicted"] += told.count("\npinstall: moved ")
        if code == 0:
            self.counts["held"] += 1
            self.wrong += [told for name, version in pins.items() if version_of(runner, name) != version]
        elif code > 0 and "SIG" not in told.partition(":")[0]:
            self.counts["pip failed"] += 1
            print(told)
        if code in {65, 70} or "fault of pinstall" in told:  # where pip is interrupted it shows where
            self.wrong.append(told)

    def disturb(self) -> None:
        """Install with plain pip on the same cache, spoil it, and purge it now and then."""
        dice = random.Random(SEED)
        for number in itertools.takewhile(lambda _: not self.over.is_set(), itertools.count(1)):
            self.counts["plain pips"] += 1
            ended = self.plain.pip("install", "--force-reinstall", f"demo=={dice.choice(VERSIONS)}", check=False)
            self.counts["plain pips that failed"] += ended.returncode != 0
            self._spoil(dice.choice(NAMES), dice.choice(VERSIONS), number)
            if number % 5 == 0:
                ended = self.plain.pip("cache", "purge", "-v", check=False)
                self.seen.purged |= {Path(path) for path in re.findall(r"Removed (/\S+)", ended.output)}
                self.counts["purges"] += 1

    def _spoil(self, name: str, version: str, number: int) -> None:
        """Put a damaged wheel beside those that pip has built."""
        damaged = wheel(name, version, mark=str(number)).truncated()
        folder = entry(self.plain, sdist(name, version, delay=0.1))
        part = self.plain.home / "part"
        part.write_bytes(damaged.content)
        folder.mkdir(parents=True, exist_ok=True)
        part.rename(folder / f"{name}-{version}-{number}-py3-none-any.whl")
        self.counts["spoilt"] += 1

    def watch(self) -> None:
        """Look into the cache ten times a second."""
        while not self.over.wait(0.1):
            self.seen.look()


def version_of(runner: Runner, name: str) -> str:
    """Return what is importable, without an interpreter's start."""
    text = (runner.environment.site_packages / f"{name}.py").read_text(encoding="utf-8")
    return "".join(re.findall(r"^__version__ = '(.*)'$", text, re.MULTILINE))


@pytest.fixture
def load(runner: Runner, make_environment: MakeEnvironment) -> Load:
    """Return a load on a cache that has something good and something wrong to begin with."""
    for name, version in itertools.product(NAMES, VERSIONS):
        source = sdist(name, version, delay=0.1)
        runner.index.add(source)
        built = wheel(name, version, mark="cached")
        cached(runner, source, built.truncated() if version == "3.0" else built)
    runners = [Runner(environment=make_environment(), home=runner.home, index=runner.index) for _ in range(WORKERS)]
    return Load(runners=runners, plain=runner, seen=Seen(cache=runner.cache))


def test_under_load_nothing_is_lost_and_nothing_is_wrong(
    load: Load, record_property: Callable[[str, object], None]
) -> None:
    print(f"PINSTALL_TEST_SEED={SEED} PINSTALL_TEST_INSTALLS={INSTALLS}")
    load.seen.look()
    lock = threading.Lock()
    numbers = load.numbers
    load.numbers = iter(lambda: next_of(numbers, lock), None)
    started = time.monotonic()
    beside_them = [threading.Thread(target=one) for one in (load.disturb, load.watch)]
    for thread in beside_them:
        thread.start()
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(load.work, load.runners))
    finally:
        load.over.set()
        for thread in beside_them:
            thread.join()
    figures = {**load.counts, "seconds": round(time.monotonic() - started), "seed": SEED, "workers": WORKERS}
    figures["files watched"] = len(load.seen.places)
    print(figures)
    for name, number in figures.items():
        record_property(name, number)
    assert not load.wrong, "\n\n".join(load.wrong)
    assert not load.counts["hung"]
    for number, runner in enumerate(load.runners):
        assert_well(runner, VERSIONS[number % 3])
    assert not load.seen.lost()


def next_of(numbers: Iterator[int], lock: threading.Lock) -> int | None:
    with lock:
        return next(numbers, None)


def assert_well(runner: Runner, version: str) -> None:
    """See that a last run which nobody disturbs ends with what is pinned."""
    words = [f"{name}=={version}" for name in NAMES]
    ended = runner.pinstall(*words)
    assert ended.returncode == 0, ended.output
    assert [version_of(runner, name) for name in NAMES] == [version, version]
    for name in NAMES:  # what a killed pip has put aside, as `~emo-1.0.dist-info`, pip passes over
        (metadata,) = runner.environment.site_packages.glob(f"{name}-*.dist-info")
        assert metadata.name == f"{name}-{version}.dist-info"
    assert "2 pins satisfied" in runner.pinstall("check", *words).stderr
    ledger = runner.environment.site_packages / ".pinstall" / "ledger.json"
    assert json.loads(ledger.read_text(encoding="utf-8"))["schema"] == 1
