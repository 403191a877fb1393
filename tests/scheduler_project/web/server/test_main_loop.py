"""Proves what the main loop and the threads do at the same moment: which requests start, and which are dropped."""

from __future__ import annotations

import selectors
import socket
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from scheduler_project.web.server import worker as module
from scheduler_project.web.server.threads import Threads
from scheduler_project.web.server.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scheduler_project.web.server.connection import Connection


class Loop:
    """A worker whose main loop the test drives. Its only thread is busy until the test frees it."""

    def __init__(self, stack: ExitStack) -> None:
        self._pool = stack.enter_context(ThreadPoolExecutor(1))
        self._is_free, self._is_over = Event(), Event()
        stack.callback(self._is_free.set)
        stack.callback(self._is_over.set)
        self._taken: Future[Connection] = Future()
        self._pool.submit(self._is_free.wait)
        self._stack, self._listener = stack, stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._listener.setblocking(False)
        self.worker = Worker(1, 1, [], None, 30, Config(), None)
        stack.callback(self.worker.tmp.close)
        self.worker.poller = stack.enter_context(selectors.DefaultSelector())
        self.worker.init_process()
        self.worker.threads = Threads(self._pool, self._serve)

    def _serve(self, connection: Connection) -> None:
        self._taken.set_result(connection)
        self._is_over.wait()

    def free_thread(self) -> Connection:
        """Let the thread take the request that is next, and return its connection."""
        self._is_free.set()
        return self._taken.result(20)

    def queue_request(self) -> socket.socket:
        """Let a request wait for the thread, and return the socket of its client."""
        client = self._stack.enter_context(socket.create_connection(self._listener.getsockname(), timeout=20))
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.worker.accept(self._listener)
        while not any(connection.is_queued for connection in self.worker.connections):
            self.worker.wait_for_and_dispatch_events(1)
        return client


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    monkeypatch.setattr(ThreadWorker, "init_process", lambda _: None)  # runs until the process ends
    interval = sys.getswitchinterval()
    with ExitStack() as stack:
        yield Loop(stack)
    sys.setswitchinterval(interval)


def make_room(worker: Worker) -> None:
    worker._make_room(0)


def free_memory(worker: Worker) -> None:
    worker._free_memory()


@pytest.mark.parametrize("drop", [make_room, free_memory])
def test_a_request_that_a_thread_takes_while_it_is_chosen_is_served(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, drop: Callable[[Worker], None]
) -> None:
    client = loop.queue_request()
    monkeypatch.setattr(loop.worker, "_waiting", lambda: [loop.free_thread()])
    monkeypatch.setattr(module, "MAX_IN_MEMORY", -1)
    (connection,) = loop.worker.connections
    connection.sock.received += b"the next request"
    drop(loop.worker)

    assert loop.worker.connections == {connection}
    connection.sock.sendall(b"response")
    assert client.recv(100) == b"response"

    loop.worker.finish_request(connection, False)
    client.close()
    loop.worker._sweep(connection.timeout)
    assert loop.worker.nr_conns == len(loop.worker.connections) == 0


@pytest.mark.parametrize("drop", [make_room, free_memory])
def test_a_request_that_waits_for_a_thread_may_be_dropped(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, drop: Callable[[Worker], None]
) -> None:
    client = loop.queue_request()
    monkeypatch.setattr(module, "MAX_IN_MEMORY", -1)
    (connection,) = loop.worker.connections
    connection.sock.received += b"the next request"
    drop(loop.worker)

    assert client.recv(100) == b""
    assert loop.worker.nr_conns == len(loop.worker.connections) == 0


def test_threads_begin_no_request_during_a_pass_of_the_main_loop(loop: Loop) -> None:
    moments = []

    class Poller(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> Any:
            moments.append(("waiting", loop.worker.has_caught_up.is_set()))
            return super().select(timeout)

    def on_event(_: socket.socket) -> None:
        moments.append(("pass", loop.worker.has_caught_up.is_set()))

    ours, theirs = socket.socketpair()
    with ours, theirs, Poller() as loop.worker.poller:
        loop.worker.poller.register(ours, selectors.EVENT_READ, on_event)
        theirs.sendall(b"x")
        loop.worker.wait_for_and_dispatch_events(20)
    assert moments == [("waiting", True), ("pass", False)]
