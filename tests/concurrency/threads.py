"""Several actors at the same moment, each on a database connection of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def at_once(n: int, act: Callable[[int], T]) -> list[T]:
    """Call `act` with 0 to n-1 at the same moment, in threads with connections of their own. Returns the results."""
    start = threading.Barrier(n)

    def one(number: int) -> T:
        try:
            start.wait()
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))
