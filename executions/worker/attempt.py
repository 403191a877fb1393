"""One attempt: what its claim says, the target, and the end that follows from its outcome. It writes nothing."""

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
from executions.targets.base import Failed
from executions.worker import endings
from executions.worker.context import RunContext
from values.database import release_connection
from values.readable import Unreadable, value_or_raise

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from executions.lifecycle.transitions import Claim, Ending
    from executions.targets.base import Outcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedAttempt:
    """A claim with what its policies say; `refusal` is there when they cannot be read."""

    claim: Claim
    context: RunContext
    policies: RunPolicies
    refusal: Failed | None = None


def prepare(claim: Claim) -> PreparedAttempt:
    """Read what the run was frozen with."""
    try:
        policies = value_or_raise(read_policies(claim.policies))
        return PreparedAttempt(claim, RunContext(claim, timeout_of(claim.target_kind, policies)), policies)
    except (ValueError, KeyError) as error:
        return PreparedAttempt(claim, RunContext(claim, timedelta(0)), RunPolicies(), _refusal(error))


def execute(begun: PreparedAttempt, clock: Callable[[], datetime]) -> Ending:
    """Call the target and return how the attempt ended, and when."""
    claim, began_at = begun.claim, clock()
    outcome = begun.refusal or _call_target(claim, begun.context)
    ended = endings.EndedAttempt(claim.run_id, claim.claim_no, claim.attempt, claim.n_lost)
    ended_at = clock()
    ending = endings.after_outcome(ended, outcome, begun.policies, ended_at, random.random())
    return replace(ending, began_at=began_at, ended_at=ended_at)


def _refusal(error: Exception | Unreadable) -> Failed:
    # It was valid when it was saved: the code of this worker is another version's.
    message = f"This worker cannot read the frozen definition, which another version of Mainspring made: {error}"
    return Failed("invalid_definition", message, permanent=True)


def _call_target(claim: Claim, context: RunContext) -> Outcome:
    # Only read: whether it may and can be carried out now is the target's to say, with a code of its own.
    config = registry.read_target(claim.target)
    if isinstance(config, Unreadable):
        return _refusal(config)
    release_connection()  # so that others have the connection while the target takes its time
    try:
        return registry.TARGETS[claim.target_kind].execute(config, claim.payload, context)
    except Exception as error:
        log.exception("target_raised", action="execute", run=str(claim.run_id))
        return Failed("internal_error", f"The target raised {type(error).__name__}: {error}")
    finally:
        connection.close_if_unusable_or_obsolete()  # a command may have left it inside a broken transaction
