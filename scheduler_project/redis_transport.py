"""kombu's transport for Redis and Valkey, made robust against lost connections and unreadable messages.

When the broker fails, a worker closes its channels and reconnects. Runs that are still executing acknowledge their
messages later, on the closed channels. In kombu 5.7, such a channel has no connection any more, so the acknowledgement
raises an AttributeError, which ends the worker. This transport skips the acknowledgement. The broker then delivers the
message again, and the worker drops it, because the claim number in the message has already been used.

A queue entry that is not a message would also end the worker. This transport drops the entry with one log line.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from queue import Empty
from typing import TYPE_CHECKING, Any

import structlog
from kombu.transport import redis, virtual
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

# Exceptions that are raised for an envelope of the wrong shape. No error of the broker has one of these classes.
WRONG_SHAPE_ERRORS = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


class UnreadableMessage(Exception):
    """The queue entry is not a message in the format of kombu."""


class Message(virtual.Message):
    """A message. The constructor raises UnreadableMessage if the data cannot be read, or cannot be queued again."""

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        try:
            super().__init__(payload, channel, **kwargs)
            delivery = self.delivery_info
            parts = (self.delivery_tag, delivery["exchange"], delivery["routing_key"])
        except WRONG_SHAPE_ERRORS as error:
            raise UnreadableMessage(f"{type(error).__name__}: {error}") from error
        if not all(isinstance(part, str) for part in parts) or not isinstance(self.headers, dict):
            raise UnreadableMessage(
                "the delivery tag, exchange, routing key or headers of the message have the wrong type"
            )


class Channel(redis.Channel):
    """A channel that raises Disconnected for a lost connection, because kombu and Celery handle that error."""

    Message = Message
    _cached_client: Any = None

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Send a BRPOP command that waits up to `timeout` seconds for a message.

        The default of `timeout` is random, and at most `brpop_timeout`.

        Redis gives a message to the client that has waited longest. With equal timeouts, one worker would get every
        message of a job that fires at a fixed interval. If that worker could not reach the database, it would still get
        every message.
        """
        seconds = self.brpop_timeout * random.uniform(0.5, 1) if timeout is None else timeout
        super()._brpop_start(seconds)  # type: ignore[misc]  # not in the stubs

    def _brpop_read(self, **options: Any) -> Any:
        transport: Any = self.connection
        transport.has_read = False
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # not in the stubs
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            if transport.has_read or self.closed or self.client.connection is None:
                raise
            _drop(error)  # BRPOP has already removed the entry from the queue
            raise Empty from None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Yield `client`. If `client` is None, yield the channel's own client.

        Raises Disconnected if `client` is None and the channel's connection is closed.
        """
        if client is None and (self.connection is None or self.connection.client is None):
            raise Disconnected("The channel's connection to the broker is closed.")
        yield client or self._client_of_pool()

    def _client_of_pool(self) -> Any:
        # kombu creates a client for each command, which takes longer than sending the command.
        if self._cached_client is None or self._cached_client.connection_pool is not self.pool:
            self._cached_client = self._create_client()  # type: ignore[attr-defined]  # not in the stubs
        return self._cached_client

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        """Acknowledge a message. Do nothing if the channel is closed: the broker will deliver the message again."""
        if not self.closed:
            super().basic_ack(delivery_tag, multiple)


class Transport(redis.Transport):
    """Drops unreadable messages. An error reply of the broker (memory or disk full) counts as a lost connection."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)
    has_read = False  # whether the current envelope was valid JSON

    _avail_channels: list[Any]

    def establish_connection(self) -> Any:
        """Connect, and write a test key. Raises ResponseError if the broker refuses the write.

        kombu waits between failed attempts to connect. Without the test key, only a later write would fail, and the
        worker would reconnect several times a second.
        """
        established: Any = super().establish_connection()
        try:
            self._avail_channels[-1].client.set("mainspring.writable", "", px=1)
        except ResponseError:
            self.close_connection(established)
            raise
        return established

    def _deliver(self, message: Any, queue: str | None) -> None:
        self.has_read = True
        try:
            super()._deliver(message, queue)
        except UnreadableMessage as error:
            _drop(error)


def _drop(error: Exception) -> None:
    log.warning("message_dropped", action="consume", error=str(error))
