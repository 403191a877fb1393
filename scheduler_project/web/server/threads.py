"""The threads that serve requests, and the requests that wait for a thread: networks take turns."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from scheduler_project.web.server.connection import Connection


class Rounds:
    """Connections in the order in which they are served: one of each network, then the next one of each network."""

    def __init__(self) -> None:
        self._by_network: dict[str, deque[Connection]] = {}  # the network that is next comes first

    def put(self, connection: Connection) -> None:
        self._by_network.setdefault(connection.address, deque()).append(connection)

    def pop(self) -> Connection | None:
        """Remove and return the connection that is next, or None if there is none."""
        for network, connections in self._by_network.items():
            del self._by_network[network]
            connection = connections.popleft()
            if connections:
                self._by_network[network] = connections
            return connection
        return None

    def remove(self, connection: Connection) -> None:
        """Remove the connection if it is here."""
        connections = self._by_network.get(connection.address, deque())
        if connection in connections:
            connections.remove(connection)
        if not connections:
            self._by_network.pop(connection.address, None)


class Threads:
    """Threads, and the connections whose requests wait for one.

    `serve` is called in a thread with each connection. A client that sends many requests delays only the clients of its
    own network. A client that has ended its stream may have left, or may only have nothing more to send: it is served
    when no other client waits.
    """

    def __init__(self, pool: Executor, serve: Callable[[Connection], None]) -> None:
        self._pool, self._serve = pool, serve
        self._lock = threading.Lock()
        self._queue, self._ended = Rounds(), Rounds()

    def put(self, connection: Connection) -> None:
        """Let a thread serve the connection's request."""
        with self._lock:
            connection.is_queued = True
            self._queue.put(connection)
        self._pool.submit(self._serve_next)

    def remove(self, connection: Connection) -> bool:
        """Stop waiting for a thread. Return False if a thread has begun to serve the connection."""
        with self._lock:
            was_queued, connection.is_queued = connection.is_queued, False
            self._queue.remove(connection)
            self._ended.remove(connection)
            return was_queued

    def _serve_next(self) -> None:
        with self._lock:
            connection = self._next()
            if connection is None:  # it has been removed
                return
            connection.is_queued = False
        self._serve(connection)

    def _next(self) -> Connection | None:
        while connection := self._queue.pop():
            if not connection.sock.has_ended:
                return connection
            self._ended.put(connection)
        return self._ended.pop()
