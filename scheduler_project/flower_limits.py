"""Limits what a client may send to Flower before it has signed in: sizes, times and connections."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flower.app
from tornado.httpserver import HTTPServer

from scheduler_project.web.server.crowding import longest_waiting
from values.networks import network_of

if TYPE_CHECKING:
    from tornado.iostream import IOStream

# Flower's own forms are far smaller. tornado's default is 100 MB for each request, which it keeps in memory.
MAX_BODY = 64 * 1024  # bytes
MAX_HEADERS = 16 * 1024  # bytes, request line included
MAX_BUFFER = 2 * MAX_BODY  # bytes that have arrived on a connection and have not been read
HEAD_TIMEOUT = 15.0  # seconds from the connection, or from the previous response, to the end of the headers
BODY_TIMEOUT = 10.0  # seconds
MAX_CONNECTIONS = 200


@dataclass(eq=False, slots=True)
class Visit:
    """An open connection. `since`: monotonic time at which it was opened."""

    stream: IOStream
    address: str
    since: float
    is_queued: bool = False


class LimitedServer(HTTPServer):
    """tornado's HTTP server with the limits of this module.

    If there are too many connections, it closes the oldest one of the address that has most of them.
    """

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        self._visits: list[Visit] = []
        limits = {
            "max_body_size": MAX_BODY,
            "max_header_size": MAX_HEADERS,
            "max_buffer_size": MAX_BUFFER,
            "chunk_size": MAX_BODY,
            "idle_connection_timeout": HEAD_TIMEOUT,
            "body_timeout": BODY_TIMEOUT,
        }
        super().initialize(*args, **{**kwargs, **limits})

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        self._visits = [visit for visit in self._visits if not visit.stream.closed()]
        if len(self._visits) >= MAX_CONNECTIONS:
            oldest = longest_waiting(self._visits)
            self._visits.remove(oldest)
            oldest.stream.close()
        network = network_of(address[0]) if isinstance(address, tuple) else ""
        self._visits.append(Visit(stream, network, time.monotonic()))
        super().handle_stream(stream, address)


def install() -> None:
    """Let Flower start this server in place of tornado's."""
    flower.app.HTTPServer = LimitedServer
