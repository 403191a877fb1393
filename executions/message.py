"""Pure: which queued runs share a Celery message. At light load each has its own, under a backlog many share one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

# Runs of a batch that have not started after this time are published again, because other workers may be idle.
BATCH_START_TIMEOUT = timedelta(seconds=1)
# Messages per route and pass. Enough for every worker to get a share; more would cost the beat and the broker more.
MAX_MESSAGES_PER_ROUTE = 16
# Sending and receiving a message costs more than executing a quick run, so sustained load is sent in fewer messages.
MESSAGES_PER_SECOND = 100


@dataclass(frozen=True, slots=True)
class Route:
    """Where a run's message goes: runs with the same route may share one.

    `max_runs`: runs per message. `time_limit`: when Celery's pool kills the process, per run. `priority`: the broker's
    number.
    """

    queue: str
    max_runs: int
    time_limit: timedelta
    priority: int


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A queued run to be published. `claim_no` counts its claims so far; the next claim has to name it."""

    run_id: UUID
    claim_no: int
    job_name: str
    route: Route


@dataclass(frozen=True, slots=True)
class Message:
    """Runs of one route. Carries only ids and claim numbers: a message that arrives twice claims nothing twice."""

    runs: tuple[QueuedRun, ...]

    @property
    def name(self) -> str:
        """The first job's name, and how many more runs there are: for logs."""
        more = f" and {len(self.runs) - 1} more" if len(self.runs) > 1 else ""
        return f"{self.runs[0].job_name}{more}"

    @property
    def args(self) -> list[list[list[object]]]:
        """The Celery task's only argument: a list of [run id, claim number]."""
        return [[[str(run.run_id), run.claim_no] for run in self.runs]]

    @property
    def options(self) -> dict[str, Any]:
        """Options of Celery's `apply_async`."""
        route, first = self.runs[0].route, self.runs[0]
        message_id = f"{first.run_id}.{first.claim_no}"
        # The last run of a batch may start as late as BATCH_START_TIMEOUT, and still needs its whole time.
        limit = route.time_limit + (BATCH_START_TIMEOUT if len(self.runs) > 1 else timedelta(0))
        return {
            "queue": route.queue,
            "task_id": message_id,
            # What Flower shows. Celery's own text would name all runs, and take longer to build than the message.
            "argsrepr": message_id if len(self.runs) == 1 else f"{message_id} and {len(self.runs) - 1} more",
            "time_limit": limit.total_seconds(),
            "priority": route.priority,
        }


@dataclass(slots=True)
class MessageAllowance:
    """A token bucket: how many messages per route the next pass may send, from 1 to MAX_MESSAGES_PER_ROUTE."""

    n_left: float = MAX_MESSAGES_PER_ROUTE
    seen_at: datetime | None = None

    def at(self, now: datetime) -> int:
        """Refill by MESSAGES_PER_SECOND since the last call, and return the number of messages allowed now."""
        since = max(timedelta(0), now - self.seen_at) if self.seen_at else timedelta(0)
        self.n_left = min(MAX_MESSAGES_PER_ROUTE, self.n_left + since.total_seconds() * MESSAGES_PER_SECOND)
        self.seen_at = now
        return max(1, int(self.n_left))

    def take(self, n_messages: int) -> None:
        """Subtract the messages that were sent."""
        self.n_left = max(0.0, self.n_left - n_messages)


def build_messages(runs: Iterable[QueuedRun], max_messages: int = MAX_MESSAGES_PER_ROUTE) -> list[Message]:
    """Distribute runs over messages, in order: per route up to `max_messages` of equal size, more if a message is full.

    Few runs get a message each, so none waits for another. Many runs share messages, each up to `Route.max_runs`.
    """
    by_route: dict[Route, list[QueuedRun]] = {}
    for run in runs:
        by_route.setdefault(run.route, []).append(run)
    messages = []
    for route, same in by_route.items():
        size = min(route.max_runs, -(-len(same) // max_messages))  # rounded up
        messages += [Message(tuple(same[first : first + size])) for first in range(0, len(same), size)]
    return messages
