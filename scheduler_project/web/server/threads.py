"""The threads that serve requests, and the requests that wait for a thread: networks take turns."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from scheduler_project.web.server.connection import Connection


SAFE = ("GET", "HEAD")  # methods that change nothing: a client that has left does not miss the request


class Rounds:
    """Connections in the order in which they are served: one of each network, then the next one of each network."""

    def __init__(self) -> None:
        # The network that is next comes first, and so does the connection.
        self._by_network: OrderedDict[str, OrderedDict[Connection, None]] = OrderedDict()

    def put(self, connection: Connection) -> None:
        self._by_network.setdefault(connection.address, OrderedDict())[connection] = None

    def pop(self) -> Connection | None:
        """Remove and return the connection that is next, or None if there is none."""
        if not self._by_network:
            return None
        network, connections = self._by_network.popitem(last=False)
        connection, _ = connections.popitem(last=False)
        if connections:
            self._by_network[network] = connections
        return connection

    def remove(self, connection: Connection) -> None:
        """Remove the connection if it is here."""
        connections = self._by_network.get(connection.address, OrderedDict())
        connections.pop(connection, None)
        if not connections:
            self._by_network.pop(connection.address, None)


class Threads:
    """Threads, and the connections whose requests wait for one.

    `serve` is called in a thread with each connection, and `await_turn` before the thread chooses one. A client that
    sends many requests delays only the clients of its own network. A client that has ended its stream may have left, or
    may only have nothing more to send: it is served when no other client waits.
    """

    def __init__(
        self, pool: Executor, serve: Callable[[Connection], None], await_turn: Callable[[], object] = lambda: None
    ) -> None:
        self._pool, self._serve, self._await_turn = pool, serve, await_turn
        self._lock = threading.Lock()
        self._queue, self._ended = Rounds(), Rounds()

    def put(self, connection: Connection) -> None:
        """Let a thread serve the connection's request."""
        with self._lock:
            connection.is_queued, connection.is_last = True, False
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
        self._await_turn()
        while connection := self._take():
            # The lock is not held during system calls: a thread may wait for the interpreter after each, and the main
            # loop would wait for the lock.
            if connection.is_last or not connection.sock.has_ended:
                self._serve(connection)
                return
            if connection.request.method in SAFE:
                connection.sock.begin_response()  # so it is known later whether the client has left
            with self._lock:
                connection.is_queued = connection.is_last = True
                self._ended.put(connection)

    def _take(self) -> Connection | None:
        """Return the connection that is next, or None if all have been served or removed."""
        with self._lock:
            if connection := self._queue.pop() or self._ended.pop():
                connection.is_queued = False
            return connection
