"""Describe the CPU of this machine, and compare it with the one for which a wheel was built.

May not: know where a description is kept, decide what follows from a difference.
"""

from __future__ import annotations

import itertools
import platform
import re
from contextlib import suppress
from typing import Final

BUILD_FILES: Final = (
    *("CMakeLists.txt", "Makefile", "build.rs", "config.toml", "meson.build"),
    *("pyproject.toml", "setup.cfg", "setup.py"),
)
"""The files of a source archive that say which flags a compiler gets."""
_NATIVE: Final = re.compile(r"^[^#\n]*(-m(arch|cpu)=native|target-cpu=native|-xHost\b)", re.MULTILINE)
_INSTRUCTIONS: Final = re.compile(
    "3dnow|abm|adx|aes|amx|avx|bmi|cx16|f16c|fma|gfni|lahf|mmx|movbe|movdir|pclmul|pni|popcnt|rdrand|rdseed|sha|sm[34]|"
    "ss?se|tbm|vaes|vpclmul|xop"
)
"""The flags of an x86 CPU that stand for instructions of compilers; the others are of systems and virtual machines."""
_SHOWN: Final = 3


def describe_cpu(path: str = "/proc/cpuinfo") -> str:
    """Return `MODEL: FLAG FLAG ...` of the first CPU that Linux lists, elsewhere the model without flags."""
    fields: dict[str, str] = {}
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        for line in itertools.takewhile(str.strip, file):
            key, _, value = line.partition(":")
            fields[key.strip().lower()] = value.strip()
    flags = list(filter(_INSTRUCTIONS.match, fields.get("flags", "").split()))
    model = fields.get("model name") or fields.get("cpu part") or fields.get("cpu") or platform.processor()
    return f"{model}: {' '.join(sorted(flags or fields.get('features', fields.get('isa', '')).split()))}"


def is_native(text: str) -> bool:
    """Check whether flags or a build file let a compiler use all that the CPU of the build has."""
    return _NATIVE.search(text) is not None


def find_difference(recorded: str, present: str, *, native: bool) -> str | None:
    """Return why a wheel with machine code was built for another CPU; None where that is not known."""
    (model, _, then), (_, _, now) = recorded.partition(": "), present.partition(": ")
    lacking = sorted(set(then.split()) - set(now.split())) if now else []
    if lacking:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        return f"{', '.join(lacking[:_SHOWN])}{more} {'is' if len(lacking) == 1 else 'are'} missing here"
    return f"its flags say `native`, and that was {model or 'another one'}" if native and recorded != present else None
