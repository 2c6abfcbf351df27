"""Ask another interpreter what it is.

May not: remember an answer.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pinstall.model.errors import FINDING, PinstallError

# An answer in what an interpreter prints: start-up code prints before and after it, and no script can hold a NUL.
_ANSWER = re.compile(rb"\0pinstall\0([^\0]+)\0pinstall\0")

# Each runs under every Python 3. The working directory goes first: nothing there may shadow a module imported here.
_START = """
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
"""
_SCRIPT = """
import _imp, json, os, platform, site, sysconfig
number = sys.implementation.version
release = "{0.major}.{0.minor}.{0.micro}".format(number)
if number.releaselevel != "final":
    release += number.releaselevel[0] + str(number.serial)
folders = sysconfig.get_paths()
libraries = [folders["purelib"], folders["platlib"]]
if libraries[0] not in sys.path and hasattr(site, "getsitepackages"):
    # Debian has a layout of its own, of which sysconfig knows nothing before Python 3.10.
    libraries = ([path for path in site.getsitepackages() if path in sys.path] * 2 + libraries)[:2]
named = ("machine", "release", "system", "version", "python_implementation")
custom = [sys.modules[name] for name in ("sitecustomize", "usercustomize") if name in sys.modules]
answer = {
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "real_prefix", sys.base_prefix),
    "purelib": libraries[0],
    "platlib": libraries[1],
    "stdlib": folders["stdlib"],
    "paths": sys.path,
    "abi": _imp.extension_suffixes()[0],
    "user": [site.getusersitepackages()] if getattr(site, "ENABLE_USER_SITE", False) else [],
    "custom": [getattr(module, "__file__", None) or "" for module in custom],
    "markers": dict(
        {"platform_" + name: getattr(platform, name)() for name in named},
        implementation_name=sys.implementation.name,
        implementation_version=release,
        os_name=os.name,
        python_full_version=platform.python_version(),
        python_version=".".join(platform.python_version_tuple()[:2]),
        sys_platform=sys.platform,
    ),
}
"""
_EVALUATE = """
import json; from pip._vendor.packaging.markers import Marker; marker, markers = json.loads(sys.argv[1])
answer = Marker(marker).evaluate(markers)
"""
_TELL = """
import os; mark = "\\0pinstall\\0"; text = (mark + json.dumps(answer) + mark).encode()
while text:
    text = text[os.write(1, text):]  # start-up code may have replaced `sys.stdout`
"""

# What `_answer` raises where the interpreter fails or prints no answer.
_FAILURES = (OSError, ValueError, LookupError)


def _answer(executable: str, environ: Mapping[str, str], script: str, *words: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the answer of a script; start-up code may print before and after it, and end with any exit code.

    Does not wait for the end of the output: what that code has started may hold the stream open.
    """
    # not isolated: user site and PYTHONPATH count for `python -m pip` too
    command = [executable, "-c", _START + script + _TELL, *words]
    none, pipe, both = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT
    said = b""
    with subprocess.Popen(command, env=dict(environ), stdin=none, stdout=pipe, stderr=both, bufsize=0) as process:
        while process.stdout and (more := process.stdout.read(1 << 16)):
            said += more
            if found := _ANSWER.search(said):
                return json.loads(found[1])
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    raise LookupError(*(last or (f"it ended with exit code {process.returncode}",)))


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
        message = f"`{executable}` does not run as a Python 3 interpreter"
        hint = "name the path of an interpreter or the folder of a virtual environment"
        raise PinstallError("interpreter", message, context=(str(error),), hint=hint, exit_code=FINDING) from error
