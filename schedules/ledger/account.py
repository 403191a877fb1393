"""The occurrence ledger of a job: what its schedules named against what was recorded, for any window. Only reads."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q

from executions.history import by_job
from schedules.clock.compare import Decision, Entry, Progress, Span, compare
from schedules.exceptions import JobGone
from schedules.models import Job, JobState, ScheduleSpan, Stoppage
from schedules.stored import read_schedule
from values.readable import known

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from schedules.clock.spec import ScheduleSpec

SPANS_AT_ONCE = 500  # whose instants are merged; a program may change a schedule each second
MOST_INCIDENTS = 100
MOST_COUNTED = 20_000  # entries that are looked through for one answer


@dataclass(frozen=True, slots=True)
class Account:
    """One page of a job's ledger.

    `counts`: occurrences of the whole window by decision, None if it holds more than `MOST_COUNTED` entries.
    `next_at`: the page went up to this instant, and others follow; None: it is the last one.
    """

    after: datetime
    until: datetime
    progress: Progress
    entries: list[Entry] = field(default_factory=list)
    counts: dict[Decision, int] | None = None
    next_at: datetime | None = None


def explain(
    job_id: UUID, after: datetime, until: datetime, now: datetime, *, limit: int, only_gaps: bool = False
) -> Account:
    """A page of up to `limit` entries of (after, until]; with `only_gaps`, of those that are gaps. Raises JobGone."""
    job, progress = _find(job_id, now)
    counts: Counter[Decision] = Counter()
    page: list[Entry] = []
    next_at: datetime | None = None
    last_at = after
    for n_seen, entry in enumerate(_entries(job_id, job, progress, after, until), start=1):
        if n_seen > MOST_COUNTED:
            return Account(after, until, progress, page, None, next_at or last_at)
        counts[entry.decision] += entry.n_occurrences
        last_at = entry.last_at
        if only_gaps and entry.decision is not Decision.GAP:
            continue
        if len(page) < limit:
            page.append(entry)
        else:
            next_at = next_at or page[-1].last_at
    return Account(after, until, progress, page, dict(counts), next_at)


def entries(job_id: UUID, after: datetime, until: datetime, now: datetime) -> Iterator[Entry]:
    """Every entry of (after, until], lazily: for who reads them all. Raises JobGone."""
    return _entries(job_id, *_find(job_id, now), after, until)


def gaps(job_id: UUID, after: datetime, until: datetime, now: datetime, limit: int) -> list[datetime]:
    """Up to `limit` occurrences of (after, until] that have no row and were not made good, oldest first.

    To go on, ask again after the last one. Raises JobGone.
    """
    found = (entry.at for entry in entries(job_id, after, until, now) if entry.decision is Decision.GAP)
    return list(islice(found, limit))


def incidents(job_id: UUID, after: datetime, until: datetime) -> list[Stoppage]:
    """What the watchdog has told of a job: what is not over, and what fell into (after, until]; up to 100, oldest first."""
    told = Stoppage.objects.filter(job_id=job_id, raised_at__isnull=False)
    return list(told.filter(Q(over_at=None) | Q(raised_at__gt=after, raised_at__lte=until))[:MOST_INCIDENTS])


def progress_of(job: Job, now: datetime) -> Progress:
    """Where the clock stands with a job that exists."""
    return Progress(
        now=now,
        mark_at=job.mark_at,
        kept_since=kept_since(now),
        is_paused=job.state == JobState.PAUSED,
        resumed_at=job.resumed_at,
        n_left=_n_left(job),
    )


def kept_since(now: datetime) -> datetime:
    """Since when the history is whole: the row of what was due before may have been pruned."""
    return now - settings.MAINSPRING.retention


def spec_of(schedule: object) -> ScheduleSpec | None:
    """A schedule that a job has or had, None if it cannot be read."""
    return known(read_schedule(json.dumps(schedule)))


def present_span(job: Job, row: ScheduleSpan | None, since: datetime) -> Span:
    """The schedule that a job has, with its row; `since`: from when it counts if that is missing."""
    from_at, schedule = (row.from_at, row.schedule) if row else (since, job.schedule)
    has_ended = _n_left(job) == 0
    # Without a row, as they have been pruned: where the clock stood still.
    limit_at = (by_job.last_of_schedule(job.pk, from_at) or job.mark_at) if has_ended else None
    return Span(spec_of(schedule), from_at, None, limit_at)


def spans_of(
    job_id: UUID, job: Job | None, after: datetime, until: datetime
) -> Iterator[tuple[list[Span], datetime, datetime]]:
    """The schedules that a job had in (after, until], each part of that time with its own; `job` None: it was deleted."""
    while after < until:
        rows = ScheduleSpan.objects.filter(job_id=job_id, until_at__gt=after, from_at__lt=until)
        spans = [Span(spec_of(row.schedule), row.from_at, row.until_at) for row in rows[:SPANS_AT_ONCE]]
        upto = until
        if len(spans) == SPANS_AT_ONCE:
            upto = min(until, spans[-1].until_at or until)
        elif job is not None:
            spans.append(_present(job, spans))
        yield spans, after, upto
        after = upto


def _find(job_id: UUID, now: datetime) -> tuple[Job | None, Progress]:
    """The job; None for a deleted one of which spans are kept."""
    job = Job.objects.filter(pk=job_id).first()
    if job is not None:
        return job, progress_of(job, now)
    if not ScheduleSpan.objects.filter(job_id=job_id).exists():
        raise JobGone
    return None, Progress(now=now, mark_at=now, kept_since=kept_since(now))


def _entries(job_id: UUID, job: Job | None, progress: Progress, after: datetime, until: datetime) -> Iterator[Entry]:
    """The job was read first, and rows come last: what a beat records in between is never taken for a gap."""
    for spans, since, upto in spans_of(job_id, job, after, until):
        yield from compare(spans, by_job.recorded(job_id, since, upto), progress, since, upto)


def _present(job: Job, earlier: list[Span]) -> Span:
    row = ScheduleSpan.objects.filter(job_id=job.pk, until_at=None).first()
    return present_span(job, row, max([job.created_at, *(span.until_at for span in earlier if span.until_at)]))


def _n_left(job: Job) -> int | None:
    spec = known(job.readable_schedule)
    return None if spec is None or spec.max_runs is None else max(spec.max_runs - job.n_scheduled, 0)
