"""The schedule of a job as a value, and its canonical JSON. `reading.py` reads it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from executions.durations import duration_text
from schedules.clock.localtime import Fold, Gap

__all__ = ["MEANINGFUL", "Fold", "Gap", "InvalidSchedule", "Kind", "ScheduleSpec", "to_json", "with_anchor"]


class Kind(StrEnum):
    """What kind of when it is; NONE fires only by hand or by an event."""

    CRON = "cron"
    EVERY = "every"
    ONCE = "once"
    NONE = "none"


class InvalidSchedule(ValueError):
    """A schedule that is refused. `errors` maps each field's name to its sentences; "schedule" is the whole."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(" ".join(f"{name}: {text}" for name, texts in errors.items() for text in texts))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """When a job runs. All instants are aware UTC; both bounds are inclusive.

    `every` fires at `anchor_at` + k * `every` for each whole k, also before the anchor.
    """

    kind: Kind
    cron: str | None = None
    every: timedelta | None = None
    anchor_at: datetime | None = None
    at: datetime | None = None
    timezone: str = "UTC"
    dst_gap: Gap = Gap.SHIFT
    dst_fold: Fold = Fold.FIRST
    start_at: datetime | None = None
    end_at: datetime | None = None
    max_runs: int | None = None


_BOUNDS = ("start_at", "end_at", "max_runs")
# The keys that mean something for each kind, in the order in which they are shown.
MEANINGFUL: dict[Kind, tuple[str, ...]] = {
    Kind.CRON: ("cron", "timezone", "dst_gap", "dst_fold", *_BOUNDS),
    Kind.EVERY: ("every", "anchor_at", "timezone", *_BOUNDS),
    Kind.ONCE: ("at", "timezone"),
    Kind.NONE: ("timezone",),
}


def to_json(spec: ScheduleSpec) -> dict[str, object]:
    """Canonical JSON: the kind and the keys that mean something for it; `parse` reads it back to the same value."""
    result: dict[str, object] = {"kind": spec.kind.value}
    for name in MEANINGFUL[spec.kind]:
        value = getattr(spec, name)
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        elif isinstance(value, timedelta):
            value = duration_text(value)
        elif isinstance(value, StrEnum):
            value = value.value
        if value is not None:
            result[name] = value
    return result


def with_anchor(spec: ScheduleSpec, anchor_at: datetime) -> ScheduleSpec:
    """The same schedule, aligned to `anchor_at` (aware) if it is an `every` that names no anchor of its own."""
    if spec.kind is not Kind.EVERY or spec.anchor_at is not None:
        return spec
    if anchor_at.tzinfo is None:
        raise ValueError("anchor_at must be an aware datetime")
    return replace(spec, anchor_at=anchor_at.astimezone(UTC))
