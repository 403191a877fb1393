"""How many messages wait in a queue of Redis or Valkey, where each priority has a list of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis


def n_waiting(broker: Redis, queue: str) -> int:
    """Messages that no worker has taken."""
    return sum(broker.llen(name) for name in broker.scan_iter(f"{queue}*", _type="list"))
