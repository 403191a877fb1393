"""A server on a raw socket: it sends exactly the bytes that a test gives, and remembers the bytes that arrive."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Answer: TypeAlias = bytes | Callable[[socket.socket], None]


@dataclass
class RawServer:
    port: int
    scheme: str
    requests: list[bytes] = field(default_factory=list)  # head and body, in the order of arrival
    n_connections: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def request_lines(self) -> list[str]:
        return [request.partition(b"\r\n")[0].decode("latin-1") for request in self.requests]

    def body(self, index: int = -1) -> bytes:
        return self.requests[index].partition(b"\r\n\r\n")[2]

    def headers(self, index: int = -1) -> dict[str, str]:
        """The headers of a request, with names in lower case."""
        lines = self.requests[index].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@contextlib.contextmanager
def raw_server(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serve until the block ends. The n-th request gets the n-th answer; more requests get the last answer again.

    An answer is bytes, or a function that writes to the socket. The connection stays open until the client closes it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RawServer(listener.getsockname()[1], "https" if tls else "http")
        threading.Thread(target=_accept, args=(listener, server, answers, tls), daemon=True).start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts connections


def then_close(answer: bytes) -> Answer:
    """Return an answer after which the server closes the connection."""

    def reply(peer: socket.socket) -> None:
        peer.sendall(answer)
        peer.shutdown(socket.SHUT_WR)

    return reply


def _accept(
    listener: socket.socket, server: RawServer, answers: tuple[Answer, ...], tls: ssl.SSLContext | None
) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return  # the test has ended
        server.n_connections += 1
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(peer, server, answers, tls), daemon=True).start()


def _serve(peer: socket.socket, server: RawServer, answers: tuple[Answer, ...], tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), peer:  # the client has gone, as some tests want it to
        peer.settimeout(30)
        wrapped = tls.wrap_socket(peer, server_side=True) if tls else peer
        with wrapped, wrapped.makefile("rb") as stream:
            while request := _read_request(stream):
                server.requests.append(request)
                answer = answers[min(len(server.requests), len(answers)) - 1]
                if callable(answer):
                    answer(wrapped)
                else:
                    wrapped.sendall(answer)


def _read_request(stream: BinaryIO) -> bytes:
    lines = b""
    while not lines.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        lines += line
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", lines)
    return lines + (stream.read(int(length[1])) if length else b"")
