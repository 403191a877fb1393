"""Ends pauses, on request or when they expire. Chooses which occurrences during a pause are started."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from executions import runs
from executions.policies import Overlap
from schedules.clock.due import next_due
from schedules.clock.policies.resumption import (
    DEFAULT_MAX_STARTS,
    MAX_COUNTED,
    Resumption,
    count_occurrences,
    starting_range,
)
from schedules.clock.spec import Kind, starts_left
from schedules.exceptions import JobConflict
from schedules.models import Job, JobState
from schedules.pauses import queries
from schedules.zone_data import versions
from values.database import PUSH_BACK_DELAY
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from uuid import UUID

    from schedules.clock.policies.resumption import FindOccurrences
    from schedules.clock.rule_change import Rules


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ResumePreview:
    """A preview of resuming a job.

    `n_occurrences`: number of occurrences during the pause, counted up to a limit. `n_would_start`: number of
    occurrences that would start. `first_at`, `last_at`: the first and the last occurrence that would start, or None.
    """

    n_occurrences: int
    n_would_start: int
    first_at: datetime | None
    last_at: datetime | None

    @property
    def is_more(self) -> bool:
        """Whether there are more than `MAX_COUNTED` occurrences during the pause."""
        return self.n_occurrences > MAX_COUNTED


def refuse_unless_paused(job: Job) -> None:
    """Raise JobConflict if the job is not paused."""
    if job.state != JobState.PAUSED:
        raise JobConflict(f"The job is {job.state}, not paused.")


def preview(
    job: Job, now: datetime, catch_up: Resumption, max_runs: int = DEFAULT_MAX_STARTS, *, count_limit: int = MAX_COUNTED
) -> ResumePreview:
    """Return a preview of resuming the job at `now`. Nothing is changed.

    `n_occurrences` is counted up to `count_limit` + 1. Raises JobConflict if the job is not paused; CannotRead if its
    schedule is unreadable.
    """
    refuse_unless_paused(job)
    rules, until = job.rules_at(None, now), _pause_end(job, now)
    find = _finder(job, rules)
    n_occurrences = count_occurrences(find, rules.from_at, until, count_limit)
    bounds = starting_range(find, rules.from_at, until, catch_up, max_runs)
    n_left = starts_left(job.schedule_spec, job.n_scheduled)
    if bounds is None or n_left == 0:
        return ResumePreview(n_occurrences, 0, None, None)
    first_at, last_at = bounds
    n_would_start = 1 + count_occurrences(find, first_at, last_at, max_runs)
    if n_left is not None and n_left < n_would_start:
        n_would_start, last_at = n_left, _nth(find, first_at, last_at, n_left)
    return ResumePreview(n_occurrences, n_would_start, first_at, last_at)


def end(
    jobs: Sequence[Job], now: datetime, *, actor: str, catch_up: Resumption, max_runs: int = DEFAULT_MAX_STARTS
) -> None:
    """End the pauses of these jobs. The caller has locked the jobs, and all of them are paused.

    Raises CannotRead if the schedule of any job is unreadable.
    """
    waiting, rules = _jobs_that_wait(jobs), _rules_finder(jobs, now)
    _end([(job, _plan_end(job, now, (catch_up, max_runs), waiting, rules)) for job in jobs], now, actor)


def end_expired(now: datetime, limit: int) -> int:
    """Resume up to `limit` jobs whose pause has expired, each with the catch-up of its pause.

    Return the number of expired pauses found, including jobs that could not be resumed.
    """
    with transaction.atomic():
        ids = queries.lock_expired_pauses(now, limit)
        broken = end_each(Job.objects.select_related("spec").filter(pk__in=ids), now, actor="")
        Job.objects.filter(pk__in=broken).update(paused_until_at=now + PUSH_BACK_DELAY)
        return len(ids)


def end_each(
    jobs: Collection[Job],
    now: datetime,
    *,
    actor: str,
    catch_up: Resumption | None = None,
    max_runs: int = DEFAULT_MAX_STARTS,
) -> list[UUID]:
    """End the pauses of these locked jobs. Return the ids of jobs that could not be resumed and stay paused.

    `catch_up` None: use the catch-up of each pause.
    """
    ends, broken = [], []
    waiting, rules = _jobs_that_wait(jobs), _rules_finder(jobs, now)
    for job in jobs:
        try:
            choice = catch_up or Resumption(job.pause_catch_up), max_runs
            ends.append((job, _plan_end(job, now, choice, waiting, rules)))
        except Exception:
            # One job with an unreadable schedule must not keep the other jobs paused.
            log.exception("pause_not_ended", action="resume", job=str(job.pk), name=job.name)
            broken.append(job.pk)
    _end(ends, now, actor)
    return broken


def _jobs_that_wait(jobs: Iterable[Job]) -> set[UUID]:
    """Return the ids of the jobs that have a live scheduled run and no next instant.

    A job with a delay schedule gets its next instant when this run ends.
    """
    return runs.jobs_with_live_scheduled_run([job.pk for job in jobs if job.next_run_at is None])


def _rules_finder(jobs: Iterable[Job], now: datetime) -> Callable[[Job], Rules]:
    """Return a function that returns the rules which the next tick of a job follows. Two queries at most."""
    version = versions.in_force()
    versions.load({job.zone_data for job in jobs})
    return lambda job: job.rules_at(version, now)


def _plan_end(
    job: Job,
    now: datetime,
    choice: tuple[Resumption, int],
    waiting: Collection[UUID],
    rules_of: Callable[[Job], Rules],
) -> queries.PauseEnd:
    """Return the job's next instant and state after its pause, and the range of occurrences that catch-up starts.

    `choice`: the catch-up, and its maximum number of runs.
    """
    rules, until, next_run_at, waits = rules_of(job), _pause_end(job, now), job.next_run_at, False
    spec = rules.spec
    if spec.kind is not Kind.DELAY:
        # Search from the mark: the occurrences during the pause have no rows yet. The next tick records or starts them.
        next_run_at = rules.next_at()
    elif next_run_at is None:
        waits = job.pk in waiting
        next_run_at = None if waits else next_due(spec, now)
    is_over = next_run_at is None and spec.kind is not Kind.NONE and not waits
    state = JobState.ENDED if is_over else JobState.ACTIVE
    first_at, last_at = starting_range(_finder(job, rules), rules.from_at, until, *choice) or (None, None)
    return queries.PauseEnd(job.pk, state.value, next_run_at, until, first_at, last_at)


def _end(ends: Sequence[tuple[Job, queries.PauseEnd]], now: datetime, actor: str) -> None:
    # If the chosen runs of a job start one after the other, the end of each run needs a follow-up.
    runs.enable_followups([job.pk for job, pause_end in ends if pause_end.catch_up_from_at and _starts_in_turn(job)])
    queries.end_pauses([pause_end for _, pause_end in ends], now)
    runs.wake_beat()
    for job, _ in ends:
        log.info("job_resumed", action="resume", job=str(job.pk), actor=actor)


def _starts_in_turn(job: Job) -> bool:
    """Whether the runs for occurrences during the job's pause start one after the other.

    Return True if the job's policies cannot be read.
    """
    policies = value_or_none(job.readable_policies)
    return policies is None or policies.overlap_after_pause is Overlap.BUFFER_ALL


def _pause_end(job: Job, now: datetime) -> datetime:
    """Return the end of the pause: `now`, or the instant at which the pause expired, if that is earlier.

    Occurrences later than this instant run normally, even if a beat ends the pause late.
    """
    return min(now, job.paused_until_at) if job.paused_until_at else now


def _finder(job: Job, rules: Rules) -> FindOccurrences:
    """Return the function that finds the job's occurrences in (after, until] that have no rows yet."""
    return lambda after, until: replace(rules, from_at=after).due(job.next_run_at, until)


def _nth(find: FindOccurrences, first_at: datetime, last_at: datetime, n: int) -> datetime:
    """Return the n-th occurrence in [first_at, last_at]. The first one is `first_at`."""
    return next(islice(find(first_at, last_at), n - 2, None)) if n > 1 else first_at
