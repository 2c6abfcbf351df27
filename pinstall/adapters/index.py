"""Fetch what lies behind a URL, with requests.

May not: be imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinstall.errors import FINDING, PinstallError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 15.0
"""Seconds to wait for the server, as pip does."""


def fetch(url: str, environ: Mapping[str, str]) -> bytes:
    """Return the body behind a URL; raise PinstallError `fetch` where there is none.

    Proxies, `.netrc` and credentials in the URL are requests' own business; `PIP_CERT` names the certificates.
    """
    import requests

    try:
        response = requests.get(url, timeout=TIMEOUT, verify=environ.get("PIP_CERT") or True)
        response.raise_for_status()
    except (OSError, ValueError) as error:  # requests lets more through than what it raises itself
        status = getattr(getattr(error, "response", None), "status_code", None)
        # the exception's own text holds the URL, and the URL may hold a password
        reason = type(error).__name__ if status is None else f"HTTP status {status}"
        raise PinstallError(
            "fetch",
            f"cannot fetch the file: {reason}",
            hint="check the URL and the network",
            exit_code=FINDING,
        ) from None
    return response.content
