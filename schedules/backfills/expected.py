"""Finds the instants that a job's schedules named in a past range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.clock.compare import Span, instants_of_spans
from schedules.clock.effort import NO_LIMIT, Effort
from schedules.clock.rule_change import Clock
from schedules.ledger.account import read_spec, spans_of
from schedules.models import ScheduleSpan
from schedules.zone_data import versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from schedules.models import Job


def expected_instants(job: Job, after: datetime, until: datetime, effort: Effort = NO_LIMIT) -> Iterator[datetime]:
    """Yield the instants in (after, until] that the job's schedules named, in ascending order.

    The first known schedule also supplies the instants before it took effect, so that a new job can be backfilled.
    Delay schedules and unreadable schedules yield no instants. Raises SearchTooLong if `effort` is used up.
    """
    from_at, schedule, clock = _first_known(job)
    if after < from_at:
        versions.load([clock.version])
        yield from Span(read_spec(schedule, Clock(clock.version)), after).instants(after, min(until, from_at), effort)
    for spans, since, upto in spans_of(job.pk, job, after, until):
        yield from instants_of_spans(spans, since, upto, effort)


def known_from(job: Job) -> datetime:
    """Return when the job's first known schedule took effect. Perhaps the job did not exist before that instant."""
    return _first_known(job)[0]


def is_predictable(job: Job) -> bool:
    """Whether the job's instants can be computed in advance: False for a delay schedule, and without a schedule.

    Raises CannotRead if the schedule is unreadable.
    """
    return Span(job.schedule_spec, job.mark_at).is_predictable


def _first_known(job: Job) -> tuple[datetime, object, Clock]:
    """Return the start of the job's first known schedule, the schedule, and the rules by which it is computed."""
    first = ScheduleSpan.objects.filter(job_id=job.pk).order_by("from_at", "id").first()
    return (first.from_at, first.schedule, first.clock) if first else (job.created_at, job.schedule, job.clock)
