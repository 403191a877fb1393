"""The occurrence ledger of a job: compares the instants of the job's schedules with the job's runs. Changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q

from executions import history
from executions.history import Record
from schedules.clock.compare import ClockState, Decision, Span, compare
from schedules.clock.compare import Entry as ComparedEntry
from schedules.clock.effort import NO_LIMIT, Effort, SearchTooLong
from schedules.clock.spec import starts_left
from schedules.exceptions import JobGone
from schedules.models import Job, JobState, ScheduleSpan, Stoppage
from schedules.stored import read_schedule
from schedules.zone_data import versions
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from schedules.clock.rule_change import Clock
    from schedules.clock.spec import ScheduleSpec

# Spans whose instants are merged together. A program that changes a schedule each second creates thousands of spans.
MAX_SPANS_PER_QUERY = 500
DEFAULT_WINDOW = timedelta(hours=24)  # if the caller gives no start
MAX_STOPPAGES_SHOWN = 100  # in one window: a page or a response shows all of them
# For one page, as well as the steps of `Effort`: with more, a request would take seconds.
MAX_ENTRIES_READ = 20_000

Entry = ComparedEntry[Record]


@dataclass(frozen=True, slots=True)
class Account:
    """One page of a job's ledger, for the window (after, until].

    `counts`: number of occurrences in the whole window for each decision; None if the window has more than
    `MAX_ENTRIES_READ` entries, or if the search was stopped.
    `next_at`: the next page begins after this instant; None if this is the last page.
    `stopped_at`: entries later than this instant were not searched for, because the search would take too long.
    """

    after: datetime
    until: datetime
    clock: ClockState
    entries: list[Entry] = field(default_factory=list)
    counts: dict[Decision, int] | None = None
    next_at: datetime | None = None
    stopped_at: datetime | None = None


def explain(
    job_id: UUID,
    after: datetime,
    until: datetime,
    now: datetime,
    *,
    limit: int,
    only_gaps: bool = False,
    effort: Effort | None = None,
) -> Account:
    """Return one page: up to `limit` entries in (after, until]; with `only_gaps`, only gaps. Raises JobGone.

    `effort` bounds the search for the schedules' instants; None: the usual limit.
    """
    job, clock = _find(job_id, now)
    counts: Counter[Decision] = Counter()
    page: list[Entry] = []
    next_at: datetime | None = None
    last_at = after
    try:
        found = _entries(job_id, job, clock, after, until, effort or Effort())
        for n_seen, entry in enumerate(found, start=1):
            if n_seen > MAX_ENTRIES_READ:
                return Account(after, until, clock, page, None, next_at or last_at)
            counts[entry.decision] += entry.n_occurrences
            last_at = entry.last_at
            if only_gaps and entry.decision is not Decision.GAP:
                continue
            if len(page) < limit:
                page.append(entry)
            else:
                next_at = next_at or page[-1].last_at
    except SearchTooLong:
        # If there is no entry, the next page would begin where this one begins, and would stop there too.
        return Account(after, until, clock, page, None, next_at or (last_at if counts else None), last_at)
    return Account(after, until, clock, page, dict(counts), next_at)


def entries(
    job_id: UUID, after: datetime, until: datetime, now: datetime, effort: Effort = NO_LIMIT
) -> Iterator[Entry]:
    """Yield every entry of the job's ledger in (after, until], oldest first.

    Raises JobGone, and SearchTooLong if `effort` is used up.
    """
    return _entries(job_id, *_find(job_id, now), after, until, effort)


def gaps(job_id: UUID, after: datetime, until: datetime, now: datetime, limit: int) -> list[datetime]:
    """Return up to `limit` gaps in (after, until], oldest first. Occurrences that were backfilled are no gaps.

    To get more gaps, call again with `after` set to the last gap. Raises JobGone.
    """
    found = (entry.at for entry in entries(job_id, after, until, now) if entry.decision is Decision.GAP)
    return list(islice(found, limit))


def stoppages_in(job_id: UUID, after: datetime, until: datetime) -> list[Stoppage]:
    """Return the job's reported stoppages that are open or were reported in (after, until]: up to 100, oldest first."""
    reported = Stoppage.objects.filter(job_id=job_id, raised_at__isnull=False)
    return list(reported.filter(Q(over_at=None) | Q(raised_at__gt=after, raised_at__lte=until))[:MAX_STOPPAGES_SHOWN])


def clock_state_of(job: Job, now: datetime) -> ClockState:
    """Return the state of the job's clock."""
    return ClockState(
        now=now,
        mark_at=job.mark_at,
        kept_since=kept_since(now),
        is_paused=job.state == JobState.PAUSED,
        resumed_at=job.resumed_at,
        n_left=_n_left(job),
    )


def kept_since(now: datetime) -> datetime:
    """Return the start of the history. Rows of earlier occurrences may have been pruned."""
    return now - settings.MAINSPRING.retention


def read_spec(schedule: object, clock: Clock) -> ScheduleSpec | None:
    """Read a schedule that a job has or had, for calculation by the rules of `clock`.

    None if this version of Mainspring cannot read the schedule. Call `versions.load` with the clock's version first.
    """
    spec = value_or_none(read_schedule(json.dumps(schedule)))
    return spec and clock.applied_to(spec)


def present_span(job: Job, row: ScheduleSpan | None, since: datetime) -> Span:
    """Return the span of the job's current schedule, read from `row`. If `row` is None, the span begins at `since`."""
    from_at, spec = (
        (row.from_at, read_spec(row.schedule, row.clock)) if row else (since, read_spec(job.schedule, job.clock))
    )
    has_ended = _n_left(job) == 0
    # A schedule that has reached `max_runs` names no instant after its last row (after its mark if that was pruned).
    limit_at = (history.last_scheduled_at(job.pk, from_at) or job.mark_at) if has_ended else None
    return Span(spec, from_at, None, limit_at)


def spans_of(
    job_id: UUID, job: Job | None, after: datetime, until: datetime
) -> Iterator[tuple[list[Span], datetime, datetime]]:
    """Yield the job's spans in (after, until], in parts of up to `MAX_SPANS_PER_QUERY` spans.

    Each part is a tuple of its spans, its start (excluded) and its end (included). `job` None: the job was deleted, and
    only its past spans are left.
    """
    while after < until:
        found = ScheduleSpan.objects.filter(job_id=job_id, until_at__gt=after, from_at__lt=until)
        rows = list(found[:MAX_SPANS_PER_QUERY])
        versions.load({row.zone_data for row in rows})
        spans = [Span(read_spec(row.schedule, row.clock), row.from_at, row.until_at) for row in rows]
        upto = until
        if len(spans) == MAX_SPANS_PER_QUERY:
            upto = min(until, spans[-1].until_at or until)
        elif job is not None:
            spans += _present(job, spans)
        yield spans, after, upto
        after = upto


def _find(job_id: UUID, now: datetime) -> tuple[Job | None, ClockState]:
    """Return the job (None if it was deleted but has spans) and the state of its clock. Raises JobGone."""
    job = Job.objects.filter(pk=job_id).first()
    if job is not None:
        return job, clock_state_of(job, now)
    if not ScheduleSpan.objects.filter(job_id=job_id).exists():
        raise JobGone
    return None, ClockState(now=now, mark_at=now, kept_since=kept_since(now))


def _entries(
    job_id: UUID, job: Job | None, clock: ClockState, after: datetime, until: datetime, effort: Effort
) -> Iterator[Entry]:
    # Read the job before the rows: an occurrence that a beat records in between is then not reported as a gap.
    for spans, since, upto in spans_of(job_id, job, after, until):
        yield from compare(spans, history.occurrence_rows(job_id, since, upto), clock, since, upto, effort)


def _present(job: Job, earlier: list[Span]) -> list[Span]:
    """Return the current span of a job.

    Without a span row, the span begins at the end of the last earlier span, or at the creation of the job. If the next
    tick will change the job to another version of the time zone data, return two spans: up to the mark, and the rest.
    """
    row = ScheduleSpan.objects.filter(job_id=job.pk, until_at=None).first()
    in_force = versions.in_force()
    versions.load({job.zone_data, row.zone_data if row else None})
    span = present_span(job, row, max([job.created_at, *(span.until_at for span in earlier if span.until_at)]))
    if span.limit_at or job.known_schedule is None:
        return [span]
    rules = job.rules_at(in_force, job.mark_at)
    if rules.changed is None:
        return [span]
    return [replace(span, until_at=job.mark_at), Span(rules.spec, rules.from_at)]


def _n_left(job: Job) -> int | None:
    """Return how many more starts `max_runs` allows; None if there is no limit or the schedule is unreadable."""
    spec = job.known_schedule
    return None if spec is None else starts_left(spec, job.n_scheduled)
