"""Decides whose connection is closed when there are too many, or when they occupy too much memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


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
    """Return the connection that is closed first. Raises ValueError if `waiting` is empty."""
    for connection in in_order(waiting):
        return connection
    raise ValueError("The collection is empty.")


def in_order(waiting: Collection[Connection]) -> Iterator[Connection]:
    """Yield the connections in the order in which they are closed.

    Each is the one that has waited longest, among those of the address that has the most of them: an address that opens
    many connections loses its own ones. Behind a proxy all connections have one address. There the oldest one is
    closed, because a proxy sends each request at once. If all of them wait for a thread, the newest one is closed: it
    would be served last.
    """
    by_address: defaultdict[str, list[Connection]] = defaultdict(list)
    for connection in sorted(waiting, key=_turn, reverse=True):
        by_address[connection.address].append(connection)
    crowds = [(-len(found), _turn(found[-1]), address) for address, found in by_address.items()]
    heapify(crowds)
    while crowds:
        *_, address = crowds[0]
        found = by_address[address]
        yield found.pop()
        if found:
            heapreplace(crowds, (-len(found), _turn(found[-1]), address))
        else:
            heappop(crowds)


def _turn(waiting: Waiting) -> tuple[bool, float]:
    return (True, -waiting.since) if waiting.is_queued else (False, waiting.since)


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
