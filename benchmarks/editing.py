"""What an editor does: it edits jobs of its project as the bench says on standard input, and answers.

`create N` and `change N` make or change job number N so that it is due at once; the answer is the instant at which
that was begun. `touch RATE SECONDS FIRST` changes the description or payload of one job after the other, from FIRST
on, at this rate; it answers when that begins, and with how many there were when it is over.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Edit = Callable[[int], None]


def serve(create: Edit, change: Edit, touch: Edit) -> None:
    """Obey until standard input ends."""
    answer("ready")
    for line in sys.stdin:
        match line.split():
            case ["create", number]:
                _at_once(create, int(number))
            case ["change", number]:
                _at_once(change, int(number))
            case ["touch", rate, seconds, first]:
                answer("touching")
                answer(_at_rate(touch, float(rate), float(seconds), int(first)))
            case _:
                sys.exit(f"not understood: {line}")


def answer(value: object) -> None:
    """Say one line."""
    print(value, flush=True)


def _at_once(edit: Edit, number: int) -> None:
    began_at = time.time()
    edit(number)
    answer(f"{began_at:.6f}")


def _at_rate(touch: Edit, rate: float, seconds: float, first: int) -> int:
    began_at, n_done = time.monotonic(), 0
    while n_done / rate < seconds:
        time.sleep(max(began_at + n_done / rate - time.monotonic(), 0))
        if time.monotonic() > began_at + seconds:
            break
        touch(first + n_done)
        n_done += 1
    return n_done
