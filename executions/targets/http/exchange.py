"""Sends one request and reads the response, within the time budget of the attempt and up to a maximum size."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from executions.targets.http.connection import CheckedConnection, new_connection
from executions.targets.http.content import read_content
from executions.targets.http.deadline import breaker_of
from executions.targets.http.meter import Meter
from executions.targets.http.response import MAX_HEAD_BYTES, Response, read_head

if TYPE_CHECKING:
    import socket

    from executions.targets.http.addresses import EgressPolicy
    from executions.targets.http.deadline import Budget
    from executions.targets.http.urls import HttpUrl

READ_BUFFER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: HttpUrl
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of each request of an attempt, the policy for addresses, and whether certificates are checked."""

    connect_seconds: float
    read_seconds: float | None  # longest time without data from the server
    body_bytes: int  # maximum size of a response's body; the rest is discarded
    policy: EgressPolicy
    verify_tls: bool


@dataclass(slots=True)
class Trace:
    """The progress of an attempt.

    The progress is stored after a failure too, so that people see how far the attempt got.
    """

    started: float = field(default_factory=time.monotonic)
    request: Request | None = None
    response: Response | None = None
    remote_address: str = ""
    connected: bool = False
    host: str = ""
    port: int = 0
    timings_ms: dict[str, float] = field(default_factory=lambda: {"dns": 0.0, "connect": 0.0, "tls": 0.0})
    redirects: list[dict[str, object]] = field(default_factory=list)


def exchange(request: Request, limits: Limits, budget: Budget, trace: Trace) -> Response:
    """Send `request` on a new connection and return the response. Raises CutOff or one of `failures.EXPECTED`."""
    trace.host, trace.port, trace.connected, trace.response = request.url.host, request.url.port, False, None
    connection = new_connection(request.url, limits.policy, verify_tls=limits.verify_tls)
    try:
        sock = connection.open(budget, min(limits.connect_seconds, budget.remaining()))
        for phase, spent in connection.opening_ms.items():
            trace.timings_ms[phase] += spent
        trace.connected, trace.remote_address = True, connection.remote_address
        budget.guard(breaker_of(sock))
        sock.settimeout(_socket_timeout(limits, budget))
        sent = time.monotonic()
        _send(connection, request)
        return _read(sock, request, limits, budget, trace, sent)
    finally:
        budget.release()
        connection.close()


def _socket_timeout(limits: Limits, budget: Budget) -> float:
    # Half a second after the deadline, so that the watchdog breaks the connection first and sets the right reason.
    left = budget.remaining() + 0.5
    return left if limits.read_seconds is None else min(limits.read_seconds, left)


def _send(connection: CheckedConnection, request: Request) -> None:
    try:
        connection.request(
            request.method, request.url.target, body=request.body, headers={**request.headers, "Connection": "close"}
        )
    except (BrokenPipeError, ConnectionResetError):
        # A server may refuse a long body before it has read the whole body: its response may be readable already.
        if not request.body:
            raise


def _read(sock: socket.socket, request: Request, limits: Limits, budget: Budget, trace: Trace, sent: float) -> Response:
    """Return the response, and set `trace.response` to its head before its body is read.

    `limits.body_bytes` limits the decompressed body. `_wire_bytes` limits the bytes on the wire, because some of them
    add nothing to the decompressed body: padding, empty compressed parts, chunk sizes. A body that exceeds one of the
    limits is cut off.
    """
    with Meter(sock.makefile("rb", buffering=0), MAX_HEAD_BYTES, budget.pause) as meter:
        stream = io.BufferedReader(meter, READ_BUFFER_BYTES)
        trace.response = head = read_head(stream)
        trace.timings_ms["first_byte"] = (time.monotonic() - sent) * 1000
        meter.n_left = _wire_bytes(limits)
        body, truncated = read_content(stream, head, request.method, limits.body_bytes)
    budget.check()  # a connection that was broken at the deadline looks like one that the server closed
    trace.response = replace(head, body=body, truncated=truncated, complete=True)
    return trace.response


def _wire_bytes(limits: Limits) -> int:
    """Return the maximum number of bytes that a response's body may take on the wire.

    A body in chunks of one byte takes 6 bytes per chunk; the factor 8 leaves a margin. The additional 64 KiB are for
    the parts that hold no data, and for buffering.
    """
    return 8 * limits.body_bytes + 64 * 1024
