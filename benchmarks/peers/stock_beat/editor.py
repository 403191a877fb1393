"""Edits rows of stock django-celery-beat by saving the models, as its admin does (`benchmarks/editor_protocol.py`)."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from django_celery_beat.models import ClockedSchedule, PeriodicTask

from benchmarks.editor_protocol import serve
from benchmarks.peers.tasks import noop


def create(number: int) -> None:
    now = time.time()
    PeriodicTask.objects.create(
        name=f"new {number}",
        task=noop.name,
        clocked=_clock(now),
        one_off=True,
        kwargs=json.dumps({"nominal_at": now}),
    )


def change(number: int) -> None:
    now = time.time()
    row = PeriodicTask.objects.get(name=f"job {number}")
    row.interval, row.clocked, row.one_off = None, _clock(now), True
    row.kwargs = json.dumps({"nominal_at": now})
    row.save()


def touch(number: int) -> None:
    row = PeriodicTask.objects.get(name=f"job {number}")
    row.description = f"edited {time.time()}"
    row.save()


def _clock(at: float) -> ClockedSchedule:
    clocked: ClockedSchedule = ClockedSchedule.objects.create(clocked_time=datetime.fromtimestamp(at, UTC))
    return clocked


if __name__ == "__main__":
    serve(create, change, touch)
