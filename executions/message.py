"""Pure: puts queued runs into Celery messages: one run per message at light load, many runs under a backlog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

# Runs of a message that have not started after this time are published again, because other workers may be idle.
BATCH_START_TIMEOUT = timedelta(seconds=1)
# Messages per route and pass. Enough for every worker to get a share; more would cost the beat and the broker more.
MAX_MESSAGES_PER_ROUTE = 16
# Sending and receiving a message costs more than executing a quick run, so sustained load is sent in fewer messages.
MESSAGES_PER_SECOND = 100


@dataclass(frozen=True, slots=True)
class Route:
    """How a run's message is sent. Runs with the same route may share a message.

    `max_runs`: maximum number of runs per message. `time_limit`: Celery's time limit for a message with one run; a pool
    of processes kills a process that exceeds it. `priority`: the broker's number for the priority.
    """

    queue: str
    max_runs: int
    time_limit: timedelta
    priority: int


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A queued run to be published.

    `claim_no`: how often the run has been claimed. A worker can claim the run only while this number is unchanged.
    `share`: identifies the resource that the run uses, such as its host; "" if there is none.
    """

    run_id: UUID
    claim_no: int
    job_name: str
    route: Route
    share: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Runs of one route. The message contains claim numbers, so a second delivery cannot claim the runs again."""

    runs: tuple[QueuedRun, ...]

    @property
    def name(self) -> str:
        """The name of the first run's job and the number of further runs, for logs."""
        more = f" and {len(self.runs) - 1} more" if len(self.runs) > 1 else ""
        return f"{self.runs[0].job_name}{more}"

    @property
    def args(self) -> list[list[list[object]]]:
        """The arguments of the Celery task: one list, with [run id, claim number] or [run id, claim number, share]."""
        return [[[str(run.run_id), run.claim_no, *([run.share] if run.share else [])] for run in self.runs]]

    @property
    def options(self) -> dict[str, Any]:
        """Options of Celery's `apply_async`."""
        route, first = self.runs[0].route, self.runs[0]
        message_id = f"{first.run_id}.{first.claim_no}"
        # The last run of a message may start as late as BATCH_START_TIMEOUT, and still needs its full time limit.
        limit = route.time_limit + (BATCH_START_TIMEOUT if len(self.runs) > 1 else timedelta(0))
        return {
            "queue": route.queue,
            "task_id": message_id,
            # The text that Flower shows. Celery's default text would list all runs, and would take longer to build than
            # the message.
            "argsrepr": message_id if len(self.runs) == 1 else f"{message_id} and {len(self.runs) - 1} more",
            "time_limit": limit.total_seconds(),
            "priority": route.priority,
        }


@dataclass(slots=True)
class MessageAllowance:
    """A token bucket, shared by all routes: how many messages the next tick or dispatch may build for each route.

    The number is between 1 and MAX_MESSAGES_PER_ROUTE.
    """

    n_left: float = MAX_MESSAGES_PER_ROUTE
    seen_at: datetime | None = None

    def at(self, now: datetime) -> int:
        """Let the allowance grow for the time since the last call. Return the number of messages allowed now."""
        since = max(timedelta(0), now - self.seen_at) if self.seen_at else timedelta(0)
        self.n_left = min(MAX_MESSAGES_PER_ROUTE, self.n_left + since.total_seconds() * MESSAGES_PER_SECOND)
        self.seen_at = now
        return max(1, int(self.n_left))

    def take(self, n_messages: int) -> None:
        """Subtract `n_messages`, which are about to be sent, from the allowance."""
        self.n_left = max(0.0, self.n_left - n_messages)


def build_messages(runs: Iterable[QueuedRun], max_messages: int = MAX_MESSAGES_PER_ROUTE) -> list[Message]:
    """Put runs into messages, in order. Build up to `max_messages` per route, or more if `Route.max_runs` requires it.

    If a route has at most `max_messages` runs, each run gets its own message, so that no run delays another. Otherwise,
    the runs of the route are divided into messages of equal size; the last message may be smaller.
    """
    by_route: dict[Route, list[QueuedRun]] = {}
    for run in runs:
        by_route.setdefault(run.route, []).append(run)
    messages = []
    for route, same in by_route.items():
        size = min(route.max_runs, -(-len(same) // max_messages))  # rounded up
        messages += [Message(tuple(same[first : first + size])) for first in range(0, len(same), size)]
    return messages
