"""Describes a schedule in one English sentence, and warns of behaviour that people often do not expect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import assert_never

from schedules.clock.cron.expression import Cron, read_cron
from schedules.clock.cron.words import cron_words
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.solar import SolarEvent, has_certainly
from schedules.clock.spec import Kind, ScheduleSpec, label, with_anchor
from schedules.clock.wording import clock_words, day_words, joined, length_words, number_words, ordinal
from schedules.clock.zones.clock_changes import dst_changes
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import changes, zone

_YEAR_AHEAD = timedelta(days=366)  # warnings look this far: every season and every yearly clock change
_EVENT_WORDS = {
    SolarEvent.DAWN_ASTRONOMICAL: "astronomical dawn",
    SolarEvent.DAWN_NAUTICAL: "nautical dawn",
    SolarEvent.DAWN_CIVIL: "civil dawn",
    SolarEvent.SUNRISE: "sunrise",
    SolarEvent.SOLAR_NOON: "solar noon",
    SolarEvent.SUNSET: "sunset",
    SolarEvent.DUSK_CIVIL: "civil dusk",
    SolarEvent.DUSK_NAUTICAL: "nautical dusk",
    SolarEvent.DUSK_ASTRONOMICAL: "astronomical dusk",
}
# Degrees. Below 48.56 = 90 - 23.44 (tilt of the earth's axis) - 18 (astronomical twilight), each event happens daily.
_MIN_LATITUDE_WITH_MISSING_EVENTS = 48
_MAX_TIME_BETWEEN_DAILY_EVENTS = timedelta(hours=36)  # a longer time means that a day has passed without the event
_DAY = timedelta(days=1)
_SHORT_MONTHS = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}  # days of these months, leap day excluded; other months have 31


def describe(spec: ScheduleSpec) -> str:
    """Return one line such as 'At 02:30 every day (America/New_York)' or 'Every 15 minutes, at most 5 times'.

    The time zone is named only if the description depends on it.
    """
    if spec.specs:
        first, *others = [describe(member) for member in spec.specs]
        others = [words[0].lower() + words[1:] for words in others]
        text, shows_zone = "; ".join([first, *others[:-1], f"and {others[-1]}"]), False
    else:
        text, shows_zone = _kind_words(spec)
    # Readers must not take the bounds of the list for bounds of its last member.
    separator = "; all together" if spec.specs else ","
    for word, bound in (("from", spec.start_at), ("until", spec.end_at)):
        if bound is not None:
            comma = "" if word == "until" and spec.start_at is not None else separator
            text += f"{comma} {word} {_moment_words(bound, spec.timezone)}"
            shows_zone, separator = True, ","
    if spec.max_runs is not None:
        text += f"{separator} at most {'once' if spec.max_runs == 1 else f'{spec.max_runs} times'}"
    return f"{text} ({spec.timezone})" if shows_zone else text


def warnings(spec: ScheduleSpec, now: datetime) -> list[str]:
    """Return sentences about unexpected behaviour of this schedule after `now` (an aware datetime)."""
    notes = [f"“{label(member)}”: {note}" for member in spec.specs for note in _notes(member, now)]
    notes = notes or _notes(spec, now)
    if spec.kind is not Kind.NONE and next_after(with_anchor(spec, now), now) is None:
        return [*notes, "This schedule has no occurrence in the future."]
    ended = [member for member in spec.specs if next_after(with_anchor(member, now), now) is None]
    return [*notes, *(f"“{label(member)}”: It has no occurrence in the future." for member in ended)]


def _notes(spec: ScheduleSpec, now: datetime) -> list[str]:
    match spec.kind:
        case Kind.CRON:
            assert spec.cron is not None
            cron = read_cron(spec.cron)
            return [*_field_notes(cron), *_clock_change_notes(spec, cron, now)]
        case Kind.SOLAR:
            assert spec.solar is not None
            return _solar_notes(spec, spec.solar, now)
        case Kind.DELAY:
            assert spec.delay is not None
            after = f"{length_words(spec.delay)} after the previous run has ended"
            return [f"Only the first occurrence is known in advance: each later occurrence is due {after}."]
        case Kind.EVERY | Kind.ONCE | Kind.SEVERAL | Kind.NONE:
            return []
        case _:
            assert_never(spec.kind)


def _kind_words(spec: ScheduleSpec) -> tuple[str, bool]:
    """Describe when a single schedule fires; also return whether the description depends on the time zone."""
    match spec.kind:
        case Kind.CRON:
            assert spec.cron is not None
            cron = read_cron(spec.cron)
            # Seconds and minutes are the same in most zones, because most UTC offsets are whole hours.
            return cron_words(cron), any(part != "*" for part in cron.parts[2:])
        case Kind.EVERY:
            assert spec.every is not None
            length = length_words(spec.every)
            return f"Every {length.removeprefix('1 ') if ' and ' not in length else length}", False
        case Kind.ONCE:
            assert spec.at is not None
            return f"Once, on {_moment_words(spec.at, spec.timezone)}", True
        case Kind.DELAY:
            assert spec.delay is not None
            return f"{length_words(spec.delay)} after the previous run has ended".capitalize(), False
        case Kind.SOLAR:
            assert spec.solar is not None
            return f"At {_EVENT_WORDS[spec.solar]}, seen from {_place_words(spec.latitude, spec.longitude)}", False
        case Kind.NONE:
            return "No schedule: starts by hand, through the API or after other jobs", False
        case Kind.SEVERAL:
            raise ValueError("cannot describe a list of schedules here: describe each member")
        case _:
            assert_never(spec.kind)


def _moment_words(at: datetime, timezone: str) -> str:
    local = at.astimezone(zone(timezone))
    return f"{day_words(local)} at {clock_words(local)}"


def _place_words(latitude: float, longitude: float) -> str:
    north, east = "S" if latitude < 0 else "N", "W" if longitude < 0 else "E"
    return f"{number_words(abs(latitude))}° {north}, {number_words(abs(longitude))}° {east}"


def _solar_notes(spec: ScheduleSpec, event: SolarEvent, now: datetime) -> list[str]:
    """Return a note about the first period without the event in the year after `now`, or an empty list."""
    if abs(spec.latitude) < _MIN_LATITUDE_WITH_MISSING_EVENTS:
        return []
    for after, until in _uncertain_periods(spec, event, now):
        before = max(after, spec.start_at or after)
        for at in occurrences(spec, after, until):
            if at - before > _MAX_TIME_BETWEEN_DAILY_EVENTS:
                period = f"between {day_words(before)} and {day_words(at)}"
                return [
                    f"At this latitude some days have no {_EVENT_WORDS[event]}: the schedule does not run {period}."
                ]
            before = at
    return []


def _uncertain_periods(spec: ScheduleSpec, event: SolarEvent, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the periods in the year after `now` that may have days without the event, with two days on both sides.

    Only these periods need the exact instants, which are slow to compute.
    """
    place, end = (spec.latitude, spec.longitude), now + _YEAR_AHEAD
    day, begin = now, None
    while day <= end:
        if not has_certainly(event, place, day.date()):
            begin = begin or day
        elif begin is not None:
            yield max(now, begin - 2 * _DAY), min(end, day + 2 * _DAY)
            begin = None
        day += _DAY
    if begin is not None:
        yield max(now, begin - 2 * _DAY), end


def _field_notes(cron: Cron) -> list[str]:
    """Return the notes on the expression's fields. These notes do not depend on the time zone."""
    notes: list[str] = []
    parts = cron.parts
    if cron.days_are_either:
        notes.append(
            "Day of month and day of week are both given: the schedule runs on each day that matches either field. "
            "A day must match both fields only if one of them starts with *, such as */2."
        )
    elif parts[3] != "*" and parts[5] != "*":
        notes.append(
            "Day of month and day of week are both given, and at least one of them starts with *: "
            "the schedule runs only on days that match both fields."
        )
    if len(cron.minutes) == 60 and len(cron.hours) < 24:
        notes.append(
            "The schedule runs in every minute of the given hours. To run in only one minute of each hour, set the "
            "minute field, for example to 0."
        )
    for name, part, size in zip(("second", "minute", "hour"), parts, (60, 60, 24), strict=False):
        notes += _step_notes(name, part, size)
    return notes + _day_step_notes(cron) + _short_month_notes(cron)


def _day_step_notes(cron: Cron) -> list[str]:
    part, days = cron.parts[3], [ordinal(day) for day in sorted(cron.days.numbers)]
    if not part.startswith("*/") or "," in part or len(days) < 2 or len(cron.months) < 12:
        return []
    listed = joined([*days[:3], "so on"]) if len(days) > 4 else joined(days)
    return [
        (
            f"The step of the day of month starts again each month: {part} means the {listed}, and the {days[0]} follows the "
            f"{days[-1]}. For equal intervals, use the field “every”."
        )
    ]


def _short_month_notes(cron: Cron) -> list[str]:
    if cron.days_are_either:
        return []
    # Months must have at least this number of days to contain one of the named days.
    needed = [*cron.days.numbers, *(each.number + each.is_from_end for each in cron.days.month_days)]
    day = min(needed)
    short = [month for month in cron.months if _SHORT_MONTHS.get(month, 31) < day]
    if not short:
        return []
    if len(short) < len(cron.months):
        return [f"The schedule skips months without a day {day}. Use L for the last day of the month."]
    return ["29 February exists in leap years only. Use L for the last day of the month."]


def _step_notes(name: str, part: str, size: int) -> list[str]:
    if not part.startswith("*/") or "," in part:  # the other items of a list may fill the gaps
        return []
    step = int(part[2:])
    if step >= size:
        return [f"The step of the {name} field is too large: the field matches only {name} 0. Use a step below {size}."]
    if size % step:
        last = (size - 1) // step * step
        note = (
            f"The step starts again at 0: after {name} {last}, the field next matches {name} 0, "
            f"{size - last} {name}{'' if size - last == 1 else 's'} later. For equal intervals, use the field “every”."
        )
        return [note]
    return []


def _clock_change_notes(spec: ScheduleSpec, cron: Cron, now: datetime) -> list[str]:
    until = now + _YEAR_AHEAD
    if next(changes(spec.timezone, now, until), None) is None:
        return []
    if not cron.is_fixed:
        if spec.dst_gap is Gap.SHIFT and spec.dst_fold is Fold.FIRST:
            return []
        why = (
            "because the hour or minute field starts with *: the schedule runs at each matching local time that exists"
        )
        return [f"dst_gap and dst_fold have no effect, {why}."]
    notes = []
    if len(cron.hours) == 24 and spec.dst_fold is Fold.FIRST:
        notes.append(
            "The hours are listed, so the schedule runs at fixed times of day: it does not run again in the hour that "
            "clocks repeat when they go back. With * as the hour, it also runs in the repeated hour."
        )
    return notes + [change.text for change in dst_changes(spec, now, until) if change.affected]
