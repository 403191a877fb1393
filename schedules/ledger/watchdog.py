"""The watchdog: compares what is expected of active jobs with what is recorded, and tells of schedules that have stopped.

One pass costs about the same for any number of jobs: what cannot wait is found by partial indexes, and the ledgers are
gone through in a round, some jobs a pass. Each incident is told once.
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
from schedules.ledger.stoppages import GRACE
from schedules.models import LOST, BeatLease, Job, JobState, ScheduleSpan, WatchRound, Why

if TYPE_CHECKING:
    from datetime import datetime

    from executions.history import Record

log = structlog.get_logger(__name__)

CLOCKS_DIFFER = timedelta(minutes=1)  # by no more than this, between machines
FIRST_LOOK = timedelta(hours=1)  # how far back the first round looks
MAX_JOBS_PER_PASS = 2000
INSTANTS_A_PASS, INSTANTS_A_JOB = 20_000, 500
OVERDUE_A_PASS = 200
GAPS_A_PASS = 100  # jobs: where much is broken at once, the next passes tell the rest


@dataclass(frozen=True, slots=True)
class Watched:
    """Counts of one pass. `n_looked_at`: jobs whose ledger was compared; the others as in `stoppages.Reviewed`."""

    n_looked_at: int
    n_raised: int
    n_mended: int
    n_over: int


@dataclass(frozen=True, slots=True)
class _Look:
    """What is compared of one job: its present schedule in (`after`, `until`]."""

    span: Span
    clock: ClockState
    after: datetime
    until: datetime
    n_instants: int


def watch_once(now: datetime, limit: int) -> Watched:
    """Suspect, then review what is suspected: tell it, mend it, or close it. Up to `limit` ledgers are compared.

    1. Jobs that no beat will come to: they have no next instant.
    2. Jobs that are overdue though beats are alive. (Those that were pushed back are suspected already, by the tick.)
    3. The next part of the round: marks that lie ahead of the clock, and occurrences without a record.
    4. Every open incident: is it so still?
    """
    stoppages.suspect(Why.NO_NEXT, [(job.pk, job.mark_at) for job in Job.objects.filter(LOST)[:limit]], now)
    if BeatLease.objects.filter(expires_at__gt=now).exists():
        overdue = Job.objects.filter(state=JobState.ACTIVE, next_run_at__lt=now - GRACE).order_by("next_run_at", "id")
        stoppages.suspect(Why.OVERDUE, list(overdue.values_list("pk", "mark_at")[:OVERDUE_A_PASS]), now)
    n_looked_at = _go_round(now, limit)
    return Watched(n_looked_at, **asdict(stoppages.review(now)))


def prune_once(now: datetime, limit: int) -> int:
    """Delete up to `limit` spans and stoppages that were over before the history begins."""
    return queries.prune(account.kept_since(now), limit)


def _go_round(now: datetime, limit: int) -> int:
    """Compare the ledgers of the next jobs, each since the round before came to it."""
    place, _ = WatchRound.objects.get_or_create(
        pk=1, defaults={"last_job_id": UUID(int=0), "began_at": now, "before_at": now - FIRST_LOOK}
    )
    active = Job.objects.filter(state=JobState.ACTIVE, pk__gt=place.last_job_id).order_by("pk")
    jobs = list(active.only("pk", "schedule", "state", "mark_at", "resumed_at", "n_scheduled", "created_at")[:limit])
    looked_at = _compare(jobs, max(min(place.before_at, now) - GRACE, account.kept_since(now)), now)
    if looked_at < len(jobs) or len(jobs) == limit:
        place.last_job_id = jobs[looked_at - 1].pk
    else:
        place.last_job_id, place.before_at, place.began_at = UUID(int=0), place.began_at, now
    place.save()
    return looked_at


def _compare(jobs: list[Job], since: datetime, now: datetime) -> int:
    """Suspect those of the jobs whose ledger is not right; returns how many of them there was time for."""
    rows = {row.job_id: row for row in ScheduleSpan.objects.filter(job_id__in=[job.pk for job in jobs], until_at=None)}
    looks: dict[UUID, _Look] = {}
    n_instants = n_jobs = 0
    for job in jobs:
        if n_instants >= INSTANTS_A_PASS:
            break
        n_jobs += 1
        try:
            look = _look(job, rows.get(job.pk), since, now)
        except Exception:
            log.exception("job_not_watched", action="watch", job=str(job.pk))
            continue
        n_instants += look.n_instants
        if look.n_instants:
            looks[job.pk] = look
    n_suspected = 0
    recorded = history.occurrence_rows_of_jobs(
        {job_id: (look.after, look.until) for job_id, look in looks.items()}, INSTANTS_A_JOB * 2
    )
    for place, job in enumerate(jobs[:n_jobs], start=1):
        if n_suspected >= GAPS_A_PASS:
            return place - 1
        compared = looks.get(job.pk)
        if compared and (lost := _first_gap(job, compared, recorded[job.pk], now)):
            stoppages.suspect(Why.GAPS, [(job.pk, lost)], now)
            n_suspected += 1
        if job.mark_at > now + CLOCKS_DIFFER and (ahead := account.gaps(job.pk, now, job.mark_at, job.mark_at, 1)):
            stoppages.suspect(Why.MARK_AHEAD, [(job.pk, ahead[0])], now)
    return n_jobs


def _first_gap(job: Job, look: _Look, rows: list[Record], now: datetime) -> datetime | None:
    found = compare([look.span], rows, look.clock, look.after, look.until)
    if all(entry.decision is not Decision.GAP for entry in found):
        return None
    # A folded row that began earlier may account for it: the whole ledger is asked.
    return next(iter(account.gaps(job.pk, look.after, look.until, now, 1)), None)


def _look(job: Job, row: ScheduleSpan | None, since: datetime, now: datetime) -> _Look:
    span = account.present_span(job, row, job.created_at)
    after = max(since, span.from_at)
    instants = list(islice(span.instants(after, min(job.mark_at, now)), INSTANTS_A_JOB))
    return _Look(span, account.clock_state_of(job, now), after, instants[-1] if instants else after, len(instants))
