"""Creates, changes and deletes jobs, and sets their clocks when a schedule changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from django.db import transaction

from access.visibility import ENGINE, scope_for_new
from executions import history, runs
from executions.states import CancelReason
from schedules import queries, tick
from schedules.clock.anchors import anchored, first_mark, has_same_timing, keep_anchors
from schedules.clock.due import next_due
from schedules.clock.occurrences import next_after
from schedules.clock.rule_change import in_version
from schedules.clock.spec import Kind, starts_left, to_json, with_hash_key
from schedules.clock.zones.zones import FIRST_AT, LAST_AT
from schedules.exceptions import JobGone
from schedules.jobs import chains, followups
from schedules.jobs.members import JOB_COLUMNS, MEMBERS, VERSION_COLUMNS, stored_members
from schedules.models import Job, JobState, begin_spans, end_span
from schedules.zone_data import versions
from values.json_values import is_same_json

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from access.visibility import Caller
    from schedules.clock.spec import ScheduleSpec
    from schedules.jobs.chains import StartAfter
    from schedules.jobs.validation import Definition

log = structlog.get_logger(__name__)


def create(definition: Definition, now: datetime, *, actor: str, caller: Caller = ENGINE) -> Job:
    """Create a job whose schedule takes effect at `now`.

    Raises InvalidDefinition if `store_chains` refuses the chains.
    """
    with transaction.atomic():
        (job,) = create_many([(None, definition)], now, actor=actor, caller=caller)
        if definition.start_after:
            followups.update(store_chains(job, definition, caller))
    return job


def create_many(
    wanted: Sequence[tuple[str | None, Definition]], now: datetime, *, actor: str, caller: Caller = ENGINE
) -> list[Job]:
    """Create many jobs with a few statements. `wanted`: pairs of a key (None: no key) and a definition.

    Call it inside a transaction, then call `store_chains` for jobs with chains. Raises IntegrityError if a key is
    taken.
    """
    zone_data = versions.for_new_clocks([definition.schedule for _, definition in wanted], now)
    jobs = [
        _new_job(scope_for_new(caller), key, definition, now, version)
        for (key, definition), version in zip(wanted, zone_data, strict=True)
    ]
    values = [_version_values(job.pk, definition) for job, (_, definition) in zip(jobs, wanted, strict=True)]
    for job, spec in zip(jobs, runs.freeze_first(values, now), strict=True):
        job.spec = spec
    Job.objects.bulk_create(jobs)
    begin_spans(jobs)
    runs.enable_followups([job.pk for job in jobs if followups.are_needed_by(job)])
    for job in jobs:
        _log("job_created", "create", job, actor)
    runs.wake_beat()  # a job may be due before the beat's sleep ends
    return jobs


def store_chains(job: Job, definition: Definition, caller: Caller) -> set[UUID]:
    """Store the chains of a job's definition; return the ids of the jobs to pass to `followups.update`.

    Checks the chains again, because other jobs may have changed since the validation. Raises InvalidDefinition.
    """
    chains.lock()
    return chains.store(job.pk, definition.start_after, caller, job.scope_id)


def changed_members(job: Job, definition: Definition, start_after: Collection[StartAfter]) -> set[str]:
    """Return the names of the members in which a job differs from a definition that was validated for this job.

    `start_after`: the job's current chains. `job.spec` must be loaded.
    """
    stored = stored_members(job, list(start_after))
    changed = {name for name in MEMBERS if not _is_same(name, stored[name], definition.members[name])}
    if set(start_after) == set(definition.start_after):
        changed -= {"start_after"}  # the order of chains does not matter
    return changed


def _is_same(name: str, stored: Any, wanted: Any) -> bool:
    if name not in ("target", "payload"):
        return is_same_json(stored, wanted)
    # Receivers sign and hash what is sent: 1 and 1.0 differ, and so do two orders of the same members.
    if name == "target" and isinstance(stored, Mapping):
        # The order of the target's own members means nothing, but that of its headers and its query does.
        stored, wanted = (dict(sorted(value.items())) for value in (stored, wanted))
    return json.dumps(stored) == json.dumps(wanted)


def replace(job_id: UUID, definition: Definition, now: datetime, *, actor: str, caller: Caller = ENGINE) -> Job:
    """Replace a job's definition. Occurrences of an active job up to `now` still follow the old definition.

    A new schedule takes effect at `now`. An unchanged schedule continues. If the timing is unchanged (see
    `has_same_timing`), intervals keep their anchors, a delay keeps its next instant, and `max_runs` counts on.
    Raises JobGone, and InvalidDefinition if `store_chains` refuses the chains.
    """
    with transaction.atomic():
        job = lock(job_id)
        tick.settle(job_id, now)
        job.refresh_from_db()  # settling moves the clock
        had_followups = followups.are_needed_by(job)
        job.updated_at = now
        changed = ["updated_at", *_set_columns(job, definition)]
        if changed_members(job, definition, ()) & VERSION_COLUMNS.keys():
            job.spec = runs.freeze(_version_values(job.pk, definition), now, after=job.spec)
            changed.append("spec")
        before = job.known_schedule  # None: unreadable, so there are no occurrences to record
        schedule = with_hash_key(keep_anchors(definition.schedule, before), str(job.pk))
        if to_json(schedule) != job.schedule:
            first_at = definition.first_after(now) if schedule == definition.schedule else None
            changed += _change_schedule(job, before, schedule, first_at, now)
        job.save(update_fields=changed)
        # Last, and only if needed: until the commit, every other change of chains waits for the lock of chains.
        if set(chains.of(job_id, caller)) != set(definition.start_after):
            followups.update(store_chains(job, definition, caller))
        if followups.are_needed_by(job) != had_followups:
            followups.update([job_id])
        runs.wake_beat()
        _log("job_changed", "replace", job, actor)
    return job


def delete(job_id: UUID, now: datetime, *, actor: str) -> None:
    """Delete a job and cancel its held, queued and retrying runs. Running runs continue, and the history stays.

    The job is also removed from `start_after` of other jobs. Raises JobGone.
    """
    with transaction.atomic():
        job = lock(job_id)
        runs.cancel_not_running(job_id, now, actor=actor, reason=CancelReason.JOB_DELETED)
        chains.lock()
        sources, started = chains.drop(job_id)
        # End the span at the mark: later occurrences will never be recorded, and the ledger must not report gaps.
        end_span(job_id, min(_schedule_end(job, now), job.mark_at))
        _log("job_deleted", "delete", job, actor, n_unchained=len(started))
        job.delete()
        history.forget(job_id)
        followups.update({*sources, job_id})
        runs.supersede(job_id, now)  # searches by name or target no longer find the last version of the job


def lock(job_id: UUID) -> Job:
    """Lock a job's row until the transaction ends, and return the job with its `spec`. Raises JobGone."""
    if not queries.lock_job(job_id):
        raise JobGone
    job = Job.objects.select_related("spec").get(pk=job_id)
    versions.load([job.zone_data])  # a zone of the job may be missing in this process's own data
    return job


def _change_schedule(
    job: Job, before: ScheduleSpec | None, schedule: ScheduleSpec, first_at: datetime | None, now: datetime
) -> list[str]:
    """Replace a job's schedule `before` (None: unreadable) at `now`; return the names of the changed columns.

    `first_at`: see `_set_clock`.
    """
    is_same_timing = before is not None and has_same_timing(schedule, before)
    # If one delay replaces another, `next_run_at` stays None while a run is live: the run's end sets it.
    is_delay_changed = before and before.kind is schedule.kind is Kind.DELAY and job.state != JobState.ENDED
    old_next_run_at = job.next_run_at
    if before and job.state == JobState.PAUSED:
        _settle_pause(job, now)
    end_span(job.pk, _schedule_end(job, now))
    counts = (job.n_scheduled, job.caught_up_at)
    [version] = versions.for_new_clocks([schedule], now)
    columns = _set_clock(job, schedule, now, version, first_at)
    if is_same_timing:
        job.n_scheduled, job.caught_up_at = counts
    is_over = starts_left(schedule, job.n_scheduled) == 0
    if is_delay_changed and not is_over:
        planned_at = old_next_run_at if is_same_timing else None
        job.next_run_at = old_next_run_at and _next_of_delay(schedule, planned_at, now)
        is_over = old_next_run_at is not None and job.next_run_at is None
    if is_over:
        job.next_run_at = None
        if job.state != JobState.PAUSED:
            job.state = JobState.ENDED
    begin_spans([job])
    return columns


def _next_of_delay(schedule: ScheduleSpec, planned_at: datetime | None, now: datetime) -> datetime | None:
    """Return the next instant of a delay that replaces another delay; None if it would be later than `end_at`.

    `planned_at`: the instant planned under an equal delay, which stays if the bounds allow it.
    """
    if planned_at is None:
        return next_due(schedule, now)
    at = max(planned_at, schedule.start_at or planned_at)
    return at if at <= (schedule.end_at or LAST_AT) else None


def _settle_pause(job: Job, now: datetime) -> None:
    """Record the old schedule's occurrences during the current pause.

    Stores the job as active, because `tick.settle` handles only active jobs. The caller must then store the job as
    paused.
    """
    next_run_at = job.rules_at(versions.in_force(), now).next_at()
    Job.objects.filter(pk=job.pk).update(state=JobState.ACTIVE, next_run_at=next_run_at, resumed_at=now)
    tick.settle(job.pk, now)
    job.refresh_from_db(fields=["n_scheduled", "mark_at"])


def _schedule_end(job: Job, now: datetime) -> datetime:
    """Return the end of the job's current schedule: `now`, unless `max_runs` is used up.

    If `max_runs` is used up: the last recorded occurrence, or the job's mark if the history has no occurrence.
    """
    schedule = job.known_schedule
    if schedule is None or schedule.max_runs is None or job.n_scheduled < schedule.max_runs:
        return now
    return history.last_scheduled_at(job.pk, FIRST_AT) or job.mark_at


def _new_job(scope_id: int, key: str | None, definition: Definition, now: datetime, version: str) -> Job:
    job = Job(scope_id=scope_id, key=key, created_at=now, updated_at=now)
    _set_columns(job, definition)
    _set_clock(job, definition.schedule, now, version, definition.first_after(now))
    return job


def _set_columns(job: Job, definition: Definition) -> list[str]:
    """Copy members of the definition to the columns of a job's row; return the names of the columns."""
    for name, column in JOB_COLUMNS.items():
        setattr(job, column, definition.members[name])
    return list(JOB_COLUMNS.values())


def _set_clock(
    job: Job, schedule: ScheduleSpec, now: datetime, version: str, first_at: datetime | None = None
) -> list[str]:
    """Start a schedule at `now`: set the job's schedule, clock and state, and return the names of their columns.

    `version`: the version of the time zone data. `first_at` is the schedule's first instant by the version of this
    process, if the caller has computed it already.
    """
    schedule = with_hash_key(anchored(schedule, now), str(job.pk))
    job.set_schedule(schedule)
    job.mark_at = first_mark(schedule, now)
    job.zone_data, job.holds = version, None
    named_by = in_version(schedule, version)
    job.next_run_at = (first_at if named_by is schedule else None) or next_after(named_by, job.mark_at)
    job.n_scheduled, job.caught_up_at, job.catch_up_begun = 0, None, False  # reset `max_runs` and catch-up
    if job.state != JobState.PAUSED:  # a paused job becomes active or ended when it is resumed
        job.state = JobState.ACTIVE if job.next_run_at or schedule.kind is Kind.NONE else JobState.ENDED
    return [
        "schedule",
        "zone_data",
        "holds",
        "mark_at",
        "next_run_at",
        "n_scheduled",
        "caught_up_at",
        "catch_up_begun",
        "state",
    ]


def _log(event: str, action: str, job: Job, actor: str, **details: Any) -> None:
    """Write a log line after the transaction commits. A transaction that is rolled back writes no line."""
    values = {"action": action, "job": str(job.pk), "name": job.name, "actor": actor, **details}
    transaction.on_commit(partial(log.info, event, **values))


def _version_values(job_id: UUID, definition: Definition) -> dict[str, Any]:
    """Return the column values of a RunSpec (a version of a job's definition), except the version number and times."""
    columns = {column: definition.members[name] for name, column in VERSION_COLUMNS.items()}
    return {"job_id": job_id, "target_kind": definition.members["target"]["kind"], **columns}
