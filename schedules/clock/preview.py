"""What a schedule is going to do: its next instants, with what is particular about each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from schedules.clock.cron.expression import read_cron
from schedules.clock.occurrences import named, one_with
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.local_times import Gap, left_out
from schedules.clock.zones.zones import LAST_AT, changes, readings_of, zone

_SECOND = timedelta(seconds=1)


class Mark(StrEnum):
    """What is particular about one instant."""

    GAP = "gap"  # moved here, as its local time does not exist that day
    FOLD_FIRST = "fold_first"  # its local time comes twice, and this is the first
    FOLD_SECOND = "fold_second"


@dataclass(frozen=True, slots=True)
class Fire:
    """One instant: `at` in UTC, `local` aware in the schedule's zone; of several, in that of the one that names it."""

    at: datetime
    local: datetime
    marks: tuple[Mark, ...]


def preview(spec: ScheduleSpec, after: datetime, count: int) -> list[Fire]:
    """The next `count` instants later than `after` (aware); `max_runs` is not looked at."""
    return [_fire(member, at) for at, member in islice(named(spec, after, LAST_AT), count)]


def fire_of(spec: ScheduleSpec, at: datetime) -> Fire:
    """An occurrence, with its marks."""
    return _fire(one_with(spec, at), at)


def _fire(spec: ScheduleSpec, at: datetime) -> Fire:
    local = at.astimezone(zone(spec.timezone))
    marks: list[Mark] = []
    if _is_moved(spec, at):
        marks.append(Mark.GAP)
    first, second = readings_of(local.replace(tzinfo=None, fold=0), spec.timezone)
    if first < second:
        marks.append(Mark.FOLD_SECOND if local.fold else Mark.FOLD_FIRST)
    return Fire(at, local, tuple(marks))


def _is_moved(spec: ScheduleSpec, at: datetime) -> bool:
    if spec.cron is None or spec.dst_gap is not Gap.SHIFT:
        return False
    cron = read_cron(spec.cron)
    change = next(changes(spec.timezone, at - _SECOND, at), None)
    if change is None or change.at != at or not cron.is_fixed:
        return False
    return left_out(cron.walk(), change.local_from, change.local_to) and change.is_gap
