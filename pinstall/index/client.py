"""Ask servers past every cache, several questions at once, and note who does not answer well.

May not: be imported before it is needed, read what is answered.
"""

from __future__ import annotations

import os
import queue
import ssl
import threading
import time
import warnings
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import unquote, urlsplit

from pinstall.formats import urls
from pinstall.index.places import Places
from pinstall.model.artifacts import Answer
from pinstall.model.errors import FINDING, PinstallError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from typing import Any

    import requests
    from requests.adapters import HTTPAdapter

    from pinstall.model.inputs import Option

    Item = TypeVar("Item", bound=Hashable)
    Result = TypeVar("Result")

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
    request.url = urls.without_login(request.url or "")
    name, password = (one and unquote(one) for one in (parts.username, parts.password))
    if name is None or password is None:
        name, password = get_netrc_auth(request.url) or (name, password)
    return request if name is None else HTTPBasicAuth(name, password or "")(request)


MOST: Final = 1 << 26
"""How many bytes an answer may have: the largest pages have some ten million."""
_BLOCK: Final = 1 << 16
_HEADERS: Final = {
    "Accept": "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
}
"""Headers as pip sends them for a page (PEP 691), and the one that no cache on the way may answer."""


class Client:
    """Asks servers over one session, from any thread.

    `failed` says by URL, without credentials, why there is no answer, in words that finish the sentence `URL ...`.
    """

    def __init__(self, options: Iterable[Option]) -> None:
        """Connect to nobody yet; the options are those in force, the weakest first."""
        self._given = tuple(options)
        self._logins: dict[str, str] = {}
        for place in Places(self._given):
            login, host = urls.netloc(place)
            self._logins |= {host: login} if login else {}
        self._opening = threading.Lock()
        self._session: requests.Session | None = None
        self._silent: dict[str, str] = {}
        self.failed: dict[str, str] = {}

    def ask(self, url: str, method: str = "GET") -> Answer | None:
        """Return what is answered to `GET` or `HEAD`, none where that is nothing good.

        A server that could not be reached is not asked again. Whose URL has no credentials is sent those of the index
        on the same host.
        """
        bare, (_, host) = urls.without_login(url), urls.netloc(url)
        try:
            answer = self._silent.get(host) or self._asked(url, bare, method)
        except (ArithmeticError, OSError, ValueError) as error:  # requests lets more through than what it raises itself
            import requests

            answer = f"cannot be asked: {type(error).__name__}"  # its own text may hold a password
            if isinstance(error, requests.ConnectionError | requests.Timeout):
                self._silent[host] = answer
        if isinstance(answer, str):
            self.failed[bare] = answer
            return None
        return answer

    def _asked(self, url: str, bare: str, method: str) -> Answer | str:
        parts = urlsplit(bare)
        login = self._logins.get(parts.netloc, "") if url == bare else ""
        known = parts._replace(netloc=login + parts.netloc).geturl() if login else url
        with self._opened().request(method, known, headers=_HEADERS, allow_redirects=True, stream=True) as response:
            if not response.ok:
                return f"answers {response.status_code}"
            content = bytearray()
            for block in response.iter_content(_BLOCK):
                content += block
                if len(content) > MOST:
                    return f"answers more than {MOST >> 20} MiB"
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(url=urls.without_login(response.url), headers=headers, content=bytes(content))

    def _opened(self) -> requests.Session:
        with self._opening:
            self._session = self._session or session(self._given)
        return self._session


def at_once(
    do: Callable[[Item], Result], items: Iterable[Item], seconds: float, most: int = AT_ONCE
) -> dict[Item, Result]:
    """Do something with each item on so many threads; return, in the order of the items, what is done in that time.

    Who is not done by then is not waited for, not at the end of the process either: a name service, or a server that
    sends a byte now and then, knows no limit. What `do` raises is raised here.
    """
    wanted = dict.fromkeys(items)
    waiting = deque(wanted)
    ended: queue.SimpleQueue[tuple[Item, Result] | BaseException] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                ended.put((item, do(item)))
            except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for it
                ended.put(error)
                return

    until = time.monotonic() + seconds
    for _ in range(min(most, len(wanted))):
        threading.Thread(target=work, daemon=True).start()
    done: dict[Item, Result] = {}
    try:
        while len(done) < len(wanted):
            one = ended.get(timeout=max(0, until - time.monotonic()))
            if isinstance(one, BaseException):
                raise one
            done[one[0]] = one[1]
    except queue.Empty:
        pass
    finally:
        waiting.clear()
    return {item: done[item] for item in wanted if item in done}
