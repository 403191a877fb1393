"""One connection of a client: recognizes when a whole request has arrived."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gunicorn.http import get_parser
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, NoMoreData, UnsupportedTransferCoding

from scheduler_project.web.server.channel import Channel
from scheduler_project.web.server.chunks import ChunkScanner
from scheduler_project.web.server.refusals import Refusal
from values.networks import network_of

if TYPE_CHECKING:
    import socket

MAX_HEAD = 64 * 1024  # bytes of the request line and all headers
MAX_BODY = 8 * 1024 * 1024  # bytes: no operation of the API and no form accepts more
MAX_ENCODED = MAX_BODY + MAX_BODY // 4  # bytes of a chunked body, with the sizes of its chunks
HEAD_END = b"\r\n\r\n"
BARE_LINE_END = re.compile(rb"(?<!\r)\n")


class Connection:
    """A connection, with the request that is arriving or being served.

    `sock`, `client`, `server`, `parser` and `timeout` are gunicorn's names for its own class `TConn`.
    """

    def __init__(self, accepted: socket.socket, client: Any, server: Any, config: Any) -> None:
        self.sock = Channel(accepted)
        self.client, self.server = client, server
        self.address = _network(client)
        self.parser = get_parser(config, self.sock, client)
        self.request: Any = None
        self.is_kept = False  # whether another request may follow
        self.is_idle = True  # no byte of the next request has arrived
        self.is_queued = False  # the request waits for a thread
        self.is_last = False  # it waits until no other request does, because the client has ended its stream
        self.is_closing = False  # the response has been sent: only the client's end is awaited
        self.events = 0  # what the poller watches for; 0 while a thread serves the request
        self.since = 0.0  # monotonic time of the begin of the current wait
        self.timeout = 0.0  # monotonic time at which the current wait ends
        self.n_left = 0  # bytes that the client had not read when the current wait began
        self._searched = 0
        self._scanner: ChunkScanner | None = None

    @property
    def n_in_memory(self) -> int:
        """Bytes of memory that the client occupies."""
        return self.sock.n_in_memory

    def start_next(self) -> None:
        """Wait for another request on this connection."""
        self.request, self.is_idle, self._searched = None, not self.sock.received, 0

    def has_request(self, *, is_open: bool) -> bool:
        """Return whether a whole request has arrived. `is_open`: the client may send more bytes.

        Raises NoMoreData if the client has left. Raises Refusal or one of gunicorn's exceptions if the request must be
        refused.
        """
        is_new = self.request is None
        if is_new and not self._read_head(is_open=is_open):
            return False
        end = self._end_of_body()
        if is_new and end is None and self._expects_continue():
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if end is None and not is_open:
            raise Refusal(HTTPStatus.BAD_REQUEST, "The body is shorter than the headers announce.")
        self.sock.n_readable = end or 0
        return end is not None

    def _read_head(self, *, is_open: bool) -> bool:
        received = self.sock.received
        self.is_idle = not received
        end = received.find(HEAD_END, max(0, self._searched - len(HEAD_END) + 1), MAX_HEAD)
        if end < 0:
            if BARE_LINE_END.search(received, max(0, self._searched - 1)):
                self._note_target(received)
                raise Refusal(HTTPStatus.BAD_REQUEST, "A line of the head does not end with CR and LF.")
            self._searched = len(received)
            if not is_open:
                raise NoMoreData
            if len(received) < MAX_HEAD:
                return False
        self._note_target(received)
        if end < 0:
            error = LimitRequestHeaders if b"\r\n" in received else LimitRequestLine
            raise error(f"The head of the request has more than {MAX_HEAD} bytes.")
        self.sock.n_readable = end + len(HEAD_END)
        self.request = next(self.parser)
        self.request.version = min(self.request.version, (1, 1))  # the response has it too
        if any(name == "TRANSFER-ENCODING" and value.lower() != "chunked" for name, value in self.request.headers):
            raise UnsupportedTransferCoding("")  # gunicorn accepts `gzip, chunked`, and does not unpack it
        if self.request.version >= (1, 1) and all(name != "HOST" for name, _ in self.request.headers):
            raise Refusal(HTTPStatus.BAD_REQUEST, "The header Host is missing.")
        self._scanner = ChunkScanner() if isinstance(self.request.body.reader, ChunkedReader) else None
        return True

    def _note_target(self, received: bytearray) -> None:
        self.sock.target, self.sock.is_head = _target(received), received.startswith(b"HEAD ")

    def _end_of_body(self) -> int | None:
        """Return the number of received bytes that belong to the body, or None if some are missing.

        Must not be called again after it has returned a number: the scanner would look for a second body.
        """
        received = self.sock.received
        if self._scanner is None:
            n_bytes: int = self.request.body.reader.length
            if n_bytes > MAX_BODY:
                raise _too_large()
            return n_bytes if len(received) >= n_bytes else None
        end = self._scanner.end_of(received)
        if self._scanner.is_wasteful:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body has too many small chunks: send larger ones.")
        if (len(received) if end is None else end) > MAX_ENCODED:
            raise _too_large()
        return end

    def _expects_continue(self) -> bool:
        return self.request.version >= (1, 1) and ("EXPECT", "100-continue") in {
            (name, value.lower()) for name, value in self.request.headers
        }


def _too_large() -> Refusal:
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is too large: the limit is {MAX_BODY} bytes.")


def _target(received: bytearray) -> str:
    """Return the start of the request's target, without the origin that a proxy's client may send."""
    words = bytes(received[:2048]).split(b"\r\n", 1)[0].split()
    target = words[1].decode("latin-1") if len(words) > 1 else ""
    if target.lower().startswith(("http://", "https://")):
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    return target


def _network(client: Any) -> str:
    """Return the client's network, to count connections by; empty for a Unix socket."""
    return network_of(client[0].partition("%")[0]) if isinstance(client, tuple) else ""
