"""Ask another interpreter what it is.

May not: remember an answer.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pinstall.model.errors import FINDING, PinstallError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
custom = [sys.modules[name] for name in ("sitecustomize", "usercustomize") if name in sys.modules]
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
    "custom": [getattr(module, "__file__", None) or "" for module in custom],
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


_EVALUATE: Final = """import sys; sys.path[:] = sys.path[sys.path[:1] == [""]:]
import json; from pip._vendor.packaging.markers import Marker; marker, markers = json.loads(sys.argv[1])
print("\\n%d" % Marker(marker).evaluate(markers))
"""


_FAILURES: Final = (OSError, subprocess.CalledProcessError, ValueError, LookupError)
"""What `_answer` raises where the interpreter fails or prints something else."""


def _answer(executable: str, environ: Mapping[str, str], *words: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON that a script prints last; the lines before it are of a `.pth` file or of `sitecustomize`."""
    command = [executable, "-c", *words]  # not isolated: user site and PYTHONPATH count for `python -m pip` too
    ended = subprocess.run(command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


def evaluate(executable: str, marker: str, markers: Mapping[str, str], environ: Mapping[str, str]) -> bool | None:
    """Return what the pip of an interpreter makes of a marker, None where it fails, as `pip install` does then."""
    with suppress(*_FAILURES):
        return bool(_answer(executable, environ, _EVALUATE, json.dumps([marker, {**markers, "extra": ""}])))
    return None


def ask(executable: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what an interpreter prints; raise PinstallError for a file that does not run as Python 3."""
    try:
        return dict(_answer(executable, environ, _SCRIPT))
    except (*_FAILURES, TypeError) as error:
        last = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()[-1:]
        code = getattr(error, "returncode", None)
        raise PinstallError(
            "interpreter",
            f"`{executable}` does not run as a Python 3 interpreter",
            context=tuple(last) or (str(error) if code is None else f"it ended with exit code {code}",),
            hint="name the path of an interpreter or the folder of a virtual environment",
            exit_code=FINDING,
        ) from error
