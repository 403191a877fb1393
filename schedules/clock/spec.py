"""The schedule of a job as a value, and its canonical JSON. `reading.py` reads it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from schedules.clock.solar import SolarEvent
from schedules.clock.wording import number_words
from schedules.clock.zones.local_times import Fold, Gap
from values.durations import duration_text

__all__ = [
    "ALLOWED_FIELDS",
    "DEFINING_FIELD",
    "Fold",
    "Gap",
    "InvalidSchedule",
    "Kind",
    "ScheduleSpec",
    "SolarEvent",
    "label",
    "to_json",
    "with_anchor",
]


class Kind(StrEnum):
    """What kind of when it is; NONE fires only by hand or by an event."""

    CRON = "cron"
    EVERY = "every"
    ONCE = "once"
    SOLAR = "solar"
    DELAY = "delay"
    SEVERAL = "several"
    NONE = "none"


class InvalidSchedule(ValueError):
    """A schedule that is refused. `errors` maps each field's name to its sentences; "schedule" is the whole."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(" ".join(f"{name}: {text}" for name, texts in errors.items() for text in texts))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """When a job runs. All instants are aware UTC; both bounds are inclusive.

    `every` fires at `anchor_at` + k * `every` for each whole k, also before the anchor. `specs` fire at the instants of
    any of them, within the bounds of each and of the whole; `timezone` is the zone of those that state none.
    A `delay` lies between the end of a run and the next occurrence: see `delay.py`.
    """

    kind: Kind
    cron: str | None = None
    every: timedelta | None = None
    anchor_at: datetime | None = None
    at: datetime | None = None
    solar: SolarEvent | None = None
    latitude: float = 0.0  # degrees; south is negative
    longitude: float = 0.0  # degrees; west is negative
    delay: timedelta | None = None
    specs: tuple[ScheduleSpec, ...] = ()
    timezone: str = "UTC"
    dst_gap: Gap = Gap.SHIFT
    dst_fold: Fold = Fold.FIRST
    start_at: datetime | None = None
    end_at: datetime | None = None
    max_runs: int | None = None


_BOUNDS = ("start_at", "end_at", "max_runs")
# The keys that mean something for each kind, in the order in which they are shown.
ALLOWED_FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.CRON: ("cron", "timezone", "dst_gap", "dst_fold", *_BOUNDS),
    Kind.EVERY: ("every", "anchor_at", "timezone", *_BOUNDS),
    Kind.ONCE: ("at", "timezone"),
    Kind.SOLAR: ("solar", "latitude", "longitude", "timezone", *_BOUNDS),
    Kind.DELAY: ("delay", "timezone", *_BOUNDS),
    Kind.SEVERAL: ("specs", "timezone", *_BOUNDS),
    Kind.NONE: ("timezone",),
}
# The key that makes a schedule one of that kind.
DEFINING_FIELD = {
    Kind.CRON: "cron",
    Kind.EVERY: "every",
    Kind.ONCE: "at",
    Kind.SOLAR: "solar",
    Kind.DELAY: "delay",
    Kind.SEVERAL: "specs",
}


def to_json(spec: ScheduleSpec) -> dict[str, object]:
    """Canonical JSON: the kind and the keys that mean something for it; `parse` reads it back to the same value."""
    result: dict[str, object] = {"kind": spec.kind.value}
    for name in ALLOWED_FIELDS[spec.kind]:
        value = getattr(spec, name)
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        elif isinstance(value, timedelta):
            value = duration_text(value)
        elif isinstance(value, StrEnum):
            value = value.value
        elif isinstance(value, tuple):
            value = [to_json(member) for member in value]
        if value is not None:
            result[name] = value
    return result


def with_anchor(spec: ScheduleSpec, anchor_at: datetime) -> ScheduleSpec:
    """The same schedule, aligned to `anchor_at` (aware) if it is an `every` that names no anchor of its own.

    Of several, each such `every` is aligned to its own start, else to `anchor_at`.
    """
    if anchor_at.tzinfo is None:
        raise ValueError("anchor_at must be an aware datetime")
    if spec.specs:
        return replace(spec, specs=tuple(with_anchor(each, each.start_at or anchor_at) for each in spec.specs))
    if spec.kind is not Kind.EVERY or spec.anchor_at is not None:
        return spec
    return replace(spec, anchor_at=anchor_at.astimezone(UTC))


def label(spec: ScheduleSpec) -> str:
    """What tells one of several schedules from the others: '0 9 * * *', 'every 15m', 'sunset 52.5 13.4', an instant."""
    if spec.every is not None:
        return f"every {duration_text(spec.every)}"
    if spec.at is not None:
        return spec.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if spec.solar is not None:
        return f"{spec.solar} {number_words(spec.latitude)} {number_words(spec.longitude)}"
    return spec.cron or spec.kind.value
