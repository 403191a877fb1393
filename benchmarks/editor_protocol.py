"""The protocol of an editor: a program that edits a contender's jobs on commands from standard input.

`create N` and `change N` create or change job number N, so that the job is due immediately. The reply is the time at
which the edit started, in seconds since 1970.

`touch RATE SECONDS FIRST` changes the description or payload of job FIRST and the jobs after it: RATE jobs a second for
SECONDS seconds. The first reply is `touching`; the second is the number of edited jobs.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Edit = Callable[[int], None]


def serve(create: Edit, change: Edit, touch: Edit) -> None:
    """Print `ready`, then run commands until standard input is closed."""
    reply("ready")
    for line in sys.stdin:
        match line.split():
            case ["create", number]:
                _edit_once(create, int(number))
            case ["change", number]:
                _edit_once(change, int(number))
            case ["touch", rate, seconds, first]:
                reply("touching")
                reply(_edit_at_rate(touch, float(rate), float(seconds), int(first)))
            case _:
                sys.exit(f"unknown command: {line}")


def reply(value: object) -> None:
    """Print one line."""
    print(value, flush=True)


def _edit_once(edit: Edit, number: int) -> None:
    started_at = time.time()
    edit(number)
    reply(f"{started_at:.6f}")


def _edit_at_rate(edit: Edit, rate: float, seconds: float, first: int) -> int:
    """Edit at most `rate` jobs a second; return the number of edited jobs, which is lower for a slow contender."""
    started_at, n_edited = time.monotonic(), 0
    while n_edited / rate < seconds:
        time.sleep(max(started_at + n_edited / rate - time.monotonic(), 0))
        if time.monotonic() > started_at + seconds:
            break
        edit(first + n_edited)
        n_edited += 1
    return n_edited
