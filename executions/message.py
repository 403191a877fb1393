"""What one Celery message carries: at light load one run, under a backlog several of one route. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

BATCH_START_TIMEOUT = timedelta(
    seconds=1
)  # for a message of several runs; what is not begun by then is published again
MAX_MESSAGES_PER_ROUTE = (
    16  # messages over which the runs of one pass are spread at the most, so that all workers have a share
)
MESSAGES_PER_SECOND = (
    100  # messages, while that goes on: what a message costs besides its runs is more than what a run costs
)


@dataclass(frozen=True, slots=True)
class Route:
    """The Celery queue of a run, how many of one may share a message, and the time that the pool grants one run.

    `priority` is the broker's number for it.
    """

    queue: str
    max_runs: int
    time_limit: timedelta
    priority: int


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A queued run that is to be published, and the number of its claims so far."""

    run_id: UUID
    claim_no: int
    job_name: str
    route: Route


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: ids and claim numbers alone, each worthless once the claim is spent. Of one route."""

    runs: tuple[QueuedRun, ...]

    @property
    def name(self) -> str:
        more = f" and {len(self.runs) - 1} more" if len(self.runs) > 1 else ""
        return f"{self.runs[0].job_name}{more}"

    @property
    def args(self) -> list[list[list[object]]]:
        return [[[str(run.run_id), run.claim_no] for run in self.runs]]

    @property
    def options(self) -> dict[str, Any]:
        route, first = self.runs[0].route, self.runs[0]
        message_id = f"{first.run_id}.{first.claim_no}"
        # A worker begins no run of a message that it has had for longer than BATCH_START_TIMEOUT.
        limit = route.time_limit + (BATCH_START_TIMEOUT if len(self.runs) > 1 else timedelta(0))
        return {
            "queue": route.queue,
            "task_id": message_id,
            # For those who look on; Celery would make it of all the runs, which takes longer than to send them.
            "argsrepr": message_id if len(self.runs) == 1 else f"{message_id} and {len(self.runs) - 1} more",
            "time_limit": limit.total_seconds(),
            "priority": route.priority,
        }


@dataclass(slots=True)
class MessageAllowance:
    """Over how many messages a beat spreads the runs of its next pass: `MAX_MESSAGES_PER_ROUTE`, less after many, one at the least."""

    n_left: float = MAX_MESSAGES_PER_ROUTE
    seen_at: datetime | None = None

    def at(self, now: datetime) -> int:
        """How many there may be now."""
        since = max(timedelta(0), now - self.seen_at) if self.seen_at else timedelta(0)
        self.n_left = min(MAX_MESSAGES_PER_ROUTE, self.n_left + since.total_seconds() * MESSAGES_PER_SECOND)
        self.seen_at = now
        return max(1, int(self.n_left))

    def take(self, n_messages: int) -> None:
        """Note how many there were."""
        self.n_left = max(0.0, self.n_left - n_messages)


def build_messages(runs: Iterable[QueuedRun], max_messages: int = MAX_MESSAGES_PER_ROUTE) -> list[Message]:
    """Return the messages for these runs: few runs have one each, of many that go one way up to a hundred share one.

    That way nothing waits for company at light load, and under a backlog a message's cost is shared. `max_messages`: over so
    many messages those of one way go, if they may share them.
    """
    by_route: dict[Route, list[QueuedRun]] = {}
    for run in runs:
        by_route.setdefault(run.route, []).append(run)
    messages = []
    for route, same in by_route.items():
        size = min(route.max_runs, -(-len(same) // max_messages))
        messages += [Message(tuple(same[first : first + size])) for first in range(0, len(same), size)]
    return messages
