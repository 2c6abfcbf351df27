"""Fetching by URL: the bytes as they are, and errors that never show credentials."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from pinstall.adapters import index as adapter
from pinstall.errors import PinstallError
from tests.support.environments import ROOT
from tests.support.index import Fault, Index
from tests.support.wheels import Archive

SECRET = "swordfish"


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this machine's proxies and `.netrc` out."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("NETRC", "/dev/null")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def refused(url: str, **environ: str) -> PinstallError:
    """Return the error of a fetch, after a look at all that could be printed of it."""
    with pytest.raises(PinstallError) as caught:
        adapter.fetch(url, environ)
    error = caught.value
    assert (error.reference, error.exit_code) == ("fetch", 1)
    assert error.__suppress_context__
    assert error.__cause__ is None, "a traceback would show the URL"
    assert SECRET not in f"{error!r} {error.message} {error.context} {error.hint}"
    return error


def test_a_body_comes_back_as_it_is(index: Index) -> None:
    url = index.add(Archive("requirements-1.txt", b"demo==1.0\r\n\xff"))
    assert adapter.fetch(url, {}) == b"demo==1.0\r\n\xff"
    index.fault(url, Fault(location=index.add(Archive("moved-1.txt", b"moved"))))
    assert adapter.fetch(url, {}) == b"moved"


def test_credentials_of_the_url_are_sent_and_their_refusal_is_told_without_them(index: Index) -> None:
    url = index.add(Archive("requirements-1.txt", b"demo"))
    index.credentials = ("me", SECRET)
    assert adapter.fetch(url.replace("://", f"://me:{SECRET}@"), {}) == b"demo"
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
    refused("https://127.0.0.1:9/x", PIP_CERT="/not/there.pem")


def test_requests_is_not_imported_before_something_is_fetched() -> None:
    code = "import sys, pinstall.adapters.index; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
