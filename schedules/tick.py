"""The tick: turns due jobs into runs and moves the jobs' marks, in one transaction. Ticks may run concurrently."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import transaction

from executions import runs
from executions.dispatch import MAX_MESSAGES_PER_ROUTE, Message, QueuedRun, build_messages
from executions.policies import LiveRuns
from executions.states import RunStatus
from schedules import flags, queries
from schedules.clock.spec import Kind
from schedules.clock.zones.data import is_known
from schedules.models import JobState
from schedules.planning import Plan, plan, rules_at
from schedules.stored import read_policies
from schedules.zone_data import changes, versions
from values.database import PUSH_BACK_DELAY, every_key_failed, is_database_unavailable, one_line, split_on_failure
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schedules.clock.rule_change import Rules
    from schedules.models import Job
    from schedules.policies import JobPolicies
    from schedules.queries import DueJob
    from values.readable import Unreadable

log = structlog.get_logger(__name__)

# A tick stops when it has planned this many rows, so that a job that catches up delays other jobs only briefly.
MAX_RUNS_PER_PASS = 2000
# A tick also stops when planning has taken this long, because PostgreSQL ends a transaction in which the beat sends no
# statement for 4 s (`queries.LIMIT_LOCK_WAITS`). A job that skips 1000 occurrences takes about 15 ms.
MAX_PLANNING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class TickResult:
    """Counts of one tick, and the messages that the caller publishes after the commit.

    `n_jobs`: jobs handled, including jobs that were pushed back after an error. `n_skipped`: occurrences recorded as
    skipped. `n_broken`: jobs whose handling failed. `n_held`: runs opened as held. `more`: whether more jobs may be
    due.
    """

    n_jobs: int
    n_skipped: int
    n_broken: int
    messages: list[Message]
    n_held: int = 0
    more: bool = False


def tick(now: datetime, limit: int, max_messages: int = MAX_MESSAGES_PER_ROUTE) -> TickResult:
    """Handle up to `limit` due jobs. Stop early after `MAX_RUNS_PER_PASS` new rows or `MAX_PLANNING_SECONDS`.

    1. Lock due jobs that no other tick has locked.
    2. For each job, find its first occurrences in (mark, now], and decide which of them start (`plan`).
    3. Insert the runs of these occurrences. An occurrence that already has a row keeps its row.
    4. Move the marks. Steps 1 to 4 are one transaction.
    5. If the transaction fails, find the jobs that make it fail, and handle all other jobs.

    The result contains the messages about the new runs: at most `max_messages` per route, or more if a message would
    otherwise contain more than `Route.max_runs` runs. Raises if the database is unavailable.
    """
    try:
        with transaction.atomic():
            jobs = queries.due_jobs(now, limit)
            result = _pass(jobs, now, published=True, max_messages=max_messages)
            return replace(result, more=len(jobs) == limit or result.n_jobs < len(jobs))
    except Exception as error:
        if is_database_unavailable(error):
            raise
        log.warning("pass_taken_apart", action="tick", error=one_line(error))
        return _tick_apart(queries.due_names(now, limit), now)


def is_settled(job: Job, now: datetime) -> bool:
    """Return whether `settle` has nothing to record. Runs no SQL. The schedule must be readable."""
    if job.state != JobState.ACTIVE:
        return True
    # `settle` can read a version of the time zone data that this process does not know.
    return is_known(job.zone_data) and not _is_due(job.rules_at(None, now), job.next_run_at, now)


def settle(job_id: UUID, now: datetime) -> None:
    """Record one job's occurrences up to `now` under its current definition, before the caller changes the job.

    Call it inside a transaction. Does nothing if the job is not active. If an occurrence cannot be recorded, the job is
    made due at `now`: the next tick tries again under the new definition.
    """

    while _settle_some(job_id, now):
        pass


def _settle_some(job_id: UUID, now: datetime) -> bool:
    """Handle a job's next occurrences up to `now`, even if a tick has postponed the job after an error.

    Return False if no occurrence is due, or if the occurrences cannot be recorded.
    """

    def handle(_: Sequence[UUID]) -> TickResult | None:
        job = queries.active_job(job_id)
        if job is None:
            return None
        versions.load([job.zone_data, job.zone_data_in_force])
        if not _is_due(rules_at(job, now), job.next_run_at, now):
            return None
        return _pass([job], now, published=False)

    done, faults = split_on_failure(handle, [job_id])
    if faults or (done[0] and done[0].n_broken):
        log.warning("job_not_settled", action="settle", job=str(job_id), error=[*map(one_line, faults.values())])
        queries.make_due(job_id, now)
        return False
    return done[0] is not None


def _is_due(rules: Rules, next_run_at: datetime | None, now: datetime) -> bool:
    # If a job was pushed back, its `next_run_at` is the time of the next try, so compute the instant from the mark.
    # This is not possible for a delay.
    if rules.spec.kind is Kind.DELAY:
        return next_run_at is not None and next_run_at <= now
    return next(rules.due(next_run_at, now), None) is not None


def _tick_apart(names: Mapping[UUID, str], now: datetime) -> TickResult:
    """Handle jobs in smaller and smaller batches. Postpone each job that still fails when it is handled alone.

    If several jobs fail and none succeeds, no job is postponed: the beat retries all of them. `names`: the jobs' names,
    by id. The result has no messages: the next dispatch publishes the new runs.
    """
    parts, faults = split_on_failure(lambda ids: _pass(queries.due_among(ids, now), now, published=False), list(names))
    if every_key_failed(parts, faults):
        # Every job failed, as on a full disk: no single job is the cause, and the beat retries all of them.
        log.error("pass_failed", action="tick", n_jobs=len(faults), error=one_line(next(iter(faults.values()))))
        return TickResult(0, 0, len(faults), [])
    for job_id, error in faults.items():
        log.error("job_pushed_back", action="push_back", job=str(job_id), name=names[job_id], exc_info=error)
    split_on_failure(lambda ids: queries.push_back(ids, now, now + PUSH_BACK_DELAY), list(faults))
    n_jobs = sum(part.n_jobs for part in parts)
    return TickResult(
        n_jobs=n_jobs + len(faults),
        n_skipped=sum(part.n_skipped for part in parts),
        n_broken=sum(part.n_broken for part in parts) + len(faults),
        messages=[],
        n_held=sum(part.n_held for part in parts),
        more=n_jobs > 0,
    )


def _pass(
    jobs: Sequence[DueJob], now: datetime, *, published: bool, max_messages: int = MAX_MESSAGES_PER_ROUTE
) -> TickResult:
    versions.load({version for job in jobs for version in (job.zone_data, job.zone_data_in_force)})
    plans, broken = _plan_all(jobs, now)
    # Stop live runs before opening new runs, so that a new run is not stopped together with the runs that it replaces.
    runs.stop_live_runs({plan.job.id: plan.stops for plan in plans if plan.stops}, now)
    new = [(plan, run) for plan in plans for run in plan.new_runs]
    created = runs.open_scheduled([run for _, run in new], now, published=published)
    waiting = [
        QueuedRun(run_id, 0, new[place][0].job.name, new[place][0].route, new[place][0].share)
        for place, run_id in created.items()
        if new[place][1].is_due(now)
    ]
    if plans:
        queries.advance([plan.move for plan in plans])
        changes.store([(plan.job, plan.changed) for plan in plans if plan.changed])
    if broken:
        queries.push_back(broken, now, now + PUSH_BACK_DELAY)
    n_skipped = sum(new[place][1].n_occurrences for place in created if new[place][1].reason)
    n_held = sum(new[place][1].status is RunStatus.HELD for place in created)
    return TickResult(len(plans) + len(broken), n_skipped, len(broken), build_messages(waiting, max_messages), n_held)


def _plan_all(jobs: Sequence[DueJob], now: datetime) -> tuple[list[Plan], list[UUID]]:
    """Return plans for the jobs, and the ids of the jobs that cannot be planned.

    Stops as soon as the plans together contain at least `MAX_RUNS_PER_PASS` new runs, or planning has taken
    `MAX_PLANNING_SECONDS`. Neither result contains the jobs after the stop.
    """
    live_runs = runs.live_runs([job.id for job in jobs])
    policies = [read_policies(job.policies) for job in jobs]  # read once, for the flags and for the plans
    off = _flags_off(policies)
    plans: list[Plan] = []
    broken: list[UUID] = []
    n_rows, began = 0, time.monotonic()
    for job, its_policies in zip(jobs, policies, strict=True):
        if n_rows >= MAX_RUNS_PER_PASS or ((plans or broken) and time.monotonic() - began >= MAX_PLANNING_SECONDS):
            break
        try:
            plans.append(plan(job, its_policies, now, live_runs.get(job.id, LiveRuns()), off))
            n_rows += len(plans[-1].new_runs)
        except Exception:
            # An error in one job, such as a schedule that this version cannot read, must not delay other jobs.
            log.exception("job_pushed_back", action="push_back", job=str(job.id), name=job.name)
            broken.append(job.id)
    return plans, broken


def _flags_off(policies: Iterable[JobPolicies | Unreadable]) -> frozenset[str]:
    """Return which feature flags of these policies are off. Skips unreadable policies, which `plan` reports."""
    readable = (value_or_none(found) for found in policies)
    return flags.find_off({found.feature_flag for found in readable if found and found.feature_flag})
