"""Previews the next runs of a schedule in words, for the job form and for a job's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from schedules.admin.form import mapping
from schedules.admin.form.errors import in_form_words, place_of
from schedules.clock.anchors import anchored
from schedules.clock.describe import describe
from schedules.clock.effort import Effort
from schedules.clock.notes.warnings import warnings
from schedules.clock.occurrences import next_after
from schedules.clock.policies.start_times import jittered, latest_start
from schedules.clock.preview import Fire, Mark, bounded_preview, fire_of
from schedules.clock.spec import Kind, ScheduleSpec, starts_left
from schedules.clock.zones.clock_changes import CLOCK_CHANGE_SPAN, dst_changes
from schedules.exceptions import InvalidDefinition
from schedules.jobs.schedule_shape import validate_schedule
from schedules.policies import MAX_JITTER
from values import instants
from values.durations import MICROSECOND, read_duration
from values.ids import read_id
from values.instants import differs_from_viewer, relative_text
from values.zones import zone_abbreviation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from schedules.models import Job

N_FIRES = 10  # enough to see the pattern of a schedule at a glance
MARKS = {
    Mark.GAP: ("moved", "Clocks skip the scheduled local time that day: the job runs right after the skipped time."),
    Mark.FOLD_FIRST: ("1st of two", "Clocks show this local time twice that day: this is the first time."),
    Mark.FOLD_SECOND: ("2nd of two", "Clocks show this local time twice that day: this is the second time."),
}


@dataclass(frozen=True, slots=True)
class Spread:
    """The jitter and the id of a job. The delay of each run depends on both. An unsaved job's id is None."""

    jitter: timedelta
    job_id: UUID | None


NO_SPREAD = Spread(timedelta(0), None)


@dataclass(frozen=True, slots=True)
class FireLine:
    """A future instant in words: in the time zone of the schedule, and in the viewer's time zone."""

    local: str
    mine: str
    relative: str
    starts: str  # when the run starts, if that is later; otherwise empty
    marks: list[tuple[str, str]]


def preview_schedule(
    spec: ScheduleSpec,
    now: datetime,
    *,
    n_left: int | None = None,
    with_changes: bool = True,
    next_run_at: datetime | None = None,
    spread: Spread = NO_SPREAD,
) -> dict[str, Any]:
    """Return the context of the preview. `n_left`: the maximum number of further runs; None: `spec.max_runs`."""
    spec = anchored(spec, now)
    n_left, stopped = spec.max_runs if n_left is None else n_left, ""
    if spec.kind is Kind.DELAY:
        known_at = next_run_at or next_after(spec, now.replace(microsecond=0) - MICROSECOND)
        fires = [fire_of(spec, known_at)] if known_at else []
    else:
        fires, stopped = bounded_preview(spec, now, N_FIRES if n_left is None else min(N_FIRES, n_left), Effort())
    changes = dst_changes(spec, now, now + CLOCK_CHANGE_SPAN) if with_changes and (spec.cron or spec.specs) else []
    zones = {each.timezone for each in spec.specs or (spec,)}
    return {
        "description": describe(spec),
        "zone": zones.pop() if len(zones) == 1 else "In each schedule's time zone",
        "my_zone": str(timezone.get_current_timezone()),
        "is_elsewhere": any(differs_from_viewer(fire.at, fire.local.tzinfo or UTC) for fire in fires),
        "fires": [
            FireLine(
                local=_exact(fire.local, now),
                mine=_exact(timezone.localtime(fire.at), now),
                relative=relative_text(fire.at, now),
                starts=_starts(spec, fire, spread, now),
                marks=[MARKS[mark] for mark in fire.marks],
            )
            for fire in fires
        ],
        "is_all": len(fires) == n_left or (0 < len(fires) < N_FIRES and spec.kind is not Kind.DELAY and not stopped),
        "is_by_hand": spec.kind is Kind.NONE,
        # Only clock changes that affect no run: the warnings describe changes that move, drop or repeat a run.
        "changes": [change.text for change in changes if not change.affected],
        "warnings": [*map(in_form_words, warnings(spec, now)), *([stopped] if stopped else [])],
    }


def preview_form(values: Mapping[str, Any], now: datetime) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the context of the preview for the form's values, and the errors by form field."""
    try:
        job_id = read_id(str(values.get("job_id") or ""))
        spec = validate_schedule(mapping.schedule_from(values), now, job_id)
    except InvalidDefinition as invalid:
        errors: dict[str, list[str]] = {}
        for dotted, texts in invalid.errors.items():
            field = place_of(dotted)[0] or "schedule_kind"
            errors.setdefault(field, []).extend(
                in_form_words(text, dotted if field == "specs" else "") for text in texts
            )
        is_empty = not any(values.get(name) for name in mapping.TYPED_FIELDS)
        return {"errors": errors, "is_empty": is_empty}, errors
    return preview_schedule(spec, now, spread=_spread_of(values)), {}


def preview_job(job: Job, now: datetime) -> dict[str, Any] | None:
    """Return the context of the preview for a saved job, without runs beyond `max_runs`.

    None if the schedule or the policies cannot be read. While the job waits for the end of a run, the preview has no
    instants.
    """
    if not job.is_readable:
        return None
    spec = job.schedule_spec
    context = preview_schedule(
        spec,
        now,
        n_left=starts_left(spec, job.n_scheduled),
        with_changes=False,
        next_run_at=job.next_run_at,
        spread=Spread(job.policies.jitter, job.pk),
    )
    return context | {"fires": []} if job.waits_for_run else context


def _spread_of(values: Mapping[str, Any]) -> Spread:
    """Return the form's jitter and job id; `NO_SPREAD` if the jitter is not a valid duration.

    A jitter above `MAX_JITTER` counts as `MAX_JITTER`. When the form is saved, both cases are reported as errors.
    """
    try:
        jitter = read_duration(values.get("start_jitter") or 0, allow_zero=True)
    except ValueError:
        return NO_SPREAD
    return Spread(min(jitter, MAX_JITTER), read_id(str(values.get("job_id") or "")))


def _starts(spec: ScheduleSpec, fire: Fire, spread: Spread, now: datetime) -> str:
    if not spread.jitter:
        return ""
    if spread.job_id is None:
        most = latest_start(spec, fire.at, spread.jitter) - fire.at
        return f"starts up to {instants.duration(most)} later"
    at = jittered(spec, spread.job_id, fire.at, spread.jitter).astimezone(fire.local.tzinfo).replace(microsecond=0)
    return f"starts {f'{at:%H:%M:%S}' if at.date() == fire.local.date() else _exact(at, now)}"


def _exact(local: datetime, now: datetime) -> str:
    """Return a local time with its weekday and time zone, and with its milliseconds if the second is not whole.

    The text contains the year only if it is not the present year.
    """
    year = "" if local.year == now.astimezone(local.tzinfo).year else f" {local.year}"
    fraction = f".{local.microsecond // 1000:03d}" if local.microsecond else ""
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M:%S}{fraction} {zone_abbreviation(local)}"
