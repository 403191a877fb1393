"""Counts the calls that code makes, where a test must show that the cost does not grow faster than the input."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType


@dataclass(slots=True)
class Calls:
    """`n`: calls of Python and C functions in this thread. `of`: those of one Python function only."""

    n: int = 0
    n_of: int = 0


@contextmanager
def counted_calls(of: CodeType | None = None) -> Iterator[Calls]:
    """Count the calls in this thread while the block runs. `of`: the code of a function whose calls count apart."""
    calls = Calls()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_call"):
            calls.n += 1
            calls.n_of += event == "call" and frame.f_code is of

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
