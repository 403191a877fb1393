"""Reading a schedule from JSON: everything that is wrong is told at once, each sentence under its own field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from executions.durations import duration_text, read_duration
from executions.wording import shown
from schedules.clock import fields
from schedules.clock.cron import read_cron
from schedules.clock.cronfields import CronError, tidy
from schedules.clock.localtime import Fold, Gap, cron_instants
from schedules.clock.spec import MEANINGFUL, InvalidSchedule, Kind, ScheduleSpec
from schedules.clock.wording import joined, nearest
from schedules.clock.zones import LAST_AT

_Value = TypeVar("_Value")

# Where a daylight-saving policy is looked at for "never fires": recent rules, and the same answer on every day.
_REFERENCE_AT = datetime(2025, 1, 1, tzinfo=UTC)

_WHEN = {"cron": Kind.CRON, "every": Kind.EVERY, "at": Kind.ONCE}
_KEYS = ("kind", *dict.fromkeys(name for names in MEANINGFUL.values() for name in names))
_KIND_WORDS = {
    Kind.CRON: "a cron schedule",
    Kind.EVERY: "an every schedule",
    Kind.ONCE: "a schedule that fires once",
    Kind.NONE: "a job that is started only by hand or by an event",
}
_MAX_UNKNOWN = 20


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


def parse(data: Mapping[str, object], *, min_interval: timedelta) -> ScheduleSpec:
    """Read the JSON that a user sends; null means absent, and an unstated kind follows from cron, every or at.

    `min_interval` is the shortest `every` that is allowed. Raises InvalidSchedule, with all that is wrong, and
    nothing else, whatever the values are.
    """
    if not isinstance(data, Mapping):
        raise InvalidSchedule({"schedule": [f"must be an object, not {shown(data)}."]})
    reader = _Reader({name: value for name, value in data.items() if name in _KEYS and value is not None})
    _refuse_unknown(reader, data)
    kind = _read_kind(reader)
    timezone = reader.take("timezone", fields.read_zone)
    if "timezone" not in reader.given:
        timezone = "UTC"

    def read_instant(value: object) -> datetime:
        return fields.read_instant(value, timezone)

    def read_end(value: object) -> datetime:
        return fields.read_instant(value, timezone, needs_time=True)

    spec = ScheduleSpec(
        kind=kind or Kind.NONE,
        cron=reader.take("cron", _read_cron_text),
        every=reader.take("every", lambda value: _read_every(value, min_interval)),
        anchor_at=reader.take("anchor_at", read_instant),
        at=reader.take("at", read_instant),
        timezone=timezone or "UTC",
        dst_gap=reader.take("dst_gap", lambda value: fields.read_choice(value, Gap)) or Gap.SHIFT,
        dst_fold=reader.take("dst_fold", lambda value: fields.read_choice(value, Fold)) or Fold.FIRST,
        start_at=reader.take("start_at", read_instant),
        end_at=reader.take("end_at", read_end),
        max_runs=reader.take("max_runs", fields.read_count),
    )
    if kind is not None:
        _refuse_meaningless(reader, kind)
    if spec.start_at and spec.end_at and spec.end_at <= spec.start_at:
        reader.complain("end_at", "must be after start_at.")
    if not reader.errors:
        _refuse_silence(reader, spec)
    if reader.errors:
        raise InvalidSchedule(reader.errors)
    return spec


def _refuse_unknown(reader: _Reader, data: Mapping[str, object]) -> None:
    unknown = [name for name in data if name not in _KEYS]
    for name in unknown[:_MAX_UNKNOWN]:
        label = shown(name).strip('"')
        near = nearest(name, _KEYS) if isinstance(name, str) else ""
        reader.complain(label, f"is not a field of a schedule.{near}")
    if len(unknown) > _MAX_UNKNOWN:
        reader.complain("schedule", f"has {len(unknown) - _MAX_UNKNOWN} more fields that are not known.")


def _read_kind(reader: _Reader) -> Kind | None:
    """The kind, stated or inferred; None when that is not possible, with the complaint."""
    stated = reader.take("kind", lambda value: fields.read_choice(value, Kind))
    present = [name for name in _WHEN if name in reader.given]
    if len(present) > 1:
        for name in present:
            others = joined([other for other in present if other != name])
            reader.complain(name, f"can't be combined with {others}: give only one of cron, every and at.")
        return None
    if "kind" in reader.given:
        if stated is None:
            return None
        inferred = _WHEN[present[0]] if present else Kind.NONE
        if stated is inferred:
            return stated
        if present:
            reader.complain("kind", f'is "{stated}", but {present[0]} is given: make it "{inferred}" or leave it out.')
        else:
            needed = next(name for name, kind in _WHEN.items() if kind is stated)
            reader.complain(needed, f'is needed, as kind is "{stated}".')
        return None
    if not present:
        reader.complain("kind", 'say when: give cron, every or at; or give kind "none" for a job without a clock.')
        return None
    return _WHEN[present[0]]


def _refuse_meaningless(reader: _Reader, kind: Kind) -> None:
    for name in reader.given:
        if name != "kind" and name not in MEANINGFUL[kind]:
            reader.complain(name, f"has no meaning for {_KIND_WORDS[kind]}: leave it out.")


def _read_cron_text(value: object) -> str:
    text = fields.read_text(value)
    read_cron(text)
    return tidy(text)


def _read_every(value: object, floor: timedelta) -> timedelta:
    length = read_duration(value)
    if length < floor:
        raise ValueError(f"must be at least {duration_text(floor)}")
    return length


def _refuse_silence(reader: _Reader, spec: ScheduleSpec) -> None:
    """Refuse a schedule that can be known to name no instant at all."""
    start, end = spec.start_at, spec.end_at
    between = ""
    if start is not None and end is not None:
        bounds = f"start_at {fields.instant_text(start)} and end_at {fields.instant_text(end)}"
        between = f"has no instant between {bounds}."
        if spec.every is not None and spec.anchor_at is not None:
            if (spec.anchor_at - start) % spec.every > end - start:
                reader.complain("every", between)
            return
    if spec.cron is not None and (between or (spec.dst_gap is Gap.SKIP and end is None)):
        after = (start or _REFERENCE_AT) - timedelta(microseconds=1)
        policies = (spec.dst_gap, spec.dst_fold)
        instants = cron_instants(read_cron(spec.cron), spec.timezone, policies, after, end or LAST_AT)
        if next(instants, None) is None:
            never = "never fires: clocks leave out each of its times, and dst_gap is skip; make it shift."
            reader.complain("cron", between or never)
