"""What follows when runs end, or are held: one pass over what was left to be followed up.

The end of a run and the note that something may follow are one statement, and what follows and the note's removal one
transaction: so it follows once, whatever is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from executions import admission, runs
from executions.states import Origin, RunStatus
from schedules import backfill, queries, triggers
from schedules.clock.delay import after_end
from schedules.clock.spec import Kind
from schedules.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

BUSY = timedelta(milliseconds=50)  # a job is in somebody's hands: look again then


@dataclass(frozen=True, slots=True)
class Followed:
    """Counts of one pass: what was looked at, held runs decided upon, and whether there may be more."""

    n_followups: int = 0
    n_decided: int = 0
    more: bool = False

    def __add__(self, other: Followed) -> Followed:
        return Followed(self.n_followups + other.n_followups, self.n_decided + other.n_decided, self.more or other.more)


def follow_once(now: datetime, limit: int) -> Followed:
    """Follow up to `limit` notes: what the end of a run leads to for its job, then what is held and may start."""
    with transaction.atomic():
        found = runs.take_followups(now, limit)
        if not found:
            return Followed()
        busy = _after_ends([followup for followup in found if followup.run_id], now)
        ready = [followup for followup in found if followup not in busy]
        admitted = admission.admit(
            {followup.job_id for followup in ready},
            {followup.concurrency_key for followup in ready if followup.concurrency_key},
            {followup.rate_key for followup in ready if followup.rate_key},
            now,
        )
        runs.postpone_followups(busy, now + BUSY)
        if not admitted.more:
            runs.drop_followups(ready)
        runs.follow_up(admitted.later)
    return Followed(len(found), admitted.n_decided, more=admitted.more or len(found) == limit)


def _after_ends(ended: Sequence[runs.Followup], now: datetime) -> set[runs.Followup]:
    """Do what follows for the jobs of runs that have ended; returns those whose job somebody else has locked."""
    if not ended:
        return set()
    wanted = {followup.job_id for followup in ended}
    locked = set(queries.lock_free_jobs(wanted))
    jobs = Job.objects.select_related("spec").in_bulk(wanted)
    busy = {followup for followup in ended if followup.job_id in jobs and followup.job_id not in locked}
    run_ids = [followup.run_id for followup in ended if followup.run_id and followup not in busy]
    backfills: set[UUID] = set()
    for run in runs.Run.objects.filter(pk__in=run_ids).order_by("finished_at", "pk"):
        if job := jobs.get(run.job_id):
            _set_next(job, run)
            _pause_if_failing(job, run, now)
        if run.backfill_id:
            backfills.add(run.backfill_id)
    if backfills:
        queries.wake_backfills(backfills, now, backfill.LOW)
    return busy


def _set_next(job: Job, run: runs.Run) -> None:
    """Of a delay, the end of its run says when the next occurrence is."""
    spec = job.schedule_spec
    waits = spec.kind is Kind.DELAY and job.next_run_at is None and job.state != JobState.ENDED
    if not waits or run.origin != Origin.SCHEDULE or run.finished_at is None:
        return
    if runs.has_scheduled(job.pk):
        return  # this one is of before the schedule was changed
    job.next_run_at = after_end(spec, run.finished_at, job.mark_at)
    if job.next_run_at is None:
        job.state = JobState.ENDED
    job.save(update_fields=["next_run_at", "state"])
    runs.wake_beat()


def _pause_if_failing(job: Job, run: runs.Run, now: datetime) -> None:
    most = job.policies.pause_after_failures
    if most is None or run.status != RunStatus.FAILED or job.state != JobState.ACTIVE:
        return
    latest = runs.Run.objects.filter(job_id=job.pk, status__in=(RunStatus.SUCCEEDED, RunStatus.FAILED)).order_by(
        "-nominal_at"
    )
    if job.resumed_at:
        latest = latest.filter(nominal_at__gt=job.resumed_at)
    statuses = list(latest.values_list("status", flat=True)[:most])
    if len(statuses) == most and set(statuses) == {RunStatus.FAILED}:
        text = "Its last run failed." if most == 1 else f"Its last {most} runs failed."
        triggers.pause(job.pk, now, actor="", reason=text)
        log.warning("job_paused_after_failures", action="pause", job=str(job.pk), name=job.name, n_failures=most)
