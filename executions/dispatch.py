"""Publishing: finds the runs that are due, and builds their Celery messages. The beat sends the messages.

Also skips the runs whose start deadline has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import transaction

from executions.lifecycle import queries, transitions
from executions.lifecycle.held_queries import NEXT_EXPIRY, NEXT_FOLLOWUP
from executions.lifecycle.queries import NEXT_DISPATCH
from executions.message import MAX_MESSAGES_PER_ROUTE, Message, MessageAllowance, QueuedRun, Route, build_messages
from executions.models.spec import timeout_of
from executions.policies.run_policies import read_policies
from executions.targets.registry import TARGETS, share_of
from values.database import (
    PUSH_BACK_DELAY,
    every_key_failed,
    execute,
    is_database_unavailable,
    one_line,
    split_on_failure,
)
from values.readable import value_or_raise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from executions.lifecycle.types import DueRun
    from executions.policies.run_policies import RunPolicies

__all__ = [
    "MAX_MESSAGES_PER_ROUTE",
    "NEXT_DISPATCH",
    "NEXT_EXPIRY",
    "NEXT_FOLLOWUP",
    "QUEUES",
    "RUN_TASK",
    "Dispatched",
    "Message",
    "MessageAllowance",
    "QueuedRun",
    "Route",
    "build_messages",
    "dispatch_once",
    "expire_once",
    "postpone",
    "republish_stranded",
    "route_of",
    "share_of",
]

log = structlog.get_logger(__name__)

RUN_TASK = (
    "executions.carry_out"  # the Celery task in `tasks.py`. Messages in the broker have this name: never change it
)
# Time after the timeout of an attempt until Celery kills the process. The worker needs it to claim runs and to write
# endings.
KILL_AFTER = timedelta(seconds=10)
QUEUES = sorted({target.queue for target in TARGETS.values()})
STRANDED_AFTER = timedelta(seconds=5)  # a more recent message may still be on its way to an idle worker
MAX_STRANDED_PER_QUERY = 10_000  # runs: keeps the statement short; the next pass handles further runs


def route_of(target_kind: str, policies: RunPolicies) -> Route:
    """Return the route of runs with this target kind and these policies. Raises KeyError for an unknown kind."""
    target = TARGETS[target_kind]
    return Route(
        target.queue,
        target.max_runs_per_message,
        timeout_of(target_kind, policies) + KILL_AFTER,
        settings.MESSAGE_PRIORITIES[policies.priority.rank],
    )


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Messages to send. `n_broken`: number of due runs that the database could not read or update."""

    messages: list[Message]
    n_broken: int = 0


def dispatch_once(now: datetime, limit: int, max_messages: int = MAX_MESSAGES_PER_ROUTE) -> Dispatched:
    """Return messages for up to `limit` due runs: new runs, retries, and published runs that no worker has claimed.

    A run with unreadable policies or an unknown kind of target is logged and gets no message.

    If the transaction fails, the runs are tried in smaller groups to find the runs that cause the error. These runs are
    postponed, and the messages of the other runs are returned. If several runs are due and each of them causes an
    error, none is postponed. Raises if the database is unavailable: runs of groups that were committed before are then
    published after `republish_after`.
    """
    republish_after = settings.MAINSPRING.republish_after
    try:
        with transaction.atomic():
            due = transitions.dispatch(now, limit=limit, republish_after=republish_after)
            return Dispatched(_messages(due, max_messages))
    except Exception as error:
        if is_database_unavailable(error):
            raise
        log.warning("pass_taken_apart", action="dispatch", error=one_line(error))
    parts, faults = split_on_failure(
        lambda ids: transitions.dispatch_by_id(ids, now, republish_after=republish_after),
        transitions.due_ids(now, limit),
    )
    if every_key_failed(parts, faults):
        # Every run failed, as on a full disk: none is at fault, and the beat retries all of them.
        log.error("pass_failed", action="dispatch", n_runs=len(faults), error=one_line(next(iter(faults.values()))))
        return Dispatched([], len(faults))
    for run_id, fault in faults.items():
        log.error("cannot_publish", action="dispatch", run=str(run_id), error=one_line(fault))
    split_on_failure(lambda ids: transitions.push_back_publishing(ids, now, now + PUSH_BACK_DELAY), list(faults))
    return Dispatched(_messages([run for part in parts for run in part], max_messages), len(faults))


def _messages(due: Iterable[DueRun], max_messages: int) -> list[Message]:
    queued = []
    for run in due:
        try:
            policies = value_or_raise(read_policies(run.policies))
            route, share = route_of(run.target_kind, policies), share_of(run.target_kind, run.target)
            queued.append(QueuedRun(run.run_id, run.claim_no, run.job_name, route, share))
        except (ValueError, KeyError):
            # Another version of the code wrote the run. It stays queued, and is tried again after `republish_after`.
            log.exception("cannot_publish", action="dispatch", run=str(run.run_id))
    return build_messages(queued, max_messages)


def expire_once(now: datetime, limit: int) -> int:
    """Skip up to `limit` runs that did not start before their start deadline. Returns the number of runs.

    If the transaction fails, the runs are tried in smaller groups to find the runs that cause the error. These runs are
    postponed, and the other runs are skipped. Raises if the database is unavailable, or if there are several runs and
    each of them causes an error.
    """
    try:
        with transaction.atomic():
            return transitions.expire(now, limit)
    except Exception as error:
        if is_database_unavailable(error):
            raise
        log.warning("pass_taken_apart", action="expire", error=one_line(error))
    parts, faults = split_on_failure(
        lambda ids: transitions.expire_by_id(ids, now), transitions.expired_ids(now, limit)
    )
    if every_key_failed(parts, faults):
        raise next(iter(faults.values()))  # as on a full disk: no run is at fault, and the beat retries all of them
    for run_id, fault in faults.items():
        log.error("cannot_expire", action="expire", run=str(run_id), error=one_line(fault))
    split_on_failure(lambda ids: transitions.push_back_expiry(ids, now, now + PUSH_BACK_DELAY), list(faults))
    return sum(parts)


def postpone(messages: Iterable[Message], until: datetime) -> int:
    """Schedule the runs of these messages to be published again at `until`. Returns the number of runs.

    Called for messages that were not sent because the broker fails.
    """
    return transitions.republish_at([(run.run_id, run.claim_no) for message in messages for run in message.runs], until)


def republish_stranded(queues: Sequence[str], now: datetime) -> int:
    """Make queued runs due again if their messages were sent to these queues some time ago. Returns the number of runs.

    Called when the queues are empty: the broker lost the messages, or a busy worker prefetched them while another
    worker may be idle. A run that is published twice starts only once, because its claim number is valid for one claim.
    """
    n_stranded = execute(
        queries.REPUBLISH_STRANDED,
        {
            "now": now,
            "kinds": [kind for kind, target in TARGETS.items() if target.queue in queues],
            "published_before": now - STRANDED_AFTER,
            "republish_after": settings.MAINSPRING.republish_after,
            "cap": transitions.MAX_REPUBLISH_WAIT,
            "limit": MAX_STRANDED_PER_QUERY,
        },
    )
    if n_stranded:
        log.info("stranded", action="dispatch", n_runs=n_stranded)
    return n_stranded
