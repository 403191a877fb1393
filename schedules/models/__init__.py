"""Jobs: what should run, when, and after which others; feature flags; the schedules that they had; the lease between beats; what the watchdog found."""

from schedules.models.chain import Chain, On
from schedules.models.flag import FeatureFlag
from schedules.models.job import LOST, Job, JobState, jobs_named
from schedules.models.lease import BeatLease
from schedules.models.span import ScheduleSpan, begin_span, end_span
from schedules.models.stoppage import Stoppage, WatchRound, Why

__all__ = [
    "LOST",
    "BeatLease",
    "Chain",
    "FeatureFlag",
    "Job",
    "JobState",
    "On",
    "ScheduleSpan",
    "Stoppage",
    "WatchRound",
    "Why",
    "begin_span",
    "end_span",
    "jobs_named",
]
