"""Proves that connections end at their timeout or when stopped, check certificates, and are reused only as allowed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from executions.per_process import PerProcess
from executions.targets.base import StopReason
from executions.targets.http import connection
from executions.targets.http.addresses import EgressPolicy
from executions.targets.http.connection import IdleConnections, Route, new_connection
from executions.targets.http.deadline import Budget, CutOff

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


def route(port: int, scheme: str = "http", host: str = "127.0.0.1", *, verify_tls: bool = True) -> Route:
    return Route(scheme, host, port, PRIVATE, verify_tls)


def test_a_connection_that_is_never_accepted_fails_at_the_connect_timeout() -> None:
    with full_listener() as port:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            new_connection(route(port)).open(Budget(30), 0.1)
        assert time.monotonic() - started < 10


def test_a_stop_breaks_a_connection_that_is_being_opened() -> None:
    budget = Budget(30)
    with full_listener() as port:
        timer = threading.Timer(0.1, budget.cut, [StopReason.CANCELLED])
        timer.start()
        started = time.monotonic()
        with pytest.raises(CutOff):
            new_connection(route(port)).open(budget, 20)
        assert time.monotonic() - started < 10
        timer.join()


def test_a_tls_handshake_without_a_reply_fails_at_the_connect_timeout() -> None:
    with silent_listener() as (_, port):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            new_connection(route(port, "https")).open(Budget(30), 0.1)
        assert time.monotonic() - started < 10


def test_a_stop_breaks_a_tls_handshake() -> None:
    budget = Budget(30)
    with silent_listener() as (_, port):
        timer = threading.Timer(0.1, budget.cut, [StopReason.CANCELLED])
        timer.start()
        started = time.monotonic()
        with pytest.raises(OSError):
            new_connection(route(port, "https")).open(budget, 20)
        assert time.monotonic() - started < 10
        timer.join()
    assert budget.cut_by is StopReason.CANCELLED


def test_an_address_that_does_not_respond_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    with full_listener() as silent:
        answers: Any = [(socket.AF_INET, ("127.0.0.1", port)) for port in (silent, receiver.port)]
        monkeypatch.setattr(connection, "resolve", lambda *_: answers)
        opened = new_connection(route(receiver.port, host="two.example"))
        opened.open(Budget(30), 0.4)
        assert opened.remote_address == "127.0.0.1"
        opened.close()


def test_a_certificate_of_an_unknown_authority_is_refused(tls_receiver: Receiver) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        new_connection(route(tls_receiver.port, "https")).open(Budget(5), 5)


@pytest.mark.parametrize(("host", "fits"), [("localhost", True), ("127.0.0.1", True), ("127.0.0.2", False)])
def test_a_trusted_certificate_must_name_the_host(
    tls_receiver: Receiver, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, host: str, fits: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setattr(connection, "_tls_contexts", PerProcess(connection._make_tls_contexts))
    monkeypatch.setattr(connection, "resolve", lambda *_: [(socket.AF_INET, ("127.0.0.1", tls_receiver.port))])
    opened = new_connection(route(tls_receiver.port, "https", host))
    with contextlib.nullcontext() if fits else pytest.raises(ssl.SSLCertVerificationError, match="127.0.0.2"):
        opened.open(Budget(5), 5)
    opened.close()


def test_breaking_a_connection_keeps_its_encryption(tls_receiver: Receiver) -> None:
    """A thread that is still writing at that moment must not send unencrypted data."""
    opened = new_connection(route(tls_receiver.port, "https", verify_tls=False))
    budget = Budget(5)
    opened.open(budget, 5)
    sock: Any = opened.sock
    budget.cut(StopReason.CANCELLED)
    assert isinstance(sock, ssl.SSLSocket)
    assert sock.version() is not None
    with pytest.raises(OSError, match=r"."):
        sock.sendall(b"secret")
    opened.close()


def opened_to(receiver: Receiver) -> connection.CheckedConnection:
    made = new_connection(route(receiver.port))
    made.open(Budget(5), 5)
    return made


def test_an_idle_connection_is_used_again_once(receiver: Receiver) -> None:
    pool, first = IdleConnections(), opened_to(receiver)
    pool.give(first)
    assert pool.take(first.route) is first
    assert pool.take(first.route) is None
    first.close()


def test_a_connection_is_not_shared_between_policies_or_tls_settings(receiver: Receiver) -> None:
    pool, first = IdleConnections(), opened_to(receiver)
    pool.give(first)
    assert pool.take(Route("http", "127.0.0.1", receiver.port, EgressPolicy(), True)) is None
    assert pool.take(route(receiver.port, verify_tls=False)) is None
    pool.close()


def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
    with silent_listener() as (listener, port):
        pool, first = IdleConnections(), new_connection(route(port))
        first.open(Budget(5), 5)
        pool.give(first)
        listener.accept()[0].close()
        assert pool.take(first.route) is None
    assert first.is_closed


def test_a_connection_that_was_idle_for_too_long_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, first = IdleConnections(), opened_to(receiver)
    pool.give(first)
    monkeypatch.setattr(pool, "MAX_IDLE_SECONDS", 0.0)
    assert pool.take(first.route) is None
    assert first.is_closed


def test_a_connection_beyond_the_limit_is_closed_instead_of_kept(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, first, second = IdleConnections(), opened_to(receiver), opened_to(receiver)
    monkeypatch.setattr(pool, "MAX_KEPT", 1)
    pool.give(first)
    pool.give(second)
    assert second.is_closed
    pool.close()
    assert first.is_closed


def test_stale_connections_are_closed_when_another_is_kept(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, first, second = IdleConnections(), opened_to(receiver), opened_to(receiver)
    pool.give(first)
    monkeypatch.setattr(pool, "MAX_IDLE_SECONDS", -1.0)
    pool.give(second)
    assert first.is_closed
    pool.close()
