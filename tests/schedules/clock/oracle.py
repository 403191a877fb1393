"""A slow and simple implementation of the documented cron rules, which shares no code with the real one.

It steps through UTC time, computes what a clock in the zone shows, and matches that against the expression's fields.
UTC offsets come from zoneinfo, one instant at a time. It uses no cron library and no table of offset periods.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
# Second, minute, hour, day of month, month, day of week, year.
_BOUNDS = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7), (1970, 2099)]
_NAMES = {
    4: dict(
        zip(
            ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
            range(1, 13),
            strict=True,
        )
    ),
    5: dict(zip(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], range(7), strict=True)),
}


def number_of(word: str, index: int) -> int:
    """Return the number of a word: digits, or the first three letters of a name."""
    return int(word) if word.isdigit() else _NAMES[index][word[:3]]


def plain_values(text: str, index: int) -> set[int]:
    """Return the numbers that a field of plain items, ranges and steps names."""
    low, high = _BOUNDS[index]
    values: set[int] = set()
    for item in text.upper().replace("?", "*").split(","):
        span, _, step = item.partition("/")
        ends = span.split("-")
        if span == "*":
            first, last = low, high
        elif len(ends) == 2:
            first, last = number_of(ends[0], index), number_of(ends[1], index)
        else:
            first = number_of(ends[0], index)
            last = high if step else first
        if index == 5 and last < first == 7:
            first = 0
        # Count from the first number on; after the highest number (6 for weekdays) comes the lowest.
        value, n_steps, wanted = first, 0, set[int]()
        while True:
            if n_steps % int(step or 1) == 0:
                wanted.add(value)
            if value == last or n_steps > 200:
                break
            value = low if value == (6 if index == 5 and last < first else high) else value + 1
            n_steps += 1
        values |= wanted
    return values


def fields_of(expression: str) -> list[str]:
    """Return the seven fields of an expression: seconds first, year last."""
    fields = expression.split(" ")
    fields = fields if len(fields) > 5 else ["0", *fields]
    return fields if len(fields) > 6 else [*fields, "*"]


def nearest_weekday(day: date) -> date:
    """Return the weekday of the same month that is nearest to `day`: search outwards, day by day."""
    for distance in (0, 1, 2, 3):
        for candidate in (day - timedelta(days=distance), day + timedelta(days=distance)):
            if candidate.isoweekday() <= 5 and candidate.month == day.month:
                return candidate
    raise AssertionError


def _fits_day_of_month(item: str, day: date) -> bool:
    last_day = day.replace(day=calendar.monthrange(day.year, day.month)[1])
    is_weekday, item = item.endswith("W"), item.removesuffix("W")
    if item.startswith("L"):
        wanted = last_day - timedelta(days=int(item[2:] or 0))
        if wanted.month != day.month:
            return False
    elif is_weekday:
        if int(item) > last_day.day:
            return False
        wanted = day.replace(day=int(item))
    else:
        return day.day in plain_values(item, 3)
    return day == (nearest_weekday(wanted) if is_weekday else wanted)


@lru_cache(maxsize=100_000)
def date_fits(expression: str, day: date) -> bool:
    """Whether a date matches the month field, the two day fields and the year field."""
    _, _, _, dom, month, dow, year = (field.upper().replace("?", "*") for field in fields_of(expression))
    if day.month not in plain_values(month, 4) or (year != "*" and day.year not in plain_values(year, 6)):
        return False
    last_day = calendar.monthrange(day.year, day.month)[1]
    weekday = day.isoweekday() % 7  # Sunday is 0, as in cron
    fits_dom = any(_fits_day_of_month(item, day) for item in dom.split(","))
    fits_dow = False
    for item in dow.split(","):
        name, mark, nth = item.partition("#")
        if name.endswith("L"):
            name, mark, nth = name[:-1], "#", "L"
        if mark:
            is_nth = day.day + 7 > last_day if nth == "L" else (day.day - 1) // 7 + 1 == int(nth)
            fits_dow |= number_of(name, 5) % 7 == weekday and is_nth
        else:
            fits_dow |= weekday in {v % 7 for v in plain_values(item, 5)}
    # Debian's rule: two restricted day fields match either date, but both if one of them starts with *.
    if dom.startswith("*") or dow.startswith("*"):
        return fits_dom and fits_dow
    return fits_dom or fits_dow


@lru_cache(maxsize=1000)
def _times(expression: str) -> tuple[set[int], set[int], set[int]]:
    second, minute, hour = fields_of(expression)[:3]
    return plain_values(second, 0), plain_values(minute, 1), plain_values(hour, 2)


@lru_cache(maxsize=50_000)
def fits(expression: str, local: datetime) -> bool:
    """Whether the expression names a naive local time."""
    seconds, minutes, hours = _times(expression)
    in_day = local.second in seconds and local.minute in minutes and local.hour in hours
    return in_day and date_fits(expression, local.date())


@dataclass(frozen=True)
class ShownTimes:
    """The local times that a clock shows at each step of a period of UTC time."""

    step: timedelta
    shown: list[tuple[datetime, datetime]]  # (UTC instant, naive local time)
    instants: dict[datetime, list[datetime]]  # naive local time -> the UTC instants at which the clock shows it

    def fires(self, expression: str, gap: str, fold: str) -> list[datetime]:
        """Return the instants of the period at which the expression fires, by the rules of the documentation."""
        _, minute, hour = fields_of(expression)[:3]
        # Not a fixed time of day: it follows elapsed time, whatever the policies are.
        if minute.startswith("*") or hour.startswith("*"):
            return [at for at, local in self.shown if fits(expression, local)]
        result: set[datetime] = set()
        local, end = min(self.instants), max(self.instants)
        while local <= end:
            if fits(expression, local):
                at = self.instants.get(local, [])
                if at:
                    result.update(at if fold == "both" else at[:1])
                # Nothing shows this local time: it lies in a gap, and moves to the first local time after it.
                elif gap == "shift":
                    result.add(next(instant for instant, shown in self.shown if shown > local))
            local += self.step
        return sorted(result)


def shown_times(zone: str, start: datetime, end: datetime, step: timedelta = MINUTE) -> ShownTimes:
    """Record what a clock in the zone shows from `start` to `end`, both included."""
    tz = ZoneInfo(zone)
    shown: list[tuple[datetime, datetime]] = []
    instants: dict[datetime, list[datetime]] = {}
    at = start
    while at <= end:
        local = at.astimezone(tz).replace(tzinfo=None, fold=0)
        shown.append((at, local))
        instants.setdefault(local, []).append(at)
        at += step
    return ShownTimes(step, shown, instants)


@dataclass(frozen=True, order=True)
class Transition:
    """A clock change, from the UTC offset `before` to `after`; `zone` is one of the zones that have it."""

    at: datetime
    before: timedelta
    after: timedelta
    zone: str


def transitions_of(zone: str, start: datetime, end: datetime, stride: timedelta) -> Iterator[Transition]:
    """Yield the zone's clock changes between two instants: read the offset every `stride`, then bisect."""
    tz = ZoneInfo(zone)

    def offset(at: datetime) -> timedelta:
        return at.astimezone(tz).utcoffset() or timedelta(0)

    at = start
    before = offset(at)
    while at < end:
        ahead = at + stride
        after = offset(ahead)
        if after != before:
            low, high = 0, int(stride.total_seconds())
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(at + middle * SECOND) == before else (low, middle)
            yield Transition(at + high * SECOND, before, after, zone)
        at, before = ahead, after


@lru_cache(maxsize=1)
def distinct_zones() -> tuple[str, ...]:
    """Return one name for each zone: of the 597 IANA names, some 250 are other names of the same data."""
    names: dict[bytes, str] = {}
    for name in sorted(available_timezones() - {"localtime", "Factory"}):
        names.setdefault(_data_of(name), name)
    return tuple(names.values())


def _data_of(name: str) -> bytes:
    """Return the compiled data of a zone, from where `ZoneInfo` takes it."""
    files = (Path(folder, name) for folder in TZPATH)
    if found := next((path for path in files if path.is_file()), None):
        return found.read_bytes()
    return resources.files("tzdata.zoneinfo").joinpath(name).read_bytes()


@lru_cache(maxsize=1)
def all_transitions() -> list[Transition]:
    """Return the clock changes of every IANA zone from 2020 to 2030, equal changes only once."""
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    unique: dict[tuple[datetime, timedelta, timedelta], Transition] = {}
    for zone in distinct_zones():
        for transition in transitions_of(zone, start, end, timedelta(hours=12)):
            unique.setdefault((transition.at, transition.before, transition.after), transition)
    return sorted(unique.values())
