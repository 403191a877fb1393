"""A schedule in plain words, and notes on what may surprise about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from schedules.clock.cron.expression import Cron, read_cron
from schedules.clock.cron.words import cron_words
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.spec import Kind, ScheduleSpec, SolarEvent, label, with_anchor
from schedules.clock.wording import clock_words, day_words, length_words, number_words
from schedules.clock.zones.clock_changes import dst_changes
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import changes, zone

_AHEAD = timedelta(days=366)
_SUN = {
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
_DAILY_BELOW = 48  # degrees of latitude: nearer to the equator each event comes each day
_MISSING_DAY, _WEEK = timedelta(hours=36), timedelta(days=7)
_SURE_DAYS = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}


def describe(spec: ScheduleSpec) -> str:
    """One line, such as 'At 02:30 every day (America/New_York)' or 'Every 15 minutes, at most 5 times'."""
    if spec.specs:
        each = [describe(member) for member in spec.specs]
        text = "; ".join([each[0], *(word[0].lower() + word[1:] for word in each[1:-1])])
        text, shows_zone = f"{text}; and {each[-1][0].lower()}{each[-1][1:]}", False
    else:
        text, shows_zone = _what(spec)
    joint = "; all of it" if spec.specs and (spec.start_at or spec.end_at or spec.max_runs) else ""
    for word, bound in (("from", spec.start_at), ("until", spec.end_at)):
        if bound is not None:
            comma = "" if word == "until" and spec.start_at is not None else joint or ","
            text += f"{comma} {word} {_moment(bound, spec.timezone)}"
            shows_zone, joint = True, ","
    if spec.max_runs is not None:
        text += f"{joint or ','} at most {'once' if spec.max_runs == 1 else f'{spec.max_runs} times'}"
    return f"{text} ({spec.timezone})" if shows_zone else text


def warnings(spec: ScheduleSpec, now: datetime) -> list[str]:
    """Sentences about what people often do not expect of such a schedule, seen from `now` (aware)."""
    notes = [f"“{label(each)}”: {note}" for each in spec.specs for note in _notes(each, now)]
    if spec.kind is not Kind.NONE and next_after(with_anchor(spec, now), now) is None:
        return [*(notes or _notes(spec, now)), "No instant of this schedule is left: it will not run any more."]
    over = [each for each in spec.specs if next_after(with_anchor(each, now), now) is None]
    return [*(notes or _notes(spec, now)), *(f"“{label(each)}”: No instant of it is left." for each in over)]


def _notes(spec: ScheduleSpec, now: datetime) -> list[str]:
    if spec.solar is not None and abs(spec.latitude) >= _DAILY_BELOW:
        return _solar_notes(spec, spec.solar, now)
    if spec.delay is not None:
        after = f"{length_words(spec.delay)} after the run before it has ended"
        return [f"Only its first instant is known beforehand: each further one comes {after}."]
    if spec.cron is None:
        return []
    cron = read_cron(spec.cron)
    return [*_field_notes(cron), *_clock_change_notes(spec, cron, now)]


def _what(spec: ScheduleSpec) -> tuple[str, bool]:
    """What fires, and whether that depends on the zone."""
    if spec.cron is not None:
        cron = read_cron(spec.cron)
        return cron_words(cron), any(part != "*" for part in cron.parts[2:])
    if spec.every is not None:
        length = length_words(spec.every)
        return f"Every {length.removeprefix('1 ') if ' and ' not in length else length}", False
    if spec.at is not None:
        return f"Once, on {_moment(spec.at, spec.timezone)}", True
    if spec.delay is not None:
        return f"{length_words(spec.delay)} after the previous run has ended".capitalize(), False
    if spec.solar is not None:
        return f"At {_SUN[spec.solar]}, seen from {_place_words(spec.latitude, spec.longitude)}", False
    return "No clock: started by hand or by other jobs", False


def _moment(at: datetime, timezone: str) -> str:
    local = at.astimezone(zone(timezone))
    return f"{day_words(local)} at {clock_words(local)}"


def _place_words(latitude: float, longitude: float) -> str:
    north, east = "S" if latitude < 0 else "N", "W" if longitude < 0 else "E"
    return f"{number_words(abs(latitude))}° {north}, {number_words(abs(longitude))}° {east}"


def _solar_notes(spec: ScheduleSpec, event: SolarEvent, now: datetime) -> list[str]:
    """The first stretch of the year to come in which days pass without the event."""
    if not any(_misses_days(spec, *stretch) for stretch in _extremes(now)):
        return []
    before = max(now, spec.start_at or now)
    for at in occurrences(spec, now, now + _AHEAD):
        if at - before > _MISSING_DAY:
            return [
                (
                    f"There are days without {_SUN[event]} at that latitude: it does not run between "
                    f"{day_words(before)} and {day_words(at)}."
                )
            ]
        before = at
    return []


def _extremes(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Today, and the days about each solstice of the year to come: the sun is a day without an event then, or never."""
    until = now + _AHEAD
    yield now, now + 2 * _MISSING_DAY
    for year in range(now.year, until.year + 1):
        for month in (6, 12):
            solstice = datetime(year, month, 21, 12, tzinfo=UTC)
            low, high = max(now, solstice - _WEEK), min(until, solstice + _WEEK)
            if low < high:
                yield low, high


def _misses_days(spec: ScheduleSpec, after: datetime, until: datetime) -> bool:
    ats = [after, *occurrences(spec, after, until), until]
    return any(at - before > _MISSING_DAY for before, at in pairwise(ats))


def _field_notes(cron: Cron) -> list[str]:
    """Notes that hold in every zone."""
    notes: list[str] = []
    sim, parts = cron.sim, cron.parts
    if cron.days_are_either:
        notes.append(
            "Day of month and day of week are both given: it runs on a day that fits either of them. "
            "To need both, start one of the fields with *."
        )
    elif parts[3] != "*" and parts[5] != "*":
        notes.append(
            "Day of month and day of week are both given, and one of them starts with *: "
            "it runs only on a day that fits both."
        )
    if len(sim.minutes) == 60 and len(sim.hours) < 24:
        notes.append("It runs in every minute of the hours named; for once an hour give a minute, such as 0.")
    for name, part, size in zip(("second", "minute", "hour"), parts, (60, 60, 24), strict=False):
        notes += _step_notes(name, part, size)
    return notes + _short_month_notes(cron)


def _short_month_notes(cron: Cron) -> list[str]:
    day = min(cron.sim.days)
    short = [month for month in cron.sim.months if _SURE_DAYS.get(month, 31) < day]
    if cron.days_are_either or not short:
        return []
    if len(short) < len(cron.sim.months):
        return [f"Months without a day {day} are left out; L stands for the last day of any month."]
    return ["29 February comes in leap years only; L stands for the last day of the month."]


def _step_notes(name: str, part: str, size: int) -> list[str]:
    if not part.startswith("*/"):
        return []
    step = int(part[2:].split(",")[0])
    if step >= size:
        return [f"The step of the {name} field is larger than the field: it stands for {name} 0 only."]
    if size % step:
        last = (size - 1) // step * step
        note = (
            f"{name.capitalize()}s are counted anew from 0 each time: after {last} comes 0, "
            f"{size - last} {name}{'' if size - last == 1 else 's'} later. For an even spacing use every."
        )
        return [note]
    return []


def _clock_change_notes(spec: ScheduleSpec, cron: Cron, now: datetime) -> list[str]:
    until = now + _AHEAD
    if next(changes(spec.timezone, now, until), None) is None:
        return []
    if not cron.is_fixed:
        if spec.dst_gap is Gap.SHIFT and spec.dst_fold is Fold.FIRST:
            return []
        return ["dst_gap and dst_fold have no effect: an hour or minute field that starts with * follows real time."]
    notes = []
    if len(cron.sim.hours) == 24 and spec.dst_fold is Fold.FIRST:
        notes.append(
            "The hours are written out, so it counts as times of the day: it does not run again in the hour that "
            "clocks repeat in autumn. With * as the hour it runs in every real hour."
        )
    return notes + [change.text for change in dst_changes(spec, now, until) if change.affected]
