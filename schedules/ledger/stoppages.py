"""Stoppages: jobs whose schedule seems to have stopped. Records, repairs, reports and closes stoppages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

import structlog
from django.db import transaction
from django.db.models import F

from executions import history, runs
from schedules import queries, tick
from schedules.ledger import account
from schedules.models import Job, JobState, Stoppage, Why
from schedules.zone_data import versions
from values.database import is_database_unavailable
from values.durations import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

EVENT = "schedule_stopped"
# Report a stoppage only after this time: a beat may still handle an overdue job, or a job pushed back for a minute.
REPORT_DELAY = timedelta(minutes=2)
MAX_STOPPAGES_PER_REVIEW = 500  # each needs its own transaction, and a review must end before the next review begins
REPORTED_AT_ONCE = frozenset({Why.NO_NEXT, Why.MARK_AHEAD, Why.GAPS})  # no beat repairs these by itself


@dataclass(slots=True)
class Reviewed:
    """How many stoppages one review reported, repaired, and closed because they had ended."""

    n_raised: int = 0
    n_repaired: int = 0
    n_over: int = 0


def suspect(why: Why, found: Iterable[tuple[UUID, datetime]], now: datetime) -> None:
    """Record a stoppage for each job in `found`, except for a job that already has an open stoppage of this kind.

    `found`: pairs of a job's id and an instant. For `gaps` and `mark_ahead`, the instant is the first occurrence that
    has or will have no row; otherwise it is the job's mark.
    """
    Stoppage.objects.bulk_create(
        [Stoppage(job_id=job_id, why=why, found_at=now, stood_at=stood_at) for job_id, stood_at in found],
        ignore_conflicts=True,  # skip a stoppage that is already recorded and open
    )


def review(now: datetime) -> Reviewed:
    """Check up to `MAX_STOPPAGES_PER_REVIEW` open stoppages, unreported ones first. Close, repair or report them."""
    reviewed = Reviewed()
    stoppages = Stoppage.objects.filter(over_at=None).order_by(F("raised_at").asc(nulls_first=True), "found_at", "id")
    open_ones = list(stoppages[:MAX_STOPPAGES_PER_REVIEW])
    jobs = Job.objects.in_bulk([stoppage.job_id for stoppage in open_ones])
    for stoppage in open_ones:
        try:
            # One transaction per stoppage, so that a failure does not prevent the report of other stoppages.
            with transaction.atomic():
                _review_one(stoppage, jobs.get(stoppage.job_id), now, reviewed)
        except Exception as error:
            if is_database_unavailable(error):
                raise
            log.exception("job_not_watched", action="watch", job=str(stoppage.job_id))
    return reviewed


def _review_one(stoppage: Stoppage, job: Job | None, now: datetime, reviewed: Reviewed) -> None:
    if stoppage.raised_at and not stoppage.is_noted:
        _note_on_first(stoppage, stoppage.raised_at)
    if job is None or not _is_so(stoppage, job, now):
        reviewed.n_over += Stoppage.objects.filter(pk=stoppage.pk, over_at=None).update(over_at=now)
        return
    if _repair(stoppage, job, now):
        reviewed.n_repaired += 1
        Stoppage.objects.filter(pk=stoppage.pk).update(over_at=now)
    # A repair may find that the schedule has no more instants. The job has then ended, and nothing is reported.
    if job.state == JobState.ACTIVE or stoppage.why == Why.GAPS:
        is_due = stoppage.why in REPORTED_AT_ONCE or stoppage.found_at <= now - REPORT_DELAY
        if is_due and stoppage.raised_at is None:
            reviewed.n_raised += _report(stoppage, job, now)


def _is_so(stoppage: Stoppage, job: Job, now: datetime) -> bool:
    """Whether a stoppage still lasts.

    OVERDUE and PUSHED_BACK are over when the job's mark has moved, even if the job is still late.
    """
    why = Why(stoppage.why)
    if why is not Why.GAPS and job.state != JobState.ACTIVE:
        return False
    match why:
        case Why.GAPS:
            instant = stoppage.stood_at
            return bool(account.gaps(job.pk, instant - MICROSECOND, instant, now, 1))
        case Why.NO_NEXT:
            return job.next_run_at is None
        case Why.OVERDUE:
            is_late = job.next_run_at is not None and job.next_run_at < now - REPORT_DELAY
            return is_late and job.mark_at == stoppage.stood_at
        case Why.MARK_AHEAD:
            return job.mark_at >= stoppage.stood_at > now
        case Why.PUSHED_BACK:
            return bool(job.mark_at == stoppage.stood_at)
        case _:
            assert_never(why)


def _repair(stoppage: Stoppage, job: Job, now: datetime) -> bool:
    """Recompute the job's clock from its schedule, and record due occurrences. Return whether the job was repaired.

    Only stoppages `no_next` and `mark_ahead` are safe to repair. A job that somebody has locked is not repaired. For
    `overdue`, the function only wakes the beats.
    """
    if stoppage.why == Why.OVERDUE:
        runs.wake_beat()
    if stoppage.why not in (Why.NO_NEXT, Why.MARK_AHEAD) or not queries.lock_job_if_free(job.pk):
        return False
    job.refresh_from_db()  # under the lock: a beat may have moved the clock meanwhile
    if job.known_schedule is None or not _is_so(stoppage, job, now):
        return False
    if stoppage.why == Why.MARK_AHEAD:
        job.mark_at = stoppage.stood_at - MICROSECOND
    has_ended = account.clock_state_of(job, now).n_left == 0
    job.next_run_at = None if has_ended else job.rules_at(versions.in_force(), now).next_at()
    if job.next_run_at is None:
        job.state = JobState.ENDED
    job.save(update_fields=["mark_at", "next_run_at", "state"])
    tick.settle(job.pk, now)
    runs.wake_beat()
    return True


def _report(stoppage: Stoppage, job: Job, now: datetime) -> bool:
    """Report a stoppage in the log and as an event of the job's latest run.

    A job without a run gets the event later: see `_note_on_first`. Return False if another pass has reported the
    stoppage.
    """
    # If two passes run at the same time, only one updates the row and reports the stoppage.
    if not Stoppage.objects.filter(pk=stoppage.pk, raised_at=None).update(raised_at=now):
        return False
    log.error(EVENT, action="watch", job=str(job.pk), name=job.name, why=stoppage.why)
    if history.append_event(job.pk, EVENT, now, reason=stoppage.why):
        Stoppage.objects.filter(pk=stoppage.pk).update(is_noted=True)
    return True


def _note_on_first(stoppage: Stoppage, raised_at: datetime) -> None:
    """Add the event of a stoppage to the job's first run, if the job had no run when the stoppage was reported.

    The watchdog opens no run for this event: the run would take the place of an occurrence that may still start.
    """
    if queries.lock_unnoted(stoppage.pk) and history.append_event(
        stoppage.job_id, EVENT, raised_at, reason=stoppage.why, on_first=True
    ):
        Stoppage.objects.filter(pk=stoppage.pk).update(is_noted=True)
