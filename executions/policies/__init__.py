"""Run policies: overlap, concurrency and rate limits, retries. Other packages import their names from here."""

from executions.policies.limits import LimitAction, Priority
from executions.policies.overlap import Decision, LiveRuns, Overlap, OverlapPass, Stop, decide
from executions.policies.retry import Backoff
from executions.policies.run_policies import Delivery, RunPolicies, read_as

__all__ = [
    "Backoff",
    "Decision",
    "Delivery",
    "LimitAction",
    "LiveRuns",
    "Overlap",
    "OverlapPass",
    "Priority",
    "RunPolicies",
    "Stop",
    "decide",
    "read_as",
]
