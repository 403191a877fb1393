"""Schedules that seem to have stopped: suspected, reviewed, mended where that is safe, told once, and closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import F

from executions import runs
from executions.database import DATABASE_AWAY
from executions.history import by_job
from schedules import queries, tick
from schedules.clock.occurrences import next_after
from schedules.ledger import account
from schedules.models import Job, JobState, Stoppage, Why
from values.readable import known

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

EVENT = "schedule_stopped"
GRACE = timedelta(minutes=2)  # for beats to do themselves what is overdue or was pushed back
OPEN_A_PASS = 500
AT_ONCE = frozenset({Why.NO_NEXT, Why.MARK_AHEAD, Why.GAPS})  # no beat will mend these by itself


@dataclass(slots=True)
class Reviewed:
    """Counts of one review: incidents that were told, mended, and found to be over."""

    n_raised: int = 0
    n_mended: int = 0
    n_over: int = 0


def suspect(why: Why, found: Iterable[tuple[UUID, datetime]], now: datetime) -> None:
    """Note jobs, each with where its mark stood or its first occurrence without a record."""
    Stoppage.objects.bulk_create(
        [Stoppage(job_id=job_id, why=why, found_at=now, stood_at=stood_at) for job_id, stood_at in found],
        ignore_conflicts=True,  # it is known already
    )


def review(now: datetime) -> Reviewed:
    """Look at every open incident again, those that were not told yet first: tell it, mend it, or close it."""
    reviewed = Reviewed()
    stoppages = Stoppage.objects.filter(over_at=None).order_by(F("raised_at").asc(nulls_first=True), "found_at", "id")
    open_ones = list(stoppages[:OPEN_A_PASS])
    jobs = Job.objects.in_bulk([stoppage.job_id for stoppage in open_ones])
    for stoppage in open_ones:
        try:
            with transaction.atomic():
                _judge(stoppage, jobs.get(stoppage.job_id), now, reviewed)
        except DATABASE_AWAY:
            raise
        except Exception:
            log.exception("job_not_watched", action="watch", job=str(stoppage.job_id))
    return reviewed


def _judge(stoppage: Stoppage, job: Job | None, now: datetime, reviewed: Reviewed) -> None:
    if stoppage.raised_at and not stoppage.is_noted:
        _note_on_first(stoppage, stoppage.raised_at)
    if job is None or not _is_so(stoppage, job, now):
        reviewed.n_over += Stoppage.objects.filter(pk=stoppage.pk, over_at=None).update(over_at=now)
        return
    if _mend(stoppage, job, now):
        reviewed.n_mended += 1
        Stoppage.objects.filter(pk=stoppage.pk).update(over_at=now)
    # One whose schedule turns out to name nothing more has ended, which is no news.
    if job.state == JobState.ACTIVE or stoppage.why == Why.GAPS:
        is_ripe = stoppage.why in AT_ONCE or stoppage.found_at <= now - GRACE
        if is_ripe and stoppage.raised_at is None:
            reviewed.n_raised += _tell(stoppage, job, now)


def _is_so(stoppage: Stoppage, job: Job, now: datetime) -> bool:
    """Whether a suspicion holds. A job whose mark has moved is being processed, however far behind it is."""
    if stoppage.why == Why.GAPS:
        instant = stoppage.stood_at
        return bool(account.gaps(job.pk, instant - runs.MICROSECOND, instant, now, 1))
    if job.state != JobState.ACTIVE:
        return False
    match stoppage.why:
        case Why.NO_NEXT:
            return job.next_run_at is None
        case Why.OVERDUE:
            is_late = job.next_run_at is not None and job.next_run_at < now - GRACE
            return is_late and job.mark_at == stoppage.stood_at
        case Why.MARK_AHEAD:
            return job.mark_at >= stoppage.stood_at > now
        case _:
            return bool(job.mark_at == stoppage.stood_at)


def _mend(stoppage: Stoppage, job: Job, now: datetime) -> bool:
    """Mend what is safely mended: the clock's own fields, which follow from the schedule. What is due is then settled."""
    if stoppage.why == Why.OVERDUE:
        runs.wake_beat()
    if stoppage.why not in (Why.NO_NEXT, Why.MARK_AHEAD) or not queries.lock_job_if_free(job.pk):
        return False
    job.refresh_from_db()
    spec = known(job.readable_schedule)
    if spec is None or not _is_so(stoppage, job, now):
        return False
    if stoppage.why == Why.MARK_AHEAD:
        job.mark_at = stoppage.stood_at - runs.MICROSECOND
    job.next_run_at = None if account.progress_of(job, now).n_left == 0 else next_after(spec, job.mark_at)
    if job.next_run_at is None:
        job.state = JobState.ENDED
    job.save(update_fields=["mark_at", "next_run_at", "state"])
    tick.settle(job.pk, now)
    runs.wake_beat()
    return True


def _tell(stoppage: Stoppage, job: Job, now: datetime) -> bool:
    """Tell of an incident, once: in the log, and by an event of the job's latest run. False: another pass has."""
    if not Stoppage.objects.filter(pk=stoppage.pk, raised_at=None).update(raised_at=now):
        return False
    log.error(EVENT, action="watch", job=str(job.pk), name=job.name, why=stoppage.why)
    if by_job.note(job.pk, EVENT, now, reason=stoppage.why):
        Stoppage.objects.filter(pk=stoppage.pk).update(is_noted=True)
    return True


def _note_on_first(stoppage: Stoppage, told_at: datetime) -> None:
    """Tell of an incident by the first run of a job that had none as it was told.

    A row of the watchdog's own would take the place of an occurrence that may still start.
    """
    if queries.lock_unnoted(stoppage.pk) and by_job.note(
        stoppage.job_id, EVENT, told_at, reason=stoppage.why, on_first=True
    ):
        Stoppage.objects.filter(pk=stoppage.pk).update(is_noted=True)
