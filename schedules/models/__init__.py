"""The tables: jobs, chains, schedule spans, backfills, pause sets, feature flags, stoppages, the beat's lease."""

from schedules.models.backfill import Backfill, BackfillMode, BackfillState
from schedules.models.chain import Chain, On
from schedules.models.flag import FeatureFlag
from schedules.models.job import LOST_JOBS, Job, JobState, jobs_named
from schedules.models.lease import BeatLease
from schedules.models.pause_set import PauseSet, PauseSetState
from schedules.models.span import ScheduleSpan, begin_spans, end_span
from schedules.models.stoppage import Stoppage, WatchRound, Why

__all__ = [
    "LOST_JOBS",
    "Backfill",
    "BackfillMode",
    "BackfillState",
    "BeatLease",
    "Chain",
    "FeatureFlag",
    "Job",
    "JobState",
    "On",
    "PauseSet",
    "PauseSetState",
    "ScheduleSpan",
    "Stoppage",
    "WatchRound",
    "Why",
    "begin_spans",
    "end_span",
    "jobs_named",
]
