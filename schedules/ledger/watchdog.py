"""The watchdog: finds active jobs whose schedule has silently stopped, and reports each stoppage once.

The cost of one pass of the watchdog hardly depends on the number of jobs. Urgent stoppages are found with partial
indexes. The schedules of all active jobs are compared with the recorded occurrences in rounds: each pass continues the
round with the next jobs, at most `MAX_JOBS_PER_PASS`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from executions import history
from schedules import queries
from schedules.clock.compare import ClockState, Decision, Span, compare
from schedules.ledger import account, stoppages
from schedules.ledger.stoppages import REPORT_DELAY
from schedules.models import LOST_JOBS, BeatLease, Job, JobState, ScheduleSpan, WatchRound, Why
from schedules.zone_data import versions
from values.database import is_database_unavailable

if TYPE_CHECKING:
    from datetime import datetime

    from executions.history import Record

log = structlog.get_logger(__name__)

MAX_CLOCK_SKEW = timedelta(minutes=1)  # between the clocks of two machines; a mark further in the future is wrong
FIRST_WINDOW = timedelta(hours=1)  # the first round compares this much of the past
# A worker executes one pass a minute: these limits keep a pass short. A round may need many passes.
MAX_JOBS_PER_PASS = 2000
MAX_INSTANTS_PER_PASS = 20_000
MAX_INSTANTS_PER_JOB = 500
MAX_OVERDUE_PER_PASS = 200
MAX_JOBS_WITH_GAPS_PER_PASS = 100  # the ledger of each of these jobs is read again; later passes find other jobs


@dataclass(frozen=True, slots=True)
class Watched:
    """Counts of one pass of the watchdog. `n_compared`: jobs that step 3 of `watch_once` checked.

    For all other counts, see `stoppages.Reviewed`.
    """

    n_compared: int
    n_raised: int
    n_repaired: int
    n_over: int


@dataclass(frozen=True, slots=True)
class _Window:
    """What to compare with a job's rows: the `n_instants` instants of the job's current schedule in (after, until]."""

    span: Span
    clock: ClockState
    after: datetime
    until: datetime
    n_instants: int


def watch_once(now: datetime, limit: int) -> Watched:
    """Record suspected stoppages, then review open stoppages. Compares up to `limit` jobs with their rows.

    1. Find jobs that no beat will handle: active jobs without a next instant, although their schedule needs one.
    2. Find jobs that are overdue although a beat is alive. (The tick itself records jobs that it cannot process.)
    3. Continue a round of all active jobs: compare the schedules of the next jobs with their rows. Find marks that are
       in the future, and occurrences without a row.
    4. Review the open stoppages.
    """
    stoppages.suspect(Why.NO_NEXT, [(job.pk, job.mark_at) for job in Job.objects.filter(LOST_JOBS)[:limit]], now)
    if BeatLease.objects.filter(expires_at__gt=now).exists():
        overdue = Job.objects.filter(state=JobState.ACTIVE, next_run_at__lt=now - REPORT_DELAY).order_by(
            "next_run_at", "id"
        )
        stoppages.suspect(Why.OVERDUE, list(overdue.values_list("pk", "mark_at")[:MAX_OVERDUE_PER_PASS]), now)
    n_compared = _continue_round(now, limit)
    return Watched(n_compared, **asdict(stoppages.review(now)))


def prune_once(now: datetime, limit: int) -> int:
    """Delete up to `limit` spans and `limit` stoppages that ended before the history begins; return their number."""
    return queries.prune(account.kept_since(now), limit)


def _continue_round(now: datetime, limit: int) -> int:
    """Check the ledgers of the next jobs in the round, at most `limit` jobs. Return how many jobs were checked."""
    place, _ = WatchRound.objects.get_or_create(
        pk=1, defaults={"last_job_id": UUID(int=0), "began_at": now, "before_at": now - FIRST_WINDOW}
    )
    active = Job.objects.filter(state=JobState.ACTIVE, pk__gt=place.last_job_id).order_by("pk")
    jobs = list(
        active.only(
            "pk", "schedule", "state", "mark_at", "resumed_at", "n_scheduled", "created_at", "zone_data", "holds"
        )[:limit]
    )
    # The windows of two rounds overlap by `REPORT_DELAY`, because a beat may not have recorded the last instants yet.
    # `min`: the clock may have been set back.
    since = max(min(place.before_at, now) - REPORT_DELAY, account.kept_since(now))
    n_compared = _compare(jobs, since, now)
    if n_compared < len(jobs) or len(jobs) == limit:
        place.last_job_id = jobs[n_compared - 1].pk
    else:
        place.last_job_id, place.before_at, place.began_at = UUID(int=0), place.began_at, now
    place.save()
    return n_compared


def _compare(jobs: list[Job], since: datetime, now: datetime) -> int:
    """Record a stoppage of each job with a gap or with a mark in the future. Return how many jobs were checked.

    Gaps before `since` are ignored. A mark in the future is a stoppage only if an occurrence between `now` and the mark
    has no row. Fewer jobs than `jobs` are checked if the pass reaches one of its limits.
    """
    rows = {row.job_id: row for row in ScheduleSpan.objects.filter(job_id__in=[job.pk for job in jobs], until_at=None)}
    versions.load({job.zone_data for job in jobs} | {row.zone_data for row in rows.values()})
    windows: dict[UUID, _Window] = {}
    n_instants = n_jobs = 0
    for job in jobs:
        if n_instants >= MAX_INSTANTS_PER_PASS:
            break
        n_jobs += 1
        try:
            window = _window(job, rows.get(job.pk), since, now)
        except Exception as error:
            if is_database_unavailable(error):
                raise
            log.exception("job_not_watched", action="watch", job=str(job.pk))
            continue
        n_instants += window.n_instants
        if window.n_instants:
            windows[job.pk] = window
    n_suspected = 0
    # Read twice as many rows as instants: retries and backfills of an instant have their own rows.
    recorded = history.occurrence_rows_of_jobs(
        {job_id: (window.after, window.until) for job_id, window in windows.items()}, MAX_INSTANTS_PER_JOB * 2
    )
    for place, job in enumerate(jobs[:n_jobs], start=1):
        if n_suspected >= MAX_JOBS_WITH_GAPS_PER_PASS:
            return place - 1
        compared = windows.get(job.pk)
        if compared and (lost := _first_gap(job, compared, recorded[job.pk], now)):
            stoppages.suspect(Why.GAPS, [(job.pk, lost)], now)
            n_suspected += 1
        if job.mark_at > now + MAX_CLOCK_SKEW and (ahead := account.gaps(job.pk, now, job.mark_at, job.mark_at, 1)):
            stoppages.suspect(Why.MARK_AHEAD, [(job.pk, ahead[0])], now)
    return n_jobs


def _first_gap(job: Job, window: _Window, rows: list[Record], now: datetime) -> datetime | None:
    """Return the first occurrence in the window that has no row; None if every occurrence has a row."""
    found = compare([window.span], rows, window.clock, window.after, window.until)
    if all(entry.decision is not Decision.GAP for entry in found):
        return None
    # A folded row that began before the window may include this instant: the ledger also reads such rows.
    return next(iter(account.gaps(job.pk, window.after, window.until, now, 1)), None)


def _window(job: Job, row: ScheduleSpan | None, since: datetime, now: datetime) -> _Window:
    """Return the window in which to compare the job's occurrences with its rows.

    The window covers up to `MAX_INSTANTS_PER_JOB` instants of the job's current schedule, beginning after `since`. It
    never extends beyond the job's mark or `now`.
    """
    span = account.present_span(job, row, job.created_at)
    after = max(since, span.from_at)
    instants = list(islice(span.instants(after, min(job.mark_at, now)), MAX_INSTANTS_PER_JOB))
    return _Window(span, account.clock_state_of(job, now), after, instants[-1] if instants else after, len(instants))
