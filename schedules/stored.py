"""A job's stored schedule and policies, read in one way by everybody."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from executions.policies import read_as
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import InvalidSchedule
from schedules.policies import JobPolicies
from values.readable import Unreadable

if TYPE_CHECKING:
    from schedules.clock.spec import ScheduleSpec


@lru_cache(maxsize=8192)
def read_schedule(text: str) -> ScheduleSpec | Unreadable:
    """Read a schedule from its JSON. The floor on intervals is for new ones: what was accepted goes on."""
    try:
        return parse(json.loads(text), min_interval=timedelta(0))
    except InvalidSchedule as error:
        return Unreadable.from_errors("schedule", error.errors)


@lru_cache(maxsize=8192)
def read_policies(text: str) -> JobPolicies | Unreadable:
    """Read policies from their JSON."""
    return read_as(JobPolicies, text)
