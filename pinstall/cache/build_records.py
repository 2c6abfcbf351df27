"""Remember the inputs and the sha256 of each wheel that pip built under pinstall, and compare them with those of now.

May not: be used for a wheel with other bytes; decide what follows from a difference.

The records travel with a restored cache: one file per build, which is never rewritten, so that a wheel from the shelf
has its own record again, `<cache>/pinstall/builds/<path of the wheel>/<its sha256>.json`.
"""

import contextlib
import hashlib
import itertools
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping

from pinstall import files
from pinstall.model.inputs import Interpreter, Request
from pinstall.model.pins import Pin
from pinstall.request.call import Asked
from pinstall.request.options import Pip

FOLDER = os.path.join("pinstall", "builds")


def known(cache: str, path: str) -> frozenset[str]:
    """Return the sha256 of every wheel that pip has built at this place of the cache under pinstall."""
    names = files.list_names(os.path.join(cache, FOLDER, path))
    return frozenset(name.removesuffix(".json") for name in names if name.endswith(".json"))


def read(cache: str, path: str, sha256: str) -> tuple[Mapping[str, str] | None, str | None]:
    """Return the recorded inputs of the build of these very bytes, and which library they lacked then."""
    document = files.recall(os.path.join(cache, FOLDER, path, f"{sha256}.json"))
    inputs, lacks = document.get("inputs"), document.get("lacks")
    found = {str(key): str(value) for key, value in inputs.items()} if isinstance(inputs, dict) else None
    return found, None if lacks is None else str(lacks)


def write(cache: str, path: str, inputs: Mapping[str, str], lacks: str | None) -> None:
    """Put a wheel of the cache on record; raise OSError where that fails."""
    sha256 = files.sha256(os.path.join(cache, path)).hex()
    document = {"schema": 1, "inputs": dict(inputs), "lacks": lacks}
    files.save(os.path.join(cache, FOLDER, path, f"{sha256}.json"), document)


def describe_machine(target: Interpreter, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what builds find on this machine: interpreter ABI, platform with its C library, C compiler."""
    return {
        "interpreter": f"{target.markers.get('implementation_name')} {target.abi}",
        "platform": f"{sys.platform} {target.markers.get('platform_machine')} {_system()}",
        _COMPILER: _compiler(environ),
        _CPU: describe_cpu(),
    }


def _system() -> str:
    library = release = ""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    with contextlib.suppress(OSError):
        release = " ".join(platform.freedesktop_os_release().get(key, "") for key in ("ID", "VERSION_ID"))
    return f"{release} {library}"


def _compiler(environ: Mapping[str, str]) -> str:
    """Return what the C compiler prints as its version, `none` without a compiler."""
    words: list[str] = []
    with contextlib.suppress(ValueError):
        words = shlex.split(environ.get("CC", ""))
    paths = (shutil.which(name, path=environ.get("PATH")) for name in words[:1] or ("cc", "gcc", "clang", "cl"))
    command = [next(filter(None, paths), ""), "--version"]
    if not command[0]:
        return _NONE
    with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
        ended = subprocess.run(command, env=dict(environ), capture_output=True, timeout=10, check=False, text=True)
        return ended.stdout.partition("\n")[0].strip()
    return ""


_VARIABLES = (
    *("AR", "ARCHFLAGS", "ARFLAGS", "AS", "CC", "CFLAGS", "CPATH", "CPLUS_INCLUDE_PATH", "CPP", "CPPFLAGS"),
    *("CUDACXX", "CUDA_HOME", "CUDA_PATH", "CXX", "CXXFLAGS", "C_INCLUDE_PATH", "F77", "F90", "FC", "FCFLAGS"),
    *("FFLAGS", "FORCE_CUDA", "INCLUDE", "LD", "LDFLAGS", "LDSHARED", "LIB", "LIBRARY_PATH", "LIBS"),
    *("MACOSX_DEPLOYMENT_TARGET", "NM", "NVCC", "PKG_CONFIG", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_PATH", "RANLIB"),
    *("RUSTC", "RUSTFLAGS", "SDKROOT", "STRIP", "TORCH_CUDA_ARCH_LIST", "_PYTHON_HOST_PLATFORM"),
)
# Variables that compilers and the common build backends read; those that begin with the project's name are its own.
_PREFIXES = (
    *("CARGO_BUILD_", "CARGO_PROFILE_", "CMAKE_", "CYTHON_", "DISTUTILS_", "HATCH_", "MATURIN_", "MESON_", "NPY_"),
    *("PDM_BUILD_", "PYO3_", "SETUPTOOLS_", "SKBUILD_"),
)

_IRRELEVANT = ("PIP_", "PINSTALL_", "PYTHON")
# Where options that reach a build write to, and what messages call them; files of constraints are not among them.
_OPTIONS = {"build_isolation": "build isolation", "build_options": "build option", "global_options": "build option"}
# What a wheel without machine code does not depend on.
_OF_MACHINE = ("interpreter", "platform")
_COMPILER = "C compiler"
_CPU = "CPU"
# In a record: the build was told to use all that its CPU has.
NATIVE = "native"
_OF_CPU = (_CPU, NATIVE)
# Without a compiler some projects leave out their extension, so a pure wheel depends on whether there was one.
_NONE = "none"


def collect_inputs(asked: Asked, pin: Pin) -> dict[str, str]:
    """Return digests (values may be secret) of the variables, options and lines for a build of this pin now."""
    own = (f"{pin.name.upper().replace('-', '_')}_", *_PREFIXES)
    given = {
        variable: [value]
        for variable, value in sorted(asked.environ.items())
        if value and not variable.startswith(_IRRELEVANT) and (variable in _VARIABLES or variable.startswith(own))
    }
    settings = (("build setting", text) for text in asked.build_settings(pin))
    for kind, value in (*_options(asked.request, asked.pip), *settings):
        given.setdefault(kind, []).append(value)
    native = any(is_native(value) for values in given.values() for value in values)
    digests = {kind: _digest("\0".join(values)) for kind, values in given.items()}
    return {**digests, NATIVE: "yes"} if native else digests


def _options(request: Request, pip: Pip) -> Iterator[tuple[str, str]]:
    """Yield the options that reach every build, as kind and value; of a file its contents, not its name."""
    seen = () if pip.hides_constraints else (option for option in request.defaults if option.dest == "constraints")
    for option in (*request.every("build_constraints"), *seen):
        yield "build constraint", _contents(option.value or "")
    for dest, kind in _OPTIONS.items():
        yield from ((kind, option.value or "") for option in request.every(dest))


def _contents(path: str) -> str:
    with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
        return file.read()
    return path


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def differences(recorded: Mapping[str, str], present: Mapping[str, str], *, pure: bool) -> tuple[str, ...]:
    """Return the names of the inputs that differ, the CPU with the reason; a pure wheel depends less on the machine."""
    then, now = (_of_pure(inputs) if pure else inputs for inputs in (recorded, present))
    others = tuple(sorted({name for name, _ in then.items() ^ now.items()} - {*_OF_CPU}))
    if others or pure or not {_CPU} <= then.keys() & now.keys():  # records of earlier versions have no CPU
        return others
    reason = find_cpu_difference(then[_CPU], now[_CPU], native=NATIVE in then)
    return () if reason is None else (f"{_CPU}: {reason}",)


def portable(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return those recorded inputs that can be compared without a slow look at the machine."""
    return {name: value for name, value in recorded.items() if name not in (*_OF_MACHINE, *_OF_CPU, _COMPILER)}


def _of_pure(inputs: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in inputs.items() if name not in _OF_MACHINE}
    return {**kept, _COMPILER: _NONE if kept.get(_COMPILER) == _NONE else ""}


# The files of a source archive that say which flags a compiler gets.
BUILD_FILES = (
    *("CMakeLists.txt", "Makefile", "build.rs", "config.toml", "meson.build"),
    *("pyproject.toml", "setup.cfg", "setup.py"),
)
_NATIVE = re.compile(r"^[^#\n]*(-m(arch|cpu)=native|target-cpu=native|-xHost\b)", re.MULTILINE)
# The flags of an x86 CPU that stand for instructions of compilers; the others are of systems and virtual machines.
_INSTRUCTIONS = re.compile(
    "3dnow|abm|adx|aes|amx|avx|bmi|cx16|f16c|fma|gfni|lahf|mmx|movbe|movdir|pclmul|pni|popcnt|rdrand|rdseed|sha|sm[34]|"
    "ss?se|tbm|vaes|vpclmul|xop"
)
_SHOWN = 3


def describe_cpu(path: str = "/proc/cpuinfo") -> str:
    """Return `MODEL: FLAG FLAG ...` of the first CPU that Linux lists, elsewhere the model without flags."""
    fields: dict[str, str] = {}
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        for line in itertools.takewhile(str.strip, file):
            key, _, value = line.partition(":")
            fields[key.strip().lower()] = value.strip()
    flags = list(filter(_INSTRUCTIONS.match, fields.get("flags", "").split()))
    model = fields.get("model name") or fields.get("cpu part") or fields.get("cpu") or platform.processor()
    return f"{model}: {' '.join(sorted(flags or fields.get('features', fields.get('isa', '')).split()))}"


def is_native(text: str) -> bool:
    """Check whether flags or a build file let a compiler use all that the CPU of the build has."""
    return _NATIVE.search(text) is not None


def find_cpu_difference(recorded: str, present: str, *, native: bool) -> str | None:
    """Return why a wheel with machine code was built for another CPU; None where that is not known."""
    (model, _, then), (_, _, now) = recorded.partition(": "), present.partition(": ")
    lacking = sorted(set(then.split()) - set(now.split())) if now else []
    if lacking:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        return f"{', '.join(lacking[:_SHOWN])}{more} {'is' if len(lacking) == 1 else 'are'} missing here"
    return f"its flags say `native`, and that was {model or 'another one'}" if native and recorded != present else None
