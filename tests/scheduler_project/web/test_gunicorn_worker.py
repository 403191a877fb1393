"""Proves with a real gunicorn that clients that are slow or silent do not block other clients."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
# The body of /long is larger than the kernel's buffers, so that writing it blocks for a client that does not read.
SITE = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    response = b"x" * 30_000_000 if environ["PATH_INFO"] == "/long" else body or b"hello"
    start_response("200 OK", [("Content-Length", str(len(response)))])
    return [response]
"""
CONFIG = """
from scheduler_project.gunicornconfig import *
from scheduler_project.web import gunicorn_worker
gunicorn_worker.FIRST_BYTE_TIMEOUT = gunicorn_worker.READ_TIMEOUT = gunicorn_worker.WRITE_TIMEOUT = 1.0
workers, threads = 1, 2
"""


class Site:
    """A running gunicorn with two threads and timeouts of one second."""

    def __init__(self, folder: Path) -> None:
        (folder / "site_of_two.py").write_text(SITE)
        (folder / "config.py").write_text(CONFIG)
        self.log = folder / "log"
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        command = [sys.executable, "-m", "gunicorn", "site_of_two:app", "--config", str(folder / "config.py")]
        with listener, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--pythonpath", str(folder), "--bind", f"fd://{listener.fileno()}"],
                cwd=Path(__file__).parents[3],
                pass_fds=[listener.fileno()],
                stdout=log,
                stderr=log,
            )

    def connect(self, text: bytes = b"") -> socket.socket:
        client = socket.create_connection(self.address, timeout=20)
        client.sendall(text)
        return client

    def post(self, path: str = "/", body: bytes = b"") -> bytes:
        """Send a request and return the whole response."""
        text = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        with self.connect(text.encode() + body) as client:
            return b"".join(iter(lambda: client.recv(1 << 20), b""))


@contextmanager
def started(folder: Path) -> Iterator[Site]:
    site = Site(folder)
    try:
        wait_until(lambda: b"Booting worker" in site.log.read_bytes(), what="a worker")
        yield site
    finally:
        site.process.terminate()
        site.process.wait(30)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with started(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"POST / HT",
        HEAD,
        HEAD + b"Content-Length: 100\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\nabc",
        b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
    ids=["nothing", "cut line", "cut head", "cut body", "cut chunk", "response not read", "end not read"],
)
def test_silent_clients_do_not_block_other_clients(site: Site, text: bytes) -> None:
    with ExitStack() as silent:
        for _ in range(12):
            silent.enter_context(site.connect(text))

        assert site.post(body=b"still there").endswith(b"\r\n\r\nstill there")


def test_a_client_that_sends_one_byte_at_a_time_is_disconnected(site: Site) -> None:
    def trickle() -> bool:
        try:
            client.sendall(b"x")
        except OSError:
            return True
        return False

    with site.connect(HEAD + b"X-Slow: ") as client:
        wait_until(trickle, what="the end of the connection")


def test_a_connection_serves_several_requests(site: Site) -> None:
    with site.connect() as client:
        for body in (b"one", b"two", b"three"):
            client.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            response = client.recv(65536)
            while not response.endswith(body):
                response += client.recv(65536)


def test_a_long_response_arrives_complete(site: Site) -> None:
    assert len(site.post("/long").partition(b"\r\n\r\n")[2]) == 30_000_000


def test_a_silent_client_is_not_logged_as_an_error(site: Site) -> None:
    with site.connect(HEAD), site.connect(HEAD + b"Content-Length: 9\r\n\r\n"):
        assert site.post()
    assert b"Socket error" not in site.log.read_bytes()
