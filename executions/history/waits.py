"""What held runs wait for, as a text for people."""

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
    """Return what each held run of `runs` waits for, by run id. At most three queries; none if no run is held."""
    held = [run for run in runs if run.status == RunStatus.HELD]
    if not held:
        return {}
    waiting = {run.pk: _held_run(run) for run in held}
    usage = usage_of(list(waiting.values()))
    return {run.pk: _text(run, usage.hold_of(waiting[run.pk], now), now) for run in held}


def waiting_reasons_by_id(run_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """Like `waiting_reasons`, for runs by id. One query more; none without ids."""
    held = Run.objects.select_related("spec").filter(pk__in=run_ids) if run_ids else []
    return waiting_reasons(list(held), now)


def _held_run(run: Run) -> HeldRun:
    policies = value_or_none(run.spec.readable_policies) or RunPolicies()
    return HeldRun(run.pk, run.job_id, run.is_buffered, run.concurrency_key, run.rate_key, run.terms, policies)


def _text(run: Run, hold: Hold | None, now: datetime) -> str:
    if run.available_at > now:
        return f"Waits until {exact_text(run.available_at, now)}"
    match hold:
        case None:
            return "Waits for its turn"
        case BufferHold(n_active):
            return f"Waits for the job's {'other run' if n_active == 1 else f'{n_active} other runs'} to end"
        case ConcurrencyHold(n_active, limit):
            of = f"with the key “{limit.key}”" if limit.key else "of the job"
            runs = "run" if n_active == 1 else "runs"
            return f"Waits for the concurrency limit: {n_active:,} active {runs} {of}, at most {limit.limit:,} allowed"
        case RateHold(may_at):
            return f"Waits for the rate limit until {exact_text(may_at, now)}"
        case _:
            assert_never(hold)
