"""Records when each message reaches the broker, with Redis's MONITOR: the server reports each command and its time."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

import redis

from benchmarks.exceptions import CannotMeasure

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

ARGUMENT = re.compile(rb'"(?:[^"\\]|\\.)*"')
RECV_BYTES = 1 << 20
CONNECT_TIMEOUT = 5  # seconds


def flush(url: str) -> None:
    """Delete everything in the broker's database."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()


class BrokerMonitor:
    """Records when the message of each run is pushed to a queue. Call `drain` often: the server buffers the reports.

    `count` is a function that returns the number of runs in a message.
    """

    def __init__(self, url: str, queue: str, count: Callable[[bytes], int]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "valkey"} or not parts.hostname:
            raise CannotMeasure("the broker's URL must start with redis:// (no TLS, no sockets)")
        # kombu keeps one list for each priority: the queue's name, two control characters and a digit.
        self._push = re.compile(rb'"LPUSH" "%s(?:\\x06\\x16\d)?" ' % re.escape(queue.encode()))
        self._count = count
        self._rest = b""
        self._instants: list[float] = []
        self._socket = socket.create_connection((parts.hostname, parts.port or 6379), timeout=CONNECT_TIMEOUT)
        if parts.password:
            self._command("AUTH", *filter(None, [unquote(parts.username or "")]), unquote(parts.password))
        self._command("MONITOR")
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def drain(self) -> None:
        """Read all reports that the server has sent since the last call, without waiting."""
        while True:
            try:
                chunk = self._socket.recv(RECV_BYTES)
            except BlockingIOError:
                return
            if not chunk:
                raise CannotMeasure("the broker closed the MONITOR connection")
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._read(line)

    def pushed_at(self) -> list[float]:
        """Return the times at which the messages of runs were pushed: one per run, in seconds since 1970, ascending."""
        self.drain()
        return self._instants

    def _read(self, line: bytes) -> None:
        # +1339518083.107412 [0 127.0.0.1:60866] "LPUSH" "queue" "message" ...
        if found := self._push.search(line):
            n_runs = sum(self._count(_unquoted(message)) for message in ARGUMENT.findall(line[found.end() :]))
            self._instants += [float(line[1:].split(b" ", 1)[0])] * n_runs

    def _command(self, *words: str) -> None:
        self._socket.sendall(b"*%d\r\n" % len(words))
        for word in words:
            self._socket.sendall(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()))
        reply = self._socket.recv(1024)
        if not reply.startswith(b"+OK"):
            raise CannotMeasure(f"the broker refused {words[0]}: {reply[:80].decode(errors='replace').strip()}")


class NoBrokerMonitor(BrokerMonitor):
    """Records nothing: for contenders whose messages are not measured, MONITOR would only slow the broker down."""

    def __init__(self) -> None:
        self._instants: list[float] = []

    def __exit__(self, *_: object) -> None:
        pass

    def drain(self) -> None:
        pass


def _unquoted(argument: bytes) -> bytes:
    """Undo MONITOR's quoting. kombu's messages are plain ASCII, so only quotes and backslashes are escaped."""
    return argument[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
