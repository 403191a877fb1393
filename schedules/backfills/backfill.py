"""Backfills: run a job for the instants in a past range, step by step.

A step is one transaction that opens some runs and moves the cursor. If a process is killed, the next step continues at
the cursor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, assert_never

import structlog
from django.db import transaction

from executions import history, runs
from executions.policies import LiveRuns, Overlap, decide
from executions.states import Origin, RunStatus
from schedules import queries, tick
from schedules.backfills import queries as backfills_queries
from schedules.backfills.expected import expected_instants, known_from
from schedules.backfills.requests import BackfillRequest, check
from schedules.clock.effort import NO_LIMIT, Effort, SearchTooLong
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from schedules.jobs import followups
from schedules.jobs.definitions import lock
from schedules.ledger import account
from schedules.models import Backfill, BackfillMode, BackfillState, Job
from values.database import PUSH_BACK_DELAY, is_database_unavailable
from values.durations import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from executions.history import InstantState

log = structlog.get_logger(__name__)

# Live runs of one backfill, including held runs. A long range must not fill the queue and delay other jobs.
MAX_LIVE_RUNS = 100
# Open more runs when this many live runs are left. Half of the maximum: a step opens many runs, and no worker is idle.
REFILL_AT = MAX_LIVE_RUNS // 2
MAX_INSTANTS_PER_STEP = 1000  # a step keeps the job locked
MAX_INSTANTS_PER_QUERY = 200  # a step opens at most 100 runs, so it rarely needs more instants
MAX_INSTANTS_COUNTED = 40_000  # divided by the number of the job's specs, as each spec is searched
TOO_LONG = "The search for the schedule's instants in this range takes too long: choose a shorter range."
REFILL_CHECK_DELAY = timedelta(seconds=10)  # in case no follow-up wakes the backfill when its runs end


@dataclass(frozen=True, slots=True)
class BackfillPreview:
    """A preview of a backfill.

    `n_instants`: counted instants in the range. `n_would_start`: instants for which a run would be opened.
    `n_passed_over`: instants that the mode does not select. `is_more`: the range contains more instants than were
    counted. `first_at`, `last_at`: the first and the last instant for which a run would be opened, or None.
    `may_start_more`: runs may also be opened for instants that were not counted. False if the count stopped because
    `max_runs` runs were reached.
    """

    n_instants: int
    is_more: bool
    n_would_start: int
    n_passed_over: int
    first_at: datetime | None
    last_at: datetime | None
    may_start_more: bool


def preview(job: Job, request: BackfillRequest, now: datetime) -> BackfillPreview:
    """Return a preview of a backfill. Nothing is changed. Raises InvalidDefinition, JobConflict, CannotRead."""
    check(job, request, now)
    max_counted = _max_counted(job)
    n_instants = n_start = n_passed_over = 0
    first_at = last_at = None
    is_more = False
    try:
        for instant, is_wanted in _select(job, request, now, MAX_INSTANTS_PER_STEP, Effort()):
            is_more = n_instants == max_counted or n_start == request.max_runs
            if is_more:
                break
            n_instants += 1
            if is_wanted:
                n_start, first_at, last_at = n_start + 1, first_at or instant, instant
            else:
                n_passed_over += 1
    except SearchTooLong:  # while it read the next `MAX_INSTANTS_PER_STEP` instants
        _require_progress(n_instants)
        is_more = True
    may_start_more = is_more and n_start != request.max_runs
    return BackfillPreview(n_instants, is_more, n_start, n_passed_over, first_at, last_at, may_start_more)


def start(job_id: UUID, request: BackfillRequest, now: datetime, *, actor: str) -> Backfill:
    """Create a backfill. The beats open its runs. Raises JobGone, InvalidDefinition, JobConflict, CannotRead."""
    n_instants = _count(job_id, request, now)  # before locking: counting may take seconds, and ticks skip a locked job
    with transaction.atomic():
        job = lock(job_id)
        check(job, request, now)  # again: the job may have been changed before it was locked
        tick.settle(job_id, now)
        backfill = Backfill.objects.create(
            scope_id=job.scope_id,
            job_id=job_id,
            job_name=job.name,
            actor=actor,
            after_at=request.after,
            until_at=request.until,
            mode=request.mode,
            pace=request.pace,
            overlap=request.overlap,
            max_runs=request.max_runs,
            created_at=now,
            due_at=now,
            cursor_at=request.after,
            n_instants=n_instants,
            state=BackfillState.OPEN,
        )
        followups.update([job_id])
        runs.wake_beat()
    log.info("backfill_started", action="backfill", job=str(job_id), backfill=str(backfill.pk), actor=actor)
    return backfill


def cancel(backfill_id: UUID, now: datetime, *, actor: str) -> Backfill:
    """End a backfill, and cancel its held, queued and retrying runs. Its running runs continue.

    Raises JobConflict if the backfill has ended and has no run to cancel.
    """
    with transaction.atomic():
        backfill = _lock(backfill_id)
        n_cancelled = runs.cancel_backfill_runs(backfill_id, now, actor=actor)
        if backfill.state != BackfillState.OPEN and not n_cancelled:
            raise JobConflict(
                f"There is nothing to cancel: the backfill is {backfill.state}, and none of its runs is held, queued "
                "or retrying."
            )
        if backfill.state != BackfillState.CANCELLED:
            _close(backfill, BackfillState.CANCELLED, now)
    log.info("backfill_cancelled", action="backfill", backfill=str(backfill_id), actor=actor, n_cancelled=n_cancelled)
    return backfill


def _count(job_id: UUID, request: BackfillRequest, now: datetime) -> int:
    """Return the number of instants in the range, counted up to a limit."""
    job = Job.objects.select_related("spec").filter(pk=job_id).first()
    if job is None:
        raise JobGone
    check(job, request, now)
    n_instants = 0
    try:
        for _ in islice(expected_instants(job, request.after, request.until, Effort()), _max_counted(job)):
            n_instants += 1
    except SearchTooLong:
        _require_progress(n_instants)
    return n_instants


def _require_progress(n_instants: int) -> None:
    """Raise InvalidDefinition if a search that took too long found fewer instants than one step of a backfill reads.

    Otherwise a step would take longer than the search.
    """
    if n_instants < MAX_INSTANTS_PER_STEP:
        raise InvalidDefinition({"after": [TOO_LONG]})


def _max_counted(job: Job) -> int:
    return MAX_INSTANTS_COUNTED // max(1, len(job.schedule_spec.specs))


def _lock(backfill_id: UUID) -> Backfill:
    """Lock a backfill, then its job. A step locks in the same order; different orders could deadlock."""
    backfills_queries.lock_backfill(backfill_id)
    backfill = Backfill.objects.get(pk=backfill_id)
    queries.lock_job(backfill.job_id)
    return backfill


def step_once(now: datetime) -> bool:
    """Do one step of the backfill that has been due longest.

    Return False if no backfill is due, or if other transactions have locked all due backfills. A step that fails is
    rolled back and due again after `PUSH_BACK_DELAY`. Raises if the database is unavailable.
    """
    with transaction.atomic():
        backfill_id = backfills_queries.lock_due_backfill(now)
        if backfill_id is None:
            return False
        try:
            with transaction.atomic():
                _step(Backfill.objects.get(pk=backfill_id), now)
        except Exception as error:
            if is_database_unavailable(error):
                raise
            log.exception("backfill_pushed_back", action="backfill", backfill=str(backfill_id))
            backfills_queries.postpone_backfill(backfill_id, now + PUSH_BACK_DELAY)
        return True


def _step(backfill: Backfill, now: datetime) -> None:
    if not queries.lock_job(backfill.job_id):  # the job was deleted
        _close(backfill, BackfillState.CANCELLED, now)
        return
    job = Job.objects.select_related("spec").get(pk=backfill.job_id)
    max_new = MAX_LIVE_RUNS - history.count_live(backfill.pk)
    if backfill.pace:
        max_new = min(max_new, 1)
    n_left = None if backfill.max_runs is None else backfill.max_runs - backfill.n_opened
    chosen: list[datetime] = []
    is_over = True
    for n_seen, (instant, is_wanted) in enumerate(_select(job, _rest(backfill), now, MAX_INSTANTS_PER_QUERY)):
        if len(chosen) == n_left:
            break
        if n_seen == MAX_INSTANTS_PER_STEP or (is_wanted and len(chosen) >= max_new):
            is_over = False
            break
        backfill.cursor_at = instant
        if is_wanted:
            chosen.append(instant)
        else:
            backfill.n_passed_over += 1
    _open(job, backfill, chosen, now)
    backfill.n_opened += len(chosen)
    if is_over:
        _close(backfill, BackfillState.DONE, now)
    else:
        is_full = len(chosen) >= max_new
        delay = (backfill.pace if backfill.pace and chosen else REFILL_CHECK_DELAY) if is_full else timedelta(0)
        backfill.due_at = now + delay
        backfill.save()


def _open(job: Job, backfill: Backfill, instants: Sequence[datetime], now: datetime) -> None:
    """Open a run for each instant, with the backfill's overlap policy, not the job's. The caller has locked the job."""
    found = history.instant_states(job.pk, instants)
    live_runs = runs.live_runs([job.pk]).get(job.pk, LiveRuns())
    new = []
    for place, instant in enumerate(instants):
        decision = decide(Overlap(backfill.overlap), live_runs)
        live_runs = live_runs.after(decision)
        earlier = found[instant].backfilled_by if instant in found else None
        run = runs.NewRun(
            scope_id=job.scope_id,
            job_id=job.pk,
            spec_id=job.spec_id,
            # Runs are unique by job, instant and origin. The first backfill of an instant opens a run at that instant.
            # A later backfill of the same instant opens a retry of that run, with the current time as its instant.
            nominal_at=now + place * MICROSECOND if earlier else instant,
            origin=Origin.RETRY if earlier else Origin.BACKFILL,
            retry_of=earlier,
            backfill_id=backfill.pk,
            reason=decision.reason,
            is_buffered=decision.is_held,
        )
        # No start deadline: a backfilled run is late on purpose.
        new.append(run if decision.reason else runs.apply_policies_without_deadline(run, job.policies))
    runs.open_backfill_runs(new, now, actor=backfill.actor)


def _select(
    job: Job, request: BackfillRequest, now: datetime, batch: int, effort: Effort = NO_LIMIT
) -> Iterator[tuple[datetime, bool]]:
    """Yield each instant in the range, and whether the mode selects it. A few queries for every `batch` instants.

    Raises SearchTooLong if `effort` is used up.
    """
    mode, known_since = request.mode, max(known_from(job), account.kept_since(now))
    instants = expected_instants(job, request.after, request.until, effort)
    while part := list(islice(instants, batch)):
        found = history.instant_states(job.pk, part)
        for instant in part:
            state = found.get(instant)
            is_gap = state is None or state.is_gap
            if is_gap and mode is not BackfillMode.ALL and instant <= known_since:
                yield instant, False  # perhaps no gap: maybe the job did not exist yet, or the row was pruned
            else:
                yield instant, _is_selected(mode, state, is_gap=is_gap and instant <= job.mark_at)


def _rest(backfill: Backfill) -> BackfillRequest:
    """Return a request for the instants after the backfill's cursor, with the backfill's mode and without its pace."""
    return BackfillRequest(backfill.cursor_at, backfill.until_at, BackfillMode(backfill.mode))


def _is_selected(mode: BackfillMode, state: InstantState | None, *, is_gap: bool) -> bool:
    match mode:
        case BackfillMode.ALL:
            return state is None or state.is_over
        case BackfillMode.FAILED:
            return state is not None and state.status in (RunStatus.FAILED, RunStatus.CANCELLED)
        case BackfillMode.MISSING:
            did_not_start = state is not None and not state.is_gap and state.status is RunStatus.SKIPPED
            return is_gap or did_not_start
        case BackfillMode.GAPS:
            return is_gap
        case _:
            assert_never(mode)


def _close(backfill: Backfill, state: BackfillState, now: datetime) -> None:
    """Close the backfill, and update the follow-ups of its job. The caller has locked the job."""
    backfill.state, backfill.finished_at, backfill.due_at = state, now, None
    backfill.save()
    followups.update([backfill.job_id])
