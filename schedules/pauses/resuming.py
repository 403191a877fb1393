"""How pauses end, by hand or by themselves, and what starts then of the occurrences that fell into them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from executions import runs
from executions.policies import Overlap
from schedules.clock.delay import due_instants, next_due
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.policies.resumption import (
    DEFAULT_MAX_STARTS,
    MAX_COUNTED,
    Resumption,
    count_occurrences,
    starting_range,
)
from schedules.clock.spec import Kind
from schedules.exceptions import JobConflict
from schedules.models import Job, JobState
from schedules.pauses import queries
from schedules.tick import PUSH_BACK_DELAY
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from schedules.clock.policies.resumption import FindOccurrences


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ResumePreview:
    """What the end of a job's pause would lead to. `n_occurrences` fell into it, if more than so many that many and one.

    `first_at` and `last_at` bound the `n_would_start`; None: none would.
    """

    n_occurrences: int
    n_would_start: int
    first_at: datetime | None
    last_at: datetime | None

    @property
    def is_more(self) -> bool:
        """Whether they were not counted to the end."""
        return self.n_occurrences > MAX_COUNTED


def refuse_unless_paused(job: Job) -> None:
    """Raise JobConflict for a job that is not paused."""
    if job.state != JobState.PAUSED:
        raise JobConflict(f"The job is {job.state}, not paused.")


def preview(
    job: Job, now: datetime, catch_up: Resumption, max_runs: int = DEFAULT_MAX_STARTS, *, count_limit: int = MAX_COUNTED
) -> ResumePreview:
    """Say what `resume` would start just now, and change nothing. Raises JobConflict for a job that is not paused, and CannotRead."""
    refuse_unless_paused(job)
    named, until = _named(job), _ends_at(job, now)
    n_occurrences = count_occurrences(named, job.mark_at, until, count_limit)
    bounds, left = starting_range(named, job.mark_at, until, catch_up, max_runs), _n_left(job)
    if bounds is None or left == 0:
        return ResumePreview(n_occurrences, 0, None, None)
    first_at, last_at = bounds
    n_would_start = 1 + count_occurrences(named, first_at, last_at, max_runs)
    if left is not None and left < n_would_start:
        n_would_start, last_at = left, _nth_after(named, first_at, last_at, left)
    return ResumePreview(n_occurrences, n_would_start, first_at, last_at)


def end(
    jobs: Sequence[Job], now: datetime, *, actor: str, catch_up: Resumption, max_runs: int = DEFAULT_MAX_STARTS
) -> None:
    """End the pauses of these jobs, which the caller has locked and found paused."""
    _end([(job, _end_of(job, now, catch_up, max_runs)) for job in jobs], now, actor)


def end_expired(now: datetime, limit: int) -> int:
    """Resume up to `limit` jobs whose pause was to last until now, as it said; returns how many there were."""
    with transaction.atomic():
        ids = queries.lock_expired_pauses(now, limit)
        broken = end_each(Job.objects.select_related("spec").filter(pk__in=ids), now, actor="")
        Job.objects.filter(pk__in=broken).update(paused_until_at=now + PUSH_BACK_DELAY)
        return len(ids)


def end_each(
    jobs: Iterable[Job],
    now: datetime,
    *,
    actor: str,
    catch_up: Resumption | None = None,
    max_runs: int = DEFAULT_MAX_STARTS,
) -> list[UUID]:
    """The same for jobs of which one that cannot go on keeps no other waiting; returns those.

    `catch_up` None: as each pause says.
    """
    ends, broken = [], []
    for job in jobs:
        try:
            ends.append((job, _end_of(job, now, catch_up or Resumption(job.pause_catch_up), max_runs)))
        except Exception:
            log.exception("pause_not_ended", action="resume", job=str(job.pk), name=job.name)
            broken.append(job.pk)
    _end(ends, now, actor)
    return broken


def _end_of(job: Job, now: datetime, catch_up: Resumption, max_runs: int) -> queries.PauseEnd:
    spec, until, next_run_at, waits = job.schedule_spec, _ends_at(job, now), job.next_run_at, False
    if spec.kind is not Kind.DELAY:
        next_run_at = next_after(spec, job.mark_at)
    elif next_run_at is None:
        waits = runs.has_live_scheduled_run(job.pk)
        next_run_at = None if waits else next_due(spec, now)
    is_over = next_run_at is None and spec.kind is not Kind.NONE and not waits
    state = JobState.ENDED if is_over else JobState.ACTIVE
    first_at, last_at = starting_range(_named(job), job.mark_at, until, catch_up, max_runs) or (None, None)
    return queries.PauseEnd(job.pk, state.value, next_run_at, until, first_at, last_at)


def _end(ends: Sequence[tuple[Job, queries.PauseEnd]], now: datetime, actor: str) -> None:
    for job, how in ends:
        policies = value_or_none(job.readable_policies)
        if how.catch_up_from_at and (policies is None or policies.overlap is not Overlap.ALLOW):
            runs.enable_followups([job.pk])  # what starts of the pause waits for each other
    queries.end_pauses([how for _, how in ends], now)
    runs.wake_beat()
    for job, _ in ends:
        log.info("job_resumed", action="resume", job=str(job.pk), actor=actor)


def _ends_at(job: Job, now: datetime) -> datetime:
    """What is due after the end that a pause was given is no part of it, however late that is noticed."""
    return min(now, job.paused_until_at) if job.paused_until_at else now


def _named(job: Job) -> FindOccurrences:
    spec = job.schedule_spec
    if spec.kind is Kind.DELAY:
        return lambda after, until: due_instants(spec, after, job.next_run_at, until)
    return partial(occurrences, spec)


def _n_left(job: Job) -> int | None:
    max_runs = job.schedule_spec.max_runs
    return None if max_runs is None else max(max_runs - job.n_scheduled, 0)


def _nth_after(named: FindOccurrences, first_at: datetime, last_at: datetime, n: int) -> datetime:
    """The n-th of those from `first_at`, itself the first, to `last_at`."""
    return next(islice(named(first_at, last_at), n - 2, None)) if n > 1 else first_at
