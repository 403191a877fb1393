"""Pause sets: pauses of many jobs together.

The jobs are paused and resumed in steps. The request does the first step, and the beats do the other steps. Each step
is one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

import structlog
from django.db import transaction

from access.visibility import ENGINE, changeable, deferred_caller, scope_for_new
from executions import runs
from schedules import tick
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, Resumption
from schedules.exceptions import JobConflict
from schedules.jobs.selection import Selection
from schedules.models import Job, JobState, PauseSet, PauseSetState
from schedules.pauses import queries, resuming
from schedules.pauses.terms import UNTIL_RESUMED, PauseTerms
from values.database import PUSH_BACK_DELAY, is_database_unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models import QuerySet

    from access.visibility import Caller

log = structlog.get_logger(__name__)

MAX_JOBS_PER_STEP = 200  # a step locks its jobs, and other due work of the beat waits for the step
MAX_JOBS_PREVIEWED = 1000  # a request waits for the preview


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """A preview of undoing a pause set: the undo would resume `n_jobs` jobs and start `n_would_start` runs.

    Only the first `MAX_JOBS_PREVIEWED` jobs of the set are checked. `n_would_start` counts only the runs of these jobs.
    `is_more`: whether other jobs of the set may start more runs. `n_jobs` is the number of jobs in the set, without the
    checked jobs whose schedule is unreadable: these jobs stay paused.
    """

    n_jobs: int
    n_would_start: int
    is_more: bool


def count(selection: Selection, now: datetime, caller: Caller = ENGINE) -> int:
    """Return the number of jobs that a pause set with this selection would pause now."""
    return selection.active_jobs(now, caller).count()


def start(
    selection: Selection,
    now: datetime,
    *,
    actor: str,
    terms: PauseTerms = UNTIL_RESUMED,
    caller: Caller = ENGINE,
) -> PauseSet:
    """Pause the active jobs of a selection: up to `MAX_JOBS_PER_STEP` jobs in this call; beats pause the rest.

    Raises InvalidDefinition for invalid terms.
    """
    terms.check(now)
    created = PauseSet.objects.create(
        scope_id=scope_for_new(caller),
        actor=actor,
        reason=terms.reason,
        until_at=terms.until,
        catch_up=terms.catch_up,
        selection=selection.model_dump(mode="json", exclude_none=True),
        created_at=now,
        due_at=now,
        n_jobs=count(selection, now, caller),
    )
    log.info("pause_set_started", action="pause", pause_set=str(created.pk), n_jobs=created.n_jobs, actor=actor)
    return _first_step(created, now)


def undo(
    pause_set_id: UUID,
    now: datetime,
    *,
    actor: str,
    catch_up: Resumption = Resumption.NONE,
    max_runs: int = DEFAULT_MAX_STARTS,
) -> PauseSet:
    """Resume the jobs that this set still pauses. Resumes up to `MAX_JOBS_PER_STEP` jobs now; beats resume the others.

    `catch_up` chooses which occurrences during the pause start: at most `max_runs` for each job. Raises JobConflict if
    the set has already been undone, or is being undone.
    """
    with transaction.atomic():
        queries.lock_pause_set(pause_set_id)
        found = PauseSet.objects.get(pk=pause_set_id)
        if found.state in (PauseSetState.UNDOING, PauseSetState.UNDONE):
            raise JobConflict("This pause has already been undone, or is being undone.")
        found.state, found.due_at = PauseSetState.UNDOING, now
        found.undone_by, found.undone_at = actor, now
        found.undo_catch_up, found.undo_max_runs = catch_up, max_runs
        found.save()
    log.info("pause_set_undone", action="resume", pause_set=str(pause_set_id), actor=actor)
    return _first_step(found, now)


def preview_undo(
    found: PauseSet,
    now: datetime,
    choices: Iterable[Resumption],
    max_runs: int = DEFAULT_MAX_STARTS,
    *,
    caller: Caller = ENGINE,
) -> dict[Resumption, UndoPreview]:
    """Return a preview of undoing the set at `now` for each choice of the catch-up. Nothing is changed."""
    members = _members(found, caller)
    n_members = members.count()
    # Without targets and payloads, which a preview does not read, and which may be large.
    first = list(
        members.defer("spec__target", "spec__target_as_given", "spec__payload", "spec__payload_as_given")
        .select_related("spec")
        .order_by("pk")[:MAX_JOBS_PREVIEWED]
    )
    n_jobs = n_members - sum(job.known_schedule is None for job in first)
    readable = [job for job in first if job.is_readable]

    def preview(catch_up: Resumption) -> UndoPreview:
        if catch_up is Resumption.NONE:
            return UndoPreview(n_jobs, 0, is_more=False)
        previews = (resuming.preview(job, now, catch_up, max_runs, count_limit=0) for job in readable)
        n_starts = sum(each.n_would_start for each in previews)
        return UndoPreview(n_jobs, n_starts, is_more=n_members > MAX_JOBS_PREVIEWED)

    return {catch_up: preview(catch_up) for catch_up in choices}


def step_once(now: datetime, pause_set_id: UUID | None = None) -> bool:
    """Pause or resume the next jobs of the set `pause_set_id` (None: of the set that has been due longest).

    Return False if no set is due, or if other transactions have locked all due sets. On an error, no job is changed,
    and the set is due again after `PUSH_BACK_DELAY`. Raises if the database is unavailable.
    """
    with transaction.atomic():
        found_id = queries.lock_due_pause_set(now, pause_set_id)
        if found_id is None:
            return False
        try:
            with transaction.atomic():
                _step(PauseSet.objects.get(pk=found_id), now)
        except Exception as error:
            if is_database_unavailable(error):
                raise
            log.exception("pause_set_pushed_back", action="pause", pause_set=str(found_id))
            PauseSet.objects.filter(pk=found_id).update(due_at=now + PUSH_BACK_DELAY)
        return True


def _first_step(found: PauseSet, now: datetime) -> PauseSet:
    """Do the first step in the caller's request, so that a small set is complete when the request returns."""
    step_once(now, found.pk)
    runs.wake_beat()
    found.refresh_from_db()
    return found


def _step(found: PauseSet, now: datetime) -> None:
    state = PauseSetState(found.state)
    match state:
        case PauseSetState.PAUSING:
            _pause_next_jobs(found, now)
        case PauseSetState.UNDOING:
            _resume_next_jobs(found, now)
        case PauseSetState.PAUSED | PauseSetState.UNDONE:
            found.due_at = None  # there are no more steps
        case _:
            assert_never(state)
    found.save()


def _pause_next_jobs(found: PauseSet, now: datetime) -> None:
    caller = deferred_caller(found.scope_id)
    jobs = Selection.model_validate(found.selection).active_jobs(found.created_at, caller)
    if found.cursor_id:
        jobs = jobs.filter(pk__gt=found.cursor_id)
    ids = list(jobs.order_by("pk").values_list("pk", flat=True)[:MAX_JOBS_PER_STEP])
    queries.lock_jobs(ids)
    # Occurrences that were due before the pause still run.
    due = Job.objects.filter(pk__in=ids, state=JobState.ACTIVE, next_run_at__lte=now)
    for job_id in due.values_list("pk", flat=True):
        tick.settle(job_id, now)
    found.n_paused += queries.pause_jobs(
        ids,
        now,
        actor=found.actor,
        reason=found.reason,
        until=found.until_at,
        catch_up=found.catch_up,
        pause_set_id=found.pk,
    )
    if len(ids) < MAX_JOBS_PER_STEP:
        found.state, found.due_at = PauseSetState.PAUSED, None
    else:
        found.cursor_id, found.due_at = ids[-1], now


def _resume_next_jobs(found: PauseSet, now: datetime) -> None:
    members = _members(found, deferred_caller(found.scope_id))
    ids = list(members.order_by("pk").values_list("pk", flat=True)[:MAX_JOBS_PER_STEP])
    queries.lock_jobs(ids)
    # Read again under the lock: somebody may have resumed a job meanwhile, or paused it again.
    jobs = list(members.select_related("spec").filter(pk__in=ids))
    choice = Resumption(found.undo_catch_up)
    broken = resuming.end_each(jobs, now, actor=found.undone_by, catch_up=choice, max_runs=found.undo_max_runs)
    # Jobs that cannot be resumed stay paused and leave the set: otherwise every later step would try them again.
    Job.objects.filter(pk__in=broken).update(pause_set_id=None)
    found.n_resumed += len(jobs) - len(broken)
    if len(ids) < MAX_JOBS_PER_STEP:
        found.state, found.due_at = PauseSetState.UNDONE, None
    else:
        found.due_at = now


def _members(found: PauseSet, caller: Caller) -> QuerySet[Job]:
    return changeable(Job, caller).filter(pause_set_id=found.pk, state=JobState.PAUSED)
