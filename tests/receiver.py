"""A real HTTP/1.1 server for tests, that answers each path as it was told to and remembers what came.

Its delays are waits that end at once when the server closes, so that no test outlives its own assertions.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Reply: TypeAlias = Callable[["Handler"], None]


@dataclass(frozen=True)
class Received:
    """One request as it arrived. `at` is on the monotonic clock; `client_port` tells connections apart."""

    method: str
    path: str
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float
    client_port: int


@dataclass
class Receiver:
    """`script(path, reply, ...)` says what a path answers: one reply after the other, the last again and again."""

    scheme: str = "http"
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    _scripts: dict[str, list[Reply]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def script(self, path: str, *replies: Reply) -> str:
        """Returns the path's URL."""
        with self._lock:
            self._scripts[path] = list(replies)
        return self.url(path)

    def take(self, request: Received) -> Reply:
        with self._lock:
            self.requests.append(request)
            replies = self._scripts.get(request.path)
            reply = echo() if not replies else replies.pop(0) if len(replies) > 1 else replies[0]
        self.arrived.set()
        return reply

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the test."""
        self.closing.wait(seconds)


class Handler(BaseHTTPRequestHandler):
    """Reads a request and hands the connection to the reply."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    receiver: Receiver

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        self.request_seen = Received(
            self.command, parts.path, parts.query, headers, body, time.monotonic(), self.client_address[1]
        )
        try:
            self.receiver.take(self.request_seen)(self)
        except OSError:
            self.close_connection = True  # the client has gone, as some tests want it to

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Tests have nobody who reads an access log."""

    def send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def answer(
    status: int = 200, body: bytes | str = b"", headers: dict[str, str] | None = None, after: float = 0
) -> Reply:
    """A plain answer, `after` some seconds."""

    def reply(handler: Handler) -> None:
        handler.receiver.pause(after)
        handler.send(status, body.encode() if isinstance(body, str) else body, headers)

    return reply


def echo() -> Reply:
    """The request itself, as JSON."""

    def reply(handler: Handler) -> None:
        seen = handler.request_seen
        text = json.dumps(
            {
                "method": seen.method,
                "path": seen.path,
                "query": seen.query,
                "headers": seen.headers,
                "body": seen.body.decode(errors="replace"),
            }
        )
        handler.send(200, text.encode(), {"Content-Type": "application/json"})

    return reply


def redirect(location: str, status: int = 302) -> Reply:
    return answer(status, headers={"Location": location})


def hang() -> Reply:
    """Take the request and send nothing until the test is over."""

    def reply(handler: Handler) -> None:
        handler.receiver.closing.wait(600)  # longer than the longest test
        handler.close_connection = True

    return reply


def drip_body(every: float = 0.05, piece: bytes = b".", n_pieces: int = 10_000) -> Reply:
    """Send the body a few bytes at a time, so that no single read ever times out."""

    def reply(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(piece) * n_pieces))
        handler.end_headers()
        for _ in range(n_pieces):
            handler.wfile.write(piece)
            if handler.receiver.closing.wait(every):
                break
        handler.close_connection = True

    return reply


def drip_headers(every: float = 0.05) -> Reply:
    """Send one header line after the other and never come to an end."""

    def reply(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not handler.receiver.closing.wait(every):
            handler.wfile.write(b"d")
        handler.close_connection = True

    return reply


def raw(*parts: bytes) -> Reply:
    """Send these bytes and close the connection."""

    def reply(handler: Handler) -> None:
        for part in parts:
            handler.wfile.write(part)
        handler.close_connection = True

    return reply


def flood_headers(n_headers: int) -> Reply:
    lines = b"".join(b"X-Flood-%d: water\r\n" % index for index in range(n_headers))
    return raw(b"HTTP/1.1 200 OK\r\n", lines, b"Content-Length: 0\r\n\r\n")


def gzip_bomb(n_bytes: int) -> Reply:
    """A small body that unpacks to `n_bytes` of zeros."""
    return answer(200, gzip.compress(bytes(n_bytes)), {"Content-Encoding": "gzip"})


@contextmanager
def running_receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    receiver = Receiver(scheme="https" if tls else "http")
    handler = type("ScriptedHandler", (Handler,), {"receiver": receiver})
    server = _Server(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is what many tests are about."""
