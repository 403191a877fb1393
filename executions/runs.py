"""The interface of this package: functions for `schedules`, the API and the admin to create, stop and retry runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from executions.exceptions import NothingToCancel, StillLive
from executions.lifecycle import held_queries, queries, transitions
from executions.lifecycle.admission import admit, apply_policies, apply_policies_without_deadline
from executions.lifecycle.queries import NOTIFY_CHANNEL, wake_beat
from executions.lifecycle.transitions import cancel_backfill_runs, cancel_not_running
from executions.lifecycle.types import NewRun
from executions.models import Run
from executions.models.spec import freeze, freeze_first, supersede
from executions.policies.overlap import LiveRuns, Stop
from executions.states import Origin, RunStatus
from values.database import execute, fetch, fetch_planned
from values.readable import value_or_raise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from executions.lifecycle.admission import LaterFollowup
    from executions.policies.run_policies import RunPolicies

__all__ = [
    "MICROSECOND",
    "NOTIFY_CHANNEL",
    "Followup",
    "NewRun",
    "Run",
    "admit",
    "apply_policies",
    "apply_policies_without_deadline",
    "cancel",
    "cancel_backfill_runs",
    "cancel_not_running",
    "delete_followups",
    "disable_followups",
    "due_followup_ids",
    "enable_followups",
    "freeze",
    "freeze_first",
    "jobs_with_live_scheduled_run",
    "live_runs",
    "open_all",
    "open_backfill_runs",
    "open_requested",
    "open_scheduled",
    "postpone_followups",
    "requeue_followups",
    "retry",
    "schedule_followups",
    "stop_live_runs",
    "supersede",
    "take_followups",
    "take_followups_by_id",
    "wake_beat",
]

MICROSECOND = timedelta(microseconds=1)  # the resolution of timestamps in PostgreSQL


@dataclass(frozen=True, slots=True)
class Followup:
    """Work for a beat: start held runs of this job, or with one of the two keys, if limits allow.

    `run_id`: the ended run for which the beat calls the reactions, or None.
    """

    id: int
    job_id: UUID
    run_id: UUID | None
    concurrency_key: str
    rate_key: str

    @property
    def about(self) -> tuple[UUID, str, str]:
        """The job id, the concurrency key and the rate key. `admit` looks for held runs by each of these values."""
        return self.job_id, self.concurrency_key, self.rate_key


def live_runs(job_ids: Collection[UUID]) -> dict[UUID, LiveRuns]:
    """Return the counts of active and of held runs, by job id. Jobs without live runs are left out."""
    rows = fetch_planned(queries.COUNT_LIVE, {"job_id": list(job_ids)}) if job_ids else []
    return {job_id: LiveRuns(n_active, n_held) for job_id, n_active, n_held in rows}


def jobs_with_live_scheduled_run(job_ids: Collection[UUID]) -> set[UUID]:
    """Return the ids of the jobs in `job_ids` that have a live scheduled run. One query."""
    rows = fetch_planned(queries.LIVE_SCHEDULED, {"job_id": list(job_ids)}) if job_ids else []
    return {job_id for (job_id,) in rows}


def stop_live_runs(stops: Mapping[UUID, Stop], now: datetime) -> None:
    """Cancel or terminate the live runs of these jobs, because a newer run replaces them (overlap policy)."""
    for stop, act in ((Stop.CANCEL, transitions.cancel_others), (Stop.TERMINATE, transitions.terminate_others)):
        if job_ids := [job_id for job_id, wanted in stops.items() if wanted is stop]:
            act(job_ids, now)


def take_followups(now: datetime, limit: int) -> list[Followup]:
    """Lock and return up to `limit` due follow-ups that no other beat has locked. Call inside a transaction."""
    return [Followup(*row) for row in fetch(held_queries.TAKE_FOLLOWUPS, {"now": now, "limit": limit})]


def take_followups_by_id(ids: Sequence[int], now: datetime) -> list[Followup]:
    """Like `take_followups`, but only for the due follow-ups among `ids`."""
    values = {"id": list(ids), "now": now, "limit": len(ids)}
    return [Followup(*row) for row in fetch(held_queries.TAKE_FOLLOWUPS_BY_ID, values)]


def due_followup_ids(now: datetime, limit: int) -> list[int]:
    """Return the ids of up to `limit` due follow-ups, including locked follow-ups."""
    return [followup_id for (followup_id,) in fetch(held_queries.DUE_FOLLOWUP_IDS, {"now": now, "limit": limit})]


def delete_followups(done: Iterable[Followup]) -> None:
    """Delete these follow-ups, which have been handled."""
    execute(held_queries.DELETE_FOLLOWUPS, {"id": [followup.id for followup in done]})


def requeue_followups(followups: Iterable[Followup], now: datetime) -> None:
    """Put these follow-ups at the back of the queue, because more held runs may start.

    Their `run_id` is set to NULL, because the end of each follow-up's run has been handled.
    """
    execute(held_queries.REQUEUE_FOLLOWUPS, {"id": [followup.id for followup in followups], "now": now})


def postpone_followups(ids: Iterable[int], until: datetime) -> None:
    """Make these follow-ups due at `until`."""
    execute(held_queries.POSTPONE_FOLLOWUPS, {"id": list(ids), "until": until})


def schedule_followups(later: Sequence[LaterFollowup]) -> None:
    """Create follow-ups that are due later."""
    execute(
        held_queries.SCHEDULE_FOLLOWUPS,
        {
            "job_id": [each.job_id for each in later],
            "concurrency_key": [each.concurrency_key for each in later],
            "rate_key": [each.rate_key for each in later],
            "due_at": [each.due_at for each in later],
        },
    )


def enable_followups(job_ids: Collection[UUID]) -> None:
    """From now on, create a follow-up whenever a run of these jobs ends."""
    if job_ids:
        execute(held_queries.ENABLE_FOLLOWUPS, {"job_id": sorted(job_ids)})


def disable_followups(job_ids: Collection[UUID]) -> None:
    """Undo `enable_followups` for these jobs, except for jobs that have buffered runs."""
    if job_ids:
        execute(held_queries.DISABLE_FOLLOWUPS, {"job_id": list(job_ids)})


def open_scheduled(new: Sequence[NewRun], now: datetime, *, published: bool) -> dict[int, UUID]:
    """Create runs for occurrences, including skipped occurrences. Returns the created runs' ids by index in `new`.

    `published`: whether the caller publishes the runs after its commit. If true, a beat publishes a run again only if
    no worker claims the run. If false, the beats are woken to publish the runs now.
    """
    dispatch_at = now + settings.MAINSPRING.republish_after if published else now
    created = transitions.open_runs(new, now, dispatch_at=dispatch_at, published=published)
    if created and not published:
        wake_beat()
    return created


def open_requested(new: NewRun, policies: RunPolicies, now: datetime, *, actor: str) -> Run:
    """Create a run that somebody requested, and wake the beats.

    The limits, the priority and the start deadline of `policies` apply to the run. The overlap policy does not apply.
    """
    with transaction.atomic():
        (run_id,) = open_all([apply_policies(new, policies)], now, actor=actor)
        wake_beat()
    return Run.objects.select_related("spec").get(pk=run_id)


def open_all(new: Sequence[NewRun], now: datetime, *, actor: str = "") -> list[UUID]:
    """Create all of these runs. Returns the ids of the runs. Call inside a transaction.

    If the job already has a run with the same origin and instant, the new run gets another instant: the next
    microsecond that is free. Without this, the new run would be dropped as a duplicate.
    """
    ids: list[UUID] = []
    while new:
        created = transitions.open_runs(new, now, dispatch_at=now, actor=actor)
        ids += created.values()
        new = [
            replace(run, nominal_at=run.nominal_at + MICROSECOND)
            for place, run in enumerate(new)
            if place not in created
        ]
    return ids


def open_backfill_runs(new: Sequence[NewRun], now: datetime, *, actor: str) -> None:
    """Create the runs of a backfill and wake the beats to publish them.

    The caller holds the job's lock. `new` may contain retries. If the job already has a retry with the same instant,
    the new retry gets a later instant. The caller has checked that the instants of all other runs in `new` are free.
    """
    left = list(new)
    while left:
        created = transitions.open_runs(left, now, dispatch_at=now, actor=actor)
        again = [run for place, run in enumerate(left) if place not in created and run.origin is Origin.RETRY]
        # Later than all instants of this call, so that the retries keep their order.
        left = [replace(run, nominal_at=run.nominal_at + len(new) * MICROSECOND) for run in again]
    wake_beat()


def retry(run: Run, now: datetime, *, actor: str) -> Run:
    """Create and return a run that repeats an ended run, with the same frozen definition. Raises StillLive, CannotRead.

    `retry_of` of the new run is the original run, also for a retry of a retry. The target gets the nominal instant of
    the original run.
    """
    if not run.is_terminal:
        raise StillLive(f"The run is {run.status}: cancel it or wait for its end before you retry it.")
    again = NewRun(
        scope_id=run.scope_id,
        job_id=run.job_id,
        spec_id=run.spec_id,
        nominal_at=now,
        origin=Origin.RETRY,
        retry_of=run.retry_of or run.pk,
    )
    return open_requested(again, value_or_raise(run.spec.readable_policies), now, actor=actor)


def cancel(run: Run, now: datetime, *, actor: str) -> RunStatus:
    """Cancel a run; a running run gets a stop request. Returns the run's status afterwards. Raises NothingToCancel.

    A second request changes nothing: the run keeps its first stop request.
    """
    status = transitions.cancel(run.pk, now, actor=actor)
    if status is None:
        run.refresh_from_db(fields=["status"])
        if run.is_terminal:
            raise NothingToCancel(f"The run has ended already: {run.status}.")
        status = RunStatus(run.status)
    return status
