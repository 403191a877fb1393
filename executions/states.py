"""Pure: the state machine of a run. Its statuses and allowed transitions, its origins, and the reasons for skipping."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    HELD = "held"  # other runs of the job, or a limit, prevent the start
    QUEUED = "queued"  # published, or about to be; a worker may claim it
    RUNNING = "running"  # claimed by a worker that holds a lease
    RETRYING = "retrying"  # an attempt failed; queued again at `available_at`
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # never started; `reason` says why


# Allowed transitions: status -> next statuses. The key None lists the statuses that a new run may have.
TRANSITIONS: dict[RunStatus | None, frozenset[RunStatus]] = {
    None: frozenset({RunStatus.HELD, RunStatus.QUEUED, RunStatus.SKIPPED}),
    RunStatus.HELD: frozenset({RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.SKIPPED}),
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.SKIPPED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.RETRYING,
            RunStatus.QUEUED,  # the worker was lost, or returned the run before the start
        }
    ),
    RunStatus.RETRYING: frozenset({RunStatus.QUEUED, RunStatus.CANCELLED}),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
    RunStatus.SKIPPED: frozenset(),
}
TERMINAL = frozenset(status for status, following in TRANSITIONS.items() if status is not None and not following)
LIVE = frozenset(RunStatus) - TERMINAL
ACTIVE = LIVE - {RunStatus.HELD}  # live runs that overlap policies and concurrency limits count


def predecessors(status: RunStatus) -> frozenset[RunStatus]:
    """Return the statuses from which a run may change to `status`."""
    return frozenset(source for source, following in TRANSITIONS.items() if source is not None and status in following)


# Label and colour (a name from the admin theme's palette) of each status, for all pages.
STATUS_LABELS: dict[RunStatus, tuple[str, str]] = {
    RunStatus.HELD: ("Held", "default"),
    RunStatus.QUEUED: ("Queued", "info"),
    RunStatus.RUNNING: ("Running", "primary"),
    RunStatus.RETRYING: ("Retrying", "warning"),
    RunStatus.SUCCEEDED: ("Succeeded", "success"),
    RunStatus.FAILED: ("Failed", "danger"),
    RunStatus.CANCELLED: ("Cancelled", "default"),
    RunStatus.SKIPPED: ("Skipped", "default"),
}


class Origin(StrEnum):
    """What caused a run."""

    SCHEDULE = "schedule"  # an occurrence of the job's schedule
    MANUAL = "manual"  # somebody requested the run by hand
    RETRY = "retry"  # somebody retried an ended run
    BACKFILL = "backfill"  # a backfill of past occurrences
    CHAIN = "chain"  # a run of another job ended


# Labels for people, on the pages of runs and in the ledger.
ORIGIN_LABELS: dict[str, str] = {
    Origin.SCHEDULE: "Schedule",
    Origin.MANUAL: "Manual",
    Origin.RETRY: "Retry",
    Origin.BACKFILL: "Backfill",
    Origin.CHAIN: "Another job",
}


class Reason(StrEnum):
    """Why a run was skipped."""

    OVERLAP = "overlap"  # an earlier run of the job was still live, or a newer run replaced the occurrence
    PAUSED = "paused"  # the job was paused
    COALESCED = "coalesced"  # missed, and another occurrence runs in its place (catch-up)
    MISSED = "missed"  # missed, and not started later, because of the catch-up policy
    OVER_LIMIT = "over_limit"  # the concurrency limit, or the overlap buffer, was full
    RATE_LIMITED = "rate_limited"  # too soon after other starts for the rate limit
    EXPIRED = "expired"  # no worker started it before its start deadline
    FEATURE_OFF = "feature_off"  # the job's feature flag was off


REASON_LABELS: dict[str, str] = {
    Reason.OVERLAP: "Overlap",
    Reason.PAUSED: "Paused",
    Reason.COALESCED: "Replaced by another run",
    Reason.MISSED: "Missed",
    Reason.OVER_LIMIT: "Over the limit",
    Reason.RATE_LIMITED: "Rate limited",
    Reason.EXPIRED: "Too late",
    Reason.FEATURE_OFF: "Feature off",
}
REASON_SENTENCES: dict[str, str] = {
    Reason.OVERLAP: "Skipped because an earlier run of the job had not ended, or a newer run replaced this occurrence.",
    Reason.PAUSED: "Skipped because the job was paused.",
    Reason.COALESCED: "Missed because no beat processed this occurrence in time. Another run replaces it.",
    Reason.MISSED: "Missed because no beat processed this occurrence in time. The catch-up policy did not start it "
    "later: it was too old, too many occurrences were missed, or catch-up is off.",
    Reason.OVER_LIMIT: "Skipped because the concurrency limit was reached or the overlap buffer was full.",
    Reason.RATE_LIMITED: "Skipped because the rate limit did not allow another start at that time.",
    Reason.EXPIRED: "Skipped because no worker started the run before its start deadline.",
    Reason.FEATURE_OFF: "Skipped because the job's feature flag was off.",
}


# During an upgrade, a newer version may already store origins, reasons and statuses that this version does not know.


def in_words(value: str) -> str:
    """Return a stored value as words: `rate_limited` as `rate limited`."""
    return value.replace("_", " ")


def origin_label(origin: str) -> str:
    """Return the label of an origin, even of one that this version does not know."""
    return ORIGIN_LABELS.get(origin) or in_words(origin).capitalize()


def reason_label(reason: str) -> str:
    """Return the label of a reason, even of one that this version does not know."""
    return REASON_LABELS.get(reason) or in_words(reason).capitalize()


def reason_sentence(reason: str) -> str:
    """Return why an occurrence was skipped, even for a reason that this version does not know."""
    return REASON_SENTENCES.get(reason) or f"Skipped: {in_words(reason)}."


class EventKind(StrEnum):
    """The kinds of events that do not change a run's status. The kind of every other event is the new status."""

    CANCEL_REQUESTED = "cancel_requested"  # somebody cancelled a running run
    SCHEDULE_STOPPED = "schedule_stopped"  # the watchdog found that the job's schedule had stopped


class QueueReason(StrEnum):
    """Why a run that a worker had claimed is queued again: the reason of a `queued` event.

    If the run ends instead, its `failed` or `cancelled` event has this reason.
    """

    LOST = "lost"  # the worker was killed or cut off
    GIVEN_BACK = "given_back"  # the worker returned the run before the start


class CancelReason(StrEnum):
    """Why Mainspring cancelled a run or requested its stop: the reason of a `cancelled` or `cancel_requested` event."""

    JOB_DELETED = "job_deleted"
    BACKFILL_CANCELLED = "backfill_cancelled"
    OVERLAP = "overlap"  # a newer run replaces it (overlap policy `cancel_other`)
    TERMINATED = "terminated"  # a newer run replaced it (overlap policy `terminate_other`)


class AttemptStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"  # its worker was killed or cut off before it could write the result
