"""Run policies: overlap, concurrency and rate limits, retries. Other packages import their names from here."""

from executions.policies.limits import Beyond, Priority
from executions.policies.overlap import Decision, GoingOn, Overlap, Stop, Together, decide
from executions.policies.retry import Backoff
from executions.policies.run_policies import Delivery, RunPolicies, read_as

__all__ = [
    "Backoff",
    "Beyond",
    "Decision",
    "Delivery",
    "GoingOn",
    "Overlap",
    "Priority",
    "RunPolicies",
    "Stop",
    "Together",
    "decide",
    "read_as",
]
