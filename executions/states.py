"""The state machine of a run: states, allowed transitions, origins and the reasons not to start. Pure."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    HELD = "held"  # waits for other runs: of its job, or under a limit
    QUEUED = "queued"  # may be claimed as soon as its message reaches a worker
    RUNNING = "running"  # claimed by a worker that holds a lease
    RETRYING = "retrying"  # failed once more; back to queued at `available_at`
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # never started; `reason` says why


TRANSITIONS: dict[RunStatus | None, frozenset[RunStatus]] = {
    None: frozenset({RunStatus.HELD, RunStatus.QUEUED, RunStatus.SKIPPED}),  # birth
    RunStatus.HELD: frozenset({RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.SKIPPED}),
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.SKIPPED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.RETRYING,
            RunStatus.QUEUED,  # its worker was lost
        }
    ),
    RunStatus.RETRYING: frozenset({RunStatus.QUEUED, RunStatus.CANCELLED}),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
    RunStatus.SKIPPED: frozenset(),
}
TERMINAL = frozenset(status for status, onwards in TRANSITIONS.items() if status is not None and not onwards)
LIVE = frozenset(RunStatus) - TERMINAL
ACTIVE = LIVE - {RunStatus.HELD}  # what others wait for


def before(status: RunStatus) -> frozenset[RunStatus]:
    """Return the statuses from which a run may enter this one."""
    return frozenset(was for was, onwards in TRANSITIONS.items() if was is not None and status in onwards)


# Label and colour (a name of the admin theme's palette) stand here once, for every page.
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
    SCHEDULE = "schedule"  # an occurrence that the job's schedule names
    MANUAL = "manual"  # somebody asked for it
    RETRY = "retry"  # somebody asked for an ended run to be carried out again
    BACKFILL = "backfill"  # somebody asked for instants of the past
    CHAIN = "chain"  # a run of another job has ended


ORIGIN_LABELS = {
    Origin.SCHEDULE: "Schedule",
    Origin.MANUAL: "Manual",
    Origin.RETRY: "Retry",
    Origin.BACKFILL: "Backfill",
    Origin.CHAIN: "Another job",
}


class Reason(StrEnum):
    """Why an occurrence did not start."""

    OVERLAP = "overlap"  # the job's previous run was not over
    PAUSED = "paused"  # the job was paused at that instant
    COALESCED = "coalesced"  # missed, and a later occurrence stands in for it
    MISSED = "missed"  # missed, and too old or not wanted any more
    OVER_LIMIT = "over_limit"  # as many as may were waiting or running already
    RATE_LIMITED = "rate_limited"  # sooner after others than the rate limit allows
    EXPIRED = "expired"  # its start deadline passed before a worker had it
    FEATURE_OFF = "feature_off"  # the job's feature flag was off


REASON_LABELS = {
    Reason.OVERLAP: "Overlap",
    Reason.PAUSED: "Paused",
    Reason.COALESCED: "Replaced by another run",
    Reason.MISSED: "Missed",
    Reason.OVER_LIMIT: "Over the limit",
    Reason.RATE_LIMITED: "Rate limited",
    Reason.EXPIRED: "Too late",
    Reason.FEATURE_OFF: "Feature off",
}
REASON_SENTENCES = {
    Reason.OVERLAP: "It did not start because an earlier run of the job had not ended.",
    Reason.PAUSED: "It did not start because the job was paused at that time.",
    Reason.COALESCED: "It was missed while no beat was running, and another run replaces it.",
    Reason.MISSED: "It was missed while no beat was running. The catch-up policy did not start it: it was too old, one of "
    "too many, or catch-up is off.",
    Reason.OVER_LIMIT: "It did not start because the limit of active or waiting runs was reached.",
    Reason.RATE_LIMITED: "It did not start because the rate limit did not allow another start yet.",
    Reason.EXPIRED: "It did not start because no worker had started it by its start deadline.",
    Reason.FEATURE_OFF: "It did not start because the job's feature flag was off.",
}


class AttemptStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"  # its worker was killed or cut off before it could say how it ended
