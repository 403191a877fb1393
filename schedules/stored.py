"""Reads a job's stored schedule and policies. Many jobs have equal JSON, so the results are cached."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from executions.policies import read_as
from schedules.clock.reading.schedule import parse
from schedules.clock.rule_change import Clock
from schedules.clock.spec import InvalidSchedule
from schedules.clock.zones.data import n_known
from schedules.policies import JobPolicies
from values.iso import iso_text
from values.readable import Unreadable

if TYPE_CHECKING:
    from schedules.clock.spec import ScheduleSpec

CACHE_SIZE = 8192  # different texts; jobs whose texts are equal share an entry


def read_schedule(text: str) -> ScheduleSpec | Unreadable:
    """Read a schedule from its JSON. Returns Unreadable, never raises, for a schedule that this version cannot read.

    The minimum interval is not checked: it applies to new definitions only. A time zone that only another version of
    the time zone data has can be read once that version is known to this process.
    """
    return _read_schedule(text, n_known())


@lru_cache(maxsize=CACHE_SIZE)
def _read_schedule(text: str, n_versions: int) -> ScheduleSpec | Unreadable:
    try:
        return parse(json.loads(text), min_interval=timedelta(0))
    except InvalidSchedule as error:
        return Unreadable.from_errors("schedule", error.errors)


def read_clock(version: str, holds: str | None) -> Clock:
    """Return a job's rules, from its version of the time zone data and the JSON of its holds."""
    if not holds:
        return Clock(version)
    return Clock(version, tuple(datetime.fromisoformat(at) if at else None for at in json.loads(holds)))


def holds_json(clock: Clock) -> list[str | None] | None:
    """Return the holds of a clock as they are stored; None if there are none."""
    return [iso_text(at) if at else None for at in clock.holds] or None


@lru_cache(maxsize=CACHE_SIZE)
def read_policies(text: str) -> JobPolicies | Unreadable:
    """Read policies from their JSON. Returns Unreadable, never raises, for policies that this version cannot read."""
    return read_as(JobPolicies, text)
