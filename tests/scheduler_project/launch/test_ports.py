"""Proves how `make run` chooses its ports and reports one that is in use, with real sockets."""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.ports import chosen_port, process_listening_on
from scheduler_project.launch.server import free_port, port_is_free

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def listening_on(port: int) -> Iterator[None]:
    """Listen on the port, unless another process does so already."""
    with socket.socket() as server:
        with suppress(OSError):
            server.bind(("127.0.0.1", port))
            server.listen(1)
        yield


def refusal(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the message for this port, which is in use."""
    monkeypatch.setenv("PORT", str(port))
    with pytest.raises(CannotLaunch) as refused:
        chosen_port("PORT", 8000)
    return str(refused.value)


def suggested(message: str) -> int:
    """Return the port that the message suggests."""
    found = re.search(r"PORT=(\d+) make run$", message)
    assert found, message
    return int(found[1])


def test_the_message_for_a_port_in_use_names_its_process_and_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        message = refusal(port, monkeypatch)
    assert message.startswith(f"Port {port} is in use")
    assert suggested(message) != port
    if sys.platform == "linux":
        assert f"by process {os.getpid()} (" in message


def test_the_suggested_port_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with listening_on(port):
        other = suggested(refusal(port, monkeypatch))
        monkeypatch.setenv("PORT", str(other))
        assert chosen_port("PORT", 8000) == other


def test_the_port_suggested_instead_of_the_highest_one_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening_on(65535):
        other = suggested(refusal(65535, monkeypatch))
        monkeypatch.setenv("PORT", str(other))
        assert chosen_port("PORT", 8000) == other


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80 81"])
def test_a_value_that_is_no_port_is_refused_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("FLOWER_PORT", text)
    with pytest.raises(CannotLaunch, match="FLOWER_PORT is .* from 1 to 65535, for example 5555"):
        chosen_port("FLOWER_PORT", 5555)


def test_without_the_variable_the_default_port_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    default = free_port()
    assert chosen_port("PORT", default) == default


def test_no_process_listens_on_a_free_port() -> None:
    port = free_port()
    assert port_is_free(port)
    assert process_listening_on(port) == ""
