"""Why held runs cannot start yet, and why a queued run waits in a worker, as texts for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never
from uuid import UUID

from executions.lifecycle.admission import BufferHold, ConcurrencyHold, HeldRun, Hold, RateHold, usage_of
from executions.models import Run, RunSpec
from executions.policies.run_policies import RunPolicies
from executions.states import RunStatus
from executions.targets.registry import TARGETS
from values.instants import exact_text
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# Other reasons to publish a run later, such as an unavailable broker, postpone it by at most a second.
MAX_OTHER_DELAY = timedelta(seconds=1)


def waiting_reasons(runs: Sequence[Run], now: datetime) -> dict[UUID, str]:
    """Map the id of each run in `runs` that is held, or waits in a worker, to a text that says why it cannot start yet.

    All other runs are left out. At most four queries.
    """
    in_worker = _waits_in_workers(runs, now)
    held = [run for run in runs if run.status == RunStatus.HELD]
    if not held:
        return in_worker
    waiting = {run.pk: _held_run(run) for run in held}
    usage = usage_of(list(waiting.values()))
    return in_worker | {run.pk: _text(run, usage.hold_of(waiting[run.pk], now), now) for run in held}


def _waits_in_workers(runs: Sequence[Run], now: datetime) -> dict[UUID, str]:
    """Return why runs wait that a worker has postponed (`worker/waiting.py`), by id. At most one query."""
    postponed = [run for run in runs if _is_postponed(run, now)]
    # Lists of runs are loaded without the targets.
    ids = {run.spec_id for run in postponed}
    specs = RunSpec.objects.filter(pk__in=ids).values_list("pk", "target_kind", "target") if ids else []
    names = {spec_id: _share_name(kind, stored) for spec_id, kind, stored in specs}
    return {
        run.pk: f"It waits in a worker until other runs that use {name} have ended"
        for run in postponed
        if (name := names.get(run.spec_id))
    }


def _is_postponed(run: Run, now: datetime) -> bool:
    if run.status != RunStatus.QUEUED or run.n_published or run.dispatch_at is None or run.available_at > now:
        return False
    return run.dispatch_at > now + MAX_OTHER_DELAY


def _share_name(kind: str, stored: object) -> str:
    target = TARGETS.get(kind)
    return target.share_of(stored) if target and isinstance(stored, Mapping) else ""


def waiting_reasons_by_id(run_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """Like `waiting_reasons`, but for the runs with these ids. At most five queries."""
    held = Run.objects.select_related("spec").filter(pk__in=run_ids) if run_ids else []
    return waiting_reasons(list(held), now)


def _held_run(run: Run) -> HeldRun:
    policies = value_or_none(run.spec.readable_policies) or RunPolicies()
    return HeldRun(run.pk, run.job_id, run.is_buffered, run.concurrency_key, run.rate_key, run.terms, policies)


def _text(run: Run, hold: Hold | None, now: datetime) -> str:
    if run.available_at > now:
        return f"No start before {exact_text(run.available_at, now)}"
    match hold:
        case None:
            return "The run may start now: the beat will queue it soon"
        case BufferHold(n_active):
            return (
                "The job's other run has not ended"
                if n_active == 1
                else f"The job's {n_active:,} other runs have not ended"
            )
        case ConcurrencyHold(n_active, limit):
            of = f"with the key “{limit.key}”" if limit.key else "of the job"
            runs = "run" if n_active == 1 else "runs"
            return f"Concurrency limit reached: {n_active:,} active {runs} {of}, at most {limit.limit:,} allowed"
        case RateHold(may_at):
            return f"Rate limit reached: no start before {exact_text(may_at, now)}"
        case _:
            assert_never(hold)
