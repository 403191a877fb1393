"""Jobs: what should run, and when; backfills of their past; and the lease between beats."""

from schedules.models.backfill import Backfill, BackfillMode, BackfillState
from schedules.models.job import Job, JobState, jobs_named
from schedules.models.lease import BeatLease
from schedules.models.pause_set import PauseSet, PauseSetState

__all__ = [
    "Backfill",
    "BackfillMode",
    "BackfillState",
    "BeatLease",
    "Job",
    "JobState",
    "PauseSet",
    "PauseSetState",
    "jobs_named",
]
