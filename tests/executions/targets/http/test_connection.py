"""Proves that connections end at their timeout or when stopped, check certificates, and are probed when silent."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from executions.per_process import PerProcess
from executions.targets.base import StopReason
from executions.targets.http import connection
from executions.targets.http.addresses import EgressPolicy
from executions.targets.http.connection import new_connection
from executions.targets.http.deadline import Budget, CutOff
from executions.targets.http.urls import HttpUrl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.receiver import Receiver

PRIVATE = EgressPolicy(allow_private=True)


@contextlib.contextmanager
def silent_listener(backlog: int = 5) -> Iterator[tuple[socket.socket, int]]:
    """Yield a socket that listens and never sends a byte, and its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        yield listener, listener.getsockname()[1]


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """Yield a port whose backlog is full: further connections get no reply, as from a host that drops packets."""
    with contextlib.ExitStack() as stack:
        _, port = stack.enter_context(silent_listener(0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


def connection_to(
    port: int, scheme: str = "http", host: str = "127.0.0.1", *, verify_tls: bool = True
) -> connection.CheckedConnection:
    url = HttpUrl(scheme, host, port, target="/", text="")
    return new_connection(url, PRIVATE, verify_tls=verify_tls)


def test_a_connection_that_is_never_accepted_fails_at_the_connect_timeout() -> None:
    with full_listener() as port, pytest.raises(TimeoutError) as caught:
        connection_to(port).open(Budget(3600), 0.1)
    assert caught.value.errno is None, "the kernel has given up, after two minutes"


@pytest.mark.timeout(100)  # seconds: the kernel gives up after two minutes, and that must not look like the stop
def test_a_stop_breaks_a_connection_that_is_being_opened() -> None:
    budget = Budget(3600)
    with full_listener() as port:
        timer = threading.Timer(0.1, budget.cut, [StopReason.CANCELLED])
        timer.start()
        with pytest.raises(CutOff):
            connection_to(port).open(budget, 3600)
        timer.join()


def test_a_tls_handshake_without_a_reply_fails_at_the_connect_timeout() -> None:
    with silent_listener() as (_, port), pytest.raises(TimeoutError):
        connection_to(port, "https").open(Budget(3600), 0.1)


def test_a_stop_breaks_a_tls_handshake() -> None:
    budget = Budget(3600)
    with silent_listener() as (_, port):
        timer = threading.Timer(0.1, budget.cut, [StopReason.CANCELLED])
        timer.start()
        with pytest.raises(OSError):
            connection_to(port, "https").open(budget, 3600)
        timer.join()
    assert budget.cut_by is StopReason.CANCELLED


def test_an_address_that_does_not_respond_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    with full_listener() as silent:
        answers: Any = [(socket.AF_INET, ("127.0.0.1", port)) for port in (silent, receiver.port)]
        monkeypatch.setattr(connection, "resolve", lambda *_: answers)
        opened = connection_to(receiver.port, host="two.example")
        opened.open(Budget(30), 0.4)
        assert opened.remote_address == "127.0.0.1"
        opened.close()


def test_a_certificate_of_an_unknown_authority_is_refused(tls_receiver: Receiver) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connection_to(tls_receiver.port, "https").open(Budget(5), 5)


@pytest.mark.parametrize(("host", "fits"), [("localhost", True), ("127.0.0.1", True), ("127.0.0.2", False)])
def test_a_trusted_certificate_must_name_the_host(
    tls_receiver: Receiver, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, host: str, fits: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setattr(connection, "_tls_contexts", PerProcess(connection._make_tls_contexts))
    monkeypatch.setattr(connection, "resolve", lambda *_: [(socket.AF_INET, ("127.0.0.1", tls_receiver.port))])
    opened = connection_to(tls_receiver.port, "https", host)
    with contextlib.nullcontext() if fits else pytest.raises(ssl.SSLCertVerificationError, match="127.0.0.2"):
        opened.open(Budget(5), 5)
    opened.close()


def test_breaking_a_connection_keeps_its_encryption(tls_receiver: Receiver) -> None:
    """A thread that is still writing at that moment must not send unencrypted data."""
    opened = connection_to(tls_receiver.port, "https", verify_tls=False)
    budget = Budget(5)
    opened.open(budget, 5)
    sock: Any = opened.sock
    budget.cut(StopReason.CANCELLED)
    assert isinstance(sock, ssl.SSLSocket)
    assert sock.version() is not None
    with pytest.raises(OSError, match=r"."):
        sock.sendall(b"secret")
    opened.close()


def test_a_silent_connection_is_probed_after_a_minute(receiver: Receiver) -> None:
    opened = connection_to(receiver.port)
    sock = opened.open(Budget(5), 5)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    idle = getattr(socket, "TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE")
    options = [idle, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT]
    assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [60, 15, 4]
    opened.close()


def test_a_silent_tls_connection_is_probed_too(tls_receiver: Receiver) -> None:
    opened = connection_to(tls_receiver.port, "https", verify_tls=False)
    assert opened.open(Budget(5), 5).getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    opened.close()


@pytest.mark.parametrize(("host", "sent"), [("e.example.", "e.example"), ("::1", "::1")])
def test_the_final_dot_of_a_name_is_not_sent(host: str, sent: str) -> None:
    assert connection_to(80, host=host).host == sent
