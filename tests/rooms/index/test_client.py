"""Fetching by URL: the bytes as they are, on the way that pip's options say, and no credentials in any error."""

from __future__ import annotations

import base64
import gc
import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import certifi
import pytest
from packaging.utils import canonicalize_name

from pinstall.index import client
from pinstall.index import client as adapter
from pinstall.index.offers import Index as Offered
from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Option, Origin
from pinstall.request import arguments
from tests.support import tls
from tests.support.environments import ROOT
from tests.support.index import Fault, Index
from tests.support.proxy import Proxy, proxy
from tests.support.sdists import sdist
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.environments import Environment

RELEASE = (26, 3)
SECRET = "swordfish"
FILE = Archive("requirements-1.txt", b"demo==1.0\n")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this machine's proxies and `.netrc` out."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("NETRC", "/dev/null")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", *PROXIES, *map(str.lower, (*PROXIES, "NO_PROXY"))):
        monkeypatch.delenv(name, raising=False)


def fetch(url: str, *words: str) -> bytes:
    """Fetch with these options of pip's command line."""
    return adapter.fetch(url, arguments.read(words, RELEASE).options)


def refused(url: str, *words: str) -> PinstallError:
    """Return the error of a fetch, after a look at all that could be printed of it."""
    with pytest.raises(PinstallError) as caught:
        fetch(url, *words)
    error = caught.value
    assert (error.reference, error.exit_code) == ("fetch", 1)
    assert error.__suppress_context__
    assert error.__cause__ is None, "a traceback would show the URL"
    assert SECRET not in f"{error!r} {error.message} {error.context} {error.hint}"
    return error


def test_a_body_comes_back_as_it_is(index: Index) -> None:
    url = index.add(Archive("requirements-1.txt", b"demo==1.0\r\n\xff"))
    assert fetch(url) == b"demo==1.0\r\n\xff"
    index.fault(url, Fault(location=index.add(Archive("moved-1.txt", b"moved"))))
    assert fetch(url) == b"moved"


def test_credentials_of_the_url_are_sent_and_their_refusal_is_told_without_them(index: Index) -> None:
    url = index.add(Archive("requirements-1.txt", b"demo"))
    index.credentials = ("me", SECRET)
    assert fetch(url.replace("://", f"://me:{SECRET}@")) == b"demo"
    assert "401" in refused(url.replace("://", f"://me:{SECRET}{SECRET}@")).message


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_status_is_named(index: Index, status: int) -> None:
    url = index.add(Archive("requirements-1.txt", b"demo"))
    index.fault(url, Fault(status=status))
    assert refused(url.replace("://", f"://me:{SECRET}@")).message == f"cannot fetch the file: HTTP status {status}"


def test_a_cut_connection_is_an_error_and_not_half_a_file(index: Index) -> None:
    url = index.add(Archive("requirements-1.txt", b"demo==1.0\nother==2.0\n"))
    index.fault(url, Fault(cut=10))
    refused(url)


def test_a_refused_connection_is_named() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert "ConnectionError" in refused(f"http://me:{SECRET}@127.0.0.1:{port}/requirements.txt").message


@pytest.mark.parametrize("url", [f"http://me:{SECRET}@[/x", f"http://me:{SECRET}@:99999999/x", f"http://{SECRET}\x00/"])
def test_a_url_that_is_none_is_an_error_like_any_other(url: str) -> None:
    refused(url)


def test_certificates_that_are_not_there_are_an_error_like_any_other() -> None:
    refused("https://127.0.0.1:9/x", "--cert=/not/there.pem")
    refused("https://127.0.0.1:9/x", "--client-cert=/not/there.pem")


def test_requests_is_not_imported_before_something_is_fetched() -> None:
    code = "import sys, pinstall.index.client; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# --- certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def secured(index: Index, tmp_path: Path) -> str:
    """Return the URL of a file behind TLS."""
    tls.secure(index, tmp_path)
    return index.add(FILE)


def test_cert_names_whom_to_believe(secured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SSLError" in refused(secured).message
    certificate = tls.written(tmp_path)
    assert fetch(secured, "--cert", str(certificate)) == FILE.content
    # another name of the same server, which the certificate does not bear
    assert "SSLError" in refused(secured.replace("127.0.0.1", "127.1"), "--cert", str(certificate)).message
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch(secured, "--cert", "~/certificate.pem") == FILE.content
    # as for pip: pypa/pip#4459
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    assert "SSLError" in refused(secured, "--cert", str(certificate)).message


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_variables_name_whom_to_believe_too(
    secured: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tls.written(tmp_path)))
    assert fetch(secured) == FILE.content


def test_client_cert_is_shown_to_a_server_that_demands_one(index: Index, tmp_path: Path) -> None:
    tls.secure(index, tmp_path, clients=True)
    url = index.add(FILE)
    certificate = tls.written(tmp_path)
    refused(url, "--cert", str(certificate))
    words = ("--cert", str(certificate), "--client-cert", str(tls.written_with_key(tmp_path)))
    assert fetch(url, *words) == FILE.content


@pytest.mark.parametrize(
    ("hosts", "trusted"),
    [
        (("127.0.0.1",), True),
        (("127.0.0.1:{port}",), True),
        (("example.invalid", "127.0.0.1"), True),
        (("127.0.0.1:1",), False),
        (("127.0.0",), False),
        (("localhost",), False),
    ],
)
def test_a_trusted_host_needs_no_certificate(index: Index, secured: str, hosts: tuple[str, ...], trusted: bool) -> None:
    """A warning would be an error here."""
    index.credentials = ("me", SECRET)
    url = secured.replace("://", f"://me:{SECRET}@")
    words = [f"--trusted-host={host.format(port=index.server.server_port)}" for host in hosts]
    if trusted:
        assert fetch(url, *words) == FILE.content
        assert fetch(url, *words, "--cert=/not/there.pem") == FILE.content
    else:
        assert "SSLError" in refused(url, *words).message


HOSTS = ["h", "H.example", "h:8443", "h:443", "::1", "[::1]", "[::1]:8443", "user@h"]
PAGES = [f"{scheme}://{host}/x" for scheme in ("http", "https") for host in ("h", "h:8443", "h:443", "h2", "hh")]
PAGES += ["https://h.EXAMPLE/", "https://[::1]/", "https://[::1]:8443/", "https://[::1]:1/", "https://user@h/x"]
PIPS = """
import json, sys
from pip._internal.network.session import PipSession
hosts, pages = json.load(sys.stdin)
sessions = {host: PipSession(trusted_hosts=[host]) for host in hosts}
print(json.dumps({h: [p for p in pages if s.get_adapter(p) is s._trusted_host_adapter and s.get_adapter(p) is not
    s.adapters["http://"]] for h, s in sessions.items()}))
"""


def test_hosts_are_trusted_as_pip_trusts_them(environment: Environment) -> None:
    asked = json.dumps([HOSTS, PAGES])
    # with a cache, trusted hosts have an adapter of their own
    code = PIPS.replace("trusted_hosts", "cache='c', trusted_hosts")
    argv = [str(environment.python), "-c", code]
    ended = subprocess.run(argv, input=asked, capture_output=True, text=True, check=True, env=environment.variables)
    ours = {}
    for host in HOSTS:
        with adapter.session(arguments.read(["--trusted-host", host], RELEASE).options) as session:
            usual = {session.adapters["http://"], session.adapters["https://"]}
            ours[host] = [page for page in PAGES if session.get_adapter(page) not in usual]
    assert ours == json.loads(ended.stdout)


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def between() -> Iterator[Proxy]:
    """Run a proxy."""
    with proxy() as noting:
        yield noting


def test_a_proxy_is_asked_with_its_password(index: Index, between: Proxy) -> None:
    url = index.add(FILE)
    assert fetch(url, "--proxy", between.url.replace("://", f"://me:{SECRET}@")) == FILE.content
    assert between.asked == [f"GET {url}"]
    assert between.authorizations == [f"Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}"]
    # what curl would understand
    assert fetch(url, "--proxy", between.url.removeprefix("http://")) == FILE.content


@pytest.mark.parametrize("way", ["--cert", "--trusted-host", "SSL_CERT_FILE"])
def test_tls_goes_through_a_proxy(
    secured: str, between: Proxy, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = str(tls.written(tmp_path))
    words = {"--cert": (way, certificate), "--trusted-host": (way, "127.0.0.1")}.get(way, ())
    if not words:
        monkeypatch.setenv(way, certificate)
    assert fetch(secured, "--proxy", between.url, *words) == FILE.content
    assert [asked.partition(" ")[0] for asked in between.asked] == ["CONNECT"]


def test_a_proxy_that_refuses_is_an_error_like_any_other(index: Index, secured: str, between: Proxy) -> None:
    between.refuses = True
    guarded = between.url.replace("://", f"://me:{SECRET}@")
    assert "ProxyError" in refused(secured, "--trusted-host", "127.0.0.1", "--proxy", guarded).message
    assert "407" in refused("http://127.0.0.1:9/x", "--proxy", guarded).message


def test_proxies_of_variables_count_unless_options_say_otherwise(
    index: Index, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = index.add(FILE)
    monkeypatch.setenv("HTTP_PROXY", between.url)
    assert (fetch(url), between.asked) == (FILE.content, [])  # NO_PROXY is everything
    monkeypatch.delenv("NO_PROXY")
    assert (fetch(url), between.asked) == (FILE.content, [f"GET {url}"])
    for words in (["--no-proxy-env"], ["--proxy", ""]):
        assert fetch(url, *words) == FILE.content
    assert len(between.asked) == 1
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert fetch(url, "--no-proxy-env", "--proxy", between.url) == FILE.content
    assert len(between.asked) == 2


# --- timeouts and passwords ------------------------------------------------------------------------------------------


def test_the_timeout_is_the_given_one(index: Index) -> None:
    url = index.add(FILE)
    index.latency = 0.4
    assert "Timeout" in refused(url, "--timeout", "0.1").message
    for seconds in ("0", "20"):  # pip takes 0 for no limit
        assert fetch(url, "--timeout", "0.1", "--timeout", seconds) == FILE.content


# urllib3 forgets the socket that it cannot wait for
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("dest", "value"), [("timeout", "soon"), ("timeout", "inf"), ("timeout", "-1"), ("trusted_hosts", "h:x")]
)
def test_a_value_that_pip_refuses_is_an_error_like_any_other(index: Index, dest: str, value: str) -> None:
    option = Option(name=f"--{dest}", dest=dest, value=value, origin=Origin(where="PIP_X"))
    with pytest.raises(PinstallError) as caught:
        adapter.fetch(index.add(FILE), [option])
    reference = caught.value.reference
    del caught  # it holds the frames that hold the socket
    gc.collect()
    assert reference == "fetch"


@pytest.mark.parametrize("words", [(), ("--no-proxy-env",)])
def test_netrc_stands_behind_the_url(
    index: Index, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = index.add(FILE)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login me password {SECRET}%41\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    index.credentials = ("me", f"{SECRET}%41")
    assert fetch(url, *words) == FILE.content
    assert fetch(url.replace("://", "://me@"), *words) == FILE.content
    refused(url.replace("://", f"://me:{SECRET}@"), *words)
    index.credentials = ("you", f"{SECRET}@")
    assert fetch(url.replace("://", f"://you:{SECRET}%40@"), *words) == FILE.content


def test_a_name_alone_is_sent_with_an_empty_password(index: Index) -> None:
    """As tokens are written."""
    url = index.add(FILE)
    index.credentials = (SECRET, "")
    assert fetch(url.replace("://", f"://{SECRET}@")) == FILE.content


# --- several questions at once ---------------------------------------------------------------------------------------


def test_answers_come_in_the_order_of_the_questions_and_only_those_in_time() -> None:
    def slow(seconds: float) -> float:
        time.sleep(seconds)
        return seconds * 2

    assert list(client.at_once(slow, [0.2, 0.0, 0.1], 5).items()) == [(0.2, 0.4), (0.0, 0.0), (0.1, 0.2)]
    started = time.monotonic()
    assert client.at_once(slow, [0.0, 3.0], 0.5) == {0.0: 0.0}
    assert time.monotonic() - started < 2
    assert client.at_once(slow, [], 5) == {}


def test_what_goes_wrong_in_a_thread_goes_wrong_here() -> None:
    with pytest.raises(IndexError):
        client.at_once([].__getitem__, [1], 5)


def test_no_thread_outlives_the_process() -> None:
    code = "import time; from pinstall.index.client import at_once; at_once(time.sleep, [60, 61], 0.1)"
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert time.monotonic() - started < 20


def offered(index: Index, *words: str) -> Offered:
    """Return what is to be asked of an index, and of what options name beside it."""
    return Offered(arguments.read(["--index-url", index.url, *words], RELEASE).options)


DEMO = canonicalize_name("demo")
OTHER = canonicalize_name("other")


@pytest.mark.parametrize("as_json", [True, False], ids=["JSON", "HTML"])
def test_a_page_tells_of_each_file_what_there_is_to_know(index: Index, *, as_json: bool) -> None:
    index.json = as_json
    good, source = wheel("demo", "1.0"), sdist("demo", "0.9")
    url = index.add(good, requires_python=">=3.8")
    index.add(source, yanked="")
    asked = offered(index)
    (page,) = asked.pages([DEMO, OTHER])[DEMO]
    assert page.index == index.url.rstrip("/")
    first, second = page.links
    assert (first.url, first.hashes, first.requires_python) == (url, frozenset({f"sha256:{good.sha256}"}), ">=3.8")
    assert (second.filename, second.yanked) == (source.filename, True)
    assert asked.silent == ()
    # it is remembered
    assert asked.pages([DEMO]) == {DEMO: (page,)}
    assert len(index.asked("/simple/demo/")) == 1


def test_the_metadata_beside_a_file_are_believed_by_their_hash(index: Index) -> None:
    url = index.add(wheel("demo", "1.0"))
    index.add(sdist("demo", "0.9"))
    asked = offered(index)
    ((page,),) = asked.pages([DEMO]).values()
    first, second = page.links
    assert b"Name: demo" in (asked.metadata(first) or b"")
    assert asked.metadata(second) is None
    assert asked.metadata(replace(first, metadata=frozenset())) is not None
    index.fault(f"{url}.metadata", Fault(content=b"Name: other\n"))
    assert asked.metadata(first) is None
    index.fault(f"{url}.metadata", Fault(status=404))
    assert asked.metadata(first) is None


def test_places_are_in_the_order_of_pip(index: Index, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    wheel("demo", "3.0").write(tmp_path / "wheels")
    wheel("other", "3.0").write(tmp_path / "wheels")
    index.add(wheel("demo", "1.0"))
    with Index() as more:
        more.add(wheel("demo", "2.0"))
        more.credentials = ("me", SECRET)
        words = ("--extra-index-url", more.url_with_credentials, "--find-links", str(tmp_path / "wheels"))
        asked = offered(index, *words)
        pages = asked.pages([DEMO])[DEMO]
        assert [(page.index, len(page.links)) for page in pages] == [
            (str(tmp_path / "wheels"), 1),
            (index.url.rstrip("/"), 1),
            (more.url.rstrip("/"), 1),
        ]
        # a file of an index gets the credentials of that index
        assert asked.metadata(pages[-1].links[0]) is not None
        assert [page.index for page in offered(index, "--no-index", *words).pages([DEMO])[DEMO]] == [pages[0].index]


def test_an_index_can_be_a_folder(tmp_path: Path) -> None:
    page = tmp_path / "simple" / "demo"
    wheel("demo", "1.0").write(page)
    (page / "index.html").write_text('<a href="demo-1.0-py3-none-any.whl">x</a>', encoding="utf-8")
    url = (tmp_path / "simple").as_uri()
    asked = Offered(arguments.read(["--index-url", url], RELEASE).options)
    ((found,),) = asked.pages([DEMO, OTHER]).values()
    assert [link.url for link in found.links] == [f"{url}/demo/demo-1.0-py3-none-any.whl"]
    assert asked.silent == ()


def test_what_does_not_answer_well_is_named_once_and_without_credentials(index: Index) -> None:
    index.add(wheel("demo", "1.0"))
    index.credentials = ("me", "right")
    down = f"http://me:{SECRET}@127.0.0.1:9/simple"
    asked = offered(index, "--extra-index-url", down, "--find-links", f"http://me:{SECRET}@127.0.0.1:9/links")
    assert asked.pages([DEMO, OTHER]) == {}
    assert sorted(asked.silent) == sorted(
        (
            "http://127.0.0.1:9/links does not answer: connection refused",
            "http://127.0.0.1:9/simple does not answer: connection refused",
            f"{index.url.rstrip('/')} answers 401: it requires a login",
        )
    )
    assert SECRET not in repr(asked.silent)


def test_pages_are_asked_for_at_once(index: Index) -> None:
    names = [canonicalize_name(f"pp{number}") for number in range(48)]
    for name in names:
        index.add(wheel(name, "1.0"))
    index.latency = 0.3
    started = time.monotonic()
    assert list(offered(index).pages(names)) == names
    # one after the other they would take fourteen seconds
    assert time.monotonic() - started < 7


def test_an_answer_has_a_limit(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST", 1 << 20)
    url = index.add(Archive("big-1.txt", b"x" * ((1 << 20) + 1)))
    asking = client.Client(())
    assert asking.ask(url) is None
    assert asking.failed == {url: "answers more than 1 MiB"}
