"""A forward proxy on this machine, which notes what it is asked for."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import threading
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Proxy:
    """What a client asked for, as `GET http://host/` and `CONNECT host:port`, and the passwords that it showed."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.url = ""
        self.asked: list[str] = []
        self.authorizations: list[str | None] = []
        self.refuses = False
        """Whether to answer each request with 407."""


@contextlib.contextmanager
def proxy() -> Iterator[Proxy]:
    """Run a proxy on a free port of 127.0.0.1."""
    noting = Proxy()
    handler = type("Bound", (_Forward,), {"noting": noting})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        noting.url = f"http://127.0.0.1:{server.server_port}"
        yield noting
        server.shutdown()
        thread.join()


class _Forward(http.server.BaseHTTPRequestHandler):
    noting: Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: what was asked is in memory."""

    def _refused(self) -> bool:
        self.noting.asked.append(f"{self.command} {self.path}")
        self.noting.authorizations.append(self.headers.get("Proxy-Authorization"))
        if self.noting.refuses:
            self.send_error(407)
        return self.noting.refuses

    def do_GET(self) -> None:
        if self._refused():
            return
        parts = urllib.parse.urlsplit(self.path)
        there = http.client.HTTPConnection(parts.netloc, timeout=10)
        there.request("GET", parts.path, headers={**self.headers, "Connection": "close"})
        answer = there.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for key in ("Content-Type", "Content-Encoding"):
            if key in answer.headers:
                self.send_header(key, answer.headers[key])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        there.close()

    def do_CONNECT(self) -> None:
        if self._refused():
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pour, args=(there, self.connection))
            back.start()
            _pour(self.connection, there)
            back.join()
        self.close_connection = True


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
