"""Proves in which order waiting requests get a thread: networks take turns, and clients that have left come last."""

from __future__ import annotations

import socket
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING

import pytest
from gunicorn.config import Config

from scheduler_project.web.server.connection import Connection
from scheduler_project.web.server.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator


class Requests:
    """Requests of clients, of which none is served before `served` is called."""

    def __init__(self, clients: ExitStack) -> None:
        self._clients, self._pool = clients, ThreadPoolExecutor(1)
        self._gate: Future[None] = Future()
        self._pool.submit(self._gate.result)
        self._served: list[Connection] = []
        self.threads = Threads(self._pool, self._served.append)
        self.names: dict[Connection, str] = {}
        self._listener = clients.enter_context(socket.create_server(("127.0.0.1", 0)))

    def send(self, name: str, network: str = "192.0.2.1", *, method: str = "GET") -> tuple[Connection, socket.socket]:
        """Let a request wait, and return its connection and the socket of its client."""
        client = self._clients.enter_context(socket.create_connection(self._listener.getsockname()))
        connection = Connection(self._listener.accept()[0], (network, 1), ("127.0.0.1", 8000), Config())
        self._clients.callback(connection.sock.disconnect)
        client.sendall(f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        connection.sock.receive()
        assert connection.has_request(is_open=True)
        self.names[connection] = name
        self.threads.put(connection)
        return connection, client

    def end(self) -> None:
        if not self._gate.done():
            self._gate.set_result(None)
        self._pool.shutdown()

    def served(self) -> str:
        """Return the names of the requests in the order in which they are served."""
        self.end()
        return "".join(self.names[connection] for connection in self._served)


@pytest.fixture
def requests() -> Iterator[Requests]:
    with ExitStack() as clients:
        requests = Requests(clients)
        yield requests
        requests.end()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def test_networks_take_turns(requests: Requests) -> None:
    for name in "abcd":
        requests.send(name, "192.0.2.1")
    for name in "12":
        requests.send(name, "192.0.2.2")
    requests.send("x", "192.0.2.3")

    assert requests.served() == "a1xb2cd"


def test_clients_that_have_ended_their_stream_are_served_last(requests: Requests) -> None:
    clients = [requests.send(name)[1] for name in "abcd"]
    requests.send("x", "192.0.2.3")
    clients[0].shutdown(socket.SHUT_WR)
    clients[1].close()
    clients[2].sendall(b"the start of another request")
    reset(clients[2])

    assert requests.served() == "xdabc"


def test_the_end_of_a_stream_is_seen_behind_unread_bytes(requests: Requests) -> None:
    connection, client = requests.send("a")
    assert not connection.sock.has_ended
    client.sendall(b"another request")
    assert not connection.sock.has_ended
    client.shutdown(socket.SHUT_WR)
    assert connection.sock.has_ended and not connection.sock.is_lost


def test_a_reset_connection_is_lost(requests: Requests) -> None:
    connection, client = requests.send("a")
    assert not connection.sock.is_lost
    reset(client)
    assert connection.sock.is_lost


def test_it_is_known_when_its_turn_comes_whether_a_client_has_left(requests: Requests) -> None:
    (connection, client), (half, ending) = requests.send("a"), requests.send("b")
    (order, sender), _ = requests.send("c", method="POST"), requests.send("x", "192.0.2.3")
    client.close()
    sender.close()
    ending.shutdown(socket.SHUT_WR)

    assert requests.served() == "xabc"
    assert connection.sock.is_lost
    assert not half.sock.is_lost
    assert not order.sock.is_lost, "a POST is served even if its client does not wait for the response"
    half.sock.sendall(b"HTTP/1.1 200 OK")
    assert ending.recv(100) == b"HTTP/1.1 200 OK"


def test_a_thread_chooses_a_request_when_its_turn_has_come() -> None:
    turn = Event()
    served: list[Connection] = []
    with ExitStack() as clients, ThreadPoolExecutor(1) as pool:
        clients.callback(turn.set)
        requests = Requests(clients)
        requests.threads = Threads(pool, served.append, turn.wait)
        (first, _), (second, _) = requests.send("a"), requests.send("b")
        assert requests.threads.remove(first)
        turn.set()
    assert served == [second]


def test_a_request_that_is_removed_gets_no_thread(requests: Requests) -> None:
    (first, _), (second, _), (ended, client) = requests.send("a"), requests.send("b"), requests.send("c")
    client.close()
    assert requests.threads.remove(first) and requests.threads.remove(ended)
    assert not requests.threads.remove(first)
    assert second.is_queued and not first.is_queued

    assert requests.served() == "b"
    assert not requests.threads.remove(second)
