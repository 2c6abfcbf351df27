"""Ask servers past every cache, several questions at once, and note who does not answer well.

May not: be imported before it is needed, read what is answered.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from pinstall.index.session import AT_ONCE, session
from pinstall.model.artifacts import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    import requests

    from pinstall.model.request import Option

    Item = TypeVar("Item", bound=Hashable)
    Result = TypeVar("Result")

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
        indexes = [option for option in self._given if option.dest == "index_url"][-1:]
        others = (option for option in self._given if option.dest in ("extra_index_urls", "find_links"))
        for option in (*indexes, *others):
            login, at, host = _netloc(option.value or "").rpartition("@")
            self._logins |= {host: login + at} if at else {}
        self._opening = threading.Lock()
        self._session: requests.Session | None = None
        self._silent: dict[str, str] = {}
        self.failed: dict[str, str] = {}

    def ask(self, url: str, method: str = "GET") -> Answer | None:
        """Return what is answered to `GET` or `HEAD`, none where that is nothing good.

        A server that could not be reached is not asked again. Whose URL has no credentials is sent those of the index
        on the same host.
        """
        bare, host = without_login(url), _netloc(url).rpartition("@")[2]
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
        return Answer(url=without_login(response.url), headers=headers, content=bytes(content))

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


def without_login(url: str) -> str:
    """Return a URL without its credentials."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return url.rpartition("@")[2]


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
