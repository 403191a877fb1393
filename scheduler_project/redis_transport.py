"""Kombu's transport for Redis and Valkey, whose channels outlive the loss of their connection.

When the broker goes away a worker closes its channels and then connects anew, while runs that are still going on
acknowledge their messages on the old ones. There kombu (5.7) falls over the connection that it has just taken away,
with an AttributeError that ends the worker. A message that is not acknowledged comes again, and its claim is spent.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Channel(redis.Channel):
    """Says that its connection is gone in the way that its callers expect and pass over."""

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Yield a client; raises Disconnected once the connection has been closed."""
        if client is None and (self.connection is None or self.connection.client is None):
            raise Disconnected("The channel's connection to the broker is closed.")
        with super().conn_or_acquire(client) as found:
            yield found

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        """Acknowledge, unless the channel is closed: nobody is there to hear it."""
        if not self.closed:
            super().basic_ack(delivery_tag, multiple)


class Transport(redis.Transport):
    """Takes a broker that refuses, out of memory or of disk, for one that is away: a worker waits for either."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)

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
