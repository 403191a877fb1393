"""From queued runs to messages: which Celery message a run becomes, and which runs are due to be published."""

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
from executions.targets.registry import TARGETS
from values.database import execute, is_database_unavailable, one_line, split_on_failure
from values.readable import value_or_raise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from executions.lifecycle.transitions import DueRun
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
]

log = structlog.get_logger(__name__)

RUN_TASK = "executions.carry_out"  # the Celery task of `tasks.py`
KILL_AFTER = timedelta(seconds=10)  # a target that outstays its timeout by this has its process killed
QUEUES = sorted({target.queue for target in TARGETS.values()})
STRANDED_AFTER = timedelta(seconds=5)  # so long after it was published, a message may be on its way to an idle worker
MAX_STRANDED_PER_QUERY = 10_000


def route_of(target_kind: str, policies: RunPolicies) -> Route:
    """Return where runs of such a definition go. Raises KeyError for a kind that this version does not know."""
    target = TARGETS[target_kind]
    return Route(
        target.queue,
        target.max_runs_per_message,
        timeout_of(target_kind, policies) + KILL_AFTER,
        settings.MESSAGE_PRIORITIES[policies.priority.rank],
    )


@dataclass(frozen=True, slots=True)
class Dispatched:
    """The messages of one pass, and how many runs could not even be taken: they stay due."""

    messages: list[Message]
    n_broken: int = 0


def dispatch_once(now: datetime, limit: int, max_messages: int = MAX_MESSAGES_PER_ROUTE) -> Dispatched:
    """Take up to `limit` runs that are due to be published: by hand, for a retry, or since nobody claimed them.

    Of a pass that fails those runs are found that fail alone, and the others are taken.
    """
    again_after = settings.MAINSPRING.republish_after
    try:
        with transaction.atomic():
            return Dispatched(
                _messages(transitions.dispatch(now, limit=limit, republish_after=again_after), max_messages)
            )
    except Exception as error:
        if is_database_unavailable():
            raise
        log.warning("pass_taken_apart", action="dispatch", error=one_line(error))
    parts, faults = split_on_failure(
        lambda ids: transitions.dispatch_by_id(ids, now, republish_after=again_after),
        transitions.due_ids(now, limit),
    )
    for run_id, fault in faults.items():
        log.error("cannot_publish", action="dispatch", run=str(run_id), error=one_line(fault))
    return Dispatched(_messages([run for part in parts for run in part], max_messages), len(faults))


def _messages(due: Iterable[DueRun], max_messages: int) -> list[Message]:
    waiting = []
    for run in due:
        try:
            policies = value_or_raise(read_policies(run.policies))
            waiting.append(QueuedRun(run.run_id, run.claim_no, run.job_name, route_of(run.target_kind, policies)))
        except (ValueError, KeyError):
            # Another version of the code made it. It is looked at again later, and keeps nobody waiting.
            log.exception("cannot_publish", action="dispatch", run=str(run.run_id))
    return build_messages(waiting, max_messages)


def expire_once(now: datetime, limit: int) -> int:
    """Record up to `limit` runs that nobody began before their start deadline as skipped; returns how many.

    One that cannot be written keeps no others from that. Raises what it has raised once there is nothing else to do.
    """
    try:
        with transaction.atomic():
            return transitions.expire(now, limit)
    except Exception as error:
        if is_database_unavailable():
            raise
        log.warning("pass_taken_apart", action="expire", error=one_line(error))
    parts, faults = split_on_failure(
        lambda ids: transitions.expire_by_id(ids, now), transitions.expired_ids(now, limit)
    )
    for run_id, fault in faults.items():
        log.error("cannot_expire", action="expire", run=str(run_id), error=one_line(fault))
        if not any(parts):
            raise fault
    return sum(parts)


def postpone(messages: Iterable[Message], until: datetime) -> int:
    """Make runs whose messages the broker did not take due again at `until`."""
    return transitions.republish_at([(run.run_id, run.claim_no) for message in messages for run in message.runs], until)


def republish_stranded(queues: Sequence[str], now: datetime) -> int:
    """Make runs due that wait to be taken from queues that are empty: the broker has lost their messages.

    Or a worker keeps them behind what it is busy with, and another may be idle. Returns how many there were.
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
