"""A schedule in JSON: the class that documents its members, and the function that validates it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from django.conf import settings
from pydantic import Field, WithJsonSchema

from access.api.schema import Shape
from schedules.clock.anchors import anchored, first_mark, keep_anchors
from schedules.clock.cron.hashed import uses_hash
from schedules.clock.effort import NO_LIMIT, READING_STEPS, Effort, SearchTooLong
from schedules.clock.occurrences import next_after
from schedules.clock.reading.schedule import MAX_SPECS, MIN_SPECS, parse
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import (
    DEFINING_FIELD,
    MAX_HASH_KEY_LENGTH,
    InvalidSchedule,
    Kind,
    ScheduleSpec,
    needs_hash_key,
    with_hash_key,
)
from schedules.clock.wording import clock_words, day_words
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import zone
from schedules.exceptions import InvalidDefinition
from values.zones import zone_abbreviation

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from schedules.models import Job

INSTANT_SCHEMA = {"type": "string", "format": "date-time"}
DURATION_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["15m", "1h30m", "PT15M", 900]}


class Schedule(Shape):
    """When a job runs: set exactly one of `cron`, `every`, `at`, `solar`, `delay` and `specs`.

    For a job without a schedule, set `kind` to `none`. An instant without an offset is local time in `timezone`.
    A member that the kind does not use is refused.
    """

    kind: Kind | None = Field(
        None,
        description="Required only for `none`, a job without a schedule. Every other kind follows from the member that "
        "is set, such as `cron`.",
    )
    cron: str | None = Field(
        None,
        description="A cron expression of five fields, six with seconds first, or seven with seconds first and the "
        "year last; or `@daily` and similar names. Beside numbers, lists, ranges and steps, it may contain `?` (as "
        "`*`), names (`MON`, `MONDAY`), ranges across the end of a field (`22-2`, `FRI-MON`), `L`, `L-3`, `15W` and "
        "`LW` as day of month, `MON#2`, `5L` and `FRI#L` as day of week, and `H`, `H(0-29)` and `H/15`: numbers that "
        "are computed from `hash_key`.",
        examples=["30 2 * * *", "0 9 LW * *", "0 0 9 1 1 ? 2027-2030"],
    )
    hash_key: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_HASH_KEY_LENGTH,
        description="With `cron`: the text from which each `H` is computed. Default: the job's id. Jobs with the same "
        "expression and the same key run at the same times. Without an `H`, only the key that the job has "
        "already is accepted, and dropped.",
    )
    every: Annotated[Any, WithJsonSchema(DURATION_SCHEMA)] | None = Field(
        None, description="A fixed interval of elapsed time, such as `15m`, `PT15M` or 900 (seconds)."
    )
    anchor_at: Annotated[Any, WithJsonSchema(INSTANT_SCHEMA)] | None = Field(
        None,
        description="An instant from which `every` counts. Default: `start_at`, or the time when the job gets this "
        "interval. A job that keeps the same `every` keeps its anchor, unless `anchor_at` or another `start_at` is "
        "given.",
    )
    at: Annotated[Any, WithJsonSchema(INSTANT_SCHEMA)] | None = Field(
        None, description="The one instant at which the job runs."
    )
    solar: SolarEvent | None = Field(
        None,
        description="A solar event at `latitude` and `longitude`. Days without the event are skipped. At the "
        "`astronomical`, `nautical` and `civil` twilights the sun is 18, 12 and 6 degrees below the horizon.",
    )
    latitude: float | None = Field(None, ge=-90, le=90, description="With `solar`: degrees; south is negative.")
    longitude: float | None = Field(None, ge=-180, le=180, description="With `solar`: degrees; west is negative.")
    delay: Annotated[Any, WithJsonSchema(DURATION_SCHEMA)] | None = Field(
        None,
        description="Time between the end of one scheduled run and the start of the next. The first run starts at "
        "`start_at`, or immediately if `start_at` is missing or past. After a skipped occurrence, the time counts from "
        "the skip.",
    )
    specs: list[Schedule] | None = Field(
        None,
        min_length=MIN_SPECS,
        max_length=MAX_SPECS,
        description="A list of schedules: the job runs at every instant of each schedule in the list. A schedule in "
        "the list may have its own `timezone`, `start_at` and `end_at`, but no `delay`, `max_runs` or `specs`. Next to "
        "`specs`, `timezone` is the default for the list, and `start_at`, `end_at` and `max_runs` apply to the whole "
        "list.",
    )
    timezone: str | None = Field(
        None,
        description="An IANA time zone. Default: UTC; inside `specs`, the `timezone` next to `specs`.",
        examples=["America/New_York"],
    )
    dst_gap: Gap | None = Field(
        None,
        description="If clocks skip a time of `cron`: `shift` the run to the end of the gap (default), or `skip` the "
        "run. No effect if the minute or hour field starts with `*`.",
    )
    dst_fold: Fold | None = Field(
        None,
        description="If clocks repeat a time of `cron`: run the `first` time (default), or `both` times. No effect if "
        "the minute or hour field starts with `*`.",
    )
    start_at: Annotated[Any, WithJsonSchema(INSTANT_SCHEMA)] | None = Field(
        None, description="No occurrence before this instant."
    )
    end_at: Annotated[Any, WithJsonSchema(INSTANT_SCHEMA)] | None = Field(
        None, description="No occurrence after this instant."
    )
    max_runs: int | None = Field(
        None,
        ge=1,
        description="The schedule ends after it has created this many runs. An occurrence that is skipped when it is "
        "due does not count. A run that is skipped later, because of a limit or its start deadline, counts. The count "
        "goes on if other members of the schedule change; it begins anew with another `cron`, `every`, `solar`, "
        "`delay` or `specs`.",
    )


AnySchedule = (
    Schedule
    | Annotated[
        list[Schedule],
        Field(min_length=MIN_SPECS, max_length=MAX_SPECS, description="Short form of an object with only `specs`."),
    ]
)


TOO_COSTLY = (
    "The schedules up to here need more than about three seconds of work together: use fewer schedules, or send the "
    "jobs in several requests."
)


def read_schedule(
    value: object,
    now: datetime,
    job: Job | None = None,
    job_id: UUID | None = None,
    effort: Effort = NO_LIMIT,
) -> tuple[ScheduleSpec, datetime | None]:
    """Read the value of the member `schedule`. Return the schedule and its first instant.

    The instant is None for a schedule that `job` already has, for the kind `none`, and for a new job if the instant
    depends on the job's id (H in a cron expression).

    `job_id`: the id of the job if only the id is known. A `hash_key` without H is refused, unless it is the id or the
    key that the job has already.

    `clock.reading` validates the schedule; `Schedule` above only documents it. A schedule that `job` already has is
    accepted even if it has ended, or fires more often than the setting `min_interval` now allows. Raises
    InvalidDefinition with the wrong fields, each under `schedule`; also if the work would cost more than `effort`.
    """
    try:
        return _read_schedule(value, now, job, job_id, effort)
    except SearchTooLong as error:
        raise InvalidDefinition({"schedule": [TOO_COSTLY]}) from error


def _read_schedule(
    value: object, now: datetime, job: Job | None, job_id: UUID | None, effort: Effort
) -> tuple[ScheduleSpec, datetime | None]:
    if value is None:
        return parse({"kind": "none"}, min_interval=timedelta(0)), None
    if not isinstance(value, dict | list):
        example = 'A schedule is an object such as {"cron": "0 9 * * *"} or {"every": "15m"}, or a list of objects.'
        raise InvalidDefinition({"schedule": [example]})
    members = value.get("specs") if isinstance(value, dict) else value
    n_members = len(members) if isinstance(members, list) else 1
    effort.spend(READING_STEPS * min(max(n_members, 1), MAX_SPECS))
    before = job.known_schedule if job else None
    idle = _idle_keys(value, {str(job.pk), *_keys_of(before)} if job else {str(job_id)})
    try:
        # Without a minimum interval: the setting may have been raised since the job was saved.
        if (
            before
            and keep_anchors(_of_job(parse(value, min_interval=timedelta(0)), job), before) == before
            and not idle
        ):
            return before, None
        spec = keep_anchors(_of_job(parse(value, min_interval=settings.MAINSPRING.min_interval), job), before)
    except InvalidSchedule as error:
        raise InvalidDefinition(
            {f"schedule.{name}".rstrip("."): texts for name, texts in error.errors.items()} | idle
        ) from error
    if idle:
        raise InvalidDefinition(idle)
    if spec.kind is Kind.NONE:
        return spec, None
    # Search from the first mark, as the clock of a new job does: an `at` of a few seconds ago is still accepted.
    first_at = next_after(anchored(spec, now), first_mark(spec, now), effort)
    if first_at is None:
        field = "end_at" if spec.end_at and spec.end_at <= now else DEFINING_FIELD[spec.kind]
        text = f"The schedule has no occurrence after {now:%Y-%m-%d %H:%M:%S} UTC: give a later time, year or end."
        if spec.at is not None:
            local = spec.at.astimezone(zone(spec.timezone))
            when = f"{day_words(local)} at {clock_words(local)} {zone_abbreviation(local)}"
            text = f"{when} is in the past: give a later time."
        raise InvalidDefinition({f"schedule.{field}": [text]})
    # Without a key, the first instant is only an example.
    return spec, None if needs_hash_key(spec) else first_at


def validate_schedule(value: object, now: datetime, job_id: UUID | None = None) -> ScheduleSpec:
    """Read a schedule that belongs to no job, and set its missing anchors. Raises InvalidDefinition.

    `job_id`: the id from which each H is computed, if it is known.
    """
    spec = anchored(read_schedule(value, now, job_id=job_id)[0], now)
    return with_hash_key(spec, str(job_id)) if job_id else spec


def _idle_keys(value: dict[str, Any] | list[Any], known: Collection[str]) -> dict[str, list[str]]:
    """Return an error for each key of an expression without H, which has no effect.

    `known`: the keys that the job has already. A client that removes the last H need not remove such a key too.
    """
    places: dict[str, Any] = {"schedule": value}
    members = value.get("specs") if isinstance(value, dict) else value
    if isinstance(members, list):
        places |= {f"schedule.specs.{index}": member for index, member in enumerate(members)}
    idle: dict[str, list[str]] = {}
    for place, each in places.items():
        cron, key = (each.get("cron"), each.get("hash_key")) if isinstance(each, dict) else (None, None)
        if isinstance(cron, str) and isinstance(key, str) and not uses_hash(cron) and key not in known:
            idle[f"{place}.hash_key"] = ["has no effect, because cron has no H: remove hash_key."]
    return idle


def _keys_of(spec: ScheduleSpec | None) -> set[str]:
    members = spec.specs or (spec,) if spec else ()
    return {each.hash_key for each in members if each.hash_key}


def _of_job(spec: ScheduleSpec, job: Job | None) -> ScheduleSpec:
    return with_hash_key(spec, str(job.pk)) if job else spec
