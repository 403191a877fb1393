"""What held runs wait for, as a text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from executions.lifecycle import held_queries
from executions.models import Run
from executions.policies.limits import admit_at
from executions.states import RunStatus
from values.database import fetch
from values.instants import exact_text
from values.readable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

IN_TURN = "Waits for its turn"


def waiting_reasons(runs: Sequence[Run], now: datetime) -> dict[UUID, str]:
    """Return what each held run of `runs` waits for, by run id. At most three queries; none if no run is held."""
    held = [run for run in runs if run.status == RunStatus.HELD]
    if not held:
        return {}
    jobs = list({run.job_id for run in held if run.is_buffered})
    keys = list({run.concurrency_key for run in held if run.concurrency_key})
    rates = list({run.rate_key for run in held if run.rate_key})
    n_by_job = dict(fetch(held_queries.COUNT_ACTIVE, {"job_id": jobs})) if jobs else {}
    n_by_key = dict(fetch(held_queries.COUNT_OF_KEYS, {"key": keys})) if keys else {}
    arrives_at = dict(fetch(held_queries.RATES, {"key": rates})) if rates else {}
    return {run.pk: _text(run, n_by_job.get(run.job_id, 0), n_by_key, arrives_at, now) for run in held}


def waiting_reasons_by_id(run_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """Like `waiting_reasons`, for runs by id. One query more; none without ids."""
    held = Run.objects.select_related("spec").filter(pk__in=run_ids) if run_ids else []
    return waiting_reasons(list(held), now)


def _text(
    run: Run, n_others: int, n_by_key: Mapping[str, int], arrives_at: Mapping[str, datetime], now: datetime
) -> str:
    # Checks in the order of `admission.Usage.decide`, so that the text names what really holds the run.
    if run.available_at > now:
        return f"Waits until {exact_text(run.available_at, now)}"
    if run.is_buffered and n_others:
        return f"Waits for the job's {'other run' if n_others == 1 else f'{n_others} other runs'} to end"
    policies = run.spec.readable_policies
    if isinstance(policies, Unreadable):
        return IN_TURN
    limit, rate = policies.concurrency, policies.rate_limit
    if limit and (n_active := n_by_key.get(run.concurrency_key, 0)) >= limit.limit:
        of = f"with the key “{limit.key}”" if limit.key else "of the job"
        runs = "run" if n_active == 1 else "runs"
        return f"Waits for the concurrency limit: {n_active:,} active {runs} {of}, at most {limit.limit:,} allowed"
    if rate:
        may_at, _ = admit_at(rate, arrives_at.get(run.rate_key), now)
        if may_at > now:
            return f"Waits for the rate limit until {exact_text(may_at, now)}"
    return IN_TURN
