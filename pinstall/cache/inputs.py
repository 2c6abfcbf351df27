"""Name what a build reads besides its sources, and say what differs between two builds.

May not: look at the machine.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VARIABLES = (
    *("AR", "ARCHFLAGS", "ARFLAGS", "AS", "CC", "CFLAGS", "CPATH", "CPLUS_INCLUDE_PATH", "CPP", "CPPFLAGS"),
    *("CUDACXX", "CUDA_HOME", "CUDA_PATH", "CXX", "CXXFLAGS", "C_INCLUDE_PATH", "F77", "F90", "FC", "FCFLAGS"),
    *("FFLAGS", "FORCE_CUDA", "INCLUDE", "LD", "LDFLAGS", "LDSHARED", "LIB", "LIBRARY_PATH", "LIBS"),
    *("MACOSX_DEPLOYMENT_TARGET", "NM", "NVCC", "PKG_CONFIG", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_PATH", "RANLIB"),
    *("RUSTC", "RUSTFLAGS", "SDKROOT", "STRIP", "TORCH_CUDA_ARCH_LIST", "_PYTHON_HOST_PLATFORM"),
)
_PREFIXES = (
    *("CARGO_BUILD_", "CARGO_PROFILE_", "CMAKE_", "CYTHON_", "DISTUTILS_", "HATCH_", "MATURIN_", "MESON_", "NPY_"),
    *("PDM_BUILD_", "PYO3_", "SETUPTOOLS_", "SKBUILD_"),
)
"""Variables that compilers and the common build backends read; those that begin with the project's name are its own."""

_NOBODYS = ("PIP_", "PINSTALL_", "PYTHON")
_OF_MACHINE = ("interpreter", "platform")
"""What a wheel without machine code does not depend on."""
COMPILER = "C compiler"
NONE = "none"
"""Without a compiler some projects leave out their extension: of a pure wheel it counts whether there was one."""


def gathered(name: str, environ: Mapping[str, str], options: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what a build of this project would be told now, by the names that messages use.

    `options` are the build options in force by kind, in order. Values may hold secrets, so only digests are kept.
    """
    own = f"{name.upper().replace('-', '_')}_"
    found = {
        variable: _digest(value)
        for variable, value in sorted(environ.items())
        if value
        and not variable.startswith(_NOBODYS)
        and (variable in _VARIABLES or variable.startswith((own, *_PREFIXES)))
    }
    given: dict[str, list[str]] = {}
    for kind, value in options:
        given.setdefault(kind, []).append(value)
    return {**found, **{kind: _digest("\0".join(values)) for kind, values in given.items()}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def differences(recorded: Mapping[str, str], present: Mapping[str, str], *, pure: bool) -> tuple[str, ...]:
    """Return the names of what was otherwise when a wheel was built; a pure one depends less on the machine."""
    then, now = (_of_pure(inputs) if pure else inputs for inputs in (recorded, present))
    return tuple(name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name))


def told(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return what of the recorded inputs can be compared without a look at the machine, which is dear."""
    return {name: value for name, value in recorded.items() if name not in (*_OF_MACHINE, COMPILER)}


def _of_pure(inputs: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in inputs.items() if name not in _OF_MACHINE}
    return {**kept, COMPILER: NONE if kept.get(COMPILER) == NONE else ""}
