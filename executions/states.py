"""Pure: the state machine of a run. Its statuses, allowed transitions, origins, and reasons not to start."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    HELD = "held"  # waits for other runs of its job, or for a limit
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
            RunStatus.QUEUED,  # its worker was lost, or returned it before it started
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
    """Return the statuses from which a run may enter this one."""
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
    MANUAL = "manual"  # somebody started it
    RETRY = "retry"  # somebody retried an ended run
    BACKFILL = "backfill"  # a backfill of past occurrences
    CHAIN = "chain"  # a run of another job ended


# Texts for people that both the pages of runs and the ledger show.
ORIGIN_LABELS: dict[str, str] = {
    Origin.SCHEDULE: "Schedule",
    Origin.MANUAL: "Manual",
    Origin.RETRY: "Retry",
    Origin.BACKFILL: "Backfill",
    Origin.CHAIN: "Another job",
}


class Reason(StrEnum):
    """Why an occurrence did not start."""

    OVERLAP = "overlap"  # an earlier run of the job was still live
    PAUSED = "paused"  # the job was paused
    COALESCED = "coalesced"  # missed, and another occurrence runs in its place (catch-up)
    MISSED = "missed"  # missed, and too old or too many for the catch-up policy
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
    Reason.OVERLAP: "It did not start because an earlier run of the job had not ended.",
    Reason.PAUSED: "It did not start because the job was paused at that time.",
    Reason.COALESCED: "It was missed while no beat was running, and another run replaces it.",
    Reason.MISSED: "It was missed while no beat was running. The catch-up policy did not start it: it was too old, "
    "one of too many, or catch-up is off.",
    Reason.OVER_LIMIT: "It did not start because the limit of active or waiting runs was reached.",
    Reason.RATE_LIMITED: "It did not start because the rate limit did not allow another start yet.",
    Reason.EXPIRED: "It did not start because no worker had started it by its start deadline.",
    Reason.FEATURE_OFF: "It did not start because the job's feature flag was off.",
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
    """Return why an occurrence did not start as a sentence, even for a reason that this version does not know."""
    return REASON_SENTENCES.get(reason) or f"It did not start: {in_words(reason)}."


class EventKind(StrEnum):
    """Events of a run that are no change of its status. The kind of any other event is the new status."""

    CANCEL_REQUESTED = "cancel_requested"  # somebody cancelled a running run
    SCHEDULE_STOPPED = "schedule_stopped"  # the watchdog found that the job's schedule had stopped


class QueueReason(StrEnum):
    """Why a run that a worker had claimed is queued again: the reason of a `queued` event."""

    LOST = "lost"  # the worker was killed or cut off
    GIVEN_BACK = "given_back"  # the worker returned the run before it started


class CancelReason(StrEnum):
    """Why Mainspring cancelled a run: the reason of a `cancelled` event. A run that somebody cancelled has none."""

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
