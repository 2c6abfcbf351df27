"""Fetch what lies behind a URL, with requests, on the way that pip takes.

May not: be imported before it is needed.
"""

from __future__ import annotations

import os
import ssl
import warnings
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pinstall.model.errors import FINDING, PinstallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    import requests
    from requests.adapters import HTTPAdapter

    from pinstall.model.request import Option

TIMEOUT = "15"
"""Seconds to wait for the server, as pip does."""
AT_ONCE = 16
"""How many questions are asked at the same time, and how many connections to one server are kept."""


def fetch(url: str, options: Iterable[Option]) -> bytes:
    """Return the body behind a URL; raise PinstallError `fetch` where there is none."""
    try:
        with session(options) as opened:
            response = opened.get(url)
            response.raise_for_status()
    except (ArithmeticError, OSError, ValueError) as error:  # requests lets more through than what it raises itself
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


def session(options: Iterable[Option]) -> requests.Session:
    """Return a session that reaches servers as pip does with these options, the weakest first.

    Variables that requests reads count, and `.netrc`; keyrings, and the credentials of index URLs, do not. The
    program's warnings of connections to trusted hosts are silenced. Raises ValueError for a host or a timeout that is
    none. Source: `_build_session` and `PipSession` of pip 26.3.
    """
    import requests

    given = tuple(options)
    last = {option.dest: option.value for option in given}
    proxy = last.get("proxy")
    made = requests.Session()
    made.auth = _authenticated
    made.verify = os.path.expanduser(last.get("cert") or "") or True
    made.cert = os.path.expanduser(last.get("client_cert") or "") or None
    made.proxies = {"http": proxy, "https": proxy} if proxy else {}
    # an empty `--proxy` switches off what variables say too
    made.trust_env = proxy is None and "no_proxy_env" not in last
    timeout = float(last.get("timeout") or TIMEOUT) or None
    made.mount("http://", _adapter(timeout, verified=True))
    made.mount("https://", _adapter(timeout, verified=True))
    trusting = _adapter(timeout, verified=False)
    for option in given:
        for prefix in _prefixes(option.value or "") if option.dest == "trusted_hosts" else ():
            made.mount(prefix, trusting)
    return made


def _adapter(timeout: float | None, *, verified: bool) -> HTTPAdapter:
    """Return what opens connections, and waits so many seconds for them; `verified` asks servers for a certificate."""
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import InsecureRequestWarning  # noqa: PLC0415 - as dear as requests
    from urllib3.util.ssl_ import create_urllib3_context  # noqa: PLC0415 - the same

    context = None
    if not verified:
        warnings.simplefilter("ignore", InsecureRequestWarning)
    else:
        # since 24.2 pip believes whom the system believes too, beside certifi or `--cert`
        context = create_urllib3_context()
        context.load_default_certs()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 is stricter than pip lets it be

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *sizes: Any, **pool: Any) -> None:  # noqa: ANN401 - whatever requests gives
            super().init_poolmanager(*sizes, **pool, ssl_context=context)

        def proxy_manager_for(self, *proxy: Any, **pool: Any) -> Any:  # noqa: ANN401 - the same
            return super().proxy_manager_for(*proxy, **pool, ssl_context=context)

        def send(self, *request: Any, **how: Any) -> requests.Response:  # noqa: ANN401 - the same
            how["verify"] = verified and how["verify"]
            response = super().send(*request, **{**how, "timeout": timeout})
            response.raw.enforce_content_length = True  # before 2.0 urllib3 takes what was cut off for the whole
            return response

    return Adapter(pool_maxsize=AT_ONCE)


def _prefixes(host: str) -> Iterator[str]:
    """Yield how the URLs of a trusted host begin; one without a port is trusted on each."""
    netloc = f"[{host}]" if host.count(":") > 1 and "[" not in host else host
    for end in "/" if urlsplit(f"//{netloc}").port else "/:":
        yield f"http://{netloc}{end}"
        yield f"https://{netloc}{end}"


def _authenticated(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send name and password of the URL, else those of `.netrc`, which pip reads even where variables do not count."""
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_netrc_auth

    parts = urlsplit(request.url or "")
    # adapters are chosen by the URL, and a host is trusted whoever asks
    request.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    name, password = (one and unquote(one) for one in (parts.username, parts.password))
    if name is None or password is None:
        name, password = get_netrc_auth(request.url) or (name, password)
    return request if name is None else HTTPBasicAuth(name, password or "")(request)
