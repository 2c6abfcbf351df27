"""Say where pip looks for projects, and ask servers there past every cache, several questions at once.

May not: read the answers.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from pinstall import files, launcher
from pinstall.formats import urls
from pinstall.model.artifacts import Answer, Link
from pinstall.model.errors import FINDING, PinstallError
from pinstall.model.inputs import Option

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter

Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")

# How many questions are asked at the same time, and how many connections to one server are kept.
AT_ONCE = 16
PYPI = "https://pypi.org/simple"
# The destinations of the options that say where pip looks.
OPTIONS = ("index_url", "extra_index_urls", "find_links", "no_index")


class Place(NamedTuple):
    """Where a page is: in which index or place as given, which may hold credentials, at which URL or path."""

    whole: str
    url: str


class Places:
    """Where options in force, the weakest first, let pip look: `indexes`, without a trailing slash, and `finds`."""

    def __init__(self, options: Iterable[Option]) -> None:
        given = tuple(options)
        last = {option.dest: option.value for option in given}
        extra = (option.value for option in given if option.dest == "extra_index_urls")
        urls = () if "no_index" in last else (last.get("index_url") or PYPI, *extra)
        self.indexes = tuple(url.rstrip("/") for url in urls if url)
        self.finds = tuple(found(option) for option in given if option.dest == "find_links" and option.value)

    def __iter__(self) -> Iterator[str]:
        """Yield each index and each place of `--find-links`."""
        return iter((*self.indexes, *self.finds))

    def reach(self, path: str) -> bool:
        """Tell whether a file is in one of these folders, next to one of these pages, or below one of these indexes."""
        folder = os.path.realpath(os.path.dirname(path))
        finds = map(_folder, filter(None, map(files.path_of, self.finds)))
        indexes = map(_folder, filter(None, map(files.path_of, self.indexes)))
        return folder in finds or any(os.path.join(folder, "").startswith(os.path.join(one, "")) for one in indexes)

    def of(self, name: str) -> tuple[Place, ...]:
        """Return where pip looks for a project, in its order."""
        finds = (Place(find, find) for find in self.finds)
        return (*finds, *(Place(index, f"{index}/{name}/") for index in self.indexes))


def found(option: Option) -> str:
    """Return the place that an option names: a path from the option's file if it exists there, `~` expanded."""
    written = option.value or ""
    near = os.path.join(os.path.dirname(option.origin.where), written)
    return near if os.path.exists(near) else os.path.expanduser(written)


def _folder(path: str) -> str:
    real = os.path.realpath(os.path.expanduser(path))
    return os.path.dirname(real) if os.path.isfile(real) else real


def hashes(link: Link) -> frozenset[str]:
    """Return the hashes of the file behind a link, as its page says, or as a file on this machine has them."""
    path = None if link.hashes else files.path_of(link.url)
    return link.hashes if path is None else files.hash_file(path)


def fetch(url: str, options: Iterable[Option]) -> bytes:
    """Return the body behind a URL; raise PinstallError `fetch` where that fails."""
    try:
        with session(options) as opened:
            response = opened.get(url)
            response.raise_for_status()
    except (ArithmeticError, OSError, ValueError) as error:  # requests raises more than its own errors
        status = getattr(getattr(error, "response", None), "status_code", None)
        # the exception's own text holds the URL, and the URL may hold a password
        reason = type(error).__name__ if status is None else f"HTTP status {status}"
        hint = "check the URL and the network"
        raise PinstallError("fetch", f"cannot fetch the file: {reason}", hint=hint, exit_code=FINDING) from None
    return response.content


def session(options: Iterable[Option]) -> requests.Session:
    """Return a session that reaches servers as pip does with these options, the weakest first.

    It heeds `.netrc` and the variables of requests, not keyrings or credentials of index URLs. Raises ValueError
    for a malformed host or timeout. Source: `_build_session` and `PipSession` of pip 26.3.
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
    timeout = float(last.get("timeout") or 15) or None  # seconds, as pip waits
    for prefix in ("http://", "https://"):
        made.mount(prefix, _adapter(timeout, verified=True))
    trusting = _adapter(timeout, verified=False)
    for option in given:
        for prefix in _prefixes(option.value or "") if option.dest == "trusted_hosts" else ():
            made.mount(prefix, trusting)
    return made


def _adapter(timeout: float | None, *, verified: bool) -> HTTPAdapter:
    import ssl

    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import InsecureRequestWarning
    from urllib3.util.ssl_ import create_urllib3_context

    context = None
    if not verified:
        warnings.simplefilter("ignore", InsecureRequestWarning)
    else:
        # since 24.2 pip accepts the system's certificates too, in addition to certifi or `--cert`
        context = create_urllib3_context()
        context.load_default_certs()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 is stricter than pip

    class Adapter(HTTPAdapter):
        def proxy_manager_for(self, proxy: str, **pool: object) -> object:
            return super().proxy_manager_for(proxy, **pool, ssl_context=context)

        def send(self, *request: Any, **how: Any) -> requests.Response:  # noqa: ANN401 - as requests calls it
            how["verify"] = verified and how["verify"]
            response = super().send(*request, **{**how, "timeout": timeout})
            response.raw.enforce_content_length = True  # before 2.0 urllib3 accepts truncated bodies
            return response

    adapter = Adapter()
    adapter.init_poolmanager(AT_ONCE, AT_ONCE, ssl_context=context)
    return adapter


def _prefixes(host: str) -> Iterator[str]:
    """Yield how the URLs of a trusted host begin; a host without a port is trusted on each port."""
    netloc = f"[{host}]" if host.count(":") > 1 and "[" not in host else host
    for end in "/" if urlsplit(f"//{netloc}").port else "/:":
        yield f"http://{netloc}{end}"
        yield f"https://{netloc}{end}"


def _authenticated(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add name and password of the URL, else of `.netrc`, which pip reads even where variables do not count."""
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_netrc_auth

    parts = urlsplit(request.url or "")
    # adapters are chosen by the URL without a login
    request.url = urls.without_login(request.url or "")
    name, password = (one and unquote(one) for one in (parts.username, parts.password))
    if name is None or password is None:
        name, password = get_netrc_auth(request.url) or (name, password)
    return request if name is None else HTTPBasicAuth(name, password or "")(request)


# How many bytes an answer may have: the largest pages have some ten million.
MOST = 1 << 26
_BLOCK = 1 << 16
_MEANINGS = {401: ": it requires a login", 403: ": it forbids this", 407: ": the proxy requires a login"}
# Headers as pip sends them for a page (PEP 691), and the one that no cache on the way may answer.
_HEADERS = {
    "Accept": "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
}


class Client:
    """Asks servers over one session, from any thread, with options in force, the weakest first.

    `failed` says by URL, without credentials, why there is no answer, in words that finish the sentence `URL ...`.
    """

    def __init__(self, options: Iterable[Option]) -> None:
        self._given = tuple(options)
        self._logins = {host: login for login, host in map(urls.netloc, Places(self._given)) if login}
        self._opening = threading.Lock()
        self._session: requests.Session | None = None
        self._silent: dict[str, str] = {}
        self.failed: dict[str, str] = {}

    def ask(self, url: str, method: str = "GET") -> Answer | None:
        """Return a good answer, asked for with credentials of the index on that host; skip unreachable servers."""
        bare, (_, host) = urls.without_login(url), urls.netloc(url)
        try:
            answer = self._silent.get(host) or self._asked(url, bare, method)
        except (ArithmeticError, OSError, ValueError) as error:  # requests raises more than its own errors
            import requests

            answer = name_kind(error)
            if isinstance(error, requests.ConnectionError | requests.Timeout):
                self._silent[host] = answer
        if isinstance(answer, str):
            self.failed[bare] = answer
            return None
        return answer

    def _asked(self, url: str, bare: str, method: str) -> Answer | str:
        with self._opening:  # an import is not for several threads at once
            if launcher.find_broken("requests") is not None:
                return "cannot be asked: `requests` is missing or broken here"
            opened = self._session = self._session or session(self._given)
        login = self._logins.get(urlsplit(bare).netloc, "") if url == bare else ""
        known = bare.replace("//", f"//{login}", 1) if login else url
        with opened.request(method, known, headers=_HEADERS, allow_redirects=True, stream=True) as response:
            if not response.ok:
                return f"answers {response.status_code}{_MEANINGS.get(response.status_code, '')}"
            content = bytearray()
            for block in response.iter_content(_BLOCK):
                content += block
                if len(content) > MOST:
                    return f"answers more than {MOST >> 20} MiB"
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(url=urls.without_login(response.url), headers=headers, content=bytes(content))


# Why there is no answer, in words that finish `URL ...`, by the name of an error in the chain; the first one counts.
_KINDS = {
    "ProxyError": "is not reached through the proxy",
    "SSLCertVerificationError": "has a TLS certificate that is not accepted",
    "SSLError": "does not answer: TLS failed",
    "gaierror": "does not answer: its host name does not resolve (DNS)",
    "ConnectionRefusedError": "does not answer: connection refused",
    "Timeout": "does not answer in time",
}


def name_kind(error: BaseException) -> str:
    """Return why a server gave no answer, to finish `URL ...`; the error's own text may hold a password."""
    names: set[str] = set()
    cause: BaseException | None = error
    while cause is not None:
        names |= {kind.__name__ for kind in type(cause).__mro__}
        cause = cause.__cause__ or cause.__context__
    return next((text for name, text in _KINDS.items() if name in names), f"cannot be asked: {type(error).__name__}")


def at_once(
    do: Callable[[Item], Result], items: Iterable[Item], seconds: float, most: int = AT_ONCE
) -> dict[Item, Result]:
    """Return the results by item, in order, that threads have after so many seconds; raise errors of `do`.

    Threads without a result (a name service has no time limit) do not delay the end of the process.
    """
    futures: dict[Item, Future[Result]] = {item: Future() for item in items}
    waiting = deque(futures.items())

    def work() -> None:
        with suppress(IndexError):  # none is waiting any more
            while True:
                item, future = waiting.popleft()
                try:
                    future.set_result(do(item))
                except BaseException as error:  # noqa: BLE001 - it is raised in the waiting thread
                    future.set_exception(error)

    for _ in range(min(most, len(futures))):
        threading.Thread(target=work, daemon=True).start()
    try:
        done, _ = wait(futures.values(), seconds, FIRST_EXCEPTION)
    finally:
        waiting.clear()
    return {item: future.result() for item, future in futures.items() if future in done}
