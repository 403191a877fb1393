"""Proves that a channel never waits for its client, and what it keeps until the client reads it."""

from __future__ import annotations

import os
import socket
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from scheduler_project.web.server.channel import READ_SIZE, Channel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = 20_000_000  # bytes: more than the kernel's buffers hold


@contextmanager
def connected() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the socket of its client."""
    ours, theirs = socket.socketpair()
    with closing(theirs):
        theirs.settimeout(10)
        channel = Channel(ours)
        yield channel, theirs
        channel.disconnect()


def read(client: socket.socket, channel: Channel, n_bytes: int) -> bytes:
    """Read so many bytes, while the channel sends what fits."""
    received = b""
    while len(received) < n_bytes:
        channel.flush()
        received += client.recv(1 << 20)
    return received


def test_received_bytes_are_kept_until_gunicorn_reads_them() -> None:
    with connected() as (channel, client):
        assert channel.receive()  # nothing has arrived
        client.sendall(b"abcdef")
        assert channel.receive()
        assert channel.n_in_memory == 6
        assert channel.recv(4) == b"", "the current request has no bytes yet"

        channel.n_readable = 5
        assert (channel.recv(3), channel.recv(8192), channel.recv(8192)) == (b"abc", b"de", b"")
        assert bytes(channel.received) == b"f"
        client.close()
        assert not channel.receive()


def test_at_most_one_read_is_made_at_once() -> None:
    with connected() as (channel, client):
        client.sendall(b"x" * (READ_SIZE + 1000))
        channel.receive()
        assert len(channel.received) <= READ_SIZE


def test_what_the_client_does_not_read_is_kept_without_waiting() -> None:
    with connected() as (channel, client):
        channel.sendall(b"a" * LARGE)
        channel.sendall(b"end")
        assert 0 < channel.n_unsent < channel.n_in_memory == LARGE + 3
        assert not channel.flush()

        assert read(client, channel, LARGE + 3)[-4:] == b"aend"
        assert channel.flush()
        assert channel.n_in_memory == channel.n_unsent == 0


def test_bytes_that_have_been_sent_occupy_at_most_as_much_memory_as_the_others() -> None:
    with connected() as (channel, client):
        channel.sendall(b"a" * LARGE)
        while not channel.flush():
            assert channel.n_unsent <= channel.n_in_memory <= 2 * channel.n_unsent
            client.recv(1 << 20)
        assert channel.n_in_memory == 0


def test_a_file_is_not_in_memory_and_outlives_its_object(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * (LARGE // 10))
    with connected() as (channel, client):
        with path.open("rb") as file:
            channel.sendfile(file, offset=5, count=LARGE - 10)
        assert channel.n_in_memory == 0
        assert channel.n_unsent > 0
        assert read(client, channel, LARGE - 10)[:10] == b"5678901234"


def test_a_file_that_becomes_shorter_ends_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"short")
    with connected() as (channel, _), path.open("rb") as file, pytest.raises(OSError, match="became shorter"):
        channel.sendfile(file, count=100)


def test_a_client_that_has_left_is_an_error_for_the_sender() -> None:
    with connected() as (channel, client):
        client.close()
        with pytest.raises(OSError, match="Broken pipe"):
            channel.sendall(b"x" * LARGE)


def test_after_the_end_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * LARGE)
    with connected() as (channel, _):
        channel.sendall(b"a" * LARGE)
        with path.open("rb") as file:
            channel.sendfile(file, count=LARGE)
        n_open = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
        channel.disconnect()
        assert channel.n_in_memory == channel.n_unsent == 0
        if n_open:
            assert len(os.listdir("/proc/self/fd")) == n_open - 2


def test_gunicorns_calls_of_a_socket_change_nothing() -> None:
    with connected() as (channel, client):
        channel.setblocking(True)
        channel.settimeout(5.0)
        channel.shutdown(socket.SHUT_WR)
        channel.close()
        assert channel.gettimeout() == 0.0
        assert channel.send(b"HTTP/1.1 100 Continue\r\n\r\n") == 25
        channel.sendall(b"still open")
        assert client.recv(100) == b"still open"
