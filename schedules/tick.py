"""tick(now, limit): from due jobs to runs and a new mark, in one transaction. Any number may run at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import transaction

from executions import runs
from executions.dispatch import MAX_MESSAGES_PER_ROUTE, Message, QueuedRun, build_messages
from executions.policies import LiveRuns
from executions.states import RunStatus
from schedules import flags, queries
from schedules.clock.occurrences import next_after
from schedules.clock.spec import Kind
from schedules.planning import Plan, plan, spec_of
from schedules.stored import read_policies
from values.database import every_key_failed, is_database_unavailable, one_line, split_on_failure
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schedules.queries import DueJob

log = structlog.get_logger(__name__)

MAX_RUNS_PER_PASS = 2000  # rows: jobs that have much to catch up with keep the others waiting for a moment only
PUSH_BACK_DELAY = timedelta(minutes=1)  # before what could not be processed is looked at again


@dataclass(frozen=True, slots=True)
class Ticked:
    """Counts of one pass, the messages that its caller publishes after the commit, and whether more is due."""

    n_jobs: int
    n_skipped: int
    n_broken: int
    messages: list[Message]
    n_held: int = 0
    more: bool = False


def tick(now: datetime, limit: int, max_messages: int = MAX_MESSAGES_PER_ROUTE) -> Ticked:
    """Handle up to `limit` due jobs, each from its mark to `now`, and no more once that makes `MAX_RUNS_PER_PASS` rows.

    1. Lock due jobs that no other tick has.
    2. For each, name the occurrences in (mark, now] and decide: catch-up, pause, limit, overlap.
    3. Insert their runs; an occurrence that has its row keeps it.
    4. Move the marks. All of it commits together, or not at all.
    5. If it does not, find the jobs that are to blame, and handle the others.
    """
    try:
        with transaction.atomic():
            jobs = queries.due_jobs(now, limit)
            ticked = _pass(jobs, now, published=True, max_messages=max_messages)
            return replace(ticked, more=len(jobs) == limit or ticked.n_jobs < len(jobs))
    except Exception as error:
        if is_database_unavailable():
            raise
        log.warning("pass_taken_apart", action="tick", error=one_line(error))
        return _tick_apart(queries.due_names(now, limit), now)


def settle(job_id: UUID, now: datetime) -> None:
    """Bring one job up to `now` under the definition it has, before that is changed. Inside a transaction.

    A job with which that fails is left as it is, and due at once: its new definition may be what mends it.
    """

    while _settle_some(job_id, now):
        pass


def _settle_some(job_id: UUID, now: datetime) -> bool:
    """Handle a job's next occurrences up to `now`, though it was pushed back; whether there were any."""

    def handle(_: Sequence[UUID]) -> Ticked | None:
        job = queries.active_job(job_id)
        if job is None:
            return None
        spec = spec_of(job.schedule)
        due_at = job.next_run_at if spec.kind is Kind.DELAY else next_after(spec, job.mark_at)
        return _pass([job], now, published=False) if due_at and due_at <= now else None

    done, faults = split_on_failure(handle, [job_id])
    if faults or (done[0] and done[0].n_broken):
        log.warning("job_not_settled", action="settle", job=str(job_id), error=[*map(one_line, faults.values())])
        queries.look_again(job_id, now)
        return False
    return done[0] is not None


def _tick_apart(names: Mapping[UUID, str], now: datetime) -> Ticked:
    """Handle jobs in ever smaller parts; one that fails alone is pushed back. What is new, the next pass publishes."""
    parts, faults = split_on_failure(lambda ids: _pass(queries.due_among(ids, now), now, published=False), list(names))
    if every_key_failed(parts, faults):
        log.error("pass_failed", action="tick", n_jobs=len(faults), error=one_line(next(iter(faults.values()))))
        return Ticked(0, 0, len(faults), [])
    for job_id, error in faults.items():
        log.error("job_pushed_back", action="push_back", job=str(job_id), name=names[job_id], exc_info=error)
    split_on_failure(lambda ids: queries.push_back(ids, now, now + PUSH_BACK_DELAY), list(faults))
    n_jobs = sum(part.n_jobs for part in parts)
    return Ticked(
        n_jobs=n_jobs + len(faults),
        n_skipped=sum(part.n_skipped for part in parts),
        n_broken=sum(part.n_broken for part in parts) + len(faults),
        messages=[],
        n_held=sum(part.n_held for part in parts),
        more=n_jobs > 0,
    )


def _pass(
    jobs: Sequence[DueJob], now: datetime, *, published: bool, max_messages: int = MAX_MESSAGES_PER_ROUTE
) -> Ticked:
    plans, broken = _plan_all(jobs, now)
    runs.stop_live_runs({plan.job.id: plan.stops for plan in plans if plan.stops}, now)
    new = [(plan, run) for plan in plans for run in plan.new_runs]
    born = runs.open_scheduled([run for _, run in new], now, published=published)
    waiting = [
        QueuedRun(run_id, 0, new[place][0].job.name, new[place][0].route)
        for place, run_id in born.items()
        if new[place][1].is_due(now)
    ]
    if plans:
        queries.advance([plan.move for plan in plans])
    if broken:
        queries.push_back(broken, now, now + PUSH_BACK_DELAY)
    n_skipped = sum(new[place][1].n_occurrences for place in born if new[place][1].reason)
    n_held = sum(new[place][1].status is RunStatus.HELD for place in born)
    return Ticked(len(plans) + len(broken), n_skipped, len(broken), build_messages(waiting, max_messages), n_held)


def _plan_all(jobs: Sequence[DueJob], now: datetime) -> tuple[list[Plan], list[UUID]]:
    live_runs = runs.live_runs([job.id for job in jobs])
    off = flags.off(_flags_named(jobs))
    plans, broken = [], []
    n_rows = 0
    for job in jobs:
        if n_rows >= MAX_RUNS_PER_PASS:
            break
        try:
            plans.append(plan(job, now, live_runs.get(job.id, LiveRuns()), off))
            n_rows += len(plans[-1].new_runs)
        except Exception:
            log.exception("job_pushed_back", action="push_back", job=str(job.id), name=job.name)
            broken.append(job.id)
    return plans, broken


def _flags_named(jobs: Sequence[DueJob]) -> set[str]:
    found = (value_or_none(read_policies(job.policies)) for job in jobs)  # `plan` tells of those that cannot be read
    return {policies.feature_flag for policies in found if policies and policies.feature_flag}
