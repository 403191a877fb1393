"""From queued runs to messages: which Celery message a run becomes, and which runs are due to be published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings

from executions import queries, transitions
from executions.database import execute
from executions.models.spec import timeout_of
from executions.policies import RunPolicies
from executions.queries import NEXT_DISPATCH
from executions.targets.registry import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

__all__ = [
    "CARRY_OUT",
    "NEXT_DISPATCH",
    "QUEUES",
    "Message",
    "Route",
    "dispatch_once",
    "free_stranded",
    "postpone",
    "route_of",
]

log = structlog.get_logger(__name__)

CARRY_OUT = "executions.carry_out"  # the Celery task of `tasks.py`
KILL_AFTER = timedelta(seconds=10)  # a target that outstays its timeout by this has its process killed


QUEUES = sorted({target.queue for target in TARGETS.values()})
STRANDED_AFTER = timedelta(seconds=5)  # so long after it was published, a message may be on its way to an idle worker
STRANDED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """The Celery queue of a run, and the time after which the pool kills the process that has it."""

    queue: str
    time_limit: timedelta


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent for one claim: ids alone, worthless once the claim is spent."""

    run_id: UUID
    claim_no: int
    job_name: str
    route: Route

    @property
    def task_id(self) -> str:
        return f"{self.run_id}.{self.claim_no}"

    @property
    def args(self) -> list[list[list[object]]]:
        return [[[str(self.run_id), self.claim_no]]]

    @property
    def options(self) -> dict[str, Any]:
        return {
            "queue": self.route.queue,
            "task_id": self.task_id,
            "time_limit": self.route.time_limit.total_seconds(),
        }


def route_of(target_kind: str, policies: RunPolicies) -> Route:
    """Return where runs of such a definition go. Raises KeyError for a kind that this version does not know."""
    return Route(TARGETS[target_kind].queue, timeout_of(target_kind, policies) + KILL_AFTER)


def dispatch_once(now: datetime, limit: int) -> list[Message]:
    """Take up to `limit` runs that are due to be published: by hand, for a retry, or since nobody claimed them."""
    due = transitions.dispatch(now, limit=limit, republish_after=settings.MAINSPRING.republish_after)
    messages = []
    for run in due:
        try:
            policies = RunPolicies.model_validate(run.policies)
            messages.append(Message(run.run_id, run.claim_no, run.job_name, route_of(run.target_kind, policies)))
        except (ValueError, KeyError):
            # Another version of the code made it. It is looked at again later, and keeps nobody waiting.
            log.exception("cannot_publish", action="dispatch", run=str(run.run_id))
    return messages


def postpone(messages: Sequence[Message], until: datetime) -> int:
    """Make runs whose messages the broker did not take due again at `until`."""
    return execute(
        queries.POSTPONE,
        {"id": [m.run_id for m in messages], "claim_no": [m.claim_no for m in messages], "until": until},
    )


def free_stranded(queues: Sequence[str], now: datetime) -> int:
    """Make runs due that wait to be taken from queues that are empty: the broker has lost their messages.

    Or a worker keeps them behind what it is busy with, and another may be idle. Returns how many there were.
    """
    n_stranded = execute(
        queries.FREE_STRANDED,
        {
            "now": now,
            "kinds": [kind for kind, target in TARGETS.items() if target.queue in queues],
            "published_before": now - STRANDED_AFTER,
            "republish_after": settings.MAINSPRING.republish_after,
            "cap": transitions.REPUBLISH_CAP,
            "limit": STRANDED_AT_ONCE,
        },
    )
    if n_stranded:
        log.info("stranded", action="dispatch", n_runs=n_stranded)
    return n_stranded
