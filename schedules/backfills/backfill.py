"""Backfills: the instants of a range of the past, carried out bit by bit.

A step is one transaction, which opens some runs and moves the cursor. Whatever is killed, the next step goes on there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import transaction

from executions import history, runs
from executions.policies import LiveRuns, Overlap, decide
from executions.states import Origin, RunStatus
from schedules import queries, tick
from schedules.backfills import queries as backfills_queries
from schedules.backfills.expected import expected_instants, is_predictable, known_from
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from schedules.jobs import followed
from schedules.jobs.definitions import lock
from schedules.models import Backfill, BackfillMode, BackfillState, Job
from values.database import is_database_unavailable
from values.readable import value_or_raise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from executions.history import InstantState

log = structlog.get_logger(__name__)

MOST_LIVE = 100  # runs of a backfill that are not over at one time
REFILL_AT = MOST_LIVE // 2  # when so few are left, more are opened
INSTANTS_A_STEP = 1000
AT_ONCE = 200  # looked up together where few of them may start
MAX_INSTANTS_COUNTED = 100_000  # instants; each is asked of each spec of the job
LOOK_AGAIN_AFTER = timedelta(seconds=10)  # at runs of whose end no beat has told
LONGEST_PACE = timedelta(days=1)
# With the others each instant of the range would stop the one before.
OVERLAPS = (Overlap.BUFFER_ALL, Overlap.BUFFER_ONE, Overlap.SKIP, Overlap.ALLOW)


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """What somebody asks for: instants in (after, until]."""

    after: datetime
    until: datetime
    mode: BackfillMode = BackfillMode.ALL
    pace: timedelta | None = None
    overlap: Overlap = Overlap.BUFFER_ALL
    max_runs: int | None = None


@dataclass(frozen=True, slots=True)
class BackfillPreview:
    """What a backfill would open. `is_more`: its range holds more instants than were counted."""

    n_instants: int
    is_more: bool
    n_would_start: int
    n_passed_over: int
    first_at: datetime | None
    last_at: datetime | None


def preview(job: Job, wanted: BackfillRequest, now: datetime) -> BackfillPreview:
    """Say what a backfill would open, and change nothing. Raises InvalidDefinition, JobConflict."""
    _check(job, wanted, now)
    most = _most_counted(job)
    n_instants = n_start = n_over = 0
    first_at = last_at = None
    for instant, is_wanted in _judged(job, wanted, now, INSTANTS_A_STEP):
        if n_instants == most or n_start == wanted.max_runs:
            return BackfillPreview(n_instants, True, n_start, n_over, first_at, last_at)
        n_instants += 1
        if is_wanted:
            n_start, first_at, last_at = n_start + 1, first_at or instant, instant
        else:
            n_over += 1
    return BackfillPreview(n_instants, False, n_start, n_over, first_at, last_at)


def start(job_id: UUID, wanted: BackfillRequest, now: datetime, *, actor: str) -> Backfill:
    """Begin a backfill; beats open its runs. Raises JobGone, InvalidDefinition, JobConflict."""
    n_instants = _count(job_id, wanted, now)  # it takes seconds, so not while others wait for the job
    with transaction.atomic():
        job = lock(job_id)
        _check(job, wanted, now)
        tick.settle(job_id, now)
        backfill = Backfill.objects.create(
            scope_id=job.scope_id,
            job_id=job_id,
            job_name=job.name,
            actor=actor,
            after_at=wanted.after,
            until_at=wanted.until,
            mode=wanted.mode,
            pace=wanted.pace,
            overlap=wanted.overlap,
            max_runs=wanted.max_runs,
            created_at=now,
            due_at=now,
            cursor_at=wanted.after,
            n_instants=n_instants,
            state=BackfillState.OPEN,
        )
        followed.review([job_id])
        runs.wake_beat()
    log.info("backfill_started", action="backfill", job=str(job_id), backfill=str(backfill.pk), actor=actor)
    return backfill


def cancel(backfill_id: UUID, now: datetime, *, actor: str) -> Backfill:
    """End a backfill: it opens no more runs, and those that have not begun are cancelled. Raises JobConflict."""
    with transaction.atomic():
        backfill = _lock(backfill_id)
        n_cancelled = runs.cancel_backfill_runs(backfill_id, now, actor=actor)
        if backfill.state != BackfillState.OPEN and not n_cancelled:
            raise JobConflict(f"The backfill is {backfill.state}, and none of its runs waits.")
        if backfill.state != BackfillState.CANCELLED:
            _close(backfill, BackfillState.CANCELLED, now)
    log.info("backfill_cancelled", action="backfill", backfill=str(backfill_id), actor=actor, n_cancelled=n_cancelled)
    return backfill


def _count(job_id: UUID, wanted: BackfillRequest, now: datetime) -> int:
    job = Job.objects.select_related("spec").filter(pk=job_id).first()
    if job is None:
        raise JobGone
    _check(job, wanted, now)
    return sum(1 for _ in islice(expected_instants(job, wanted.after, wanted.until), _most_counted(job)))


def _most_counted(job: Job) -> int:
    return MAX_INSTANTS_COUNTED // max(1, len(job.schedule_spec.specs))


def _lock(backfill_id: UUID) -> Backfill:
    """Lock a backfill, then its job, in the order in which a step does."""
    backfills_queries.lock_backfill(backfill_id)
    backfill = Backfill.objects.get(pk=backfill_id)
    queries.lock_job(backfill.job_id)
    return backfill


def step_once(now: datetime) -> bool:
    """Take the backfill that has waited longest a step further; False: none is due."""
    with transaction.atomic():
        backfill_id = backfills_queries.lock_due_backfill(now)
        if backfill_id is None:
            return False
        try:
            with transaction.atomic():
                _step(Backfill.objects.get(pk=backfill_id), now)
        except Exception:
            if is_database_unavailable():
                raise
            log.exception("backfill_pushed_back", action="backfill", backfill=str(backfill_id))
            backfills_queries.backfill_later(backfill_id, now + tick.PUSH_BACK_DELAY)
        return True


def _step(backfill: Backfill, now: datetime) -> None:
    if not queries.lock_job(backfill.job_id):
        _close(backfill, BackfillState.CANCELLED, now)
        return
    job = Job.objects.select_related("spec").get(pk=backfill.job_id)
    most = MOST_LIVE - history.count_live(backfill.pk)
    if backfill.pace:
        most = min(most, 1)
    left = None if backfill.max_runs is None else backfill.max_runs - backfill.n_opened
    chosen: list[datetime] = []
    is_over = True
    for n_seen, (instant, is_wanted) in enumerate(_judged(job, _rest(backfill), now, AT_ONCE)):
        if len(chosen) == left:
            break
        if n_seen == INSTANTS_A_STEP or (is_wanted and len(chosen) >= most):
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
        full = len(chosen) >= most
        wait = (backfill.pace if backfill.pace and chosen else LOOK_AGAIN_AFTER) if full else timedelta(0)
        backfill.due_at = now + wait
        backfill.save()


def _open(job: Job, backfill: Backfill, instants: Sequence[datetime], now: datetime) -> None:
    """Under the job's lock, and by the backfill's overlap policy in place of the job's."""
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
            # The first backfill of an instant has its row; a further one carries out that again.
            nominal_at=now + place * runs.MICROSECOND if earlier else instant,
            origin=Origin.RETRY if earlier else Origin.BACKFILL,
            retry_of=earlier,
            backfill_id=backfill.pk,
            reason=decision.reason,
            is_buffered=decision.is_held,
            # Everybody knows that it is late: no start deadline.
        )
        new.append(run if decision.reason else runs.apply_policies_without_deadline(run, job.policies))
    runs.open_backfill_runs(new, now, actor=backfill.actor)


def _judged(job: Job, wanted: BackfillRequest, now: datetime, at_once: int) -> Iterator[tuple[datetime, bool]]:
    """Each instant, with whether the mode asks for it; `at_once` of them are looked up together."""
    mode, known_since = wanted.mode, max(known_from(job), now - settings.MAINSPRING.retention)
    instants = expected_instants(job, wanted.after, wanted.until)
    while part := list(islice(instants, at_once)):
        found = history.instant_states(job.pk, part)
        for instant in part:
            state = found.get(instant)
            is_gap = state is None or state.is_gap
            if is_gap and mode is not BackfillMode.ALL and instant <= known_since:
                yield instant, False  # the job was not there yet, or the row may have been pruned
            else:
                yield instant, _is_wanted(mode, state, is_gap=is_gap and instant <= job.mark_at)


def _rest(backfill: Backfill) -> BackfillRequest:
    return BackfillRequest(backfill.cursor_at, backfill.until_at, BackfillMode(backfill.mode))


def _is_wanted(mode: BackfillMode, state: InstantState | None, *, is_gap: bool) -> bool:
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


def _close(backfill: Backfill, state: BackfillState, now: datetime) -> None:
    """Under the job's lock, so that nobody decides meanwhile what follows from its runs."""
    backfill.state, backfill.finished_at, backfill.due_at = state, now, None
    backfill.save()
    followed.review([backfill.job_id])


def _check(job: Job, wanted: BackfillRequest, now: datetime) -> None:
    """Raise InvalidDefinition with what is wrong by field, JobConflict for a job without instants, CannotRead."""
    errors: dict[str, list[str]] = {}
    if wanted.until > now:
        errors["until"] = ["This lies in the future: a backfill carries out the past."]
    if wanted.after >= wanted.until:
        errors["after"] = ["The range is empty: after must be earlier than until."]
    kept_since = now - settings.MAINSPRING.retention
    if wanted.mode is not BackfillMode.ALL and wanted.after < kept_since:
        since = f"{kept_since:%Y-%m-%dT%H:%M:%SZ}"
        errors["after"] = [f"What ran before {since} is not kept: begin there, or use mode all."]
    if wanted.overlap not in OVERLAPS:
        errors["overlap"] = [f"This must be one of {', '.join(OVERLAPS)}: else each run would stop the one before."]
    if wanted.pace is not None and not timedelta(milliseconds=100) <= wanted.pace <= LONGEST_PACE:
        errors["pace"] = ["A pace lies between 100ms and 1d; null: as many at once as may."]
    if errors:
        raise InvalidDefinition(errors)
    value_or_raise(job.readable_policies)
    if not is_predictable(job):
        raise JobConflict("The job has no schedule that names its instants beforehand: there are none to carry out.")
