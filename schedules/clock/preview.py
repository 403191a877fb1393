"""Preview of a schedule: its next occurrences, and the effect of clock changes on each occurrence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from schedules.clock.effort import Effort, SearchTooLong
from schedules.clock.occurrences import member_at, occurrences_by_member
from schedules.clock.spec import ScheduleSpec, cron_of
from schedules.clock.zones.local_times import Gap, has_time_between
from schedules.clock.zones.zones import LAST_AT, changes, utc_by_fold, zone

_SECOND = timedelta(seconds=1)


class Mark(StrEnum):
    """How a clock change affects one occurrence."""

    GAP = "gap"  # moved to the end of a gap, because its local time does not exist that day
    FOLD_FIRST = "fold_first"  # the first of two instants with the same local time
    FOLD_SECOND = "fold_second"  # the second of two instants with the same local time


@dataclass(frozen=True, slots=True)
class Fire:
    """One occurrence: `at` in UTC, and `local`, the same instant in the time zone of the schedule that fires it."""

    at: datetime
    local: datetime
    marks: tuple[Mark, ...]


def bounded_preview(spec: ScheduleSpec, after: datetime, count: int, effort: Effort) -> tuple[list[Fire], str]:
    """Return the next occurrences later than `after` (aware), at most `count`. `max_runs` is ignored.

    For a `delay`, return only the earliest possible occurrence. Also return a sentence if `effort` did not suffice for
    all occurrences, otherwise ''.
    """
    fires: list[Fire] = []
    try:
        for at, member in islice(occurrences_by_member(spec, after, LAST_AT, effort), count):
            fires.append(_fire(member, at))
    except SearchTooLong:
        if not fires:
            return [], "The preview has no instants, because the first one takes too long to find."
        found = f"{len(fires)} instant{'' if len(fires) == 1 else 's'}"
        return fires, f"The preview stops after {found}, because the next one takes too long to find."
    return fires, ""


def fire_of(spec: ScheduleSpec, at: datetime) -> Fire:
    """Return the occurrence at `at` (aware), and how clock changes affect it."""
    return _fire(member_at(spec, at), at)


def _fire(spec: ScheduleSpec, at: datetime) -> Fire:
    local = at.astimezone(zone(spec.timezone))
    marks: list[Mark] = []
    if _is_moved(spec, at):
        marks.append(Mark.GAP)
    first, second = utc_by_fold(local.replace(tzinfo=None, fold=0), spec.timezone)
    if first < second:
        marks.append(Mark.FOLD_SECOND if local.fold else Mark.FOLD_FIRST)
    return Fire(at, local, tuple(marks))


def _is_moved(spec: ScheduleSpec, at: datetime) -> bool:
    """Whether a fixed time of day was moved to `at`, because that time of day lies in the gap that ends at `at`."""
    if spec.cron is None or spec.dst_gap is not Gap.SHIFT:
        return False
    cron = cron_of(spec)
    change = next(changes(spec.timezone, at - _SECOND, at), None)
    if change is None or change.at != at or not cron.is_fixed:
        return False
    # A time in the gap counts as moved even if the schedule also names the time at which the gap ends.
    return change.is_gap and has_time_between(cron.new_finder(), change.local_from, change.local_to)
