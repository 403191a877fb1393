"""Which instants a job's schedules named in a range of the past: the one question that backfills ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.clock.compare import Span
from schedules.ledger import spec_of
from schedules.models import ScheduleSpan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from schedules.models import Job


def expected_instants(job: Job, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants in (after, until], in order and lazily, each by the schedule that the job had then.

    What lies before the first schedule that is known goes by that one: a new job's past can be carried out too.
    """
    first = ScheduleSpan.objects.filter(job_id=job.pk).order_by("from_at", "id").first()
    if first is None:
        yield from Span(job.schedule_spec, after).instants(after, until)
        return
    if after < first.from_at:
        earlier = Span(spec_of(first.schedule), after)
        yield from earlier.instants(after, min(until, first.from_at))
    for row in ScheduleSpan.objects.filter(job_id=job.pk, from_at__lt=until).order_by("from_at", "id").iterator():
        span = Span(spec_of(row.schedule), row.from_at, row.until_at)
        if span.until_at is None or span.until_at > after:
            yield from span.instants(after, until)


def is_foreseen(job: Job) -> bool:
    """Whether the schedule says beforehand which instants it names."""
    return Span(job.schedule_spec, job.mark_at).is_foreseen
