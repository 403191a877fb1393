"""Sends one request and reads the response, within the time budget of the attempt and up to a maximum size."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from executions.targets.http.connection import CheckedConnection, Route, idle, new_connection
from executions.targets.http.deadline import breaker_of
from executions.targets.http.failures import InvalidResponse
from executions.targets.http.meter import TooMuch

if TYPE_CHECKING:
    from urllib3 import HTTPResponse

    from executions.targets.http.addresses import EgressPolicy
    from executions.targets.http.deadline import Budget
    from executions.targets.http.urls import HttpUrl

READ_CHUNK_BYTES = 16 * 1024  # between two checks of the budget
# RFC 9110, 9.2.2: methods that a client may repeat when a kept connection turns out to be closed.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


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


@dataclass(frozen=True, slots=True)
class Response:
    """A server's response. `body` is decompressed and at most `Limits.body_bytes` long."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    truncated: bool = False
    complete: bool = False  # False until the body has been read; stays False if the connection breaks before

    def header(self, name: str) -> str | None:
        """Return the value of the first header with this name, or None. `name` must be in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)


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
    """Send `request` and return the response. Raises CutOff or one of `failures.EXPECTED`."""
    trace.host, trace.port, trace.connected, trace.response = request.url.host, request.url.port, False, None
    route = Route.to(request.url, limits.policy, verify_tls=limits.verify_tls)
    kept = idle.get().take(route)
    if kept is not None:
        try:
            return _send_and_read(kept, request, limits, budget, trace)
        except ConnectionError:
            # The server closed the kept connection just now. It sent no response, so a repeatable request is sent
            # again.
            if trace.response is not None or request.method not in _REPEATABLE:
                raise
            budget.check()
    return _send_and_read(new_connection(route), request, limits, budget, trace)


def _send_and_read(
    connection: CheckedConnection, request: Request, limits: Limits, budget: Budget, trace: Trace
) -> Response:
    try:
        if connection.sock is None:
            connection.open(budget, min(limits.connect_seconds, budget.remaining()))
            for phase, spent in connection.opening_ms.items():
                trace.timings_ms[phase] += spent
        trace.connected, trace.remote_address = True, connection.remote_address
        budget.guard(breaker_of(connection.sock))
        connection.timeout = _socket_timeout(limits, budget)
        connection.expect(_wire_bytes(limits))
        sent = time.monotonic()
        _send(connection, request)
        with connection.getresponse() as response:
            trace.timings_ms["first_byte"] = (time.monotonic() - sent) * 1000
            trace.response = _read_head(response)
            trace.response = read = _read_body(response, trace.response, limits, budget)
    except BaseException:
        connection.close()
        raise
    finally:
        budget.release()
    if read.truncated or connection.sock is None:
        connection.close()
    else:
        idle.get().give(connection)
    return read


def _socket_timeout(limits: Limits, budget: Budget) -> float:
    # Half a second after the deadline, so that the watchdog breaks the connection first and sets the right reason.
    left = budget.remaining() + 0.5
    return left if limits.read_seconds is None else min(limits.read_seconds, left)


def _wire_bytes(limits: Limits) -> int:
    """Return the maximum number of bytes that a response's body may take on the wire.

    A body in chunks of one byte takes 6 bytes per chunk; the factor 8 leaves a margin. The additional 64 KB are for
    trailers and buffering.
    """
    return 8 * limits.body_bytes + 64 * 1024


def _send(connection: CheckedConnection, request: Request) -> None:
    try:
        connection.request(
            request.method,
            request.url.target,
            body=request.body,
            headers=request.headers,
            preload_content=False,
            decode_content=True,
        )
    except (BrokenPipeError, ConnectionResetError):
        # A server may refuse a long body before it has read the whole body: its response may be readable already.
        if not request.body:
            raise


def _read_head(response: HTTPResponse) -> Response:
    if response.status < 200:
        raise InvalidResponse(f"its status is {response.status}, but a final response has a status of at least 200")
    return Response(response.status, response.reason or "", list(response.headers.items()))


def _read_body(response: HTTPResponse, head: Response, limits: Limits, budget: Budget) -> Response:
    """Return `head` with the body. Reads one byte more than `limits.body_bytes`, to detect a longer body.

    `limits.body_bytes` limits the decompressed body. `_wire_bytes` limits the bytes on the wire, because some of them
    add nothing to the decompressed body: padding, empty compressed parts, trailers. A body that exceeds one
    of the two limits is cut off.
    """
    if "," in response.headers.get("content-encoding", ""):
        raise InvalidResponse("its header Content-Encoding lists more than one encoding")
    body = bytearray()
    is_too_long = False
    try:
        while len(body) <= limits.body_bytes:
            budget.check()
            part = response.read1(min(READ_CHUNK_BYTES, limits.body_bytes + 1 - len(body)), decode_content=True)
            if not part:
                break
            body += part
    except TooMuch:
        is_too_long = True
    budget.check()  # a connection that was broken at the deadline looks like one that the server closed
    truncated = is_too_long or len(body) > limits.body_bytes
    return replace(head, body=bytes(body[: limits.body_bytes]), truncated=truncated, complete=True)
