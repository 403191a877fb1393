"""A cable between processes and a server on this machine, which a test can pull out, or leave in and dead, and mend."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cable:
    """Passes TCP connections on to the server of `url`; `.url` is the same by way of the cable."""

    def __init__(self, url: str, port: int) -> None:
        to = urlsplit(url)
        self.url = to._replace(netloc=to.netloc.rpartition(":")[0] + f":{port}").geturl()
        self._server = (to.hostname, to.port)
        self._whole, self._flowing = threading.Event(), threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.mend()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._whole.clear()
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def clog(self) -> None:
        """Take connections and data, and pass nothing on."""
        self._flowing.clear()

    def mend(self) -> None:
        self._flowing.set()
        self._whole.set()

    def carry(self, client: socket.socket) -> None:
        if not self._whole.is_set():
            return
        with socket.create_connection(self._server) as server:
            self._pairs.append((client, server))
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(url: str) -> Iterator[Cable]:
    """Gives a cable to the server of `url`."""
    laid: list[Cable] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            laid[0].carry(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        laid.append(Cable(url, listener.server_address[1]))
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield laid[0]
        finally:
            laid[0].cut()
            laid[0].mend()  # what is clogged can end
            listener.shutdown()
