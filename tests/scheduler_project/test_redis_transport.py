"""Proves with a real Valkey that a worker's channel survives a killed broker and treats one that is full as away."""

from __future__ import annotations

import contextlib
import gc
import logging
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import redis
from kombu import Connection, Consumer, Queue
from kombu.common import ignore_errors

import scheduler_project.celery  # noqa: F401  (the transport is registered there)
from scheduler_project.launch.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.long


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def connection(broker: Valkey) -> Iterator[Connection]:
    connection = Connection(broker.url, transport_options={"socket_timeout": 5, "socket_connect_timeout": 5})
    yield connection
    with contextlib.suppress(*connection.connection_errors):
        connection.close()
    with warnings.catch_warnings():  # kombu leaves sockets of a lost connection to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def receive_one(connection: Connection) -> Any:
    """Take a message and start waiting for the next one, as a worker does when its broker fails."""
    queue = Queue("runs", channel=connection.default_channel)
    connection.Producer().publish("first", routing_key="runs", declare=[queue])
    messages: list[Any] = []
    Consumer(connection.default_channel, [queue], on_message=messages.append).consume()
    connection.drain_events(timeout=5)
    with contextlib.suppress(TimeoutError):
        connection.drain_events(timeout=0.1)
    return messages[0]


def lose(connection: Connection) -> None:
    """Close the connection as a worker does after an error."""
    with contextlib.suppress(Exception):
        connection.collect(socket_timeout=0.1)
    ignore_errors(connection, connection.close)


def test_acknowledging_a_message_of_a_killed_broker_logs_no_error(
    broker: Valkey, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    message = receive_one(connection)
    broker.kill()
    lose(connection)
    message.ack_log_error(logging.getLogger("tests"), connection.connection_errors)
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []


def test_a_message_without_acknowledgement_is_returned_when_the_worker_ends(
    broker: Valkey, connection: Connection
) -> None:
    receive_one(connection)
    connection.close()
    with Connection(broker.url) as again:
        assert receive_one(again).payload == "first"


def test_a_broker_that_refuses_writes_counts_as_disconnected(broker: Valkey, connection: Connection) -> None:
    with redis.from_url(broker.url) as operator:
        operator.config_set("maxmemory", 1)
        with pytest.raises(connection.connection_errors, match="maxmemory"):
            connection.connect()
        operator.config_set("maxmemory", 0)
    assert receive_one(connection).payload == "first"


def test_the_url_of_the_broker_keeps_its_scheme(broker: Valkey) -> None:
    assert Connection(broker.url).as_uri().startswith("redis://")


def test_a_channel_without_a_connection_raises_a_connection_error(connection: Connection) -> None:
    channel: Any = connection.channel()
    connection.collect()
    with pytest.raises(connection.connection_errors), channel.conn_or_acquire():
        pass


def test_each_wait_for_a_message_has_another_timeout(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[Any, ...]] = []
    send: Any = redis.connection.Connection.send_command

    def record(self: redis.connection.Connection, *words: Any, **options: Any) -> None:
        sent.append(words)
        send(self, *words, **options)

    monkeypatch.setattr(redis.connection.Connection, "send_command", record)
    channel: Any = connection.default_channel
    channel.brpop_timeout = 0.1
    Consumer(channel, [Queue("runs", channel=channel)], accept=["json"]).consume()
    for _ in range(5):
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=0.2)
    timeouts = [words[-1] for words in sent if words[0] == "BRPOP"]
    assert len(set(timeouts)) == len(timeouts) >= 3
    assert all(0.05 <= timeout <= 0.1 for timeout in timeouts)
