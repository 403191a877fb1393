"""gunicorn's `gthread` worker with timeouts, so that slow or silent clients do not occupy its threads.

A connection gets a thread only when data has arrived on it. From then on the whole request must arrive within
`READ_TIMEOUT`, and the client must read each part of the response within `WRITE_TIMEOUT`.
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

FIRST_BYTE_TIMEOUT = 5.0  # seconds from the connection to its first byte
READ_TIMEOUT = 10.0  # seconds from the first byte of a request to its last
WRITE_TIMEOUT = 30.0  # seconds for each part of the response
CLOSE_TIMEOUT = 0.5  # seconds for a client to read the end of the response and close
MIN_READ_TIMEOUT = 0.001  # seconds: after the deadline, data that has already arrived is still read


class TimedSocket(socket.socket):
    """A connection with timeouts. After a timeout, gunicorn treats the connection as closed by the client."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self.setblocking(False)
        self.read_by = time.monotonic() + READ_TIMEOUT

    def setblocking(self, flag: bool) -> None:
        """Switch to blocking mode with the write timeout, or to non-blocking mode."""
        # gunicorn also calls this for connections that it has closed.
        if self.fileno() >= 0:
            self.settimeout(WRITE_TIMEOUT if flag else 0.0)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read data. If no data arrives before the request's deadline, raise NoMoreData.

        gunicorn logs NoMoreData only at the level debug.
        """
        allowed = self.gettimeout()
        if allowed == 0.0:
            return super().recv(bufsize, flags)
        left = max(self.read_by - time.monotonic(), MIN_READ_TIMEOUT)
        self.settimeout(left if allowed is None else min(left, allowed))
        try:
            return super().recv(bufsize, flags)
        except TimeoutError as error:
            raise NoMoreData from error
        finally:
            self.settimeout(allowed)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all data. Raises BrokenPipeError if the client does not read the data in time."""
        with _timeout_as_broken_pipe():
            super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file. Raises BrokenPipeError if the client does not read the data in time."""
        with _timeout_as_broken_pipe():
            return super().sendfile(file, offset, count)


@contextmanager
def _timeout_as_broken_pipe() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise BrokenPipeError(errno.EPIPE, "the client does not read the response") from error


class Worker(ThreadWorker):  # type: ignore[misc]  # untyped library
    """gunicorn's `gthread` worker with the timeouts of this module."""

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread once data has arrived on it.

        Until then, a new connection waits in the poller, where it needs no thread.
        """
        if not isinstance(conn.sock, TimedSocket):
            conn.sock = TimedSocket(conn.sock)
            conn.timeout = time.monotonic() + FIRST_BYTE_TIMEOUT
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
            return
        conn.sock.read_by = time.monotonic() + READ_TIMEOUT
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve one request. If the connection is not kept alive, close the connection in this thread.

        gunicorn itself would close it in the main loop, where a client that does not respond blocks all connections.
        """
        is_kept_alive = super().handle(conn)
        if not is_kept_alive:
            conn.sock.read_by = min(conn.sock.read_by, time.monotonic() + CLOSE_TIMEOUT)
            conn.close(graceful=True)
        return is_kept_alive
