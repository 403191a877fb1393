"""The life of one attempt: claim, target, outcome, end. Two round trips to the database, whatever happens between."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import InterfaceError, OperationalError, connection

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

BETWEEN_TRIES = 1.0  # seconds, while the database is away


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
    attempts = [(claim, RunContext(claim)) for claim in claims]
    for _, context in attempts:
        heartbeat.get().watch(context)
    try:
        return [_attempt(claim, context, clock) for claim, context in attempts]
    finally:
        for _, context in attempts:
            heartbeat.get().release(context)


def _attempt(claim: transitions.Claim, context: RunContext, clock: Callable[[], datetime]) -> transitions.Ending:
    outcome, policies = _execute(claim, context)
    tried = endings.Tried(claim.run_id, claim.claim_no, claim.attempt, claim.n_lost)
    ending = endings.after_outcome(tried, outcome, policies, clock(), random.random())
    _store_log(context)
    _finish(ending, claim, clock)
    heartbeat.get().release(context)
    return ending


def _execute(claim: transitions.Claim, context: RunContext) -> tuple[Outcome, RunPolicies]:
    try:
        policies = RunPolicies.model_validate(claim.policies)
        context.timeout = timeout_of(claim.target_kind, policies)
        config = registry.parse(claim.target, claim.payload)
    except (InvalidTarget, ValueError, KeyError) as error:
        # It was valid when it was saved: the code of this worker is another version's.
        message = f"This worker cannot carry out the frozen definition: {error}"
        return Failed("invalid_definition", message, permanent=True), RunPolicies()
    _give_back()
    try:
        return registry.TARGETS[claim.target_kind].execute(config, claim.payload, context), policies
    except Exception as error:
        log.exception("target_raised", action="execute", run=str(claim.run_id))
        return Failed("internal_error", f"The target raised {type(error).__name__}: {error}"), policies
    finally:
        connection.close_if_unusable_or_obsolete()  # a command may have left it inside a broken transaction


def _give_back() -> None:
    """Let others have the connection while the target takes its time; without a pool there are no others."""
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close()


def _store_log(context: RunContext) -> None:
    try:
        context.run_log.flush()
    except DatabaseFault:
        log.exception("log_not_stored", action="flush", run=str(context.run_id))


def _finish(ending: transitions.Ending, claim: transitions.Claim, clock: Callable[[], datetime]) -> None:
    """Write the end, while the database is away again and again for as long as a lease lasts.

    After that the reaper has the run carried out again, and this end, by the claim's number, changes nothing.
    """
    facts = {"run": str(claim.run_id), "job": claim.job_name, "attempt": claim.attempt}
    give_up_at, status = clock() + settings.MAINSPRING.lease, None
    is_written = False
    while not is_written:
        try:
            status = transitions.finish([ending], clock()).get(ending.run_id)
            is_written = True
        except (OperationalError, InterfaceError) as error:
            if clock() >= give_up_at:
                raise
            log.warning("database_away", action="finish", error=str(error).strip(), **facts)
            connection.close()
            threading.Event().wait(BETWEEN_TRIES)
    if status:
        log.info("attempt_ended", action="finish", status=status.value, error_code=ending.error_code, **facts)
    else:
        log.warning("claim_lost", action="finish", outcome=ending.attempt_status.value, **facts)
