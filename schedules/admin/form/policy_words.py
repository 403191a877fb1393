"""Words for a job's policies: the choices in the job form, and the list on the job's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.admin.lists import counted
from executions.admin import timeout_words
from executions.policies import LimitAction, Overlap, Priority
from schedules import flags
from schedules.clock.policies.catch_up import CatchUp
from schedules.policies import JobPolicies
from values import instants
from values.readable import value_or_none

if TYPE_CHECKING:
    from schedules.models import Job

OVERLAP_LABELS = {
    Overlap.SKIP: "Skip the new run",
    Overlap.BUFFER_ONE: "Hold one new run, skip further new runs",
    Overlap.BUFFER_ALL: "Hold the new run until all earlier runs have ended",
    Overlap.CANCEL_OTHER: "Cancel all earlier runs, wait for their end, then start the new run",
    Overlap.TERMINATE_OTHER: "Terminate all earlier runs, start the new run immediately",
    Overlap.ALLOW: "Start the new run alongside the earlier runs",
}
PRIORITIES = {priority: priority.capitalize() for priority in Priority}
LIMIT_ACTIONS = {LimitAction.WAIT: "Hold until the limit allows a start", LimitAction.SKIP: "Skip"}
CATCH_UP = {CatchUp.FIRST: "the first occurrence", CatchUp.LAST: "the last occurrence", CatchUp.ALL: "all occurrences"}
OTHER_RUNS = {LimitAction.WAIT: "other runs are held", LimitAction.SKIP: "other runs are skipped"}


def in_words(job: Job) -> list[tuple[str, str]]:
    """Return label and text of each policy that differs from its default. One query if the job names a feature flag."""
    policies = value_or_none(job.readable_policies)
    if policies is None:
        return []
    defaults = dict(_describe(job, JobPolicies()))
    return [(label, text) for label, text in _describe(job, policies) if text != defaults[label]]


def _describe(job: Job, policies: JobPolicies) -> list[tuple[str, str]]:
    timeout = instants.duration(policies.timeout) if policies.timeout else timeout_words(job.spec.target_kind)
    deadline, n_failures = policies.start_deadline, policies.pause_after_failures
    return [
        ("Overlap policy", OVERLAP_LABELS[policies.overlap]),
        ("Catch-up after an outage", _catch_up(policies)),
        ("Jitter", f"up to {instants.duration(policies.jitter)}" if policies.jitter else "none"),
        ("Retries", _retries(policies)),
        ("Timeout of one attempt", timeout),
        ("If the worker is lost", "run again" if policies.delivery == "at_least_once" else "let the run fail"),
        ("Pause", f"after {counted(n_failures, 'consecutive failure')}" if n_failures else "by hand only"),
        ("Priority", policies.priority),
        ("Concurrency limit", _concurrency(policies)),
        ("Rate limit", _rate(policies)),
        ("Start deadline", f"{instants.duration(deadline)} after the planned start" if deadline else "none"),
        ("Feature flag", _flag(policies.feature_flag)),
    ]


def _catch_up(policies: JobPolicies) -> str:
    policy = policies.catch_up
    if policy.mode is CatchUp.SKIP:
        return "run none"
    text = f"run {CATCH_UP[policy.mode]} missed within the last {instants.duration(policy.max_age)}"
    if policy.mode is not CatchUp.ALL:
        return text
    pace = instants.duration(policy.between_starts)
    text += f"; at most the latest {policy.max_runs:,}, with at least {pace} between starts"
    return f"{text}; the overlap policy skips all but the first" if policies.overlap is Overlap.SKIP else text


def _retries(policies: JobPolicies) -> str:
    policy = policies.retry
    if not policy.max_retries:
        return "none"
    delay, cap = instants.duration(policy.delay), instants.duration(policy.max_delay)
    randomized = ", randomized" if policy.jitter else ""
    return f"{policy.max_retries}, {policy.backoff} backoff, first delay {delay}, maximum delay {cap}{randomized}"


def _concurrency(policies: JobPolicies) -> str:
    limit = policies.concurrency
    if limit is None:
        return "none"
    return f"at most {counted(limit.limit, 'active run')}{_of(limit.key)}; {OTHER_RUNS[limit.beyond]}"


def _rate(policies: JobPolicies) -> str:
    rate = policies.rate_limit
    if rate is None:
        return "none"
    burst = f", with bursts of up to {rate.burst}" if rate.burst > 1 else ""
    starts = counted(rate.limit, "start")
    return f"at most {starts} per {instants.duration(rate.per)}{_of(rate.key)}{burst}; {OTHER_RUNS[rate.beyond]}"


def _of(key: str | None) -> str:
    return f" across all jobs with the key “{key}”" if key else ""


def _flag(name: str | None) -> str:
    if name is None:
        return "none"
    return f"{name} (off): starts only by hand or by backfill" if flags.find_off([name]) else f"{name} (on)"
