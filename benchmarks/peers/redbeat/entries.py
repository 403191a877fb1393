"""Creates RedBeat entries that run daily and are next due at a given time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from celery.schedules import schedule
from redbeat import RedBeatSchedulerEntry
from redbeat.decoder import RedBeatJSONEncoder
from redbeat.schedulers import ensure_conf, get_redis

from benchmarks.peers.redbeat.app import app
from benchmarks.peers.tasks import noop

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY = timedelta(days=1)
ENTRIES_PER_PIPELINE = 1000
SCHEDULE = ensure_conf(app).schedule_key


def entry(name: str, at: float) -> RedBeatSchedulerEntry:
    """Return an entry that is due at `at`, in seconds since 1970, and every day after that."""
    return RedBeatSchedulerEntry(
        name,
        noop.name,
        schedule(DAY, app=app),
        kwargs={"nominal_at": at},
        app=app,
        last_run_at=datetime.fromtimestamp(at, UTC) - DAY,
    )


def save_all(wanted: Iterable[tuple[str, float]]) -> None:
    """Write many entries as `RedBeatSchedulerEntry.save` does, but without a round trip for each entry."""
    client = get_redis(app)
    waiting = list(wanted)
    for first in range(0, len(waiting), ENTRIES_PER_PIPELINE):
        with client.pipeline(transaction=False) as pipe:
            for name, at in waiting[first : first + ENTRIES_PER_PIPELINE]:
                new_entry = entry(name, at)
                fields = ("name", "task", "args", "kwargs", "options", "schedule", "enabled")
                definition = {field: getattr(new_entry, field) for field in fields}
                pipe.hset(new_entry.key, "definition", json.dumps(definition, cls=RedBeatJSONEncoder))
                pipe.hset(
                    new_entry.key, "meta", json.dumps({"last_run_at": new_entry.last_run_at}, cls=RedBeatJSONEncoder)
                )
                pipe.zadd(SCHEDULE, {new_entry.key: at})
            pipe.execute()
