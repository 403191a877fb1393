"""What reaches the broker, and when: the server itself reports each command with its instant (MONITOR)."""

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
CHUNK = 1 << 20


def flush(url: str) -> None:
    """Empty the broker."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()


class BrokerWatch:
    """Notes each run whose message is pushed to a queue. The server keeps the lines until `drain` fetches them.

    `count` says how many runs a message carries.
    """

    def __init__(self, url: str, queue: str, count: Callable[[bytes], int]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "valkey"} or not parts.hostname:
            raise CannotMeasure("the broker must be a plain redis:// server")
        # Each priority has a list of its own, whose name begins with that of the queue.
        self._push = re.compile(rb'"LPUSH" "%s(?:\\x06\\x16\d)?" ' % re.escape(queue.encode()))
        self._count = count
        self._rest = b""
        self._instants: list[float] = []
        self._socket = socket.create_connection((parts.hostname, parts.port or 6379), timeout=5)
        if parts.password:
            self._say("AUTH", *filter(None, [unquote(parts.username or "")]), unquote(parts.password))
        self._say("MONITOR")
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def drain(self) -> None:
        """Fetch what the server has reported since the last time."""
        while True:
            try:
                chunk = self._socket.recv(CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                raise CannotMeasure("the broker closed the connection that watches it")
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._read(line)

    def pushed_at(self) -> list[float]:
        """The instant of each run's message so far, in seconds since 1970 and as the server counts them, in order."""
        self.drain()
        return self._instants

    def _read(self, line: bytes) -> None:
        # +1339518083.107412 [0 127.0.0.1:60866] "LPUSH" "queue" "message" ...
        if found := self._push.search(line):
            n_runs = sum(self._count(_unquoted(message)) for message in ARGUMENT.findall(line[found.end() :]))
            self._instants += [float(line[1:].split(b" ", 1)[0])] * n_runs

    def _say(self, *words: str) -> None:
        self._socket.sendall(b"*%d\r\n" % len(words))
        for word in words:
            self._socket.sendall(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()))
        answer = self._socket.recv(1024)
        if not answer.startswith(b"+OK"):
            raise CannotMeasure("the broker does not let itself be watched")


class NoWatch(BrokerWatch):
    """Of a broker in which no list of messages counts. Watching would slow it down for nothing."""

    def __init__(self) -> None:
        self._instants: list[float] = []

    def __exit__(self, *_: object) -> None:
        pass

    def drain(self) -> None:
        pass


def _unquoted(argument: bytes) -> bytes:
    """A message as it was sent; kombu's are plain ASCII, so quotes and backslashes are all that is escaped."""
    return argument[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
