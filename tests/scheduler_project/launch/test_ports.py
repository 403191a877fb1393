"""The ports that people open, with real sockets."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.ports import chosen_port, holder_of
from scheduler_project.launch.server import free_port, port_is_free


def test_a_port_in_use_is_named_with_its_holder_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(CannotLaunch) as refused:
            chosen_port("PORT", 8000)
    assert str(refused.value).startswith(f"Port {port} is in use")
    assert str(refused.value).endswith(f"PORT={port + 1} make run")
    if sys.platform == "linux":
        assert f"by process {os.getpid()} (" in str(refused.value)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80 81"])
def test_what_is_no_port_is_refused_with_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("FLOWER_PORT", text)
    with pytest.raises(CannotLaunch, match="FLOWER_PORT is .* from 1 to 65535, for example 5555"):
        chosen_port("FLOWER_PORT", 5555)


def test_without_the_variable_the_port_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    usual = free_port()
    assert chosen_port("PORT", usual) == usual


def test_nobody_holds_a_free_port() -> None:
    port = free_port()
    assert port_is_free(port)
    assert holder_of(port) == ""
