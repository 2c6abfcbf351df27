"""Look at the environment that runs pinstall: whose it is, and whether the modules that pinstall needs work in it.

May not: import another distribution before it is probed; know what is asked.
"""

from __future__ import annotations

import importlib
import os
import sys

from pinstall.model.errors import NOT_PINNED, PinstallError

# Marks that pipx (also `pipx run`) and `uv tool` leave in the environment of one tool, and what remakes it.
_RECEIPTS = {"pipx_metadata.json": "pipx reinstall", "uv-receipt.toml": "uv tool install --reinstall"}
# Folders of uv's cache with environments of uvx, `uv run --with` and scripts; a number follows, as in `archive-v0`.
_UV_FOLDERS = ("archive", "builds", "environments")
_OF_REQUESTS = {
    "certifi": "where",
    "idna": "encode",
    "urllib3": "PoolManager",
    "charset_normalizer": "from_bytes",
}
# Modules of other distributions, with one name in each that needs the rest: what requests needs, and pinstall.
_NEEDED = {"packaging.requirements": "Requirement", "requests": "Session", "resolvelib": "Resolver"}


def is_tool(prefix: str = sys.prefix) -> bool:
    """Check whether an environment is the private one of a tool, which pipx or uv made for it."""
    kind, cache = os.path.basename(os.path.dirname(prefix)), os.path.join(prefix, "..", "..", "CACHEDIR.TAG")
    return _find_receipt(prefix) != "" or (kind.partition("-v")[0] in _UV_FOLDERS and os.path.exists(cache))


def _find_receipt(prefix: str) -> str:
    return next((remake for mark, remake in _RECEIPTS.items() if os.path.exists(os.path.join(prefix, mark))), "")


def is_plain(prefix: str = sys.prefix, base_prefix: str = sys.base_prefix) -> bool:
    """Check whether this is a user's environment: a virtual one, or one of conda that is not its base."""
    conda, base = (os.path.isdir(os.path.join(prefix, name)) for name in ("conda-meta", "condabin"))
    return (prefix != base_prefix or (conda and not base)) and not is_tool(prefix)


def find_broken(only: str = "") -> PinstallError | None:
    """Return the error for needed modules that are missing or broken here, with the command that repairs them."""
    needed = {**_OF_REQUESTS, **_NEEDED, **({"tomli": "loads"} if sys.version_info < (3, 11) else {})}
    probed = ((module.partition(".")[0], _probe(module, name)) for module, name in needed.items() if only in module)
    faults = {top: fault for top, fault in probed if fault}
    if "requests" not in faults:  # it works without the last one
        faults.pop("charset_normalizer", None)
    elif faults.keys() & _OF_REQUESTS.keys():
        del faults["requests"]
    if not faults:
        return None
    names, receipt = " ".join(faults).replace("_", "-"), _find_receipt(sys.prefix)
    repair = f"{receipt} pip-pinstall" if receipt else f"{sys.executable} -m pip install --force-reinstall {names}"
    message, hint = f"{names}: missing or broken, and pinstall needs this", f"run `{repair}`"
    context = tuple(f"`{top}` {fault}" for top, fault in faults.items())
    return PinstallError("dependency", message, context=context, hint=hint, exit_code=NOT_PINNED)


def _probe(module: str, name: str) -> str:
    """Return what is wrong with a module, empty for a good one."""
    top, folder = module.partition(".")[0], os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - a broken module may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name == top
        return f"is missing in `{folder}`" if missing else f"in `{folder}` is broken: {type(error).__name__}"
    return ""
