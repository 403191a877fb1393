"""Jobs: what should run, and when; and the lease between beats."""

from schedules.models.job import Job, JobState
from schedules.models.lease import BeatLease

__all__ = ["BeatLease", "Job", "JobState"]
