"""The life of one attempt: claim, target, outcome, end. Two round trips to the database, whatever happens between."""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection

from executions import endings, transitions
from executions.context import RunContext
from executions.database import DATABASE_AWAY, give_back, one_line
from executions.heartbeat import heartbeat
from executions.models.spec import timeout_of
from executions.policies import RunPolicies
from executions.states import RunStatus
from executions.targets import registry
from executions.targets.base import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from executions.targets.base import Outcome

log = structlog.get_logger(__name__)

BETWEEN_TRIES = 1.0  # seconds, while the database is away
CLAIM_TRIES = 5  # in less than dispatch.KILL_AFTER, which is all the time that the pool grants beside the target's


def read_clock() -> datetime:
    """Return the present instant. The runner measures real work, so it is an entry point to the clock."""
    return datetime.now(UTC)


def carry_out(
    wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime] = read_clock
) -> list[transitions.Ending]:
    """Carry out the runs of one message; returns how they ended. A claim that is spent is passed over."""
    attempts = [_begin(claim) for claim in _claim(wanted, worker, clock)]
    for begun in attempts:
        heartbeat.get().watch(begun.context)
    try:
        return [_attempt(begun, clock) for begun in attempts]
    finally:
        for begun in attempts:
            heartbeat.get().release(begun.context)


def _claim(wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime]) -> list[transitions.Claim]:
    """Claim what is left of this message. When the database stays away it is given up, and published again later."""
    for n_tried in range(CLAIM_TRIES):
        try:
            claims = transitions.claim(wanted, clock(), lease=settings.MAINSPRING.lease, worker=worker)
        except DATABASE_AWAY as error:
            connection.close()
            if n_tried:  # the first time it was most likely an old connection
                threading.Event().wait(BETWEEN_TRIES)
            if n_tried == CLAIM_TRIES - 1:
                log.warning("database_away", action="claim", n_given_up=len(wanted), error=one_line(error))
        else:
            if len(claims) < len(wanted):
                log.info("claims_spent", action="claim", n_wanted=len(wanted), n_claimed=len(claims))
            return claims
    return []


@dataclass(frozen=True, slots=True)
class Begun:
    """A claim with what its policies say; `refusal` is there when they cannot be read."""

    claim: transitions.Claim
    context: RunContext
    policies: RunPolicies
    refusal: Failed | None = None


def _begin(claim: transitions.Claim) -> Begun:
    try:
        policies = RunPolicies.model_validate(claim.policies)
        return Begun(claim, RunContext(claim, timeout_of(claim.target_kind, policies)), policies)
    except (ValueError, KeyError) as error:
        return Begun(claim, RunContext(claim, timedelta(0)), RunPolicies(), _refusal(error))


def _refusal(error: Exception) -> Failed:
    # It was valid when it was saved: the code of this worker is another version's.
    message = f"This worker cannot carry out the frozen definition: {error}"
    return Failed("invalid_definition", message, permanent=True)


def _attempt(begun: Begun, clock: Callable[[], datetime]) -> transitions.Ending:
    claim, context = begun.claim, begun.context
    outcome = begun.refusal or _execute(claim, context)
    tried = endings.Tried(claim.run_id, claim.claim_no, claim.attempt, claim.n_lost)
    ending = endings.after_outcome(tried, outcome, begun.policies, clock(), random.random())
    is_stored = _store_log(context)
    _finish(ending, claim, clock)
    if not is_stored:
        _store_log(context)
    heartbeat.get().release(context)
    return ending


def _execute(claim: transitions.Claim, context: RunContext) -> Outcome:
    try:
        config = registry.parse(claim.target, claim.payload)
    except (ValueError, KeyError) as error:
        return _refusal(error)
    give_back()  # so that others have the connection while the target takes its time
    try:
        return registry.TARGETS[claim.target_kind].execute(config, claim.payload, context)
    except Exception as error:
        log.exception("target_raised", action="execute", run=str(claim.run_id))
        return Failed("internal_error", f"The target raised {type(error).__name__}: {error}")
    finally:
        connection.close_if_unusable_or_obsolete()  # a command may have left it inside a broken transaction


def _store_log(context: RunContext) -> bool:
    try:
        context.run_log.flush()
    except DATABASE_AWAY as error:
        log.warning("database_away", action="flush", run=str(context.run_id), error=one_line(error))
        connection.close()
        return False
    except DatabaseFault:
        log.exception("log_not_stored", action="flush", run=str(context.run_id))
    return True


def _finish(ending: transitions.Ending, claim: transitions.Claim, clock: Callable[[], datetime]) -> None:
    """Write the end, while the database is away again and again for as long as a lease lasts.

    After that the reaper has the run carried out again, and this end, by the claim's number, changes nothing.
    """
    facts = {"run": str(claim.run_id), "job": claim.job_name, "attempt": claim.attempt}
    give_up_at, status = clock() + settings.MAINSPRING.lease, None
    is_written = is_said = False
    while not is_written:
        try:
            status = transitions.finish([ending], clock()).get(ending.run_id)
            is_written = True
        except DATABASE_AWAY as error:
            if clock() >= give_up_at:
                raise
            if not is_said:
                log.warning("database_away", action="finish", error=one_line(error), **facts)
            is_said = True
            connection.close()
            threading.Event().wait(BETWEEN_TRIES)
    if status:
        # At thousands of runs a second the good ones would be the log.
        level = logging.DEBUG if status is RunStatus.SUCCEEDED else logging.INFO
        log.log(level, "attempt_ended", action="finish", status=status.value, error_code=ending.error_code, **facts)
    else:
        log.warning("claim_lost", action="finish", outcome=ending.attempt_status.value, **facts)
