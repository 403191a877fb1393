"""Decides whose connection is closed when there are too many, or when they occupy too much memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection


class Waiting(Protocol):
    """A connection that waits for its client or for a thread."""

    @property
    def address(self) -> str: ...

    @property
    def since(self) -> float: ...

    @property
    def is_queued(self) -> bool: ...


class Holding(Waiting, Protocol):
    """A connection that also occupies memory."""

    @property
    def n_in_memory(self) -> int: ...


Connection = TypeVar("Connection", bound=Waiting)
HoldingConnection = TypeVar("HoldingConnection", bound=Holding)


def longest_waiting(waiting: Collection[Connection]) -> Connection:
    """Return the connection that has waited longest, among those of the address that has the most of them.

    An address that opens many connections loses its own ones. Behind a proxy all connections have one address: there
    the oldest one is closed, because a proxy sends each request at once. If all of them wait for a thread, the newest
    one is closed: it would be served last. Raises ValueError if `waiting` is empty.
    """
    n_of = Counter(connection.address for connection in waiting)
    most = max(n_of.values(), default=0)
    return min(
        (connection for connection in waiting if n_of[connection.address] == most),
        key=lambda found: (True, -found.since) if found.is_queued else (False, found.since),
    )


def largest(waiting: Collection[HoldingConnection]) -> HoldingConnection:
    """Return the connection that occupies most memory, among those of the address that occupies most memory.

    Raises ValueError if `waiting` is empty.
    """
    n_bytes_of: Counter[str] = Counter()
    for connection in waiting:
        n_bytes_of[connection.address] += connection.n_in_memory
    most = max(n_bytes_of.values(), default=0)
    return max(
        (connection for connection in waiting if n_bytes_of[connection.address] == most),
        key=lambda found: found.n_in_memory,
    )
