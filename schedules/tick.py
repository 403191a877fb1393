"""tick(now, limit): from due jobs to runs and a new mark, in one transaction. Any number may run at once."""

from __future__ import annotations

import json
from contextlib import suppress
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
from executions.database import is_away, one_line, take_apart
from executions.dispatch import Message, Route, Waiting, gather, route_of
from executions.overlap import Decision, GoingOn, Overlap, Stop
from executions.runs import NewRun
from executions.states import Reason, RunStatus
from schedules import flags, queries
from schedules.clock.catchup import Bounds, CatchUp, Rest, Verdict, judge
from schedules.clock.delay import due_instants, next_due
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.reading import parse
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.starts import Pacing, jittered, paced
from schedules.models import JobState
from schedules.policies import JobPolicies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

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
    5. If it does not, find the jobs that are to blame, and handle the others.
    """
    try:
        with transaction.atomic():
            jobs = queries.due_jobs(now, limit)
            ticked = _pass(jobs, now, published=True)
            return replace(ticked, more=len(jobs) == limit or ticked.n_jobs < len(jobs))
    except Exception as error:
        if is_away():
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

    done, faults = take_apart(handle, [job_id])
    if faults or (done[0] and done[0].n_broken):
        log.warning("job_not_settled", action="settle", job=str(job_id), error=[*map(one_line, faults.values())])
        queries.look_again(job_id, now)
        return False
    return done[0] is not None


def _tick_apart(names: Mapping[UUID, str], now: datetime) -> Ticked:
    """Handle jobs in ever smaller parts; one that fails alone is pushed back. What is new, the next pass publishes."""
    parts, faults = take_apart(lambda ids: _pass(queries.due_among(ids, now), now, published=False), list(names))
    for job_id, error in faults.items():
        log.error("job_pushed_back", action="push_back", job=str(job_id), name=names[job_id], exc_info=error)
    take_apart(lambda ids: queries.push_back(ids, now, now + PUSHED_BACK_FOR), list(faults))
    n_jobs = sum(part.n_jobs for part in parts)
    return Ticked(
        n_jobs=n_jobs + len(faults),
        n_skipped=sum(part.n_skipped for part in parts),
        n_broken=sum(part.n_broken for part in parts) + len(faults),
        messages=[],
        n_held=sum(part.n_held for part in parts),
        more=n_jobs > 0,
    )


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
    off = flags.off(_flags_named(jobs))
    plans, broken = [], []
    n_rows = 0
    for job in jobs:
        if n_rows >= RUNS_A_PASS:
            break
        try:
            plans.append(plan(job, now, going_on.get(job.id, GoingOn()), off))
            n_rows += len(plans[-1].new_runs)
        except Exception:
            log.exception("job_pushed_back", action="push_back", job=str(job.id), name=job.name)
            broken.append(job.id)
    return plans, broken


def plan(job: DueJob, now: datetime, going_on: GoingOn, off: Collection[str] = ()) -> Plan:
    """Decide what becomes of a job's occurrences in (mark, now], and where the clock stands after that.

    `off` has the feature flags that are off.
    """
    spec, policies = spec_of(job.schedule), policies_of(job.policies)
    size = settings.MAINSPRING.chunk_size
    due = list(islice(due_instants(spec, job.mark_at, job.next_run_at, now), size + 1))
    more = len(due) > size
    due = due[:size]
    left = None if spec.max_runs is None else max(spec.max_runs - job.n_scheduled, 0)
    together = overlap.Together(policies.overlap, going_on)
    for instant, judged in _judged(job, policies, due, now, more=more):
        reason = judged or (Reason.FEATURE_OFF if policies.feature_flag in off else None)
        if reason is None and left is not None and together.n_started >= left:
            break
        together.add(reason, _overlap(job, policies, instant))
    decided = list(zip(due, together.decisions, strict=False))  # of fewer, where the job has ended
    n_started = together.n_started
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
    return Plan(job, route, new_runs, move, together.stops)


def _flags_named(jobs: Sequence[DueJob]) -> set[str]:
    names = set()
    for job in jobs:
        with suppress(ValueError):  # `plan` tells of policies that cannot be read
            names.add(policies_of(job.policies).feature_flag or "")
    return names - {""}


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
