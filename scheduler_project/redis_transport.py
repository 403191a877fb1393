"""Kombu's transport for Redis and Valkey, whose channels outlive the loss of their connection, and any message.

When the broker goes away a worker closes its channels and then connects anew, while runs that are still going on
acknowledge their messages on the old ones. There kombu (5.7) falls over the connection that it has just taken away,
with an AttributeError that ends the worker. A message that is not acknowledged comes again, and its claim is spent.

What stands in a queue and is no message would end the worker too: it is dropped, with one log line.
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

# What reading something of the wrong shape raises. None of the broker's own errors is one of these.
WRONG_SHAPE = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


class UnreadableMessage(Exception):
    """It has no envelope as kombu writes it."""


class Message(virtual.Message):
    """Refuses an envelope that it cannot read, or could not give back."""

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        try:
            super().__init__(payload, channel, **kwargs)
            delivery = self.delivery_info
            parts = (self.delivery_tag, delivery["exchange"], delivery["routing_key"])
        except WRONG_SHAPE as error:
            raise UnreadableMessage(f"{type(error).__name__}: {error}") from error
        if not all(isinstance(part, str) for part in parts) or not isinstance(self.headers, dict):
            raise UnreadableMessage("its delivery tag, exchange, routing key or headers are of another kind")


class Channel(redis.Channel):
    """Says that its connection is gone in the way that its callers expect and pass over."""

    Message = Message
    _kept: Any = None

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Wait for a message, each time for another part of a second.

        Redis gives it to who has waited longest. With equal waits, one that took what came at regular times took it
        again and again, also when it could do nothing with it: a worker that does not reach the database.
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
            _drop(error)  # the broker has already given it away
            raise Empty from None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Yield a client; raises Disconnected once the connection has been closed."""
        if client is None and (self.connection is None or self.connection.client is None):
            raise Disconnected("The channel's connection to the broker is closed.")
        yield client or self._client_of_pool()

    def _client_of_pool(self) -> Any:
        # kombu makes a client for each command, which takes longer than to send it.
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = self._create_client()  # type: ignore[attr-defined]  # not in the stubs
        return self._kept

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        """Acknowledge, unless the channel is closed: nobody is there to hear it."""
        if not self.closed:
            super().basic_ack(delivery_tag, multiple)


class Transport(redis.Transport):
    """Delivers what can be read. Takes a broker that refuses, out of memory or of disk, for one that is away."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)
    has_read = False  # whether the envelope that is being delivered was JSON

    _avail_channels: list[Any]

    def establish_connection(self) -> Any:
        """Connect, and raise ResponseError when the broker takes no writes.

        Learnt later, it would make a worker connect anew several times a second; here kombu waits between its tries.
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
