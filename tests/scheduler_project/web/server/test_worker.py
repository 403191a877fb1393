"""Proves with a real gunicorn that clients that are slow or silent do not block other clients."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_until
from tests.web_process import WebProcess, read_answer, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# The body of /long is larger than the kernel's buffers, so that writing it blocks for a client that does not read.
SITE = """
import threading

from scheduler_project.web.server import worker

held = threading.Event()  # set by /health/ready
served = []

def app(environ, start_response):
    path = environ["PATH_INFO"]
    served.append(path)
    if path == "/unread":
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return []
    body = environ["wsgi.input"].read()
    if path == "/health/live" and environ["QUERY_STRING"]:
        worker.MAX_IN_MEMORY = int(environ["QUERY_STRING"])
    if path == "/hold":
        held.wait(30)
    if path == "/health/ready":
        held.set()
    response = b"x" * 30_000_000 if path == "/long" else body or b"hello"
    if path == "/served":
        response = " ".join(served).encode()
    start_response("200 OK", [("Content-Length", str(len(response)))])
    if path == "/file":
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    return [response]
"""
HELD = ("/hold", "/health/live", "/health/ready")
CONFIG = """
from scheduler_project.web.server import worker
worker.FIRST_BYTE_TIMEOUT = worker.READ_TIMEOUT = worker.WRITE_TIMEOUT = 1.0
workers, threads, accesslog = 1, 2, "-"
"""
SILENT = {
    "nothing": b"",
    "cut line": b"POST / HT",
    "cut head": HEAD,
    "cut body": HEAD + b"Content-Length: 100\r\n\r\nabc",
    "cut chunk": CHUNKED + b"64\r\nabc",
    "cut trailer": CHUNKED + b"0\r\nX-A: b\r\n",
    "continue": HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    "response not read": b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "end not read": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "kept alive": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


MALFORMED = {
    "size of a chunk": b"5\r\nhello\r\nzz\r\n",
    "end of a chunk": b"5\r\nhello, world\r\n0\r\n\r\n",
    "extension of a chunk": b"5\r\nhello\r\n5;=\r\nworld\r\n0\r\n\r\n",
    "trailer": b"5\r\nhello\r\n0\r\nX A: b\r\n\r\n",
    "cut chunk": b"5\r\nhello\r\n123456789\r\nworld",
}


def post(site: WebProcess, path: str = "/", body: bytes = b"") -> bytes:
    """Return the body of the response."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return site.ask(head.encode() + body).body


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "own_site.py").write_text(SITE)
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[WebProcess]:
    """A gunicorn with two threads and timeouts of one second."""
    with running(folder, "own_site:app", CONFIG) as site:
        yield site


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_silent_clients_do_not_block_other_clients(site: WebProcess, text: bytes) -> None:
    with ExitStack() as silent:
        for _ in range(12):
            silent.enter_context(site.connect(text))

        started = time.monotonic()
        assert post(site, body=b"still there") == b"still there"
        assert time.monotonic() - started < 3, "two threads wait a second for each of 12 clients"


@pytest.mark.parametrize("start", [HEAD + b"X-Slow: ", HEAD + b"Content-Length: 900\r\n\r\n"], ids=["head", "body"])
def test_a_client_that_sends_one_byte_at_a_time_is_disconnected(site: WebProcess, start: bytes) -> None:
    def trickle() -> bool:
        try:
            client.sendall(b"x")
        except OSError:
            return True
        return False

    with site.connect(start) as client:
        wait_until(trickle, what="the end of the connection")


def test_probes_respond_while_every_thread_is_busy(site: WebProcess) -> None:
    with ExitStack() as busy:
        held = [busy.enter_context(site.connect(b"GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n")) for _ in range(6)]
        assert site.get("/health/live").status == 200
        assert site.get("/health/ready").status == 200  # this lets the held requests end
        assert [read_answer(client).body for client in held] == [b"hello"] * 6


def test_a_crowd_that_waits_delays_only_its_own_network(folder: Path) -> None:
    with running(folder, "own_site:app", CONFIG) as site, ExitStack() as clients:

        def send(path: str, source: str) -> socket.socket:
            client = clients.enter_context(socket.create_connection(site.address, 20, source_address=(source, 0)))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            return client

        for _ in range(2):
            send("/hold", "127.0.0.1")
        for _ in range(30):
            crowd = send("/crowd", "127.0.0.2")
        for _ in range(30):
            client = send("/reset", "127.0.0.2")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        for _ in range(30):
            send("/left", "127.0.0.2").close()
        half_closed = send("/half-closed", "127.0.0.2")
        half_closed.shutdown(socket.SHUT_WR)
        visitor = send("/visitor", "127.0.0.3")
        for _ in range(2):
            assert site.get("/health/live").status == 200, "the main loop has read the others"
        assert site.get("/health/ready").status == 200  # this lets the held requests end
        assert read_answer(visitor).status == read_answer(crowd).status == 200

        assert read_answer(half_closed).raw.startswith(b"HTTP/1.1 200 OK\r\n")
        served = [path for path in site.get("/served").body.decode().split() if path not in HELD]
        assert served.index("/visitor") <= 2
        assert not {"/reset", "/left"} & set(served)


def test_waiting_requests_do_not_keep_others_from_connecting(folder: Path) -> None:
    config = CONFIG + "worker_connections = 20\n"
    with running(folder, "own_site:app", config) as site, ExitStack() as many:
        for _ in range(40):
            many.enter_context(site.connect(b"GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        assert site.get("/health/live").status == 200
        assert site.get("/health/ready").status == 200


def test_a_connection_serves_several_requests(site: WebProcess) -> None:
    with site.connect() as client:
        for body in (b"one", b"two", b"three"):
            client.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert read_answer(client).body == body


def test_requests_that_arrive_together_are_answered_in_their_order(site: WebProcess) -> None:
    bodies = [b"one", b"two", b"three"]
    text = b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies)
    with site.connect(text[:-9]) as client:
        client.sendall(text[-9:])
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 3 or not received.endswith(b"three"):
            received += client.recv(65536)
    assert received.index(b"one") < received.index(b"two") < received.index(b"three")


def test_a_client_that_waits_for_100_continue_gets_it_once(site: WebProcess) -> None:
    with site.connect(HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n") as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        answer = read_answer(client)
    assert (answer.status, answer.n_continues, answer.body) == (200, 0, b"abc")


def test_a_long_response_arrives_complete(site: WebProcess) -> None:
    assert len(post(site, "/long")) == 30_000_000


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_no_second_response_follows_one_that_was_sent_before_the_body_was_read(site: WebProcess, body: bytes) -> None:
    with site.connect(CHUNKED.replace(b"/ ", b"/unread ") + body) as client:
        received = b""
        while data := client.recv(65536):
            received += data
    assert received.startswith(b"HTTP/1.1 413 ")
    assert received.count(b"HTTP/1.1") == 1


def test_a_file_arrives_complete(site: WebProcess, folder: Path) -> None:
    start = site.get("/file").body
    assert start == (folder / "own_site.py").read_bytes()[: len(start)] != b""


def test_each_request_is_one_line_of_the_access_log(site: WebProcess) -> None:
    post(site, "/for-the-log")
    wait_until(lambda: b"POST /for-the-log HTTP/1.1" in site.log.read_bytes(), what="the line")
    site.ask(HEAD.replace(b"/ ", b"/too-long ") + b"Content-Length: 99999999\r\n\r\n")
    wait_until(lambda: b'"POST /too-long HTTP/1.1" 413' in site.log.read_bytes(), what="the line")


def test_a_silent_client_is_not_logged_as_an_error(site: WebProcess) -> None:
    with site.connect(HEAD), site.connect(HEAD + b"Content-Length: 9\r\n\r\n"):
        assert post(site)
    assert b"Socket error" not in site.log.read_bytes()
    assert b"Traceback" not in site.log.read_bytes()


def test_a_worker_that_stops_serves_the_requests_that_it_has(folder: Path) -> None:
    with running(folder, "own_site:app", CONFIG + "worker.READ_TIMEOUT = 60.0\n") as site, site.connect() as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(idle).status == 200
        with site.connect(HEAD + b"Content-Length: 3\r\n\r\nab") as client:
            wait_until(lambda: site.get("/").status == 200, what="a pass of the main loop")
            site.process.terminate()
            client.sendall(b"c")
            answer = read_answer(client)
        assert answer.body == b"abc"
        assert idle.recv(1) == b""
        assert site.process.wait(10) == 0


def test_an_address_with_too_many_connections_loses_the_oldest(folder: Path) -> None:
    config = CONFIG + "worker_connections = 20\nworker.READ_TIMEOUT = 60.0\n"
    with running(folder, "own_site:app", config) as site, ExitStack() as many:
        silent = [many.enter_context(site.connect(HEAD)) for _ in range(60)]

        assert post(site, body=b"still there") == b"still there"
        assert silent[0].recv(1) == b""
        silent[-1].sendall(b"Content-Length: 3\r\n\r\nabc")
        assert read_answer(silent[-1]).body == b"abc"
        wait_until(lambda: b"clients_disconnected" in site.log.read_bytes(), what="the log line")


def test_requests_that_occupy_too_much_memory_are_dropped(folder: Path) -> None:
    config = CONFIG + "worker.MAX_IN_MEMORY = 10_000_000\nworker.READ_TIMEOUT = 60.0\n"
    with running(folder, "own_site:app", config) as site, ExitStack() as many:
        for _ in range(6):
            client = many.enter_context(site.connect(HEAD + b"Content-Length: 4000000\r\n\r\n"))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            try:
                client.sendall(b"x" * 3_000_000)
            except OSError:
                continue
        assert post(site, body=b"still there") == b"still there"
        wait_until(lambda: b"clients_disconnected" in site.log.read_bytes(), what="the log line")


def test_queued_requests_do_not_occupy_more_memory_than_the_limit(folder: Path) -> None:
    whole = HEAD + b"Content-Length: 50000\r\n\r\n" + b"x" * 50_000
    with running(folder, "own_site:app", CONFIG) as site, ExitStack() as many:
        held = [many.enter_context(site.connect(b"GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n")) for _ in range(2)]
        assert site.get("/health/live?60000").status == 200
        queued = [many.enter_context(site.connect(whole)) for _ in range(3)]
        wait_until(lambda: b"clients_disconnected" in site.log.read_bytes(), what="the log line")
        assert site.get("/health/ready").status == 200  # this lets the held requests end
        assert [read_answer(client).body for client in held] == [b"hello"] * 2
        assert sum(is_served(client) for client in queued) <= 1


def is_served(client: socket.socket) -> bool:
    try:
        return read_answer(client).status == 200
    except ConnectionError:
        return False


def test_under_memory_pressure_only_clients_with_unfinished_requests_are_dropped(folder: Path) -> None:
    whole = HEAD + b"Content-Length: 50000\r\n\r\n" + b"x" * 50_000
    with (
        running(folder, "own_site:app", CONFIG + "keepalive = 60\nworker.READ_TIMEOUT = 60.0\n") as site,
        site.connect(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as idle,
        ExitStack() as many,
    ):
        assert read_answer(idle).status == 200
        held = [many.enter_context(site.connect(b"GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n")) for _ in range(2)]
        queued = [many.enter_context(site.connect(whole)) for _ in range(2)]
        for _ in range(10):  # each is some passes of the main loop, which read the whole requests
            assert site.get("/health/live").status == 200
        assert site.get("/health/live?110000").status == 200  # only a little more than the queued requests occupy
        cut = many.enter_context(site.connect(HEAD + b"Content-Length: 30000\r\n\r\n" + b"x" * 20_000))
        wait_until(lambda: b"clients_disconnected" in site.log.read_bytes(), what="the log line")

        assert site.get("/health/ready").status == 200  # this lets the held requests end
        assert [read_answer(client).body for client in held] == [b"hello"] * 2
        assert [len(read_answer(client).body) for client in queued] == [50_000] * 2
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(idle).status == 200
        with pytest.raises(ConnectionError):
            if not cut.recv(1):
                raise ConnectionError
