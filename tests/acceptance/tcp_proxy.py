"""A TCP proxy between processes and a server on this machine; a test can cut it, stall it and restore it."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class TcpProxy:
    """Passes TCP connections on to the server of `url`; `.url` is the same address through the proxy."""

    def __init__(self, url: str, port: int) -> None:
        to = urlsplit(url)
        self.url = to._replace(netloc=to.netloc.rpartition(":")[0] + f":{port}").geturl()
        self._server = (to.hostname, to.port)
        self._accepting, self._flowing = threading.Event(), threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.restore()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._accepting.clear()
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def stall(self) -> None:
        """Accept connections and data, and pass nothing on."""
        self._flowing.clear()

    def restore(self) -> None:
        """Accept connections, and pass data on, what was stalled first."""
        self._flowing.set()
        self._accepting.set()

    def carry(self, client: socket.socket) -> None:
        """Pass one connection on until either side closes it."""
        if not self._accepting.is_set():
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
def tcp_proxy(url: str) -> Iterator[TcpProxy]:
    """Run a proxy to the server of `url` until the block ends."""
    proxies: list[TcpProxy] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            proxies[0].carry(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        proxies.append(TcpProxy(url, listener.server_address[1]))
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield proxies[0]
        finally:
            proxies[0].cut()
            proxies[0].restore()  # so that stalled threads end
            listener.shutdown()
