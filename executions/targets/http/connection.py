"""Opens a connection to a checked address. Every request gets a connection of its own.

A connection that served two requests could deliver a late second answer to the first request as the answer to the
second.

A host name is looked up once, and the connection is opened to one of the addresses that the policy allows. So a name
that resolves to another address between the check and the connection (DNS rebinding) cannot bypass the policy. The host
name is still sent in SNI and in the `Host` header.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, ClassVar

import certifi

from executions.per_process import PerProcess
from executions.targets.http.deadline import breaker_of
from executions.targets.http.resolve import resolve

if TYPE_CHECKING:
    from executions.targets.http.addresses import EgressPolicy
    from executions.targets.http.deadline import Budget
    from executions.targets.http.resolve import Resolved
    from executions.targets.http.urls import HttpUrl

# Firewalls and NAT drop connections that are silent for some minutes, and a timeout may be a day.
KEEPALIVE_IDLE_SECONDS = 60  # silence before the first probe
KEEPALIVE_INTERVAL_SECONDS = 15  # between two probes
KEEPALIVE_PROBES = 4  # unanswered probes before the connection counts as broken: after two minutes


class CheckedConnection(http.client.HTTPConnection):
    """A connection that must be opened by `open`, which checks the address. http.client does not open it by itself."""

    auto_open: ClassVar[int] = 0  # type: ignore[misc]  # http.client declares it per instance

    def __init__(self, url: HttpUrl, policy: EgressPolicy, *, verify_tls: bool) -> None:
        super().__init__(url.host.rstrip("."), url.port)  # servers and certificates name hosts without a final dot
        self._url, self._policy, self._verify_tls = url, policy, verify_tls
        self.remote_address = ""
        self.opening_ms: dict[str, float] = {}

    def open(self, budget: Budget, seconds: float) -> socket.socket:
        """Look up the host, check its addresses and open the connection (with TLS for https), all within `seconds`.

        Raises OSError and the exceptions that `resolve` raises.
        """
        started = time.monotonic()
        found = resolve(self._url.host, self._url.port, self._policy, budget, seconds)
        resolved = time.monotonic()
        self.sock = sock = _connect(found, budget, started + seconds)
        connected = time.monotonic()
        self.remote_address = str(sock.getpeername()[0])
        if self._url.scheme == "https":
            self.sock = sock = self._wrap(sock, budget, started + seconds)
        self.opening_ms = {
            "dns": (resolved - started) * 1000,
            "connect": (connected - resolved) * 1000,
            "tls": (time.monotonic() - connected) * 1000 if self._url.scheme == "https" else 0.0,
        }
        return sock

    def _wrap(self, plain: socket.socket, budget: Budget, until: float) -> ssl.SSLSocket:
        context = _tls_contexts.get()[self._verify_tls]
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

    default_port: ClassVar[int] = http.client.HTTPS_PORT  # type: ignore[misc]  # http.client declares it per instance


def new_connection(url: HttpUrl, policy: EgressPolicy, *, verify_tls: bool) -> CheckedConnection:
    """Return a new connection, not open yet, to the server of `url`."""
    made = CheckedTlsConnection if url.scheme == "https" else CheckedConnection
    return made(url, policy, verify_tls=verify_tls)


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
            _keep_alive(sock)
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


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "darwin":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPALIVE, KEEPALIVE_IDLE_SECONDS)
    else:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)


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
