"""Counts the steps of Python: the cost of a call, however busy the machine is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def steps_of(call: Callable[[], object]) -> int:
    """Return how many lines and calls of Python and of built-in functions `call` executes."""
    n_steps = 0

    def count(*_: object) -> Any:
        nonlocal n_steps
        n_steps += 1
        return count

    sys.setprofile(count)
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(None)
        sys.setprofile(None)
    return n_steps
