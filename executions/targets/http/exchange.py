"""One request and its answer over one connection: sent within the budget, read up to a size."""

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

READ_AT_ONCE = 16 * 1024
# RFC 9110, 9.2.2: what may be sent again when a kept connection turns out to be closed.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: HttpUrl
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes that hold for each request of an attempt."""

    connect_seconds: float
    read_seconds: float | None
    body_bytes: int
    policy: EgressPolicy
    verify_tls: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `body` is decompressed and at most `Limits.body_bytes` long."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    truncated: bool = False
    complete: bool = False  # False while the body is not read: the exchange may break off in between

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(slots=True)
class Trace:
    """What is known of an attempt so far. It outlives a failure, so people see how far the exchange came."""

    began: float = field(default_factory=time.monotonic)
    request: Request | None = None
    answer: Answer | None = None
    remote_address: str = ""
    connected: bool = False
    host: str = ""
    timings_ms: dict[str, float] = field(default_factory=lambda: {"dns": 0.0, "connect": 0.0, "tls": 0.0})
    redirects: list[dict[str, object]] = field(default_factory=list)


def exchange(request: Request, limits: Limits, budget: Budget, trace: Trace) -> Answer:
    """Send `request` and read its answer; raises what `failures.EXPECTED` lists, or CutOff."""
    trace.host, trace.connected, trace.answer = request.url.host, False, None
    route = Route.to(request.url, limits.policy, verify_tls=limits.verify_tls)
    kept = idle.get().take(route)
    if kept is not None:
        try:
            return _converse(kept, request, limits, budget, trace)
        except ConnectionError:
            # The server closed it at this very moment. Nothing was answered, so a repeatable request goes out anew.
            if trace.answer is not None or request.method not in _REPEATABLE:
                raise
            budget.check()
    return _converse(new_connection(route), request, limits, budget, trace)


def _converse(connection: CheckedConnection, request: Request, limits: Limits, budget: Budget, trace: Trace) -> Answer:
    try:
        if connection.sock is None:
            connection.open(budget, min(limits.connect_seconds, budget.remaining()))
            for phase, spent in connection.opening_ms.items():
                trace.timings_ms[phase] += spent
        trace.connected, trace.remote_address = True, connection.remote_address
        budget.guard(breaker_of(connection.sock))
        connection.timeout = _patience(limits, budget)
        connection.expect(_wire_bytes(limits))
        sent = time.monotonic()
        _send(connection, request)
        with connection.getresponse() as response:
            trace.timings_ms["first_byte"] = (time.monotonic() - sent) * 1000
            trace.answer = _head(response)
            trace.answer = answer = _read_body(response, trace.answer, limits, budget)
    except BaseException:
        connection.close()
        raise
    finally:
        budget.release()
    if answer.truncated or connection.sock is None:
        connection.close()
    else:
        idle.get().give(connection)
    return answer


def _patience(limits: Limits, budget: Budget) -> float:
    # The watchdog comes first at the deadline; this is the net beneath it.
    left = budget.remaining() + 0.5
    return left if limits.read_seconds is None else min(limits.read_seconds, left)


def _wire_bytes(limits: Limits) -> int:
    """Enough for a body that comes in chunks of a byte each, and for what is kept of a long one."""
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
        # A server may refuse a long body and say why before it has read it: the answer may be waiting.
        if not request.body:
            raise


def _head(response: HTTPResponse) -> Answer:
    if response.status < 200:
        raise InvalidResponse(f"it ends with the interim status {response.status}")
    return Answer(response.status, response.reason or "", list(response.headers.items()))


def _read_body(response: HTTPResponse, answer: Answer, limits: Limits, budget: Budget) -> Answer:
    """Read one byte more than is kept, to know whether there was more. Decompression is bounded by the same amount.

    What takes far more bytes on the wire than it gives (padding, empty compressed parts, trailers) is cut off too.
    """
    if "," in response.headers.get("content-encoding", ""):
        raise InvalidResponse("its body is compressed more than once")
    body = bytearray()
    overflown = False
    try:
        while len(body) <= limits.body_bytes:
            budget.check()
            part = response.read1(min(READ_AT_ONCE, limits.body_bytes + 1 - len(body)), decode_content=True)
            if not part:
                break
            body += part
    except TooMuch:
        overflown = True
    budget.check()  # a connection that was cut off looks like one that has ended
    truncated = overflown or len(body) > limits.body_bytes
    return replace(answer, body=bytes(body[: limits.body_bytes]), truncated=truncated, complete=True)
