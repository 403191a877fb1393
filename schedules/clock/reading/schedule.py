"""Reading a schedule from JSON: everything that is wrong is told at once, each sentence under its own field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from schedules.clock.cron.expression import read_cron
from schedules.clock.cron.fields import CronError, tidy
from schedules.clock.reading import members
from schedules.clock.silence import why_silent
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import ALLOWED_FIELDS, DEFINING_FIELD, InvalidSchedule, Kind, ScheduleSpec
from schedules.clock.wording import joined, nearest
from schedules.clock.zones.local_times import Fold, Gap
from values.durations import duration_text, read_duration
from values.quoting import quoted

_Value = TypeVar("_Value")

MIN_SPECS, MAX_SPECS = 2, 20
_KIND_OF = {name: kind for kind, name in DEFINING_FIELD.items()}
_KEYS = ("kind", *dict.fromkeys(name for names in ALLOWED_FIELDS.values() for name in names))
_KIND_WORDS = {
    Kind.CRON: "a cron schedule",
    Kind.EVERY: "an every schedule",
    Kind.ONCE: "a schedule that fires once",
    Kind.SOLAR: "a solar schedule",
    Kind.DELAY: "a delay after each run",
    Kind.SEVERAL: "several schedules: each of them has its own",
    Kind.NONE: "a job that is started only by hand or by an event",
}
_MAX_UNKNOWN = 20
# What one of several schedules can't have, and why.
_KINDS_OF_THE_WHOLE = (Kind.SEVERAL, Kind.DELAY, Kind.NONE)
_OF_THE_WHOLE = {
    "max_runs": "counts the runs of the whole job: give it beside specs.",
    "specs": "can't be nested: put its schedules into the list itself.",
    "delay": "waits for the runs of the job, so it can't be one of several.",
}


@dataclass(slots=True)
class _Reader:
    """Collects values and complaints while one schedule is read."""

    given: dict[str, object]
    errors: dict[str, list[str]] = field(default_factory=dict)

    def complain(self, name: str, sentence: str) -> None:
        self.errors.setdefault(name, []).append(sentence)

    def take(self, name: str, read: Callable[[object], _Value]) -> _Value | None:
        """The field's value, or None when it is absent or refused."""
        if name not in self.given:
            return None
        try:
            return read(self.given[name])
        except CronError as error:
            self.errors.setdefault(name, []).extend(error.messages)
        except ValueError as error:
            text = str(error)
            self.complain(name, text if text.endswith((".", "?")) else f"{text}.")
        return None


def parse(data: object, *, min_interval: timedelta) -> ScheduleSpec:
    """Read the JSON that a user sends; null means absent, and an unstated kind follows from cron, every and their kin.

    A list means several schedules. `min_interval` is the shortest `every` that is allowed. Raises InvalidSchedule, with
    all that is wrong, and nothing else, whatever the values are.
    """
    return _parse({"specs": data} if isinstance(data, list) else data, min_interval)


def _parse(data: object, floor: timedelta, *, zone: str = "UTC", is_one_of_several: bool = False) -> ScheduleSpec:
    if not isinstance(data, Mapping):
        raise InvalidSchedule({"schedule": [f"must be an object, not {quoted(data)}."]})
    reader = _Reader({name: value for name, value in data.items() if name in _KEYS and value is not None})
    _refuse_unknown(reader, data)
    kind = None if is_one_of_several and _is_of_the_whole(reader) else _read_kind(reader)
    timezone = reader.take("timezone", members.read_zone)
    if "timezone" not in reader.given:
        timezone = zone

    def read_instant(value: object) -> datetime:
        return members.read_instant(value, timezone)

    def read_end(value: object) -> datetime:
        return members.read_instant(value, timezone, needs_time=True)

    spec = ScheduleSpec(
        kind=kind or Kind.NONE,
        cron=reader.take("cron", _read_cron_text),
        every=reader.take("every", lambda value: _read_length(value, floor)),
        anchor_at=reader.take("anchor_at", read_instant),
        at=reader.take("at", read_instant),
        solar=reader.take("solar", lambda value: members.read_choice(value, SolarEvent)),
        latitude=reader.take("latitude", lambda value: members.read_degrees(value, 90)) or 0.0,
        longitude=reader.take("longitude", lambda value: members.read_degrees(value, 180)) or 0.0,
        delay=reader.take("delay", lambda value: _read_length(value, floor)),
        specs=_read_specs(reader, floor, timezone or zone),
        timezone=timezone or zone,
        dst_gap=reader.take("dst_gap", lambda value: members.read_choice(value, Gap)) or Gap.SHIFT,
        dst_fold=reader.take("dst_fold", lambda value: members.read_choice(value, Fold)) or Fold.FIRST,
        start_at=reader.take("start_at", read_instant),
        end_at=reader.take("end_at", read_end),
        max_runs=reader.take("max_runs", members.read_count),
    )
    if kind is not None:
        _refuse_meaningless(reader, kind)
    if kind is Kind.SOLAR:
        _need_a_place(reader)
    if spec.start_at and spec.end_at and spec.end_at <= spec.start_at:
        reader.complain("end_at", "must be after start_at.")
    if not reader.errors and (silent := why_silent(spec)):
        reader.complain(*silent)
    if reader.errors:
        raise InvalidSchedule(reader.errors)
    return spec


def _read_specs(reader: _Reader, floor: timedelta, zone: str) -> tuple[ScheduleSpec, ...]:
    """The schedules of several; what is wrong with one is told under `specs`, its place and the name of its field."""
    given = reader.given.get("specs")
    if given is None:
        return ()
    if not isinstance(given, list) or not MIN_SPECS <= len(given) <= MAX_SPECS:
        found = f"{len(given)} of them" if isinstance(given, list) else quoted(given)
        reader.complain("specs", f"must be a list of {MIN_SPECS} to {MAX_SPECS} schedules, not {found}.")
        return ()
    read: list[ScheduleSpec] = []
    for place, each in enumerate(given):
        try:
            read.append(_parse(each, floor, zone=zone, is_one_of_several=True))
        except InvalidSchedule as error:
            for name, texts in error.errors.items():
                reader.errors[f"specs.{place}" if name == "schedule" else f"specs.{place}.{name}"] = texts
    return tuple(read)


def _is_of_the_whole(reader: _Reader) -> bool:
    """Refuse what one of several schedules can't have; whether that leaves it without a kind."""
    for name in _OF_THE_WHOLE.keys() & reader.given.keys():
        reader.complain(name, _OF_THE_WHOLE[name])
    for kind in _KINDS_OF_THE_WHOLE:
        if reader.given.get("kind") == kind.value:
            reader.complain("kind", f"can't be {kind.value} for one of several schedules.")
    refused = reader.errors.keys() & {"kind", *DEFINING_FIELD.values()}
    reader.given = {name: value for name, value in reader.given.items() if name not in _OF_THE_WHOLE}
    return bool(refused)


def _refuse_unknown(reader: _Reader, data: Mapping[str, object]) -> None:
    unknown = [name for name in data if name not in _KEYS]
    for name in unknown[:_MAX_UNKNOWN]:
        label = quoted(name).strip('"')
        near = nearest(name, _KEYS) if isinstance(name, str) else ""
        reader.complain(label, f"is not a field of a schedule.{near}")
    if len(unknown) > _MAX_UNKNOWN:
        reader.complain("schedule", f"has {len(unknown) - _MAX_UNKNOWN} more fields that are not known.")


def _read_kind(reader: _Reader) -> Kind | None:
    """The kind, stated or inferred; None when that is not possible, with the complaint."""
    stated = reader.take("kind", lambda value: members.read_choice(value, Kind))
    present = [name for name in _KIND_OF if name in reader.given]
    if len(present) > 1:
        for name in present:
            others = joined([other for other in present if other != name])
            reader.complain(name, f"can't be combined with {others}: give only one of {joined(list(_KIND_OF))}.")
        return None
    if "kind" in reader.given:
        if stated is None:
            return None
        inferred = _KIND_OF[present[0]] if present else Kind.NONE
        if stated is inferred:
            return stated
        if present:
            reader.complain("kind", f'is "{stated}", but {present[0]} is given: make it "{inferred}" or leave it out.')
        else:
            reader.complain(DEFINING_FIELD[stated], f'is needed, as kind is "{stated}".')
        return None
    if not present:
        ways = joined(list(_KIND_OF), "or")
        reader.complain("kind", f'say when: give {ways}; or give kind "none" for a job without a clock.')
        return None
    return _KIND_OF[present[0]]


def _need_a_place(reader: _Reader) -> None:
    for name in ("latitude", "longitude"):
        if name not in reader.given:
            reader.complain(name, "is needed: the sun is seen from a place.")


def _refuse_meaningless(reader: _Reader, kind: Kind) -> None:
    for name in reader.given:
        if name != "kind" and name not in ALLOWED_FIELDS[kind]:
            reader.complain(name, f"has no meaning for {_KIND_WORDS[kind]}: leave it out.")


def _read_cron_text(value: object) -> str:
    text = members.read_text(value)
    read_cron(text)
    return tidy(text)


def _read_length(value: object, floor: timedelta) -> timedelta:
    length = read_duration(value)
    if length < floor:
        raise ValueError(f"must be at least {duration_text(floor)}")
    return length
