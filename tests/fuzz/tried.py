"""Give bytes to a target, and look that it only reads."""

from __future__ import annotations

import functools
import tempfile
import warnings
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS, WORDS
from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import reading_only

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def tried(name: str, content: bytes) -> None:
    """Read the bytes as the target does: nothing is raised, written or started."""
    read = TARGETS[name](content, _folder(name).name)
    with reading_only(), warnings.catch_warnings():
        # packaging compiles the strings of a marker, and Python warns of what is quoted oddly there
        warnings.simplefilter("ignore")
        read()


@functools.cache
def _folder(name: str) -> tempfile.TemporaryDirectory[str]:
    """Return where a target puts its files, over those that it has put there before."""
    return tempfile.TemporaryDirectory(prefix=f"{name}-")


def mutants(name: str) -> SearchStrategy[bytes]:
    """Return the target's seeds with parts of them replaced by words of its format, or by anything."""
    edits = st.tuples(st.floats(0, 1), st.integers(0, 12), st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)))
    return st.builds(_edited, st.sampled_from(SEEDS[name]), st.lists(edits, max_size=6))


def _edited(seed: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for place, length, word in edits:
        start = int(place * len(seed))
        seed = seed[:start] + word + seed[start + length :]
    return seed
