"""Jobs: what should run, and when; and the lease between beats."""

from schedules.models.job import Job, JobState, jobs_named
from schedules.models.lease import BeatLease

__all__ = ["BeatLease", "Job", "JobState", "jobs_named"]
