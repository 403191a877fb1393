"""Which instants a job's schedules named in a range of the past: the one question that backfills ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.clock.compare import Span, instants_of_spans
from schedules.ledger.account import spans_of, spec_of
from schedules.models import ScheduleSpan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from schedules.models import Job


def expected_instants(job: Job, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants in (after, until] that the ledger knows too, in order and lazily, each by the schedule of that time.

    What lies before the first schedule that is known goes by that one: a new job's past can be carried out too.
    """
    from_at, schedule = _first_known(job)
    if after < from_at:
        yield from Span(spec_of(schedule), after).instants(after, min(until, from_at))
    for spans, since, upto in spans_of(job.pk, job, after, until):
        yield from instants_of_spans(spans, since, upto)


def known_from(job: Job) -> datetime:
    """Since when it is known which instants the job had: before that it may not have been there."""
    return _first_known(job)[0]


def is_predictable(job: Job) -> bool:
    """Whether the schedule says beforehand which instants it names."""
    return Span(job.schedule_spec, job.mark_at).is_predictable


def _first_known(job: Job) -> tuple[datetime, object]:
    first = ScheduleSpan.objects.filter(job_id=job.pk).order_by("from_at", "id").first()
    return (first.from_at, first.schedule) if first else (job.created_at, job.schedule)
