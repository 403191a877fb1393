"""Proves that a look-up returns allowed addresses only, and ends with the attempt although it cannot be cancelled."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from executions.per_process import PerProcess
from executions.targets.base import StopReason
from executions.targets.http import resolve as module
from executions.targets.http.addresses import EgressPolicy
from executions.targets.http.deadline import Budget, CutOff
from executions.targets.http.failures import AddressDenied, NameNotResolved
from executions.targets.http.resolve import read_literal, resolve
from tests.waiting import wait_until

Entry = tuple[int, int, int, str, tuple[Any, ...]]


def entry(address: str, port: int = 80) -> Entry:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port, 0, 0) if ":" in address else (address, port))


def answer_with(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Have look-ups of names return these addresses; numeric hosts are still read by the system."""
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *, type: int = 0, flags: int = 0) -> Any:
        return real(host, port, type=type, flags=flags) if flags else [entry(address, port) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def hosts(found: list[tuple[int, tuple[Any, ...]]]) -> list[str]:
    return [address[0] for _, address in found]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "0.0.0.0", "0",
     "::1", "::ffff:127.0.0.1", "::", "169.254.169.254", "::ffff:a9fe:a9fe"],
)  # fmt: skip
def test_every_notation_of_a_denied_address_is_denied(host: str) -> None:
    with pytest.raises(AddressDenied):
        resolve(host, 80, EgressPolicy(), Budget(5), 5)


def test_denied_addresses_are_dropped_and_allowed_ones_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, "10.0.0.1", "93.184.215.14", "::1", "2606:2800:21f::1", "93.184.215.14")
    found = resolve("mixed.example", 80, EgressPolicy(), Budget(5), 5)
    assert hosts(found) == ["93.184.215.14", "2606:2800:21f::1"]


def test_a_name_with_denied_addresses_only_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, "169.254.169.254", "10.0.0.1")
    with pytest.raises(AddressDenied, match=r"169\.254\.169\.254"):
        resolve("metadata.example", 80, EgressPolicy(), Budget(5), 5)


def test_metadata_addresses_are_dropped_where_private_networks_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, "169.254.169.254", "10.0.0.1")
    assert hosts(resolve("x.example", 80, EgressPolicy(allow_private=True), Budget(5), 5)) == ["10.0.0.1"]


def test_a_name_without_addresses_raises_name_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch)
    with pytest.raises(NameNotResolved):
        resolve("empty.example", 80, EgressPolicy(), Budget(5), 5)


def test_the_message_of_the_resolver_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(NameNotResolved, match="Temporary failure"):
        resolve("down.example", 80, EgressPolicy(), Budget(5), 5)


def test_a_hanging_look_up_is_abandoned_at_the_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    released = hang_look_ups(monkeypatch)
    with pytest.raises(TimeoutError):
        resolve("slow.example", 80, EgressPolicy(), Budget(3600), 0.05)
    released.set()


def test_a_stop_ends_the_wait_for_a_hanging_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()
    released = hang_look_ups(monkeypatch, started)
    budget = Budget(30)

    def stop() -> None:
        started.wait(5)
        budget.cut(StopReason.CANCELLED)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(CutOff):
        resolve("slow.example", 80, EgressPolicy(), budget, 30)
    released.set()


def test_one_domain_cannot_take_all_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LOOKUPS", 10)
    monkeypatch.setattr(module, "_lookups", PerProcess(module._Lookups))  # other tests' look-ups may still hang
    released = hang_look_ups(monkeypatch)
    for number in range(8):
        with pytest.raises(TimeoutError):
            resolve(f"{number}.slow.example", 80, EgressPolicy(), Budget(30), 0.001)
    for host in ("9.slow.example", "slow.example."):
        with pytest.raises(NameNotResolved, match=r"8 other look-ups in slow\.example, and 8 in all"):
            resolve(host, 80, EgressPolicy(), Budget(30), 0.001)
    for host in ("api", "other.example"):
        with pytest.raises(TimeoutError):
            resolve(host, 80, EgressPolicy(), Budget(30), 0.001)
    with pytest.raises(NameNotResolved, match="0 other look-ups in third.example, and 10 in all"):
        resolve("third.example", 80, EgressPolicy(), Budget(30), 0.001)
    released.set()
    wait_until(lambda: not module._lookups.get()._n_by_domain, what="the end of the look-ups")
    with pytest.raises(NameNotResolved, match="it has no address"):
        resolve("9.slow.example", 80, EgressPolicy(), Budget(30), 5)


def hang_look_ups(monkeypatch: pytest.MonkeyPatch, started: threading.Event | None = None) -> threading.Event:
    released = threading.Event()

    def hang(host: str, port: int, *, type: int = 0, flags: int = 0) -> list[Entry]:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "not numeric")
        if started:
            started.set()
        released.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    return released


def test_a_host_name_is_not_read_as_an_address() -> None:
    assert read_literal("example.com", 80) == []
    assert hosts(read_literal("8.8.8.8", 80)) == ["8.8.8.8"]
