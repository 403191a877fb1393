"""Proves with a real Flower that nobody can fill its memory or occupy its connections without a sign-in."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scheduler_project.flower_limits import HEAD_TIMEOUT, MAX_BODY, MAX_CONNECTIONS, MAX_HEADERS
from scheduler_project.launch.server import HOST
from tests.flower_process import Flower, running_flower
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

HEAD = b"POST /api/task/send-task/x HTTP/1.1\r\nHost: localhost\r\n"
LARGE = 20_000_000  # bytes


@pytest.fixture(scope="module")
def flower(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Flower]:
    with running_flower(tmp_path_factory.mktemp("flower")) as flower:
        yield flower


def ask(flower: Flower, text: bytes) -> bytes:
    """Send bytes; return all that is answered before the connection ends."""
    with socket.create_connection((HOST, flower.port), timeout=30) as client:
        with suppress(ConnectionError):
            client.sendall(text)
        received = b""
        with suppress(ConnectionError):
            while data := client.recv(65536):
                received += data
        return received


def resident_bytes(flower: Flower) -> int:
    status = Path(f"/proc/{flower.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.mark.parametrize(
    "text",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % LARGE + b"x" * LARGE,
        HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 5000 + b"0\r\n\r\n",
        HEAD + b"X-Large: " + b"x" * MAX_HEADERS + b"\r\n\r\n",
        HEAD + b"X-A: b\r\n" * MAX_HEADERS,
    ],
    ids=["large body", "body", "chunked body", "header", "headers"],
)
def test_a_request_that_is_too_large_is_not_read(flower: Flower, text: bytes) -> None:
    assert ask(flower, text)[:12] in (b"", b"HTTP/1.1 400")
    assert flower.request("/healthcheck")[0] == 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="DID NOT RUN: needs Linux")
def test_large_bodies_do_not_stay_in_memory(flower: Flower) -> None:
    before = resident_bytes(flower)
    with ExitStack() as held:
        for _ in range(20):
            client = held.enter_context(socket.create_connection((HOST, flower.port), timeout=30))
            with suppress(ConnectionError):
                client.sendall(HEAD + b"Content-Length: 99000000\r\n\r\n" + b"x" * 5_000_000)
        assert flower.request("/healthcheck")[0] == 200
        assert resident_bytes(flower) - before < 30_000_000


def test_a_body_within_the_limit_is_answered(flower: Flower) -> None:
    answer = ask(flower, HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % MAX_BODY + b"x" * MAX_BODY)
    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "text", [b"", HEAD, HEAD + b"Content-Length: 9\r\n\r\nx"], ids=["nothing", "cut head", "cut body"]
)
def test_half_sent_requests_leave_room_for_others_and_end(flower: Flower, text: bytes) -> None:
    with ExitStack() as silent:
        clients = []
        for _ in range(MAX_CONNECTIONS + 50):
            client = silent.enter_context(socket.create_connection((HOST, flower.port), timeout=HEAD_TIMEOUT + 20))
            client.sendall(text)
            clients.append(client)
        assert flower.request("/healthcheck")[0] == 200
        assert clients[0].recv(1) == b"", "the oldest connection is closed"
        wait_until(lambda: clients[-1].recv(1000) in (b"", b"H"), HEAD_TIMEOUT + 10, what="the end of the connection")
