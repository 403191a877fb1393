"""Run policies: overlap, concurrency and rate limits, retries. `schedules` imports only the names below."""

from executions.policies.limits import ConcurrencyLimit, LimitAction, Priority, RateLimit
from executions.policies.overlap import Decision, LiveRuns, Overlap, OverlapPass, Stop, decide
from executions.policies.retry import Backoff, RetryPolicy
from executions.policies.run_policies import Delivery, RunPolicies, read_as

__all__ = [
    "Backoff",
    "ConcurrencyLimit",
    "Decision",
    "Delivery",
    "LimitAction",
    "LiveRuns",
    "Overlap",
    "OverlapPass",
    "Priority",
    "RateLimit",
    "RetryPolicy",
    "RunPolicies",
    "Stop",
    "decide",
    "read_as",
]
