"""tick(now, limit): from due jobs to runs and a new mark, in one transaction. Any number may run at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby, islice
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from executions import overlap, runs
from executions.dispatch import Message, Route, Waiting, gather, route_of
from executions.overlap import Decision, GoingOn, Overlap, Stop
from executions.runs import NewRun
from executions.states import Reason, RunStatus
from schedules import queries
from schedules.clock.catchup import Bounds, CatchUp, Rest, Verdict, judge
from schedules.clock.delay import due_instants, next_due
from schedules.clock.occurrences import occurrences
from schedules.clock.reading import parse
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.starts import Pacing, jittered, paced
from schedules.models import JobState
from schedules.policies import JobPolicies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schedules.queries import DueJob

log = structlog.get_logger(__name__)

RUNS_A_PASS = 2000  # rows: jobs that have much to catch up with keep the others waiting for a moment only
MICROSECOND = timedelta(microseconds=1)
PUSHED_BACK_FOR = timedelta(minutes=1)  # before a job that could not be processed is looked at again
REASONS = {Verdict.MISSED: Reason.MISSED, Verdict.COALESCED: Reason.COALESCED}


@dataclass(frozen=True, slots=True)
class Ticked:
    """Counts of one pass, the messages that its caller publishes after the commit, and whether more is due."""

    n_jobs: int
    n_skipped: int
    n_broken: int
    messages: list[Message]
    n_held: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass does with one job."""

    job: DueJob
    route: Route
    new_runs: list[NewRun]
    move: queries.Advance
    stops: Stop | None = None  # what is done to the runs that went on


def tick(now: datetime, limit: int) -> Ticked:
    """Handle up to `limit` due jobs, each from its mark to `now`, and no more once that makes `RUNS_A_PASS` rows.

    1. Lock due jobs that no other tick has.
    2. For each, name the occurrences in (mark, now] and decide: catch-up, pause, limit, overlap.
    3. Insert their runs; an occurrence that has its row keeps it.
    4. Move the marks. All of it commits together, or not at all.
    """
    with transaction.atomic():
        jobs = queries.due_jobs(now, limit)
        ticked = _pass(jobs, now, published=True)
        return replace(ticked, more=len(jobs) == limit or ticked.n_jobs < len(jobs))


def settle(job_id: UUID, now: datetime) -> None:
    """Bring one job up to `now` under the definition it has, before that is changed. Inside a transaction."""
    while (job := queries.due_job(job_id, now)) is not None:
        if _pass([job], now, published=False).n_broken:
            break


def _pass(jobs: Sequence[DueJob], now: datetime, *, published: bool) -> Ticked:
    plans, broken = _plan_all(jobs, now)
    runs.stop_others({plan.job.id: plan.stops for plan in plans if plan.stops}, now)
    new = [(plan, run) for plan in plans for run in plan.new_runs]
    born = runs.open_scheduled([run for _, run in new], now, published=published)
    waiting = [
        Waiting(run_id, 0, new[place][0].job.name, new[place][0].route)
        for place, run_id in born.items()
        if new[place][1].is_due(now)
    ]
    if plans:
        queries.advance([plan.move for plan in plans])
    if broken:
        queries.push_back(broken, now, now + PUSHED_BACK_FOR)
    n_skipped = sum(new[place][1].n_occurrences for place in born if new[place][1].reason)
    n_held = sum(new[place][1].status is RunStatus.HELD for place in born)
    return Ticked(len(plans) + len(broken), n_skipped, len(broken), gather(waiting), n_held)


def _plan_all(jobs: Sequence[DueJob], now: datetime) -> tuple[list[Plan], list[UUID]]:
    going_on = runs.going_on([job.id for job in jobs])
    plans, broken = [], []
    n_rows = 0
    for job in jobs:
        if n_rows >= RUNS_A_PASS:
            break
        try:
            plans.append(plan(job, now, going_on.get(job.id, GoingOn())))
            n_rows += len(plans[-1].new_runs)
        except Exception:
            log.exception("job_pushed_back", action="push_back", job=str(job.id), name=job.name)
            broken.append(job.id)
    return plans, broken


def plan(job: DueJob, now: datetime, going_on: GoingOn) -> Plan:
    """Decide what becomes of a job's occurrences in (mark, now], and where the clock stands after that."""
    spec, policies = spec_of(job.schedule), policies_of(job.policies)
    size = settings.MAINSPRING.chunk_size
    due = list(islice(due_instants(spec, job.mark_at, job.next_run_at, now), size + 1))
    more = len(due) > size
    due = due[:size]
    left = None if spec.max_runs is None else max(spec.max_runs - job.n_scheduled, 0)
    decided: list[tuple[datetime, Decision]] = []
    before, stops = going_on, None
    for instant, reason in _judged(job, policies, due, now, more=more):
        if reason is None and left is not None and sum(not made.reason for _, made in decided) >= left:
            break
        decision = Decision(reason) if reason else overlap.decide(_overlap(job, policies, instant), going_on)
        if decision.stops:
            # What it would stop of this very pass does not begin in the first place.
            decided = [(earlier, replace(made, reason=made.reason or Reason.OVERLAP)) for earlier, made in decided]
            going_on, decision = before, overlap.decide(policies.overlap, before)
            stops = decision.stops
        going_on = going_on.after(decision)
        decided.append((instant, decision))
    n_started = sum(not made.reason for _, made in decided)
    left = None if left is None else left - n_started
    n_scheduled = job.n_scheduled + n_started
    mark_at = due[-1] if more else max(now, job.mark_at)
    waits = spec.kind is Kind.DELAY and n_started > 0 and left != 0  # for the end of its run
    next_run_at = None if left == 0 or waits else next_due(spec, mark_at)
    state = JobState.ACTIVE if next_run_at or waits else JobState.ENDED
    starts, caught_up_at = _starts(job, policies, [at for at, made in decided if not made.reason], now, more=more)
    new_runs = list(_rows(job, policies, decided, starts, keep=0 if more else settings.MAINSPRING.fold_after))
    route = route_of(job.target_kind, policies)
    move = queries.Advance(job.id, mark_at, next_run_at, n_scheduled, caught_up_at, state.value)
    return Plan(job, route, new_runs, move, stops)


def _judged(
    job: DueJob, policies: JobPolicies, due: Sequence[datetime], now: datetime, *, more: bool
) -> Iterator[tuple[datetime, Reason | None]]:
    n_paused = sum(job.was_paused_at(instant) for instant in due)
    yield from ((instant, None if job.is_chosen(instant) else Reason.PAUSED) for instant in due[:n_paused])
    open_to_run = due[n_paused:]
    catch_up, grace = policies.catch_up, settings.MAINSPRING.misfire_grace
    n_missed = 0
    if more and catch_up.mode is CatchUp.ALL:
        missed = occurrences(spec_of(job.schedule), due[-1], now - grace - MICROSECOND)
        n_missed = sum(1 for _ in islice(missed, catch_up.max_runs))
    bounds = Bounds(grace, catch_up.max_age, catch_up.max_runs)
    verdicts = judge(catch_up.mode, open_to_run, now, bounds, Rest(more, n_missed, begun=job.caught_up_at is not None))
    yield from ((instant, REASONS.get(verdict)) for instant, verdict in zip(open_to_run, verdicts, strict=True))


def _overlap(job: DueJob, policies: JobPolicies, instant: datetime) -> Overlap:
    """The job's, but what somebody chose to start after a pause does start: one after the other, if not side by side."""
    return Overlap.BUFFER_ALL if job.is_chosen(instant) and policies.overlap is not Overlap.ALLOW else policies.overlap


def _starts(
    job: DueJob, policies: JobPolicies, started: Sequence[datetime], now: datetime, *, more: bool
) -> tuple[dict[datetime, datetime], datetime | None]:
    """When each of these may start that does not start at once, and what the next pass has to know of that."""
    spec, grace, jitter = spec_of(job.schedule), settings.MAINSPRING.misfire_grace, policies.jitter
    pairs = ((at, jittered(spec, job.id, at, jitter) if jitter else at) for at in started)
    starts = paced(pairs, now, Pacing(grace, policies.catch_up.between_starts, job.caught_up_at))
    missed = [start_at for at, start_at in starts.items() if at < now - grace]
    last_at = max(missed) if missed else job.caught_up_at
    return starts, last_at if last_at and (more or last_at > now) else None


def _rows(
    job: DueJob,
    policies: JobPolicies,
    decided: Sequence[tuple[datetime, Decision]],
    starts: Mapping[datetime, datetime],
    keep: int,
) -> Iterator[NewRun]:
    """One row an occurrence; of a long row of skipped ones, all but the last `keep` share a row with a count."""
    for (reason, is_held), group in groupby(decided, key=lambda pair: (pair[1].reason, pair[1].is_held)):
        instants = [instant for instant, _ in group]
        n_folded = len(instants) - keep if reason and len(instants) > keep + 1 else 0
        if n_folded:
            yield NewRun(
                scope_id=job.scope_id,
                job_id=job.id,
                spec_id=job.spec_id,
                nominal_at=instants[0],
                reason=reason,
                last_nominal_at=instants[n_folded - 1],
                n_occurrences=n_folded,
            )
        for instant in instants[n_folded:]:
            new = NewRun(
                scope_id=job.scope_id,
                job_id=job.id,
                spec_id=job.spec_id,
                nominal_at=instant,
                reason=reason,
                is_buffered=is_held,
                available_at=starts.get(instant),
            )
            bound = runs.without_deadline if job.is_chosen(instant) else runs.under
            yield new if reason else bound(new, policies)


@lru_cache(maxsize=8192)
def spec_of(schedule_json: str) -> ScheduleSpec:
    """Read a stored schedule. The floor on intervals is for new ones: what was accepted goes on."""
    return parse(json.loads(schedule_json), min_interval=timedelta(0))


@lru_cache(maxsize=8192)
def policies_of(policies_json: str) -> JobPolicies:
    """Read stored policies."""
    return JobPolicies.model_validate_json(policies_json)
