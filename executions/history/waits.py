"""Why held runs cannot start yet, as texts for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never
from uuid import UUID

from executions.lifecycle.admission import BufferHold, ConcurrencyHold, HeldRun, Hold, RateHold, usage_of
from executions.models import Run
from executions.policies.run_policies import RunPolicies
from executions.states import RunStatus
from values.instants import exact_text
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def waiting_reasons(runs: Sequence[Run], now: datetime) -> dict[UUID, str]:
    """Map the id of each held run in `runs` to a text that says why the run cannot start yet. At most three queries.

    Runs with another status are left out.
    """
    held = [run for run in runs if run.status == RunStatus.HELD]
    if not held:
        return {}
    waiting = {run.pk: _held_run(run) for run in held}
    usage = usage_of(list(waiting.values()))
    return {run.pk: _text(run, usage.hold_of(waiting[run.pk], now), now) for run in held}


def waiting_reasons_by_id(run_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """Like `waiting_reasons`, but for the runs with these ids. At most four queries."""
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
