"""Connections to checked addresses, and the pool of idle connections.

A connection that has been idle for two seconds is not used again.

A host name is looked up once, and the connection is opened to one of the addresses that the policy allows. So a name
that resolves to another address between the check and the connection (DNS rebinding) cannot bypass the policy. The host
name is still sent in SNI and in the `Host` header.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import certifi
from urllib3.connection import HTTPConnection

from executions.per_process import PerProcess
from executions.targets.http.deadline import breaker_of
from executions.targets.http.failures import InvalidResponse
from executions.targets.http.meter import Meter, TooMuch
from executions.targets.http.resolve import resolve

if TYPE_CHECKING:
    from executions.targets.http.addresses import EgressPolicy
    from executions.targets.http.deadline import Budget
    from executions.targets.http.resolve import Resolved
    from executions.targets.http.urls import HttpUrl


# Maximum size of the headers of a response, including the interim responses (1xx) before it. http.client limits a
# header line to 64 KB and a response to 100 headers, but reads any number of interim responses.
MAX_HEAD_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection goes, and how. Only requests with the same route may use the same connection."""

    scheme: str
    host: str
    port: int
    policy: EgressPolicy
    verify_tls: bool

    @classmethod
    def to(cls, url: HttpUrl, policy: EgressPolicy, *, verify_tls: bool) -> Route:
        return cls(*url.origin, policy=policy, verify_tls=verify_tls)


class _WholeLines:
    """A stream of header lines that raises IncompleteRead if the headers are incomplete.

    http.client would accept incomplete headers.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._n_lines = 0

    def readline(self, limit: int = -1) -> bytes:
        line = self._stream.readline(limit)
        is_cut = (self._n_lines and not line) or (line and not line.endswith(b"\n") and len(line) != limit)
        if is_cut:
            raise http.client.IncompleteRead(line)
        self._n_lines += 1
        return line

    def close(self) -> None:
        self._stream.close()


class _MeteredResponse(http.client.HTTPResponse):
    """A response with two size limits in bytes.

    The limits are `MAX_HEAD_BYTES` for its headers, and `n_wire_bytes` for its body before decompression.
    """

    def __init__(self, sock: socket.socket, *args: Any, n_wire_bytes: int, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._n_wire_bytes = n_wire_bytes
        self._meter = Meter(self.fp.detach(), MAX_HEAD_BYTES)
        self.fp = io.BufferedReader(self._meter)

    def begin(self) -> None:
        stream: Any = self.fp
        self.fp = _WholeLines(stream)  # type: ignore[assignment]  # reading headers needs only these two methods
        try:
            super().begin()
        except TooMuch:
            raise InvalidResponse(f"it begins with more than {MAX_HEAD_BYTES // 1024} KB of headers") from None
        finally:
            if self.fp is not None:  # http.client may have closed it
                self.fp = stream
        self._meter.n_left = self._n_wire_bytes


class CheckedConnection(HTTPConnection):
    """A connection that must be opened by `open`, which checks the address. http.client does not open it by itself."""

    auto_open: ClassVar[int] = 0  # type: ignore[misc]  # http.client declares it per instance

    def __init__(self, route: Route) -> None:
        super().__init__(route.host, route.port)
        self.route = route
        self.remote_address = ""
        self.opening_ms: dict[str, float] = {}

    def expect(self, n_wire_bytes: int) -> None:
        """Limit the body of the next response to `n_wire_bytes` before decompression. Reading more raises TooMuch."""
        self.response_class = partial(_MeteredResponse, n_wire_bytes=n_wire_bytes)  # type: ignore[assignment]

    def open(self, budget: Budget, seconds: float) -> None:
        """Look up the host, check its addresses and open the connection (with TLS for https), all within `seconds`.

        Raises OSError and the exceptions that `resolve` raises.
        """
        started = time.monotonic()
        found = resolve(self.route.host, self.route.port, self.route.policy, budget, seconds)
        resolved = time.monotonic()
        self.sock = _connect(found, budget, started + seconds)
        connected = time.monotonic()
        self.remote_address = str(self.sock.getpeername()[0])
        if self.route.scheme == "https":
            self.sock = self._wrap(self.sock, budget, started + seconds)
        self.opening_ms = {
            "dns": (resolved - started) * 1000,
            "connect": (connected - resolved) * 1000,
            "tls": (time.monotonic() - connected) * 1000 if self.route.scheme == "https" else 0.0,
        }

    def _wrap(self, plain: socket.socket, budget: Budget, until: float) -> ssl.SSLSocket:
        context = _tls_contexts.get()[self.route.verify_tls]
        # Wrapping moves the descriptor from the plain socket to the wrapped socket, and the breaker of the plain socket
        # has no effect any more. So start the handshake only after `guard` has the breaker of the wrapped socket.
        wrapped = context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        try:
            budget.guard(breaker_of(wrapped))
            wrapped.settimeout(max(until - time.monotonic(), 0.001))
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped


class CheckedTlsConnection(CheckedConnection):
    """A CheckedConnection for TLS. Its default port is 443, so the `Host` header does not name this port."""

    default_port: ClassVar[int] = 443  # type: ignore[misc]  # as in urllib3


def new_connection(route: Route) -> CheckedConnection:
    """Return a new connection, not open yet, for this route."""
    return CheckedTlsConnection(route) if route.scheme == "https" else CheckedConnection(route)


def _connect(addresses: list[Resolved], budget: Budget, until: float) -> socket.socket:
    """Return a socket that is connected to the first address that accepts.

    Each address gets an equal share of the time left, so one address that does not respond cannot use all the time.
    """
    failure: OSError = TimeoutError()
    for index, (family, address) in enumerate(addresses):
        share = (min(until, budget.deadline) - time.monotonic()) / (len(addresses) - index)
        if share <= 0:
            raise TimeoutError
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(share)
            budget.guard(breaker_of(sock))
            sock.connect(address)
        except OSError as error:
            sock.close()
            budget.check()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def _make_tls_contexts() -> dict[bool, ssl.SSLContext]:
    """Return two TLS contexts: one that checks certificates (True), and one that does not check them (False).

    The first context trusts the authorities of the system (or of SSL_CERT_FILE) and those of certifi. Some systems have
    no authorities of their own.
    """
    strict = ssl.create_default_context()
    strict.load_verify_locations(certifi.where())
    lax = ssl.create_default_context()
    lax.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE
    return {True: strict, False: lax}


_tls_contexts = PerProcess(_make_tls_contexts)


class IdleConnections:
    """Connections that stay open for later requests."""

    MAX_IDLE_SECONDS = 2.0  # servers close idle connections after 5 s or more; send no request at that moment
    MAX_KEPT = 256  # open sockets of one process

    def __init__(self) -> None:
        self._kept: dict[Route, list[tuple[float, CheckedConnection]]] = {}
        self._n_kept = 0
        self._swept = time.monotonic()
        self._lock = threading.Lock()

    def take(self, route: Route) -> CheckedConnection | None:
        """Remove and return an idle connection of this route; None if there is none."""
        while True:
            with self._lock:
                waiting = self._kept.get(route)
                if not waiting:
                    return None
                since, connection = waiting.pop()
                self._n_kept -= 1
                if not waiting:
                    del self._kept[route]
            # `is_connected` is false for an idle connection with data to read: the server closed the connection, or
            # sent data that nobody requested.
            if time.monotonic() - since < self.MAX_IDLE_SECONDS and connection.is_connected:
                return connection
            connection.close()

    def give(self, connection: CheckedConnection) -> None:
        """Keep an open connection for a later request, or close it if MAX_KEPT connections are kept.

        The last response on the connection must have been read to the end.
        """
        with self._lock:
            stale = self._remove_stale() if time.monotonic() - self._swept > self.MAX_IDLE_SECONDS else []
            if self._n_kept < self.MAX_KEPT:
                self._kept.setdefault(connection.route, []).append((time.monotonic(), connection))
                self._n_kept += 1
            else:
                stale.append(connection)
        for old in stale:
            old.close()

    def _remove_stale(self) -> list[CheckedConnection]:
        self._swept = time.monotonic()
        oldest = self._swept - self.MAX_IDLE_SECONDS
        stale = [one for waiting in self._kept.values() for since, one in waiting if since < oldest]
        fresh = {r: [pair for pair in waiting if pair[0] >= oldest] for r, waiting in self._kept.items()}
        self._kept = {route: waiting for route, waiting in fresh.items() if waiting}
        self._n_kept -= len(stale)
        return stale

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            kept, self._kept, self._n_kept = self._kept, {}, 0
        for waiting in kept.values():
            for _, connection in waiting:
                with contextlib.suppress(OSError):
                    connection.close()


idle = PerProcess(IdleConnections)
