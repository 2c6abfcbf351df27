"""Describe an interpreter: its paths, its markers, its pip.

May not: import pip; ask the same interpreter twice.
"""

from __future__ import annotations

import _imp  # as cheap as sys, where importlib.machinery would be one more import
import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from pinstall import files
from pinstall.model.errors import FINDING, PinstallError
from pinstall.model.inputs import Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PATH_VARIABLES: Final = (
    "HOME",
    "PYTHONHOME",
    "PYTHONNOUSERSITE",
    "PYTHONPATH",
    "PYTHONPLATLIBDIR",
    "PYTHONSAFEPATH",
    "PYTHONUSERBASE",
)

_FORMAT: Final = 2
"""Raised when what `_SCRIPT` tells changes, so that nothing older is believed."""

# Runs under every Python 3. The working directory goes first of all: nothing there may shadow a module imported here.
_SCRIPT: Final = """
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
import _imp, json, os, platform, site, sysconfig
implementation = sys.implementation
number = implementation.version
release = "{0.major}.{0.minor}.{0.micro}".format(number)
if number.releaselevel != "final":
    release += number.releaselevel[0] + str(number.serial)
folders = sysconfig.get_paths()
libraries = [folders["purelib"], folders["platlib"]]
if libraries[0] not in sys.path and hasattr(site, "getsitepackages"):
    # Debian has a layout of its own, of which sysconfig knows nothing before Python 3.10.
    libraries = ([path for path in site.getsitepackages() if path in sys.path] * 2 + libraries)[:2]
user = [site.getusersitepackages()] if getattr(site, "ENABLE_USER_SITE", False) else []
print("\\n" + json.dumps({
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "real_prefix", sys.base_prefix),
    "purelib": libraries[0],
    "platlib": libraries[1],
    "stdlib": folders["stdlib"],
    "paths": sys.path,
    "abi": _imp.extension_suffixes()[0],
    "user": user,
    "markers": {
        "implementation_name": implementation.name,
        "implementation_version": release,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "platform_python_implementation": platform.python_implementation(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
}))
"""


def describe(python: str | None, environ: Mapping[str, str], state_directory: str) -> Interpreter:
    """Return what there is to know of an interpreter: none, or its own path, for the running one.

    Another interpreter is asked once, and its answer kept below `state_directory` for as long as nothing that it
    depends on has changed; pip and the mark of PEP 668 are looked up each time.

    Raises: PinstallError `interpreter` for a file that does not run as Python 3.
    Source: PEP 508, section "Environment Markers"; PEP 668.
    """
    own = python is None or _is_running(python)
    # Options such as `-I` or `-P` hide paths from this process that `python -m pip` will see.
    if own and (_starts_like_pip(environ) or not sys.executable):
        return _interpreter(_own(), own=True)
    executable = sys.executable if own or python is None else os.path.abspath(python)
    return _interpreter(_remembered(executable, environ, state_directory), own=own)


def _is_running(python: str) -> bool:
    # The same file is not enough: the interpreters of two environments are links to one file.
    ours, theirs = (os.path.realpath(os.path.dirname(os.path.abspath(path))) for path in (sys.executable, python))
    return ours == theirs and os.path.realpath(sys.executable) == os.path.realpath(python)


def _starts_like_pip(environ: Mapping[str, str]) -> bool:
    flags = sys.flags
    without_user = flags.no_user_site and not environ.get("PYTHONNOUSERSITE")
    # Python 3.10 has no `safe_path`.
    hidden = flags.isolated or flags.ignore_environment or flags.no_site or getattr(flags, "safe_path", False)
    return not (hidden or without_user)


def _own() -> dict[str, Any]:
    from packaging.markers import default_environment  # noqa: PLC0415  # The stamp's way out needs none of it.

    return {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "paths": sys.path[1:],
        "abi": _imp.extension_suffixes()[0],
        "user": _own_user_site(),
        "markers": dict(default_environment()),
        **_own_folders(),
    }


def _own_folders() -> dict[str, str]:
    import sysconfig  # noqa: PLC0415

    names = ("purelib", "platlib", "stdlib")
    # `get_paths` would load the build's whole configuration; these are all that the three templates can hold.
    values = {
        "base": sys.prefix,
        "platbase": sys.exec_prefix,
        "installed_base": sys.base_prefix,
        "installed_platbase": sys.base_exec_prefix,
        "py_version_short": f"{sys.version_info.major}.{sys.version_info.minor}",
        "platlibdir": sys.platlibdir,
    }
    if sys.implementation.name == "cpython":
        values |= {"implementation_lower": "python", "abi_thread": "t" if "t" in getattr(sys, "abiflags", "") else ""}
    templates = sysconfig.get_paths(expand=False)
    try:
        return {name: os.path.normpath(templates[name].format(**values)) for name in names}
    except KeyError:
        paths = sysconfig.get_paths()
        return {name: paths[name] for name in names}


def _own_user_site() -> list[str]:
    import site  # noqa: PLC0415  # Loaded already, but for `python -S`.

    return [site.USER_SITE] if site.ENABLE_USER_SITE and site.USER_SITE else []


def _paths(known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `sys.path` with the user's own folder in its place, which Python leaves out for as long as there is none.

    pip makes it for `--user`, and where it may not write to the environment.
    """
    paths = known["paths"]
    at = min((paths.index(path) for path in (known["purelib"], known["platlib"]) if path in paths), default=len(paths))
    return (*paths[:at], *(path for path in known["user"] if path not in paths), *paths[at:])


def _interpreter(known: Mapping[str, Any], *, own: bool) -> Interpreter:
    paths = _paths(known)
    outside = known["prefix"] == known["base_prefix"]
    return Interpreter(
        executable=known["executable"],
        prefix=known["prefix"],
        base_prefix=known["base_prefix"],
        version=known["markers"]["python_full_version"],
        purelib=known["purelib"],
        platlib=known["platlib"],
        stdlib=known["stdlib"],
        paths=paths,
        markers=known["markers"],
        pip=_pip_release(paths),
        externally_managed=outside and os.path.isfile(os.path.join(known["stdlib"], "EXTERNALLY-MANAGED")),
        own=own,
        abi=known["abi"],
    )


def _pip_release(paths: Iterable[str]) -> tuple[int, ...] | None:
    """Return the release that `python -m pip` runs; a dist-info can be one left behind."""
    for path in paths:
        try:
            with open(os.path.join(path, "pip", "__init__.py"), encoding="utf-8") as file:
                lines = [line for line in file if line.startswith("__version__")]
        except OSError:
            continue
        numbers: list[int] = []
        for part in lines[0].partition("=")[2].strip(" \n\"'").split(".") if lines else ():
            if not part.isdigit():
                break
            numbers.append(int(part))
        return tuple(numbers) or None
    return None


def _remembered(executable: str, environ: Mapping[str, str], state_directory: str) -> dict[str, Any]:
    key = _key(executable, environ)
    name = hashlib.sha256(os.fsencode(executable)).hexdigest()[:16]
    path = os.path.join(state_directory, f"interpreter-{name}.json")
    memory = files.recall(path)
    try:
        if memory["key"] == key and memory["seen"] == _seen(memory["known"]):
            return dict(memory["known"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass  # Nothing remembered, or nothing that could be believed: ask.
    known = _asked(executable, environ)
    files.remember(path, json.dumps({"key": key, "seen": _seen(known), "known": known}).encode())
    return known


def _key(executable: str, environ: Mapping[str, str]) -> list[Any]:
    real = os.path.realpath(executable)
    folder = os.path.dirname(executable)
    return [
        _FORMAT,
        executable,
        real,
        *(_stamp(path) for path in (real, *(os.path.join(f, "pyvenv.cfg") for f in (folder, os.path.dirname(folder))))),
        [environ.get(variable) for variable in _PATH_VARIABLES],
        # A relative PYTHONPATH means another folder elsewhere, and two markers name the running kernel.
        os.getcwd() if environ.get("PYTHONPATH") else None,
        [os.uname().release, os.uname().version] if hasattr(os, "uname") else None,
    ]


def _stamp(path: str) -> list[int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


def _seen(known: Mapping[str, Any]) -> list[Any]:
    """Return the `.pth` files that make `sys.path` what it is; an editable install adds one."""
    folders = [known["purelib"], known["platlib"], *known["user"]]
    folders += (path for path in known["paths"] if path.endswith("-packages"))
    return [[folder, _links(folder)] for folder in sorted(set(folders))]


def _links(folder: str) -> list[Any] | None:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))
    except OSError:
        return None
    return [[name, _stamp(os.path.join(folder, name))] for name in names]


def _asked(executable: str, environ: Mapping[str, str]) -> dict[str, Any]:
    import subprocess  # noqa: PLC0415

    try:
        # Not isolated: user site and PYTHONPATH count for `python -m pip` too.
        answer = subprocess.run(
            [executable, "-c", _SCRIPT],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        # Whatever a `.pth` file or `sitecustomize` prints comes before.
        return dict(json.loads(answer.stdout.splitlines()[-1]))
    except (OSError, subprocess.CalledProcessError, ValueError, LookupError, TypeError) as error:
        stderr = getattr(error, "stderr", None) or b""
        said = stderr.decode(errors="replace").strip().splitlines()[-1:]
        code = getattr(error, "returncode", None)
        raise PinstallError(
            "interpreter",
            f"`{executable}` does not run as a Python 3 interpreter",
            context=tuple(said) or (str(error) if code is None else f"it ended with exit code {code}",),
            hint="name the path of an interpreter or the folder of a virtual environment",
            exit_code=FINDING,
        ) from error
