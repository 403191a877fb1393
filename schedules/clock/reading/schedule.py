"""Reads a schedule from JSON, and reports all errors together, each under the name of its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from schedules.clock.cron.errors import CronError
from schedules.clock.cron.expression import read_cron
from schedules.clock.cron.fields import tidy
from schedules.clock.cron.hashed import uses_hash
from schedules.clock.reading import members
from schedules.clock.silence import why_never_fires
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import ALLOWED_FIELDS, DEFINING_FIELD, InvalidSchedule, Kind, ScheduleSpec
from schedules.clock.wording import joined
from schedules.clock.zones.local_times import Fold, Gap
from values.durations import duration_text, read_duration
from values.quoting import quoted
from values.suggestions import did_you_mean

_Value = TypeVar("_Value")

# A single schedule needs no list. Each search for an occurrence searches every member of a list.
MIN_SPECS, MAX_SPECS = 2, 20
_KIND_OF = {name: kind for kind, name in DEFINING_FIELD.items()}
KEYS = ("kind", *dict.fromkeys(name for names in ALLOWED_FIELDS.values() for name in names))
_KIND_WORDS = {
    Kind.CRON: "a cron schedule",
    Kind.EVERY: 'an "every" schedule',
    Kind.ONCE: "a schedule that fires once",
    Kind.SOLAR: "a solar schedule",
    Kind.DELAY: "a delay after each run",
    Kind.SEVERAL: "a list of schedules",
    Kind.NONE: "a job without a schedule",
}
_MAX_UNKNOWN_LISTED = 20  # unknown fields that are named; a limit keeps the error about a huge object short
# Kinds and fields that a schedule inside `specs` must not have, with the reason.
_KINDS_OF_WHOLE_ONLY = (Kind.SEVERAL, Kind.DELAY, Kind.NONE)
_FIELDS_OF_WHOLE_ONLY = {
    "max_runs": "applies to the whole job: write it next to specs, not inside specs.",
    "specs": "must not be nested: put the inner schedules directly into the outer list.",
    "delay": "counts from the end of the job's runs, so it must not be in a list: use it as the only schedule.",
}


@dataclass(slots=True)
class _Reader:
    """The fields of one schedule, and the errors found while reading the schedule."""

    given: dict[str, object]
    errors: dict[str, list[str]] = field(default_factory=dict)

    def add_error(self, name: str, sentence: str) -> None:
        self.errors.setdefault(name, []).append(sentence)

    def take(self, name: str, read: Callable[[object], _Value]) -> _Value | None:
        """Return the field's value; None if the field is missing or invalid. Record an error if it is invalid."""
        if name not in self.given:
            return None
        try:
            return read(self.given[name])
        except CronError as error:
            self.errors.setdefault(name, []).extend(error.messages)
        except ValueError as error:
            text = str(error)
            self.add_error(name, text if text.endswith((".", "?")) else f"{text}.")
        return None


@dataclass(frozen=True, slots=True)
class InvalidLine:
    """Stands for a line whose JSON cannot be read. `reason` is the sentence that `parse` reports."""

    reason: str


def parse(data: object, *, min_interval: timedelta) -> ScheduleSpec:
    """Read the JSON of a schedule. A list is short for `{"specs": [...]}`.

    Fields that are null count as missing. Without `kind`, the kind is inferred from the field that is present (`cron`,
    `every` and so on). `min_interval` is the shortest `every` and `delay` allowed. If `data` is invalid, raises
    InvalidSchedule with all errors that were found. No value of `data` raises another exception.
    """
    return _parse({"specs": data} if isinstance(data, list) else data, min_interval)


def _parse(data: object, min_interval: timedelta, *, zone: str = "UTC", is_member: bool = False) -> ScheduleSpec:
    """Read one schedule. `zone` is its default time zone. `is_member`: the schedule is inside `specs`."""
    if not isinstance(data, Mapping):
        reason = data.reason if isinstance(data, InvalidLine) else f"must be an object, not {quoted(data)}."
        raise InvalidSchedule({"schedule": [reason]})
    reader = _Reader({name: value for name, value in data.items() if name in KEYS and value is not None})
    _refuse_unknown(reader, data)
    kind = None if is_member and _refuse_member(reader) else _read_kind(reader)
    timezone = reader.take("timezone", members.read_zone)
    # From here on, None means that the time zone was refused: do not read local times in the default zone then.
    if "timezone" not in reader.given:
        timezone = zone

    def read_instant(value: object) -> datetime:
        return members.read_instant(value, timezone)

    def read_end(value: object) -> datetime:
        return members.read_instant(value, timezone, needs_time=True)

    spec = ScheduleSpec(
        kind=kind or Kind.NONE,
        cron=reader.take("cron", _read_cron_text),
        hash_key=reader.take("hash_key", members.read_hash_key),
        every=reader.take("every", lambda value: _read_length(value, min_interval)),
        anchor_at=reader.take("anchor_at", read_instant),
        at=reader.take("at", read_instant),
        solar=reader.take("solar", lambda value: members.read_choice(value, SolarEvent)),
        latitude=reader.take("latitude", lambda value: members.read_degrees(value, 90)) or 0.0,
        longitude=reader.take("longitude", lambda value: members.read_degrees(value, 180)) or 0.0,
        delay=reader.take("delay", lambda value: _read_length(value, min_interval)),
        specs=_read_specs(reader, min_interval, timezone or zone),
        timezone=timezone or zone,
        dst_gap=reader.take("dst_gap", lambda value: members.read_choice(value, Gap)) or Gap.SHIFT,
        dst_fold=reader.take("dst_fold", lambda value: members.read_choice(value, Fold)) or Fold.FIRST,
        start_at=reader.take("start_at", read_instant),
        end_at=reader.take("end_at", read_end),
        max_runs=reader.take("max_runs", members.read_count),
    )
    if spec.cron is not None and not uses_hash(spec.cron):
        spec = replace(spec, hash_key=None)  # a PATCH that replaces the expression need not remove the key
    if kind is not None:
        _refuse_inapplicable(reader, kind)
    if kind is Kind.SOLAR:
        _require_place(reader)
    if spec.start_at and spec.end_at and spec.end_at <= spec.start_at:
        reader.add_error("end_at", "must be after start_at.")
    # The search for a first instant needs valid fields, so it is the last check.
    if not reader.errors and (never := why_never_fires(spec)):
        reader.add_error(*never)
    if reader.errors:
        raise InvalidSchedule(reader.errors)
    return spec


def _read_specs(reader: _Reader, min_interval: timedelta, zone: str) -> tuple[ScheduleSpec, ...]:
    """Read the list `specs`. Record the errors of each member.

    An error in a field has the key "specs.<index>.<field>". An error of the whole member has the key "specs.<index>".
    Indexes start at 0.
    """
    given = reader.given.get("specs")
    if given is None:
        return ()
    if not isinstance(given, list) or not MIN_SPECS <= len(given) <= MAX_SPECS:
        wrong = f"has {len(given)}" if isinstance(given, list) else f"is {quoted(given)}"
        reader.add_error("specs", f"must be a list of {MIN_SPECS} to {MAX_SPECS} schedules, but {wrong}.")
        return ()
    read: list[ScheduleSpec] = []
    for index, member in enumerate(given):
        try:
            read.append(_parse(member, min_interval, zone=zone, is_member=True))
        except InvalidSchedule as error:
            for name, texts in error.errors.items():
                reader.errors[f"specs.{index}" if name == "schedule" else f"specs.{index}.{name}"] = texts
    return tuple(read)


def _refuse_member(reader: _Reader) -> bool:
    """Record an error for each field and kind that a member of `specs` must not have.

    Return whether the member's kind cannot be read because of these errors.
    """
    for name in _FIELDS_OF_WHOLE_ONLY.keys() & reader.given.keys():
        reader.add_error(name, _FIELDS_OF_WHOLE_ONLY[name])
    for kind in _KINDS_OF_WHOLE_ONLY:
        if reader.given.get("kind") == kind.value:
            reader.add_error("kind", f"must not be {kind.value} inside specs: use cron, every, once or solar.")
    refused = reader.errors.keys() & {"kind", *DEFINING_FIELD.values()}
    reader.given = {name: value for name, value in reader.given.items() if name not in _FIELDS_OF_WHOLE_ONLY}
    return bool(refused)


def _refuse_unknown(reader: _Reader, data: Mapping[str, object]) -> None:
    unknown = [name for name in data if name not in KEYS]
    for name in unknown[:_MAX_UNKNOWN_LISTED]:
        label = quoted(name).strip('"')
        near = did_you_mean(name, KEYS) if isinstance(name, str) else ""
        reader.add_error(label, f"is not a field of a schedule.{near}")
    if (n_more := len(unknown) - _MAX_UNKNOWN_LISTED) > 0:
        reader.add_error("schedule", f"has {n_more:,} more unknown field{'' if n_more == 1 else 's'}.")


def _read_kind(reader: _Reader) -> Kind | None:
    """Return the kind that is stated, or inferred from the fields. On an error, record it and return None."""
    stated = reader.take("kind", lambda value: members.read_choice(value, Kind))
    present = [name for name in _KIND_OF if name in reader.given]
    if len(present) > 1:
        for name in present:
            others = joined([other for other in present if other != name])
            reader.add_error(name, f"can't be combined with {others}: give only one of {joined(list(_KIND_OF), 'or')}.")
        return None
    if "kind" in reader.given:
        if stated is None:
            return None
        inferred = _KIND_OF[present[0]] if present else Kind.NONE
        if stated is inferred:
            return stated
        if present:
            reader.add_error(
                "kind",
                f'is "{stated}", but the schedule has the field {present[0]}: set kind to "{inferred}", '
                "or leave kind out.",
            )
        else:
            reader.add_error(DEFINING_FIELD[stated], f'is required when kind is "{stated}".')
        return None
    if not present:
        ways = joined(list(_KIND_OF), "or")
        reader.add_error("kind", f'is missing: give {ways}, or set kind to "none" for a job without a schedule.')
        return None
    return _KIND_OF[present[0]]


def _require_place(reader: _Reader) -> None:
    for name in ("latitude", "longitude"):
        if name not in reader.given:
            reader.add_error(name, "is required with solar: give the place in degrees.")


def _refuse_inapplicable(reader: _Reader, kind: Kind) -> None:
    inside = ", or write it inside specs" if kind is Kind.SEVERAL else ""
    for name in reader.given:
        if name != "kind" and name not in ALLOWED_FIELDS[kind]:
            reader.add_error(name, f"does not apply to {_KIND_WORDS[kind]}: leave it out{inside}.")


def _read_cron_text(value: object) -> str:
    text = members.read_text(value)
    read_cron(text)
    return tidy(text)


def _read_length(value: object, min_interval: timedelta) -> timedelta:
    length = read_duration(value)
    if length < min_interval:
        raise ValueError(f"must be at least {duration_text(min_interval)}")
    return length
