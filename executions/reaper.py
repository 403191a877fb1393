"""Recovery of runs whose worker was killed or cut off: their lease has run out."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import transaction

from executions import endings, queries, transitions
from executions.models.spec import timeout_of
from executions.policies import RunPolicies
from executions.states import LIVE

if TYPE_CHECKING:
    from datetime import datetime

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reaped:
    n_again: int = 0  # to be carried out again
    n_over: int = 0


def reap_once(now: datetime, limit: int) -> Reaped:
    """End up to `limit` attempts whose lease has run out, by the same fenced write that a worker uses."""
    with transaction.atomic():
        rows = queries.fetch(queries.EXPIRED, {"now": now, "limit": limit})
        decided = [_ending(row, now) for row in rows]
        written = transitions.finish(decided, now) if decided else set()
        again = [ending for ending in decided if ending.status in LIVE and ending.run_id in written]
        if again:
            queries.wake_beat()
    reaped = Reaped(n_again=len(again), n_over=len(written) - len(again))
    if written:
        log.warning("leases_expired", action="reap", n_again=reaped.n_again, n_over=reaped.n_over)
    return reaped


def _ending(row: tuple[Any, ...], now: datetime) -> transitions.Ending:
    run_id, claim_no, attempt, n_lost, attempt_at, lease_expires_at, cancel_requested, target_kind, policies_json = row
    tried = endings.Tried(run_id, claim_no, attempt, n_lost)
    if cancel_requested:
        return endings.after_cancellation(tried)
    policies = RunPolicies.model_validate(json.loads(policies_json))
    # The last sign of life tells a worker that died from one that was killed since its target would not stop.
    last_alive_at = lease_expires_at - settings.MAINSPRING.lease
    if last_alive_at + settings.MAINSPRING.heartbeat >= attempt_at + timeout_of(target_kind, policies):
        return endings.after_kill(tried, policies, now, random.random())
    return endings.after_loss(tried, policies, now)
