"""Serve a package index on this machine that can change, count and misbehave while it runs."""

from __future__ import annotations

import base64
import hashlib
import http.server
import socketserver
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from tests.support.pages import HTML, JSON, Listing, html_page, json_page, metadata_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as the server saw and answered it; `path` is unquoted."""

    method: str
    path: str
    status: int
    sent: int
    headers: Mapping[str, str]
    at: float = field(default_factory=time.monotonic)
    """When it was answered, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What to answer wrongly: the first field that is set decides; `times` counts down, None is for ever.

    `kind` is another content type, `seconds` go by before the answer and `pause` before each byte of it.
    """

    status: int | None = None
    location: str | None = None
    not_modified: bool = False
    content: bytes | None = None
    cut: int | None = None
    kind: str | None = None
    seconds: float = 0.0
    pause: float = 0.0
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer before conditions, ranges and faults are applied."""

    content: bytes
    kind: str
    max_age: int | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """A validator that changes with the content."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


class Index:
    """A package index: `add`, `remove`, `fault`, `requests`; a context manager that serves while it is open."""

    def __init__(self) -> None:
        """Bind a free port of 127.0.0.1."""
        self.page_max_age: int | None = 600
        self.file_max_age: int | None = 365_000_000
        self.latency = 0.0
        self.json = True
        self.credentials: tuple[str, str] | None = None
        self.requests: list[Request] = []
        self.listings: dict[str, Listing] = {}
        self.faults: dict[str, Fault] = {}
        self.frozen: dict[str, list[Listing]] = {}
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), type("Bound", (_Answer,), {"index": self}))
        self.root = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Index:  # noqa: PYI034 - `Self` needs Python 3.11
        """Start to serve."""
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving and free the port."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        """The simple URL, for `--index-url`, without credentials."""
        return f"{self.root}/simple/"

    @property
    def url_with_credentials(self) -> str:
        """The simple URL with the credentials that the index demands."""
        return self.url.replace("://", f"://{':'.join(self.credentials or ())}@", 1)

    def page_url(self, project: str) -> str:
        """The URL of the project's page, as pip asks for it and keys it in its cache."""
        return f"{self.url}{canonicalize_name(project)}/"

    def file_url(self, filename: str) -> str:
        """The URL of a file, as pip asks for it and keys it in its cache."""
        return f"{self.root}/files/{urllib.parse.quote(filename)}"

    def add(
        self,
        artifact: tuple[str, bytes],
        *,
        yanked: str | None = None,
        requires_python: str | None = None,
        hashes: bool | str = True,
        metadata: bool = True,
    ) -> str:
        """List the artifact, in place of one of the same file name, and return its URL.

        `hashes=False` publishes no digest, a text one by this algorithm and not by sha256; `metadata=False` no PEP 658
        file; `yanked=""` is without a reason.
        """
        filename, content = artifact
        stem = filename.split("-")[0] if filename.endswith(".whl") else filename.rpartition("-")[0]
        self.listings[filename] = Listing(
            filename=filename,
            url=self.file_url(filename),
            content=content,
            project=canonicalize_name(stem),
            yanked=yanked,
            requires_python=requires_python,
            algorithm="sha256" if hashes is True else hashes or "",
            metadata=metadata_of(content) if metadata else None,
        )
        return self.file_url(filename)

    def remove(self, filename: str) -> None:
        """Take the file off its page and off the server."""
        del self.listings[filename]

    def fault(self, url: str, fault: Fault) -> None:
        """Answer requests for this URL (or path) wrongly from now on; `faults.clear()` ends it."""
        self.faults[urllib.parse.unquote(urllib.parse.urlsplit(url).path)] = fault

    def freeze_page(self, project: str) -> None:
        """Serve the project's page as it is now, whatever is added later; `frozen.clear()` ends it."""
        name = canonicalize_name(project)
        self.frozen[name] = self._listings(name)

    def asked(self, fragment: str) -> list[Request]:
        """Return the requests whose path contains the fragment, `/files/` or `/simple/demo/` for instance."""
        return [request for request in self.requests if fragment in request.path]

    def take_fault(self, path: str) -> Fault | None:
        """Return the fault for this path, counting down those that last only some times."""
        with self.lock:
            fault = self.faults.get(path)
            if fault and fault.times is not None:
                self.faults[path] = replace(fault, times=fault.times - 1)
            return None if fault and fault.times == 0 else fault

    def reply(self, path: str, accept: str) -> Reply:
        """Return what an honest index answers."""
        part, _, rest = path.strip("/").partition("/")
        if part == "simple" and any(rest == listing.project for listing in list(self.listings.values())):
            return self._page(rest, as_json=self.json and JSON in accept)
        listing = self.listings.get(rest.removesuffix(".metadata")) if part == "files" else None
        content = None
        if listing:
            content = listing.metadata if rest.endswith(".metadata") else listing.content
        if content is None:
            return Reply(content=b"not found", kind="text/plain", max_age=None, status=404)
        return Reply(content=content, kind="application/octet-stream", max_age=self.file_max_age)

    def _listings(self, project: str) -> list[Listing]:
        return [listing for listing in list(self.listings.values()) if listing.project == project]

    def _page(self, project: str, *, as_json: bool) -> Reply:
        listings = self.frozen.get(project, self._listings(project))
        content = json_page(project, listings) if as_json else html_page(listings)
        kind = JSON if as_json else HTML
        return Reply(content=content.encode(), kind=kind, max_age=self.page_max_age, headers={"Vary": "Accept"})


class _Server(http.server.ThreadingHTTPServer):
    def server_bind(self) -> None:
        # HTTPServer's own would ask the name service for this machine's name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up, as one does that was killed on purpose, is none of the server's faults.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Answer(http.server.BaseHTTPRequestHandler):
    index: Index
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet: the request log is in memory."""

    def do_GET(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        fault = self.index.take_fault(path)
        time.sleep(max(self.index.latency, fault.seconds if fault else 0))
        reply = self.index.reply(path, self.headers.get("Accept", ""))
        if not self._allowed():
            headers = {"WWW-Authenticate": 'Basic realm="index"'}
            reply = Reply(content=b"", kind="text/plain", max_age=None, status=401, headers=headers)
        elif fault and fault.status:
            reply = Reply(content=b"fault", kind="text/plain", max_age=None, status=fault.status)
        elif fault and fault.location:
            reply = Reply(content=b"", kind=HTML, max_age=None, status=308, headers={"Location": fault.location})
        self._send(path, reply, fault)

    do_HEAD = do_GET  # noqa: N815 - the name is http.server's

    def _allowed(self) -> bool:
        wanted = self.index.credentials
        token = base64.b64encode(":".join(wanted or ()).encode()).decode()
        return wanted is None or self.headers.get("Authorization") == f"Basic {token}"

    def _send(self, path: str, reply: Reply, fault: Fault | None) -> None:
        headers = {"Content-Type": (fault and fault.kind) or reply.kind, "Accept-Ranges": "bytes", **reply.headers}
        status, body = reply.status, reply.content
        if status == http.HTTPStatus.OK:
            headers["ETag"] = reply.etag
            if reply.max_age is not None:
                headers["Cache-Control"] = f"max-age={reply.max_age}, public"
            if fault and fault.content is not None:
                body = fault.content
            condition = self.headers.get("If-None-Match")
            if condition and (condition == reply.etag or (fault and fault.not_modified)):
                status, body = 304, b""
            elif "Range" in self.headers:
                status, body, headers["Content-Range"] = _range(self.headers["Range"], body)
        headers["Content-Length"] = str(len(body))
        cut = fault.cut if fault and fault.cut is not None and status < http.HTTPStatus.MULTIPLE_CHOICES else None
        sent = b"" if self.command == "HEAD" else body[:cut]
        # Logged before it is sent: once the client has ended, the log is complete.
        asked = dict(self.headers.items())
        self.index.requests.append(
            Request(method=self.command, path=path, status=status, sent=len(sent), headers=asked)
        )
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        for byte in sent if fault and fault.pause else ():
            time.sleep(fault.pause if fault else 0)
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
        self.wfile.write(b"" if fault and fault.pause else sent)
        self.close_connection = self.close_connection or cut is not None


def _range(header: str, body: bytes) -> tuple[int, bytes, str]:
    first, _, last = header.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, len(body) - int(last))
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    if start >= len(body):
        return 416, b"", f"bytes */{len(body)}"
    return 206, body[start : end + 1], f"bytes {start}-{end}/{len(body)}"
