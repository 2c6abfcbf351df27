"""Fuzz the targets one after the other: `python -m tests.fuzz SECONDS [TARGET ...]`, seconds for each.

With atheris, which follows the branches that the bytes take; where it is not installed, with hypothesis. Each input
may take five seconds and a process one GiB. What fails is left in
`.hypothesis/fuzz/`, and belongs into `tests/fuzz/findings.py`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

LEFT: Final = Path(".hypothesis", "fuzz")
LONGEST: Final = 1 << 16
"""Bytes of an input."""
SLOWEST: Final = 5
"""Seconds that an input may take, with all the counting of branches."""
MEMORY: Final = 1024
"""MiB that a process may take."""


def main(words: list[str]) -> int:
    """Run each target in a process of its own, and print how many inputs it was given."""
    if words[:1] == ["--only"]:
        return only(words[1], words[2:])
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - where it is fuzzed, it is imported in another way

    seconds = int(words[0]) if words else 600
    found = 0
    for name in words[1:] or TARGETS:
        argv = [sys.executable, "-m", "tests.fuzz", "--only", name, str(seconds)]
        ended = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = ended.stdout.decode(errors="replace")
        inputs = re.findall(r"(?:Done|number_of_executed_units:) +(\d+)", said)
        print(
            f"{name:18} {int(inputs[-1]) if inputs else 0:>10} inputs  {ended.returncode or 'no finding'}", flush=True
        )
        if ended.returncode:
            found += 1
            print("\n".join(said.splitlines()[-40:]), flush=True)
    return min(found, 1)


def only(name: str, rest: list[str]) -> int:
    """Fuzz one target in this process."""
    with_atheris = importlib.util.find_spec("atheris") is not None
    return (_atheris if with_atheris else _hypothesis)(name, int(rest[0]))


def _atheris(name: str, seconds: int) -> int:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["pinstall", "packaging", "elftools", "zipfile", "html", "configparser"]):
        from tests.fuzz.seeds import SEEDS, WORDS  # noqa: PLC0415 - instrumented
        from tests.fuzz.tried import tried  # noqa: PLC0415 - the same
    LEFT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(SEEDS[name]):
            (corpus / f"seed{number}").write_bytes(seed)
        words = Path(folder, "words")
        escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in WORDS if len(word) <= 64)
        words.write_text("".join(f'"{word}"\n' for word in escaped), encoding="utf-8")
        limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}"]
        options = [*limits, f"-dict={words}", f"-artifact_prefix={LEFT}/{name}-", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda content: tried(name, content))
        atheris.Fuzz()
    return 0


def _hypothesis(name: str, seconds: int) -> int:
    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415 - the other way needs none of it

    from tests.fuzz.tried import mutants, tried  # noqa: PLC0415 - the same

    number = 0
    end = time.monotonic() + seconds

    @settings(max_examples=2_000, database=None, deadline=SLOWEST * 1000, suppress_health_check=list(HealthCheck))
    @given(mutants(name))
    def attempt(content: bytes) -> None:
        nonlocal number
        if time.monotonic() < end:
            number += 1
            tried(name, content)

    while time.monotonic() < end:
        attempt()
    print(f"Done {number}")
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
    os._exit(1)
