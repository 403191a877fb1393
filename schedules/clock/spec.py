"""The schedule of a job as a value, and its canonical JSON. `reading.schedule.parse` reads the JSON back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from schedules.clock.cron.expression import Cron, read_cron
from schedules.clock.cron.hashed import uses_hash
from schedules.clock.solar import SolarEvent
from schedules.clock.wording import number_words
from schedules.clock.zones.local_times import Fold, Gap
from values.durations import duration_text
from values.iso import iso_text

__all__ = [
    "ALLOWED_FIELDS",
    "DEFINING_FIELD",
    "MAX_HASH_KEY_LENGTH",
    "UNPREDICTABLE_KINDS",
    "InvalidSchedule",
    "Kind",
    "ScheduleSpec",
    "cron_of",
    "label",
    "needs_hash_key",
    "starts_left",
    "to_json",
    "with_anchor",
    "with_hash_key",
]

MAX_HASH_KEY_LENGTH = 200  # characters; longer than the id and the key of a job


class Kind(StrEnum):
    """The kind of a schedule. With the kind `none`, a job starts only by hand, through the API or after other jobs."""

    CRON = "cron"
    EVERY = "every"
    ONCE = "once"
    SOLAR = "solar"
    DELAY = "delay"
    SEVERAL = "several"
    NONE = "none"


class InvalidSchedule(ValueError):
    """An invalid schedule. `errors` maps field names to error sentences; the key "schedule" means the whole object."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(" ".join(f"{name}: {text}" for name, texts in errors.items() for text in texts))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """When a job runs. All instants are aware UTC; `start_at` and `end_at` are inclusive.

    - Each H in `cron` stands for a number that is computed from `hash_key`. None: there is no H, or the key is not
      known yet. When a job is saved, its id becomes the key.
    - `every` fires at `anchor_at` + k * `every` for each integer k, including negative ones.
    - `delay` is the time from the end of a run to the next occurrence: see `delay.py`.
    - `specs` is a list of schedules. It fires whenever a member fires, within the bounds of the member and of the list.
      The list's `timezone` is the default time zone of its members.
    """

    kind: Kind
    cron: str | None = None
    hash_key: str | None = None
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
# The fields that apply to each kind, in the order of the canonical JSON.
ALLOWED_FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.CRON: ("cron", "hash_key", "timezone", "dst_gap", "dst_fold", *_BOUNDS),
    Kind.EVERY: ("every", "anchor_at", "timezone", *_BOUNDS),
    Kind.ONCE: ("at", "timezone"),
    Kind.SOLAR: ("solar", "latitude", "longitude", "timezone", *_BOUNDS),
    Kind.DELAY: ("delay", "timezone", *_BOUNDS),
    Kind.SEVERAL: ("specs", "timezone", *_BOUNDS),
    Kind.NONE: ("timezone",),
}
# Kinds whose occurrences cannot be computed in advance: runs start by hand, or after the end of another run.
UNPREDICTABLE_KINDS = (Kind.NONE, Kind.DELAY)
# The field that gives a schedule its kind. NONE has no such field.
DEFINING_FIELD = {
    Kind.CRON: "cron",
    Kind.EVERY: "every",
    Kind.ONCE: "at",
    Kind.SOLAR: "solar",
    Kind.DELAY: "delay",
    Kind.SEVERAL: "specs",
}


def to_json(spec: ScheduleSpec) -> dict[str, object]:
    """Return the canonical JSON: the kind and its fields. `parse` reads the JSON back to an equal value."""
    result: dict[str, object] = {"kind": spec.kind.value}
    for name in ALLOWED_FIELDS[spec.kind]:
        value = getattr(spec, name)
        if isinstance(value, datetime):
            value = iso_text(value)
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
    """Return the schedule with `anchor_at` (aware) as its anchor, if the schedule is an `every` without an anchor.

    In a list of schedules, each `every` without an anchor gets its own `start_at` as anchor, or `anchor_at` if it has
    no `start_at`. Raises ValueError if `anchor_at` is naive.
    """
    if anchor_at.tzinfo is None:
        raise ValueError("anchor_at must be an aware datetime")
    if spec.specs:
        return replace(spec, specs=tuple(with_anchor(each, each.start_at or anchor_at) for each in spec.specs))
    if spec.kind is not Kind.EVERY or spec.anchor_at is not None:
        return spec
    return replace(spec, anchor_at=anchor_at.astimezone(UTC))


def with_hash_key(spec: ScheduleSpec, hash_key: str) -> ScheduleSpec:
    """Return the schedule with `hash_key` in each cron expression that contains H and has no key yet."""
    if spec.specs:
        return replace(spec, specs=tuple(with_hash_key(each, hash_key) for each in spec.specs))
    if spec.cron is None or spec.hash_key is not None or not uses_hash(spec.cron):
        return spec
    return replace(spec, hash_key=hash_key)


def needs_hash_key(spec: ScheduleSpec) -> bool:
    """Whether the schedule has an H whose key is not known, so that its times are only an example."""
    return with_hash_key(spec, "") != spec


def cron_of(spec: ScheduleSpec) -> Cron:
    """Return the parsed expression of a cron schedule. Raises ValueError for another kind."""
    if spec.cron is None:
        raise ValueError("the schedule has no cron expression")
    return read_cron(spec.cron, spec.hash_key or "")


def starts_left(spec: ScheduleSpec, n_scheduled: int) -> int | None:
    """Return how many more starts `max_runs` allows after `n_scheduled` starts; None if there is no limit."""
    return None if spec.max_runs is None else max(spec.max_runs - n_scheduled, 0)


def label(spec: ScheduleSpec) -> str:
    """Return a short text, such as '0 9 * * *' or 'sunset 52.5 13.4', that identifies a schedule in a list."""
    if spec.every is not None:
        return f"every {duration_text(spec.every)}"
    if spec.at is not None:
        return iso_text(spec.at)
    if spec.solar is not None:
        return f"{spec.solar} {number_words(spec.latitude)} {number_words(spec.longitude)}"
    return spec.cron or spec.kind.value
