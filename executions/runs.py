"""The interface of the run side: what `schedules`, the API and the admin call to create, stop and retry runs."""

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

MICROSECOND = timedelta(microseconds=1)  # the database's resolution: the next instant that a run can have


@dataclass(frozen=True, slots=True)
class Followup:
    """A note that held runs of this job or with these keys may start, because a run has ended (`run_id`) or is held."""

    id: int
    job_id: UUID
    run_id: UUID | None
    concurrency_key: str
    rate_key: str

    @property
    def about(self) -> tuple[UUID, str, str]:
        """The job and the keys of which held runs may start."""
        return self.job_id, self.concurrency_key, self.rate_key


def live_runs(job_ids: Collection[UUID]) -> dict[UUID, LiveRuns]:
    """Count the live runs of these jobs. Jobs without any are left out."""
    rows = fetch_planned(queries.COUNT_LIVE, {"job_id": list(job_ids)}) if job_ids else []
    return {job_id: LiveRuns(n_active, n_held) for job_id, n_active, n_held in rows}


def jobs_with_live_scheduled_run(job_ids: Collection[UUID]) -> set[UUID]:
    """Return the jobs among `job_ids` that have a live run which their schedule started. One query."""
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
    """Return the ids of up to `limit` due follow-ups, locked ones too."""
    return [followup_id for (followup_id,) in fetch(held_queries.DUE_FOLLOWUP_IDS, {"now": now, "limit": limit})]


def delete_followups(done: Iterable[Followup]) -> None:
    """Delete follow-ups that are handled."""
    execute(held_queries.DELETE_FOLLOWUPS, {"id": [followup.id for followup in done]})


def requeue_followups(followups: Iterable[Followup], now: datetime) -> None:
    """Put these follow-ups at the back of the queue, to admit more held runs. Clear the ended runs: they are handled."""
    execute(held_queries.REQUEUE_FOLLOWUPS, {"id": [followup.id for followup in followups], "now": now})


def postpone_followups(ids: Iterable[int], until: datetime) -> None:
    """Process these follow-ups at `until` instead of now."""
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
    """Create a follow-up whenever a run of these jobs ends, from now on."""
    if job_ids:
        execute(held_queries.ENABLE_FOLLOWUPS, {"job_id": sorted(job_ids)})


def disable_followups(job_ids: Collection[UUID]) -> None:
    """Create no more follow-ups for these jobs, except for jobs that have buffered runs."""
    if job_ids:
        execute(held_queries.DISABLE_FOLLOWUPS, {"job_id": list(job_ids)})


def open_scheduled(new: Sequence[NewRun], now: datetime, *, published: bool) -> dict[int, UUID]:
    """Create the runs of occurrences, skipped ones too. Returns the ids of the created runs, by their index in `new`.

    With `published`, the caller publishes the runs after its commit, and the beat publishes only runs that no worker
    claims. Without it, the runs are due to be published now.
    """
    dispatch_at = now + settings.MAINSPRING.republish_after if published else now
    created = transitions.open_runs(new, now, dispatch_at=dispatch_at, published=published)
    if created and not published:
        wake_beat()
    return created


def open_requested(new: NewRun, policies: RunPolicies, now: datetime, *, actor: str) -> Run:
    """Create a run that somebody requested, under the job's limits, and wake the beats to publish it."""
    with transaction.atomic():
        (run_id,) = open_all([apply_policies(new, policies)], now, actor=actor)
        wake_beat()
    return Run.objects.select_related("spec").get(pk=run_id)


def open_all(new: Sequence[NewRun], now: datetime, *, actor: str = "") -> list[UUID]:
    """Create all of these runs, due to be published now. Returns their ids. Call inside a transaction.

    If the job already has a run of the same origin at the same instant, the new run gets the next free microsecond.
    Otherwise the new run would be dropped as a duplicate.
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

    The caller holds the job's lock and has checked which instants are free. Only a retry may still find its instant
    taken; it gets a later one.
    """
    left = list(new)
    while left:
        created = transitions.open_runs(left, now, dispatch_at=now, actor=actor)
        again = [run for place, run in enumerate(left) if place not in created and run.origin is Origin.RETRY]
        # Beyond all instants of this call, so that the retries keep their order.
        left = [replace(run, nominal_at=run.nominal_at + len(new) * MICROSECOND) for run in again]
    wake_beat()


def retry(run: Run, now: datetime, *, actor: str) -> Run:
    """Create a run that repeats an ended one, under its frozen definition. Raises StillLive, CannotRead.

    A retry of a retry refers to the first run, whose nominal instant the target gets.
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
    """Cancel a run, or request that it stops if it is running. Returns its new status. Raises NothingToCancel."""
    status = transitions.cancel(run.pk, now, actor=actor)
    if status is None:
        run.refresh_from_db(fields=["status"])
        raise NothingToCancel(f"The run has ended already: {run.status}.")
    return status
