"""Tables: jobs, chains, schedule spans, backfills, pause sets, flags, stoppages, watch rounds, beats, beat lease."""

from schedules.models.backfill import Backfill, BackfillMode, BackfillState
from schedules.models.beat_process import BeatProcess, beat_problems, living_beats
from schedules.models.chain import Chain, On
from schedules.models.flag import MAX_FLAG_DESCRIPTION_LENGTH, FeatureFlag
from schedules.models.job import (
    HAS_PRESENT_SPEC,
    LOST_JOBS,
    MAX_JOB_DESCRIPTION_LENGTH,
    MAX_JOB_KEY_LENGTH,
    MAX_JOB_NAME_LENGTH,
    MAX_PAUSE_REASON_LENGTH,
    Job,
    JobState,
    jobs_named,
)
from schedules.models.lease import BeatLease
from schedules.models.pause_set import PauseSet, PauseSetState
from schedules.models.span import ScheduleSpan, begin_spans, end_span
from schedules.models.stoppage import Stoppage, WatchRound, Why
from schedules.models.zone_data import ZoneData, ZoneDataInForce

__all__ = [
    "HAS_PRESENT_SPEC",
    "LOST_JOBS",
    "MAX_FLAG_DESCRIPTION_LENGTH",
    "MAX_JOB_DESCRIPTION_LENGTH",
    "MAX_JOB_KEY_LENGTH",
    "MAX_JOB_NAME_LENGTH",
    "MAX_PAUSE_REASON_LENGTH",
    "Backfill",
    "BackfillMode",
    "BackfillState",
    "BeatLease",
    "BeatProcess",
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
    "ZoneData",
    "ZoneDataInForce",
    "beat_problems",
    "begin_spans",
    "end_span",
    "jobs_named",
    "living_beats",
]
