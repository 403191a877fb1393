"""The web process's gunicorn worker: a client that is slow, or silent, holds no thread for long.

A thread is given only to a connection that something has come in on. From then on the whole request has to come within
`READ_WITHIN`, and each piece of the answer has to be taken within `WRITE_WITHIN`.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from gunicorn.http.errors import NoMoreData
from gunicorn.workers.gthread import ThreadWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEAK_WITHIN = 5.0  # seconds from the connection to its first byte
READ_WITHIN = 10.0  # seconds from a request's first byte to its last
WRITE_WITHIN = 30.0  # seconds
LINGER = 0.5  # seconds for a client to take the end of an answer and close
GLANCE = 0.001  # seconds: what has come in meanwhile can still be read


class TimedSocket(socket.socket):
    """A connection that gives up on a client: what it asks of the other side ends like a connection that was cut."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self.setblocking(False)
        self.read_by = time.monotonic() + READ_WITHIN

    def setblocking(self, flag: bool) -> None:
        if self.fileno() >= 0:
            self.settimeout(WRITE_WITHIN if flag else 0.0)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        allowed = self.gettimeout()
        if allowed == 0.0:
            return super().recv(bufsize, flags)
        left = max(self.read_by - time.monotonic(), GLANCE)
        self.settimeout(left if allowed is None else min(left, allowed))
        try:
            return super().recv(bufsize, flags)
        except TimeoutError as error:
            raise NoMoreData from error
        finally:
            self.settimeout(allowed)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        with _cut_when_late():
            super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        with _cut_when_late():
            return super().sendfile(file, offset, count)


@contextmanager
def _cut_when_late() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise BrokenPipeError(errno.EPIPE, "the client takes no more of the answer") from error


class Worker(ThreadWorker):  # type: ignore[misc]  # untyped library
    """gunicorn's `gthread`, with a limit to its patience."""

    def enqueue_req(self, conn: Any) -> None:
        """Let a new connection wait beside the threads until there is something to read; then count its time."""
        if not isinstance(conn.sock, TimedSocket):
            conn.sock = TimedSocket(conn.sock)
            conn.timeout = time.monotonic() + SPEAK_WITHIN
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
            return
        conn.sock.read_by = time.monotonic() + READ_WITHIN
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve one request, and close here: in its loop, where gunicorn does it, one silent client stops them all."""
        goes_on = super().handle(conn)
        if not goes_on:
            conn.sock.read_by = min(conn.sock.read_by, time.monotonic() + LINGER)
            conn.close(graceful=True)
        return goes_on
