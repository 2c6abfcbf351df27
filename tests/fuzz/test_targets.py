"""No bytes make a reader raise, write, start anything, or take long: a quick look, and all that was ever found."""

from __future__ import annotations

import resource
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.findings import FINDINGS
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.fuzz.tried import mutants, tried

SLOWEST = 5.0
"""Seconds of CPU time: what was found took minutes, and takes next to nothing now."""
MEMORY = 256
"""MiB that are enough for all: 64 of a page, and Python's own."""


def test_every_target_has_material() -> None:
    assert SEEDS.keys() == TARGETS.keys()
    assert sys.platform != "linux" or all(seed[:4] == b"\x7fELF" and len(seed) > 1000 for seed in SEEDS["elf"])


@pytest.mark.parametrize("name", TARGETS)
def test_altered_material_is_read_or_refused(name: str) -> None:
    for seed in SEEDS[name]:
        tried(name, seed)

    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(st.one_of(mutants(name), st.binary(max_size=200)))
    def attempt(content: bytes) -> None:
        tried(name, content)

    attempt()


@pytest.mark.parametrize("finding", FINDINGS)
def test_what_was_found_is_mended(finding: str) -> None:
    name, make = FINDINGS[finding]
    content = make()
    started, before = time.process_time(), peak()
    tried(name, content)
    assert time.process_time() - started < SLOWEST
    assert peak() - before < MEMORY


def peak() -> int:
    """Return the most MiB that this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
