"""The tables of this app: runs and their definitions, attempts, events and log lines; follow-ups and rate limits."""

from executions.models.attempt import Attempt, LogLine
from executions.models.event import RunEvent
from executions.models.followup import Followup, RateState, Watch
from executions.models.newest import BY_INSTANT, INDEXED_ORIGINS, newest_first, nominal_within
from executions.models.pruned import PrunedRun
from executions.models.run import Run
from executions.models.spec import DEFINITIONS, RunSpec

__all__ = [
    "BY_INSTANT",
    "DEFINITIONS",
    "INDEXED_ORIGINS",
    "Attempt",
    "Followup",
    "LogLine",
    "PrunedRun",
    "RateState",
    "Run",
    "RunEvent",
    "RunSpec",
    "Watch",
    "newest_first",
    "nominal_within",
]
