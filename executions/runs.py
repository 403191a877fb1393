"""The public face of the run side: what people and other rooms may ask of it, and the words for it."""

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
from executions.lifecycle.transitions import NewRun, cancel_backfill_runs, cancel_not_running
from executions.models import Run, RunSpec
from executions.models.spec import freeze, freeze_first, supersede
from executions.policies.overlap import LiveRuns, Stop
from executions.states import LIVE, Origin, RunStatus
from values.database import execute, fetch, fetch_planned
from values.readable import value_or_raise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from executions.lifecycle.admission import Later
    from executions.policies.run_policies import RunPolicies

__all__ = [
    "MICROSECOND",
    "NOTIFY_CHANNEL",
    "Followup",
    "NewRun",
    "Run",
    "RunSpec",
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
    "has_live_scheduled_run",
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

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Followup:
    """A job, or keys, for which something may follow: a run has ended (`run_id`), or one is held."""

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
    """Return what goes on of those of these jobs that have runs which are not over."""
    rows = fetch_planned(queries.COUNT_LIVE, {"job_id": list(job_ids)}) if job_ids else []
    return {job_id: LiveRuns(n_active, n_held) for job_id, n_active, n_held in rows}


def has_live_scheduled_run(job_id: UUID) -> bool:
    """Whether a run of an occurrence of this job is not over."""
    return Run.objects.filter(job_id=job_id, origin=Origin.SCHEDULE, status__in=LIVE).exists()


def stop_live_runs(stops: Mapping[UUID, Stop], now: datetime) -> None:
    """Cancel or terminate what goes on of these jobs, for a later run's sake."""
    for stop, act in ((Stop.CANCEL, transitions.cancel_others), (Stop.TERMINATE, transitions.terminate_others)):
        if job_ids := [job_id for job_id, wanted in stops.items() if wanted is stop]:
            act(job_ids, now)


def take_followups(now: datetime, limit: int) -> list[Followup]:
    """Lock and return what is to be followed up, without what another has in hand. Inside a transaction."""
    return [Followup(*row) for row in fetch(held_queries.TAKE_FOLLOWUPS, {"now": now, "limit": limit})]


def take_followups_by_id(ids: Sequence[int], now: datetime) -> list[Followup]:
    """The same for those of these that are due."""
    values = {"id": list(ids), "now": now, "limit": len(ids)}
    return [Followup(*row) for row in fetch(held_queries.TAKE_FOLLOWUPS_BY_ID, values)]


def due_followup_ids(now: datetime, limit: int) -> list[int]:
    """The ids of up to `limit` that are due, locked by somebody or not."""
    return [followup_id for (followup_id,) in fetch(held_queries.DUE_FOLLOWUP_IDS, {"now": now, "limit": limit})]


def delete_followups(done: Iterable[Followup]) -> None:
    """Take these off the list."""
    execute(held_queries.DELETE_FOLLOWUPS, {"id": [followup.id for followup in done]})


def requeue_followups(done: Iterable[Followup], now: datetime) -> None:
    """Look at what is held for these again, but no more at the ends of runs that they tell of."""
    execute(held_queries.REQUEUE_FOLLOWUPS, {"id": [followup.id for followup in done], "now": now})


def postpone_followups(ids: Iterable[int], until: datetime) -> None:
    """Look at these again at `until`."""
    execute(held_queries.POSTPONE_FOLLOWUPS, {"id": list(ids), "until": until})


def schedule_followups(later: Sequence[Later]) -> None:
    """Have these looked at when their instants come."""
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
    """Say that something follows when a run of these jobs has ended."""
    if job_ids:
        execute(held_queries.ENABLE_FOLLOWUPS, {"job_id": sorted(job_ids)})


def disable_followups(job_ids: Collection[UUID]) -> None:
    """Say that nothing follows any more, of those that no held run waits for."""
    if job_ids:
        execute(held_queries.DISABLE_FOLLOWUPS, {"job_id": list(job_ids)})


def open_scheduled(new: Sequence[NewRun], now: datetime, *, published: bool) -> dict[int, UUID]:
    """Open the runs of occurrences, those that did not start included; returns the ids of new ones by place.

    With `published` the caller publishes them after its commit, and they are due again only if nobody claims
    them; without, they are due to be published now.
    """
    dispatch_at = now + settings.MAINSPRING.republish_after if published else now
    born = transitions.open_runs(new, now, dispatch_at=dispatch_at, published=published)
    if born and not published:
        wake_beat()
    return born


def open_requested(new: NewRun, policies: RunPolicies, now: datetime, *, actor: str) -> Run:
    """Open one run that somebody asked for, to start as soon as its limits allow, and wake the beats to publish it."""
    with transaction.atomic():
        (run_id,) = open_all([apply_policies(new, policies)], now, actor=actor)
        wake_beat()
    return Run.objects.select_related("spec").get(pk=run_id)


def open_all(new: Sequence[NewRun], now: datetime, *, actor: str = "") -> list[UUID]:
    """Open every one of these runs, due to be published now; where one has the very instant of another, a little later.

    Inside a transaction.
    """
    ids: list[UUID] = []
    while new:
        born = transitions.open_runs(new, now, dispatch_at=now, actor=actor)
        ids += born.values()
        new = [
            replace(one, nominal_at=one.nominal_at + MICROSECOND) for place, one in enumerate(new) if place not in born
        ]
    return ids


def open_backfill_runs(new: Sequence[NewRun], now: datetime, *, actor: str) -> None:
    """Open runs of a backfill, for whose instants the caller has looked under the job's lock. Beats publish them."""
    left = list(new)
    while left:
        born = transitions.open_runs(left, now, dispatch_at=now, actor=actor)
        again = [run for place, run in enumerate(left) if place not in born and run.origin is Origin.RETRY]
        left = [replace(run, nominal_at=run.nominal_at + len(new) * MICROSECOND) for run in again]
    wake_beat()


def retry(run: Run, now: datetime, *, actor: str) -> Run:
    """Carry an ended run out again, under the definition that it had. Raises StillLive, CannotRead.

    A retry of a retry is one of the first run: that has the instant which the schedule meant.
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
    """Cancel a run, or ask it to stop when it is running; returns its status after that. Raises NothingToCancel."""
    status = transitions.cancel(run.pk, now, actor=actor)
    if status is None:
        run.refresh_from_db(fields=["status"])
        raise NothingToCancel(f"The run is over already: {run.status}.")
    return status
