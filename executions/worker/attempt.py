"""One attempt: parse the policies, call the target, turn the outcome into an ending. The caller writes the ending."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import connection

from executions.models.spec import timeout_of
from executions.policies.run_policies import RunPolicies, read_policies
from executions.targets import registry
from executions.targets.base import INVALID_DEFINITION, Failed
from executions.worker import endings
from executions.worker.context import RunContext
from values.database import release_connection
from values.readable import Unreadable, value_or_raise

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from executions.lifecycle.types import Claim, Ending
    from executions.targets.base import Outcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedAttempt:
    """A claim with its parsed policies.

    `refusal` is set if the policies cannot be read or the target's kind is unknown. The attempt then fails, and the
    target is not called.
    """

    claim: Claim
    context: RunContext
    policies: RunPolicies
    refusal: Failed | None = None


def prepare(claim: Claim) -> PreparedAttempt:
    """Parse the policies that were frozen with the run. Never raises: an error becomes a `refusal`."""
    try:
        policies = value_or_raise(read_policies(claim.policies))
        return PreparedAttempt(claim, RunContext(claim, timeout_of(claim.target_kind, policies)), policies)
    except ValueError as error:
        return PreparedAttempt(claim, RunContext(claim, timedelta(0)), RunPolicies(), _refusal(error))


def execute(prepared: PreparedAttempt, clock: Callable[[], datetime]) -> Ending:
    """Call the target and return the ending of the attempt. An exception of the target becomes a failed attempt.

    If `prepared` has a `refusal`, the target is not called, and the attempt fails.
    """
    claim, began_at = prepared.claim, clock()
    outcome = prepared.refusal or _call_target(claim, prepared.context)
    ended = endings.EndedAttempt(claim.run_id, claim.claim_no, claim.attempt, claim.n_lost)
    ended_at = max(clock(), began_at)  # the clock may have been corrected meanwhile
    ending = endings.after_outcome(ended, outcome, prepared.policies, ended_at, random.random())
    return replace(ending, began_at=began_at, ended_at=ended_at)


def _refusal(error: Exception | Unreadable) -> Failed:
    # The definition was valid when the job was saved, so another version of the code wrote it. No retry can help.
    message = (
        "This worker cannot read the run's definition, perhaps because another version of Mainspring stored it: "
        f"{error}"
    )
    return Failed(INVALID_DEFINITION, message, permanent=True)


def _call_target(claim: Claim, context: RunContext) -> Outcome:
    # Parse only. The target's `execute` checks whether the target can run now (a command may be missing, an address may
    # be denied), and has an error code for each case.
    config = registry.read_target(claim.target)
    if isinstance(config, Unreadable):
        return _refusal(config)
    release_connection()  # a target may take minutes: other threads need the connection meanwhile
    try:
        return registry.TARGETS[claim.target_kind].execute(config, claim.payload, context)
    except Exception as error:
        log.exception("target_raised", action="execute", run=str(claim.run_id))
        return Failed("internal_error", f"The target raised {type(error).__name__}: {error}")
    finally:
        connection.close_if_unusable_or_obsolete()  # a command may leave it inside a failed transaction
