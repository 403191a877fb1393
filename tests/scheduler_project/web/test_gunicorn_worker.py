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

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
# A whole page is longer than what the kernel takes in for a client that reads nothing.
SITE = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    answer = b"x" * 30_000_000 if environ["PATH_INFO"] == "/long" else body or b"hello"
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
"""
QUICK = """
from scheduler_project import webworker
from scheduler_project.gunicornconfig import *
webworker.SPEAK_WITHIN = webworker.READ_WITHIN = webworker.WRITE_WITHIN = 1.0
workers, threads = 1, 2
"""


class Site:
    """A gunicorn with two threads in all, and its patience cut down to a second."""

    def __init__(self, folder: Path) -> None:
        (folder / "site_of_two.py").write_text(SITE)
        (folder / "quick.py").write_text(QUICK)
        self.log = folder / "log"
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        command = [sys.executable, "-m", "gunicorn", "site_of_two:app", "--config", str(folder / "quick.py")]
        with listener, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--pythonpath", str(folder), "--bind", f"fd://{listener.fileno()}"],
                cwd=Path(__file__).parents[2],
                pass_fds=[listener.fileno()],
                stdout=log,
                stderr=log,
            )

    def connect(self, text: bytes = b"") -> socket.socket:
        client = socket.create_connection(self.address, timeout=20)
        client.sendall(text)
        return client

    def ask(self, path: str = "/", body: bytes = b"") -> bytes:
        """Return the whole answer to a request."""
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
    ids=["nothing", "cut line", "cut head", "cut body", "cut chunk", "answer not taken", "end not taken"],
)
def test_clients_that_go_silent_do_not_keep_others_waiting(site: Site, text: bytes) -> None:
    with ExitStack() as silent:
        for _ in range(12):
            silent.enter_context(site.connect(text))

        assert site.ask(body=b"still there").endswith(b"\r\n\r\nstill there")


def test_a_client_that_trickles_is_cut_off_as_well(site: Site) -> None:
    def trickle() -> bool:
        try:
            client.sendall(b"x")
        except OSError:
            return True
        return False

    with site.connect(HEAD + b"X-Slow: ") as client:
        wait_until(trickle, what="the end of the connection")


def test_a_connection_takes_one_request_after_the_other(site: Site) -> None:
    with site.connect() as client:
        for body in (b"one", b"two", b"three"):
            client.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = client.recv(65536)
            while not answer.endswith(body):
                answer += client.recv(65536)


def test_a_long_answer_arrives_whole(site: Site) -> None:
    assert len(site.ask("/long").partition(b"\r\n\r\n")[2]) == 30_000_000


def test_a_silent_client_is_no_news(site: Site) -> None:
    with site.connect(HEAD), site.connect(HEAD + b"Content-Length: 9\r\n\r\n"):
        assert site.ask()
    assert b"Socket error" not in site.log.read_bytes()
