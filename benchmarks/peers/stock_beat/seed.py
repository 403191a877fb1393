"""Adds rows or messages for stock django-celery-beat.

`mass N` adds N rows that are not due. The other two read a JSON list of times from standard input: `due FIRST` adds a
row for each time, numbered from FIRST; `messages` sends a message for each time, without a beat.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

from benchmarks.peers.stock_beat.app import app
from benchmarks.peers.tasks import noop

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS_PER_INSERT = 5000


def add_mass(n_jobs: int) -> None:
    """Add enabled rows that are due in a day, as if all of them had just run."""
    daily, _ = IntervalSchedule.objects.get_or_create(every=24, period=IntervalSchedule.HOURS)
    ran_at = datetime.now(UTC)
    PeriodicTask.objects.bulk_create(
        [
            PeriodicTask(
                name=f"job {number}", task=noop.name, interval=daily, last_run_at=ran_at, kwargs='{"nominal_at": 0}'
            )
            for number in range(1, n_jobs + 1)
        ],
        batch_size=ROWS_PER_INSERT,
    )
    PeriodicTasks.update_changed()


def add_due(instants: Sequence[float], first: int) -> None:
    """Add a one-off row for each of `instants` (seconds since 1970), numbered from `first`."""
    # Without this, beat would disable the one-off rows that have run at its next start, and then read all rows twice.
    PeriodicTask.objects.filter(one_off=True).delete()
    clocks = {at: ClockedSchedule(clocked_time=datetime.fromtimestamp(at, UTC)) for at in set(instants)}
    ClockedSchedule.objects.bulk_create(clocks.values(), batch_size=ROWS_PER_INSERT)
    PeriodicTask.objects.bulk_create(
        [
            PeriodicTask(
                name=f"due {number}",
                task=noop.name,
                clocked=clocks[at],
                one_off=True,
                kwargs=json.dumps({"nominal_at": at}),
            )
            for number, at in enumerate(instants, first)
        ],
        batch_size=ROWS_PER_INSERT,
    )
    PeriodicTasks.update_changed()


def send_messages(instants: Sequence[float]) -> None:
    """Put a task for each of `instants` into the broker, without a beat."""
    with app.producer_pool.acquire() as producer:
        for at in instants:
            noop.apply_async(kwargs={"nominal_at": at}, producer=producer)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["mass", n_jobs]:
            add_mass(int(n_jobs))
        case ["due", first]:
            add_due(json.load(sys.stdin), int(first))
        case ["messages"]:
            send_messages(json.load(sys.stdin))
        case _:
            sys.exit(__doc__)
