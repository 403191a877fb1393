"""Proves with real servers that the embedded Valkey protects its password and keeps its messages and its port."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.valkey import Valkey
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey with a space", durable=True) as server:
        yield server


def client(server: Valkey) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_a_client_without_the_password_is_refused(server: Valkey) -> None:
    with client(server) as connection:
        assert connection.ping()
    with (
        redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as connection,
        pytest.raises(redis.AuthenticationError),
    ):
        connection.ping()


def test_the_password_is_not_in_the_command_line_and_its_file_is_private(server: Valkey) -> None:
    assert server.password not in command_line_of(server.pid)
    assert stat.S_IMODE((server.folder / "valkey.conf").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.folder / "valkey.json").stat().st_mode) == 0o600


def test_a_server_without_memory_refuses_messages_instead_of_dropping_some(server: Valkey) -> None:
    with client(server) as connection:
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_killed_server_restarts_on_its_port_with_its_messages(server: Valkey) -> None:
    with client(server) as connection:
        connection.rpush("queue", "first", "second")
        wait_until(lambda: connection.info("persistence")["aof_pending_bio_fsync"] == 0, what="the append-only file")
    url = server.url
    server.kill()
    server.start()
    assert server.url == url
    with client(server) as connection:
        assert connection.lrange("queue", 0, -1) == [b"first", b"second"]


def test_a_server_that_is_not_durable_starts_empty(tmp_path: Path) -> None:
    with Valkey(tmp_path / "valkey") as server:
        with client(server) as connection:
            connection.set("key", "value")
        server.stop()
        server.start()
        with client(server) as connection:
            assert connection.get("key") is None


def test_a_running_server_of_an_earlier_launch_is_stopped_first(server: Valkey) -> None:
    with client(server) as connection:
        connection.set("key", "value")
    old = server.pid
    with Valkey(server.folder, durable=True) as successor, client(successor) as connection:
        assert connection.get("key") == b"value"
        assert server.mark not in command_line_of(old)
