"""The life of one attempt: claim, target, outcome, end. Two round trips to the database, whatever happens between."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import connection

from executions import endings, transitions
from executions.context import RunContext
from executions.heartbeat import heartbeat
from executions.models.spec import timeout_of
from executions.policies import RunPolicies
from executions.targets import registry
from executions.targets.base import Failed, InvalidTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from executions.targets.base import Outcome

log = structlog.get_logger(__name__)


def read_clock() -> datetime:
    """Return the present instant. The runner measures real work, so it is an entry point to the clock."""
    return datetime.now(UTC)


def carry_out(
    wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime] = read_clock
) -> list[transitions.Ending]:
    """Carry out the runs of one message; returns how they ended. A claim that is spent is passed over."""
    claims = transitions.claim(wanted, clock(), lease=settings.MAINSPRING.lease, worker=worker)
    if len(claims) < len(wanted):
        log.info("claims_spent", action="claim", n_wanted=len(wanted), n_claimed=len(claims))
    return [_attempt(claim, clock) for claim in claims]


def _attempt(claim: transitions.Claim, clock: Callable[[], datetime]) -> transitions.Ending:
    policies = RunPolicies.model_validate(claim.policies)
    context = RunContext(claim, timeout_of(claim.target_kind, policies))
    heartbeat.get().watch(context)
    try:
        _give_back()
        outcome = _execute(claim, context)
    finally:
        heartbeat.get().release(context)
    connection.close_if_unusable_or_obsolete()  # a command may have left it inside a broken transaction
    context.run_log.flush()
    tried = endings.Tried(claim.run_id, claim.claim_no, claim.attempt, claim.n_lost)
    ending = endings.after_outcome(tried, outcome, policies, clock(), random.random())
    _write(ending, claim, clock())
    return ending


def _give_back() -> None:
    """Let others have the connection while the target takes its time; without a pool there are no others."""
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close()


def _execute(claim: transitions.Claim, context: RunContext) -> Outcome:
    try:
        config = registry.parse(claim.target, claim.payload)
    except InvalidTarget as error:
        # It was valid when it was saved: the code of this worker has changed since.
        return Failed("invalid_target", f"This worker cannot carry out the frozen definition: {error}", permanent=True)
    return registry.TARGETS[claim.target_kind].execute(config, claim.payload, context)


def _write(ending: transitions.Ending, claim: transitions.Claim, now: datetime) -> None:
    facts = {"run": str(claim.run_id), "job": claim.job_name, "attempt": claim.attempt}
    if ending.run_id in transitions.finish([ending], now):
        log.info("attempt_ended", action="finish", status=ending.status.value, error_code=ending.error_code, **facts)
    else:
        log.warning("claim_lost", action="finish", outcome=ending.attempt_status.value, **facts)
