"""The public face of the run side: what people and other rooms may ask of it, and the words for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from executions import queries, transitions
from executions.database import fetch
from executions.exceptions import NothingToCancel, StillLive
from executions.models import Run, RunSpec
from executions.models.spec import freeze, supersede
from executions.queries import NOTIFY_CHANNEL, wake_beat
from executions.states import Origin, RunStatus
from executions.transitions import NewRun, cancel_not_begun

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

__all__ = [
    "MICROSECOND",
    "NOTIFY_CHANNEL",
    "NewRun",
    "Run",
    "RunSpec",
    "cancel",
    "cancel_not_begun",
    "count_live",
    "freeze",
    "open_by_hand",
    "open_scheduled",
    "retry",
    "supersede",
    "wake_beat",
]

MICROSECOND = timedelta(microseconds=1)


def count_live(job_ids: Collection[UUID]) -> Counter[UUID]:
    """Return how many runs of each of these jobs are not over."""
    return Counter(dict(fetch(queries.COUNT_LIVE, {"job_id": list(job_ids)}) if job_ids else []))


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


def open_by_hand(new: NewRun, now: datetime, *, actor: str) -> Run:
    """Open one run that somebody asked for, to start at once, and wake the beats to publish it."""
    with transaction.atomic():
        while not (born := transitions.open_runs([new], now, dispatch_at=now, actor=actor)):
            new = replace(new, nominal_at=new.nominal_at + MICROSECOND)  # another request had this very instant
        wake_beat()
    return Run.objects.select_related("spec").get(pk=born[0])


def retry(run: Run, now: datetime, *, actor: str) -> Run:
    """Carry an ended run out again, under the definition that it had. Raises StillLive.

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
    return open_by_hand(again, now, actor=actor)


def cancel(run: Run, now: datetime, *, actor: str) -> RunStatus:
    """Cancel a run, or ask it to stop when it is running; returns its status after that. Raises NothingToCancel."""
    status = transitions.cancel(run.pk, now, actor=actor)
    if status is None:
        run.refresh_from_db(fields=["status"])
        raise NothingToCancel(f"The run is over already: {run.status}.")
    return status
