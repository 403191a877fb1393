"""Recovers runs whose lease has expired.

A lease expires if the worker was killed or cut off from the database. A lease also expires if Celery's pool killed a
process because its attempt exceeded the timeout.

Also creates missing follow-ups for held runs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import transaction

from executions.lifecycle import held_queries, queries, transitions
from executions.lifecycle.types import Ending
from executions.models.spec import timeout_of
from executions.policies.run_policies import RunPolicies, read_policies
from executions.states import LIVE
from executions.targets.base import INVALID_DEFINITION, Failed
from executions.worker import endings
from values.database import execute, fetch, one_line, split_on_failure
from values.readable import value_or_raise

if TYPE_CHECKING:
    from datetime import datetime

log = structlog.get_logger(__name__)

MAX_HELD_PER_QUERY = 10_000  # maximum number of held runs that one recheck reads, in a fraction of a second


@dataclass(frozen=True, slots=True)
class Reaped:
    """The result of `reap_once`. `n_again`: runs that will be executed again. `n_over`: runs that have ended."""

    n_again: int = 0
    n_over: int = 0


def reap_once(now: datetime, limit: int) -> Reaped:
    """End the attempts whose lease has expired (at most `limit`), with the same write that a worker uses.

    A worker that is still alive may write an ending for the same attempt. Each write checks the claim, and the first
    write ends the claim, so only the first write succeeds.
    """
    with transaction.atomic():
        rows = fetch(queries.EXPIRED_LEASES, {"now": now, "limit": limit})
        parts, faults = split_on_failure(
            lambda some: transitions.finish([_ending(row, now) for row in some], now), rows
        )
        written = {run_id: status for part in parts for run_id, status in part.items()}
        n_again = sum(status in LIVE for status in written.values())
        if n_again:
            queries.wake_beat()
    for (run_id, *_), error in faults.items():
        log.error("cannot_recover", action="reap", run=str(run_id), error=one_line(error))
    reaped = Reaped(n_again=n_again, n_over=len(written) - n_again)
    if written:
        log.warning("leases_expired", action="reap", n_again=reaped.n_again, n_over=reaped.n_over)
    return reaped


def recheck_held(now: datetime) -> int:
    """Create follow-ups for held runs, in case a follow-up is missing. Returns the number of follow-ups."""
    n_groups = execute(held_queries.RECHECK_HELD, {"now": now, "limit": MAX_HELD_PER_QUERY})
    if n_groups:
        queries.wake_beat()
    return n_groups


def _ending(row: tuple[Any, ...], now: datetime) -> Ending:
    run_id, claim_no, attempt, n_lost, attempt_at, lease_expires_at, target_kind, policies_json = row
    ended = endings.EndedAttempt(run_id, claim_no, attempt, n_lost)
    try:
        policies = value_or_raise(read_policies(policies_json))
        timeout = timeout_of(target_kind, policies)
    except ValueError as error:
        # Another version of the code wrote these policies. Fail only this run: the other runs must be recovered.
        log.exception("cannot_recover", action="reap", run=str(run_id))
        failed = Failed(
            INVALID_DEFINITION, f"The worker was lost, and this version cannot read the run's definition: {error}", True
        )
        return endings.after_outcome(ended, failed, RunPolicies(), now, 0)
    # A lease expires for two reasons: the worker died, or Celery's pool killed the process because the target exceeded
    # its timeout. The process was alive at the last renewal of the lease, and for up to one heartbeat after it. If the
    # timeout ended within that time, the attempt timed out. Otherwise the worker died before.
    last_alive_at = lease_expires_at - settings.MAINSPRING.lease
    if last_alive_at + settings.MAINSPRING.heartbeat >= attempt_at + timeout:
        return endings.after_kill(ended, policies, now, random.random())
    return endings.after_loss(ended, policies, now)
