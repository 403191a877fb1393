"""What waits in a queue of Redis or Valkey, where each priority has a list of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis


def in_queue(broker: Redis, queue: str) -> list[bytes | str]:
    """The messages that no worker has taken, of each priority the oldest first."""
    names = sorted(broker.scan_iter(f"{queue}*", _type="list"))
    return [message for name in names for message in reversed(broker.lrange(name, 0, -1))]


def n_waiting(broker: Redis, queue: str) -> int:
    """How many these are."""
    return len(in_queue(broker, queue))
