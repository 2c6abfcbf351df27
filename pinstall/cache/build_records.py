"""Remember the inputs and the sha256 of each wheel that pip built under pinstall, and tell what a build would find.

May not: be believed when the wheel's bytes differ; decide what follows from a difference.

The records lie below pip's cache directory, so that they travel with a cache that is restored elsewhere: one file per
build, `<cache>/pinstall/builds/<path of the wheel>/<its sha256>.json`. So nothing is ever rewritten, and a wheel that
comes back from the shelf finds its own record again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from typing import TYPE_CHECKING

from pinstall import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pinstall.model.inputs import Interpreter, Option, Request
    from pinstall.model.pins import Pin
    from pinstall.request.call import Asked
    from pinstall.request.options import Pip

FOLDER = os.path.join("pinstall", "builds")
SCHEMA = 1
_SUFFIX = ".json"
_PATIENCE = 10.0
"""Seconds that a compiler may take to tell its version."""
_OPTIONS = {
    "build_isolation": "build isolation",
    "build_options": "build option",
    "global_options": "build option",
}
"""Where options that reach a build write to, and what messages call them; constraints are files, and come besides."""


class BuildRecords:
    """The records of one pip cache."""

    def __init__(self, cache: str) -> None:
        """Look at nothing yet."""
        self._cache = cache

    def known(self, path: str) -> frozenset[str]:
        """Return the sha256 of every wheel that pip has built at this place of the cache under pinstall."""
        try:
            names = os.listdir(os.path.join(self._cache, FOLDER, path))
        except OSError:
            return frozenset()
        return frozenset(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))

    def read(self, path: str, sha256: str) -> tuple[Mapping[str, str] | None, str | None]:
        """Return the inputs of the build of these very bytes, and what they lacked then; none where it is unknown.

        They may have lacked a library that another package brings.
        """
        document = files.recall(self._record(path, sha256))
        inputs, lacks = document.get("inputs"), document.get("lacks")
        read = {str(key): str(value) for key, value in inputs.items()} if isinstance(inputs, dict) else None
        return read, None if lacks is None else str(lacks)

    def write(self, path: str, inputs: Mapping[str, str], lacks: str | None) -> None:
        """Put a wheel of the cache on record; what cannot be written is only not remembered."""
        with contextlib.suppress(OSError):
            record = self._record(path, files.sha256(os.path.join(self._cache, path)).hex())
            files.save(record, {"schema": SCHEMA, "inputs": dict(inputs), "lacks": lacks})

    def _record(self, path: str, sha256: str) -> str:
        return os.path.join(self._cache, FOLDER, path, sha256 + _SUFFIX)


def options(request: Request, pip: Pip) -> Iterator[tuple[str, str]]:
    """Yield the options that reach every build, as kind and value; of a file what it says, not its name."""
    for option in constraints(request, pip):
        yield "build constraint", _contents(option.value or "")
    for dest, kind in _OPTIONS.items():
        yield from ((kind, option.value or "") for option in request.every(dest))


def constraints(request: Request, pip: Pip) -> Iterator[Option]:
    """Yield the options that name a file of constraints which isolated builds see."""
    yield from request.every("build_constraints")
    if not pip.hides_constraints:
        yield from (option for option in request.defaults if option.dest == "constraints")


def _contents(path: str) -> str:
    """Return what a constraint file says; the name alone, where it cannot be read here."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return path


def machine(target: Interpreter, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what builds find on this machine: interpreter ABI, platform with its C library, C compiler."""
    return {
        "interpreter": f"{target.markers.get('implementation_name')} {target.abi}",
        "platform": f"{sys.platform} {target.markers.get('platform_machine')} {_system()}",
        "C compiler": _compiler(environ),
    }


def _system() -> str:
    """Return the operating system's release and its C library, as far as it tells."""
    library = ""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    release = ""
    with contextlib.suppress(OSError), open("/etc/os-release", encoding="utf-8") as file:
        fields = dict(line.strip().split("=", 1) for line in file if "=" in line)
        release = " ".join(fields.get(key, "").strip("\"'") for key in ("ID", "VERSION_ID"))
    return f"{release} {library}"


def _compiler(environ: Mapping[str, str]) -> str:
    """Return what the C compiler says of its version, `none` where there is none."""
    import shlex  # noqa: PLC0415 - only where something was built
    import shutil  # noqa: PLC0415 - the same
    import subprocess  # noqa: PLC0415 - the same

    try:
        words = shlex.split(environ.get("CC", ""))
    except ValueError:
        words = []
    names = words[:1] or ["cc", "gcc", "clang", "cl"]
    found = next((path for name in names if (path := shutil.which(name, path=environ.get("PATH")))), None)
    if found is None:
        return "none"
    try:
        said = subprocess.run(
            [found, "--version"], env=dict(environ), capture_output=True, timeout=_PATIENCE, check=False, text=True
        ).stdout
    except (OSError, ValueError, subprocess.TimeoutExpired):
        said = ""
    return said.partition("\n")[0].strip()


def collect_inputs(asked: Asked, pin: Pin) -> dict[str, str]:
    """Return the inputs that a build of this pin would have now: variables, options, its own lines."""
    given = options(asked.request, asked.pip)
    own = (("build setting", text) for text in asked.build_settings(pin))
    return gathered(pin.name, asked.environ, (*given, *own))


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


def portable(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return what of the recorded inputs can be compared without a look at the machine, which is dear."""
    return {name: value for name, value in recorded.items() if name not in (*_OF_MACHINE, COMPILER)}


def _of_pure(inputs: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in inputs.items() if name not in _OF_MACHINE}
    return {**kept, COMPILER: NONE if kept.get(COMPILER) == NONE else ""}
