"""gunicorn's `gthread` worker, whose main loop reads the requests and sends the responses.

A thread serves a request that has arrived completely, and leaves the response to the main loop. So clients that send or
read slowly occupy no thread, only memory, which is bounded.
"""

from __future__ import annotations

import errno
import resource
import selectors
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any

import structlog
from gunicorn import util
from gunicorn.errors import ConfigError
from gunicorn.http.errors import InvalidHeader, NoMoreData
from gunicorn.http.wsgi import Response, default_environ
from gunicorn.workers.gthread import ThreadWorker

from scheduler_project.web.server.connection import Connection
from scheduler_project.web.server.crowding import in_order, largest
from scheduler_project.web.server.refusals import MALFORMED_CHUNKS, Refusal, refusal_of, write_error
from scheduler_project.web.server.threads import Threads

log = structlog.get_logger(__name__)

FIRST_BYTE_TIMEOUT = 5.0  # seconds from the connection to its first byte
READ_TIMEOUT = 10.0  # seconds from the first byte of a request to its last
WRITE_TIMEOUT = 30.0  # seconds for each part of the response
PART = 64 * 1024  # bytes of a response
CLOSE_TIMEOUT = 2.0  # seconds for a client to read the end of the response and close
MAX_IN_MEMORY = 64 * 1024 * 1024  # bytes of requests that arrive, and of responses that clients have not read
N_ACCEPTED_AT_ONCE = 64  # so many that a flood costs few passes, and so few that the other process accepts too
CLOSED_SHARE = 50  # one in so many connections is closed when there are too many: sorting them costs as much for one
MAX_PASS = 0.1  # seconds for which a thread begins no request while the main loop is busy
COUNT_INTERVAL = 0.05  # seconds between two counts of the memory
SWEEP_INTERVAL = 0.25  # seconds between two checks of the timeouts
# Seconds a busy thread keeps the interpreter while the main loop or a probe waits for it; Python's default is 5 ms.
SWITCH_INTERVAL = 0.001
LOG_INTERVAL = 10.0  # seconds between two log lines about closed connections
# Each has a thread of its own, so that they respond while all other threads are busy.
PROBES = ("/health/live", "/health/ready")
CLIENT_HAS_LEFT = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)

util.write_error = write_error


class Worker(ThreadWorker):  # type: ignore[misc]  # untyped library
    """gunicorn's `gthread` worker with its own main loop for connections."""

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            raise ConfigError("This worker serves plain HTTP: let a proxy terminate TLS.")
        super().check_config(cfg, log)

    def init_process(self) -> None:
        self.has_caught_up = threading.Event()
        self.connections: set[Connection] = set()
        self.probes = {path: Threads(ThreadPoolExecutor(1), self._serve) for path in PROBES}
        n_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The second third is for files: each client may leave one unread. The last one is for the database, logs and
        # the program itself.
        self.worker_connections: int = min(self.cfg.worker_connections, max(n_files // 3, 16))
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._has_grown = False
        self._next_sweep = self._next_count = self._next_line = 0.0
        self._n_closed = 0
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        pool: ThreadPoolExecutor = super().get_thread_pool()
        self.threads = Threads(pool, self._serve, partial(self.has_caught_up.wait, MAX_PASS))
        return pool

    # Waiting for clients

    def accept(self, listener: Any) -> None:
        server = listener.getsockname()
        for _ in range(N_ACCEPTED_AT_ONCE):
            try:
                accepted, client = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._make_room(0)
                elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                    raise
                return
            connection = Connection(accepted, client, server, self.cfg)
            self.connections.add(connection)
            self.nr_conns = len(self.connections)
            connection.since = time.monotonic()
            self._read(connection)  # its request may have arrived: then the poller never has to watch it
            # gunicorn accepts no connection while it has `worker_connections`.
            self._make_room(self.worker_connections - 1, accepted=connection)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        # Each system call of the main loop gives the interpreter to the threads, and it comes back only after each of
        # them has had its turn. So the threads finish what they do, but begin no request until the main loop waits.
        self.has_caught_up.set()
        try:
            events = self.poller.select(timeout)
            self.has_caught_up.clear()
            for key, _ in events:
                key.data(key.fileobj)
        except OSError as error:
            if error.errno != errno.EINTR:
                raise
        now = time.monotonic()
        if self._has_grown and now >= self._next_count:
            self._has_grown, self._next_count = False, now + COUNT_INTERVAL
            self._free_memory()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_INTERVAL
            self._sweep(now)

    def _cap_keepalive(self, deadline: float) -> None:
        """Close connections without a request by `deadline`: gunicorn calls this when the worker stops."""
        for connection in self.connections:
            if connection.is_idle:
                connection.timeout = min(connection.timeout, deadline)

    def _watch(self, connection: Connection, events: int, seconds: float) -> None:
        """Wait for the client for at most `seconds`."""
        callback = partial(self._on_event, connection)
        if not connection.events:
            self.poller.register(connection.sock.fileno(), events, callback)
        elif connection.events != events:
            self.poller.modify(connection.sock.fileno(), events, callback)
        connection.events, connection.since = events, time.monotonic()
        connection.timeout, connection.n_left = connection.since + seconds, connection.sock.n_unsent

    def _unwatch(self, connection: Connection) -> None:
        if connection.events:
            self.poller.unregister(connection.sock.fileno())
            connection.events = 0

    def _on_event(self, connection: Connection, _: int) -> None:
        if not connection.events:  # another event of the same pass has closed it
            return
        if connection.events == selectors.EVENT_WRITE:
            self._write(connection)
        else:
            self._read(connection)

    def _waiting(self) -> list[Connection]:
        """Return the connections that no thread is serving: they wait for their client, or for a thread."""
        return [connection for connection in self.connections if connection.events or connection.is_queued]

    def _sweep(self, now: float) -> None:
        for connection in list(self.connections):
            if connection.events and connection.timeout <= now:
                self._drop(connection)
        if self._n_closed and now >= self._next_line:
            log.warning("clients_disconnected", action="serve", n_connections=self._n_closed)
            self._n_closed, self._next_line = 0, now + LOG_INTERVAL

    def _make_room(self, n_connections: int, accepted: Connection | None = None) -> None:
        """Close some connections if there are more than `n_connections`, but not one that was `accepted` just now."""
        if len(self.connections) > n_connections:
            waiting = [each for each in self._waiting() if each is not accepted]
            for connection in islice(in_order(waiting), 1 + self.worker_connections // CLOSED_SHARE):
                self._drop_waiting(connection)

    def _free_memory(self) -> None:
        """Close connections that occupy memory. Requests that have arrived completely are the last ones."""
        n_bytes = sum(connection.n_in_memory for connection in self.connections)
        while n_bytes > MAX_IN_MEMORY and (holding := [each for each in self._waiting() if each.n_in_memory]):
            found = largest([each for each in holding if not each.is_queued] or holding)
            n_bytes -= found.n_in_memory
            self._drop_waiting(found)

    # From the first byte of a request to its thread

    def _read(self, connection: Connection) -> None:
        try:
            is_open = connection.sock.receive()
        except OSError:
            self._drop(connection)
            return
        if connection.is_closing:
            connection.sock.received.clear()
            if not is_open:
                self._drop(connection)
            return
        self._has_grown = True
        if connection.events and connection.is_idle and connection.sock.received:
            self._watch(connection, selectors.EVENT_READ, READ_TIMEOUT)
        self._advance(connection, is_open=is_open)

    def _advance(self, connection: Connection, *, is_open: bool = True) -> None:
        """Give the connection to a thread if its request has arrived."""
        try:
            has_request = connection.has_request(is_open=is_open)
        except (NoMoreData, StopIteration, OSError):
            self._drop(connection)
        except Exception as error:  # noqa: BLE001 - as gunicorn does: any error of the parser is the request's
            self._refuse(connection, error)
        else:
            if has_request:
                self._unwatch(connection)
                self.enqueue_req(connection)
            elif not connection.events:
                seconds = FIRST_BYTE_TIMEOUT if connection.is_idle else READ_TIMEOUT
                self._watch(connection, selectors.EVENT_READ, seconds)

    def _refuse(self, connection: Connection, error: Exception) -> None:
        self._unwatch(connection)
        connection.is_kept = False
        self.handle_error(connection.request, connection.sock, connection.client, error)
        self._write(connection)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Respond to a request that cannot be served. gunicorn's own method quotes malformed headers."""
        refusal = refusal_of(exc)
        if refusal is None:
            super().handle_error(req, client, addr, exc)
            return
        request, status = req or (exc.req if isinstance(exc, InvalidHeader) else None), refusal.status
        address, port = addr[:2] if isinstance(addr, tuple) else ("", "")
        log.warning("request_refused", action="serve", address=address, status=status.value, reason=str(refusal))
        if request is not None:
            response = Response(request, client, self.cfg)
            response.status = f"{status.value} {status.phrase}"
            environ = default_environ(request, client, self.cfg) | {"REMOTE_ADDR": address, "REMOTE_PORT": port}
            self.log.access(response, request, environ, timedelta())
        with suppress(OSError):
            write_error(client, status.value, status.phrase, str(refusal))

    def enqueue_req(self, conn: Connection) -> None:
        conn.since = time.monotonic()
        self._threads_of(conn).put(conn)

    def _threads_of(self, connection: Connection) -> Threads:
        return self.probes.get(connection.request.path, self.threads)

    # In a thread

    def _serve(self, connection: Connection) -> None:
        is_kept = False
        try:
            is_kept = not connection.sock.is_lost and self.handle(connection)
        finally:
            self.method_queue.defer(self.finish_request, connection, is_kept)

    def handle(self, conn: Connection) -> bool:
        """Serve the request. Return whether another request may follow on the connection."""
        try:
            return self._keepalive_after(conn, self.handle_request(conn.request, conn))
        except NoMoreData:  # the body's end is not where it seemed to be
            error = Refusal(HTTPStatus.BAD_REQUEST, MALFORMED_CHUNKS)
            self.handle_error(conn.request, conn.sock, conn.client, error)
        except StopIteration as error:
            self.log.debug("Closing connection. %s", error)
        except OSError as error:
            if error.errno in CLIENT_HAS_LEFT:
                self.log.debug("Ignoring a client that has left")
            else:
                self.log.exception("Socket error processing request.")
        except Exception as error:  # noqa: BLE001 - as gunicorn does: it logs the error and responds with 500
            self.handle_error(conn.request, conn.sock, conn.client, error)
        return False

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Return whether another request may follow, which is unknown if the rest of the body cannot be read.

        The response has been sent, so an exception here must not become a second response.
        """
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except Exception as error:  # noqa: BLE001 - any error of the parser means that the end of the body is unknown
            self.log.debug("Closing connection. %s", error)
            return False

    # From the response to the next request

    def finish_request(self, conn: Connection, is_kept: bool) -> None:
        """Send the rest of the response."""
        conn.is_kept = is_kept and not conn.sock.n_readable
        self._has_grown = True
        if conn.n_in_memory > PART:
            self._next_count = 0.0  # count the memory at once: the threads go on with other large responses
        self._write(conn)

    def _write(self, connection: Connection) -> None:
        try:
            is_sent = connection.sock.flush()
            if not is_sent:
                if not connection.events or connection.n_left - connection.sock.n_unsent >= PART:
                    self._watch(connection, selectors.EVENT_WRITE, WRITE_TIMEOUT)
            elif connection.is_kept:
                self._await_next(connection)
            else:
                connection.sock.end_stream()
                connection.is_closing = True
                self._watch(connection, selectors.EVENT_READ, CLOSE_TIMEOUT)
        except OSError:
            self._drop(connection)

    def _await_next(self, connection: Connection) -> None:
        connection.start_next()
        self._watch(connection, selectors.EVENT_READ, self.cfg.keepalive if connection.is_idle else READ_TIMEOUT)
        if not connection.is_idle:
            self._advance(connection)

    def _drop_waiting(self, connection: Connection) -> None:
        """Close a connection that waits for its client or for a thread, unless a thread has just taken it."""
        if connection.events or self._threads_of(connection).remove(connection):
            self._n_closed += 1
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """Close a connection that neither a thread nor a queue has."""
        self._unwatch(connection)
        connection.sock.disconnect()
        self.connections.discard(connection)
        self.nr_conns = len(self.connections)
